"""How a device with matrix units of 16 bits cuts a linear loss into blocks, and what that costs.

Two heights. The products of the gradients want tall blocks: each reads and writes the sum of
the weight's gradient, 8 bytes an element in float32, which is hidden behind the arithmetic
from about 740 rows on (790 TFLOP/s against 4.3 TB/s), and a row costs them 2 bytes a class.
The product of the logits reads the weight, 2 bytes an element, hidden from about 190 rows on,
but a row costs it 4 bytes a class. So a few hundred rows of float32 logits at a time are
scored into a tall block of 16-bit gradients.

The weight's gradient is one product where one block has all rows. Else it is summed in
float32: in a buffer that is rounded into the gradient when the blocks are gone, or, in less
memory, in place, in a gradient that then keeps twice its memory. It is never summed in 16
bits: a partial sum of a share s of the rows costs s of the error that rounding the result
costs, as a square, and two or three of them, as many as there are with 1 GB for 8192 rows of
128,256 classes, make the gradient of an untrained model 1.3 times as far off.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from xent.errors import XentValueError
from xent.torch._linear.plan import Need, Plan, text_of

__all__ = ["DOWN", "Result", "Sums", "TallPlan", "is_small", "plan_tall"]

# of the weight's gradient: in the dtype of the weight; in float32; added to a given buffer
Result = Literal["narrow", "wide", "given"]
Sums = Literal["none", "one product", "float32", "in place", "wide", "given"]

_SAID = {
    "one product": "the weight's gradient is one product",
    "float32": "the weight's gradient is summed in float32",
    "in place": "the weight's gradient is summed in float32 and keeps that memory",
    "wide": "the weight's gradient is summed in float32 and added to main_grad",
    "given": "the weight's gradient is summed in main_grad",
}

DOWN = 1024  # rows of the gradient of the hidden states that are rounded at a time
_SMALL = 32 << 20  # bytes of a float32 gradient of the weight that is one product, and rounded
_TALL = 4096  # taller blocks gain nothing
_HEIGHTS = (1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024)
_LEAST = 512 << 20
_ROW = 64  # bytes of a row's losses, weights and indices

# of an H200; only their ratios matter
_FLOPS, _BANDWIDTH, _PROCESSORS, _TILE = 790e12, 4.3e12, 132, (128, 256)


@dataclass(frozen=True, slots=True)
class TallPlan(Plan):
    """A plan whose `rows` are those of a block of gradients.

    Attributes
    ----------
    scored : int
        Rows of logits that exist at once.
    sums : {"none", "one product", "float32", "in place", "wide", "given"}
        How the gradient of the weight is summed; "wide" is returned in float32.
    """

    scored: int = 1
    sums: Sums = "none"

    def __str__(self) -> str:
        text = Plan.__str__(self)  # super() is lost in a class with slots
        text += f"; {self.scored:,} rows of logits at a time"
        return text if self.sums == "none" else f"{text}, {_SAID[self.sums]}"

    def blocks_of(self, count: int) -> Iterator[tuple[int, int]]:
        """Return where blocks of so many rows begin and end: all full but the first."""
        begin, end = 0, (count - 1) % self.rows + 1
        while begin < count:
            yield begin, end
            begin, end = end, end + self.rows


def is_small(classes: int, features: int) -> bool:
    """Return whether one product of the weight's gradient is summed before it is rounded.

    A large one has a tile for every processor, and no processor shares a tile: it is summed
    in registers. The shares of a small one may be rounded before they are added.
    """
    return 4 * classes * features <= _SMALL


@functools.lru_cache(maxsize=256)
def plan_tall(need: Need, memory: int | None = None, result: Result = "narrow") -> TallPlan:
    """Return the fastest plan that fits into `memory` bytes.

    By default a plan may take what summing the weight's gradient in float32 takes anyway,
    but at least 512 MiB and what a thousand rows take.

    Raises
    ------
    XentValueError
        If nothing fits. It names what would.
    """
    groups = _choices(need, result)
    if memory is None:
        wide = 4 * need.classes * need.features * need.weight + _ROW * need.rows
        rows = max(1, min(need.rows, 1024))
        some = _bytes(need, rows, min(rows, 256), "none")
        some += {"narrow": wide // 2, "wide": wide, "given": 0}[result]
        memory = max(_LEAST, wide, some)
    for group in groups:
        found = [plan for sums in group for plan in _fitting(need, memory, sums)]
        if found:
            return min(found, key=lambda plan: (_seconds(plan, need), plan.bytes))
    least = min(
        _plan(need, rows, 1, sums).bytes
        for group in groups
        for sums in group
        for rows in (1, max(need.rows, 1))
        if _serves(_plan(need, rows, 1, sums), need)
    )
    raise XentValueError(
        f"memory must be at least {text_of(least)} for {need.rows:,} rows of {need.classes:,} "
        f"classes and {need.features:,} features, got {text_of(memory)}",
        value=memory,
    )


def _choices(need: Need, result: Result) -> tuple[tuple[Sums, ...], ...]:
    """Return ways to sum the weight's gradient; a later group only where none before fits."""
    if not need.weight:
        return (("none",),)
    if result != "narrow":
        return (("given",) if result == "given" else ("wide",),)
    if need.dtype is torch.float16:
        return (("float32",), ("in place",))  # what a sum divides by is not in it yet
    return (("one product", "float32"), ("in place",))


