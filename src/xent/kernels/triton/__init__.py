"""The kernels of a GPU, written in Triton; on a machine without one, its interpreter runs them.

Nothing here imports triton before a kernel is asked for.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

__all__ = ["available"]

FLOATS = ("float16", "bfloat16", "float32", "float64")


def available(tensor: Any) -> tuple[bool, str]:
    """Return whether these kernels serve a tensor of logits, and one sentence that says why.

    They serve CUDA tensors where triton is installed, and, for tests, CPU tensors where
    TRITON_INTERPRET=1 was set before triton was imported.

    Examples
    --------
    >>> import torch
    >>> available(torch.zeros(2, 3, dtype=torch.int64))
    (False, 'triton: no kernel for int64')
    """
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in FLOATS:
        return False, f"triton: no kernel for {dtype}"
    if importlib.util.find_spec("triton") is None:
        return False, "triton: not installed"
    if tensor.device.type == "cuda":
        return True, "triton: a CUDA tensor"
    if tensor.device.type == "cpu" and _interpreted():
        return True, "triton: a CPU tensor, by the interpreter (TRITON_INTERPRET=1)"
    return False, f"triton: no kernel for the device {tensor.device.type}"


def _interpreted() -> bool:
    # what counts is how the kernels were decorated, once their module is there
    module = sys.modules.get("xent.kernels.triton._exact")
    if module is not None:
        return type(module.log1p).__name__ == "InterpretedFunction"
    return os.environ.get("TRITON_INTERPRET", "0") == "1"
