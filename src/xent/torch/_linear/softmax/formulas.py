"""Linear softmax cross-entropy in torch operations, block by block, to any order.

With z = h W^T + b of a block of rows, u what each row's loss is multiplied by, and
G = d sum(u loss) / dz, of which the formulas of logits have the closed form:

    loss       z                                                      1 product
    gradient   dh = G W,   dW = G^T h,   db = sum G                   3 products with z
    curvature  along (h', W', b'):   z' = h' W^T + h W'^T + b',       7 products with z
               H = (d2 sum(u loss) / dz2) z',
               dh = H W + G W',   dW = H^T h + G^T h',   db = sum H,   du = loss'(z) z'

Each is the vector-Jacobian product of the one above. Higher orders, and derivatives by
targets and weights of the loss, follow by automatic differentiation of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from xent.torch._linear.blockwise import (
    Arguments,
    BlockFunction,
    Outputs,
    Products,
    blockwise,
    vjp_of,
)
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas
from xent.torch.formulas._rows import rows_read

__all__ = ["gradients", "rows", "statistics"]

Wanted = Sequence[bool]


def rows(
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Tensor | None,
    task: LinearTask,
    block: int,
) -> Tensor:
    """Return the weighted loss of each row, (N,): float64 for float64 `hidden`, else float32.

    Differentiable to any order by `hidden` (N, D), `linear_weight` (V, D), `linear_bias` (V,)
    and the floating tensors of the task. Rows that are skipped are exactly 0, as are their
    gradients, whatever `hidden` holds there.
    """
    per_row, shared = _laid_out(hidden, linear_weight, linear_bias, task)
    (out,), _ = blockwise(_Loss(_options(task)), per_row, shared, block)
    return out


def gradients(
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Tensor | None,
    task: LinearTask,
    upstream_rows: Tensor,
    block: int,
    wanted: Wanted = (True, True, True),
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of ``sum(upstream_rows * rows)`` by hidden, weight and bias.

    They are in the dtypes of what they belong to, and None where not `wanted` or without a
    bias. They are differentiable themselves, to any order, by everything that `rows` is and
    by `upstream_rows`; the next order costs seven products a block.
    """
    wanted_bias = wanted[2] and linear_bias is not None
    function = _Gradient(_options(task), (wanted[0], wanted[1], wanted_bias))
    per_row, shared = _laid_out(hidden, linear_weight, linear_bias, task)
    of_rows, sums = blockwise(function, (*per_row, upstream_rows), shared, block)
    found = iter((*of_rows, *sums))
    return (
        next(found).to(hidden.dtype) if wanted[0] else None,
        next(found).to(linear_weight.dtype) if wanted[1] else None,
        next(found).to(linear_bias.dtype) if wanted_bias and linear_bias is not None else None,
    )


def statistics(
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Tensor | None,
    task: LinearTask,
    block: int,
) -> formulas.Statistics:
    """Return what each row is like, without a graph; 0 and no hit where it is skipped."""
    hidden, weight = hidden.detach(), linear_weight.detach()
    bias = None if linear_bias is None else linear_bias.detach()
    per_row, shared = _laid_out(hidden, weight, bias, task)
    found = blockwise(_Statistics(_options(task)), per_row, shared, block)[0]
    nll, lse, entropy, hit = found
    return formulas.Statistics(nll.detach(), lse.detach(), entropy.detach(), hit.detach() != 0)


# Arguments of blocks: those of _laid_out, and what a derivative adds ---------------------------

_OF_ROWS = 7
_SHARED = 4


