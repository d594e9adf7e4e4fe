"""Map over blocks of rows and add up: an operation that its own derivatives are made of.

A `BlockFunction` takes arguments that have a row for each row (axis 0) and arguments that all
rows share, and returns outputs that have a row for each row and outputs that are summed over
the rows. Its vector-Jacobian product is a function of the same kind: the upstream gradients
of row outputs are row arguments, those of sums are shared arguments, the gradients of row
arguments are row outputs, and those of shared arguments are sums. So

    backward of blockwise(f)  =  blockwise(vjp of f)
    tangent of blockwise(f)   =  blockwise(vjp of the vjp of f, by its upstream gradients)

for any order of differentiation, and none holds a graph, or what a function makes of its
rows, for more than one block: only arguments are saved.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.torch._ops.route import is_autocast
from xent.torch._ops.saved import ordinary, save, saved
from xent.torch.formulas._precision import own_dtype

__all__ = ["Arguments", "BlockFunction", "Outputs", "Products", "blockwise", "vjp_of"]

_hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", lambda _: None)
_is_batched = torch._C._functorch.is_legacy_batchedtensor


class Products(NamedTuple):
    """A sum over rows that is added up without being built for a block: sum of a.T @ b."""

    pairs: tuple[tuple[Tensor, Tensor], ...]

    def value(self) -> Tensor:
        first, *rest = (left.t() @ right for left, right in self.pairs)
        return sum(rest, first)

    def add_to(self, total: Tensor) -> None:
        for left, right in self.pairs:
            total.addmm_(left.t(), right)


Arguments = Sequence["Tensor | None"]
Outputs = tuple[Sequence[Tensor], Sequence["Tensor | Products"]]


class BlockFunction(ABC):
    """What is to be computed for a block of rows.

    Attributes
    ----------
    row_outputs : int
        How many of the outputs have a row for each row.
    """

    row_outputs: int

    @abstractmethod
    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        """Return the outputs for these rows, and the sums over these rows.

        Floating arguments arrive in float32 or float64. The function is to be made of
        differentiable torch operations, must not change its arguments, and works for no rows.
        """

    def vjp(self, wanted_rows: Sequence[bool], wanted_shared: Sequence[bool]) -> BlockFunction:
        """Return the function that gives the gradients of the wanted arguments.

        Its row arguments are those of this function and then the upstream gradients of its
        row outputs; its shared arguments those of this function and then the upstream
        gradients of its sums. An upstream gradient of None is 0. It returns the gradients of
        the wanted row arguments, and of the wanted shared arguments. By default it runs this
        function with a graph; a closed form may take its place.
        """
        return vjp_of(self, wanted_rows, wanted_shared)


def vjp_of(
    function: BlockFunction, wanted_rows: Sequence[bool], wanted_shared: Sequence[bool]
) -> BlockFunction:
    """Return `function.vjp(...)` by automatic differentiation, whatever closed form it has."""
    return _Vjp(function, tuple(wanted_rows), tuple(wanted_shared))


def blockwise(
    function: BlockFunction, rows: Arguments, shared: Arguments, block: int
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return the function of all rows, computed `block` rows at a time.

    Parameters
    ----------
    function : BlockFunction
    rows : sequence of Tensor or None
        The first is a tensor, (N, ...); the others have N rows too. Those of a floating
        dtype can be differentiated by.
    shared : sequence of Tensor or None
    block : int
        At least 1; the last block may be shorter.

    Returns
    -------
    row outputs, sums : tuples of Tensor
        Differentiable to any order, in forward mode and under `torch.func`. Sums are added
        in place, in float32 (float64 for float64 parts), in the order of the blocks.
    """
    outputs = _Blockwise.apply(function, block, len(rows), *rows, *shared)
    return outputs[: function.row_outputs], outputs[function.row_outputs :]


