"""How the logits of labels are cut into blocks: no label waits for another.

So a block may be any rows of any labels, and nothing is made twice. The labels are walked
outside and the rows inside: a part of the weight is read once and its gradient is written
once, and the gradient of the hidden states, which is small, is added to.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from xent.errors import XentValueError
from xent.torch._linear.plan import Plan, text_of

__all__ = ["LabelNeed", "plan_labels"]

# what blocks may take where no memory is named
_DEFAULT = {"cpu": 32 << 20, "cuda": 512 << 20}
# logits that stay in the cache between the products and the losses
_CACHED = {"cpu": 1 << 20, "cuda": 1 << 24}
_NARROW = 512  # labels of which the products are still fast
_FEWEST = 64


@dataclass(frozen=True, slots=True)
class LabelNeed:
    """What a call asks of its plan.

    Attributes
    ----------
    rows, features, labels : int
    dtype : torch.dtype
        Of the operands.
    device : str
    hidden, weight : bool
        Which gradients.
    late : bool
        The gradient waits for its upstream gradient, and makes the logits again.
    wide_weight : bool
        The gradient of the weight is summed where it will be returned.
    skips : bool
        Labels may weigh 0, and a part of the weight is copied without them.
    buffers : int
        Arrays of the size of a block: the logits, and others beside them.
    """

    rows: int
    features: int
    labels: int
    dtype: torch.dtype
    device: str = "cpu"
    hidden: bool = True
    weight: bool = True
    late: bool = False
    wide_weight: bool = False
    skips: bool = False
    buffers: int = 1


def plan_labels(need: LabelNeed, memory: int | None = None) -> Plan:
    """Return blocks that fit into `memory` bytes; raise and say what would, if none do."""
    size = max(int(need.dtype.itemsize), 4)
    fixed, label = 16 * need.rows, 0
    if need.dtype.itemsize == 2:
        # both sides in 32 bits: all of the hidden states, a part of the weight
        fixed += 4 * need.rows * need.features * (2 if need.hidden else 1)
        label = 4 * need.features * (2 if need.weight and not need.wide_weight else 1)
    if need.skips:
        label += size * need.features
    node = size * need.buffers
    budget = memory
    if budget is None:
        budget = fixed + _DEFAULT.get(need.device, _DEFAULT["cpu"])
    left = budget - fixed
    rows, labels = max(need.rows, 1), max(need.labels, 1)
    few = min(rows, _FEWEST), min(labels, _FEWEST)
    least = fixed + few[1] * (label + node * few[0])
    if budget < least:
        raise XentValueError(
            f"memory must be at least {text_of(least)} for {need.rows:,} rows of {need.labels:,} "
            f"labels and {need.features:,} features, got {text_of(budget)}",
            value=memory,
        )
    cached = _CACHED.get(need.device, _CACHED["cpu"])
    wide = min(labels, max(_NARROW, cached // rows))
    fitting = left // (label + node * rows)
    if fitting < wide:
        wide = min(wide, _NARROW)
        if fitting >= wide:
            wide = min(fitting, max(wide, fitting // 16 * 16))
        else:  # not all rows at once
            wide = min(wide, max(few[1], left // (label + node * few[0])))
            rows = min(rows, (left // wide - label) // node)
    slices, row_blocks = -(-labels // wide), -(-max(need.rows, 1) // rows)
    rows = -(-max(need.rows, 1) // row_blocks)
    gradients = need.hidden + need.weight
    products = 1 + gradients + (1 if need.late and gradients else 0)
    taken = fixed + wide * (label + node * rows)
    return Plan("labels", rows, wide, slices * row_blocks, products, taken)
