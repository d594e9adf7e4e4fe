"""The last step: from the sums of a run to its Comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xent.evaluation.comparison.asked import Asked
from xent.evaluation.comparison.assemble import Settings, pair_of
from xent.evaluation.comparison.model_sums import ModelState
from xent.evaluation.comparison.models import Model
from xent.evaluation.comparison.pairs import PairState
from xent.evaluation.comparison.result import Comparison, Pair
from xent.evaluation.comparison.several import holm
from xent.evaluation.faults import check_weight
from xent.evaluation.groups.clusters import Clusters
from xent.evaluation.groups.slices import Value
from xent.evaluation.intervals.means import FEW_CLUSTERS
from xent.evaluation.numbers import counted, percent
from xent.evaluation.result import CLIP_SHARE
from xent.evaluation.summary.summary import Summary

__all__ = ["Added", "finish"]

# neighbouring rows that are more alike than this, and more than chance, are told
ALIKE = 0.05


@dataclass(frozen=True)
class Added:
    """What a run has added up, and how many rows it left out."""

    models: Sequence[ModelState]
    pairs: dict[tuple[int, int], PairState]  # by the places of the models
    slices: Sequence[Value]  # in the order in which they turned up
    ignored: int
    missing: int
    weightless: int
    unmatched: tuple[int, ...]
    checked: bool  # whether the truth of the rows was there to be compared
    notes: tuple[str, ...] = ()  # on the rows as they came in


def finish(added: Added, asked: Asked, models: Sequence[Model]) -> Comparison:
    """Return the comparison of everything that a run has added up."""
    plan = models[0].plan
    summaries = [m.scorer.summary() for m in models]
    check_weight(asked.weight, summaries[0].sum_weight)
    settings = Settings(
        unit=asked.unit,
        level=asked.level,
        method=asked.method,
        decisions=len(plan.classes) if plan.kind == "labels" else 1,
        classes=plan.classes,
        slices=tuple(added.slices),
    )
    rows = tuple(s.row(m, settings) for s, m in zip(added.models, models, strict=True))
    pairs = {
        (i, j): pair_of(models[i].name, models[j].name, state, settings)
        for (i, j), state in added.pairs.items()
    }
    firsts = _adjusted([p for (i, _), p in pairs.items() if i == 0])
    all_of_them = _adjusted(list(pairs.values()))
    others = [p for (i, _), p in zip(pairs, all_of_them, strict=True) if i > 0]
    return Comparison(
        models=rows,
        pairs=tuple(firsts),
        others=tuple(others),
        unit=asked.unit,
        level=asked.level,
        kind=plan.kind,
        by=asked.by,
        key=asked.key,
        weighted=asked.weight is not None,
        num_ignored=added.ignored,
        num_missing=added.missing,
        num_weightless=added.weightless,
        unmatched=added.unmatched,
        summaries=tuple(summaries) if _are_alike(added, models) else (),
        notes=tuple(_notes(firsts, asked, models, summaries, added)),
    )


def _are_alike(added: Added, models: Sequence[Model]) -> bool:
    """Whether the models' own summaries are of the same rows and weights."""
    return not added.missing and len({m.plan.weight for m in models}) == 1


def _adjusted(pairs: Sequence[Pair]) -> list[Pair]:
    adjusted = holm([p.p_value for p in pairs])
    return [replace(p, adjusted_p_value=a) for p, a in zip(pairs, adjusted, strict=True)]


def _notes(
    pairs: Sequence[Pair],
    asked: Asked,
    models: Sequence[Model],
    summaries: Sequence[Summary],
    added: Added,
) -> list[str]:
    notes = list(added.notes)
    if models[0].plan.kind == "log_probs" and asked.key is None and not added.checked:
        notes.append(
            "that a row is the same token in all sources is taken on trust: target names a column "
            "to check, key one to pair rows by"
        )
    for p in pairs:
        if p.num_common > 1 and math.isnan(p.p_value) and p.interval.low == p.interval.high:
            notes.append(
                f"{p.a} and {p.b} differ by the same in all of {counted(p.num_common)}, which does "
                "not tell how much they would in others"
            )
    for p in pairs:
        unlikely = p.num_common > 30 and p.autocorrelation > 3 / math.sqrt(p.num_common)
        if unlikely and p.autocorrelation > ALIKE and p.num_clusters is None:
            notes.append(
                f"differences of neighbouring rows are alike (correlation "
                f"{p.autocorrelation:.2f}, {p.a} and {p.b}): the interval is too short unless "
                "cluster names what belongs together, such as the document"
            )
            break
    if added.pairs:
        sums = next(iter(added.pairs.values())).clusters
        if sums is not None and (note := Clusters("", sums).note):
            notes.append(note)
    for of_table, groups in (("slice_clusters", "slices"), ("class_clusters", "classes")):
        tables = (getattr(state, of_table) for state in added.pairs.values())
        found = (table.note(groups) for table in tables if table is not None)
        notes += list(dict.fromkeys(note for note in found if note))
    few = [count for p in pairs if (count := p.num_clusters) is not None and count < FEW_CLUSTERS]
    if few:
        notes.append(
            f"only {counted(min(few), 'cluster')}: an interval from so few is wide and uncertain"
        )
    for name, summary in zip((m.name for m in models), summaries, strict=True):
        if summary.clip_share > CLIP_SHARE:
            notes.append(
                f"{percent(summary.clip_share)} of the loss of {name} comes from "
                f"{counted(summary.num_clipped)} whose probability was raised to "
                f"{summary.clip:g}: the difference says more about the clip than about the model"
            )
    if asked.weight is not None:
        notes.append("weighted: wins, percentiles and tests of accuracy count rows, not weights")
    return notes
