"""Pairs of distributions: swapped (D09), without support (D27), decided by a clip (D31)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics import sampling
from xent.diagnostics.warn import warn_once
from xent.diagnostics.where import Index, at, first, row_index, share

__all__ = ["clip_share", "report_no_support", "swapped_arguments"]

_ROWS_NEEDED = 8
_CLIP_SHARE = 0.1


def swapped_arguments(
    p: Any, q: Any, *, axis: int = -1, names: tuple[str, str] = ("p", "q")
) -> None:
    """Warn D09 if the model `q` has exact zeros or ones in its rows and the truth `p` has none.

    One-hot truths have them and the output of a softmax does not; 90 % of the sampled rows
    of `q` against 10 % of those of `p`, at least 8 rows. Sampled as `look_at_logits` is.

    Parameters
    ----------
    p, q : array of probabilities, same shape
        The truth and the model.
    names : pair of str
        What the caller calls them, in this order.
    """
    if not sampling.due(f"swapped {names[0]} {names[1]}"):
        return
    p, q = np.asarray(p), np.asarray(q)
    if p.shape != q.shape or p.size < _ROWS_NEEDED * p.shape[axis] or p.shape[axis] < 2:
        return
    model = _extreme_rows(sampling.sample_rows(q, axis))
    if model.mean() < 0.9:
        return
    truth = _extreme_rows(sampling.sample_rows(p, axis))
    if truth.mean() > 0.1:
        return
    warn_once(
        f"{int(model.sum())} of {model.size} sampled rows of {names[1]}, the model, hold an exact "
        f"0 or 1, and {int(truth.sum())} of {names[0]}, the truth: the arguments look swapped. The "
        f"cross-entropy is not symmetric, and infinite where the model says 0. The truth comes as "
        f"{names[0]}, the model as {names[1]}.",
        code="D09",
        value=float(model.mean()),
    )


def _extreme_rows(rows: NDArray[Any]) -> NDArray[np.bool_]:
    extreme: NDArray[np.bool_] = ((rows == 0) | (rows == 1)).any(axis=-1)
    return extreme


def report_no_support(
    p: Any, q: Any, axis: int = -1, *, names: tuple[str, str] = ("p", "q")
) -> tuple[int, Index | None]:
    """Return how many entries have p > 0 where q = 0, and the first, and warn D27 of them.

    To be called once a result is infinite.

    Returns
    -------
    count : int
    index : tuple of int or None
        Multi-index of the first; None for none.
    """
    p, q = np.broadcast_arrays(np.asarray(p), np.asarray(q))
    wrong = (p > 0) & (q == 0)
    count = int(wrong.sum())
    if not count:
        return 0, None
    index = first(wrong)
    rows = wrong.any(axis=axis) if wrong.ndim else wrong
    warn_once(
        f"the result is infinite: {names[1]} is 0 where {names[0]} is positive in "
        f"{share(count, wrong.size, 'entries')} ({share(int(rows.sum()), rows.size, 'rows')}); "
        f"first: {at(names[0], index)} = {p[index]:.4g}. If these zeros are rounded, pass logits "
        'or log-probabilities; to bound the loss, ask for a clip by name: zero="clip:1e-15".',
        code="D27",
        index=row_index(index),
        value=p[index].item(),
    )
    return count, index


def clip_share(clipped: float, total: float, *, count: int, clip: float) -> float:
    """Return the share of a loss that comes from clipped entries; warn D31 above 10 %.

    Parameters
    ----------
    clipped : float
        Sum of the losses of the entries that were clipped.
    total : float
        Sum of all losses, theirs included.
    count : int
        How many entries were clipped.
    clip : float
        The bound that stood in for their probability.

    Returns
    -------
    float
        In [0, 1]; 0 for a total of 0.
    """
    part = clipped / total if total > 0 else 0.0
    if count and part > _CLIP_SHARE:
        warn_once(
            f"{part:.0%} of the loss comes from {count:,} clipped "
            f"{'entry' if count == 1 else 'entries'}: its value follows from the clip {clip:g}, "
            f"at which one impossible row costs {-np.log(clip):.4g} nats, rather than from the "
            "predictions. Report the number of impossible rows beside it, or smooth the "
            "predictions.",
            code="D31",
            value=part,
        )
    return part
