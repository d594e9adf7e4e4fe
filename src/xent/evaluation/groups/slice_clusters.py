"""Sums by slice and cluster: the interval of a slice whose rows come in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ONE
from xent.evaluation.groups.cells import CellTally, buckets_of
from xent.evaluation.groups.clusters import MAX_CLUSTERS, same_column
from xent.evaluation.groups.slices import Value
from xent.evaluation.groups.values import distinct, weighing
from xent.evaluation.intervals.means import Interval, cluster_interval, no_interval
from xent.evaluation.packed import pack, pack_columns, unpack, unpack_columns
from xent.evaluation.plain import counts_of, flag_of, sums_of, text_of

__all__ = ["MOST_SLICES", "OneSlice", "SliceClusterTally", "SliceClusters"]

MOST_CELLS = 2048  # of a slice and a cluster: 20 bytes each in a state, 50 with weights
MOST_SLICES = 128  # of 16 clusters: an interval from fewer is too wide and too uncertain
KEY_BITS = 24  # of a cluster's key that are kept, the last ones

Cells = dict[int, tuple[int, int]]


class OneSlice(NamedTuple):
    """The sums of one slice by cluster."""

    folded: bool  # whether clusters were taken together
    of: Cells  # by rising key the weight and the weighted loss, in units of 2**-1074

    @property
    def num_clusters(self) -> int:
        """How many there are; how many groups of them, where they were taken together."""
        return len(self.of)

    def plus(self, other: OneSlice, buckets: int) -> OneSlice:
        """Return the sums of both, of no more than so many clusters or groups of them."""
        folded, of = self.folded or other.folded, _merged(self.of, other.of)
        if folded or len(of) > buckets:
            folded, of = True, _merged({}, of, buckets)
        return OneSlice(folded, {key: of[key] for key in sorted(of)})

    def interval(self, level: float, *, scale: int = 1) -> Interval:
        """Return the interval of the slice's mean loss divided by `scale`, in nats."""
        sums = self.of.values()
        found = cluster_interval(
            [nll for _, nll in sums], [weight * scale for weight, _ in sums], level, least=0.0
        )
        if not self.folded:
            return found
        taken = f"many clusters, taken together in {self.num_clusters}"
        return replace(found, note="; ".join(note for note in (found.note, taken) if note))


def _merged(ours: Cells, theirs: Cells, buckets: int = 1 << KEY_BITS) -> Cells:
    of = dict(ours)
    for key, (weight, nll) in theirs.items():
        w, t = of.get(key % buckets, (0, 0))
        of[key % buckets] = w + weight, t + nll
    return of


