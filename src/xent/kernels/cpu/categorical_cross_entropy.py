"""Cross-entropy of class targets from probabilities on a CPU.

See native/categorical_cross_entropy.kernel.cpp.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

import xent._native as _native
from xent.kernels.cpu.scored import Scored

__all__ = ["Categorical", "score"]


class Categorical(NamedTuple):
    """Losses, and what was found on the way.

    bad_targets  targets that are no class; nothing was computed
    bad_rows     rows that are no distribution
    zero_rows    rows whose truth has probability 0, or is clipped, and the first of them
    clipped_sum  the part of the sum that comes from the clip
    """

    scored: Scored
    bad_targets: int
    bad_rows: int
    zero_rows: int
    first_zero: int
    clipped_sum: float


def score(
    probs: NDArray[Any],  # C-contiguous; float32 or float64
    target: NDArray[Any],  # int64, shape of probs without the axis
    *,
    axis: int,
    tolerance: float,
    class_weight: NDArray[Any] | None = None,  # float64, (C,)
    sample_weight: NDArray[Any] | None = None,  # float64, like target
    ignore_index: int | None = None,
    clip: float = 0.0,
    want_nll: bool = False,
) -> Categorical:
    nll, total, weight, count, *found = _native.categorical_cross_entropy(
        probs, axis, target, class_weight, sample_weight, ignore_index, tolerance, clip, want_nll
    )
    return Categorical(Scored(nll, total, weight, count), *found)
