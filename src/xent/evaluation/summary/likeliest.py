"""Which class is likeliest in the rows of each class, where a table of both would be too large."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.evaluation.plain import MOST_ROWS, refuse
from xent.evaluation.summary.cell_tally import Tally

__all__ = ["MOST_CELLS", "Code", "Likeliest", "LikeliestCounts", "code_of"]

Counts = NDArray[np.int64]

MOST_CELLS = 1 << 22  # of all classes: 32 MiB while rows are counted; 23,000 classes
WIDEST = 64  # buckets of a table, before another digit is taken
TABLES = {2: 4, 3: 6}  # by digits


@dataclass(frozen=True)
class Code:
    """What bucket of each table a class is counted in.

    The digits of a class, to a prime base, are the coefficients of a polynomial, and its
    bucket in table t is the value of that at t. Two polynomials of so many digits agree in
    fewer points than digits: so two classes share few buckets, whichever they are
    (Kautz and Singleton 1964, from the codes of Reed and Solomon).

    Attributes
    ----------
    digits, base, tables : int
    buckets : integer array, shape (tables, K)
        The bucket of each class in each table, from 0 to base - 1.

    Examples
    --------
    >>> code = code_of(1000)
    >>> code.digits, code.base, code.tables
    (2, 37, 4)
    >>> code.buckets[:, [500, 513]].tolist()  # 13 * 37 + 19, 13 * 37 + 32
    [[19, 32], [32, 8], [8, 21], [21, 34]]
    """

    digits: int
    base: int
    tables: int
    buckets: Counts

    @property
    def width(self) -> int:
        """Counts of one class: its buckets, its rows that are right, and those that say it."""
        return self.tables * self.base + 2


@lru_cache(maxsize=8)
def code_of(num_classes: int) -> Code:
    """Return the code of so many classes: two digits, or three where buckets would be many."""
    digits = 2 if _base(num_classes, 2) <= WIDEST else 3
    base, tables = _base(num_classes, digits), TABLES[digits]
    rest, value = np.arange(num_classes), np.zeros((tables, num_classes), np.int64)
    points = np.arange(tables)[:, None]
    for power in range(digits):
        value += rest % base * points**power
        rest = rest // base
    buckets = value % base
    buckets.flags.writeable = False
    return Code(digits, base, tables, buckets)


def _base(num_classes: int, digits: int) -> int:
    """Return the least prime that writes so many classes with so many digits."""
    enough = (n for n in itertools.count(max(TABLES.values()) + 1) if n**digits >= num_classes)
    return next(n for n in enough if all(n % k for k in range(2, int(n**0.5) + 1)))


@dataclass(frozen=True)
class Likeliest:
    r"""Rows of each class, counted by the bucket of their likeliest class in several tables.

    A table of both classes has :math:`K^2` counts; this has some 150 a class, adds exactly, and
    still bounds each count of that table. Of the n rows of a class the :math:`n_j` with class j
    on top are in j's bucket of all T tables, and any other row in at most D - 1 of them (D
    digits). With :math:`b_t` rows in that bucket of table t,

    .. math::
        \frac{\sum_t b_t - (D - 1) n}{T - D + 1} \le n_j \le \min_t b_t .

    Where the other rows are spread out, the lower bound lacks about a third of them (T = 4,
    D = 2), or half of them (T = 6, D = 3).

    Parameters
    ----------
    num_classes : int
    tally : Tally
        Rows in the buckets of all tables, then those whose likeliest class is their own, then
        those of any class that have this class on top: (K, width of the code).

    Examples
    --------
    >>> counts = LikeliestCounts(100)
    >>> counts.add(np.array([3, 3, 3, 4]), np.array([7, 7, 3, 4]))
    >>> found = counts.likeliest()
    >>> print(found.rows[3], found.right[3], found.said[7])
    3 1 2
    >>> column, least = found.commonest()
    >>> print(column[3], least[3])
    7 2
    """

    num_classes: int
    tally: Tally

    def __add__(self, other: object) -> Likeliest:
        if not isinstance(other, Likeliest):
            return NotImplemented
        return Likeliest(self.num_classes, self.tally + other.tally)

    @cached_property
    def _counts(self) -> Counts:
        return self.tally.values().astype(np.int64)

    @property
    def _tables(self) -> Counts:
        """Rows by class, table and bucket: (K, T, base)."""
        code = code_of(self.num_classes)
        return self._counts[:, :-2].reshape(-1, code.tables, code.base)

    @property
    def rows(self) -> Counts:
        """Rows of each class: (K,)."""
        found: Counts = self._tables[:, 0].sum(axis=1)
        return found

    @property
    def right(self) -> Counts:
        """Rows of each class that have it on top: (K,)."""
        return self._counts[:, -2]

    @property
    def said(self) -> Counts:
        """Rows that have each class on top, whatever they are: (K,)."""
        return self._counts[:, -1]

    def commonest(self) -> tuple[Counts, Counts]:
        """Return the likeliest class that most rows of each class have, and in how many at least.

        Returns
        -------
        column, least : integer arrays, shape (K,)
            The class is certain where it has more than half of the rows; `least` is a bound
            below for any class, 0 where nothing is known.
        """
        code, tables = code_of(self.num_classes), self._tables
        # each table votes for a digit; as many tables as digits make a class
        named = np.full(code.base**code.digits, -1)
        place = code.base ** np.arange(code.digits)
        named[place @ code.buckets[: code.digits]] = np.arange(self.num_classes)
        column = named[tables[:, : code.digits].argmax(axis=2) @ place]
        found = np.take_along_axis(tables, code.buckets.T[column][:, :, None], axis=2)
        rest = code.digits - 1
        short = found.sum(axis=(1, 2)) - rest * tables[:, 0].sum(axis=1)
        least = -(-short // (code.tables - rest))  # rounded up: rows are whole
        return np.maximum(column, 0), np.where(column < 0, 0, np.maximum(least, 0))

    def to_state(self) -> list[Any]:
        """Return numbers and text, for JSON."""
        return [self.num_classes, self.tally.to_state()]

    @classmethod
    def from_state(cls, state: list[Any], num_classes: int) -> Likeliest:
        """Return what `to_state` wrote of so many classes."""
        counted, tally = state
        # an untrue number would ask for as much memory as it says
        if type(counted) is not int or counted != num_classes or not LikeliestCounts.fits(counted):
            raise refuse("likeliest classes", counted, f"of the {num_classes} classes")
        found = Tally.from_state(tally, (counted, code_of(counted).width))
        if found.is_weighted or found.values().max(initial=0) > MOST_ROWS:
            raise ValueError("likeliest classes must be counts of rows")
        return cls(counted, found)


class LikeliestCounts:
    """Counts rows batch by batch for `Likeliest`."""

    def __init__(self, num_classes: int) -> None:
        self._code = code_of(num_classes)
        self._cells = np.zeros((num_classes, self._code.width), np.int64)

    @staticmethod
    def fits(num_classes: int) -> bool:
        """Whether so many classes are few enough to be counted."""
        # fewer than this many counts a class would need no code
        return (
            0 < num_classes * TABLES[2] <= MOST_CELLS
            and num_classes * code_of(num_classes).width <= MOST_CELLS
        )

    def add(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add rows by their class and the likeliest one: integer arrays of one shape, (N,)."""
        code, cells = self._code, self._cells.reshape(-1)
        first = target.astype(np.int64) * code.width
        for table, buckets in enumerate(code.buckets):
            np.add.at(cells, first + (table * code.base + buckets)[predicted], 1)
        classes = len(self._cells)
        right = target[target == predicted]
        self._cells[:, -2] += np.bincount(right, minlength=classes)
        self._cells[:, -1] += np.bincount(predicted, minlength=classes)

    def likeliest(self) -> Likeliest:
        """Return what was counted so far."""
        return Likeliest(len(self._cells), Tally.of(self._cells.astype(np.uint64)))
