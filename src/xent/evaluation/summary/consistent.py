"""What is read as a summary is one: values of their types, and parts that are of the same rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from xent.evaluation.exact import ONE
from xent.evaluation.plain import (
    flag_of,
    number_of,
    refuse,
    text_of,
    texts_of,
    whole_of,
)
from xent.evaluation.summary.cell_tally import Tally
from xent.evaluation.summary.cells import ALL_LABELS, group_names
from xent.evaluation.summary.kept import Surprise
from xent.evaluation.summary.rows import Row
from xent.kernels.cpu.log_loss import KEPT_ROWS, KEPT_WORST

if TYPE_CHECKING:
    from xent.evaluation.summary.summary import Summary

__all__ = ["KINDS", "check_parts", "rows_of", "settings_of", "worst_of"]

KINDS = ("", "classes", "labels", "log_probs")
MOST_LOSS = 2.0**1023
MOST_NAME = (
    1 << 16
)  # letters of a row's name: an id is cut to fewer, with its part's name before it


def settings_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in plain values, each of its type."""
    kind, ignore = state["kind"], state["ignore"]
    if kind not in KINDS:
        raise refuse("kind", kind, f"one of {KINDS}")
    classes = texts_of(state["classes"], "classes")
    if bool(classes) != (kind in ("classes", "labels")):
        raise ValueError(f"{kind or 'no rows'} must not have {len(classes)} classes")
    return {
        "kind": kind,
        "classes": classes,
        "clip": number_of(state["clip"], "clip", 0.0, 1.0),
        "weighted": flag_of(state["weighted"], "weighted"),
        "sized": flag_of(state["sized"], "sized"),
        "ignore": None if ignore is None else text_of(ignore, "ignore"),
    }


def rows_of(values: Any, name: str) -> tuple[Row, ...]:
    """Return the rows of a list that are remembered."""
    if not isinstance(values, list) or len(values) > KEPT_ROWS:
        raise refuse(name, values, f"a list of at most {KEPT_ROWS} rows")
    return tuple(_row(value, name) for value in values)


def _row(value: Any, name: str) -> Row:
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= MOST_NAME:
        return text_of(value, name)
    return whole_of(value, name)


def worst_of(values: Any, num_classes: int) -> tuple[Surprise, ...]:
    """Return the most surprising rows, which are in order."""
    if not isinstance(values, list) or len(values) > KEPT_WORST:
        raise refuse("worst", values, f"a list of at most {KEPT_WORST} rows")
    found = []
    for nll, row, target, predicted in values:
        loss = number_of(float.fromhex(nll), "loss of a row", -1.0, MOST_LOSS)
        of = (whole_of(j, "class of a row", num_classes - 1, least=-1) for j in (target, predicted))
        found.append(Surprise(loss, _row(row, "worst"), *of))
    if any(a.order > b.order for a, b in itertools.pairwise(found)):
        raise ValueError("worst must be in order")
    return tuple(found)


