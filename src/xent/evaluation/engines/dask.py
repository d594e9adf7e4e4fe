"""Dask: each partition of a DataFrame is scored where it is, and states merge as a tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xent.errors import SourceError, UnavailableError, XentTypeError
from xent.evaluation.engines.parts import (
    FAN_IN,
    Part,
    arrow_batches,
    merge_parts,
    missing_package,
    score_part,
    scored_of,
)
from xent.evaluation.reading.batches import Batch, Field, arrow_field
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.sample import Scored

__all__ = ["open_source", "score"]

SHIP = 'install "xent[evaluate]" on every worker (Client.run shows what one has)'


class DaskSource:
    """A DataFrame of Dask: its columns and first rows."""

    def __init__(self, frame: Any) -> None:
        if not hasattr(frame, "to_delayed") or not hasattr(frame, "columns"):
            raise XentTypeError(
                f"source must be a DataFrame of Dask, got {type(frame).__name__}; "
                ".to_dask_dataframe() makes one of an array or a bag"
            )
        self.frame = frame
        self.name = "DataFrame"
        self.num_rows: int | None = None
        self.fields: list[Field] = []

    def head(self, rows: int) -> Batch:
        table = _arrow(self.frame.head(rows, npartitions=-1)).combine_chunks()
        self.fields = [arrow_field(f.name, f.type) for f in table.schema]
        return {f.name: table.column(f.name).combine_chunks() for f in table.schema}

    def close(self) -> None:
        """The cluster belongs to the caller."""


def open_source(source: Any, sql: str | None = None) -> DaskSource:
    """Open a DataFrame of Dask."""
    if sql is not None:
        raise SourceError(
            "sql must come with engine local or spark, got dask; select columns there"
        )
    return DaskSource(source)


def score(
    source: DaskSource,
    plan: Plan,
    options: Options,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scored:
    """Return the summary of all rows and a sample of them; Dask itself shows how far it is."""
    try:
        from dask import compute, delayed
    except ImportError as error:
        raise UnavailableError(
            f'engine dask needs dask, which is missing ({error}); pip install "xent[dask]"'
        ) from None
    parts = source.frame[list(plan.needed)].to_delayed()
    states = [delayed(_score)(part, plan, options, k) for k, part in enumerate(parts)]
    while len(states) > 1:
        groups = [states[k : k + FAN_IN] for k in range(0, len(states), FAN_IN)]
        states = [delayed(merge_parts)(group) for group in groups]
    try:
        return scored_of(compute(*states))
    except ImportError as error:
        raise missing_package("Dask", error, SHIP) or error from None


def _score(frame: Any, plan: Plan, options: Options, part: int) -> Part:
    return score_part(arrow_batches([_arrow(frame)]), plan, options, part)


def _arrow(frame: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)
