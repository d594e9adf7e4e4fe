"""Keys of 64 bits for rows: of what a row holds, or of a name; the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import xent._native as _native

__all__ = ["content_keys", "integer_keys", "sample_keys", "text_keys"]

Keys = npt.NDArray[np.uint64]


def content_keys(columns: Sequence[Any]) -> Keys:
    """Return a key of the values of each row, in the order of the columns.

    Columns are float32, float64, int64 or uint8, of shape (rows,) or (rows, width). A
    float32 value counts as the double that it is, and -0.0 as 0.0.
    """
    keys = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        _native.stir_keys(keys, np.ascontiguousarray(column))
    return keys


def sample_keys(columns: Sequence[Any], beside: Sequence[Any] = (), *, threads: int = 0) -> Keys:
    """Return a key of the values of each row by whose size rows are sampled.

    As `content_keys`, of which the last bits stand for the last column, but each bit depends
    on all columns, at a third of the time. `columns` are of one dtype, float32 or float64;
    those `beside` them are int64 or float64.

    >>> two, one = sample_keys([np.array([[0.5, 0.25]])]), sample_keys([np.array([0.5]), [0.25]])
    >>> bool(two == one)
    True
    """
    columns = [np.ascontiguousarray(c) for c in columns]
    keys = np.zeros(len(columns[0]), dtype=np.uint64)
    place = sum(c.shape[1] if c.ndim == 2 else 1 for c in columns)
    _native.fold_keys(keys, columns, 0, threads)
    for column in beside:
        _native.fold_keys(keys, [np.ascontiguousarray(column)], place, threads)
        place += 1
    _native.finish_keys(keys)
    return keys


def integer_keys(values: Any) -> Keys:
    """Return the keys of whole numbers: those of their decimal text."""
    values = np.ascontiguousarray(values, dtype=np.int64)
    keys = np.empty(len(values), dtype=np.uint64)
    _native.integer_keys(keys, values)
    return keys


def text_keys(texts: Sequence[str]) -> Keys:
    """Return the key of each text.

    >>> bool(text_keys(["-12"])[0] == integer_keys([-12])[0])
    True
    """
    return np.array([_native.text_key(t) for t in texts], dtype=np.uint64)
