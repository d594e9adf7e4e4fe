"""Losses of rows whose gradient is written down, since differentiating the value cancels.

The gradient is in differentiable torch operations, so derivatives of any order follow from
it, in forward mode and under `torch.func` as well. In eager mode many rows are computed a
block at a time: what is held beside the logits is their gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from xent.torch._ops.route import is_eager, is_plain

__all__ = ["ClosedForm", "rows_of"]

# elements of a block: some twenty float64 temporaries of it are to fit into a cache, and on
# other devices it is to be long enough to pay for its launches
_BLOCK = 1 << 16
_BLOCK_OF_DEVICES = 1 << 24


class ClosedForm(Protocol):
    """A loss of each row of one or more tensors of logits, all of shape (N, C)."""

    def rows(self, logits: Sequence[Tensor]) -> Tensor:
        """Return the losses, (N,)."""

    def gradient(
        self, logits: Sequence[Tensor], scale: Tensor, wanted: Sequence[bool]
    ) -> list[Tensor]:
        """Return the gradient of ``sum(scale * rows)`` by each of the logits that is wanted."""


def rows_of(form: ClosedForm, *logits: Tensor) -> Tensor:
    """Return the loss of each row, differentiable by all of the logits."""
    # torch.compile cannot trace a jvp, and needs none
    function = _Rows if torch.compiler.is_compiling() else _RowsForward
    rows: Tensor = function.apply(form, *logits)
    return rows


class _Rows(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(form: ClosedForm, *logits: Tensor) -> Tensor:
        (rows,) = _by_blocks(lambda *block: [form.rows(block)], logits)
        return rows

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.form = inputs[0]
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        form, wanted = ctx.form, ctx.needs_input_grad[1:]

        def gradient(*block: Tensor) -> list[Tensor]:
            *logits, scale = block
            return form.gradient(logits, scale, wanted)  # type: ignore[no-any-return]

        found = iter(_by_blocks(gradient, (*ctx.saved_tensors, upstream)))
        return None, *(next(found) if want else None for want in wanted)


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


def _result_dtype(logits: Sequence[Tensor]) -> torch.dtype:
    wide = any(each.dtype == torch.float64 for each in logits)
    return torch.float64 if wide else torch.float32


def _by_blocks(
    function: Callable[..., list[Tensor]], tensors: Sequence[Tensor]
) -> Sequence[Tensor]:
    """Return what the function makes of the rows of the tensors, in blocks where that may be."""
    first = tensors[0]
    may = is_eager() and not torch.is_grad_enabled() and all(map(is_plain, tensors))
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
