"""Cross-entropy of class targets from probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

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
from xent.losses._probabilities import Predicted, derivatives, score_classes, score_mass
from xent.losses._reduction import check_reduction, reduce_scored
from xent.losses._zero import parse_zero

__all__ = ["categorical_cross_entropy"]


def _evaluate(
    probs: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    zero: str = "inf",
    axis: int = -1,
    reduction: str = "mean",
    on_empty: str = "raise",
    want_gradient: bool = False,
    want_hessian: bool = False,
    out: Any = None,
) -> Evaluated:
    check_reduction(reduction, on_empty)
    policy = parse_zero(zero)
    ignore_index = as_ignore_index(ignore_index)
    p = as_floats(probs, "probs")
    at = as_axis(p, axis, "probs")
    num_classes = p.shape[at]
    rows_shape = p.shape[:at] + p.shape[at + 1 :]
    sample_weight = as_weights(sample_weight, "sample_weight", rows_shape, "one for each row")
    index, soft = as_class_target(
        target,
        p,
        at,
        given_axis=axis,
        name="probs",
        sample_weight=sample_weight,
        ignore_index=ignore_index,
    )
    if soft is not None:
        refuse_ignore_index(ignore_index)
    meaning = f"one weight for each of the {num_classes} classes"
    predicted = Predicted(
        p,
        at,
        as_weights(weight, "weight", (num_classes,), meaning),
        sample_weight,
        ignore_index,
        policy,
    )
    out = as_out(out, p)
    if label_smoothing:
        check_fraction(label_smoothing, "label_smoothing")
    if index is not None and not label_smoothing:
        scored = score_classes(predicted, index, want_nll=reduction == "none")
    else:
        count = int(np.count_nonzero(predicted.kept(index)))
        scored = score_mass(predicted, predicted.mass(index, soft, label_smoothing), count)
    if want_gradient or want_hessian:
        mass = predicted.mass(index, soft, label_smoothing)
        scale = 1 / scored.weight if reduction == "mean" and scored.weight else 1.0
        gradient, hessian = derivatives(predicted, mass * scale, want_hessian, out)
        scored = replace(scored, gradient=gradient, hessian=hessian)
    value = reduce_scored(scored, reduction, on_empty, p.size // num_classes, ignore_index)
    return Evaluated(value, scored.gradient, scored.hessian)


@has_derivatives(_evaluate)
def categorical_cross_entropy(
    probs: Any,
    target: Any,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    zero: str = "inf",
    axis: int = -1,
    reduction: str = "mean",
    on_empty: str = "raise",
) -> Any:
    r"""Return the cross-entropy between targets and predicted probabilities, in nats.

    .. math::
        \ell(q, t) = -\sum_j w_j t_j \log q_j , \qquad \ell(q, y) = -w_y \log q_y ,

    the log loss of one sample, whose mean over a batch is what evaluation reports.

    Parameters
    ----------
    probs : array, floating, shape ``(..., C, ...)``
        Probabilities of the classes along `axis`; each row sums to one.
    target : array, integer or floating
        As for `softmax_cross_entropy`: class indices, or a distribution for each row.
    weight, sample_weight, ignore_index, label_smoothing, axis, reduction, on_empty
        As for `softmax_cross_entropy`.
    zero : {"inf", "raise", "clip:EPS"}, default "inf"
        What a probability of 0 for a true class costs. A clip is a policy, asked for by
        name and the same for every dtype: a probability below EPS counts as EPS.

    Returns
    -------
    loss : float, array or Total
        As for `softmax_cross_entropy`.

    Raises
    ------
    XentValueError
        D07: a row is no distribution; D10: these are log-probabilities; D29: these are
        counts; and as for `softmax_cross_entropy`.

    Warns
    -----
    MisuseWarning
        D27: some loss is infinite, with the number of rows and the first. D31: more than a
        tenth of the loss comes from the clip.

    Notes
    -----
    *Precision.* Each logarithm is taken in float64. Rows must sum to one within 1e-8
    (float64), 1e-4 (float32) or 2e-3 (float16); they are scored as they are, not
    normalised. Where the logits exist, `softmax_cross_entropy` is more exact: a float32
    probability cannot be closer to 1 than 6e-8.

    *Derivatives.* With respect to each probability by itself, :math:`-w_j t_j / q_j`.
    With a clip the slope is that at EPS: it never becomes 0.

    See Also
    --------
    softmax_cross_entropy : from logits.
    binary_cross_entropy : each label by itself.
    cross_entropy : the measure, between two distributions.

    References
    ----------
    .. [1] I. J. Good, "Rational Decisions", Journal of the Royal Statistical Society B 14, 1952.

    Examples
    --------
    A picture of a frog, with probability 0.6 for the frog:

    >>> import numpy as np
    >>> import xent
    >>> round(xent.categorical_cross_entropy(np.array([0.3, 0.6, 0.1]), 1), 4)
    0.5108
    """
    return _evaluate(
        probs,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        zero=zero,
        axis=axis,
        reduction=reduction,
        on_empty=on_empty,
    ).value
