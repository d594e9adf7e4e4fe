"""Counts: too few for an entropy (D28), or given for probabilities (D29)."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.warn import warn_once
from xent.diagnostics.where import at, first, number, row_index
from xent.errors import XentValueError

__all__ = ["looks_like_counts", "raise_counts", "undersampled"]

_PER_CLASS = 10
_COVERAGE = 0.9
_LOOKED_AT = 4096


def looks_like_counts(p: Any) -> bool:
    """Return whether `p` holds whole numbers, none negative, some above one.

    >>> looks_like_counts(np.array([3, 0, 7])), looks_like_counts(np.array([0, 1]))
    (True, False)
    """
    p = np.asarray(p)
    if not p.size or p.dtype.kind == "b":
        return False
    if p.dtype.kind not in "iu":
        head = p.flat[:_LOOKED_AT]
        if not (np.isfinite(head).all() and (head == np.floor(head)).all()):
            return False
        if not (np.isfinite(p).all() and (p == np.floor(p)).all()):
            return False
    return bool(p.min() >= 0 and p.max() > 1)


def raise_counts(p: Any, *, name: str = "p") -> NoReturn:
    """Raise D29 for counts that were given as probabilities.

    >>> raise_counts(np.array([3, 0, 7]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D29: p must hold probabilities, but its entries are whole
    numbers up to 7 (first above one: p[0] = 3). Are these counts? Call entropy_from_counts,
    which corrects for few counts, or pass normalize=True to use their frequencies.
    """
    p = np.asarray(p)
    index = first(p > 1)
    raise XentValueError(
        f"{name} must hold probabilities, but its entries are whole numbers up to "
        f"{number(int(p.max()))} (first above one: {at(name, index)} = {number(int(p[index]))}). "
        "Are these counts? Call entropy_from_counts, which corrects for few counts, or pass "
        "normalize=True to use their frequencies.",
        code="D29",
        index=row_index(index),
        value=p[index].item(),
    )


def undersampled(counts: Any, *, axis: int = -1) -> None:
    """Warn D28 if a plug-in entropy of these counts is off by more than it should.

    With n observations of K different outcomes, f1 of them seen once: n < 10 K, or a
    coverage 1 - f1/n below 0.9 (Good's estimate of the mass of what was seen). Names the
    worst row, and the bias -(K-1)/(2n) nats, which is its first term.
    """
    counts = np.moveaxis(np.asarray(counts), axis, -1)
    total = counts.sum(axis=-1, dtype=np.float64)
    observed = np.count_nonzero(counts, axis=-1)
    once = np.count_nonzero(counts == 1, axis=-1)
    few = (total > 0) & ((total < _PER_CLASS * observed) | (once > (1 - _COVERAGE) * total))
    if not np.any(few):
        return
    bias: NDArray[Any] = np.where(few, (observed - 1) / (2 * np.maximum(total, 1)), -1.0)
    row = first(bias == bias.max())
    n, k, f1 = (int(np.asarray(a)[row]) for a in (total, observed, once))
    where = f" in row {', '.join(map(str, row))}" if row else ""
    warn_once(
        f"{n:,} observations of {k:,} different outcomes{where} are few ({f1:,} outcomes were seen "
        f"once): the plug-in entropy is too low by about {float(bias.max()):.3g} nats. Ask for an "
        'estimator that corrects this, such as entropy_from_counts(counts, estimator="chao-shen").',
        code="D28",
        index=row_index(row),
        value=-float(bias.max()),
    )
