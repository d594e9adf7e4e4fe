"""Sigmoid cross-entropy of a block of logits on a CPU. See native/sigmoid_block.kernel.cpp."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import xent._native as _native

__all__ = ["score_"]


def score_(
    logits: NDArray[Any],  # C-contiguous (rows, labels), float32 or float64
    sums: NDArray[Any],  # float64, (rows,): the losses of each row are added
    *,
    # same shape, of any row stride; bool, uint8, any float, or bits of bfloat16
    target: NDArray[Any] | None = None,  # None: no label is true
    pos_weight: NDArray[Any] | None = None,  # float64, (labels,)
    label_weight: NDArray[Any] | None = None,  # float64, (labels,)
    row_scale: NDArray[Any] | None = None,  # float64, (rows,): of the gradient only
    scale: float = 1.0,  # likewise, of all rows
    want_gradient: bool = False,  # the logits are overwritten by it
    threads: int = 0,  # 0: as many as xent.set_num_threads says
) -> int:
    """Add the losses of the rows to `sums`; return how many targets are outside [0, 1]."""
    bad: int = _native.sigmoid_block(
        logits, sums, target, pos_weight, label_weight, row_scale, scale, want_gradient, threads
    )
    return bad
