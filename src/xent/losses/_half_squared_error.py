"""Half the squared error: what regression uses, and classification leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.diagnostics.shapes import check_same_shape
from xent.kernels.cpu.scored import Scored
from xent.losses._arguments import as_floats, as_out, as_weights, compute_dtype
from xent.losses._derivatives import Evaluated, has_derivatives
from xent.losses._reduction import check_reduction, reduce_scored

__all__ = ["half_squared_error"]


def _evaluate(
    prediction: Any,
    target: Any,
    /,
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    on_empty: str = "raise",
    want_gradient: bool = False,
    want_hessian: bool = False,
    out: Any = None,
) -> Evaluated:
    check_reduction(reduction, on_empty)
    x = as_floats(prediction, "prediction")
    y = as_floats(target, "target")
    check_same_shape("prediction", x.shape, "target", y.shape)
    out = as_out(out, x)
    weight = as_weights(sample_weight, "sample_weight", x.shape, "one for each entry")
    w = np.ones(x.shape) if weight is None else weight
    total = float(w.sum())
    scale = 1 / total if reduction == "mean" and total else 1.0
    gradient = hessian = None
    with np.errstate(over="ignore", invalid="ignore"):  # inf and nan speak for themselves
        difference = x.astype(np.float64) - y
        # an entry of weight 0 is skipped, whatever it holds
        difference = np.where(w == 0, 0.0, difference)
        nll = w * (0.5 * difference**2)
        if want_gradient:
            gradient = (scale * w * difference).astype(x.dtype)
        if want_hessian:
            hessian = np.asarray(scale * w).astype(x.dtype)
        losses = nll.astype(compute_dtype(x))
    if out is not None and gradient is not None:
        out[...] = gradient
        gradient = out
    scored = Scored(losses, float(nll.sum()), total, x.size, gradient, hessian)
    value = reduce_scored(scored, reduction, on_empty, x.size, None)
    return Evaluated(value, scored.gradient, scored.hessian)


@has_derivatives(_evaluate)
def half_squared_error(
    prediction: Any,
    target: Any,
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    on_empty: str = "raise",
) -> Any:
    r"""Return half the squared error; its mean is half the mean squared error.

    .. math::
        \frac{1}{2m} \sum_{i=1}^m (y_i - \hat y_i)^2

    Parameters
    ----------
    prediction : array, floating, any shape
        :math:`\hat y`.
    target : array, same shape
        :math:`y`.
    sample_weight : array, same shape, optional
        Weight of each entry.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the number of entries, or the sum of their weights.
    on_empty : {"raise", "nan", "zero"}, default "raise"
        The "mean" over nothing.

    Returns
    -------
    loss : float, array or Total
        In the unit of `target`, squared.

    Raises
    ------
    XentValueError
        D15: the shapes differ; nothing is broadcast. D02: there is nothing to average.

    Notes
    -----
    Computed in float64. The factor 1/2 makes the gradient the difference itself.

    Through a sigmoid, the gradient with respect to the logit is :math:`(p - y)\,p\,(1-p)`,
    which vanishes where the model is most wrong, and the loss is concave there
    (for :math:`p < 1/3` and :math:`y = 1`); cross-entropy has :math:`p - y` and is convex.
    On raw outputs the squared error works, and as a score of probabilities (Brier) it is
    proper: what classification leaves is the squared error behind a sigmoid or softmax.

    See Also
    --------
    sigmoid_cross_entropy : what takes its place for labels.

    References
    ----------
    .. [1] G. E. Hinton, "Connectionist Learning Procedures", Artificial Intelligence 40, 1989:
       why the squared error of a sigmoid learns slowly where it is most wrong.
    .. [2] G. W. Brier, "Verification of Forecasts Expressed in Terms of Probability", Monthly
       Weather Review 78, 1950.

    Examples
    --------
    >>> import numpy as np
    >>> import xent
    >>> xent.half_squared_error(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    1.0
    """
    return _evaluate(
        prediction, target, sample_weight=sample_weight, reduction=reduction, on_empty=on_empty
    ).value