def _fitting(need: Need, memory: int, sums: Sums) -> Iterator[TallPlan]:
    """Yield the plan of the tallest blocks that fit, for each number of rows of logits."""
    for scored in _HEIGHTS:
        lowest, most = 0, max(1, need.rows if sums == "one product" else min(need.rows, _TALL))
        while lowest < most:
            middle = (lowest + most + 1) // 2
            if _bytes(need, middle, scored, sums) <= memory:
                lowest = middle
            else:
                most = middle - 1
        if scored > lowest:
            return
        plan = _evened(need, lowest, scored, sums)
        if _serves(plan, need):
            yield plan


def _serves(plan: TallPlan, need: Need) -> bool:
    return plan.blocks == 1 or plan.sums != "one product"


def _evened(need: Need, most: int, scored: int, sums: Sums) -> TallPlan:
    """Return a plan with blocks of about the same height."""
    blocks = max(1, -(-need.rows // most))
    rows = max(1, min(most, -(-need.rows // (64 * blocks)) * 64))
    return _plan(need, rows, min(scored, rows), sums)


def _plan(need: Need, rows: int, scored: int, sums: Sums) -> TallPlan:
    gradient = need.hidden or need.weight
    if not gradient:
        rows = scored
    products = 1 + need.hidden + need.weight + (need.late and gradient)
    return TallPlan(
        "rows", rows, need.classes, max(1, -(-need.rows // rows)), products,
        _bytes(need, rows, scored, sums), scored=scored, sums=sums,
    )  # fmt: skip


def _bytes(need: Need, rows: int, scored: int, sums: Sums) -> int:
    """Return what blocks of these heights take beside operands and gradients."""
    gradient = need.hidden or need.weight
    weight = need.classes * need.features if need.weight else 0
    total = _ROW * need.rows + 4 * need.classes * scored * need.buffers
    total += 2 * need.features * (rows if gradient else scored)
    if gradient:
        total += 2 * need.classes * rows
    if need.hidden:
        total += 6 * need.features * min(rows, DOWN)
    if sums == "wide" or (sums == "one product" and is_small(need.classes, need.features)):
        total += 4 * weight
    elif sums == "in place":
        total += 2 * weight
    elif sums == "float32":
        # the gradient takes its place when the blocks are gone
        total = max(total + 2 * weight, 4 * weight + _ROW * need.rows)
    return total


def _seconds(plan: TallPlan, need: Need) -> float:
    """Return about how long the products take."""
    first = next(plan.blocks_of(need.rows), (0, 0))[1]
    total = _block_seconds(plan, need, first)
    total += (plan.blocks - 1) * _block_seconds(plan, need, plan.rows)
    if plan.sums in ("float32", "in place"):
        total += 6 * need.classes * need.features / _BANDWIDTH  # rounded at the end
    return total


def _block_seconds(plan: TallPlan, need: Need, rows: int) -> float:
    weight = need.classes * need.features
    whole, rest = divmod(rows, plan.scored)
    total = whole * _logits_seconds(need, plan.scored)
    total += _logits_seconds(need, rest) if rest else 0.0
    flops, read = 2 * rows * weight / _FLOPS, 2 * rows * need.classes
    if need.hidden:
        total += max(flops, (read + 2 * weight) / _BANDWIDTH)
    if need.weight:
        width = 2 if plan.sums == "one product" else 8
        total += max(flops, (read + width * weight) / _BANDWIDTH)
    return total


def _logits_seconds(need: Need, rows: int) -> float:
    tiles = -(-rows // _TILE[0]) * -(-need.classes // _TILE[1])
    # processors that have no tile in the last turn wait for it
    turns = -(-tiles // _PROCESSORS) * _PROCESSORS * _TILE[0] * _TILE[1]
    read = 2 * need.classes * need.features + 4 * rows * need.classes
    return max(2 * turns * need.features / _FLOPS, read / _BANDWIDTH)
