"""Columns of integers as short text: what a state holds of many cells, slices or draws."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import MOST_POWER, power_of
from xent.evaluation.plain import counts_of

__all__ = ["pack", "pack_columns", "pack_words", "unpack", "unpack_columns", "unpack_words"]

# those of base64.b85encode: none of them is escaped in JSON
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_LETTERS = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
_DIGITS = np.full(256, 85, dtype=np.uint64)  # 85: no digit
_DIGITS[_LETTERS] = np.arange(85)

# a state comes from anywhere, and a thousand zeros deflate to one byte: what is beyond these is
# no state, and is not unpacked
MOST_BYTES = 1 << 28
MOST_VALUES = 1 << 24  # of a column: a number of Python takes ten times its bytes
MOST_COLUMNS = 32
MOST_WIDTH = 2 * MOST_POWER // 8  # bytes of a number


def pack(values: Sequence[int]) -> str:
    """Return integers as text, to be read by `unpack`: a power of 2 common to all, then bytes.

    Sums of one kind are of about one size, so that each takes as many bytes as the largest; the
    first bytes of all come first, then the second ones, which deflates well. Five letters hold
    four bytes: last digits of sums have no pattern, so letters are what they cost.

    >>> unpack(pack([3 << 1074, -5, 0])) == [3 << 1074, -5, 0]
    True
    """
    power = min(((v & -v).bit_length() - 1 for v in values if v), default=0)
    rest = [v >> power for v in values]
    width = max((v.bit_length() // 8 + 1 for v in rest), default=1)
    data = b"".join(v.to_bytes(width, "little", signed=True) for v in rest)
    planes = np.frombuffer(data, dtype=np.uint8).reshape(-1, width).T.tobytes()
    return f"{power:x}:{width:x}:{_to_letters(zlib.compress(planes, 6))}"


def unpack(text: str, most: int | None = None) -> list[int]:
    """Return the integers that `pack` made text of; raise where they are more than `most`."""
    power, width, letters = text.split(":")
    shift, size = power_of(power), int(width, 16)
    if not 0 < size <= MOST_WIDTH:
        raise ValueError(f"no sum has {size} bytes")
    most = MOST_VALUES if most is None else most
    planes = np.frombuffer(_inflate(letters, most, size), dtype=np.uint8)
    data = planes.reshape(size, -1).T.tobytes()
    return [
        int.from_bytes(data[k : k + size], "little", signed=True) << shift
        for k in range(0, len(data), size)
    ]


def pack_words(values: npt.NDArray[Any]) -> str:
    """Return many integers in [0, 2**64) as text: bytes as `pack` has them.

    Only runs are looked for (of zeros, mostly), which is quick.

    >>> unpack_words(pack_words(np.array([2**63, 0, 7], dtype=np.uint64)))
    array([9223372036854775808,                   0,                   7],
          dtype=uint64)
    """
    width = max(1, (int(values.max(initial=0)).bit_length() + 7) // 8)
    octets = values.astype("<u8").view(np.uint8).reshape(-1, 8)
    deflate = zlib.compressobj(6, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    data = deflate.compress(octets[:, :width].T.tobytes()) + deflate.flush()
    return f"{width}:{_to_letters(data)}"


def unpack_words(text: str, most: int | None = None) -> npt.NDArray[np.uint64]:
    """Return the integers that `pack_words` made text of; raise where they are more than `most`."""
    width, letters = text.split(":")
    size = int(width)
    if not 0 < size <= 8:
        raise ValueError(f"no word has {size} bytes")
    planes = np.frombuffer(
        _inflate(letters, MOST_BYTES if most is None else most, size), dtype=np.uint8
    )
    planes = planes.reshape(size, -1)
    octets = np.zeros((planes.shape[1], 8), dtype=np.uint8)
    octets[:, : len(planes)] = planes.T
    return octets.view("<u8").ravel().astype(np.uint64)


def _inflate(letters: str, values: int, size: int) -> bytes:
    """Return the bytes that were deflated into letters; raise where they are of more values."""
    most = min(values * size, MOST_BYTES)
    inflate = zlib.decompressobj()
    # 0 would be no limit
    data = inflate.decompress(_from_letters(letters), most + 1)
    if len(data) > most:
        raise ValueError(f"a column has more than {most // size:,} numbers")
    if not inflate.eof:
        raise ValueError("a column is cut off")
    return data


def _to_letters(data: bytes) -> str:
    """Base 85, as base64.b85encode writes it, but in arrays and not letter by letter."""
    more = -len(data) % 4
    words = np.frombuffer(data + bytes(more), dtype=">u4").astype(np.uint32)
    letters = np.empty((len(words), 5), dtype=np.uint8)
    for place in range(4, -1, -1):
        rest = words // np.uint32(85)
        letters[:, place] = _LETTERS[words - rest * np.uint32(85)]
        words = rest
    return letters.tobytes()[: 5 * len(letters) - more].decode()


def _from_letters(text: str) -> bytes:
    letters = text.encode()
    more = -len(letters) % 5
    letters += LETTERS[-1].encode() * more
    digits = _DIGITS[np.frombuffer(letters, dtype=np.uint8)]
    words = digits.reshape(-1, 5) @ (np.uint64(85) ** np.arange(4, -1, -1, dtype=np.uint64))
    if (digits == 85).any() or (words >> np.uint64(32)).any():
        raise ValueError("letters are not those of base 85")
    data: bytes = words.astype(">u4").tobytes()
    return data[: len(data) - more]


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


def unpack_columns(
    state: dict[str, Any], count: int | None = None, most: int | None = None
) -> Iterable[tuple[int, ...]]:
    """Return the rows that `pack_columns` packed.

    Raises where there are not `count` columns, or more than `most` rows.
    """
    columns = counts_of(state["columns"], "columns", len(state["packed"]) - 1)
    if max(len(state["packed"]), len(columns)) > MOST_COLUMNS:
        raise ValueError(f"there are more than {MOST_COLUMNS} columns")
    if count is not None and len(columns) != count:
        raise ValueError(f"there must be {count} columns, got {len(columns)}")
    packed = [unpack(text, most) for text in state["packed"]]
    return zip(*(packed[k] for k in columns), strict=True)
