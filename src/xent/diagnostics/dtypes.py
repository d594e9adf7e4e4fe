"""Arrays that hold no numbers."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from xent.errors import XentTypeError

__all__ = ["check_numbers"]


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
