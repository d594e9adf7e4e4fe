"""Rows by the value of a column: slices, and clusters of rows that are not independent."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.comparison.sums import GroupedSums, Moments
from xent.evaluation.exact import ratio
from xent.evaluation.groups.values import texts_of

__all__ = [
    "MAX_CLUSTERS",
    "MAX_SLICES",
    "ClusterSums",
    "Codes",
    "centred",
    "cluster_moments",
]

Array = npt.NDArray[Any]

MAX_SLICES = 10_000
# beyond so many clusters they are put together by hash: a union of clusters is a cluster
MAX_CLUSTERS = 1024


class Codes:
    """Numbers the values of a column as they turn up."""

    def __init__(self, name: str, most: int = MAX_SLICES) -> None:
        self._name = name
        self._most = most
        self.place: dict[str, int] = {}

    def add(self, column: Any) -> Array:
        """Return the number of each row's value."""
        texts, codes = texts_of(self._name, column)
        table = np.array([self.place.setdefault(t, len(self.place)) for t in texts], dtype=np.int64)
        if len(self.place) > self._most:
            raise XentValueError(
                f"{self._name} must have at most {self._most:,} different values, got more; "
                "group them with --sql",
                value=len(self.place),
            )
        return table[codes]


class ClusterSums:
    """Exact sums of quantities within clusters.

    With more than 1,024 clusters they are put together into 1,024 by a hash of their names:
    the result depends on the clusters, not on the order in which they came.
    """

    def __init__(self, quantities: tuple[str, ...]) -> None:
        self._quantities = quantities
        self._place: dict[str, int] = {}
        self._sums = GroupedSums(quantities, MAX_CLUSTERS)
        # of clusters that were put together
        self._base = {name: [0] * MAX_CLUSTERS for name in quantities}
        self._rows = np.zeros(MAX_CLUSTERS, dtype=np.int64)
        self.folded = False

    def add(self, texts: list[str], codes: Array, **values: Array) -> None:
        """Add rows of these values; a row is of the cluster `texts[codes]`."""
        used = np.flatnonzero(np.bincount(codes, minlength=len(texts))).tolist()
        new = sum(texts[i] not in self._place for i in used)
        if not self.folded and len(self._place) + new > MAX_CLUSTERS:
            self._fold()
        table = np.full(len(texts), -1, dtype=np.int64)
        for i in used:
            if self.folded:
                table[i] = _bucket(texts[i])
            else:
                table[i] = self._place.setdefault(texts[i], len(self._place))
        group = table[codes]
        self._sums.add(MAX_CLUSTERS, group, **values)
        self._rows += np.bincount(group, minlength=MAX_CLUSTERS)

    def _fold(self) -> None:
        old, rows = self._sums.totals(), self._rows
        self._sums = GroupedSums(self._quantities, MAX_CLUSTERS)
        self._rows = np.zeros(MAX_CLUSTERS, dtype=np.int64)
        for text, place in self._place.items():
            bucket = _bucket(text)
            self._rows[bucket] += rows[place]
            for name in self._quantities:
                self._base[name][bucket] += old[name][place]
        self._place = {}
        self.folded = True

    def totals(self) -> dict[str, list[int]]:
        """Return the sums of the clusters that have rows, in units of 2**-1074."""
        there = np.flatnonzero(self._rows).tolist()
        return {
            name: [sums[c] + self._base[name][c] for c in there]
            for name, sums in self._sums.totals().items()
        }


def centred(x: list[int], w: list[int]) -> list[float]:
    r"""Return :math:`G (x_c - m w_c) / W` of each cluster, :math:`m = \sum x / \sum w`.

    They stand for observations: their mean is 0, and their variance over G is that of m.
    """
    weight = sum(w)
    m = Fraction(sum(x), weight)
    scale = Fraction(len(w), weight)
    return [float(scale * (a - m * b)) for a, b in zip(x, w, strict=True)]


def cluster_moments(x: list[int], w: list[int]) -> Moments:
    """Return the moments of a mean of clusters: CR1, the cluster-robust variance."""
    if not sum(w):
        return Moments(len(w), len(w), math.nan, math.nan, math.nan)
    u = centred(x, w)
    count = len(u)
    second = math.fsum(v * v for v in u) / count
    return Moments(count, count, ratio(sum(x), sum(w)), second, math.fsum(v**3 for v in u) / count)


def _bucket(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % MAX_CLUSTERS
