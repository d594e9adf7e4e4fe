"""Sums by cluster: rows of one user, document or day, which go wrong together."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import MergeError
from xent.evaluation.exact import ONE
from xent.evaluation.groups.values import weighing
from xent.evaluation.intervals.means import Interval, cluster_interval
from xent.evaluation.packed import pack_columns, unpack_columns
from xent.evaluation.plain import flag_of, sums_of, text_of, whole_of
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["MAX_CLUSTERS", "SAMPLED", "ClusterTally", "Clusters", "KeyedSums", "same_column"]

MAX_CLUSTERS = 1024
MOST_KEY = 2**64 - 1
SAMPLED = 256  # keys whose rows are still counted one by one where there are more

Array = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class KeyedSums:
    """Rows and exact sums by a key of 64 bits; add two to merge them.

    The sums of up to 1024 different keys are kept one by one. Those of more are taken together
    in 1024 by the last bits of the key. Whether that happens depends on the set of keys alone, so
    neither a split nor the order of rows can be seen.

    How many of very many keys have one row no bounded memory tells: a key may have one row in
    each of two parts. Of the 256 least keys it can be told: whatever is among the least of all
    rows is among the least of each part that has it. A key is a hash, so that they are a sample.

    Parameters
    ----------
    folded : bool
        Whether keys were taken together.
    of : dict of int to tuple of int
        By rising key its number of rows, and its sums in units of 2**-1074.
    sample : dict of int to int
        Rows of the 256 least keys, by rising key, where keys were taken together.

    References
    ----------
    E. Cohen and H. Kaplan, *Summarizing data using bottom-k sketches*, PODC 2007.
    """

    folded: bool = False
    of: dict[int, tuple[int, ...]] = field(default_factory=dict)
    sample: dict[int, int] = field(default_factory=dict)

    def __add__(self, other: object) -> KeyedSums:
        if not isinstance(other, KeyedSums):
            return NotImplemented
        folded = self.folded or other.folded
        of = dict(_folded(self.of) if folded else self.of)
        _merge(of, _folded(other.of) if folded else other.of)
        if len(of) > MAX_CLUSTERS:
            folded, of = True, _folded(of)
        sample = _least(self._rows(), other._rows()) if folded else {}
        return KeyedSums(folded, {key: of[key] for key in sorted(of)}, sample)

    def _rows(self) -> dict[int, int]:
        """The rows of each key, of those that are known one by one."""
        return self.sample if self.folded else {key: sums[0] for key, sums in self.of.items()}

    @property
    def known_rows(self) -> list[int]:
        """The rows of each key; of more than 1024 keys, of the 256 least ones."""
        return list(self._rows().values())

    @classmethod
    def of_rows(cls, keys: Keys, codes: Array, columns: Sequence[Array | None]) -> KeyedSums:
        """Return the sums of columns over rows of the keys `keys[codes]`; None is 1 a row."""
        rows = np.bincount(codes, minlength=len(keys))
        if (rows == 0).any():
            there = rows > 0
            keys, codes, rows = keys[there], (np.cumsum(there) - 1)[codes], rows[there]
        folded, sample = len(keys) > MAX_CLUSTERS, {}
        if folded:
            least = np.argpartition(keys, SAMPLED)[:SAMPLED]
            sample = _least(dict(zip(keys[least].tolist(), rows[least].tolist(), strict=True)))
            keys, place = np.unique(keys % np.uint64(MAX_CLUSTERS), return_inverse=True)
            codes = place[codes]
            rows = np.bincount(codes)
        counts = rows.tolist()
        totals = []
        for column in columns:
            if column is None:
                totals.append([count * ONE for count in counts])
                continue
            sums = ExactSums(len(keys))
            sums.add(column, codes)
            totals.append(sums.totals())
        of = dict(zip(keys.tolist(), zip(counts, *totals, strict=True), strict=True))
        return cls(folded, dict(sorted(of.items())), sample)


def _merge(into: dict[int, tuple[int, ...]], other: dict[int, tuple[int, ...]]) -> None:
    for key, sums in other.items():
        there = into.get(key)
        into[key] = sums if there is None else tuple(map(operator.add, there, sums))


def _folded(of: dict[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    folded: dict[int, tuple[int, ...]] = {}
    for key, sums in of.items():
        _merge(folded, {key % MAX_CLUSTERS: sums})
    return folded


def _least(*parts: dict[int, int]) -> dict[int, int]:
    """The least keys of all parts, and their rows in all of them."""
    rows: dict[int, int] = {}
    for part in parts:
        for key, count in part.items():
            rows[key] = rows.get(key, 0) + count
    return {key: rows[key] for key in sorted(rows)[:SAMPLED]}


def same_column(ours: str, theirs: str) -> None:
    """Raise where the clusters of two parts are the values of different columns."""
    if ours != theirs:
        raise MergeError(
            f"clusters must be of the same column to be added, got {ours!r} and {theirs!r}; "
            "evaluate both parts with the same cluster",
            code="D30",
            value=theirs,
        )


@dataclass(frozen=True)
class Clusters:
    """Sums of the losses by the values of `column`; add two to merge them.

    The key of a cluster is that of its name. With more than 1024 clusters they are taken
    together in 1024 groups: a union of clusters is a cluster, so an interval stays valid.

    Parameters
    ----------
    column : str
        "" where clusters have no names.
    sums : KeyedSums
        Of the weights and the weighted losses of rows that are possible and have a weight.
    """

    column: str
    sums: KeyedSums = field(default_factory=KeyedSums)

    def __add__(self, other: object) -> Clusters:
        if not isinstance(other, Clusters):
            return NotImplemented
        same_column(self.column, other.column)
        return Clusters(self.column, self.sums + other.sums)

    @property
    def folded(self) -> bool:
        """Whether they are groups of clusters."""
        return self.sums.folded

    @property
    def num_clusters(self) -> int:
        """How many there are; of more than 1024, how many groups of them."""
        return len(self.sums.of)

    @property
    def num_single(self) -> int:
        """Clusters of one row; of more than 1024 clusters, how many of 256 drawn by key."""
        return self.sums.known_rows.count(1)

    @property
    def tied(self) -> bool:
        """Whether rows of a cluster vary together: not where each is a cluster by itself."""
        return self.num_single < len(self.sums.known_rows)

    @property
    def note(self) -> str:
        """What a reader should know of the clusters, or ""."""
        single, known = self.num_single, len(self.sums.known_rows)
        notes, drawn = [], ""
        if self.folded:
            notes.append(
                f"more than {MAX_CLUSTERS} clusters, taken together in {self.num_clusters}"
            )
            drawn = " drawn from them"
        if single and single == known:
            notes.append(f"all {known} clusters{drawn} have one row")
        elif single:
            have = "has" if single == 1 else "have"
            notes.append(f"{single} of {known} clusters{drawn} {have} one row")
        return "; ".join(notes)

    def interval(self, level: float, *, scale: int = 1) -> Interval:
        """Return the interval of the mean loss divided by `scale`, in nats."""
        sums = self.sums.of.values()
        found = cluster_interval(
            [nll for *_, nll in sums], [weight * scale for _, weight, _ in sums], level, least=0.0
        )
        notes = "; ".join(note for note in (found.note, self.note) if note)
        return Interval(found.low, found.high, level, "cluster", notes)

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        return {
            "column": self.column,
            "folded": self.folded,
            "of": pack_columns(((key, *sums) for key, sums in self.sums.of.items()), 4),
            "sample": pack_columns(self.sums.sample.items(), 2),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Clusters:
        """Return the clusters that `to_state` wrote."""
        of: dict[int, tuple[int, ...]] = {}
        for key, rows, *sums in unpack_columns(state["of"], 4, MAX_CLUSTERS):
            whole_of(rows, "rows of a cluster")
            sums_of(sums[:1], "weight of a cluster")
            of[whole_of(key, "key of a cluster", MOST_KEY)] = rows, *sums
        pairs: Any = unpack_columns(state["sample"], 2, SAMPLED)
        sample = {
            whole_of(key, "key of a cluster", MOST_KEY): whole_of(rows, "rows of a cluster")
            for key, rows in pairs
        }
        folded = flag_of(state["folded"], "folded")
        return cls(text_of(state["column"], "column"), KeyedSums(folded, of, sample))


class ClusterTally:
    """Adds scored rows to the sums of their clusters."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._state = Clusters(column)

    def add(
        self,
        keys: npt.NDArray[np.uint64],
        nll: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64] | None,
    ) -> None:
        """Add scored rows of finite loss."""
        weight, keys, nll = weighing(weight, keys, nll)
        self._state = self._state + Clusters(
            self._column,
            KeyedSums.of_rows(
                *np.unique(keys, return_inverse=True),
                [weight, nll if weight is None else weight * nll],
            ),
        )

    def state(self) -> Clusters:
        """Return the sums so far."""
        return self._state
