"""The processes that share a vocabulary: who has which classes, and what is merged over them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from xent.errors import XentValueError
from xent.torch.formulas.softmax_slices import SliceState, merge

__all__ = ["Ranks", "checksum", "code_of", "ranks_of"]

_INTEGERS = ("arg", "peak")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a group, each with a slice of the classes, in the order of their ranks.

    Attributes
    ----------
    group : ProcessGroup or None
        None for all processes.
    rank : int
        Of this one, in the group.
    sizes : tuple of int
        How many classes each has. One process alone is a group of its own.
    """

    group: Any
    rank: int
    sizes: tuple[int, ...]

    @property
    def first(self) -> int:
        """The first class of this rank."""
        return sum(self.sizes[: self.rank])

    @property
    def num_classes(self) -> int:
        return sum(self.sizes)

    @property
    def largest(self) -> int:
        """The most classes that a rank has."""
        return max(self.sizes)

    def gather(self, tensor: Tensor) -> Tensor:
        """Return what all ranks have here, in their order, along a new first axis."""
        if len(self.sizes) == 1:
            return tensor.unsqueeze(0)
        return _gathered(tensor, len(self.sizes), self.group)

    def whole(self, state: SliceState) -> SliceState:
        """Return the state of all classes, the same bits on every rank."""
        if len(self.sizes) == 1:
            return state
        # classes below 2**53 are exact
        packed = torch.stack([field.to(state.top.dtype) for field in state])
        return reduce(merge, map(_unpacked, self.gather(packed)))

    def total(self, part: Tensor) -> Tensor:
        """Return the sum over ranks, the same bits on every rank."""
        return self.gather(part).sum(dim=0)

    def add_(self, part: Tensor) -> None:
        """Replace a large tensor by its sum over ranks."""
        if len(self.sizes) > 1:
            dist.all_reduce(part, group=self.group)


def ranks_of(group: Any, size: int, facts: Mapping[str, int | Tensor], like: Tensor) -> Ranks:
    """Return the ranks of a group once all of them have called; waits for a device.

    Parameters
    ----------
    group : ProcessGroup or None
    size : int
        How many classes this rank has.
    facts : mapping
        Numbers that must be the same on every rank, by what they stand for: an int, or an
        int64 tensor of one element.
    like : Tensor
        Where the communication takes place.

    Raises
    ------
    XentValueError
        If this process is not in the group; on every rank, if a fact differs.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return Ranks(None, 0, (size,))
    count = dist.get_world_size(group)
    if count < 1:
        raise XentValueError(
            f"group must hold this process, but rank {dist.get_rank()} is not in it",
            value=dist.get_rank(),
        )
    numbers = [size, *facts.values()]
    row = torch.stack([_number(each, like.device) for each in numbers])
    table = _gathered(row, count, group).tolist()
    for column, name in enumerate(facts, start=1):
        seen = [entry[column] for entry in table]
        other = next((rank for rank in range(count) if seen[rank] != seen[0]), None)
        if other is not None:
            raise XentValueError(
                f"{name} must be the same on every rank that shares the vocabulary, but ranks 0 "
                f"and {other} of the group of {count} differ",
                index=(other,),
            )
    sizes = tuple(entry[0] for entry in table)
    if not sum(sizes):
        raise XentValueError("the ranks of the group must have at least one class in all, got 0")
    return Ranks(group, dist.get_rank(group), sizes)


def code_of(*options: Any) -> int:
    """Return a number that differs, most likely, where the options do."""
    return zlib.crc32(repr(options).encode())


def checksum(tensor: Tensor | None) -> int | Tensor:
    """Return such a number for a tensor, without waiting for its device."""
    if tensor is None:
        return 0
    if tensor.is_floating_point():
        tensor = tensor.detach().to(torch.float64).view(torch.int64)
    bits = tensor.reshape(-1).to(torch.int64)
    # sums of int64 wrap, which is what a checksum may; odd factors see an exchange
    places = torch.arange(len(bits), device=bits.device) * 0x1E3779B97F4A7C15
    return ((bits ^ (bits >> 29)) * (places | 1)).sum()


def _number(value: int | Tensor, device: torch.device) -> Tensor:
    if isinstance(value, Tensor):
        return value.to(torch.int64)
    return torch.full((), value, dtype=torch.int64, device=device)


def _gathered(tensor: Tensor, count: int, group: Any) -> Tensor:
    whole = tensor.new_empty((count, *tensor.shape))
    dist.all_gather(list(whole.unbind()), tensor.contiguous(), group=group)
    return whole


def _unpacked(packed: Tensor) -> SliceState:
    fields = zip(SliceState._fields, packed, strict=True)
    return SliceState(*(
        each.to(torch.int64) if name in _INTEGERS else each for name, each in fields
    ))  # fmt: skip
