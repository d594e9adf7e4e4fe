"""Sums by the values of columns: which part of the rows the loss comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.errors import MergeError, SourceError
from xent.evaluation.groups.sums import MomentSums, MomentTally
from xent.evaluation.groups.values import distinct, together
from xent.evaluation.packed import pack, pack_columns, unpack, unpack_columns
from xent.evaluation.plain import counts_of, flag_of, refuse, sums_of, text_of, texts_of
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["MAX_SLICES", "SliceSums", "SliceTally", "Slices", "Value", "check_count"]

MAX_SLICES = 1000
Value = tuple[str, ...]


class SliceSums(NamedTuple):
    """The sums of one slice; weights in units of 2**-1074."""

    num_rows: int = 0
    num_impossible: int = 0
    impossible: int = 0  # their weight
    sums: MomentSums = MomentSums()
    classes: dict[int, int] = {}  # noqa: RUF012 - never changed; weight of each class or label

    @property
    def weight(self) -> int:
        return self.sums.weight + self.impossible

    def plus(self, other: SliceSums) -> SliceSums:
        classes = dict(self.classes)
        for of_class, weight in other.classes.items():
            classes[of_class] = classes.get(of_class, 0) + weight
        return SliceSums(
            self.num_rows + other.num_rows,
            self.num_impossible + other.num_impossible,
            self.impossible + other.impossible,
            self.sums.plus(other.sums),
            dict(sorted(classes.items())),
        )


@dataclass(frozen=True)
class Slices:
    """Sums by the values of `columns`, in the order of the values; add two to merge them.

    Examples
    --------
    >>> a = Slices(("site",), {("north",): SliceSums(2)})
    >>> b = Slices(("site",), {("east",): SliceSums(1), ("north",): SliceSums(1)})
    >>> {value: s.num_rows for value, s in (a + b).of.items()}
    {('east',): 1, ('north',): 3}
    """

    columns: tuple[str, ...]
    of: dict[Value, SliceSums] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_count(self.columns, self.of)

    def __add__(self, other: object) -> Slices:
        if not isinstance(other, Slices):
            return NotImplemented
        if self.columns != other.columns:
            raise MergeError(
                f"slices must be by the same columns to be added, got {list(self.columns)} and "
                f"{list(other.columns)}; evaluate both parts with the same by",
                code="D30",
                value=other.columns,
            )
        of = dict(self.of)
        for value, sums in other.of.items():
            of[value] = of[value].plus(sums) if value in of else sums
        return Slices(self.columns, {value: of[value] for value in sorted(of)})

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        # where a row has one class, the weights of the classes add up to that of the slice
        derived = all(s.weight == sum(s.classes.values()) for s in self.of.values())
        kept = [s.sums._replace(weight=0) if derived else s.sums for s in self.of.values()]
        counts = [(s.num_rows, s.num_impossible, s.impossible) for s in self.of.values()]
        sums = [(*of, *powers) for of, powers in zip(counts, kept, strict=True)]
        classes = [pair for s in self.of.values() for pair in s.classes.items()]
        return {
            "columns": list(self.columns),
            "values": [list(value) for value in self.of],
            "weight_of_classes": derived,
            "sums": pack_columns(sums, 3 + len(MomentSums._fields)),
            "num_classes": pack([len(s.classes) for s in self.of.values()]),
            "classes": pack_columns(classes, 2),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], num_classes: int) -> Slices:
        """Return the slices, of so many classes or labels, that `to_state` wrote."""
        columns = texts_of(state["columns"], "columns of slices")
        derived = flag_of(state["weight_of_classes"], "weight_of_classes")
        pairs: Any = iter(unpack_columns(state["classes"], 2, MAX_SLICES * num_classes))
        found = zip(
            state["values"],
            unpack_columns(state["sums"], 3 + len(MomentSums._fields), MAX_SLICES),
            counts_of(unpack(state["num_classes"], MAX_SLICES), "num_classes", num_classes),
            strict=True,
        )
        of: dict[Value, SliceSums] = {}
        for texts, (rows, num_impossible, impossible, weight, *sums), count in found:
            value = tuple(text_of(text, "value of a slice") for text in texts)
            if len(value) != len(columns) or value in of:
                raise refuse("value of a slice", value, f"{len(columns)} texts of its own")
            counts_of((rows, num_impossible), "rows of a slice")
            own = list(islice(pairs, count))
            classes: dict[int, int] = dict(own)
            counts_of([j for j, _ in own], "class of a slice", num_classes - 1)
            if len(classes) < count:
                raise ValueError("a slice has a class twice")
            if derived:
                weight = sum(classes.values()) - impossible
            moments = MomentSums(weight, *sums)
            squares = moments.weight_squared, moments.nll_squared, moments.weight_cubed
            sums_of((weight, impossible, *squares, *classes.values()), "sums of a slice")
            of[value] = SliceSums(rows, num_impossible, impossible, moments, classes)
        if next(pairs, None) is not None:
            raise ValueError("there are classes of no slice")
        return cls(columns, of)


def check_count(columns: Sequence[str], values: Any, most: int = MAX_SLICES) -> None:
    """Raise where there are more slices than a table can have."""
    if len(values) > most:
        raise SourceError(
            f"by must name columns of at most {most} different values, got more in "
            f"{', '.join(map(repr, columns))}; put the values into groups with --sql, or give "
            "the column as cluster if its rows belong together",
            value=tuple(columns),
        )


class SliceTally:
    """Adds scored rows to the sums of their slices."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._state = Slices(tuple(columns))

    def add(
        self,
        columns: Sequence[Any],
        nll: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64] | None,
        truths: Sequence[npt.NDArray[Any]],
    ) -> tuple[list[Value], npt.NDArray[np.int64]]:
        """Add scored rows by the values of columns; return the values and each row's place there.

        `truths` is the class of each row (int64), or for each label 0 or 1 (uint8).
        """
        values, place = together(self._state.columns, columns)
        check_count(self._state.columns, values)
        count = len(values)
        rows = np.bincount(place, minlength=count).tolist()
        # what has no weight costs nothing
        out = np.isinf(nll) if weight is None else np.isinf(nll) & (weight > 0)
        kept = np.where(np.isinf(nll), 0.0, nll)
        moments, lost = MomentTally(count), ExactSums(count)
        moments.add(place[~out], kept[~out], None if weight is None else weight[~out])
        lost.add(np.ones(len(out)) if weight is None else weight, np.where(out, place, -1))
        impossible = np.bincount(place[out], minlength=count).tolist()
        classes = _class_weights(place, count, weight, truths)
        found = zip(values, rows, impossible, lost.totals(), moments.totals(), classes, strict=True)
        self._state = self._state + Slices(
            self._state.columns, {value: SliceSums(*sums) for value, *sums in found}
        )
        return values, place

    def state(self) -> Slices:
        """Return the sums so far."""
        return self._state


def _class_weights(
    place: npt.NDArray[np.int64],
    count: int,
    weight: npt.NDArray[np.float64] | None,
    truths: Sequence[npt.NDArray[Any]],
) -> list[dict[int, int]]:
    """The weight of each class, or of each label where it is true, by slice."""
    classes: list[dict[int, int]] = [{} for _ in range(count)]
    for j, truth in enumerate(truths):
        is_class = truth.dtype == np.int64
        rows = slice(None) if is_class else truth == 1
        of_class = truth if is_class else np.full(int(np.sum(truth == 1)), j)
        width = int(of_class.max(initial=0)) + 1
        there, codes = distinct(place[rows] * width + of_class)
        sums = ExactSums(len(there))
        sums.add(np.ones(len(codes)) if weight is None else weight[rows], codes)
        for pair, total in zip(there.tolist(), sums.totals(), strict=True):
            classes[pair // width][pair % width] = total
    return classes
