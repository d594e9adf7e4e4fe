"""The plain-text table of an Evaluation. A displayed 0 or 100 % is exact."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xent.evaluation.calibration.lines import calibration_lines
from xent.evaluation.groups.slice_clusters import MOST_SLICES as MOST_CLUSTERED
from xent.evaluation.groups.slice_table import FEW_ROWS, SliceRow, tied
from xent.evaluation.intervals.means import FEW_CLUSTERS, Interval
from xent.evaluation.numbers import UNITS, counted, largest, level_text, number, percent, table
from xent.evaluation.summary.rows import Row
from xent.evaluation.summary.summary import Summary

if TYPE_CHECKING:
    from xent.evaluation.result import Evaluation
    from xent.evaluation.worst_rows import WorstShare

__all__ = ["interval_text", "render"]

MAX_CLASSES = 30
MAX_WORST = 5
MAX_ROWS = 8
MAX_SLICES = 50
WIDTH = 96


def render(e: Evaluation) -> str:
    """Return the whole table."""
    parts = [_title(e), *_headline(e)]
    if e.summary.kind != "log_probs":
        parts += ["", *_references(e)]
        made_of = calibration_lines(e)
        parts += ["", *made_of] if made_of else []
        parts += ["", *_classes(e)]
    if e.summary.slices is not None:
        parts += ["", *_slices(e)]
    if e.summary.worst:
        parts += ["", *_worst(e)]
    notes = [hint for hint in e.hints if hint.severity != "warning"]
    if notes:
        parts += ["", "  worth a look", *(line for hint in notes for line in _note(str(hint)))]
    return "\n".join(line for line in parts)


def _note(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ")


def _title(e: Evaluation) -> str:
    s = e.summary
    lines = [f"{e.name}: {counted(s.num_rows)} scored"]
    if e.note:
        lines.append(f"  {e.note}")
    if s.num_impossible:
        lines.append(
            f"  {s.num_impossible:,} impossible (the truth had probability 0): "
            + _rows(s.impossible_rows, s.num_impossible)
        )
    if s.num_clipped:
        lines.append(f"  {s.num_clipped:,} clipped at probability {s.clip:g}")
    if s.num_ignored:
        lines.append(f"  {s.num_ignored:,} ignored")
    if s.num_missing:
        lines.append(
            f"  {s.num_missing:,} left out, with missing values: "
            + _rows(s.missing_rows, s.num_missing)
        )
    lines += [f"  warning {w}" for w in e.warnings]
    return "\n".join(lines)


def _rows(rows: Sequence[Row], count: int) -> str:
    if not rows:
        return f"row{'' if count == 1 else 's'} not known, as no id was named"
    shown = ", ".join(map(str, rows[:MAX_ROWS]))
    more = count - len(rows[:MAX_ROWS])
    return f"row{'' if count == 1 else 's'} {shown}" + (f" and {more:,} more" if more else "")


def _headline(e: Evaluation) -> list[str]:
    s, unit = e.summary, UNITS[e.unit]
    bits = f" = {number(s.log_loss / math.log(2))} bits" if e.unit == "nat" else ""
    per = " a label decision" if s.kind == "labels" else ""
    rows = [("log loss", f"{number(e.log_loss)} {unit}{bits}{per}")]
    rows.append((f"  {level_text(e.interval.level)} interval", interval_text(e.interval)))
    if s.num_impossible:
        rows.append(("  without impossible rows", f"{number(e.finite_log_loss)} {unit}"))
    if s.kind == "labels":
        rows.append(("  a row, its labels together", f"{number(e.row_log_loss)} {unit}"))
    if s.sum_size:
        rows.append(("bits per byte", number(e.bits_per_byte)))
    rows.append(("perplexity", number(e.perplexity)))
    truth = f"{number(e.geometric_mean_probability)} (geometric mean)"
    rows.append(("probability of the truth", truth))
    if s.kind != "log_probs":
        rows.append(("accuracy", percent(e.accuracy)))
        if s.kind == "labels":
            rows.append(("  every label of a row right", percent(e.exact_match)))
        rows.append(("Brier score", number(e.brier)))
    return ["", *("  " + line for line in table(rows, left=(0, 1)))]


METHODS = {"hall": "", "cluster": "by cluster", "bootstrap": "bootstrap"}


def interval_text(interval: Interval) -> str:
    """Return the ends of an interval, how it was found where not by default, and its note.

    >>> from xent.evaluation.intervals.means import Interval
    >>> interval_text(Interval(0.25, 0.5, 0.95, "cluster", "only 4 clusters"))
    '0.2500 to 0.5000 (by cluster; only 4 clusters)'
    """
    said = "; ".join(t for t in (METHODS[interval.method], interval.note) if t)
    if not interval:
        return f"none ({said})"
    ends = f"{number(interval.low)} to {number(interval.high)}"
    return f"{ends} ({said})" if said else ends


def _references(e: Evaluation) -> list[str]:
    s = e.summary
    uniform = "ln 2" if s.kind == "labels" else f"ln {s.num_classes}"
    rows = [
        ("compared with always saying", "it loses", "skill"),
        ("  the class frequencies", number(e.frequency_log_loss), percent(e.skill)),
        (
            f"  all equally likely ({uniform})",
            number(e.uniform_log_loss),
            percent(e.uniform_skill),
        ),
    ]
    return ["  " + line for line in table(rows)]


def _classes(e: Evaluation) -> list[str]:
    labels = e.summary.kind == "labels"
    head = ("label" if labels else "class", "true" if labels else "rows", "share", "mean p")
    rows: list[tuple[str, ...]] = [
        (*head, "log loss", "share of loss", "right" if labels else "found")
    ]
    found = e.classes
    shown = largest(found, lambda c: c.share_of_loss, MAX_CLASSES)
    for c in shown:
        rows.append(
            (
                c.name,
                f"{c.count:,}",
                percent(c.share),
                number(c.mean_probability, 3),
                number(c.log_loss),
                percent(c.share_of_loss),
                percent(c.accuracy),
            )
        )
    lines = ["  " + line for line in table(rows)]
    if len(shown) < len(found):
        left = counted(len(found) - len(shown), *(("label",) if labels else ("class", "classes")))
        lines.append(f"  ({left} with less of the loss not shown)")
    return lines


def _slices(e: Evaluation) -> list[str]:
    assert e.summary.slices is not None
    classes = e.summary.kind != "log_probs"
    name = ", ".join(e.summary.slices.columns)
    head = (name, "rows", "share", "log loss", "interval", "share of loss")
    rows: list[tuple[str, ...]] = [(*head, *(("skill",) if classes else ()), "")]
    found = e.slices
    shown = largest(found, lambda r: r.share_of_loss, MAX_SLICES)
    for r in shown:
        rows.append(
            (
                r.value,
                f"{r.count:,}",
                percent(r.share),
                number(r.log_loss),
                f"{number(r.interval.low)} to {number(r.interval.high)}" if r.interval else "-",
                percent(r.share_of_loss),
                *((percent(r.skill),) if classes else ()),
                _remark(r),
            )
        )
    lines = ["  " + line for line in table(rows, left=(0, len(rows[0]) - 1))]
    if len(shown) < len(found):
        left = counted(len(found) - len(shown), "slice")
        lines.append(f"  ({left} with less of the loss not shown)")
    if said := _how(e.summary, found):
        lines.append(f"  ({said})")
    if classes:
        lines.append(
            f"  {name} tells {number(e.slice_information)} {UNITS[e.unit]} about the "
            f"{'labels' if e.summary.kind == 'labels' else 'class'} "
            f"({number(e.slice_information_by_chance, 2)} would be chance)"
        )
    return lines


def _remark(r: SliceRow) -> str:
    said = [f"fewer than {FEW_ROWS} rows"] if r.few else []
    if r.num_clusters is not None and r.num_clusters < FEW_CLUSTERS:
        said.append(f"only {counted(r.num_clusters, 'cluster')}")
    return "; ".join(said)


def _how(summary: Summary, rows: Sequence[SliceRow]) -> str:
    """How intervals of slices were found, where not from rows, or why there are none."""
    kept = summary.slice_clusters
    if tied(summary):
        many = (
            "" if kept is None else f", and more than {MOST_CLUSTERED} slices keep no sums of them"
        )
        return f"rows of a cluster are not independent{many}: no interval of a slice is known"
    if kept is None or all(r.num_clusters is None for r in rows):
        return ""
    folded = [one.num_clusters for one in kept.of.values() if one.folded]
    return "intervals by cluster" + (f", taken together in at most {max(folded)}" if folded else "")


def _worst(e: Evaluation) -> list[str]:
    worst = e.worst[:MAX_WORST]
    classes = e.summary.kind == "classes"
    head = ("row", "log loss", *(("truth", "predicted") if classes else ()))
    rows: list[tuple[str, ...]] = [head]
    for w in worst:
        names = (w["target"], w["predicted"]) if classes else ()
        rows.append(("-" if w["row"] is None else str(w["row"]), number(w["log_loss"]), *names))
    counted = any(isinstance(w["row"], int) for w in worst)
    title = "  most surprising rows" + (" (counted from 0)" if counted else "")
    lines = [title, *("    " + line for line in table(rows, left=(2, 3)))]
    if e.worst_share is not None:
        lines.append(f"  {_share_text(e.worst_share, finite=not e.num_impossible)}")
    return lines


def _share_text(share: WorstShare, *, finite: bool) -> str:
    """Return how much the worst rows carry; of the loss that is finite where not all of it is."""
    low, high = percent(share.low), percent(share.high)
    carry = low if low == high else f"{low} to {high}"
    loss = "the loss" if finite else "the loss of possible rows"
    return f"the worst {100 * share.fraction:g} % of the rows carry {carry} of {loss}"