class _Blockwise(torch.autograd.Function):
    @staticmethod
    def forward(
        function: BlockFunction, block: int, num_rows: int, *arguments: Tensor | None
    ) -> tuple[Tensor, ...]:
        return _run(function, block, arguments[:num_rows], arguments[num_rows:])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.function, ctx.block, ctx.num_rows, *arguments = inputs
        ctx.outputs = [(out.shape, out.dtype, out.device) for out in output]
        ctx.set_materialize_grads(False)
        save(ctx, *arguments)
        ctx.save_for_forward(*arguments)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        wanted, n = ctx.needs_input_grad[3:], ctx.num_rows
        if all(each is None for each in upstream):
            return (None,) * (3 + len(wanted))
        arguments, cut = saved(ctx), ctx.function.row_outputs
        of_rows, of_shared = blockwise(
            ctx.function.vjp(wanted[:n], wanted[n:]),
            (*arguments[:n], *upstream[:cut]),
            (*arguments[n:], *upstream[cut:]),
            ctx.block,
        )
        found = iter((*of_rows, *of_shared))
        gradients: list[Tensor | None] = [None] * len(wanted)
        for at, (want, argument) in enumerate(zip(wanted, arguments, strict=True)):
            if want:
                assert argument is not None
                gradients[at] = next(found).to(argument.dtype)
        return None, None, None, *gradients

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        # the vjp is linear in the upstream gradients u, so its derivative by them is the
        # Jacobian, wherever u is
        arguments, n, cut = ctx.saved_tensors, ctx.num_rows, ctx.function.row_outputs
        tangents = tangents[3:]
        wanted = [tangent is not None for tangent in tangents]
        u = [torch.zeros(shape, dtype=dtype, device=at) for shape, dtype, at in ctx.outputs]
        pulled = ctx.function.vjp(wanted[:n], wanted[n:])
        turned = pulled.vjp(
            [False] * n + [True] * cut, [False] * (len(wanted) - n) + [True] * (len(u) - cut)
        )
        of_rows, of_sums = blockwise(
            turned,
            (*arguments[:n], *u[:cut], *_some(tangents[:n])),
            (*arguments[n:], *u[cut:], *_some(tangents[n:])),
            ctx.block,
        )
        return tuple(
            out.to(dtype)
            for out, (_, dtype, _) in zip((*of_rows, *of_sums), ctx.outputs, strict=True)
        )

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], *arguments: Any
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        # one after the other: a batch of blocks would be a larger block
        each = [
            _Blockwise.apply(
                *(
                    x if dim is None else x.select(dim, i)
                    for x, dim in zip(arguments, in_dims, strict=True)
                )
            )
            for i in range(info.batch_size)
        ]
        stacked = tuple(torch.stack(parts) for parts in zip(*each, strict=True))
        return stacked, (0,) * len(stacked)


def _some(tensors: Iterable[Tensor | None]) -> list[Tensor]:
    return [each for each in tensors if each is not None]


# Without a graph ----------------------------------------------------------------------------


def _run(
    function: BlockFunction, block: int, rows: Arguments, shared: Arguments
) -> tuple[Tensor, ...]:
    first = rows[0]
    assert first is not None
    if is_autocast(first):
        with torch.autocast(first.device.type, enabled=False):
            return _run(function, block, rows, shared)
    count = len(first)
    shared = [_widened(x) for x in shared]
    outputs = _Batched() if any(map(_is_batch, (*rows, *shared))) else _Outputs(count)
    for start in range(0, max(count, 1), block):
        piece = [None if x is None else _widened(x[start : start + block]) for x in rows]
        outputs.add(start, *function(piece, shared))
    return outputs.finished()


def _widened(x: Tensor | None) -> Tensor | None:
    return x.to(own_dtype(x.dtype)) if x is not None and x.is_floating_point() else x


def _is_batch(x: Tensor | None) -> bool:
    # a compiler has none, and cannot ask
    return x is not None and not torch.compiler.is_compiling() and _is_batched(x)


