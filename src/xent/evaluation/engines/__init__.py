"""Where rows are scored: here, or in the workers of an engine. An engine maps and merges.

Each engine is a module with two functions: ``open_source(source, sql)`` gives columns and
first rows, from which the plan is made once; ``score(source, plan, options, progress)``
gives the `Summary` of all rows under that plan, and a sample of them where terms need rows.
"""

from __future__ import annotations

import importlib
from typing import Any

from xent.errors import XentValueError

__all__ = ["ENGINES", "engine_named"]

ENGINES = ("local", "spark", "ray", "dask")

# the packages that the types of an engine's tables come from
_PACKAGES = {"pyspark": "spark", "ray": "ray", "dask": "dask", "dask_expr": "dask"}


def engine_named(name: str | None, source: Any) -> Any:
    """Return the module of an engine: the one named, or the one whose table the source is."""
    package = type(source).__module__.partition(".")[0]
    inferred = _PACKAGES.get(package, "local")
    if name is None:
        name = inferred
    if name not in ENGINES:
        raise XentValueError(f"engine must be one of {ENGINES}, got {name!r}", value=name)
    if inferred not in ("local", name):
        raise XentValueError(
            f"engine must be {inferred!r} for a {type(source).__name__} of {package}, got "
            f"{name!r}; leave engine out",
            value=name,
        )
    return importlib.import_module(f"xent.evaluation.engines.{name}")
