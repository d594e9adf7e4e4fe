"""`Total` of tensors: a sum of losses that can be differentiated, and merged over ranks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils import _pytree as pytree

from xent import total
from xent.errors import XentValueError
from xent.units import Unit

__all__ = ["Total"]

_GRADIENTS = ("mean", "sum")


class Total(total.Total):
    """A differentiable sum of losses, the weight it was summed with, and the number of rows.

    What the losses of `xent.torch` return for ``reduction="total"``. Add totals of
    micro-batches, `all_reduce` over ranks, divide once at the end with `mean`: whatever
    the sizes of the parts, value and gradient are those of the whole batch. An
    `xent.Total` may be added, hence ``sum(totals, Total())`` works for none.

    Parameters
    ----------
    sum : Tensor, shape ()
        Sum over rows of weight times loss, in `unit`; carries the gradient.
    weight : float or Tensor, shape ()
        Sum of the weights of the rows that count.
    count : int or Tensor, shape ()
        Number of rows that count. Ignored rows do not.
    unit : {"nat", "bit", "ban"}
        Unit of `sum`.

    Notes
    -----
    *Devices.* Nothing here waits for a GPU but `item`, and adding totals of different
    units.

    *Composition.* A node of torch's pytrees: `torch.compile`, `torch.export` and
    `torch.func` take and return it. `torch.func.vmap` needs `weight` and `count` as
    tensors.

    See Also
    --------
    xent.Total : the same for plain numbers, without a gradient.
    xent.merge : the sum of any number of totals.
    xent.torch.check_partition_invariance : finds a mean of means in a training step.

    Examples
    --------
    Two micro-batches, of 900 tokens with a mean loss of 2 and of 100 tokens with a mean
    loss of 6. Each token's share of the gradient is 1/1000, whichever part it was in:

    >>> import torch
    >>> from xent.torch import Total
    >>> long = torch.full((900,), 2.0, requires_grad=True)
    >>> short = torch.full((100,), 6.0, requires_grad=True)
    >>> loss = (Total(long.sum(), 900, 900) + Total(short.sum(), 100, 100)).mean()
    >>> loss.backward()
    >>> round(loss.item(), 4), round(short.grad[0].item(), 6), round(long.grad[0].item(), 6)
    (2.4, 0.001, 0.001)
    """

    def __radd__(self, other: object) -> total.Total:
        # a subclass is asked first, so that a plain total does not decide the type
        return self + other if isinstance(other, total.Total) else super().__radd__(other)

    def mean(self, *, over: float | Tensor | None = None) -> Tensor:
        """Return `sum` divided by `weight`, or by `over` where that is given.

        Parameters
        ----------
        over : float or Tensor, optional
            The denominator to use instead. Where the number of tokens of a whole step is
            known beforehand, ``part.mean(over=tokens).backward()`` for each micro-batch
            adds up to the gradient of the whole, and one graph at a time is in memory.

        Returns
        -------
        Tensor
            0-dimensional, in `unit` and the dtype of `sum`. Over nothing it is nan, and
            the gradient is 0, as those of `torch.nn.functional.cross_entropy` are.
        """
        denominator = self.weight if over is None else over
        if not isinstance(denominator, Tensor):
            # times 0 rather than nan: a gradient of nan would reach the parameters
            return self.sum / denominator if denominator else self.sum * 0.0 + math.nan
        if not isinstance(self.sum, Tensor):
            return self.sum / denominator
        empty = denominator == 0
        # both branches of a `where` are differentiated, so neither may divide by 0
        mean = self.sum / torch.where(empty, 1, denominator)
        return torch.where(empty, math.nan, mean).to(self.sum.dtype)

    def detach(self) -> Total:
        """Return the same total without its graph, as for a running sum of an epoch."""
        return replace(self, **{name: _detached(getattr(self, name)) for name in _FIELDS})

    def item(self) -> total.Total:
        """Return the same total in Python's numbers, an `xent.Total`; waits for a GPU.

        >>> import torch
        >>> from xent.torch import Total
        >>> Total(torch.tensor(6.0), torch.tensor(3.0), 3).item()
        Total(sum=6.0, weight=3.0, count=3, unit='nat')
        """
        sum_, weight, count = _packed(self, _device_of(self)).tolist()
        return total.Total(sum_, weight, int(count), self.unit)

    def all_reduce(
        self, group: dist.ProcessGroup | None = None, *, gradient: str = "mean"
    ) -> Total:
        r"""Return the total over all ranks; its gradient reaches this rank's part.

        With parts :math:`s_r, w_r` of :math:`R` ranks, the mean of the result is

        .. math:: L = \frac{\sum_r s_r}{\sum_r w_r} ,

        the same number on every rank, and its backward pass puts :math:`k / \sum_r w_r`
        on :math:`s_r`, with :math:`k = R` if the ranks' gradients are averaged afterwards
        and :math:`k = 1` if they are summed. Either way the parameters get exactly the
        gradient of :math:`L`, however unevenly rows are spread. Without it, ranks with few
        tokens count as much as ranks with many.

        Parameters
        ----------
        group : ProcessGroup, optional
            The ranks whose gradients are averaged or summed: the data-parallel group. All
            of them must call, those without a row with ``Total()``. Default all ranks.
        gradient : {"mean", "sum"}, default "mean"
            What is done with the gradients of the ranks afterwards. Both
            `DistributedDataParallel` and `fully_shard` take the mean.

        Returns
        -------
        Total
            `sum` in its own dtype, `weight` float64, `count` int64, as tensors. The total
            itself where `torch.distributed` is not initialised, so that a program for many
            processes is a program for one.

        Raises
        ------
        XentValueError
            If `gradient` is unknown, or this rank is not in `group`.

        Notes
        -----
        *Communication.* One collective, of three float64 numbers; counts are exact up to
        2**53. It does not wait for a GPU, and logging ``mean()`` needs no other.

        *Micro-batches.* Add them first and reduce once. To free each graph before the next
        one instead, count the tokens beforehand: with ``tokens = Total(0.0, n, n)``,
        ``n`` those of this rank's whole step, each part is
        ``part.mean(over=tokens.all_reduce().weight / R)`` if gradients are averaged.

        *Units.* Ranks must agree on the unit; it is not sent.

        Examples
        --------
        In one process it changes nothing:

        >>> import torch
        >>> from xent.torch import Total
        >>> Total(torch.tensor(6.0), 3.0, 3).all_reduce().mean()
        tensor(2.)
        """
        if gradient not in _GRADIENTS:
            raise XentValueError(
                f"gradient must be one of {_GRADIENTS}, what becomes of the ranks' gradients "
                f"afterwards, got {gradient!r}",
                value=gradient,
            )
        if not (dist.is_available() and dist.is_initialized()):
            return self
        ranks = dist.get_world_size(group)
        if ranks < 1:
            raise XentValueError(
                f"group must hold this process, but rank {dist.get_rank()} is not in it",
                value=dist.get_rank(),
            )
        device = _device_of(self)
        if device is None and dist.get_backend(group) == "nccl":
            device = torch.device("cuda", torch.cuda.current_device())
        packed = _packed(self, device)
        reduced = packed.detach().clone()
        dist.all_reduce(reduced, group=group)
        scale = float(ranks) if gradient == "mean" else 1.0
        sum_, weight, _ = _GradientOfThisRank.apply(packed, reduced, scale).unbind()
        if isinstance(self.sum, Tensor):
            sum_ = sum_.to(self.sum.dtype)
        return Total(sum_, weight, reduced[2].to(torch.int64), self.unit)


class _GradientOfThisRank(torch.autograd.Function):
    """The value over all ranks, whose gradient, scaled, is this rank's.

    Not written as ``reduced + scale * (part - part.detach())``: a rank with an infinite
    loss would make nan of it.
    """

    @staticmethod
    def forward(part: Tensor, reduced: Tensor, scale: float) -> Tensor:
        return reduced.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float], output: Tensor) -> None:
        ctx.scale = inputs[2]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad * ctx.scale, None, None


_FIELDS = ("sum", "weight", "count")


def _detached(number: Any) -> Any:
    return number.detach() if isinstance(number, Tensor) else number


def _device_of(part: Total) -> torch.device | None:
    tensors = [x for name in _FIELDS if isinstance(x := getattr(part, name), Tensor)]
    return tensors[0].device if tensors else None


def _packed(part: Total, device: torch.device | None) -> Tensor:
    """Return sum, weight and count as one float64 tensor, without waiting for the device."""
    return torch.stack([_as_float64(getattr(part, name), device) for name in _FIELDS])


def _as_float64(number: Any, device: torch.device | None) -> Tensor:
    if isinstance(number, Tensor):
        return number.to(device=device, dtype=torch.float64)
    # a fill: torch.tensor would copy from the host and wait
    return torch.full((), float(number), dtype=torch.float64, device=device)


def _flatten(part: Total) -> tuple[list[Any], Unit]:
    return [part.sum, part.weight, part.count], part.unit


def _unflatten(numbers: Any, unit: Unit) -> Total:
    sum_, weight, count = numbers
    return Total(sum_, weight, count, unit)


pytree.register_pytree_node(Total, _flatten, _unflatten, serialized_type_name="xent.torch.Total")
