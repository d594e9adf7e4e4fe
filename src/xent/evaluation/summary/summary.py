"""What evaluation keeps of predictions: sums that merge. Every number is a property of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from xent.errors import MergeError
from xent.evaluation.exact import from_text, to_text
from xent.evaluation.groups import Clusters, Replicates, SliceClusters, Slices
from xent.evaluation.plain import shown, sums_of, told, whole_of
from xent.evaluation.summary.by_class import ByClass
from xent.evaluation.summary.cells import Cells
from xent.evaluation.summary.consistent import check_parts, rows_of, settings_of, worst_of
from xent.evaluation.summary.evidence import Evidence
from xent.evaluation.summary.kept import ClassSums, Surprise, most_surprising
from xent.evaluation.summary.merging import added, difference
from xent.evaluation.summary.rows import Row, first_rows, in_part
from xent.evaluation.summary.sums import Sums
from xent.evaluation.summary.surprise import SurpriseCells
from xent.evaluation.summary.tempering import Tempering
from xent.kernels.cpu.log_loss import KEPT_ROWS, KEPT_WORST

__all__ = ["KEPT_ROWS", "KEPT_WORST", "ClassSums", "Summary", "Surprise"]

VERSION = 8

# integers in units of 2**-1074
_EXACT = (
    "sum_weight",
    "sum_nll",
    "sum_weight_squared",
    "sum_weighted_nll",
    "sum_nll_squared",
    "sum_weight_cubed",
    "sum_weight_squared_nll",
    "sum_weighted_nll_squared",
    "sum_nll_cubed",
    "sum_brier",
    "sum_correct",
    "sum_all_correct",
    "sum_impossible",
    "sum_clipped_nll",
    "sum_size",
)
# a probability may be 1 and a rounding, and its loss a little below 0
_NEVER_NEGATIVE = tuple(n for n in _EXACT if "nll" not in n or n == "sum_nll_squared")
_COUNTS = (
    "num_rows",
    "num_ignored",
    "num_missing",
    "num_impossible",
    "num_clipped",
    "num_correct",
    "num_all_correct",
)
_SETTINGS = ("kind", "classes", "clip", "weighted", "sized", "ignore")
# what was asked for beside the sums of all rows: None where it was not
_PARTS: dict[str, Any] = {
    "cells": Cells,
    "tempering": Tempering,
    "surprise": SurpriseCells,
    "slices": Slices,
    "clusters": Clusters,
    "slice_clusters": SliceClusters,
    "replicates": Replicates,
    "evidence": Evidence,
}
_OF_CLASSES = (Slices, Evidence)  # whose size is that of the classes


@dataclass(frozen=True)
class Summary(Sums):
    """Exact sums over scored rows; add two summaries to summarise both sets of rows.

    `Summary()` is the summary of no rows. Sums are integers in units of 2**-1074, so a
    summary does not depend on how the rows were split, nor on the order of the parts: the
    numbers from ten thousand parts are those from one file, bit for bit.

    However many rows, with C classes, S slices (up to 1000) and R replicates (up to 2000)
    `to_json` takes less than

    - 100 kB + 8 kB C without weights, whatever S and R, and
    - 100 kB + 20 kB C + (100 B + 11 B C) S + 60 B R with weights of all digits that range
      over a factor of a million: last digits of sums have no pattern, and all are kept;

    and 30 kB more, 60 kB with weights, where there are slices beside clusters.

    Names of classes, slices and rows come on top where they are long.

    Losses are in nats. Where a row's outcome had probability 0 the row is counted in
    `num_impossible`, and `log_loss` is infinite; `finite_log_loss` leaves such rows out.

    Examples
    --------
    >>> from xent.evaluation import evaluate, Summary
    >>> a = evaluate(([0, 1], [[0.5, 0.5], [0.25, 0.75]])).summary
    >>> b = evaluate(([1], [[0.9, 0.1]])).summary
    >>> whole = evaluate(([0, 1, 1], [[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]])).summary
    >>> (a + b).log_loss == whole.log_loss, a + Summary() == a
    (True, True)
    """

    impossible_rows: tuple[Row, ...] = ()  # the first few
    missing_rows: tuple[Row, ...] = ()
    worst: tuple[Surprise, ...] = ()  # the most surprising first; ties by class, then row

    cells: Cells | None = None
    tempering: Tempering | None = None
    surprise: SurpriseCells | None = None
    slices: Slices | None = None
    clusters: Clusters | None = None
    slice_clusters: SliceClusters | None = None  # of slices beside a cluster
    replicates: Replicates | None = None
    evidence: Evidence | None = None  # what hints are drawn from; None for log_probs

    def __add__(self, other: object) -> Summary:
        if not isinstance(other, Summary):
            return NotImplemented
        if not other.kind:
            return self
        if not self.kind:
            return other
        for name in _SETTINGS:
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                raise MergeError(
                    f"summaries must have the same {name} to be added, got "
                    f"{difference(ours, theirs)}; evaluate both parts with the same options",
                    code="D30",
                    value=theirs,
                )
        sums = {n: getattr(self, n) + getattr(other, n) for n in _COUNTS + _EXACT}
        sums |= {n: added(n, getattr(self, n), getattr(other, n)) for n in _PARTS}
        return replace(
            self,
            **sums,
            by_class=self.by_class.plus(other.by_class),
            impossible_rows=first_rows(self.impossible_rows + other.impossible_rows, KEPT_ROWS),
            missing_rows=first_rows(self.missing_rows + other.missing_rows, KEPT_ROWS),
            worst=most_surprising(self.worst, other.worst, KEPT_WORST),
        )

    def in_part(self, name: str) -> Summary:
        """Return the same summary with its numbered rows called by their part as well.

        Row 17 becomes "NAME:17", so that it is known among the rows of other parts; a row
        that is known by its id keeps it. Numbers count from 0 in their own source: name
        the parts before summaries of several sources are added.
        """
        return self.with_rows(lambda row: in_part(row, name))

    def with_rows(self, called: Callable[[Row], Row]) -> Summary:
        """Return the same summary with its rows called something else."""
        worst = (s._replace(row=called(s.row)) for s in self.worst)
        return replace(
            self,
            impossible_rows=first_rows(map(called, self.impossible_rows), KEPT_ROWS),
            missing_rows=first_rows(map(called, self.missing_rows), KEPT_ROWS),
            worst=tuple(sorted(worst, key=lambda s: s.order)),
        )

    def without_numbers(self) -> Summary:
        """Return the same summary with numbered rows called nothing: an engine that keeps no
        order has no numbers that mean anything."""
        return self.with_rows(lambda row: None if isinstance(row, int) else row)

    def without_rows(self) -> Summary:
        """Return the same summary without what rows are called: all that is left are bits
        that no split, no order and no engine can change."""
        return self.with_rows(lambda row: None)

    # text ----------------------------------------------------------------------------

    def to_json(self) -> str:
        """Return the summary as JSON text, exact to the last bit."""
        return json.dumps(self.to_state(), separators=(",", ":"))

    def to_state(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        state: dict[str, Any] = {"version": VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            state[field.name] = to_text(value) if field.name in _EXACT else value
        for name in _PARTS:
            part = getattr(self, name)
            state[name] = None if part is None else part.to_state()
        state["by_class"] = self.by_class.to_state()
        state["worst"] = [[s.nll.hex(), *s[1:]] for s in self.worst]
        return state

    @classmethod
    def from_json(cls, text: str) -> Summary:
        """Return the summary that `to_json` wrote.

        Raises
        ------
        MergeError
            If the text is no summary, or is of a version that this one cannot read.
        """
        try:
            state = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            state = None
        return cls.from_state(state)

    @classmethod
    def from_state(cls, state: Any) -> Summary:
        """Return the summary that `to_state` gave; errors are those of `from_json`."""
        if not isinstance(state, dict) or "version" not in state:
            raise MergeError("text must be a summary written by Summary.to_json()")
        state = dict(state)
        version = state.pop("version")
        if version != VERSION:
            raise MergeError(
                f"summary must have version {VERSION}, got {shown(version)}; "
                "write it again with this version of xent",
                value=version,
            )
        try:
            return cls._from_parts(state)
        except MergeError:
            raise
        # what plain values that are no summary may run into
        except (
            ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error
        ) as error:  # fmt: skip
            raise MergeError(f"summary must be whole, got {told(error)}; write it again") from error

    @classmethod
    def _from_parts(cls, state: dict[str, Any]) -> Summary:
        unknown = set(state) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"{min(unknown)} is unknown")
        state |= settings_of(state)
        state |= {name: whole_of(state[name], name) for name in _COUNTS}
        state |= {name: from_text(state[name]) for name in _EXACT}
        for name in _NEVER_NEGATIVE:
            sums_of([state[name]], name)
        classes = len(state["classes"])
        state["by_class"] = ByClass.from_state(
            state["by_class"], classes, weighted=state["weighted"]
        )
        state["worst"] = worst_of(state["worst"], classes)
        for name in ("impossible_rows", "missing_rows"):
            state[name] = rows_of(state[name], name)
        for name, part in _PARTS.items():
            if state[name] is not None:
                more = (classes,) if part in _OF_CLASSES else ()
                state[name] = part.from_state(state[name], *more)
        found = cls(**state)
        if not found.kind and found != Summary():
            raise ValueError("a summary of no rows must have no sums")
        check_parts(found)
        return found
