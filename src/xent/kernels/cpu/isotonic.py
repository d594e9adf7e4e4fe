"""Isotonic regression on the CPU: a batch of weighted problems, one a row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import xent._native as _native

__all__ = ["BinaryFit", "isotonic", "isotonic_binary"]

Array = npt.NDArray[np.float64]


class BinaryFit(NamedTuple):
    """Isotonic regression of outcomes 0 and 1, and what it loses."""

    fitted: Array  # (R, C): the fitted probability of a one
    loss: Array  # (R,): sum of -ones log(fitted) - zeros log(1 - fitted), in nats


def isotonic(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Array:
    r"""Return the non-decreasing rows nearest to `values`, by weighted least squares.

    .. math::
        \min_{f_1 \le \dots \le f_C} \sum_j w_j (y_j - f_j)^2

    The same values minimise every sum of :math:`w_j S(f_j, y_j)` for a proper score S of a
    mean, the log loss among them.

    Parameters
    ----------
    values : array, shape (R, C) or (C,)
        A problem a row. Finite.
    weights : array, the shape of `values`, optional
        Not negative. An element of weight 0 takes the value fitted before it, or, at the
        start, the first.

    Returns
    -------
    fitted : float64 array, the shape of `values`
        NaN where a row has no weight at all.

    Notes
    -----
    Pooling adjacent violators takes time in proportion to the number of elements; rows
    are shared out among threads, and do not depend on them.

    References
    ----------
    .. [1] Best and Chakravarti, "Active set algorithms for isotonic regression; a unifying
       framework", Mathematical Programming 47, 1990.

    Examples
    --------
    >>> isotonic([1.0, 3.0, 2.0, 4.0])
    array([1. , 2.5, 2.5, 4. ])
    """
    y = _matrix(values)
    fitted: Array = _native.isotonic(y, None if weights is None else _matrix(weights))
    return fitted.reshape(np.shape(values))


def isotonic_binary(zeros: npt.ArrayLike, ones: npt.ArrayLike) -> BinaryFit:
    """Return isotonic regression of cells that hold weights of zeros and ones, (R, C) each.

    Examples
    --------
    >>> fit = isotonic_binary([[1, 0, 2]], [[0, 1, 1]])
    >>> fit.fitted, fit.loss.round(4)
    (array([[0. , 0.5, 0.5]]), array([2.7726]))
    """
    return BinaryFit(*_native.isotonic_binary(_matrix(zeros), _matrix(ones)))


def _matrix(values: Any) -> Array:
    return np.ascontiguousarray(np.atleast_2d(np.asarray(values, dtype=np.float64)))
