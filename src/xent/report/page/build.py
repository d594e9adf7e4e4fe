"""The model of a page from an Evaluation: whatever it knows, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from xent.evaluation.result import Evaluation
from xent.report.page.fingerprint import fingerprint_of
from xent.report.page.gains import gains_note_of, gains_of, temperature_of
from xent.report.page.model import (
    Cell,
    Column,
    LeftOut,
    Page,
    Score,
    Table,
)
from xent.report.page.parts import (
    notes_of,
    range_of,
    reliability_of,
    slices_of,
    surprise_of,
    waterfalls_of,
)
from xent.units import nats_per

__all__ = ["page_of"]


def page_of(
    evaluation: Evaluation, *, options: Mapping[str, Any] | None = None, date: str = ""
) -> Page:
    """Return what a page shows of an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
    options : mapping, optional
        The options that the caller gave, for the fingerprint.
    date : str, optional
        Shown as it is. There is none by default: the same numbers are the same page.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> page_of(evaluate(([1, 0, 1], [0.9, 0.2, 0.6]))).score.nats.__round__(4)
    0.2798
    """
    s = evaluation.summary
    numbers = evaluation.to_dict()
    return Page(
        # a path is told in the fingerprint
        name=evaluation.name.rstrip("/").rpartition("/")[2] or evaluation.name,
        kind=s.kind or "classes",
        unit=evaluation.unit,
        num_rows=s.num_rows,
        score=_score(evaluation),
        note=evaluation.note,
        notes=notes_of(evaluation),
        waterfalls=waterfalls_of(evaluation),
        reliability=reliability_of(evaluation),
        surprise=surprise_of(evaluation),
        classes=_classes(evaluation),
        slices=slices_of(evaluation),
        worst=_worst(evaluation),
        left_out=_left_out(evaluation),
        clip=s.clip,
        num_impossible=s.num_impossible,
        temperature=temperature_of(evaluation),
        gains=gains_of(evaluation),
        gains_note=gains_note_of(evaluation),
        fingerprint=fingerprint_of(evaluation, options, date),
        numbers=numbers,
        date=date,
    )


def _score(e: Evaluation) -> Score:
    s, per = e.summary, nats_per(e.unit)
    found = e.interval
    classes = s.kind != "log_probs"
    return Score(
        log_loss=e.log_loss,
        nats=s.log_loss,
        interval=range_of(found),
        interval_nats=range_of(found, per),
        finite=e.finite_log_loss if s.num_impossible else None,
        uniform=e.uniform_log_loss if classes else None,
        frequency=e.frequency_log_loss if classes else None,
        uniform_skill=e.uniform_skill if classes else None,
        skill=e.skill if classes else None,
        accuracy=e.accuracy if classes else None,
        exact_match=e.exact_match if s.kind == "labels" else None,
        brier=e.brier if classes else None,
        row_log_loss=e.row_log_loss if s.kind == "labels" else None,
        bits_per_byte=e.bits_per_byte if s.sum_size else None,
    )


def _classes(e: Evaluation) -> Table | None:
    """Return the table per class: in its own order, or the costliest first where it is long."""
    found = e.classes
    if not found:
        return None
    labels = e.summary.kind == "labels"
    by_class = {d.name: d for d in e.by_class_decomposition}
    columns = [
        Column("label" if labels else "class", "text"),
        Column("count", "count"),
        Column("share", "share"),
        Column("mean_probability"),
        Column("class_log_loss"),
        Column("share_of_loss", "bar"),
        Column("right" if labels else "found", "share"),
    ]
    if by_class:
        columns += [Column("class_resolution"), Column("class_miscalibration")]
    if len(found) > 50:
        found = sorted(found, key=lambda c: -c.share_of_loss)
    rows: list[tuple[Cell, ...]] = []
    for c in found:
        row: list[Cell] = [c.name, c.count, c.share, c.mean_probability, c.log_loss]
        row += [c.share_of_loss, c.accuracy]
        if by_class:
            d = by_class.get(c.name)
            row += [d.resolution.value, d.miscalibration.value] if d else [None, None]
        rows.append(tuple(row))
    title = "labels_table" if labels else "classes_table"
    return Table(tuple(columns), tuple(rows), title=title, total=len(rows))


def _worst(e: Evaluation) -> Table | None:
    worst = e.worst[:20]
    if not worst:
        return None
    per = nats_per(e.unit)
    numbered = all(isinstance(w["row"], int) for w in worst)
    columns = [
        Column("row", "row" if numbered else "text"),
        Column("row_log_loss_short"),
        Column("truth_probability"),
    ]
    classes = "target" in worst[0]
    if classes:
        columns += [Column("target", "text"), Column("predicted", "text")]
    rows: list[tuple[Cell, ...]] = []
    for w in worst:
        row: list[Cell] = [w["row"], w["log_loss"], math.exp(-w["log_loss"] * per)]
        row += [w["target"], w["predicted"]] if classes else []
        rows.append(tuple(row))
    return Table(tuple(columns), tuple(rows), title="worst_table", total=len(rows))


def _left_out(e: Evaluation) -> tuple[LeftOut, ...]:
    s = e.summary
    found = (
        LeftOut("impossible", s.num_impossible, _known(s.impossible_rows)),
        LeftOut("clipped", s.num_clipped),
        LeftOut("ignored", s.num_ignored),
        LeftOut("missing", s.num_missing, _known(s.missing_rows)),
    )
    return tuple(item for item in found if item.count)


def _known(rows: Iterable[int | str | None]) -> tuple[int | str, ...]:
    return tuple(row for row in rows if row is not None)
