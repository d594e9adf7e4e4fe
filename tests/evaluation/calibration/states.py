"""States of evaluation made from rows in NumPy: the definition that the native ones follow."""

from types import SimpleNamespace

import numpy as np
from scipy.special import logsumexp, softmax

from xent.evaluation.calibration.grid import default_grid

GRID = default_grid()
NUM_CELLS = len(GRID.logits)
POWERS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 24, 32, 48, 64)


def cells_of(logit, y, weight=None):
    """Return the weights of zeros and of ones in every cell of the odds exp(logit)."""
    cell = np.searchsorted(GRID.edges, np.exp(np.clip(logit, -700, 700)), side="right") - 1
    cell = np.clip(cell, 0, NUM_CELLS - 1)
    w = np.ones(len(cell)) if weight is None else np.asarray(weight)
    y = np.asarray(y, dtype=bool)
    return tuple(np.bincount(cell[kept], w[kept], minlength=NUM_CELLS) for kept in (~y, y))


def binary_losses(logit, y):
    return np.logaddexp(0, logit) - np.asarray(y) * logit


def tempering_of(logits, target):
    """Return L, L' and L'' of the scaled logits, as means over the rows."""
    betas = np.array(POWERS) / 8
    z_y = np.take_along_axis(logits, target[:, None], 1)[:, 0]
    loss, slope, curvature = [], [], []
    for beta in betas:
        p = softmax(beta * logits, axis=1)
        mean = (p * logits).sum(1)
        loss.append((logsumexp(beta * logits, axis=1) - beta * z_y).mean())
        slope.append((mean - z_y).mean())
        curvature.append((p * (logits - mean[:, None]) ** 2).sum(1).mean())
    return SimpleNamespace(
        betas=betas, weight=len(target),
        loss=np.array(loss), slope=np.array(slope), curvature=np.array(curvature),
    )  # fmt: skip
