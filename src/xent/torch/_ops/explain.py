"""What `xent.kernels.explain` says of a tensor."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.kernels import triton
from xent.kernels.choice import Choice, cpu_kernel
from xent.torch._ops.route import is_eager, is_plain, kernel_for

__all__ = ["explain"]

_WITH_KERNELS = ("softmax_cross_entropy", "sigmoid_cross_entropy")


def explain(operation: str, tensor: Tensor) -> Choice:
    """Say which implementation of `xent.torch` serves a tensor, and why not the others.

    A target or a weight that needs a gradient, which is not seen here, is served by the
    formulas.
    """
    if operation not in _WITH_KERNELS:
        return _formulas(operation, "cpu, triton: no kernel for tensors")
    if not is_eager():
        return _formulas(operation, "cpu, triton: not under a transform of torch, or its tracing")
    if not is_plain(tensor):
        return _formulas(operation, f"cpu, triton: not for a {type(tensor).__name__}")
    kernel, why = kernel_for(tensor)
    if kernel == "cpu":
        return Choice(operation, "cpu", (triton.available(tensor)[1], _on_cpu(tensor)))
    not_here = f"cpu: {tensor.device} is another device"
    if kernel == "triton":
        return Choice(operation, "triton", (not_here, f"triton: chosen; {why}"))
    return _formulas(operation, not_here, why)


def _on_cpu(tensor: Tensor) -> str:
    threads = torch.get_num_threads()
    machine = cpu_kernel().partition(",")[0]
    dtype = str(tensor.dtype).removeprefix("torch.")
    how = "read in place" if tensor.is_contiguous() else "copied first, unless its classes are last"
    plural = "s" if threads > 1 else ""
    return f"cpu: chosen ({machine}, {threads} thread{plural}); {dtype} is {how}"


def _formulas(operation: str, *reasons: str) -> Choice:
    return Choice(operation, "formulas", (*reasons, "formulas: chosen; plain torch operations"))
