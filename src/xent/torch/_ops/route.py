"""Which implementation serves a call on tensors.

========== =====================================================================
cpu        eager, on a CPU: the kernels of native/
triton     eager, on CUDA: the kernels of kernels/triton/
operators  under torch.compile: the same two, as custom operators
formulas   everything else: plain torch operations, differentiable to any order
========== =====================================================================
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

from xent.errors import UnavailableError
from xent.kernels import triton

__all__ = [
    "Route",
    "has_derivatives",
    "is_autocast",
    "is_compiling_a_step",
    "is_eager",
    "is_plain",
    "kernel_for",
    "route_of",
]

Route = Literal["cpu", "triton", "operators", "formulas"]

_FLOATS = frozenset({torch.float32, torch.bfloat16, torch.float16, torch.float64})
_transforms_active = torch._C._are_functorch_transforms_active
_is_exporting = getattr(torch.compiler, "is_exporting", lambda: False)


def is_eager() -> bool:
    """Return whether nothing watches the operations but autograd itself."""
    return not (torch.compiler.is_compiling() or _is_watched())


def is_autocast(tensor: Tensor) -> bool:
    """Return whether autocast is on where the tensor lives: on meta, which has none, never."""
    device = tensor.device.type
    return device != "meta" and bool(torch.is_autocast_enabled(device))


def is_compiling_a_step() -> bool:
    """Return whether a compiler watches that can be told of an operator."""
    # an exported program must run where xent is not installed; of a tangent that an operator
    # has not, a transform would say that it is 0
    compiling: bool = torch.compiler.is_compiling()
    return compiling and not (_is_exporting() or _transforms_active())


def _is_watched() -> bool:
    return (
        _transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._get_tracing_state() is not None
        or torch._C._len_torch_dispatch_stack() > 0  # make_fx and other modes
    )


def has_derivatives(tensor: Tensor) -> bool:
    """Return whether somebody may ask for a derivative by this tensor."""
    if not tensor.is_floating_point():
        return False
    # a transform and forward mode do not show what they differentiate by
    return tensor.requires_grad or not (is_eager() or is_compiling_a_step())


def is_plain(tensor: Tensor) -> bool:
    """Return whether this is a tensor of numbers in memory, and not of some other kind."""
    # NumPy cannot read a tensor that is stored with the wrong sign, as `z.conj().imag` is
    return (type(tensor) is Tensor or type(tensor) is Parameter) and not tensor.is_neg()


def _kind(tensor: Tensor) -> str:
    return "stored with the wrong sign" if tensor.is_neg() else f"a {type(tensor).__name__}"


def kernel_for(logits: Tensor) -> tuple[Literal["cpu", "triton"] | None, str]:
    """Return the kernels that serve logits of this device and dtype, and why."""
    if logits.dtype not in _FLOATS:
        return None, f"no kernel for {str(logits.dtype).removeprefix('torch.')}"
    if logits.is_cpu:
        return "cpu", "a CPU tensor"
    serves, why = triton.available(logits)
    return ("triton" if serves else None), why


def route_of(logits: Tensor, *others: Tensor | None, asked: str | None = None) -> Route:
    """Return the route of a call with these logits and these other tensors.

    Parameters
    ----------
    logits : Tensor
    *others : Tensor or None
        Targets and weights. One that needs a gradient is served by the formulas alone.
    asked : str, optional
        The implementation that the caller named: it is used or refused, never replaced.
    """
    if asked is None:
        return _choose(logits, others)[0]
    if asked == "formulas":
        return "formulas"
    route, why = _choose(logits, others)
    if asked == "triton" and route == "cpu":  # where its interpreter runs
        serves, why = triton.available(logits)
        if serves:
            return "triton"
    named = kernel_for(logits)[0] if route == "operators" else route
    if asked != named:
        serving = "'formulas'" if named in (None, "formulas") else f"{named!r} or 'formulas'"
        raise UnavailableError(
            f"implementation must be one that serves this call: {serving}; got {asked!r} ({why})",
            value=asked,
        )
    return route


def _choose(logits: Tensor, others: tuple[Tensor | None, ...]) -> tuple[Route, str]:
    """Return the route and the reason for it."""
    if torch.compiler.is_compiling():
        if not is_compiling_a_step():
            return "formulas", "torch.export or a functorch transform"
        if any(t is not None and t.requires_grad for t in others):
            return "formulas", "a target or a weight needs a gradient"
        kernel, why = kernel_for(logits)
        return ("operators" if kernel else "formulas"), why
    if _is_watched():
        return "formulas", "a functorch transform, forward-mode, tracing or a dispatch mode"
    if not is_plain(logits):
        return "formulas", f"input is {_kind(logits)}"
    for tensor in others:
        if tensor is None:
            continue
        if not is_plain(tensor):
            return "formulas", f"a target or a weight is {_kind(tensor)}"
        if tensor.requires_grad and torch.is_grad_enabled():
            return "formulas", "a target or a weight needs a gradient"
    kernel, why = kernel_for(logits)
    return kernel or "formulas", why
