"""Arguments of `evaluate` become a source, and options that name its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xent.errors import XentValueError
from xent.evaluation.engines import local
from xent.evaluation.reading.tables import ArraySource, array_of

__all__ = ["HEAD_ROWS", "gather", "is_choice"]

HEAD_ROWS = 1024  # that are looked at before the rest is read


def gather(
    source: Any, given: dict[str, Any], sql: str | None, engine: Any = local
) -> tuple[Any, dict[str, Any]]:
    """Return the source, and the options with every array replaced by its column's name."""
    arrays: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for argument, value in given.items():
        if value is None or is_choice(argument, value):
            said[argument] = value
            continue
        said[argument] = argument
        arrays[argument] = value
    if not arrays:
        if source is None and sql is None:
            raise XentValueError("source must be given: a path, arrays, a table or sql")
        return engine.open_source(source, sql), said
    if source is not None and not isinstance(source, Mapping):
        raise XentValueError(
            f"arrays ({', '.join(arrays)}) must come without a source, got both; name columns"
        )
    if engine is not local:
        raise XentValueError(
            f"arrays ({', '.join(arrays)}) must be scored here, got engine "
            f"{engine.__name__.rpartition('.')[2]!r}; leave engine out",
        )
    if "target" in arrays and np.ndim(arrays["target"]) == 0:
        # one sample without a batch axis
        arrays = {n: v[None] if hasattr(v, "ndim") else [v] for n, v in arrays.items()}
    arrays = {**(source or {}), **_outcome_columns(arrays, said)}
    return ArraySource(arrays), said


def is_choice(argument: str, value: Any) -> bool:
    """Whether a value names columns rather than being one."""
    if isinstance(value, str):
        return True
    if argument in ("target", "predicted", "weight", "bytes", "cluster", "id") or not isinstance(
        value, (list, tuple)
    ):
        return False
    return bool(value) and all(isinstance(v, str) for v in value)


def _outcome_columns(arrays: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A matrix of outcomes becomes a column a label."""
    columns = dict(arrays)
    for argument in ("labels", "target"):
        if argument not in columns:
            continue
        matrix = array_of(argument, columns[argument])
        if matrix.ndim == 1:
            if argument == "labels":
                said["labels"] = ["labels"]
            continue
        if argument == "target" and matrix.shape[1] == 1:
            columns[argument] = matrix[:, 0]
            continue
        del columns[argument]
        names = [f"label_{j}" for j in range(matrix.shape[1])]
        columns |= {n: matrix[:, j] for j, n in enumerate(names)}
        said["target"] = None
        said["labels"] = names
    return columns
