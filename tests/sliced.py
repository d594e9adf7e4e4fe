"""Whole rows by way of their slices, for tests of the slice kernels."""

import itertools

import numpy as np

from xent.kernels.cpu import softmax_slices as kernel


def cuts_of(num_classes):
    """Return ways to cut a row: not at all, in three unequal slices, and into its classes."""
    three = sorted({1 + num_classes // 50, num_classes // 3} & set(range(1, num_classes)))
    return {"whole": [], "three": three, "each class": list(range(1, num_classes))}


def slices(num_classes, cuts):
    ends = [0, *cuts, num_classes]
    return list(itertools.pairwise(ends))


def part_of(options, first, last):
    """Return what a slice is told, of what the row is."""
    columns = {"soft_target", "class_weight", "class_mask"}
    return {k: v[..., first:last] if k in columns else v for k, v in options.items()}


def score(logits, cuts, *, z_loss=0.0, row_scale=None, **options):
    """Return the state, the losses in the dtype of the logits, and the gradient."""
    rows, num_classes = logits.shape
    mask = options.get("class_mask")
    choices = num_classes if mask is None else mask.sum(axis=-1, dtype=float)
    options["choices"] = choices if np.ndim(choices) else int(choices)
    state, gradient = kernel.empty(rows), logits.copy()
    pieces = slices(num_classes, cuts)
    for first, last in pieces:
        told = part_of(options, first, last)
        block = logits[:, first:last]
        kernel.scan(block, state, first=first, row_weight=row_scale, want_terms=True, **told)
    for first, last in pieces:
        told = part_of(options, first, last) | {"z_loss": z_loss, "row_scale": row_scale}
        kernel.gradient_(gradient[:, first:last], state, first=first, **told)
    nll, _, _ = numbers_of(state, z_loss)
    if row_scale is not None:
        nll = np.where(row_scale == 0, 0, nll)
    return state, nll.astype(logits.dtype), gradient


def numbers_of(state, z_loss=0.0):
    """Return the losses, log sum exp and entropies, in float64."""
    with np.errstate(invalid="ignore", over="ignore"):
        unknown = np.where(np.isfinite(state.top), 0.0, np.nan)
        small = np.log1p(state.odds)
        lse = state.top + small + unknown
        nll = state.mass * small + state.spread + unknown
        nll = nll + z_loss * lse**2 if z_loss else nll
        return nll, lse, small + state.terms / (1 + state.odds) + unknown
