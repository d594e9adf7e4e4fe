"""How the logits are cut into blocks, and what that costs.

Blocks of rows hold all classes of some rows. Their loss and gradient are known as soon as
their logits are, so a training step takes three matrix products: logits, gradient of the
hidden states, gradient of the weight. Each block reads the weight twice and its gradient
once, which is hidden behind the products only if a block has enough rows.

Blocks of columns hold some classes of all rows. A row's softmax is known only when all its
classes were seen, so the logits are made twice, four products; but each part of the weight's
gradient is written once. That pays where the memory allows only a few whole rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xent.errors import XentTypeError, XentValueError

__all__ = [
    "PART", "WIDENED", "Need", "Plan", "bytes_of", "plan_blocks", "row_blocks", "rows_at_once",
    "text_of",
]  # fmt: skip

_UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

# what blocks may take where no memory is named
_DEFAULT = {"cpu": 56 << 20, "cuda": 512 << 20}
# taller blocks gain nothing: the traffic of the weight is hidden behind their products
_TALL = {"cpu": 1024, "cuda": 4096}
# rows whose products take as long as reading the weight and its gradient, about
_THIN = {"cpu": 24, "cuda": 300}
PART = 1024  # columns that a filter gathers, and rows that it takes norms of, at a time
WIDENED = 4 << 20  # bytes that a part of a 16-bit weight takes in 32


@dataclass(frozen=True, slots=True)
class Need:
    """What a call asks of its plan.

    Attributes
    ----------
    rows, features, classes : int
        N of the rows that count, D and V.
    dtype : torch.dtype
        Of the operands.
    device : str
        "cpu", "cuda" or another.
    hidden, weight : bool
        Which gradients.
    late : bool
        The gradient waits for its upstream gradient, and makes the logits again.
    buffers : int
        Arrays of the size of a block: the logits, and others beside them.
    gathers : bool
        Some rows do not count: where all others are in one block, they are copied.
    filtered : bool
        Columns of a block may be left out of its gradient products.
    """

    rows: int
    features: int
    classes: int
    dtype: torch.dtype
    device: str = "cpu"
    hidden: bool = True
    weight: bool = True
    late: bool = False
    buffers: int = 1
    gathers: bool = False
    filtered: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether the operands have 16 bits, and sums have 32."""
        return bool(self.dtype.itemsize == 2)

    @property
    def compute_bytes(self) -> int:
        return max(int(self.dtype.itemsize), 4)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one call is computed.

    Attributes
    ----------
    kind : {"rows", "columns"}
    rows, columns : int
        Of a block of logits.
    blocks : int
    products : int
        Matrix products of N x D x V: one without gradients, three for a training step, four
        where logits are made twice.
    bytes : int
        Beyond operands, gradients and losses, at the peak.
    """

    kind: str
    rows: int
    columns: int
    blocks: int
    products: int
    bytes: int

    def __str__(self) -> str:
        plural = "s" if self.products > 1 else ""
        of_blocks = "blocks" if self.blocks > 1 else "block"
        return (
            f"{self.blocks:,} {of_blocks} of {self.rows:,} x {self.columns:,} logits, "
            f"{self.products} matrix product{plural}, {text_of(self.bytes)} beside operands and "
            "gradients"
        )


def bytes_of(memory: Any) -> int | None:
    """Return a number of bytes: 1000, "256MiB", "1.5 GB"; None stays None."""
    if memory is None:
        return None
    if isinstance(memory, bool) or not isinstance(memory, (int, str)):
        raise XentTypeError(
            f'memory must be bytes or a text such as "256MiB", got {memory!r}', value=memory
        )
    if isinstance(memory, int):
        count = memory
    else:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", memory)
        if found is None or found[2] not in _UNITS:
            raise XentValueError(
                f"memory must be a number with one of {', '.join(filter(None, _UNITS))}, such as "
                f'"256MiB"; got {memory!r}',
                value=memory,
            )
        count = int(float(found[1]) * _UNITS[found[2]])
    if count <= 0:
        raise XentValueError(f"memory must be above 0, got {memory!r}", value=memory)
    return count


def text_of(count: int) -> str:
    """Return bytes as people write them.

    >>> text_of(57 << 20), text_of(800)
    ('57.0 MiB', '800 B')
    """
    if count < 1024:
        return f"{count} B"
    power = min((count.bit_length() - 1) // 10, 4)
    return f"{count / 1024**power:.1f} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


def plan_blocks(need: Need, memory: int | None = None, *, columns: bool = True) -> Plan:
    """Return the faster plan of those that fit into `memory` bytes.

    Parameters
    ----------
    need : Need
    memory : int, optional
        By default what a device has to spare beside everything else that training holds.
    columns : bool, default True
        Whether blocks of columns serve the call.

    Raises
    ------
    XentValueError
        If nothing fits. It names what would.
    """
    candidates = [_by_rows(need, memory)]
    if columns:
        candidates.append(_by_columns(need, memory))
    fitting = [plan for plan in candidates if memory is None or plan.bytes <= memory]
    if not fitting:
        least = min(plan.bytes for plan in candidates)
        raise XentValueError(
            f"memory must be at least {text_of(least)} for {need.rows:,} rows of {need.classes:,} "
            f"classes and {need.features:,} features, got {text_of(memory or 0)}",
            value=memory,
        )
    return min(fitting, key=lambda plan: _cost(plan, need))


def rows_at_once(need: Need, memory: int | None = None) -> int:
    """Return how many whole rows go into `memory`: one, if none does."""
    return _by_rows(need, memory).rows


def _cost(plan: Plan, need: Need) -> float:
    """Return the time of a plan in matrix products of all rows."""
    if plan.kind == "columns" or not need.rows:
        return plan.products
    thin = _THIN.get(need.device, _THIN["cpu"])
    # one block reads the weight as often as any other plan
    return plan.products * (1 + thin / plan.rows - thin / need.rows)


def _products(need: Need, *, again: bool) -> int:
    gradients = need.hidden + need.weight
    return 1 + gradients + (1 if gradients and again else 0)


def _by_rows(need: Need, memory: int | None) -> Plan:
    fixed, row = 0, need.compute_bytes * need.classes * need.buffers
    if need.is_narrow:
        row += 4 * need.features
        fixed += min(2 * WIDENED, 4 * need.classes * need.features)
        if need.hidden:
            row += 2 * need.classes  # the gradient of a block, for the units of 16-bit numbers
        if need.weight:
            fixed += 4 * need.classes * need.features  # its sum, before it is rounded
    if need.filtered:
        wide, part = need.compute_bytes, min(PART, need.classes)
        row += wide * part  # the columns that are gathered
        fixed += wide * (4 * part * need.features + 3 * min(PART, need.features) ** 2)
        fixed += (8 * wide + 64) * need.classes  # their norms
    if memory is None:
        memory = fixed + _DEFAULT.get(need.device, _DEFAULT["cpu"])
    most = max(1, min((memory - fixed) // row, _TALL.get(need.device, _TALL["cpu"])))
    rows, blocks = _even(need.rows, most)
    products = _products(need, again=need.late)
    return Plan("rows", rows, need.classes, blocks, products, fixed + rows * row)


def _by_columns(need: Need, memory: int | None) -> Plan:
    column = need.compute_bytes * (need.rows * need.buffers)
    # nine numbers of each row that are known so far, and as many to make its loss of them
    fixed = 2 * 9 * 8 * need.rows
    if need.is_narrow:
        column += 4 * need.features * (2 if need.weight else 1)
    if need.is_narrow or need.gathers:
        fixed += need.compute_bytes * need.rows * need.features * (2 if need.hidden else 1)
    if memory is None:
        memory = fixed + _DEFAULT.get(need.device, _DEFAULT["cpu"])
    most = max(1, (memory - fixed) // max(column, 1))
    columns, blocks = _even(need.classes, most)
    # a gradient that waits has to look at all classes once more
    products = _products(need, again=True) + (need.late and (need.hidden or need.weight))
    return Plan("columns", need.rows, columns, blocks, products, fixed + columns * column)


def _even(count: int, most: int) -> tuple[int, int]:
    """Return the size of blocks, at most `most`, and how many cover `count`: about even ones."""
    blocks = max(1, -(-count // most))
    size = -(-count // blocks)
    if size > 16:
        size = min(-(-size // 16) * 16, most, count)  # what registers hold
    return max(size, 1), max(1, -(-count // max(size, 1)))


def row_blocks(count: int, kept: Tensor | None, size: int) -> Iterator[Any]:
    """Return which rows each block has: a slice of all, or indices of those that are kept."""
    if kept is None:
        for begin in range(0, count, size):
            yield slice(begin, min(begin + size, count))
    elif len(kept):
        yield from kept.split(size)
