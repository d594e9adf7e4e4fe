# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""The mass that a target puts on the classes of a row, s_j = w_j t_j.

t is a distribution as it is given, or all on one class; label smoothing mixes it with an even
one over the classes that are allowed.
"""

from typing import Any, NamedTuple

import triton
import triton.language as tl

from xent.kernels.triton._blocks import read_allowed


class Mass(NamedTuple):
    """Where a program reads the targets of its rows, and what becomes of them."""

    first: Any  # [ROWS]: class 0 in the distribution, or None: all is on y
    stride: Any  # from a class to the next
    y: Any  # [ROWS]: the class, or -1
    share: Any  # of the target itself: 1 - label smoothing
    even: Any  # [ROWS]: what smoothing puts on each class, or None
    class_weight: Any  # [C] or None
    kept: Any  # [ROWS]: the row is not skipped


@triton.jit
def count_allowed(seen, inside, num_classes, BLOCK_C: tl.constexpr):
    """Return how many classes are allowed in each row."""
    count = tl.zeros(inside.shape, tl.int32)
    for start in range(0, num_classes, BLOCK_C):
        cols = start + tl.arange(0, BLOCK_C)
        chosen = read_allowed(seen, cols, (cols[None, :] < num_classes) & inside[:, None])
        count += tl.sum(chosen.to(tl.int32), axis=1)
    return count


@triton.jit
def read_mass(target, cols, read, chosen, num_classes, dtype: tl.constexpr):
    """Return the mass of a block of classes, 0 outside of the row and in a skipped one.

    read: what may be read of the block; chosen: which of its classes are allowed.
    """
    if target.first is not None:
        pointers = target.first[:, None] + cols[None, :] * target.stride
        mass = tl.load(pointers, mask=read, other=0.0).to(dtype)
        if target.even is not None:
            mass *= target.share
    else:
        mass = tl.where(cols[None, :] == target.y[:, None], target.share, 0.0).to(dtype)
    if target.even is not None:
        mass += tl.where(chosen, target.even[:, None], 0.0)
    if target.class_weight is not None:
        weight = tl.load(target.class_weight + cols, mask=cols < num_classes, other=0.0)
        mass *= weight.to(dtype)[None, :]
    return tl.where(read & target.kept[:, None], mass, 0.0)
