"""The sums of all classes of a summary, held in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np

from xent.evaluation.exact import ONE
from xent.evaluation.packed import pack_columns, unpack_columns
from xent.evaluation.plain import counts_of, sums_of
from xent.evaluation.summary.columns import Columns
from xent.evaluation.summary.kept import ClassSums

__all__ = ["ByClass"]


class ByClass(Sequence[ClassSums]):
    """The `ClassSums` of each class or label, in their order.

    Columns add as two arrays, whatever their number; an item is made when it is asked for.
    Where rows have no weights, weights are counts and are not held.

    >>> sums = ByClass.of([ClassSums(3, 2, 0, 3 * ONE, 2 * ONE, 5 * ONE, ONE)], weighted=False)
    >>> sums.plus(sums)[0] == ClassSums(6, 4, 0, 6 * ONE, 4 * ONE, 10 * ONE, 2 * ONE)
    True
    """

    __slots__ = ("_counts", "_exact")

    def __init__(self, counts: Any = None, exact: Columns | None = None) -> None:
        # (3, classes): num_true, num_correct, num_impossible
        self._counts = np.zeros((3, 0), np.int64) if counts is None else counts
        # nll, probability; of weighted rows weight and weight_correct after them
        self._exact = Columns.of([(), ()]) if exact is None else exact

    @classmethod
    def of(cls, rows: Iterable[ClassSums], *, weighted: bool) -> ByClass:
        """Return the sums of these classes; not `weighted`: every row weighs 1."""
        columns = tuple(zip(*rows, strict=True)) or ((),) * len(ClassSums._fields)
        exact = columns[5:] + (columns[3:5] if weighted else ())
        return cls(np.array(columns[:3], np.int64), Columns.of(exact))

    def plus(self, other: ByClass) -> ByClass:
        """Return the sums over the rows of both, which are of the same classes."""
        return ByClass(self._counts + other._counts, self._exact.plus(other._exact))

    def __len__(self) -> int:
        return self._counts.shape[1]

    def __iter__(self) -> Iterator[ClassSums]:
        true, correct, impossible = self._counts.tolist()
        nll, probability, *weights = self._exact.numbers()
        weight, weight_correct = weights or ([n * ONE for n in of] for of in (true, correct))
        columns = true, correct, impossible, weight, weight_correct, nll, probability
        return map(ClassSums, *columns)

    @overload
    def __getitem__(self, at: int) -> ClassSums: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[ClassSums, ...]: ...

    def __getitem__(self, at: int | slice) -> ClassSums | tuple[ClassSums, ...]:
        part = at if isinstance(at, slice) else slice(at, at + 1 or None)
        limbs = self._exact.limbs[:, :, part]
        found = tuple(ByClass(self._counts[:, part], replace(self._exact, limbs=limbs)))
        if isinstance(at, slice):
            return found
        if not found:
            raise IndexError("class index out of range")
        return found[0]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ByClass({list(self)})"

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        counts = zip(*self._counts.tolist(), strict=True)
        exact = self._exact.numbers()
        rows = zip(*exact, strict=True)
        return {"counts": pack_columns(counts, 3), "exact": pack_columns(rows, len(exact))}

    @classmethod
    def from_state(cls, state: dict[str, Any], num_classes: int, *, weighted: bool) -> ByClass:
        """Return the sums of so many classes that `to_state` wrote."""
        counts, exact = (
            tuple(zip(*unpack_columns(state[n], of, num_classes), strict=True)) or ((),) * of
            for n, of in (("counts", 3), ("exact", 4 if weighted else 2))
        )
        if len(counts[0]) != num_classes or len(exact[0]) != num_classes:
            found = f"{len(counts[0])} and {len(exact[0])}"
            raise ValueError(f"counts and sums must be of {num_classes} classes, got {found}")
        for name, of in zip(ClassSums._fields, counts, strict=False):
            counts_of(of, name)
        for of in exact[1:]:  # losses may be a little below 0
            sums_of(of, "sums of classes")
        return cls(np.array(counts, np.int64), Columns.of(exact))
