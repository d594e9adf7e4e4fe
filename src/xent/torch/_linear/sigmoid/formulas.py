"""Linear sigmoid cross-entropy in torch operations, block by block, to any order.

A block is all labels of some rows: with z = h W^T + b, the loss of a row is the sum of its
nodes. Its derivatives, by everything that is a number, are those that autograd makes of one
block; what is held of a block is gone before the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xent.torch._linear.blockwise import Arguments, BlockFunction, Outputs, blockwise
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._tasks import SigmoidTask
from xent.torch.formulas import sigmoid_cross_entropy as formulas
from xent.torch.formulas._precision import wide_dtype
from xent.torch.formulas._rows import weights_read

__all__ = ["gradients", "rows"]

# what the graph of one logit holds, with the temporaries of its derivatives, in bytes
_NODE = 128
_BLOCK = 64 << 20


def rows(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    task: LabelTask,
    memory: int | None = None,
) -> Tensor:
    """Return the weighted loss of each row, (N,): float64 for float64 `hidden`, else float32.

    Differentiable to any order by `hidden` (N, D), `weight` (L, D), `bias` (L,) and every
    floating tensor of the task. Rows of weight 0 are exactly 0, as are their gradients. A block
    takes `memory` bytes, and at least what one row does.
    """
    per_row, shared = _laid_out(hidden, weight, bias, task)
    (out,), _ = blockwise(_Loss(), per_row, shared, _block_of(weight, memory))
    return out


def gradients(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    task: LabelTask,
    upstream: Tensor,
    wanted: Sequence[bool],
    memory: int | None = None,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of ``sum(upstream * rows)`` by the operands that are wanted.

    They are in the dtypes of the operands, and differentiable themselves, to any order.
    """
    per_row, shared = _laid_out(hidden, weight, bias, task)
    of_rows = [wanted[0]] + [False] * (len(per_row) - 1)
    of_shared = [wanted[1], wanted[2]] + [False] * (len(shared) - 2)
    slopes, sums = blockwise(
        _Loss().vjp(of_rows, of_shared), (*per_row, upstream), shared, _block_of(weight, memory)
    )
    found = iter((*slopes, *sums))
    of_hidden, of_weight, of_bias = (
        next(found).to(each.dtype) if want and each is not None else None
        for each, want in zip((hidden, weight, bias), wanted, strict=True)
    )
    return of_hidden, of_weight, of_bias


def _block_of(weight: Tensor, memory: int | None) -> int:
    rows: int = (memory or _BLOCK) // (_NODE * max(weight.shape[0], 1))
    return max(1, rows)


def _laid_out(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, task: LabelTask
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    label, value = (None, None) if task.positives is None else task.positives.padded()
    target = task.target
    if target is not None and not target.is_floating_point():
        target = target.to(torch.uint8) if target.dtype is torch.bool else target
    return (
        [hidden, target, label, value, task.sample_weight],
        [weight, bias, task.pos_weight, task.weight],
    )


class _Loss(BlockFunction):
    row_outputs = 1

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        hidden, target, label, value, sample_weight = rows
        weight, bias, pos_weight, label_weight = shared
        assert hidden is not None
        assert weight is not None
        # a product with 0 does not remove what is not finite
        if sample_weight is not None:
            hidden = _read(hidden, sample_weight)
        if label_weight is not None:
            weight = _read(weight, label_weight)
        z = torch.nn.functional.linear(hidden, weight, bias)
        if label is None:
            assert target is not None
            losses = _sum(formulas.nodes(z, SigmoidTask(target, pos_weight, label_weight)))
        else:
            losses = _of_positives(z, label, value, pos_weight, label_weight)
        if sample_weight is not None:
            read = weights_read(sample_weight, losses.isfinite)
            losses = torch.where(read, losses, 0.0) * sample_weight
        return (losses.to(z.dtype),), ()


def _read(vectors: Tensor, weight: Tensor) -> Tensor:
    read = weights_read(weight, lambda: vectors.isfinite().all(dim=-1))
    return torch.where(read.unsqueeze(-1), vectors, 0.0)


def _of_positives(
    z: Tensor,
    label: Tensor,
    value: Tensor | None,
    pos_weight: Tensor | None,
    label_weight: Tensor | None,
) -> Tensor:
    """Return the losses of rows of which these labels are true."""
    labels = z.shape[-1]
    real = (label >= 0) & (label < labels)
    at = torch.where(real, label, 0)
    beyond = torch.where(real, label, labels)
    marked = torch.zeros(z.shape[0], labels + 1, dtype=torch.bool, device=z.device)
    marked = marked.scatter(1, beyond, True)[:, :labels]
    none = torch.zeros((), dtype=z.dtype, device=z.device)
    others = SigmoidTask(none, None, label_weight)
    task = SigmoidTask(
        none + 1 if value is None else value,
        None if pos_weight is None else pos_weight[at],
        None if label_weight is None else label_weight[at],
    )
    costs = formulas.nodes(z.gather(1, at), task)
    rest = formulas.nodes(torch.where(marked, -torch.inf, z), others)
    return _sum(rest) + _sum(torch.where(real, costs, 0.0))


def _sum(nodes: Tensor) -> Tensor:
    return nodes.sum(dim=-1, dtype=wide_dtype(nodes))
