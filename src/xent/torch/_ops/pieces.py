"""Tensors in pieces that stay in the cache, worked on by as many threads as torch has.

On a CPU a piece is so small that torch computes it in the thread that asks. Threads then
meet once for a whole loss: where every operation is split among them, they meet at its end,
and on a machine that others use too each meeting waits for the scheduler (measured with
three busy programs a core: ten times slower). Nothing depends on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

__all__ = ["for_each_piece"]

_CPU_PIECE = 1 << 15  # elements; torch splits what is larger
_DEVICE_PIECE = 1 << 24
_PIECES_A_THREAD = 4  # fewer are not worth waking a thread for

T = TypeVar("T")
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def for_each_piece(work: Callable[..., T], *tensors: Tensor | None) -> list[T]:
    """Call `work` with each piece of tensors of one shape, and return what it returned.

    Parameters
    ----------
    work : callable
        Gets the same piece of every tensor, None where that is None. Runs without a graph,
        in any thread, so it writes to its piece only.
    *tensors : Tensor or None
        The first is a tensor. Nothing is called for tensors without elements.
    """
    whole = tensors[0]
    assert whole is not None
    if not whole.numel():
        return []
    if whole.dim() != 1 and all(t is None or t.is_contiguous() for t in tensors):
        tensors = tuple(None if t is None else t.view(-1) for t in tensors)
    most = _CPU_PIECE if whole.is_cpu else _DEVICE_PIECE
    if whole.numel() <= most:
        return [work(*tensors)]
    shape = tensors[0].shape  # type: ignore[union-attr]
    axis = max(range(len(shape)), key=shape.__getitem__)
    step = max(1, most // (whole.numel() // shape[axis]))
    starts = range(0, shape[axis], step)

    def piece(number: int) -> T:
        start = starts[number]
        size = min(step, shape[axis] - start)
        return work(*(None if t is None else t.narrow(axis, start, size) for t in tensors))

    threads = 1
    if whole.is_cpu:
        threads = max(1, min(torch.get_num_threads(), len(starts) // _PIECES_A_THREAD))
    return _on_threads(piece, len(starts), threads)


def _on_threads(piece: Callable[[int], T], count: int, threads: int) -> list[T]:
    results: list[Any] = [None] * count
    # modes of autograd belong to a thread
    inference = torch.is_inference_mode_enabled()

    def share(thread: int) -> None:
        with torch.inference_mode() if inference else torch.no_grad():
            for number in range(thread, count, threads):
                results[number] = piece(number)

    helpers = [_threads(threads - 1).submit(share, thread) for thread in range(1, threads)]
    try:
        share(0)
    finally:
        for helper in helpers:
            helper.result()
    return results


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool, _pool_size
    if _pool is None or _pool_size < count:
        _pool, _pool_size = ThreadPoolExecutor(count, thread_name_prefix="xent"), count
    return _pool


def _forget_threads() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    # a child has the pool, and none of its threads
    os.register_at_fork(after_in_child=_forget_threads)
