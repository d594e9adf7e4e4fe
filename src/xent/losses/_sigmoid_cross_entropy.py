"""Cross-entropy of the sigmoid of logits: each label is true or false by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.logits import look_at_logits
from xent.diagnostics.policy import active
from xent.diagnostics.shapes import check_same_shape
from xent.diagnostics.soft_targets import check_unit_interval, hint_single_label
from xent.errors import XentTypeError
from xent.kernels.cpu import sigmoid_cross_entropy as kernel
from xent.kernels.cpu.scored import Scored
from xent.losses._arguments import (
    as_array,
    as_axis,
    as_floats,
    as_ignore_index,
    as_out,
    as_weights,
    check_fraction,
    compute_dtype,
)
from xent.losses._derivatives import Evaluated, has_derivatives
from xent.losses._nodes import Nodes
from xent.losses._reduction import check_reduction, reduce_scored

__all__ = ["sigmoid_cross_entropy"]

Array = NDArray[Any]


def _evaluate(
    logits: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    axis: int | None = None,
    reduction: str = "mean",
    on_empty: str = "raise",
    want_gradient: bool = False,
    want_hessian: bool = False,
    out: Any = None,
) -> Evaluated:
    check_reduction(reduction, on_empty)
    x = as_floats(logits, "logits")
    ignore_index = as_ignore_index(ignore_index)
    y = _as_labels(target, x)
    at = None if axis is None else as_axis(x, axis, "logits")
    # without samples, the labels that weight and pos_weight speak of are the last axis
    label_axis = x.ndim - 1 if at is None else at
    labels = x.shape[label_axis] if x.ndim else 1
    meaning = f"one weight for each of the {labels} labels"
    weight = as_weights(weight, "weight", (labels,), meaning)
    pos_weight = as_weights(pos_weight, "pos_weight", (labels,), meaning)
    nodes = Nodes.of(x.shape, at, label_axis, weight, sample_weight, _ignored(y, ignore_index))
    y = nodes.counted(y, at, ignore_index)
    if active() != "off":
        look_at_logits(x, None, loss="sigmoid_cross_entropy")
        if at is not None:
            hint_single_label(y, at)
    if label_smoothing:
        check_fraction(label_smoothing, "label_smoothing")
    scored, bad = kernel.score(
        x,
        y,
        axis=label_axis if x.ndim else None,
        weight=nodes.weight,
        count=nodes.count,
        pos_weight=pos_weight,
        label_weight=weight,
        sample_weight=nodes.sample_weight if at is not None else None,
        node_weight=nodes.sample_weight if at is None else None,
        ignored_target=None if ignore_index is None else float(ignore_index),
        label_smoothing=label_smoothing,
        mean=reduction == "mean",
        want_nll=reduction == "none",
        want_gradient=want_gradient,
        want_hessian=want_hessian,
        out=as_out(out, x, y, weight, pos_weight, nodes.sample_weight),
    )
    if bad:
        _check_labels(nodes.counted(np.asarray(target), at, ignore_index), ignore_index)
    if reduction == "none" and at is not None:
        scored = _per_sample(scored, at)
    value = reduce_scored(scored, reduction, on_empty, nodes.units, ignore_index)
    return Evaluated(value, scored.gradient, scored.hessian)


def _as_labels(target: Any, logits: Array) -> Array:
    y = as_array(target, "target")
    check_same_shape("logits", logits.shape, "target", y.shape)
    if y.dtype.kind not in "iubf":
        raise XentTypeError(
            f"target must be labels that are 0 or 1, or probabilities in [0, 1], got {y.dtype}",
            code="D16",
            value=str(y.dtype),
        )
    if y.dtype.kind == "b" or y.dtype == np.uint8:
        return y if y.flags.c_contiguous else y.copy(order="C")
    return np.asarray(y, dtype=compute_dtype(logits), order="C")


def _ignored(y: Array, ignore_index: int | None) -> NDArray[np.bool_] | None:
    return None if ignore_index is None else np.asarray(y == ignore_index)


def _check_labels(y: Array, ignore_index: int | None) -> None:
    ignored = _ignored(y, ignore_index)
    check_unit_interval(y if ignored is None else np.where(ignored, 0, y))


def _per_sample(scored: Scored, axis: int) -> Scored:
    assert scored.nll is not None
    nll = np.add.reduce(scored.nll, axis=axis, dtype=np.float64)
    return replace(scored, nll=np.asarray(nll, dtype=scored.nll.dtype))


@has_derivatives(_evaluate)
def sigmoid_cross_entropy(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    axis: int | None = None,
    reduction: str = "mean",
    on_empty: str = "raise",
) -> Any:
    r"""Return the cross-entropy between labels and the sigmoid of logits, in nats.

    Each label is true or false by itself. For one node with logit :math:`z` and label
    :math:`y`,

    .. math::
        \ell(z, y) = -w\,[\,v\,y \log \sigma(z) + (1 - y) \log \sigma(-z)\,]

    with the label's weight :math:`w` and positive weight :math:`v`.

    Parameters
    ----------
    logits : array, floating, any shape
        Log-odds of each label.
    target : array, same shape
        0 or 1 (any integer dtype, bool or floating), or the probability of 1.
    weight : array, shape ``(C,)``, optional
        Weight of each label; the labels are along `axis`, or along the last axis.
    pos_weight : array, shape ``(C,)``, optional
        Weight of the positive term of each label. Not part of any denominator.
    sample_weight : array, optional
        Weight of each sample: the shape of `logits` without `axis`, or with ``axis=None``
        the shape of `logits`, since every node is a sample then.
    ignore_index : int, optional
        Nodes with this target have loss 0 and gradient 0, and do not count.
    label_smoothing : float in [0, 1], default 0
        Moves every label towards 1/2: :math:`(1-\varepsilon) y + \varepsilon / 2`.
    axis : int or None, default None
        What a sample is. None scores every node by itself. An axis makes the nodes along
        it one sample, whose loss is their sum: the article's form for n-hot targets.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the number of samples, or the sum of their weights: with
        ``axis=None`` by that of the nodes. The article's batch loss is "sum".
    on_empty : {"raise", "nan", "zero"}, default "raise"
        The "mean" over nothing.

    Returns
    -------
    loss : float, array or Total
        A float for "mean" and "sum", whose sum is taken in float64. For "none" an array of
        the shape of the samples: float64 for float64 logits, else float32.

    Raises
    ------
    XentTypeError
        If `logits` or `target` are not numbers.
    XentValueError
        D08: a target is outside [0, 1]. D15: the shapes differ; nothing is broadcast.
        D02: there is nothing to average.

    Warns
    -----
    MisuseWarning
        D06: the logits look like probabilities.

    Notes
    -----
    *Precision.* Value and gradient within 4 ulp of the sum of their terms' magnitudes: for
    a label that is 0 or 1 there is only one term, so within 4 ulp, however confident.
    Weights add a rounding each, and multiply that of a denormal number.

    *Edges.* A term whose coefficient is 0 is skipped, so an infinite logit of the right
    sign costs 0, of the wrong sign inf. NaN stays in its node.

    See Also
    --------
    softmax_cross_entropy : exactly one class is true.
    binary_cross_entropy : the same loss from probabilities.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    An image with a frog and a mouse but no cat; per node, per sample, per batch:

    >>> import numpy as np
    >>> import xent
    >>> probs = np.array([[0.1, 0.7, 0.8]])
    >>> logits = np.log(probs / (1 - probs))
    >>> target = np.array([[0, 1, 1]])
    >>> xent.sigmoid_cross_entropy(logits, target, reduction="none").round(4)
    array([[0.1054, 0.3567, 0.2231]])
    >>> xent.sigmoid_cross_entropy(logits, target, axis=-1, reduction="none").round(4)
    array([0.6852])
    >>> round(xent.sigmoid_cross_entropy(logits, target, reduction="sum"), 4)
    0.6852
    """
    return _evaluate(
        logits,
        target,
        weight=weight,
        pos_weight=pos_weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        axis=axis,
        reduction=reduction,
        on_empty=on_empty,
    ).value
