"""Losses and gradients of a block of labels: the block becomes its own gradient."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xent.kernels.cpu import sigmoid_block as kernel
from xent.torch._linear.sigmoid.positives import Ordered
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._ops.memory import array_of, doubles_of
from xent.torch._tasks import SigmoidTask
from xent.torch.formulas import sigmoid_cross_entropy as formulas

__all__ = ["LabelScores", "TrueLabels"]

_READ_AS_THEY_ARE = frozenset(
    {torch.bool, torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64}
)


class LabelScores:
    """The labels of a slice: what they weigh, and how their logits are scored."""

    def __init__(self, task: LabelTask, labels: range, native: bool) -> None:
        some = slice(labels.start, labels.stop)
        self.target = None if task.target is None else task.target[:, some]
        self.pos_weight = None if task.pos_weight is None else task.pos_weight[some]
        self.weight = None if task.weight is None else task.weight[some]
        self.native = native
        if native:
            self.doubles = doubles_of(self.pos_weight), doubles_of(self.weight)

    def targets(self, rows: range, kept: Tensor | None) -> Tensor | None:
        if self.target is None:
            return None
        some = slice(rows.start, rows.stop)
        return self.target[some] if kept is None else self.target[kept[some]]

    def score_(
        self,
        z: Tensor,
        sums: Tensor,
        target: Tensor | None,
        scale: float,
        row_scale: Tensor | None,
        *,
        want_gradient: bool,
    ) -> int:
        """Add the losses of the rows, and overwrite the logits by their gradient."""
        if not self.native:
            return self._by_formulas(z, sums, target, scale, row_scale, want_gradient)
        if target is not None and (target.dtype not in _READ_AS_THEY_ARE or target.stride(1) != 1):
            target = target.to(z.dtype).contiguous()
        return kernel.score_(
            z.numpy(),
            sums.numpy(),
            target=None if target is None else array_of(target),
            pos_weight=self.doubles[0],
            label_weight=self.doubles[1],
            row_scale=None if row_scale is None else row_scale.numpy(),
            scale=scale,
            want_gradient=want_gradient,
            threads=torch.get_num_threads(),
        )

    def _by_formulas(
        self,
        z: Tensor,
        sums: Tensor,
        target: Tensor | None,
        scale: float,
        row_scale: Tensor | None,
        want_gradient: bool,
    ) -> int:
        bad = 0
        if target is None:
            target = z.new_zeros(()).expand(z.shape)
        elif z.is_cpu:
            bad = int((~((target >= 0) & (target <= 1))).sum())
        task = SigmoidTask(target, self.pos_weight, self.weight)
        sums += formulas.nodes(z, task).sum(dim=1, dtype=sums.dtype)
        if want_gradient:
            by_row = z.new_full((1, 1), scale)
            if row_scale is not None:
                by_row = (row_scale * scale).unsqueeze(1)
            z.copy_(torch.where(by_row == 0, 0.0, formulas.gradient(z, task, by_row)))
        return bad


class TrueLabels:
    """The labels that are true: their logits, as the walk meets them."""

    def __init__(
        self,
        ordered: Ordered,
        task: LabelTask,
        dtype: torch.dtype,
        scale: float,
        row_scale: Tensor | None,
        native: bool,
    ) -> None:
        self.ordered, self.row = ordered, ordered.row
        label = ordered.label
        self.real = (label >= 0) & (label < ordered.labels)
        self.z = torch.zeros(label.shape, dtype=dtype, device=label.device)
        at = torch.where(self.real, label, 0)
        self.value = self.z.new_ones(()) if ordered.value is None else ordered.value
        self.value = self.value.expand(label.shape)
        self.pos_weight = None if task.pos_weight is None else task.pos_weight[at]
        self.weight = None if task.weight is None else task.weight[at]
        # what the gradient of an entry is multiplied by
        self.scale = torch.full((), scale, dtype=torch.float64, device=label.device)
        if row_scale is not None:
            self.scale = (row_scale * scale)[ordered.row]
        if self.weight is not None:
            self.scale = self.scale * self.weight
        self.scale = self.scale.expand(label.shape)
        self.native = native
        if native:
            self.values = self.value.double().contiguous().numpy()
            self.doubles = doubles_of(self.pos_weight), doubles_of(self.scale)

    def take(self, flat: Tensor, rows: range, labels: range) -> None:
        """Take their logits out of a block, and put what is false there."""
        self.found = self.ordered.inside(rows, labels)
        entries, place, inside = self.found
        z = flat[place]
        self.z[entries] = z if inside is None else torch.where(inside, z, self.z[entries])
        flat[place] = -torch.inf

    def put(self, flat: Tensor) -> None:
        """Write their gradients into the block."""
        entries, place, _ = self.found
        if not self.native:
            scale, task = self.scale[entries], self._task(entries, weighted=False)
            each = formulas.gradient(self.z[entries], task, scale)
            flat[place] = torch.where(scale == 0, 0.0, each)
        elif len(place):
            # one native call costs less than a dozen of torch's on a few numbers
            pos_weight, scale = (x if x is None else x[entries] for x in self.doubles)
            each, target = self.z[entries].clone(), self.values[None, entries]
            kernel.score_(
                each[None].numpy(), np.zeros(1), target=target, pos_weight=pos_weight,
                label_weight=scale, want_gradient=True, threads=1,
            )  # fmt: skip
            flat[place] = each

    def losses(self) -> Tensor:
        losses = formulas.nodes(self.z, self._task(slice(None)))
        return torch.where(self.real, losses, 0.0).double()

    def _task(self, entries: slice, *, weighted: bool = True) -> SigmoidTask:
        pos_weight = None if self.pos_weight is None else self.pos_weight[entries]
        weight = None if self.weight is None or not weighted else self.weight[entries]
        return SigmoidTask(self.value[entries], pos_weight, weight)
