"""What a linear softmax cross-entropy is asked for, and the part of it that some rows have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas._rows import rows_counted, rows_with_loss, skips_classes

__all__ = ["LinearTask", "indices_of", "products_of_rows"]

_WIDENED = 1 << 18  # elements


@dataclass(slots=True, eq=False)
class LinearTask:
    """A softmax task of logits that do not exist, of shape (N, V), classes on axis 1.

    Attributes
    ----------
    softmax : SoftmaxTask
        Its targets may be absent, where those are sparse.
    classes, probs : Tensor or None
        Sparse targets, each (N, K): the classes that have mass, int64, and how much. A class
        below 0 is no entry.
    """

    softmax: SoftmaxTask
    classes: Tensor | None = None
    probs: Tensor | None = None

    def with_loss(self) -> Tensor | None:
        """Return which rows have a loss; None where all do, as far as is known without asking."""
        return rows_with_loss(self.softmax)

    def counted(self) -> Tensor | None:
        """Return which rows have statistics, and may have a loss of 0; None likewise."""
        return rows_counted(self.softmax)

    def kept(self, *, statistics: bool = False) -> Tensor | None:
        """Return the rows to compute, as indices; None for all of them.

        On a device the host waits for their number, once.
        """
        return indices_of(self.counted() if statistics else self.with_loss())

    def without_loss(self) -> Tensor | None:
        """Return which rows have no loss, where some have statistics all the same."""
        with_loss = self.with_loss() if skips_classes(self.softmax) else None
        return None if with_loss is None else ~with_loss

    def tensors(self) -> dict[str, Tensor | None]:
        """Return all tensors of the task, by the names of the arguments that they are."""
        sparse = {"classes of target": self.classes, "probs of target": self.probs}
        return self.softmax.tensors() | sparse

    def differentiable(self) -> list[Tensor]:
        """Return the tensors that a loss has gradients by, beside its operands."""
        task = self.softmax
        tensors = (task.soft_target, task.class_weight, task.sample_weight, self.probs)
        return [each for each in tensors if each is not None]

    def of_rows(self, rows: slice | Tensor, num_classes: int, dtype: torch.dtype) -> SoftmaxTask:
        """Return the task of some rows; sparse targets become a dense block of `dtype`."""
        task = self.softmax
        target = None if task.target is None else task.target[rows]
        soft = None if task.soft_target is None else task.soft_target[rows]
        weight = None if task.sample_weight is None else task.sample_weight[rows]
        mask = task.class_mask
        if mask is not None and mask.dim() > 1 and mask.shape[0] > 1:
            mask = mask[rows]
        if self.classes is not None:
            assert self.probs is not None
            soft = _dense(self.classes[rows], self.probs[rows], num_classes, dtype)
        return replace(task, target=target, soft_target=soft, sample_weight=weight, class_mask=mask)

    def mass(self) -> Tensor:
        """Return what each row counts in a mean: ``sample_weight * sum_j w_j t_j``, float64.

        Without class weights the targets count as distributions, whatever they sum to.
        """
        task = self.softmax
        rows = self._rows()
        if task.class_weight is None:
            mass = torch.ones(rows.shape[0], dtype=torch.float64, device=rows.device)
        else:
            weight = task.class_weight.double()
            mass = (1 - task.label_smoothing) * self._weight_of_targets(weight)
            if task.label_smoothing:
                mass = mass + task.label_smoothing * self._mean_weight(weight)
        return self._counted(mass)

    def torch_mass(self) -> Tensor:
        """Return what each row counts in torch's mean: its class's weight, or 1."""
        task = self.softmax
        rows = self._rows()
        mass = torch.ones(rows.shape[0], dtype=torch.float64, device=rows.device)
        if task.target is not None and task.class_weight is not None:
            mass = self._weight_of_targets(task.class_weight.double())
        return self._counted(mass)

    def _rows(self) -> Tensor:
        task = self.softmax
        for rows in (task.target, task.soft_target, self.classes):
            if rows is not None:
                return rows
        raise AssertionError("a task has targets")

    def _weight_of_targets(self, weight: Tensor) -> Tensor:
        task = self.softmax
        if task.target is not None:
            return weight[task.target.clamp(0, weight.shape[0] - 1)]
        if self.classes is not None:
            assert self.probs is not None
            there = torch.where(self.classes < 0, 0.0, self.probs.double())
            return (weight[self.classes.clamp(min=0)] * there).sum(dim=1)
        assert task.soft_target is not None
        return products_of_rows(task.soft_target, weight)

    def _mean_weight(self, weight: Tensor) -> Tensor:
        """Return the mean weight of the classes that smoothing spreads over."""
        mask = self.softmax.class_mask
        if mask is None:
            return weight.mean()
        mask = mask if mask.dim() > 1 else mask[None]
        return products_of_rows(mask, weight) / mask.sum(dim=1)

    def _counted(self, mass: Tensor) -> Tensor:
        task = self.softmax
        if task.target is not None and task.ignore_index is not None:
            mass = torch.where(task.target == task.ignore_index, 0.0, mass)
        if task.sample_weight is not None:
            mass = mass * task.sample_weight.double()
        return mass


def indices_of(rows: Tensor | None) -> Tensor | None:
    """Return which rows these are, as numbers; None where they are all."""
    if rows is None or (rows.is_cpu and bool(rows.all())):
        return None
    indices = rows.nonzero().squeeze(1)
    return None if len(indices) == len(rows) else indices


def products_of_rows(rows: Tensor, weight: Tensor) -> Tensor:
    """Return the product of rows of V numbers with float64 weights, a few rows at a time.

    All of them at once would be widened to float64.
    """
    some = max(1, _WIDENED // max(rows.shape[1], 1))
    return torch.cat([part.double() @ weight for part in rows.split(some)])


def _dense(classes: Tensor, probs: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Return sparse targets as distributions; a class below 0 is no entry."""
    there = classes >= 0
    dense = torch.zeros(classes.shape[0], num_classes, dtype=dtype, device=classes.device)
    return dense.scatter_add_(1, classes.clamp(min=0), torch.where(there, probs.to(dtype), 0.0))
