"""Misuse rules on tensors: what the drop-ins say, once a call site, and never raise.

PyTorch accepts all of it, so a program that runs with `torch.nn.functional` runs with these
losses too. Samples are taken of CPU tensors only: looking at one on a device would wait for
that device.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xent.diagnostics import sampling
from xent.diagnostics.averaging import weights_cancel
from xent.diagnostics.logits import evidence_of, look, note_half_precision
from xent.diagnostics.policy import active
from xent.diagnostics.soft_targets import check_distribution_target
from xent.diagnostics.targets import raise_target_out_of_range
from xent.diagnostics.warn import note_once, warn_once
from xent.errors import XentTypeError, XentValueError
from xent.torch._ops.route import is_plain
from xent.torch._tasks import SoftmaxTask

__all__ = [
    "look_at_distributions",
    "look_at_logits",
    "note_weights_cancel",
    "numpy_of",
    "raise_bad_target",
    "sample_rows",
    "warn_negative",
    "warn_nothing_ignored",
]


def look_at_logits(logits: Tensor, axis: int | None, *, loss: str) -> None:
    """Look at a sample of the logits for what is no logit: D04, D05, D06, D18."""
    if not _may_look(logits) or not sampling.due(loss):
        return
    evidence = evidence_of(loss)
    if logits.dtype is torch.bfloat16:
        rows = sample_rows(logits, logits.dim() - 1 if axis is None else axis)
        look(rows, None if axis is None else -1, loss=loss, evidence=evidence, dtype="bfloat16")
        _note_bfloat16()
    else:
        array = logits.detach().numpy()
        # float64 is often a float32 that was widened
        dtype = "float32" if logits.dtype is torch.float64 else None
        look(array, axis, loss=loss, evidence=evidence, dtype=dtype)
        note_half_precision(array)


def look_at_distributions(
    target: Tensor, axis: int, *, loss: str, sample_weight: Tensor | None = None
) -> None:
    """Warn D08 if a sample of the targets holds rows that are no distributions.

    Rows of weight 0 may hold anything.
    """
    if not _may_look(target) or not sampling.due(f"{loss} target"):
        return
    # float64 is often a float32 that was widened
    dtype = torch.float32 if target.dtype is torch.float64 else target.dtype
    if sample_weight is not None and sample_weight.is_cpu and target.dim() > 1:
        target, axis = target.detach().movedim(axis, -1)[sample_weight != 0], -1
    try:
        check_distribution_target(sample_rows(target, axis), -1, dtype=dtype)
    except (XentValueError, XentTypeError) as problem:
        said = str(problem).removeprefix(f"{problem.code}: ")
        warn_once(
            f"in a sample of the rows, {said}", code=problem.code or "D08", value=problem.value
        )


def note_weights_cancel(target: Tensor, weight: Tensor, ignore_index: int) -> None:
    """Note D20 if all targets are of one class, so that its weight cancels in the mean.

    A weight of 0 does not cancel: it leaves nothing to average.
    """
    if active() != "full" or not _may_look(target) or not _may_look(weight):
        return
    weightless = (weight.detach() == 0).nonzero().flatten()
    if not torch.isin(target, weightless).any():
        weights_cancel(target.numpy(), ignore_index=ignore_index)


def warn_nothing_ignored(ignore_index: int) -> None:
    """Warn D16 of an index to ignore, other than the default, beside distributions."""
    if ignore_index != -100:
        warn_once(
            f"ignore_index={ignore_index} ignores nothing: target holds distributions, and no "
            "entry of one is a class index. Give rows that do not count sample_weight 0.",
            code="D16",
            value=ignore_index,
        )


def _may_look(tensor: Tensor) -> bool:
    """Return whether there are numbers to look at, without waiting for a device."""
    return tensor.is_cpu and is_plain(tensor)


def warn_negative(weight: Tensor, name: str) -> None:
    """Warn D08 of weights below zero, which turn the loss of a class round."""
    if _may_look(weight) and active() != "off" and bool((weight < 0).any()):
        at = int((weight.detach().flatten() < 0).nonzero()[0])
        value = float(weight.detach().flatten()[at])
        warn_once(
            f"{name} holds negative weights, first {value:g} at {at}: those losses are made as "
            "large as possible, not small.",
            code="D08",
            index=at,
            value=value,
        )


def raise_bad_target(task: SoftmaxTask, logits: Tensor) -> NoReturn:
    """Raise D01 once a kernel has found a target that is no class, or one that is masked."""
    target, axis = task.target, task.axis
    assert target is not None
    num_classes = logits.shape[axis]
    kept = torch.ones_like(target, dtype=torch.bool)
    if task.ignore_index is not None:
        kept = target != task.ignore_index
    outside = kept & ((target < 0) | (target >= num_classes))
    if task.class_mask is None or bool(outside.any()):
        raise_target_out_of_range(target.numpy(), num_classes, task.ignore_index)
    mask = task.class_mask
    if mask.dim() == 1:
        mask = mask.view([-1 if a == axis else 1 for a in range(logits.dim())])
    inside = torch.where(kept, target, 0).unsqueeze(axis)
    wrong = kept & ~mask.expand(logits.shape).gather(axis, inside).squeeze(axis)
    index = tuple(wrong.nonzero()[0].tolist())
    value = int(target[index])
    raise XentValueError(
        f"target must be a class that class_mask allows, but {int(wrong.sum()):,} of "
        f"{target.numel():,} are masked; first: target[{', '.join(map(str, index))}] = {value}. "
        "A class that cannot be chosen has probability 0, and its loss is infinite: allow it, or "
        "give those rows ignore_index.",
        code="D01",
        index=index,
        value=value,
    )


def sample_rows(tensor: Tensor, axis: int) -> NDArray[Any]:
    """Return at most 64 rows along `axis`, evenly spread, as an array; bfloat16 as float32."""
    moved = tensor.detach().movedim(axis, -1) if tensor.dim() else tensor.detach()[None]
    if moved.dim() == 1:
        return numpy_of(moved[None])
    shape = moved.shape[:-1]
    count = int(np.prod(shape))
    most = min(count, sampling.MAX_ROWS)
    picked = np.linspace(0, max(count - 1, 0), most).astype(np.intp)
    index = np.unravel_index(picked, shape) if count else (np.zeros(0, np.intp),) * len(shape)
    return numpy_of(moved[tuple(torch.from_numpy(i) for i in index)])


def numpy_of(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as an array, bfloat16 as float32, wherever it lives."""
    tensor = tensor.detach()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    return tensor.cpu().numpy()  # type: ignore[no-any-return]


def _note_bfloat16() -> None:
    note_once(
        "the logits are bfloat16, and so is the loss, as torch returns it: it moves in steps of "
        '0.0625 between 8 and 16. Pass logits.float(), or reduction="total", whose sum is '
        "float32.",
        code="D18",
        value="bfloat16",
    )
