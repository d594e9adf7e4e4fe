"""The parts of a page that an Evaluation has where they were asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent.evaluation.calibration.of_summary import cells_of, surprise_cells_of
from xent.evaluation.calibration.terms import POSSIBLE
from xent.evaluation.groups.slice_table import SliceRow, tied
from xent.evaluation.intervals.means import FEW_CLUSTERS
from xent.evaluation.numbers import largest
from xent.evaluation.result import Evaluation
from xent.evaluation.worst_rows import WORST
from xent.report.page.model import (
    Cell,
    Column,
    Note,
    Range,
    Reliability,
    ReliabilityBin,
    Surprise,
    Table,
    Term,
    Waterfall,
)
from xent.units import nats_per

__all__ = [
    "finite",
    "notes_of",
    "range_of",
    "reliability_of",
    "slices_of",
    "surprise_of",
    "waterfalls_of",
]

MOST_CLASSES = 12  # diagrams: of those that carry most of the loss
BARS = 40  # of a histogram of forecasts
BAR = 4  # cells of losses in a bar
FEWEST_BARS, MOST_BARS = 12, 48
LITTLE = 0.0005  # of the loss


def notes_of(e: Evaluation) -> tuple[Note, ...]:
    """Return warnings, then hints: each said once."""
    found = []
    hints = tuple(e.hints)
    told = {str(hint) for hint in hints}
    for text in e.warnings:
        if text in told:
            continue
        code, _, rest = text.partition(": ")
        said, _, fix = rest.partition("; ")
        found.append(
            Note("warning", code, _sentence(said), _sentence(fix))
            if rest
            else Note("warning", "", text)
        )
    for hint in hints:
        severity = "warning" if hint.severity == "warning" else "hint"
        found.append(Note(severity, hint.code, _sentence(hint.found), _sentence(hint.fix)))
    return tuple(sorted(found, key=lambda note: note.severity != "warning"))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def range_of(found: Any, times: float = 1.0) -> Range | None:
    """Return an interval that has ends."""
    if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None
    return Range(found.low * times, found.high * times, found.level, found.method, found.note)


def waterfalls_of(e: Evaluation) -> tuple[Waterfall, ...]:
    """Return the decompositions; where rows are impossible, of the others."""
    shown = []
    # of all classes first, by any method; the predicted class by itself is another question
    found = sorted((*e.decomposition, *e.row_decomposition), key=lambda d: d.name == "top label")
    for d in found:
        u, r, m = d.uncertainty.value, d.resolution.value, d.miscalibration.value
        possible = math.isfinite(d.log_loss) and math.isfinite(d.remainder)
        if not math.isfinite(u - r + m):
            continue
        shown.append(
            Waterfall(
                name=d.name,
                kind=d.kind,
                score=d.log_loss if possible else u - r + m,
                uncertainty=_term(d.uncertainty),
                resolution=_term(d.resolution),
                miscalibration=_term(d.miscalibration),
                # what rounding leaves is no part
                remainder=d.remainder if possible and d.shows_remainder else 0.0,
                note=d.note,
                possible_only=not possible or d.name == POSSIBLE,
                is_least=d.is_least,
            )
        )
    return tuple(shown)


def _term(found: Any) -> Term:
    values = {name: finite(getattr(found, name)) for name in vars(found)}
    return Term(**{**values, "value": found.value})


def finite(value: float | None) -> float | None:
    """Return a finite number, or None."""
    return value if value is not None and math.isfinite(value) else None


def reliability_of(e: Evaluation) -> tuple[Reliability, ...]:
    """Return the diagram of the predicted class, then of the classes that cost most."""
    cells = cells_of(e.summary)
    if cells is None or not e.num_rows:
        return ()
    groups, names = cells.groups, e.summary.classes
    several = e.summary.kind == "labels" or len(names) > 2
    if not several:
        one = _diagram(e.reliability(0), f"class {names[-1]}" if names else groups[0])
        return (one,) if one.bins else ()
    found = []
    if len(groups) != len(names):
        found.append(_diagram(e.reliability(len(groups) - 1), groups[-1]))
    if len(groups) >= len(names):
        shares = [c.share_of_loss for c in e.classes]
        for j in largest(range(len(names)), shares.__getitem__, MOST_CLASSES):
            found.append(_diagram(e.reliability(j), names[j]))
    return tuple(d for d in found if d.bins)  # weights below 2**-64 are in no cell


def _diagram(r: Any, name: str) -> Reliability:
    bins = tuple(
        ReliabilityBin(
            b.forecast,
            b.frequency,
            b.count,
            finite(b.low),
            finite(b.high),
            finite(b.null_low),
            finite(b.null_high),
        )
        for b in r.bins
    )
    edges: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    curve = r.curve
    if len(curve.forecast):
        found = Reliability(name, bins)
        heights, places = np.histogram(
            curve.forecast, bins=BARS, range=(0.0, found.extent), weights=curve.weight
        )
        edges, counts = tuple(places.tolist()), tuple(heights.tolist())
    return Reliability(name, bins, edges, counts)


def surprise_of(e: Evaluation) -> Surprise | None:
    """Return the histogram of the losses: bars of half a factor of 2, the smallest together."""
    s, per = e.summary, nats_per(e.unit)
    cells = surprise_cells_of(s)
    if cells is None:
        return None
    counts, edges = np.asarray(cells.counts, float), np.asarray(cells.edges(), float)
    held = np.flatnonzero(counts)
    if not len(held):
        return None
    middle = np.sqrt(edges[:-1] * edges[1:])
    carried = np.cumsum(counts * middle)
    # rows that carry next to nothing are one bar: a sure model has them over many decades
    some = int(np.searchsorted(carried, LITTLE * carried[-1]))
    last = -(-(int(held[-1]) + 1) // BAR) * BAR
    first = max(min(some, last - FEWEST_BARS * BAR), int(held[0]), last - MOST_BARS * BAR)
    first = max(first // BAR * BAR, 0)
    rows = np.add.reduceat(counts[first:last], np.arange(0, last - first, BAR))
    loss = np.add.reduceat((counts * middle)[first:last], np.arange(0, last - first, BAR))
    rows[0] += counts[:first].sum()
    loss[0] += (counts * middle)[:first].sum()
    all_loss = float(loss.sum())
    share = e.worst_share
    # rows from the top down until the worst ones are together
    beyond = np.cumsum(counts[::-1])[::-1]
    start = int(np.flatnonzero(beyond >= WORST * counts.sum())[-1])
    return Surprise(
        edges=tuple((edges[first : last + 1 : BAR] / per).tolist()),
        rows=tuple((rows / rows.sum()).tolist()),
        loss=tuple((loss / all_loss).tolist()) if all_loss else tuple(0.0 for _ in loss),
        worst_share=None if share is None else share.fraction,
        worst_low=None if share is None else share.low,
        worst_high=None if share is None else share.high,
        worst_from=float(edges[start]) / per,
        below=bool(counts[:first].any()),
        num_impossible=s.num_impossible,
    )


def slices_of(e: Evaluation) -> tuple[Table, ...]:
    """Return the table by slice, the costliest first where it is long."""
    found = e.slices
    if not found:
        return ()
    if len(found) > 50:
        found = sorted(found, key=lambda r: -r.share_of_loss)
    classes = e.summary.kind != "log_probs"
    remarks = [_remark(r) for r in found]
    few = any(remarks)
    columns = [
        Column("slice_value", "text"),
        Column("count", "count"),
        Column("share", "share"),
        Column("class_log_loss"),
        Column("range", "range"),
        Column("share_of_loss", "bar"),
    ]
    columns += [Column("slice_skill", "share")] if classes else []
    columns += [Column("remark", "key")] if few else []
    rows: list[tuple[Cell, ...]] = []
    for r, remark in zip(found, remarks, strict=True):
        row: list[Cell] = [r.value, r.count, r.share, r.log_loss, range_of(r.interval)]
        row.append(r.share_of_loss)
        row += [r.skill] if classes else []
        row += [remark] if few else []
        rows.append(tuple(row))
    name = ", ".join(e.summary.slices.columns) if e.summary.slices is not None else ""
    values = {}
    if classes and math.isfinite(e.slice_information):
        values = {"information": e.slice_information, "chance": e.slice_information_by_chance}
    if tied(e.summary):
        columns = [c for c in columns if c.key != "range"]
        rows = [row[:4] + row[5:] for row in rows]
        values["tied"] = 1.0
    elif any(r.num_clusters is not None for r in found):
        values["clustered"] = 1.0
    return (Table(tuple(columns), tuple(rows), name=name, total=len(rows), values=values),)


def _remark(r: SliceRow) -> str:
    if r.few:
        return "few_rows"
    few = r.num_clusters is not None and r.num_clusters < FEW_CLUSTERS
    return "few_clusters" if few else ""