def check_parts(s: Summary) -> None:
    """Raise where the parts of a summary are of other rows than its sums."""
    _check_counts(s)
    possible = s.sum_weight - s.sum_impossible
    # Kish's number of rows is 1 at least; 2**-40 is more than what rounding takes from a square
    if s.sum_weight_squared * ONE > possible * (possible + (possible >> 40)):
        raise ValueError("squares of weights add up to more than the square of their sum")
    each = list(s.by_class)
    if s.kind == "classes":
        _same(s.num_rows, "num_rows", (c.num_true for c in each), "rows of the classes")
        _same(s.sum_weight, "sum_weight", (c.weight for c in each), "weights of the classes")
        _same(s.sum_nll, "sum_nll", (c.nll for c in each), "losses of the classes")
    _same(s.sum_correct, "sum_correct", (c.weight_correct for c in each), "what classes got right")
    for c in each:
        most = s.sum_weight if s.kind == "labels" else c.weight
        if c.weight_correct > most or c.weight > s.sum_weight or c.num_true > s.num_rows:
            raise ValueError("a class has more than there is")
    if s.cells is not None:
        if s.cells.groups != group_names(s.kind, s.classes):
            raise refuse("groups of cells", s.cells.groups, "those of the classes")
        each_group = s.num_rows * (s.num_classes if s.cells.groups == (ALL_LABELS,) else 1)
        _check_tally(s, s.cells.tally, each_group)
        impossible = s.cells.impossible
        if impossible is not None and (
            impossible.is_weighted != s.weighted or not s.cells.tally.holds(impossible)
        ):
            raise ValueError("cells of impossible rows must be a part of all cells")
    if s.surprise is not None:
        _check_tally(s, s.surprise.tally, s.num_rows)
    if s.tempering is not None and s.tempering.sum_weight > s.sum_weight * s.decisions:
        raise ValueError("rows at temperatures weigh more than all rows")
    if s.evidence is not None and sum(s.evidence.confusion) > s.num_rows:
        raise ValueError(f"confusion has more than {s.num_rows} rows")
    if s.slices is not None:
        of = s.slices.of.values()
        _same(s.num_rows, "num_rows", (x.num_rows for x in of), "rows of the slices")
        _same(s.sum_weight, "sum_weight", (x.weight for x in of), "weights of the slices")
        _same(s.sum_nll, "sum_nll", (x.sums.nll for x in of), "losses of the slices")
    _check_slice_clusters(s)
    if s.clusters is not None:
        keyed = s.clusters.sums.of.values()
        _same(possible, "the possible weight", (w for _, w, _ in keyed), "weights of the clusters")
        _same(s.sum_nll, "sum_nll", (t for *_, t in keyed), "losses of the clusters")
    if s.replicates is not None and s.replicates.samples:
        own = s.replicates.samples[0]
        _same(possible, "the possible weight", [own.weight], "weight of the rows to draw from")
        _same(s.sum_nll, "sum_nll", [own.nll], "loss of the rows to draw from")


def _check_slice_clusters(s: Summary) -> None:
    found = s.slice_clusters
    if found is None or found.too_many:
        return
    slices = {} if s.slices is None else s.slices.of
    if set(found.of) != {value for value, x in slices.items() if x.sums.weight}:
        raise ValueError("clusters must be of the slices that have possible rows")
    for value, one in found.of.items():
        whole, sums = slices[value].sums, one.of.values()
        what = f"clusters of slice {value}"
        _same(whole.weight, "its possible weight", (w for w, _ in sums), what)
        _same(whole.nll, "its loss", (t for _, t in sums), what)


def _check_counts(s: Summary) -> None:
    if (s.num_rows == 0) != (s.sum_weight == 0) and not s.weighted:
        raise ValueError(f"{s.num_rows} rows do not weigh {s.sum_weight} * 2**-1074")
    if not s.weighted and s.sum_weight != s.num_rows * ONE:
        raise ValueError(f"num_rows is {s.num_rows}, and their weight is another")
    of_rows = ("num_impossible", "num_clipped", "num_all_correct")
    for name in of_rows:
        if getattr(s, name) > s.num_rows:
            raise ValueError(f"{name} is {getattr(s, name)} of {s.num_rows} rows")
    if s.num_correct > s.num_rows * s.decisions:
        raise ValueError(f"num_correct is {s.num_correct} of {s.num_rows} rows")
    if max(s.sum_impossible, s.sum_all_correct) > s.sum_weight:
        raise ValueError("a part of the rows weighs more than all of them")


def _check_tally(s: Summary, tally: Tally, rows: int) -> None:
    """Raise where cells do not count all rows; weights may not fit into theirs."""
    if tally.is_weighted != s.weighted:
        raise ValueError(f"cells must have weights where weighted, which is {s.weighted}")
    groups = tally.values().reshape(-1, tally.shape[-1] * (2 if len(tally.shape) > 1 else 1))
    if not s.weighted and (groups.sum(axis=1) != rows).any():
        raise ValueError(f"cells must count {rows} rows")


def _same(total: int, name: str, parts: Iterable[int], what: str) -> None:
    if sum(parts) != total:
        raise ValueError(f"{what} do not add up to {name}")
