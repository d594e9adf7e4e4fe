"""From the arguments of a drop-in to a task: shapes, dtypes and options, or an error.

Everything here runs under torch.compile too, so it looks at shapes and dtypes and never at
values.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from xent.diagnostics.shapes import check_axis, check_vector
from xent.errors import XentTypeError, XentValueError
from xent.torch._tasks import SoftmaxTask

__all__ = ["check_logits", "check_number", "check_tensor", "class_axis", "softmax_task"]

_FLOATS = frozenset({torch.float32, torch.bfloat16, torch.float16, torch.float64})
_INTEGERS = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}) | {
    getattr(torch, name) for name in ("uint16", "uint32", "uint64") if hasattr(torch, name)
}

_NOT_DENSE = frozenset({
    torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc,
    torch._mkldnn,
})  # fmt: skip


def check_tensor(value: Any, name: str, *, sparse: bool = False) -> None:
    """Raise unless this is a tensor, and dense where `sparse` is False."""
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise XentTypeError(
            f"{name} must be a Tensor, got {kind}; the losses of arrays are xent's own, "
            "such as xent.softmax_cross_entropy",
            value=kind,
        )
    if value.layout in _NOT_DENSE and not sparse:
        raise XentTypeError(
            f"{name} must be dense, got a Tensor of {value.layout}. Pass {name}.to_dense().",
            value=str(value.layout),
        )


def check_logits(input: Tensor, name: str = "input") -> None:
    """Raise unless this is a tensor of floats."""
    check_tensor(input, name)
    if input.dtype not in _FLOATS:
        fix = f"Take its real part: {name}.real." if input.is_complex() else f"Pass {name}.float()."
        raise XentTypeError(
            f"{name} must hold float32, float64, float16 or bfloat16, got {input.dtype}. {fix}",
            value=str(input.dtype),
        )


def class_axis(input: Tensor) -> int:
    """Return where torch has the classes: axis 0 of (C,), axis 1 of (N, C, d1, ...)."""
    if input.dim() == 0:
        raise XentValueError(
            "input must have a class axis, got a single number", code="D14", value=()
        )
    axis = 0 if input.dim() == 1 else 1
    if input.shape[axis] == 0:
        raise XentValueError(
            f"input must have at least one class, got shape {tuple(input.shape)}; the classes "
            f"are on axis {axis}",
            code="D14",
            value=tuple(input.shape),
        )
    return axis


def softmax_task(
    input: Tensor,
    target: Tensor,
    axis: int,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    sample_weight: Tensor | None = None,
    class_mask: Tensor | None = None,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
) -> SoftmaxTask:
    """Return the task of `input`, which was checked, with its classes on `axis`."""
    shape = input.shape
    index, soft = _class_target(target, input, axis)
    if type(ignore_index) is not int or not -(2**63) <= ignore_index < 2**63:
        _check_ignore_index(ignore_index)
    if soft is not None and ignore_index >= 0:
        raise XentValueError(
            f"ignore_index must be negative (unused) when target holds probabilities, got "
            f"{ignore_index}: no entry of a distribution is a class index. Give those rows "
            "sample_weight 0.",
            value=ignore_index,
        )
    if weight is not None:
        _check_weights(weight, "weight", shape[axis : axis + 1], "one weight for each class")
    if sample_weight is not None:
        rows = shape[:axis] + shape[axis + 1 :]
        _check_weights(sample_weight, "sample_weight", rows, "one for each row")
    if class_mask is not None:
        _check_mask(class_mask, shape, axis)
    if label_smoothing:
        check_number(label_smoothing, "label_smoothing", least=0.0, most=1.0)
    if z_loss:
        check_number(z_loss, "z_loss", least=0.0)
    if temperature != 1:
        check_number(temperature, "temperature", above=0.0)
    if softcap is not None:
        check_number(softcap, "softcap", above=0.0)
    return SoftmaxTask(
        axis, index, soft, weight, sample_weight, class_mask,
        ignore_index if soft is None else None, float(label_smoothing), float(z_loss),
        None if softcap is None else float(softcap), float(temperature),
    )  # fmt: skip


def check_number(
    value: Any,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> None:
    """Raise unless this is a finite number within these limits."""
    if not isinstance(value, (int, float)) and not isinstance(value, (np.integer, np.floating)):
        raise XentTypeError(f"{name} must be a Python number, got {value!r}", value=value)
    fits = (
        value - value == 0
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
    )
    if not fits:
        limits = [f"at least {least:g}"] if least is not None else []
        limits += [f"above {above:g}"] if above is not None else []
        limits += [f"at most {most:g}"] if most is not None else []
        raise XentValueError(
            f"{name} must be a finite number {' and '.join(limits)}, got {value}", value=value
        )


def _class_target(target: Tensor, input: Tensor, axis: int) -> tuple[Tensor | None, Tensor | None]:
    check_tensor(target, "target")
    shape = input.shape
    if target.device != input.device:
        raise XentValueError(
            f"target must be on the device of input, {input.device}, got {target.device}",
            value=str(target.device),
        )
    if target.shape == shape:
        if target.dtype in _FLOATS:
            return None, target
        if target.dtype in _INTEGERS or target.dtype is torch.bool:
            return None, target.to(torch.float32)  # one-hot, or a count: checked as soft rows
        raise XentTypeError(
            f"target must hold class indices or probabilities, got {target.dtype}",
            code="D16",
            value=str(target.dtype),
        )
    if target.shape != shape[:axis] + shape[axis + 1 :]:
        _raise_shapes(input, target, axis)
    if target.dtype is torch.int64:
        return target, None
    if target.dtype not in _INTEGERS:
        raise XentTypeError(
            f"target must hold integers in [0, {shape[axis]}), got {target.dtype}. Pass "
            "target.long() for class indices, or one row of probabilities for each sample.",
            code="D16",
            value=str(target.dtype),
        )
    return target.to(torch.int64), None


def _check_ignore_index(value: Any) -> None:
    """Raise unless this is an int64 or nothing; under torch.compile it may be a symbol."""
    if value is None or isinstance(value, torch.SymInt):
        return
    if not hasattr(value, "__index__"):
        raise XentTypeError(f"ignore_index must be an int, got {value!r}", value=value)
    if not -(2**63) <= int(value) < 2**63:
        raise XentValueError(f"ignore_index must be an int64, got {value}", value=value)


def _raise_shapes(input: Tensor, target: Tensor, axis: int) -> NoReturn:
    """Raise D14; the drop-ins have no argument for the class axis, so it has to be moved."""
    shape, rows = tuple(input.shape), tuple(target.shape)
    fits = [a for a in range(len(shape)) if a != axis and shape[:a] + shape[a + 1 :] == rows]
    if not fits:
        check_axis(shape, rows, axis, axis_given=True, name="input")
    at = -1 if fits[-1] == len(shape) - 1 else fits[-1]
    needed = shape[:axis] + shape[axis + 1 :]
    fix = f"pass input.movedim({at}, {axis})"
    if at == -1:
        fix += ", or call token_cross_entropy, which has the classes last"
    raise XentValueError(
        f"input of shape {shape} has its classes on axis {axis} and needs target of shape "
        f"{needed}, got {rows}. If the classes are on axis {at}, {fix}.",
        code="D14",
        value=rows,
    )


def _check_weights(weight: Tensor, name: str, shape: Any, meaning: str) -> None:
    check_tensor(weight, name)
    if weight.is_complex():
        raise XentTypeError(f"{name} must hold numbers, got {weight.dtype}")
    if weight.shape != shape:
        check_vector(name, tuple(weight.shape), tuple(shape), meaning)


def _check_mask(mask: Tensor, shape: torch.Size, axis: int) -> None:
    check_tensor(mask, "class_mask")
    if mask.dtype is not torch.bool:
        raise XentTypeError(
            f"class_mask must hold bool (True: the class may be chosen), got {mask.dtype}",
            value=str(mask.dtype),
        )
    one_axis = mask.dim() == 1 and mask.shape[0] == shape[axis]
    fits = one_axis or (
        mask.dim() == len(shape)
        and mask.shape[axis] == shape[axis]
        and all(m in (1, s) for m, s in zip(mask.shape, shape, strict=True))
    )
    if not fits:
        raise XentValueError(
            f"class_mask must have shape ({shape[axis]},), one entry for each class, or "
            f"{tuple(shape)} with any axis but {axis} of size 1; got {tuple(mask.shape)}",
            code="D14",
            value=tuple(mask.shape),
        )
