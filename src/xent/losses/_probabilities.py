"""Scoring rows of probabilities: class targets natively, any other target in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
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
from xent.losses._arguments import compute_dtype
from xent.losses._zero import Zero

__all__ = ["Predicted", "derivatives", "score_classes", "score_mass"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Predicted:
    """Rows of probabilities along an axis, and how they are to be scored."""

    p: Array
    axis: int
    weight: Array | None  # of each class
    sample_weight: Array | None  # of each row
    ignore_index: int | None
    zero: Zero

    def kept(self, index: Array | None) -> NDArray[np.bool_]:
        """Return which rows count at all."""
        if index is not None and self.ignore_index is not None:
            return np.asarray(index != self.ignore_index)
        return np.ones(self.p.shape[: self.axis] + self.p.shape[self.axis + 1 :], bool)

    def one_hot(self, index: Array) -> Array:
        """Return the rows of mass of class indices, in float64; nothing where ignored."""
        kept = self.kept(index)
        num_classes = self.p.shape[self.axis]
        if ((index < 0) | (index >= num_classes))[kept].any():
            raise_target_out_of_range(index, num_classes, self.ignore_index)
        mass = np.zeros(self.p.shape)
        at = np.expand_dims(np.where(kept, index, 0), self.axis)
        np.put_along_axis(mass, at, np.expand_dims(kept.astype(np.float64), self.axis), self.axis)
        return mass

    def mass(self, index: Array | None, soft: Array | None, smoothing: float) -> Array:
        """Return what minus each log-probability is multiplied by, in float64."""
        mass = np.asarray(soft, np.float64) if index is None else self.one_hot(index)
        if smoothing:
            mass = (1 - smoothing) * mass + smoothing / mass.shape[self.axis]
            mass = mass * np.expand_dims(self.kept(index), self.axis)
        if self.weight is not None:
            along = [1] * mass.ndim
            along[self.axis] = -1
            mass = mass * self.weight.reshape(along)
        if self.sample_weight is not None:
            mass = mass * np.expand_dims(self.sample_weight, self.axis)
        return mass

    def rows_that_count(self, counts: NDArray[np.bool_]) -> Array:
        """Return `p` with a certain first class in all other rows: they may hold anything."""
        clean = np.moveaxis(self.p.copy(), self.axis, -1)
        clean[~counts] = 0
        clean[~counts, 0] = 1
        return np.moveaxis(clean, -1, self.axis)


def score_classes(rows: Predicted, index: Array, *, want_nll: bool) -> Scored:
    """Score class targets, every entry of a row validated on the way."""
    p = rows.p if rows.p.dtype != np.float16 else rows.p.astype(np.float32)
    found = kernel.score(
        p,
        index,
        axis=rows.axis,
        tolerance=tolerance(rows.p.dtype),
        class_weight=rows.weight,
        sample_weight=rows.sample_weight,
        ignore_index=rows.ignore_index,
        clip=rows.zero.clip,
        want_nll=want_nll,
    )
    if found.bad_targets:
        raise_target_out_of_range(index, p.shape[rows.axis], rows.ignore_index)
    if found.bad_rows:
        counts = rows.kept(index)
        if rows.sample_weight is not None:
            counts = np.asarray(counts & (rows.sample_weight != 0))
        raise_not_probabilities(
            rows.rows_that_count(counts),
            axis=rows.axis,
            name="probs",
            suggestion="pass logits to softmax_cross_entropy, or normalise the rows.",
        )
    if found.zero_rows and not rows.zero.clip:
        _report_zeros(rows, rows.mass(index, None, 0.0))
    if rows.zero.clip:
        clip_share(found.clipped_sum, found.scored.sum, count=found.zero_rows, clip=rows.zero.clip)
    return found.scored


def score_mass(rows: Predicted, mass: Array, count: int) -> Scored:
    """Score rows of mass: soft, smoothed or weighted targets."""
    counts = np.asarray(mass.any(axis=rows.axis))
    checked = rows.p if counts.all() else rows.rows_that_count(counts)
    check_probabilities(checked, axis=rows.axis, name="probs")
    # within the tolerance an entry may pass 0 or 1; its loss may not pass inf or 0
    bounded = np.clip(checked.astype(np.float64), rows.zero.clip, 1.0)
    costs = mass > 0
    if (costs & (bounded == 0)).any():
        _report_zeros(rows, mass)
    with np.errstate(divide="ignore"):
        terms = np.where(costs, mass * -np.log(np.where(costs, bounded, 1.0)), 0.0)
    nll = terms.sum(axis=rows.axis)
    if rows.zero.clip:
        clipped = costs & (checked < rows.zero.clip)
        part, whole = float(terms[clipped].sum()), float(terms.sum())
        clip_share(part, whole, count=int(clipped.sum()), clip=rows.zero.clip)
    return Scored(
        np.asarray(nll, dtype=compute_dtype(rows.p)),
        float(nll.sum()),
        float(mass.sum()),
        count,
    )


def _report_zeros(rows: Predicted, mass: Array) -> None:
    """Say that something possible got probability 0, or raise where that was asked for."""
    if rows.zero.raises:
        zero = (mass > 0) & (rows.p <= 0)
        first = tuple(int(i) for i in np.argwhere(zero)[0])
        raise XentValueError(
            f"probs must be positive where the target is, but {int(zero.sum())} of "
            f"{zero.any(axis=rows.axis).size} rows have a 0 there; first: probs{list(first)}. If "
            "these are rounded, pass logits to softmax_cross_entropy; to bound the loss, pass "
            'zero="clip:1e-15".',
            code="D27",
            index=first,
            value=0.0,
        )
    if active() != "off":
        report_no_support(mass, rows.p, rows.axis, names=("target", "probs"))


def derivatives(
    rows: Predicted, mass: Array, want_hessian: bool, out: Array | None
) -> tuple[Array, Array | None]:
    """Return -s / q and s / q^2, with respect to each probability by itself."""
    dtype = rows.p.dtype
    # a clip bounds the slope as it bounds the loss, and does not flatten it to 0
    bounded = np.maximum(rows.p.astype(np.float64), rows.zero.clip)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gradient = np.where(mass > 0, -mass / bounded, 0.0).astype(dtype)
        hessian = None
        if want_hessian:
            hessian = np.where(mass > 0, mass / bounded**2, 0.0).astype(dtype)
    if out is not None:
        out[...] = gradient
        gradient = out
    return gradient, hessian
