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
    `convert_dtypes` and many readers leave them. A column has the dtype that it would have in
    NumPy, float64 where entries are lacking, which are NaN; a table that of all its columns.
    """
    array = np.asarray(value)
    pandas = sys.modules.get("pandas")
    if array.dtype != object or pandas is None or not isinstance(value, pandas.DataFrame):
        return array
    types = pandas.api.types
    numbers = (types.is_numeric_dtype(kind) or types.is_bool_dtype(kind) for kind in value.dtypes)
    if not value.shape[1] or not all(numbers):
        return array
    return np.stack([_column(value.iloc[:, j]) for j in range(value.shape[1])], axis=1)


def _column(series: Any) -> NDArray[Any]:
    held = np.dtype(getattr(series.dtype, "numpy_dtype", series.dtype))
    # a decimal of Arrow is an object to NumPy
    if held.kind not in "fc" and (held.kind == "O" or series.isna().any()):
        held = np.dtype(np.float64)
    lacking = {"na_value": np.nan} if held.kind in "fc" else {}
    column: NDArray[Any] = series.to_numpy(dtype=held, **lacking)
    return column


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
