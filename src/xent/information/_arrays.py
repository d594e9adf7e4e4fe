"""Which array library serves a call, and in which precision."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np

from xent.diagnostics.dtypes import as_numpy
from xent.errors import UnavailableError, XentTypeError

__all__ = ["TOLERANCES", "Library", "as_arrays", "on_host", "stop_gradient"]

# how far a sum of probabilities may be from 1, by the precision they are stored in
TOLERANCES = {"float64": 1e-8, "float32": 1e-4, "float16": 2e-3, "bfloat16": 1e-2}


class Library(NamedTuple):
    """The library that the arrays of a call belong to, and their precision."""

    xp: Any  # its array API namespace
    is_numpy: bool
    stored: tuple[str, ...]  # the floating dtype of each array as it came: "float16", ...
    result: Any  # the dtype of the result

    def tolerance(self, which: int) -> float:
        return TOLERANCES[self.stored[which]]


def as_arrays(values: dict[str, Any]) -> tuple[Library, list[Any]]:
    """Return the library and the arrays, all in one floating dtype of it to compute in.

    Lists and whatever NumPy understands become NumPy arrays. NumPy arrays are computed in
    float64, unless the caller has a kernel for float32; the arrays of other libraries in
    float64 or float32. Integers and booleans are numbers like others.
    """
    foreign = {name: value for name, value in values.items() if _is_foreign(value)}
    if not foreign:
        return _numpy_arrays(values)
    mixed = [name for name in values if name not in foreign and not _is_plain(values[name])]
    if mixed:
        name, other = mixed[0], next(iter(foreign))
        raise XentTypeError(
            f"{name} must belong to the array library of {other}, "
            f"{type(values[other]).__module__.split('.')[0]}, got a "
            f"{type(values[name]).__name__}; convert one of them",
            value=type(values[name]).__name__,
        )
    return _foreign_arrays(values, list(foreign.values()))


def _is_foreign(value: Any) -> bool:
    if isinstance(value, (np.ndarray, np.generic)):
        return False
    # torch has no __array_namespace__ of its own
    return hasattr(value, "__array_namespace__") or type(value).__module__.split(".")[0] == "torch"


def _is_plain(value: Any) -> bool:
    return isinstance(value, (list, tuple, int, float))


def _numpy_arrays(values: dict[str, Any]) -> tuple[Library, list[Any]]:
    arrays = []
    for name, value in values.items():
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            raise XentTypeError(
                f"{name} must not be masked: what a missing probability means is not said; "
                f"fill it, or drop the rows"
            )
        try:
            array = as_numpy(value)
        except ValueError as error:
            raise XentTypeError(f"{name} must be an array of numbers: {error}") from None
        if array.dtype.kind not in "fiub":
            raise XentTypeError(
                f"{name} must hold real numbers, got dtype {array.dtype}", value=str(array.dtype)
            )
        arrays.append(array)
    kinds = [array.dtype for array in arrays if array.dtype.kind == "f"]
    narrow = bool(kinds) and all(kind.itemsize <= 4 for kind in kinds)
    stored = tuple(
        f"float{8 * array.dtype.itemsize}"
        if array.dtype.kind == "f" and array.dtype.itemsize <= 8
        else ("float32" if narrow else "float64")
        for array in arrays
    )
    result = np.float32 if narrow else np.float64
    return Library(np, True, stored, result), [a.astype(result, copy=False) for a in arrays]


def _foreign_arrays(values: dict[str, Any], foreign: list[Any]) -> tuple[Library, list[Any]]:
    try:
        compat: Any = importlib.import_module("array_api_compat")
    except ImportError:
        raise UnavailableError(
            f"arrays of {type(foreign[0]).__module__.split('.')[0]} need array-api-compat, which "
            f'is not installed; pip install "xent[array-api]"'
        ) from None
    xp = compat.array_namespace(*foreign)
    device = compat.device(foreign[0])
    arrays = [v if _is_foreign(v) else xp.asarray(v, device=device) for v in values.values()]
    names = [str(array.dtype).rsplit(".", 1)[-1] for array in arrays]
    for name, kind in zip(values, names, strict=True):
        if "complex" in kind:
            raise XentTypeError(f"{name} must hold real numbers, got dtype {kind}", value=kind)
    floating = [kind for kind in names if kind in TOLERANCES]
    wide = "float64" in floating or (not floating and _default_is_double(xp))
    result = xp.float64 if wide else xp.float32
    plain = "float64" if wide else "float32"
    stored = tuple(kind if kind in TOLERANCES else plain for kind in names)
    return Library(xp, False, stored, result), [xp.astype(a, result, copy=False) for a in arrays]


def _default_is_double(xp: Any) -> bool:
    return "float64" in str(xp.asarray(1.0).dtype)


def on_host(array: Any) -> Any | None:
    """Return an array as NumPy without moving it, or None where its values are not at hand.

    They are not while a program is traced or compiled, and on an accelerator, where looking
    at them would make everything wait for the device.
    """
    if isinstance(array, (np.ndarray, np.generic)):
        return np.asarray(array)
    root = type(array).__module__.split(".")[0]
    if root == "torch":
        import torch

        transformed = torch._C._functorch.peek_interpreter_stack() is not None
        plain = type(array) in (torch.Tensor, torch.nn.Parameter)
        if torch.compiler.is_compiling() or transformed or not plain or array.device.type != "cpu":
            return None
        array = array.detach()
        return (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    if root in ("jax", "jaxlib"):
        import jax

        if isinstance(array, jax.core.Tracer):
            return None
        return np.asarray(array) if {d.platform for d in array.devices()} == {"cpu"} else None
    if root == "array_api_strict":
        return np.asarray(array)
    return None


def stop_gradient(array: Any) -> Any:
    """Return the same values as constants, in the libraries that differentiate."""
    root = type(array).__module__.split(".")[0]
    if root == "torch":
        return array.detach()
    if root in ("jax", "jaxlib"):
        import jax

        return jax.lax.stop_gradient(array)
    return array
