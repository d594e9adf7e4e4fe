"""A sample of rows, chosen by what they hold: the same from any split, order or thread.

Rows of equal content (predictions, truth and weight) are one with a count. As long as there are
few different ones all are kept, and nothing is sampled. Of more, those are kept whose keys of
64 bits are least: a bottom-k sample of the different contents with exact counts. Two samples
merge: of both together, again those of least keys.

    E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.scoring import ScoredBatch
from xent.evaluation.summary.summary import Summary
from xent.kernels.cpu.row_keys import sample_keys

__all__ = ["RowSample", "RowSampler", "Scored", "sampler_of", "sizes"]

# rows times classes of which none is left out: what fits to them cost is felt by nobody who
# waited for the rows themselves
MOST_SCORES = 1 << 20
MOST_PRODUCTS = 1 << 27  # rows times the square of the classes, of a Hessian
# rows times classes of a sample of more: with it, scoring 50 million takes a tenth longer
SAMPLE_SCORES = 1 << 17
LEAST_A_CLASS = 10  # rows of a sample, below which it tells nothing of biases
REPEATED = 2  # rows for each different one, from which on those that are held are looked up
PLACES = 1 << 18
LAST_BITS = np.uint64(PLACES - 1)
UNEVEN = 0.1  # how far the rows that a sample stands for may be from those there are
SIGMAS = 4.0  # or so many standard errors

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
ARRAYS = ("keys", "values", "target", "weight", "counts")


def sizes(classes: int) -> tuple[int, int]:
    """Return how many different rows are kept whole, and how many of more; 0 where none.

    >>> sizes(10), sizes(1000)
    ((104857, 13107), (134, 0))
    """
    most = min(MOST_SCORES // classes, MOST_PRODUCTS // classes**2)
    few = max(min(SAMPLE_SCORES // classes, most), LEAST_A_CLASS * classes)
    return most, few if few <= most else 0


@dataclass(frozen=True)
class RowSample:
    """Different rows in the order of their keys, and how often each came; add two to merge them.

    `values` are the predictions as they were given. Rows that are impossible, not scored or of
    weight 0 are not in it.
    """

    keys: Keys  # (m,), rising
    values: Floats  # (m, classes)
    target: npt.NDArray[np.int64]
    weight: Floats
    counts: npt.NDArray[np.int64]
    num_rows: int  # that it stands for
    is_whole: bool  # nothing was left out

    def __len__(self) -> int:
        return len(self.keys)

    def __add__(self, other: object) -> RowSample:
        return _together([self, other]) if isinstance(other, RowSample) else NotImplemented

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` reads: the arrays as NumPy's savez writes them."""
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **vars(self))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, held: bytes) -> RowSample:
        """Return the sample that `to_bytes` wrote."""
        with np.load(io.BytesIO(held), allow_pickle=False) as arrays:
            of = {name: arrays[name] for name in ARRAYS}
            return cls(**of, num_rows=int(arrays["num_rows"]), is_whole=bool(arrays["is_whole"]))

    @property
    def is_even(self) -> bool:
        """Whether the rows stand for all: false where some content is a large part of them.

        Where the keys of m rows are the share s of all keys, there are about m / s rows. But a
        sample has a content or lacks it: of one that is a tenth of the rows it then has far
        more than its part, or too little.
        """
        if self.is_whole:
            return True
        if len(self) < 2:
            return False
        # the last key is where the share ends, and no draw of its own
        share = (int(self.keys[-1]) + 1) / 2.0**64
        found = int(self.counts[:-1].sum()) / share
        allowed = max(UNEVEN, SIGMAS / math.sqrt(len(self)))
        return abs(found / self.num_rows - 1) <= allowed


