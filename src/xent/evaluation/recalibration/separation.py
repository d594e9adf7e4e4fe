"""Whether rows leave a best fit at all: what separates them has no finite one.

A bias b and a scale beta that only help satisfy, for every row with truth y and every class j
that it allows, beta (z_y - z_j) + b_y - b_j >= 0. With beta = 0 that is a graph of the classes,
with beta = 1 a system of difference constraints: both are decided exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["bounded_groups", "is_separated", "is_separated_by_scale"]

Matrix = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MANY_ROWS = 10_000
MOST_CLASSES = 256  # paths between all of them take their number cubed


def bounded_groups(log_probs: Matrix, target: Integers) -> Integers:
    """Return the group of each class; biases of one group are bounded by each other.

    Class j holds class k where a row of truth k gives j a probability; a group is a strongly
    connected component of that. Between groups some bias can grow for ever and only help: a
    class that is never true is a group by itself.
    """
    classes = log_probs.shape[1]
    seen = np.bincount(target, minlength=classes) > 0
    holds = np.zeros((classes, classes), dtype=bool)
    if np.isneginf(log_probs.min(initial=0.0)):
        alive = ~np.isneginf(log_probs)
        for k in np.flatnonzero(seen):
            holds[k] = alive[target == k].any(axis=0)
    else:
        holds[seen] = True
    if holds[np.ix_(seen, seen)].all():
        # the seen together are group 0
        return np.where(seen, 0, np.cumsum(~seen))
    groups = np.full(classes, -1, dtype=np.int64)
    for first in range(classes):
        if groups[first] < 0:
            both = _reached(holds, first) & _reached(holds.T, first)
            groups[both] = groups.max() + 1
    return groups


def _reached(edges: npt.NDArray[np.bool_], start: int) -> npt.NDArray[np.bool_]:
    reached = np.zeros(len(edges), dtype=bool)
    reached[start] = True
    front = reached
    while front.any():
        front = edges[front].any(axis=0) & ~reached
        reached = reached | front
    return reached


def is_separated_by_scale(log_probs: Matrix, target: Integers) -> bool:
    """Whether every truth has the largest score of its row: a larger scale only helps."""
    true = log_probs[np.arange(len(target)), target]
    return bool(np.all(true >= log_probs.max(axis=1)))


def is_separated(log_probs: Matrix, target: Integers) -> bool:
    """Whether some biases give every truth the largest score of its row.

    b_y - b_j >= max (z_j - z_y) over the rows of truth y, for all y and j, can be had exactly
    where no cycle of classes adds up to more than 0. Beyond 256 classes it is not decided
    here, and the answer is no: a fit that ends with every truth on top tells it then.
    """
    classes = log_probs.shape[1]
    if classes > MOST_CLASSES:
        return False
    if len(target) > MANY_ROWS and not is_separated(log_probs[:MANY_ROWS], target[:MANY_ROWS]):
        return False  # a part that is not settles it
    least = np.full((classes, classes), -np.inf)
    true = log_probs[np.arange(len(target)), target]
    for k in range(classes):
        rows = np.flatnonzero(target == k)
        if rows.size:
            least[k] = (log_probs[rows] - true[rows, None]).max(axis=0)
    if np.any(least + least.T > 0):
        return False
    for k in range(classes):
        np.maximum(least, least[:, k : k + 1] + least[k], out=least)
    return bool(np.all(np.diag(least) <= 0))
