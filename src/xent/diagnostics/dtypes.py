"""Arrays that hold no numbers, and those of which NumPy says so although they do."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.errors import XentTypeError

__all__ = ["as_numpy", "check_numbers"]


def as_numpy(value: Any) -> NDArray[Any]:
    """Return what NumPy makes of a value, and of a table of pandas the numbers that it holds.

    NumPy makes objects of columns that may lack an entry or are kept by Arrow, as
    `convert_dtypes` and many readers leave them. What is lacking is NaN.
    """
    array = np.asarray(value)
    pandas = sys.modules.get("pandas")
    if array.dtype != object or pandas is None or not isinstance(value, pandas.DataFrame):
        return array
    if not all(map(pandas.api.types.is_numeric_dtype, value.dtypes)):
        return array
    floats: NDArray[Any] = value.to_numpy(dtype=np.float64, na_value=np.nan)
    return floats


def check_numbers(array: NDArray[Any], *, name: str, code: str) -> None:
    """Raise unless `array` is boolean, integer or floating (bfloat16 of ml_dtypes included).

    >>> import numpy as np
    >>> check_numbers(np.array(["0.5"]), name="p", code="D07")
    Traceback (most recent call last):
        ...
    xent.errors.XentTypeError: D07: p must hold real numbers, got dtype <U3; convert it with
    np.asarray(p, float), which says where it fails.
    """
    if array.dtype.kind in "biuf" or array.dtype.name == "bfloat16":
        return
    raise XentTypeError(
        f"{name} must hold real numbers, got dtype {array.dtype}; convert it with "
        f"np.asarray({name}, float), which says where it fails.",
        code=code,
        value=str(array.dtype),
    )
