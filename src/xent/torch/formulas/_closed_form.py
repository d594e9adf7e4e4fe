"""Losses of rows whose gradient is written down, since differentiating the value cancels.

The gradient is in differentiable torch operations, so derivatives of any order follow from
it, in forward mode and under `torch.func` as well. In eager mode it is taken in the forward
pass, where it is needed, and many rows are computed a block at a time: what is held beside
the logits is their gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from xent.torch._ops.route import is_eager, is_plain
from xent.torch._ops.saved import save, saved

__all__ = ["ClosedForm", "gradients_of", "rows_of"]

# elements of a block: some twenty float64 temporaries of it are to fit into a cache, and on
# other devices it is to be long enough to pay for its launches
_BLOCK = 1 << 16
_BLOCK_OF_DEVICES = 1 << 24

_is_batched = torch._C._functorch.is_legacy_batchedtensor


class ClosedForm(Protocol):
    """A loss of each row of one or more tensors of logits, all of shape (N, C)."""

    def rows(self, logits: Sequence[Tensor]) -> Tensor:
        """Return the losses, (N,)."""

    def gradient(
        self, logits: Sequence[Tensor], scale: Tensor, wanted: Sequence[bool]
    ) -> list[Tensor]:
        """Return the gradient of ``sum(scale * rows)`` by each of the logits that is wanted."""

    def both(self, logits: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
        """Return the rows, and the gradients of their sum in the dtype of the rows."""


def rows_of(form: ClosedForm, *logits: Tensor) -> Tensor:
    """Return the loss of each row, differentiable by all of the logits."""
    if is_eager() and all(map(is_plain, logits)):
        function = _EagerRows
    else:
        # torch.compile cannot trace a jvp, and needs none
        function = _Rows if torch.compiler.is_compiling() else _RowsForward
    rows: Tensor = function.apply(form, *logits)
    return rows


def gradients_of(
    form: ClosedForm, logits: Sequence[Tensor], upstream: Tensor, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """Return the gradients of ``sum(upstream * rows)``, differentiable; None where not wanted."""

    def gradient(*block: Tensor) -> list[Tensor]:
        *logits, scale = block
        return form.gradient(logits, scale, wanted)

    found = iter(_by_blocks(gradient, (*logits, upstream)))
    return tuple(next(found) if want else None for want in wanted)


class _EagerRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, form: ClosedForm, *logits: Tensor) -> Tensor:
        wanted = ctx.needs_input_grad[1:]
        rows, *ctx.found = _by_blocks(lambda *block: form.both(block, wanted), logits)
        ctx.form = form
        save(ctx, *logits)
        return rows

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        wanted, logits = ctx.needs_input_grad[1:], _all(saved(ctx))
        # in one step: other threads may be here, and only one may scale it
        found = ctx.__dict__.pop("found", None)
        if found is None or torch.is_grad_enabled() or not _is_single(upstream):
            # a second derivative, a batch of upstream gradients, or another backward pass
            return None, *gradients_of(ctx.form, logits, upstream, wanted)
        each = iter(found)
        return None, *(
            next(each).mul_(upstream.unsqueeze(-1)).to(x.dtype) if want else None
            for x, want in zip(logits, wanted, strict=True)
        )


class _Rows(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(form: ClosedForm, *logits: Tensor) -> Tensor:
        (rows,) = _by_blocks(lambda *block: [form.rows(block)], logits)
        return rows

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.form = inputs[0]
        save(ctx, *inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        wanted = ctx.needs_input_grad[1:]
        return None, *gradients_of(ctx.form, _all(saved(ctx)), upstream, wanted)


class _RowsForward(_Rows):
    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Tensor:
        logits = ctx.saved_tensors
        ones = torch.ones_like(logits[0][..., 0], dtype=_result_dtype(logits))
        wanted = [tangent is not None for tangent in tangents]
        found = iter(ctx.form.gradient(logits, ones, wanted))
        parts = [(next(found) * each).sum(dim=-1) for each in tangents if each is not None]
        out = sum(parts[1:], parts[0])
        return out.to(ones.dtype)


def _all(tensors: Sequence[Tensor | None]) -> list[Tensor]:
    return [each for each in tensors if each is not None]


def _is_single(upstream: Tensor) -> bool:
    """Return whether this is one upstream gradient of numbers, and no batch of them."""
    return is_eager() and is_plain(upstream) and not _is_batched(upstream)


def _result_dtype(logits: Sequence[Tensor]) -> torch.dtype:
    wide = any(each.dtype == torch.float64 for each in logits)
    return torch.float64 if wide else torch.float32


def _by_blocks(
    function: Callable[..., list[Tensor]], tensors: Sequence[Tensor]
) -> Sequence[Tensor]:
    """Return what the function makes of the rows of the tensors, in blocks where that may be."""
    first = tensors[0]
    may = not torch.is_grad_enabled() and all(map(_is_single, tensors))
    block = _BLOCK if first.is_cpu else _BLOCK_OF_DEVICES
    if not may or first.numel() <= block:
        return function(*tensors)
    step = max(1, block // first.shape[-1])
    whole: list[Tensor] = []
    for start in range(0, len(first), step):
        parts = function(*(each[start : start + step] for each in tensors))
        if not whole:
            whole = [part.new_empty((len(first), *part.shape[1:])) for part in parts]
        for out, part in zip(whole, parts, strict=True):
            out[start : start + step] = part
    return whole