class RowSampler:
    """Keeps, of the rows of scored batches, what a `RowSample` holds."""

    def __init__(self, classes: int, threads: int = 0) -> None:
        self._classes, self._threads = classes, threads
        self._most, self._few = sizes(classes)
        self._parts: list[RowSample] = []
        self._held = self._num_rows = 0
        self._is_whole = True
        self._limit = np.uint64(2**64 - 1)  # no key above it is kept
        self._enough = self._most  # rows, beyond which it is time to see which are different
        # where rows repeat: the place of a key among those held, by its last bits
        self._places: npt.NDArray[np.int64] | None = None

    def add(self, batch: ScoredBatch) -> None:
        """Add the rows of a batch, before the next one is scored."""
        weight = batch.beside.get("weight")
        scored = np.isfinite(batch.nll)
        if weight is not None:
            scored &= weight > 0
        self._num_rows += int(np.count_nonzero(scored))
        if not self._is_whole and not self._few:
            return  # no sample is large enough
        target = batch.beside["target"]
        beside = [target] if weight is None else [target, weight]
        keys = sample_keys(batch.columns, beside, threads=self._threads)
        scored &= keys <= self._limit
        if self._places is not None:
            scored &= ~self._counted(keys, scored)
        rows = np.flatnonzero(scored)
        if self._held + len(rows) > self._enough:
            self._tighten(keys[rows])
            rows = rows[keys[rows] <= self._limit]
        if len(rows) and (self._is_whole or self._few):
            self._parts.append(_chosen(batch, keys[rows], rows, is_whole=self._is_whole))
            self._held += len(rows)

    def _counted(self, keys: Keys, scored: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Count the rows that are held already, which need no copy, and tell which they are."""
        assert self._places is not None
        held = self._parts[0]
        place = self._places[keys & LAST_BITS]
        known: npt.NDArray[np.bool_] = (held.keys[place] == keys) & scored
        counts = held.counts + np.bincount(place[known], minlength=len(held))
        self._parts[0] = replace(held, counts=counts)
        return known

    def sample(self) -> RowSample:
        """Return the sample of the rows so far."""
        held = _together([_nothing(self._classes), *self._parts])
        self._parts, self._is_whole = [held], self._is_whole and held.is_whole
        return replace(held, num_rows=self._num_rows, is_whole=self._is_whole)

    def _tighten(self, more: Keys) -> None:
        """Find the limit of the rows that are held and of these, and hold no row above it."""
        keys = np.sort(np.concatenate([*(p.keys for p in self._parts), more]))
        keys = keys[_firsts(keys)]
        self._is_whole = self._is_whole and len(keys) <= self._most
        if not self._is_whole:
            if len(keys) > self._few > 0:
                self._limit = keys[self._few - 1]
            self._parts = [_up_to(self._limit, p) for p in self._parts] if self._few else []
        held = _together([_nothing(self._classes), *self._parts])
        self._parts, self._held = [held], len(held)
        self._places = None
        if held.counts.sum() > REPEATED * len(held):
            self._places = np.zeros(PLACES, dtype=np.int64)
            self._places[held.keys & LAST_BITS] = np.arange(len(held))
        self._enough = self._held + (self._most if self._is_whole else 2 * self._few)


class Scored(NamedTuple):
    """What an engine finds: the sums of all rows, and a sample of them where terms need rows."""

    summary: Summary
    sample: RowSample | None


def sampler_of(plan: Plan, options: Options, threads: int = 0) -> RowSampler | None:
    """Return a sampler where a plan has terms that rows alone tell: many classes, calibrated."""
    several = plan.kind == "classes" and len(plan.classes) > 2
    return RowSampler(len(plan.classes), threads) if several and options.calibration else None


def _chosen(
    batch: ScoredBatch, keys: Keys, rows: npt.NDArray[np.intp], *, is_whole: bool
) -> RowSample:
    """Return some rows of a batch, in their order."""
    columns, beside = batch.columns, batch.beside
    if columns[0].ndim == 2:
        values = columns[0][rows].astype(np.float64)
    else:
        values = np.stack([c[rows] for c in columns], axis=1, dtype=np.float64)
    weight = beside["weight"][rows] if "weight" in beside else np.ones(len(rows))
    ones = np.ones(len(rows), dtype=np.int64)
    return RowSample(keys, values, beside["target"][rows], weight, ones, len(rows), is_whole)


def _nothing(classes: int) -> RowSample:
    none = np.empty(0, dtype=np.int64)
    return RowSample(
        none.astype(np.uint64), np.empty((0, classes)), none, np.empty(0), none, 0, True
    )


def _together(parts: Sequence[RowSample]) -> RowSample:
    """Return the sample of the rows of all parts; the rows of a part may be in any order."""
    keys = np.concatenate([p.keys for p in parts])
    order = np.argsort(keys)  # rows of one key are equal
    keys = keys[order]
    begins = np.flatnonzero(_firsts(keys))
    most, few = sizes(parts[0].values.shape[1])
    is_whole = all(p.is_whole for p in parts) and len(begins) <= most
    counts = np.concatenate([p.counts for p in parts])[order]
    counts = np.add.reduceat(counts, begins) if len(begins) else counts
    kept = order[begins[: None if is_whole else few]]
    return RowSample(
        keys[begins[: len(kept)]],
        np.concatenate([p.values for p in parts])[kept],
        np.concatenate([p.target for p in parts])[kept],
        np.concatenate([p.weight for p in parts])[kept],
        counts[: len(kept)],
        sum(p.num_rows for p in parts),
        is_whole,
    )


def _up_to(limit: np.uint64, part: RowSample) -> RowSample:
    """Return the rows whose keys are at most this."""
    kept = part.keys <= limit
    arrays = {name: getattr(part, name)[kept] for name in ARRAYS}
    return part if kept.all() else replace(part, **arrays)


def _firsts(keys: Keys) -> npt.NDArray[np.bool_]:
    """Which of rising keys are not the one before."""
    first = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first
