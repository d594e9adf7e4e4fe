"""Batches cut along their rows, and what in them could be the weight of a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from xent.errors import XentTypeError, XentValueError

__all__ = ["cut", "num_rows", "weights_in"]

_PLAIN = (bool, int, float, str, bytes, type(None))


def num_rows(batch: Any) -> int:
    """Return the length that dimension 0 of every tensor of a batch has."""
    rows: tuple[str, int] | None = None
    for path, leaf in _leaves(batch):
        if not isinstance(leaf, Tensor):
            if isinstance(leaf, _PLAIN):
                continue
            raise XentTypeError(
                f"batch must hold tensors in tuples, lists and dicts, got a "
                f"{type(leaf).__name__} at {path}; pass tensors, or dict({path})",
                value=type(leaf).__name__,
            )
        if not leaf.ndim:
            continue
        if rows is None:
            rows = (path, len(leaf))
        elif len(leaf) != rows[1]:
            raise XentValueError(
                f"every tensor of the batch must have one row for each sample, got {rows[1]} in "
                f"{rows[0]} and {len(leaf)} in {path}; close over what is no part of the batch",
                value=len(leaf),
            )
    if rows is None:
        raise XentValueError("batch must hold at least one tensor with rows, got none")
    return rows[1]


def cut(batch: Any, start: int, stop: int) -> Any:
    """Return rows `start` to `stop` of every tensor, in the structure of the batch."""

    def rows_of(leaf: Any) -> Any:
        return leaf[start:stop] if isinstance(leaf, Tensor) and leaf.ndim else leaf

    return pytree.tree_map(rows_of, batch)


def weights_in(batch: Any, ignore_index: int) -> dict[str, Callable[[Any], float]]:
    """Return what in a batch may be the denominator of a mean: a name, and a count of a part.

    Targets that are not `ignore_index`, also without the first of each sequence, which a
    loss that shifts does not score; what a mask holds; the sum of weights of rows.
    """
    found: dict[str, Callable[[Any], float]] = {}
    for place, (path, leaf) in enumerate(_leaves(batch)):
        if not isinstance(leaf, Tensor) or not leaf.ndim or not leaf.numel():
            continue
        if _is_mask(leaf):
            found[f"the sum of {path}"] = _Count(place)
        elif not leaf.is_floating_point() and bool((leaf == ignore_index).any()):
            found[f"{path} != {ignore_index}"] = _Count(place, ignore_index)
            if leaf.ndim > 1:
                name = f"{path}[:, 1:] != {ignore_index}"
                found[name] = _Count(place, ignore_index, shifted=True)
        elif leaf.is_floating_point() and leaf.ndim == 1 and bool((leaf >= 0).all()):
            found[f"the sum of {path}"] = _Count(place)
    return found


class _Count:
    """The weight of a part, by the leaf at `place`."""

    def __init__(self, place: int, ignore_index: int | None = None, *, shifted: bool = False):
        self.place, self.ignore_index, self.shifted = place, ignore_index, shifted

    def __call__(self, part: Any) -> float:
        leaf = pytree.tree_leaves(part)[self.place]
        if self.shifted:
            leaf = leaf[:, 1:]
        if self.ignore_index is not None:
            leaf = leaf != self.ignore_index
        return float(leaf.sum(dtype=torch.float64))


def _is_mask(leaf: Tensor) -> bool:
    if leaf.is_floating_point() or leaf.is_complex():
        return False
    return leaf.dtype == torch.bool or bool(((leaf == 0) | (leaf == 1)).all())


def _leaves(batch: Any) -> Iterator[tuple[str, Any]]:
    for keys, leaf in pytree.tree_flatten_with_path(batch)[0]:
        yield "batch" + pytree.keystr(keys), leaf
