"""Columns of exact sums as short text: what a state holds of many slices, clusters or draws."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["pack", "pack_columns", "unpack", "unpack_columns"]


def pack(values: Sequence[int]) -> str:
    """Return integers as text, to be read by `unpack`: a power of 2 common to all, then bytes.

    Sums of one kind are of about one size, so that each takes as many bytes as the largest; the
    first bytes of all come first, then the second ones, which deflates well. Five letters hold
    four bytes (base 85): last digits of sums have no pattern, so letters are what they cost.

    >>> unpack(pack([3 << 1074, -5, 0])) == [3 << 1074, -5, 0]
    True
    """
    power = min(((v & -v).bit_length() - 1 for v in values if v), default=0)
    rest = [v >> power for v in values]
    width = max((v.bit_length() // 8 + 1 for v in rest), default=1)
    data = b"".join(v.to_bytes(width, "little", signed=True) for v in rest)
    planes = np.frombuffer(data, dtype=np.uint8).reshape(-1, width).T.tobytes()
    return f"{power:x}:{width:x}:{base64.b85encode(zlib.compress(planes, 6)).decode()}"


def unpack(text: str) -> list[int]:
    """Return the integers that `pack` made text of."""
    power, width, packed = text.split(":", 2)
    planes = np.frombuffer(zlib.decompress(base64.b85decode(packed)), dtype=np.uint8)
    size = int(width, 16)
    data = planes.reshape(size, -1).T.tobytes()
    return [
        int.from_bytes(data[k : k + size], "little", signed=True) << int(power, 16)
        for k in range(0, len(data), size)
    ]


def pack_columns(rows: Iterable[Sequence[int]], count: int) -> dict[str, Any]:
    """Return rows of `count` integers as what JSON can hold; equal columns are held once.

    Without weights the sums of w, w**2 and w**3 are one number, and so are those of the loss
    with each of them.

    >>> state = pack_columns([(1, 7, 1), (2, 8, 2)], 3)
    >>> len(state["packed"]), list(unpack_columns(state))
    (2, [(1, 7, 1), (2, 8, 2)])
    """
    columns = list(zip(*rows, strict=True)) or [()] * count
    different = list(dict.fromkeys(columns))
    return {
        "packed": [pack(column) for column in different],
        "columns": [different.index(column) for column in columns],
    }


def unpack_columns(state: dict[str, Any]) -> Iterable[tuple[int, ...]]:
    """Return the rows that `pack_columns` packed."""
    packed = [unpack(text) for text in state["packed"]]
    return zip(*(packed[k] for k in state["columns"]), strict=True)
