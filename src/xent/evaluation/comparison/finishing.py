"""The last step: from the sums of a run to its Comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.assemble import Settings, pair_of, scaled
from xent.evaluation.comparison.groups import MAX_CLUSTERS, ClusterSums, cluster_moments
from xent.evaluation.comparison.models import Model
from xent.evaluation.comparison.pairs import Beside
from xent.evaluation.comparison.result import Comparison, ModelRow, Pair
from xent.evaluation.comparison.rows import Rows
from xent.evaluation.comparison.several import holm
from xent.evaluation.comparison.sums import GroupedSums, moments
from xent.evaluation.exact import ONE, ratio
from xent.evaluation.groups.sums import MomentTally
from xent.evaluation.intervals.means import FEW_CLUSTERS, hall_interval
from xent.evaluation.numbers import counted, percent
from xent.evaluation.result import CLIP_SHARE
from xent.evaluation.summary.summary import Summary
from xent.units import nats_per, perplexity_of

if TYPE_CHECKING:
    from xent.evaluation.comparison.running import Asked, _Run

__all__ = ["ModelState", "finish"]

Array = npt.NDArray[Any]
# neighbouring rows that are more alike than this, and more than chance, are told
ALIKE = 0.05


class ModelState:
    """Sums of one model over the rows that are compared."""

    def __init__(self, clustered: bool) -> None:
        self.impossible = 0
        self._moments = MomentTally()
        self._sums = GroupedSums(("loss", "weight", "possible", "size", "right"))
        self._clusters = ClusterSums(("x", "w")) if clustered else None
        self._has_truth = True

    def add(self, rows: Rows, beside: Beside) -> None:
        """Add rows that are scored."""
        nll, w = rows.nll, beside.weight
        weight = np.ones(len(nll)) if w is None else w
        self._sums.add(1, None, weight=weight)
        if beside.size is not None:
            self._sums.add(1, None, size=weight * beside.size)
        right = right_decisions(rows)
        if right is None:
            self._has_truth = False
        else:
            self._sums.add(1, None, right=weight * right)
        finite = np.isfinite(nll)
        self.impossible += int((~finite).sum())
        nll, weight = nll[finite], weight[finite]
        self._sums.add(1, None, loss=weight * nll, possible=weight)
        self._moments.add(None, nll, None if w is None else weight)
        if self._clusters is not None and beside.clusters is not None and len(nll):
            texts, codes = beside.clusters
            self._clusters.add(texts, codes[finite], x=weight * nll, w=weight)

    def row(self, model: Model, settings: Settings) -> ModelRow:
        """Return the numbers of the model."""
        t = {name: sums[0] for name, sums in self._sums.totals().items()}
        k, unit = settings.decisions, nats_per(settings.unit)
        nats = ratio(t["loss"], t["possible"] * k)
        if self._clusters is not None:
            c = self._clusters.totals()
            m = cluster_moments(c["x"], c["w"])
        else:
            (m,) = moments(self._moments)
        # as `evaluate` has it: a loss is skewed to one side, and never below 0
        interval = hall_interval(m.n, m.mean, m.second, m.third, settings.level, least=0.0)
        loss = math.inf if self.impossible else nats
        per_byte = math.nan
        if t["size"]:
            per_byte = ratio(t["loss"], t["size"]) / math.log(2)
            per_byte = math.inf if self.impossible else per_byte
        return ModelRow(
            name=model.name,
            note=model.plan.note,
            log_loss=loss / unit,
            finite_log_loss=nats / unit,
            interval=scaled(interval, settings.factor),
            perplexity=perplexity_of(loss),
            perplexity_interval=scaled(interval, 1 / k).exp(),
            accuracy=ratio(t["right"], t["weight"] * k) if self._has_truth else math.nan,
            num_impossible=self.impossible,
            bits_per_byte=per_byte,
        )

    @property
    def weight(self) -> float:
        """Of all rows."""
        return self._sums.totals()["weight"][0] / ONE


def right_decisions(rows: Rows) -> Array | None:
    """How many decisions of each row were right; None without a truth."""
    if rows.truth is None or rows.predicted is None:
        return None
    same: Array = rows.truth == rows.predicted
    return same.sum(axis=1) if same.ndim == 2 else same


def finish(
    run: _Run,
    asked: Asked,
    models: Sequence[Model],
    slices: Sequence[str],
    unmatched: tuple[int, ...],
) -> Comparison:
    """Return the comparison of everything that a run has added up."""
    plan = models[0].plan
    settings = Settings(
        unit=asked.unit,
        level=asked.level,
        method=asked.method,
        decisions=len(plan.classes) if plan.kind == "labels" else 1,
        classes=plan.classes,
        slices=tuple(slices),
    )
    rows = tuple(s.row(m, settings) for s, m in zip(run.model_states, models, strict=True))
    pairs = {
        (i, j): pair_of(models[i].name, models[j].name, state, settings)
        for (i, j), state in run.states.items()
    }
    firsts = _adjusted([p for (i, _), p in pairs.items() if i == 0])
    all_of_them = _adjusted(list(pairs.values()))
    others = [p for (i, _), p in zip(pairs, all_of_them, strict=True) if i > 0]
    summaries = [m.scorer.summary() for m in models]
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
        num_ignored=run.ignored,
        num_missing=run.missing,
        num_weightless=run.weightless,
        unmatched=unmatched,
        summaries=tuple(summaries) if _are_alike(run, models) else (),
        notes=tuple(_notes(firsts, asked, models, summaries, run)),
    )


def _are_alike(run: _Run, models: Sequence[Model]) -> bool:
    """Whether the models' own summaries are of the same rows and weights."""
    return not run.missing and len({m.plan.weight for m in models}) == 1


def _adjusted(pairs: Sequence[Pair]) -> list[Pair]:
    adjusted = holm([p.p_value for p in pairs])
    return [replace(p, adjusted_p_value=a) for p, a in zip(pairs, adjusted, strict=True)]


def _notes(
    pairs: Sequence[Pair],
    asked: Asked,
    models: Sequence[Model],
    summaries: Sequence[Summary],
    run: _Run,
) -> list[str]:
    notes = []
    if models[0].plan.kind == "log_probs" and asked.key is None and not run.checked:
        notes.append(
            "that a row is the same token in all sources is taken on trust: target names a column "
            "to check, key one to pair rows by"
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
    if run.states and next(iter(run.states.values())).clusters is not None:
        sums = next(iter(run.states.values())).clusters
        if sums is not None and sums.folded:
            notes.append(f"more than {MAX_CLUSTERS:,} clusters, put together into so many by hash")
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
