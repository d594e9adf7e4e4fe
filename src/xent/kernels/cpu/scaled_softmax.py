"""The log loss of scaled scores, with what its derivatives are made of, on the CPU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import xent._native as _native

__all__ = ["ScaledSoftmax", "scaled_softmax"]

Array = npt.NDArray[np.float64]


class ScaledSoftmax(NamedTuple):
    """Sums over rows of share times what is said, with p = softmax(eta) and d = z - sum_k p_k z_k.

    Those of the scale are 0 where `of_scale` is false, and `pairs` where `of_biases` is.
    """

    loss: float  # logsumexp(eta) - eta_y
    spread: float  # sum_j p_j d_j**2
    probs: Array  # p_j, (K,)
    scored: Array  # p_j z_j, (K,)
    crossed: Array  # p_j d_j, (K,)
    pairs: Array  # p_i p_j, (K, K)


def scaled_softmax(
    scores: Array,
    target: npt.NDArray[np.int64],
    share: Array,
    *,
    scale: float,
    bias: Array,
    of_scale: bool = True,
    of_biases: bool = True,
) -> ScaledSoftmax:
    """Return the sums of eta = scale * scores + bias[:, None].

    `scores` are (K, N), finite or -inf, which they stay; `target` (N,) positions of possible
    classes, `share` (N,), `bias` (K,). The number of threads cannot be seen in a sum.

    >>> sums = scaled_softmax(
    ...     np.zeros((2, 1)), np.array([1]), np.ones(1), scale=1.0, bias=np.log([1.0, 3.0])
    ... )
    >>> round(sums.loss, 4), sums.pairs.round(4).tolist()
    (0.2877, [[0.0625, 0.1875], [0.1875, 0.5625]])
    """
    k = len(scores)
    sums = _native.scaled_softmax(
        np.ascontiguousarray(scores, dtype=np.float64),
        np.ascontiguousarray(target, dtype=np.int64),
        np.ascontiguousarray(share, dtype=np.float64),
        np.ascontiguousarray(bias, dtype=np.float64),
        float(scale),
        of_scale,
        of_biases,
    )
    loss, spread = sums[:2].tolist()
    probs, scored, crossed = sums[2 : 2 + 3 * k].reshape(3, k)
    upper = sums[2 + 3 * k :].reshape(k, k)
    return ScaledSoftmax(loss, spread, probs, scored, crossed, upper + np.triu(upper, 1).T)