def _laid_out(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, task: LinearTask
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """Return the arguments that have a row for each row, and those that rows share."""
    asked = task.softmax
    mask = asked.class_mask
    by_row = mask is not None and mask.ndim == 2 and len(mask) != 1
    if mask is not None and not by_row:
        mask = mask.reshape(-1).expand(len(weight))
    return (
        [
            hidden, asked.target, asked.soft_target, asked.sample_weight,
            mask if by_row else None, task.classes, task.probs,
        ],
        [weight, bias, asked.class_weight, None if by_row else mask],
    )  # fmt: skip


def _options(task: LinearTask) -> SoftmaxTask:
    """Return the task without its tensors, which a graph is to save."""
    return replace(
        task.softmax,
        target=None,
        soft_target=None,
        class_weight=None,
        sample_weight=None,
        class_mask=None,
    )


class _Block:
    """A block of rows: what its tensors are, and its logits."""

    def __init__(self, options: SoftmaxTask, rows: Arguments, shared: Arguments) -> None:
        hidden, target, soft_target, sample_weight, row_mask, classes, probs = rows[:_OF_ROWS]
        weight, bias, class_weight, mask = shared[:_SHARED]
        assert hidden is not None
        assert weight is not None
        named = replace(
            options,
            target=target,
            soft_target=soft_target,
            class_weight=class_weight,
            sample_weight=sample_weight,
            class_mask=mask if row_mask is None else row_mask,
        )
        whole = slice(None)
        self.task = LinearTask(named, classes, probs).of_rows(whole, len(weight), hidden.dtype)
        # a product with 0 does not remove what is not finite
        self.kept = rows_read(self.task, lambda: hidden.isfinite().all(dim=-1, keepdim=True))
        self.allowed = None if mask is None else mask.unsqueeze(-1)
        self.hidden = self.of_rows(hidden)
        self.weight = weight if self.allowed is None else torch.where(self.allowed, weight, 0.0)
        self.logits = _product(self.hidden, self.weight, bias)

    def of_rows(self, each: Tensor) -> Tensor:
        return each if self.kept is None else torch.where(self.kept, each, 0.0)


def _product(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return hidden @ weight.t() if bias is None else torch.addmm(bias, hidden, weight.t())


# The three functions ------------------------------------------------------------------------


class _Loss(BlockFunction):
    row_outputs = 1

    def __init__(self, options: SoftmaxTask) -> None:
        self.options = options

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        block = _Block(self.options, rows, shared)
        return (formulas.rows(block.logits, block.task),), ()

    def vjp(self, wanted_rows: Wanted, wanted_shared: Wanted) -> BlockFunction:
        if any(wanted_rows[1:]) or any(wanted_shared[2:]):
            return vjp_of(self, wanted_rows, wanted_shared)
        return _Gradient(self.options, (wanted_rows[0], wanted_shared[0], wanted_shared[1]))


class _Statistics(BlockFunction):
    row_outputs = 4

    def __init__(self, options: SoftmaxTask) -> None:
        self.options = options

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        block = _Block(self.options, rows, shared)
        nll, lse, entropy, hit = formulas.statistics(block.logits, block.task)
        return (nll, lse, entropy, hit.to(nll.dtype)), ()


class _Gradient(BlockFunction):
    """Row arguments: those of the loss, upstream."""

    def __init__(self, options: SoftmaxTask, wanted: tuple[bool, bool, bool]) -> None:
        self.options = options
        self.wanted = wanted  # hidden, weight, bias
        self.row_outputs = int(wanted[0])

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        block, upstream = _Block(self.options, rows, shared), rows[_OF_ROWS]
        assert upstream is not None
        g = formulas.gradient(block.logits, block.task, upstream)
        of_hidden, of_weight, of_bias = self.wanted
        sums: list[Tensor | Products] = []
        if of_weight:
            sums.append(Products(((g, block.hidden),)))
        if of_bias:
            sums.append(g.sum(dim=0))
        return ([g @ block.weight] if of_hidden else []), sums

    def vjp(self, wanted_rows: Wanted, wanted_shared: Wanted) -> BlockFunction:
        if any(wanted_rows[1:_OF_ROWS]) or any(wanted_shared[2:]):
            return vjp_of(self.by_autograd(), wanted_rows, wanted_shared)
        return _Curvature(self, wanted_rows, wanted_shared)

    def by_autograd(self) -> BlockFunction:
        """Return this function in a form that targets and weights can be differentiated in."""
        of_hidden, of_weight, of_bias = self.wanted
        return vjp_of(
            _Loss(self.options),
            (of_hidden, *[False] * (_OF_ROWS - 1)),
            (of_weight, of_bias, False, False),
        )


class _Curvature(BlockFunction):
    """Row arguments: those of the gradient, and h' where it had the gradient of h.

    Shared arguments: those of the gradient, and W' and b' likewise. All it is made of can be
    differentiated by targets and weights too.
    """

    def __init__(self, gradient: _Gradient, wanted_rows: Wanted, wanted_shared: Wanted) -> None:
        self.gradient = gradient
        self.wanted_rows = tuple(wanted_rows)
        self.wanted_shared = tuple(wanted_shared)
        self.row_outputs = sum(wanted_rows)

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        block, upstream = _Block(self.gradient.options, rows, shared), rows[_OF_ROWS]
        assert upstream is not None
        along = iter((*rows[_OF_ROWS + 1 :], *shared[_SHARED:]))
        h, w, b = (next(along) if had else None for had in self.gradient.wanted)
        h = None if h is None else block.of_rows(h)
        w = w if w is None or block.allowed is None else torch.where(block.allowed, w, 0.0)
        direction = torch.zeros_like(block.logits) if b is None else b.expand_as(block.logits)
        if h is not None:
            direction = torch.addmm(direction, h, block.weight.t())
        if w is not None:
            direction = torch.addmm(direction, block.hidden, w.t())
        g, turned, growth = formulas.curvature(block.logits, block.task, upstream, direction)

        of_rows: list[Tensor] = []
        if self.wanted_rows[0]:
            of_hidden = turned @ block.weight
            of_rows.append(of_hidden if w is None else torch.addmm(of_hidden, g, w))
        if self.wanted_rows[_OF_ROWS]:
            of_rows.append(growth)
        sums: list[Tensor | Products] = []
        if self.wanted_shared[0]:
            pairs = ((turned, block.hidden),)
            sums.append(Products(pairs if h is None else (*pairs, (g, h))))
        if self.wanted_shared[1]:
            sums.append(turned.sum(dim=0))
        return of_rows, sums
