"""Cross-entropy of class targets from probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.pairs import clip_share, report_no_support
from xent.diagnostics.policy import active
from xent.diagnostics.probabilities import check_probabilities, raise_not_probabilities
from xent.diagnostics.targets import raise_target_out_of_range
from xent.diagnostics.tolerance import tolerance
from xent.errors import XentValueError
from xent.kernels.cpu import categorical_cross_entropy as kernel
from xent.kernels.cpu.scored import Scored
from xent.losses._arguments import (
    as_axis,
    as_class_target,
    as_floats,
    as_out,
    as_weights,
    check_fraction,
)
from xent.losses._derivatives import Evaluated, has_derivatives
from xent.losses._reduction import check_reduction, reduce_scored
from xent.losses._zero import Zero, parse_zero

__all__ = ["categorical_cross_entropy"]

Array = NDArray[Any]
_SUGGESTION = "pass logits to softmax_cross_entropy, or normalise the rows."


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
    p = as_floats(probs, "probs")
    at = as_axis(p, axis, "probs")
    num_classes = p.shape[at]
    index, soft = as_class_target(target, p, at, given_axis=axis, name="probs")
    rows_shape = p.shape[:at] + p.shape[at + 1 :]
    weight = as_weights(
        weight, "weight", (num_classes,), f"one weight for each of the {num_classes} classes"
    )
    sample_weight = as_weights(sample_weight, "sample_weight", rows_shape, "one for each row")
    out = as_out(out, p)
    if label_smoothing:
        check_fraction(label_smoothing, "label_smoothing")
    if soft is None and not label_smoothing:
        assert index is not None
        scored = _score_classes(
            p, index, at, weight, sample_weight, ignore_index, policy, reduction
        )
        mass = None
        if want_gradient or want_hessian:
            mass = _one_hot_mass(p, index, at, weight, sample_weight, ignore_index)
    else:
        if index is not None:
            soft = _one_hot(index, p, at, ignore_index)
        elif ignore_index is not None:
            raise XentValueError(
                f"ignore_index must be None when target holds distributions, got {ignore_index}: "
                "no entry of a distribution is a class index. Give those rows sample_weight 0.",
                value=ignore_index,
            )
        mass, kept = _soft_mass(
            soft, at, weight, sample_weight, label_smoothing, index, ignore_index
        )
        scored = _score_mass(p, mass, kept, at, policy)
    if mass is not None:
        scale = 1 / scored.weight if reduction == "mean" and scored.weight else 1.0
        scored = _with_derivatives(
            scored, p, mass * scale, policy, want_gradient, want_hessian, out
        )
    value = reduce_scored(scored, reduction, on_empty, p.size // num_classes, ignore_index)
    return Evaluated(value, scored.gradient, scored.hessian)


def _score_classes(
    p: Array,
    index: Array,
    axis: int,
    weight: Array | None,
    sample_weight: Array | None,
    ignore_index: int | None,
    policy: Zero,
    reduction: str,
) -> Scored:
    found = kernel.score(
        p if p.dtype != np.float16 else p.astype(np.float32),
        index,
        axis=axis,
        tolerance=tolerance(p.dtype),
        class_weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        clip=policy.clip,
        want_nll=reduction == "none",
    )
    if found.bad_targets:
        raise_target_out_of_range(index, p.shape[axis], ignore_index)
    if found.bad_rows:
        counted = p
        if ignore_index is not None or sample_weight is not None:
            counted = _counted_rows(p, index, axis, sample_weight, ignore_index)
        raise_not_probabilities(counted, axis=axis, name="probs", suggestion=_SUGGESTION)
    if found.zero_rows and not policy.clip:
        truth = np.take_along_axis(p, np.expand_dims(_safe(index, ignore_index), axis), axis)
        _report_zeros(policy, found.zero_rows, np.squeeze(truth, axis) <= 0, p, index, axis)
    if policy.clip:
        clip_share(found.clipped_sum, found.scored.sum, count=found.zero_rows, clip=policy.clip)
    return found.scored


def _counted_rows(
    p: Array, index: Array, axis: int, sample_weight: Array | None, ignore_index: int | None
) -> Array:
    """Return `p` with a certain first class in the rows that do not count."""
    skipped = np.zeros(index.shape, bool) if ignore_index is None else index == ignore_index
    if sample_weight is not None:
        skipped = skipped | (sample_weight == 0)
    clean = np.moveaxis(p.copy(), axis, -1)
    clean[skipped] = 0
    clean[skipped, 0] = 1
    return np.moveaxis(clean, -1, axis)


def _report_zeros(policy: Zero, count: int, zero: Array, p: Array, index: Array, axis: int) -> None:
    first = tuple(int(i) for i in np.argwhere(zero)[0]) if zero.ndim else ()
    if policy.raises:
        row = ", ".join(map(str, first))
        raise XentValueError(
            f"probs must be positive for the true class, but {count} of {index.size} rows gave it "
            f"0; first: probs row [{row}], class {int(index[first])}. If these are rounded, pass "
            'logits to softmax_cross_entropy; to bound the loss, pass zero="clip:1e-15".',
            code="D27",
            index=first,
            value=0.0,
        )
    if active() != "off":
        report_no_support(_one_hot(index, p, axis, None), p, axis, names=("target", "probs"))


def _safe(index: Array, ignore_index: int | None) -> Array:
    return index if ignore_index is None else np.where(index == ignore_index, 0, index)


def _one_hot(index: Array, p: Array, axis: int, ignore_index: int | None) -> Array:
    """Return the rows of mass of class indices, in float64; nothing for an ignored row."""
    num_classes = p.shape[axis]
    kept = np.ones(index.shape, bool) if ignore_index is None else index != ignore_index
    if ((index < 0) | (index >= num_classes))[kept].any():
        raise_target_out_of_range(index, num_classes, ignore_index)
    mass = np.zeros(p.shape)
    np.put_along_axis(
        mass,
        np.expand_dims(_safe(index, ignore_index), axis),
        np.expand_dims(kept.astype(np.float64), axis),
        axis,
    )
    return mass


def _along(weight: Array, ndim: int, axis: int) -> Array:
    shape = [1] * ndim
    shape[axis] = -1
    return weight.reshape(shape)


def _one_hot_mass(
    p: Array,
    index: Array,
    axis: int,
    weight: Array | None,
    sample_weight: Array | None,
    ignore_index: int | None,
) -> Array:
    mass = _one_hot(index, p, axis, ignore_index)
    if weight is not None:
        mass = mass * _along(weight, p.ndim, axis)
    if sample_weight is not None:
        mass = mass * np.expand_dims(sample_weight, axis)
    return mass


def _soft_mass(
    soft: Array | None,
    axis: int,
    weight: Array | None,
    sample_weight: Array | None,
    smoothing: float,
    index: Array | None,
    ignore_index: int | None,
) -> tuple[Array, Array]:
    """Return what each log-probability is multiplied by, and which rows count."""
    assert soft is not None
    mass = np.asarray(soft, dtype=np.float64)
    kept = np.ones(mass.shape[:axis] + mass.shape[axis + 1 :], bool)
    if index is not None and ignore_index is not None:
        kept = index != ignore_index
    if smoothing:
        mass = (1 - smoothing) * mass + smoothing / mass.shape[axis]
        mass = mass * np.expand_dims(kept, axis)
    if weight is not None:
        mass = mass * _along(weight, mass.ndim, axis)
    if sample_weight is not None:
        mass = mass * np.expand_dims(sample_weight, axis)
    return mass, kept


def _score_mass(p: Array, mass: Array, kept: Array, axis: int, policy: Zero) -> Scored:
    counts = np.expand_dims(kept, axis)
    check_probabilities(np.where(counts, p, 1 / p.shape[axis]), axis=axis, name="probs")
    bounded = np.clip(p.astype(np.float64), policy.clip, 1.0)
    costs = (mass > 0) & counts
    if (costs & (bounded == 0)).any():
        if policy.raises:
            first = tuple(int(i) for i in np.argwhere(costs & (bounded == 0))[0])
            raise XentValueError(
                f"probs must be positive where the target is, but "
                f"{int((costs & (bounded == 0)).sum())} entries are 0; first: probs{list(first)}. "
                'To bound the loss, pass zero="clip:1e-15".',
                code="D27",
                index=first,
                value=0.0,
            )
        if active() != "off":
            report_no_support(mass, p, axis, names=("target", "probs"))
    with np.errstate(divide="ignore"):
        terms = np.where(costs, mass * -np.log(np.where(costs, bounded, 1.0)), 0.0)
    nll = terms.sum(axis=axis)
    dtype = np.float64 if p.dtype == np.float64 else np.float32
    return Scored(
        np.asarray(nll, dtype=dtype), float(nll.sum()), float(mass.sum()), int(kept.sum())
    )


def _with_derivatives(
    scored: Scored,
    p: Array,
    mass: Array,
    policy: Zero,
    want_gradient: bool,
    want_hessian: bool,
    out: Array | None,
) -> Scored:
    # a clip bounds the slope as it bounds the loss, and does not flatten it to 0
    bounded = np.maximum(p.astype(np.float64), policy.clip)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gradient = np.where(mass > 0, -mass / bounded, 0.0)
        hessian = np.where(mass > 0, mass / bounded**2, 0.0) if want_hessian else None
        result = gradient.astype(p.dtype) if want_gradient else None
        if out is not None and result is not None:
            out[...] = result
            result = out
    return replace(
        scored, gradient=result, hessian=None if hessian is None else hessian.astype(p.dtype)
    )


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
