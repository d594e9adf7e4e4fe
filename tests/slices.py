"""Parts of a softmax task that are about some of its classes."""

from dataclasses import replace

import torch

from xent.torch.formulas._rows import rows_with_loss
from xent.torch.formulas.softmax_slices import SoftmaxSlice


def slice_of(task, num_classes, first, stop):
    """The part of a task of (N, `num_classes`) logits that is about [first, stop)."""
    mask, choices = task.class_mask, num_classes
    if mask is not None:
        choices = mask.sum(dim=-1, keepdim=True).clamp(min=1)
    # a slice without the class of a row does not know that it weighs 0
    kept = rows_with_loss(task)
    part = replace(
        task,
        sample_weight=None if kept is None else kept.to(torch.float64),
        soft_target=_columns(task.soft_target, first, stop),
        class_weight=_columns(task.class_weight, first, stop),
        class_mask=_columns(mask, first, stop),
    )
    return SoftmaxSlice(part, first, num_classes, choices)


def _columns(tensor, first, stop):
    return None if tensor is None else tensor[..., first:stop]
