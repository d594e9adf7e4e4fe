"""Cross-entropy of independent labels from probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.pairs import clip_share
from xent.diagnostics.shapes import check_same_shape
from xent.diagnostics.soft_targets import check_unit_interval
from xent.diagnostics.warn import warn_once
from xent.diagnostics.where import row_index
from xent.errors import XentTypeError, XentValueError
from xent.kernels.cpu.scored import Scored
from xent.losses._arguments import (
    as_array,
    as_axis,
    as_floats,
    as_ignore_index,
    as_out,
    as_weights,
    compute_dtype,
)
from xent.losses._derivatives import Evaluated, has_derivatives
from xent.losses._nodes import Nodes
from xent.losses._reduction import check_reduction, reduce_scored
from xent.losses._zero import Zero, parse_zero

__all__ = ["binary_cross_entropy"]

Array = NDArray[Any]


def _evaluate(
    probs: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    zero: str = "inf",
    axis: int | None = None,
    reduction: str = "mean",
    on_empty: str = "raise",
    want_gradient: bool = False,
    want_hessian: bool = False,
    out: Any = None,
) -> Evaluated:
    check_reduction(reduction, on_empty)
    policy = parse_zero(zero)
    p = as_floats(probs, "probs")
    ignore_index = as_ignore_index(ignore_index)
    y = as_array(target, "target")
    check_same_shape("probs", p.shape, "target", y.shape)
    if y.dtype.kind not in "iubf":
        raise XentTypeError(
            f"target must be labels that are 0 or 1, or probabilities in [0, 1], got {y.dtype}",
            code="D16",
            value=str(y.dtype),
        )
    at = None if axis is None else as_axis(p, axis, "probs")
    label_axis = p.ndim - 1 if at is None else at
    labels = p.shape[label_axis] if p.ndim else 1
    weight = as_weights(weight, "weight", (labels,), f"one weight for each of the {labels} labels")
    ignored = np.zeros(y.shape, bool) if ignore_index is None else np.asarray(y == ignore_index)
    nodes = Nodes.of(
        p.shape,
        at,
        label_axis,
        weight,
        sample_weight,
        None if ignore_index is None else ignored,
    )
    check_unit_interval(np.where(ignored, 0, nodes.counted(y, at, ignore_index)))
    out = as_out(out, p)
    node_weight = _node_weight(p.shape, label_axis, at, weight, nodes.sample_weight, ignored)
    skipped = node_weight == 0
    q = np.where(skipped, 0.5, p).astype(np.float64)
    t = np.where(skipped, 0.0, y).astype(np.float64)
    if not ((q >= 0) & (q <= 1)).all():
        _raise_outside(q)
    nll = node_weight * _losses(q, t, policy)
    total = float(nll.sum())
    scored = Scored(nll.astype(compute_dtype(p)), total, nodes.weight, nodes.count)
    if reduction == "none" and at is not None:
        scored = replace(scored, nll=nll.sum(axis=at).astype(compute_dtype(p)))
    if want_gradient or want_hessian:
        scale = 1 / nodes.weight if reduction == "mean" and nodes.weight else 1.0
        scored = _with_derivatives(
            scored, q, t, node_weight * scale, policy, p.dtype, want_hessian, out
        )
    value = reduce_scored(scored, reduction, on_empty, nodes.units, ignore_index)
    return Evaluated(value, scored.gradient, scored.hessian)


def _node_weight(
    shape: tuple[int, ...],
    label_axis: int,
    axis: int | None,
    weight: Array | None,
    sample_weight: Array | None,
    ignored: Array,
) -> Array:
    node_weight = np.where(ignored, 0.0, 1.0)
    if weight is not None:
        along = [1] * len(shape)
        along[label_axis] = -1
        node_weight = node_weight * weight.reshape(along)
    if sample_weight is not None:
        rows = sample_weight if axis is None else np.expand_dims(sample_weight, axis)
        node_weight = node_weight * rows
    return node_weight


def _raise_outside(q: Array) -> NoReturn:
    wrong = ~((q >= 0) & (q <= 1))
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    value = float(q[first])
    hint = (
        "Drop those rows, or give them sample_weight 0."
        if np.isnan(value)
        else "If these are logits, use sigmoid_cross_entropy."
    )
    at = f"probs{list(first)}" if first else "probs"
    raise XentValueError(
        f"probs must be in [0, 1], but {int(wrong.sum())} of {q.size} entries are not; first: "
        f"{at} = {value:g}. {hint}",
        code="D07",
        index=first,
        value=value,
    )


def _losses(q: Array, t: Array, policy: Zero) -> Array:
    impossible = ((t > 0) & (q == 0)) | ((t < 1) & (q == 1))
    if impossible.any() and not policy.clip:
        first = tuple(int(i) for i in np.argwhere(impossible)[0])
        place = f"probs{list(first)}" if first else "probs"
        found = (
            f"{int(impossible.sum()):,} of {q.size:,} entries do; first: {place} = {q[first]:g} "
            f"with target {t[first]:g}"
        )
        about: dict[str, Any] = {"code": "D27", "index": row_index(first), "value": float(q[first])}
        if policy.raises:
            raise XentValueError(
                f"probs must not exclude what happened, but {found}. "
                'Pass logits to sigmoid_cross_entropy, or zero="clip:1e-15".',
                **about,
            )
        warn_once(
            f"the result is infinite: probs must not exclude what happened, but {found}. If these "
            "are rounded, pass logits to sigmoid_cross_entropy; to bound the loss, ask for a clip "
            'by name: zero="clip:1e-15".',
            **about,
        )
    with np.errstate(divide="ignore"):
        if_true = -np.log(np.maximum(q, policy.clip))
        # log1p keeps the digits of a small probability
        if_false = np.minimum(-np.log1p(-q), -np.log(policy.clip) if policy.clip else np.inf)
    losses = np.where(t == 0, 0.0, t * np.where(t == 0, 0.0, if_true)) + np.where(
        t == 1, 0.0, (1 - t) * np.where(t == 1, 0.0, if_false)
    )
    if policy.clip:
        clipped = ((t > 0) & (q < policy.clip)) | ((t < 1) & (1 - q < policy.clip))
        clip_share(
            float(losses[clipped].sum()),
            float(losses.sum()),
            count=int(clipped.sum()),
            clip=policy.clip,
        )
    return np.asarray(losses)


def _with_derivatives(
    scored: Scored,
    q: Array,
    t: Array,
    weight: Array,
    policy: Zero,
    dtype: Any,
    want_hessian: bool,
    out: Array | None,
) -> Scored:
    # a clip bounds the slope as it bounds the loss, and does not flatten it to 0
    true, false = np.maximum(q, policy.clip), np.maximum(1 - q, policy.clip)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        up = np.where((t < 1) & (weight > 0), weight * (1 - t) / false, 0.0)
        down = np.where((t > 0) & (weight > 0), weight * t / true, 0.0)
        gradient = (up - down).astype(dtype)
        hessian = None
        if want_hessian:
            hessian = np.where(up > 0, up / false, 0.0) + np.where(down > 0, down / true, 0.0)
            hessian = hessian.astype(dtype)
    if out is not None:
        out[...] = gradient
        gradient = out
    return replace(scored, gradient=gradient, hessian=hessian)


@has_derivatives(_evaluate)
def binary_cross_entropy(
    probs: Any,
    target: Any,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    ignore_index: int | None = None,
    zero: str = "inf",
    axis: int | None = None,
    reduction: str = "mean",
    on_empty: str = "raise",
) -> Any:
    r"""Return the cross-entropy between labels and their predicted probabilities, in nats.

    Each label is true or false by itself: for one node with probability :math:`q`,

    .. math::
        \ell(q, y) = -w\,[\,y \log q + (1 - y) \log (1 - q)\,] .

    Parameters
    ----------
    probs : array, floating, any shape
        Probability that each label is true.
    target : array, same shape
        0 or 1, or the probability of 1.
    weight, sample_weight, ignore_index, axis, reduction, on_empty
        As for `sigmoid_cross_entropy`: ``axis=None`` scores every node by itself, an axis
        makes the nodes along it one sample.
    zero : {"inf", "raise", "clip:EPS"}, default "inf"
        What a probability of 0 for what happened costs.

    Returns
    -------
    loss : float, array or Total
        As for `sigmoid_cross_entropy`.

    Raises
    ------
    XentValueError
        D07: a probability is outside [0, 1]; D08: a target is; D15: the shapes differ.

    Warns
    -----
    MisuseWarning
        D27: some loss is infinite. D31: more than a tenth of it comes from the clip.

    Notes
    -----
    *Precision.* Computed in float64. From float32 probabilities the loss of a label that
    is 0 has no digits left from q = 1 - 6e-8 on; logits do not have this limit.

    See Also
    --------
    sigmoid_cross_entropy : from logits.
    categorical_cross_entropy : exactly one class is true.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    Cat, frog and mouse, of which the frog and the mouse are there:

    >>> import numpy as np
    >>> import xent
    >>> probs, target = np.array([0.1, 0.7, 0.8]), np.array([0, 1, 1])
    >>> xent.binary_cross_entropy(probs, target, reduction="none").round(4)
    array([0.1054, 0.3567, 0.2231])
    >>> round(xent.binary_cross_entropy(probs, target, reduction="sum"), 4)
    0.6852
    """
    return _evaluate(
        probs,
        target,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        zero=zero,
        axis=axis,
        reduction=reduction,
        on_empty=on_empty,
    ).value
