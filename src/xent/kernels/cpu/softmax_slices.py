"""Softmax rows whose classes come in slices, on a CPU. See native/softmax_slices.kernel.cpp."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import xent._native as _native

__all__ = ["State", "empty", "gradient_", "scan"]


class State(NamedTuple):
    """What is kept of the classes seen, each (N,): two int64, the rest float64.

    The logits x are those after softcap, temperature and mask, and s_j is the mass of the
    target on class j. Of no class that can happen, `top` is -inf and `arg` -1; the peak of no
    class is -1. The formulas in torch operations keep the same numbers.
    """

    top: NDArray[Any]  # the largest logit
    arg: NDArray[Any]  # its class, the first of equal ones
    odds: NDArray[Any]  # sum of exp(x_j - top) over the other classes
    terms: NDArray[Any]  # sum of exp(x_j - top) (top - x_j), if it is asked for
    spread: NDArray[Any]  # sum of s_j (top - x_j); inf where a class with mass cannot happen
    mass: NDArray[Any]  # sum of s_j
    peak: NDArray[Any]  # the class with the largest s_j, the first of equal ones
    at_peak: NDArray[Any]  # its s_j
    but_peak: NDArray[Any]  # the sum of the others


def empty(rows: int) -> State:
    """Return the state of rows of which no class was seen."""
    top, peak = np.full(rows, -np.inf), np.full(rows, -1, np.int64)
    odds, terms, spread, mass, at_peak, but_peak = np.zeros((6, rows))
    return State(top, peak.copy(), odds, terms, spread, mass, peak, at_peak, but_peak)


def scan(
    block: NDArray[Any],  # (N, columns), float32 or float64; its rows may lie apart
    state: State,  # changed in place
    *,
    first: int,  # the class of the first column
    target: NDArray[Any] | None = None,  # int64, (N,): classes of whole rows, in range
    soft_target: NDArray[Any] | None = None,  # or the shape and dtype of the block
    class_weight: NDArray[Any] | None = None,  # float64, (columns,)
    class_mask: NDArray[Any] | None = None,  # uint8, (columns,) or like block; 0: impossible
    label_smoothing: float = 0.0,
    choices: int | NDArray[Any] = 1,  # classes that smoothing spreads over; (N,) if rows differ
    softcap: float | None = None,  # first softcap * tanh(logits / softcap) ...
    temperature: float = 1.0,  # ... then divided by this
    row_weight: NDArray[Any] | None = None,  # float64, (N,): rows of 0 are left as they are
    want_terms: bool = False,
    threads: int = 0,  # 0: as many as xent.set_num_threads says
) -> None:
    """Add the classes of a block, [first, first + columns), to the state of its rows."""
    share, row_share = _share(label_smoothing, choices)
    _native.scan_softmax_slice(
        block, first, *state, target, soft_target, class_weight, class_mask, label_smoothing,
        share, row_share, softcap or 0.0, temperature, 0.0, row_weight, want_terms, threads,
    )  # fmt: skip


def gradient_(
    block: NDArray[Any],
    state: State,  # of all classes
    *,
    first: int,
    target: NDArray[Any] | None = None,
    soft_target: NDArray[Any] | None = None,
    class_weight: NDArray[Any] | None = None,
    class_mask: NDArray[Any] | None = None,
    label_smoothing: float = 0.0,
    choices: int | NDArray[Any] = 1,
    softcap: float | None = None,
    temperature: float = 1.0,
    z_loss: float = 0.0,  # times lse^2, beside the class weights
    row_scale: NDArray[Any] | None = None,  # float64, (N,): times each row; 0 skips it
    threads: int = 0,
) -> None:
    """Turn the logits of a block into their gradient, in place. Skipped rows get zeros."""
    share, row_share = _share(label_smoothing, choices)
    _native.softmax_slice_gradient(
        block, first, *state, target, soft_target, class_weight, class_mask, label_smoothing,
        share, row_share, softcap or 0.0, temperature, z_loss, row_scale, False, threads,
    )  # fmt: skip


def _share(
    label_smoothing: float, choices: int | NDArray[Any]
) -> tuple[float, NDArray[Any] | None]:
    """Return what each class gets of the smoothing: one number for all rows, or one for each."""
    if not label_smoothing:
        return 0.0, None
    if isinstance(choices, np.ndarray):
        # a row that leaves no choice has no class to give it to
        return 0.0, np.ascontiguousarray(label_smoothing / np.maximum(choices, 1.0))
    return label_smoothing / max(choices, 1), None