class _Outputs:
    """Rows are written where they belong; sums are added to one accumulator each."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows: list[Tensor] | None = None
        self.sums: list[Tensor] = []

    def add(self, start: int, rows: Sequence[Tensor], sums: Sequence[Tensor | Products]) -> None:
        if self.rows is None:
            self.rows = [part.new_empty((self.count, *part.shape[1:])) for part in rows]
            self.sums = [_zeros(part) for part in sums]
        for out, part in zip(self.rows, rows, strict=True):
            out[start : start + len(part)] = part
        for total, each in zip(self.sums, sums, strict=True):
            if isinstance(each, Products):
                each.add_to(total)
            else:
                total.add_(each)

    def finished(self) -> tuple[Tensor, ...]:
        assert self.rows is not None
        return (*self.rows, *self.sums)


def _zeros(part: Tensor | Products) -> Tensor:
    if isinstance(part, Products):
        left, right = part.pairs[0]
        return left.new_zeros((left.shape[1], right.shape[1]))
    return torch.zeros(part.shape, dtype=own_dtype(part.dtype), device=part.device)


class _Batched:
    """The same for a batch that autograd made (`is_grads_batched`): nothing is in place."""

    def __init__(self) -> None:
        self.rows: list[list[Tensor]] = []
        self.sums: list[Tensor] | None = None

    def add(self, start: int, rows: Sequence[Tensor], sums: Sequence[Tensor | Products]) -> None:
        parts = [each.value() if isinstance(each, Products) else each for each in sums]
        self.rows.append(list(rows))
        if self.sums is not None:
            parts = [a + b for a, b in zip(self.sums, parts, strict=True)]
        self.sums = parts

    def finished(self) -> tuple[Tensor, ...]:
        assert self.sums is not None
        return (*(torch.cat(parts) for parts in zip(*self.rows, strict=True)), *self.sums)


# The derivative of any function -------------------------------------------------------------


class _Vjp(BlockFunction):
    def __init__(
        self,
        function: BlockFunction,
        wanted_rows: tuple[bool, ...],
        wanted_shared: tuple[bool, ...],
    ) -> None:
        self.function = function
        self.wanted_rows = wanted_rows
        self.wanted_shared = wanted_shared
        self.row_outputs = sum(wanted_rows)

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        n, m = len(self.wanted_rows), len(self.wanted_shared)
        upstream = (*rows[n:], *shared[m:])
        outer = torch.is_grad_enabled()
        with torch.enable_grad(), _unwatched():
            mine, of_mine = _own(rows[:n], self.wanted_rows, outer)
            ours, of_ours = _own(shared[:m], self.wanted_shared, outer)
            inputs = (*of_mine, *of_ours)
            of_rows, of_sums = self.function(mine, ours)
            sums = [each.value() if isinstance(each, Products) else each for each in of_sums]
            reached = [
                (out, up.to(out.dtype))
                for out, up in zip((*of_rows, *sums), upstream, strict=True)
                if up is not None and out.requires_grad
            ]
            found: Sequence[Tensor | None] = [None] * len(inputs)
            if reached:
                outputs, upstream = zip(*reached, strict=True)
                found = torch.autograd.grad(
                    outputs, inputs, upstream, create_graph=outer, allow_unused=True
                )
            gradients = [
                torch.zeros_like(x) if gradient is None else gradient
                for x, gradient in zip(inputs, found, strict=True)
            ]
        return gradients[: self.row_outputs], gradients[self.row_outputs :]


def _own(
    arguments: Arguments, wanted: Sequence[bool], outer: bool
) -> tuple[list[Tensor | None], list[Tensor]]:
    """Return the arguments for a graph, and those of them to differentiate by."""
    mine: list[Tensor | None] = []
    inputs: list[Tensor] = []
    for x, want in zip(arguments, wanted, strict=True):
        if x is not None and not (outer and x.requires_grad):
            x = ordinary(x.detach())  # of its own: the same tensor may be two arguments
        if want:
            assert x is not None
            inputs.append(x.requires_grad_())
        mine.append(x)
    return mine, inputs


def _unwatched() -> contextlib.AbstractContextManager[Any]:
    """Return a context in which nobody decides how the graph of a block is kept."""
    if _hooks(False) is None:
        return contextlib.nullcontext()
    hooks: contextlib.AbstractContextManager[Any] = torch.autograd.graph.saved_tensors_hooks(
        lambda x: x, lambda x: x
    )
    return hooks
