"""From the arguments of a measure to its result: which library, which kernel, which checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xent.diagnostics.pairs import swapped_arguments
from xent.errors import XentValueError
from xent.information import _formulas
from xent.information._arrays import Library, as_arrays, on_host
from xent.information._validation import (
    check_axis,
    check_distribution,
    check_given,
    check_no_counts,
    check_pair,
    refuse,
    report_infinite,
)
from xent.kernels.cpu.measures import Outcome
from xent.units import nats_per

__all__ = ["Formula", "Kernel", "measure", "measure_pair"]

Kernel = Callable[..., Outcome]
Formula = Callable[..., Any]


def measure(
    p: Any,
    *,
    kernel: Kernel | None,
    formula: Formula,
    axis: int,
    unit: str,
    given: str,
    normalize: bool,
) -> Any:
    """Return a measure of one distribution (or of each of a batch)."""
    nats = nats_per(unit)
    (space,) = check_given(given, 1)
    given_p = p
    library, (p,) = as_arrays({"p": p})
    if space == "probs" and not normalize:
        check_no_counts("p", given_p)
    axis = check_axis("p", tuple(p.shape), axis)
    if normalize:
        p = normalized(library, "p", p, space, axis)
    if library.is_numpy and kernel is not None and space == "probs":
        outcome = kernel(p, axis=axis, tolerance=library.tolerance(0), nats=nats)
        if outcome.bad:
            refuse(("p",), (p,), axis, (library.tolerance(0),))
        return outcome.result.astype(library.result, copy=False)[()]
    check_distribution("p", p, space, axis, library.tolerance(0))
    return evaluated(library, lambda xp, x: formula(xp, x, space), (p,), axis, nats)


def measure_pair(
    p: Any,
    q: Any,
    *,
    kernel: Kernel | None,
    formula: Formula,
    axis: int,
    unit: str,
    given: str | tuple[str, str],
    normalize: bool,
) -> Any:
    """Return a measure of two distributions, or of each pair of a batch."""
    nats = nats_per(unit)
    first, second = check_given(given, 2)
    library, (p_array, q_array) = as_arrays({"p": p, "q": q})
    check_pair(p_array, q_array, axis, p_is_whole=_is_whole(p), q_is_whole=_is_whole(q))
    if not normalize:
        for name, value, space in (("p", p, first), ("q", q, second)):
            if space == "probs":
                check_no_counts(name, value)
    p, q = p_array, q_array
    longer = p if len(p.shape) >= len(q.shape) else q
    axis = check_axis("p", tuple(longer.shape), axis)
    if normalize:
        p = normalized(library, "p", p, first, axis if p.shape == longer.shape else 0)
        q = normalized(library, "q", q, second, axis if q.shape == longer.shape else 0)
    p, q = _against(library.xp, p, longer.shape, axis), _against(library.xp, q, longer.shape, axis)
    if library.is_numpy and kernel is not None and first == second == "probs":
        tolerance = max(library.tolerance(0), library.tolerance(1))
        outcome = kernel(p, q, axis=axis, tolerance=tolerance, nats=nats)
        if outcome.bad:
            refuse(("p", "q"), (p, q), axis, (tolerance, tolerance))
        swapped_arguments(p, q, axis=axis)
        if outcome.infinite:
            report_infinite(outcome.result, p, q, (first, second), axis)
        return outcome.result.astype(library.result, copy=False)[()]
    check_distribution("p", p, first, axis, library.tolerance(0))
    check_distribution("q", q, second, axis, library.tolerance(1))
    result = evaluated(
        library, lambda xp, a, b: formula(xp, a, b, (first, second)), (p, q), axis, nats
    )
    report_infinite(result, p, q, (first, second), axis)
    return result


def evaluated(
    library: Library, formula: Formula, arrays: tuple[Any, ...], axis: int, nats: float
) -> Any:
    """Return a formula of arrays with their classes last; NumPy computes in float64."""
    xp = library.xp
    if library.is_numpy:
        arrays = tuple(array.astype(np.float64, copy=False) for array in arrays)
    arrays = tuple(_classes_last(xp, array, axis) for array in arrays)
    with np.errstate(all="ignore"):
        result = formula(xp, *arrays)
        result = result if nats == 1 else result / nats
        return np.asarray(result).astype(library.result)[()] if library.is_numpy else result


def _classes_last(xp: Any, array: Any, axis: int) -> Any:
    # moveaxis has no batching rule in torch.func.vmap
    axes = list(range(array.ndim))
    axes.append(axes.pop(axis))
    return array if axes == sorted(axes) else xp.permute_dims(array, tuple(axes))


def normalized(library: Library, name: str, p: Any, given: str, axis: int) -> Any:
    """Return p divided by its sums; the logarithms of it, given logarithms."""
    xp = library.xp
    if given == "logits":
        return p
    if library.is_numpy:
        p = p.astype(np.float64, copy=False)
    if given == "log_probs":
        moved = xp.moveaxis(p, axis, -1)
        with np.errstate(all="ignore"):
            return xp.moveaxis(moved - _formulas.log_sum_exp(xp, moved), -1, axis)
    host = on_host(p)
    if host is not None:
        wrong = ~(host >= 0) | (host == np.inf)
        sums = host.sum(axis=axis)
        if wrong.any() or (sums == 0).any():
            place = (
                np.argwhere(wrong)[0] if wrong.any() else np.argwhere(np.atleast_1d(sums) == 0)[0]
            )
            index = tuple(int(i) for i in place)
            what = (
                f"got {name}[{', '.join(map(str, index))}] = {host[index]:.4g}"
                if wrong.any()
                else f"got a row of zeros at {index}"
            )
            raise XentValueError(
                f"{name} must hold weights >= 0 with a positive sum to be normalized, {what}",
                code="D07",
                index=index,
                value=host[index].item() if wrong.any() else 0.0,
            )
    return p / xp.sum(p, axis=axis, keepdims=True)


def _against(xp: Any, p: Any, shape: tuple[int, ...], axis: int) -> Any:
    if tuple(p.shape) == tuple(shape):
        return p
    aligned = [1] * len(shape)
    aligned[axis] = p.shape[0]
    return xp.broadcast_to(xp.reshape(p, tuple(aligned)), tuple(shape))


def _is_whole(value: Any) -> bool:
    kind = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    return "int" in str(kind)
