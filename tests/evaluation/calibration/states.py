"""States of evaluation made from rows in NumPy: the definition that the native ones follow."""

from types import SimpleNamespace

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

from xent.evaluation import evaluate
from xent.evaluation.calibration.grid import Grid

NUM_CELLS = 1024
PER_OCTAVE = 16
POWERS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 24, 32, 48, 64)


def edges():
    """Return the edges of cells of the odds, 16 for each factor of 2, evenly spaced in it."""
    octave, part = np.divmod(np.arange(NUM_CELLS + 1), PER_OCTAVE)
    return np.ldexp(1 + part / PER_OCTAVE, octave - 32)


GRID = Grid(edges(), np.log((edges()[1:] + edges()[:-1]) / 2))


def cells_of(logit, y, weight=None):
    """Return the weights of zeros and of ones in every cell of the odds exp(logit)."""
    cell = np.searchsorted(edges(), np.exp(np.clip(logit, -700, 700)), side="right") - 1
    cell = np.clip(cell, 0, NUM_CELLS - 1)
    w = np.ones(len(cell)) if weight is None else np.asarray(weight)
    y = np.asarray(y, dtype=bool)
    return tuple(np.bincount(cell[kept], w[kept], minlength=NUM_CELLS) for kept in (~y, y))


def binary_losses(logit, y):
    return np.logaddexp(0, logit) - np.asarray(y) * logit


def tempering_of(logits, target, weight=None):
    """Return L, L' and L'' of the scaled logits, as means over the rows."""
    w = np.ones(len(target)) if weight is None else weight
    betas = np.array(POWERS) / 8
    z_y = np.take_along_axis(logits, target[:, None], 1)[:, 0]
    finite = np.where(np.isfinite(logits), logits, 0)
    loss, slope, curvature = [], [], []
    for beta in betas:
        p = softmax(beta * logits, axis=1)
        mean = (p * finite).sum(1)
        loss.append(np.average(logsumexp(beta * logits, axis=1) - beta * z_y, weights=w))
        slope.append(np.average(mean - z_y, weights=w))
        variance = (p * (finite - mean[:, None]) ** 2).sum(1)
        curvature.append(np.average(variance, weights=w))
    return SimpleNamespace(
        betas=betas, weight=w.sum(),
        loss=np.array(loss), slope=np.array(slope), curvature=np.array(curvature),
    )  # fmt: skip


def row_losses(logits, target):
    return -np.take_along_axis(log_softmax(logits, axis=1), target[:, None], 1)[:, 0]


def evaluated(**sources):
    """Return an evaluation, whose summary holds cells and tempered losses."""
    e = evaluate(**sources)
    if getattr(e.summary, "cells", None) is None:
        _attach(e.summary, **sources)
    return e


def _attach(summary, target=None, labels=None, probs=None, logits=None, weight=None, **_):
    if target is None and labels is None:
        return
    names = summary.classes
    with np.errstate(divide="ignore"):
        if labels is not None or np.ndim(probs) == 1:
            y = np.atleast_2d(labels.T if labels is not None else target)
            p = np.atleast_2d(probs.T)
            groups = [(np.log(q) - np.log1p(-q), one) for q, one in zip(p, y, strict=True)]
            names = names if labels is not None else names[1:]
            z, t = np.stack([np.log1p(-p.ravel()), np.log(p.ravel())], 1), y.ravel()
        else:
            q = softmax(logits, axis=1)
            top = q.argmax(1)
            rows = np.arange(len(q))
            groups = [(np.log(q[:, k]) - np.log1p(-q[:, k]), target == k) for k in range(len(q.T))]
            groups.append((np.log(q[rows, top]) - np.log1p(-q[rows, top]), target == top))
            names = (*names, "top label")
            z, t = logits, target
    zeros, ones = (np.array(a) for a in zip(*(cells_of(*g, weight) for g in groups), strict=True))
    cells = SimpleNamespace(groups=tuple(names), weights=lambda: (zeros, ones))
    object.__setattr__(summary, "cells", cells)
    possible = np.isfinite(np.take_along_axis(z, t[:, None], 1)[:, 0])
    if weight is None:
        object.__setattr__(summary, "tempering", tempering_of(z[possible], t[possible]))
    elif labels is None:
        w = np.asarray(weight)[possible]
        object.__setattr__(summary, "tempering", tempering_of(z[possible], t[possible], w))
