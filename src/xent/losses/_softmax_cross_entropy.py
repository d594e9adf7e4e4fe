"""Cross-entropy of the softmax of logits: exactly one class is true."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.diagnostics.averaging import nearly_empty, weights_cancel
from xent.diagnostics.logits import look_at_logits, note_half_precision
from xent.diagnostics.policy import active
from xent.diagnostics.targets import raise_target_out_of_range
from xent.kernels.cpu import softmax_cross_entropy as kernel
from xent.losses._arguments import (
    as_axis,
    as_class_target,
    as_floats,
    as_ignore_index,
    as_out,
    as_weights,
    check_fraction,
    refuse_ignore_index,
)
from xent.losses._derivatives import Evaluated, has_derivatives
from xent.losses._reduction import check_reduction, reduce_scored

__all__ = ["softmax_cross_entropy"]


def _evaluate(
    logits: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
    reduction: str = "mean",
    on_empty: str = "raise",
    want_gradient: bool = False,
    want_hessian: bool = False,
    out: Any = None,
) -> Evaluated:
    check_reduction(reduction, on_empty)
    x = as_floats(logits, "logits")
    at = as_axis(x, axis, "logits")
    num_classes = x.shape[at]
    rows_shape = x.shape[:at] + x.shape[at + 1 :]
    ignore_index = as_ignore_index(ignore_index)
    sample_weight = as_weights(sample_weight, "sample_weight", rows_shape, "one for each row")
    index, soft = as_class_target(
        target,
        x,
        at,
        given_axis=axis,
        name="logits",
        sample_weight=sample_weight,
        ignore_index=ignore_index,
    )
    weight = as_weights(
        weight, "weight", (num_classes,), f"one weight for each of the {num_classes} classes"
    )
    if label_smoothing:
        check_fraction(label_smoothing, "label_smoothing")
    if soft is not None:
        refuse_ignore_index(ignore_index)
        if label_smoothing:
            soft = (1 - label_smoothing) * soft + label_smoothing / num_classes
            soft = soft.astype(np.float64 if x.dtype == np.float64 else np.float32, copy=False)
            label_smoothing = 0.0
    if active() != "off":
        look_at_logits(x, at, loss="softmax_cross_entropy")
        note_half_precision(x)
        if weight is not None and reduction == "mean" and index is not None:
            weights_cancel(index, ignore_index=ignore_index)
    scored = kernel.score(
        x,
        axis=at,
        target=index,
        soft_target=soft,
        class_weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        mean=reduction == "mean",
        want_nll=reduction == "none",
        want_gradient=want_gradient,
        want_hessian=want_hessian,
        out=as_out(out, x, soft, weight, sample_weight),
    )
    if scored is None:
        raise_target_out_of_range(index, num_classes, ignore_index)
    rows = x.size // num_classes
    if ignore_index is not None and active() == "full":
        nearly_empty(kept=scored.count, rows=rows, loss="softmax_cross_entropy")
    value = reduce_scored(scored, reduction, on_empty, rows, ignore_index)
    return Evaluated(value, scored.gradient, scored.hessian)


@has_derivatives(_evaluate)
def softmax_cross_entropy(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
    reduction: str = "mean",
    on_empty: str = "raise",
) -> Any:
    r"""Return the cross-entropy between targets and the softmax of logits, in nats.

    Exactly one class of each row is true. For a row of logits :math:`x` and a target
    distribution :math:`t` (one-hot for a class index),

    .. math::
        \ell(x, t) = -\sum_j w_j t_j \log \operatorname{softmax}(x)_j ,
        \qquad
        \ell(x, y) = w_y \Bigl(\log \sum_k e^{x_k} - x_y\Bigr) .

    Parameters
    ----------
    logits : array, floating, shape ``(..., C, ...)``
        Unnormalised log-probabilities, the classes along `axis`. One sample without a
        batch axis is shape ``(C,)``. ``-inf`` is a class that cannot happen.
    target : array, integer or floating
        Integers of the shape of `logits` without `axis`: the true class, in ``[0, C)``.
        Or the shape of `logits`: a distribution over the classes for each row, floating,
        or one-hot integers.
    weight : array, shape ``(C,)``, optional
        Weight of each class, :math:`w` above.
    sample_weight : array, shape of `logits` without `axis`, optional
        Weight of each row. A row of weight 0 is skipped, whatever it holds.
    ignore_index : int, optional
        Rows with this class index have loss 0 and gradient 0, and do not count.
    label_smoothing : float in [0, 1], default 0
        Mixes the target with the uniform distribution: :math:`(1-\varepsilon) t +
        \varepsilon / C`, as PyTorch and Keras define it.
    axis : int, default -1
        The class axis.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the sum of the weights of the rows that count: of
        ``sample_weight`` times :math:`\sum_j w_j t_j`, which is :math:`w_y` for a class
        and 1 without class weights. "total" returns sum and denominator as a `Total`.
    on_empty : {"raise", "nan", "zero"}, default "raise"
        The "mean" over nothing.

    Returns
    -------
    loss : float, array or Total
        A float for "mean" and "sum", whose sum is taken in float64. For "none" an array of
        the shape of `logits` without `axis`: float64 for float64 logits, else float32.

    Raises
    ------
    XentTypeError
        If `logits` are not numbers, or class indices are not integers.
    XentValueError
        D01: a target is no class. D02: there is nothing to average. D08: a target row is
        no distribution. D14: the shapes do not fit. D17: a one-hot row has not exactly one
        positive. Also for weights that are negative or of a wrong shape.

    Warns
    -----
    MisuseWarning
        D04: the logits look like probabilities, so that a second softmax is taken.

    Notes
    -----
    *Precision.* Within 4 ulp over the whole range of the dtype, for any number of classes:
    a row that is right by 80 nats has a loss of 1.8e-35 and not 0. float16 logits are
    computed and summed in float32. Weighted soft targets are within 6 ulp of their terms,
    and a weight multiplies the rounding of a denormal number.

    *Edges.* A target of probability 0 gives inf; a row whose other classes are all -inf
    gives 0; a row of only -inf, and +inf anywhere, gives nan. NaN in a row stays in that
    row. A row does not depend on its batch, and nothing on the number of threads.

    *Memory.* The value alone allocates nothing of the size of the logits, where these are
    C-contiguous floats and the targets are class indices.

    See Also
    --------
    sigmoid_cross_entropy : each label is true or false by itself.
    categorical_cross_entropy : the same loss from probabilities.
    cross_entropy : the measure, between two distributions.
    value_and_grad : this loss with its gradient, in one pass.

    References
    ----------
    .. [1] Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018,
       arXiv:1805.02867.
    .. [2] Prieto et al., "Grokking at the edge of numerical stability", 2025,
       arXiv:2501.04697, on what a loss that rounds to 0 does to training.

    Examples
    --------
    Two equally likely classes cost log(2) nats, that is one bit:

    >>> import numpy as np
    >>> import xent
    >>> logits = np.array([[0.0, 0.0], [2.0, 0.0]])
    >>> xent.softmax_cross_entropy(logits, np.array([0, 0]), reduction="none").round(4)
    array([0.6931, 0.1269])
    >>> round(xent.softmax_cross_entropy(logits, np.array([[0.5, 0.5], [1.0, 0.0]])), 4)
    0.41
    """
    return _evaluate(
        logits,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        axis=axis,
        reduction=reduction,
        on_empty=on_empty,
    ).value