@dataclass(frozen=True)
class SliceClusters:
    """Sums of the losses by slice and by the values of `column`; add two to merge them.

    All slices together keep 2048 clusters: each of up to two slices 1024, each of four 512, and so
    on to 16 of 128 slices; more slices keep none. Where a slice has more clusters they are taken
    together by the last bits of their keys: a union of clusters is a cluster, so that an interval
    stays valid. All of that depends on the rows alone (see `buckets_of`), so that neither a
    split nor their order can be seen.

    Parameters
    ----------
    column : str
        Of the clusters.
    of : dict
        The sums of each slice, by its value, rising; of rows that are possible and have a weight.
    too_many : bool
        Whether there are more than 128 slices, and nothing is kept.
    """

    column: str
    of: dict[Value, OneSlice] = field(default_factory=dict)
    too_many: bool = False

    def __add__(self, other: object) -> SliceClusters:
        if not isinstance(other, SliceClusters):
            return NotImplemented
        same_column(self.column, other.column)
        values = sorted({*self.of, *other.of})
        if self.too_many or other.too_many or len(values) > MOST_SLICES:
            return SliceClusters(self.column, {}, too_many=True)
        buckets, none = buckets_of(len(values), MOST_CELLS), OneSlice(False, {})
        of = {v: self.of.get(v, none).plus(other.of.get(v, none), buckets) for v in values}
        return SliceClusters(self.column, of)

    def interval(self, value: Value, level: float, *, scale: int = 1) -> Interval:
        """Return the interval of a slice's mean loss divided by `scale`, in nats."""
        if self.too_many:
            note = f"more than {MOST_SLICES} slices keep no sums of their clusters"
            return no_interval(level, "cluster", note)
        return self.of.get(value, OneSlice(False, {})).interval(level, scale=scale)

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        slices = self.of.values()
        return {
            "column": self.column,
            "too_many": self.too_many,
            "values": [list(value) for value in self.of],
            "folded": pack([one.folded for one in slices]),
            "num_clusters": pack([one.num_clusters for one in slices]),
            "sums": pack_columns(((key, *of) for one in slices for key, of in one.of.items()), 3),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SliceClusters:
        """Return the sums that `to_state` wrote."""
        column = text_of(state["column"], "column of clusters")
        too_many = flag_of(state["too_many"], "too_many")
        sums: Any = iter(unpack_columns(state["sums"], 3, MOST_CELLS))
        found = zip(
            state["values"],
            counts_of(unpack(state["folded"], MOST_SLICES), "folded", 1),
            counts_of(unpack(state["num_clusters"], MOST_SLICES), "num_clusters", MAX_CLUSTERS),
            strict=True,
        )
        of: dict[Value, OneSlice] = {}
        for texts, folded, count in found:
            value = tuple(text_of(text, "value of a slice") for text in texts)
            of[value] = OneSlice(bool(folded), _cells(list(islice(sums, count)), count))
        if next(sums, None) is not None or list(of) != sorted(of) or (too_many and of):
            raise ValueError("clusters of slices must be of slices, each once and in order")
        return cls(column, of, too_many)


def _cells(rows: list[tuple[int, int, int]], count: int) -> Cells:
    """Return the sums of a slice by cluster, as they were written."""
    found = {key: (weight, nll) for key, weight, nll in rows}
    keys = counts_of([key for key, *_ in rows], "key of a cluster", (1 << KEY_BITS) - 1)
    sums_of((weight for _, weight, _ in rows), "weight of a cluster")
    if not len(found) == count > 0 or list(keys) != sorted(keys):
        raise ValueError("a slice must have clusters, each once and in order")
    return found


class SliceClusterTally:
    """Adds scored rows to the sums of their slices and clusters."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._number: dict[Value, int] = {}  # of each slice that has been seen
        self._cells = CellTally(2, MOST_CELLS)

    def add(
        self,
        values: Sequence[Value],
        place: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint64],
        nll: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64] | None,
    ) -> None:
        """Add scored rows of finite loss, of the slices `values[place]`."""
        weight, place, keys, nll = weighing(weight, place, keys, nll)
        numbers = [self._number.setdefault(value, len(self._number)) for value in values]
        group = np.array(numbers, dtype=np.int64)[place]
        keys = keys & np.uint64((1 << KEY_BITS) - 1)
        clusters = distinct(keys.astype(np.int64))
        columns = [weight, nll if weight is None else weight * nll]
        self._cells.add(group, (clusters[0].astype(np.uint64), clusters[1]), columns)

    def state(self) -> SliceClusters:
        """Return the sums so far."""
        sums = self._cells.state()
        slices = {v: sums.cells(number) for v, number in self._number.items()}
        there = sorted(v for v, cells in slices.items() if cells.start < cells.stop)
        if len(there) > MOST_SLICES:
            return SliceClusters(self._column, {}, too_many=True)
        weight, nll = sums.sums
        of = {}
        for value in there:
            cells = slices[value]
            assert nll is not None  # there are rows
            weights = (
                [rows * ONE for rows in sums.rows[cells].tolist()]
                if weight is None
                else weight.numbers(cells, -1074)
            )
            both = zip(weights, nll.numbers(cells, -1074), strict=True)
            keyed = dict(zip(sums.key[cells].tolist(), both, strict=True))
            of[value] = OneSlice(bool(sums.folded[self._number[value]]), keyed)
        return SliceClusters(self._column, of)
