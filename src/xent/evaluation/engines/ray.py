"""Ray: each block of a dataset is scored where it is; states merge as they arrive."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from xent.errors import SourceError, XentTypeError
from xent.evaluation.engines.parts import (
    Part,
    arrow_batches,
    missing_package,
    score_part,
    scored_of,
)
from xent.evaluation.reading.batches import Batch, Field, arrow_field
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.sample import Scored
from xent.kernels import set_num_threads

__all__ = ["open_source", "score"]

SHIP = 'ray.init(runtime_env={"pip": ["xent[evaluate]"]}) installs it on every worker'


class RaySource:
    """A dataset of Ray: its columns and first rows."""

    def __init__(self, dataset: Any) -> None:
        if not hasattr(dataset, "map_batches"):
            raise XentTypeError(f"source must be a ray.data.Dataset, got {type(dataset).__name__}")
        self.dataset = dataset
        self.name = "Dataset"
        self.num_rows: int | None = None
        self.fields: list[Field] = []

    def head(self, rows: int) -> Batch:
        first = self.dataset.limit(rows).iter_batches(batch_size=rows, batch_format="pyarrow")
        table = next(iter(first), None)
        if table is None:
            return {}
        self.fields = [arrow_field(f.name, f.type) for f in table.schema]
        return {f.name: table.column(f.name).combine_chunks() for f in table.schema}

    def close(self) -> None:
        """The cluster belongs to the caller."""


def open_source(source: Any, sql: str | None = None) -> RaySource:
    """Open a dataset of Ray."""
    if sql is not None:
        raise SourceError("sql must come with engine local or spark, got ray; select columns there")
    return RaySource(source)


def score(
    source: RaySource,
    plan: Plan,
    options: Options,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scored:
    """Return the summary of all rows and a sample of them; Ray itself shows how far it is."""
    chosen = source.dataset.select_columns(list(plan.needed))
    scored = partial(_score, plan=plan, options=options)
    states = chosen.map_batches(scored, batch_format="pyarrow", batch_size=None)
    try:
        return scored_of(Part(row["state"], row["sample"]) for row in states.iter_rows())
    except Exception as error:  # of Ray's own classes, or of what the worker raised
        missing = missing_package("Ray", error, SHIP)
        if missing is None:
            raise
        raise missing from None


def _score(table: Any, plan: Plan, options: Options) -> Any:
    import pyarrow as pa

    set_num_threads(1)  # Ray runs a task a core
    # blocks have no number
    part = score_part(arrow_batches([table]), plan, options, part=-1)
    return pa.Table.from_pylist([part._asdict()])
