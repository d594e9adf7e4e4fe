"""Spark: each partition is scored where it is (`mapInArrow`), and states merge as a tree.

The rows never leave the executors; what travels is a state a partition. Executors need xent
with its compiled kernels, numpy and pyarrow: docs/scale.md says how to ship them.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
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
from xent.kernels import set_num_threads

__all__ = ["open_source", "score", "session"]

SCHEMA = "state string, sample binary"
SHIP = (
    'install "xent[evaluate]" in the Python of every executor, or ship an environment: venv-pack '
    "-o env.tar.gz, then --archives env.tar.gz#env and PYSPARK_PYTHON=env/bin/python (--py-files "
    "cannot carry compiled code)"
)
READERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".parquet": ("parquet", {}),
    ".pq": ("parquet", {}),
    ".csv": ("csv", {"header": True, "inferSchema": True}),
    ".tsv": ("csv", {"header": True, "inferSchema": True, "sep": "\t"}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".ndjson": ("json", {}),
}


class SparkSource:
    """A DataFrame: its columns and first rows."""

    def __init__(self, frame: Any, name: str) -> None:
        self.frame = _lists_of_vectors(frame)
        self.name = name
        self.num_rows: int | None = None
        self.fields: list[Field] = []

    def head(self, rows: int) -> Batch:
        table = _asked(self.frame.limit(rows).toArrow)
        self.fields = [arrow_field(f.name, f.type) for f in table.schema]
        return {f.name: table.column(f.name).combine_chunks() for f in table.schema}

    def close(self) -> None:
        """The session belongs to the caller."""


def session(master: str | None = None) -> Any:
    """Return the active Spark session, or a new one at this master."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UnavailableError(
            f'engine spark needs pyspark, which is missing ({error}); pip install "xent[spark]"'
        ) from None
    builder = SparkSession.builder.appName("xent")
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            # workers of this machine run the Python that asks, not another that is on the path
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return _asked(builder.getOrCreate)


def open_source(source: Any, sql: str | None = None) -> SparkSource:
    """Open a DataFrame, paths that Spark reads, or a query of Spark SQL."""
    if hasattr(source, "to_spark"):  # of pyspark.pandas
        source = source.to_spark()
    if hasattr(source, "mapInArrow"):
        if sql is None:
            return SparkSource(source, "DataFrame")
        source.createOrReplaceTempView("source")
        return SparkSource(_asked(lambda: source.sparkSession.sql(sql)), "query")
    spark = session()
    if source is None:
        return SparkSource(_asked(lambda: spark.sql(sql)), "query")
    given = source if isinstance(source, list) else [source]
    if not all(isinstance(s, (str, os.PathLike)) for s in given):
        raise XentTypeError(
            f"source must be a DataFrame of Spark or a path, got {type(source).__name__}; "
            "spark.createDataFrame(table) makes one of a table"
        )
    paths = [os.fspath(s) for s in given]
    ending = os.path.splitext(paths[0].rstrip("/").lower())[1]
    # a folder without an ending is what Spark writes: Parquet by default
    kind, options = READERS.get(ending, READERS[".parquet"])
    if ending not in READERS and ending:
        raise SourceError(
            f"source must be one of {', '.join(READERS)} or a folder of Parquet, got {paths[0]!r}",
            value=paths[0],
        )
    frame = _asked(lambda: spark.read.format(kind).options(**options).load(paths))
    opened = open_source(frame, sql)
    opened.name = paths[0] if len(paths) == 1 else f"{len(paths)} paths"
    return opened


def score(
    source: SparkSource,
    plan: Plan,
    options: Options,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scored:
    """Return what the rows add up to; Spark itself shows how far its jobs are."""

    def score_partition(batches: Iterator[Any]) -> Iterator[Any]:
        from pyspark import TaskContext

        set_num_threads(1)  # Spark runs a task a core
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        yield _one_row(score_part(arrow_batches(batches), plan, options, part))

    def merge_partition(batches: Iterator[Any]) -> Iterator[Any]:
        yield _one_row(merge_parts(Part(**row) for b in batches for row in b.to_pylist()))

    chosen = source.frame.select(*(_quoted(name) for name in plan.needed))
    states = _asked(lambda: chosen.mapInArrow(score_partition, SCHEMA))
    count = _partitions(chosen)
    while count > FAN_IN:
        count = -(-count // FAN_IN)
        shuffled = states.repartition(count)
        states = _asked(partial(shuffled.mapInArrow, merge_partition, SCHEMA))
    return scored_of(Part(row["state"], bytes(row["sample"])) for row in _asked(states.collect))


def _one_row(part: Part) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([part._asdict()])


def _partitions(frame: Any) -> int:
    try:
        return int(frame.rdd.getNumPartitions())
    except Exception:  # Spark Connect has no RDDs, and does not say so in one way
        return FAN_IN + 1


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _lists_of_vectors(frame: Any) -> Any:
    """Columns of pyspark.ml's vectors, such as "probability", as lists."""
    vectors = [f.name for f in frame.schema.fields if f.dataType.typeName() == "vectorudt"]
    if not vectors:
        return frame
    from pyspark.ml.functions import vector_to_array

    lists = {name: vector_to_array(frame[_quoted(name)]) for name in vectors}
    return frame.withColumns(lists)


def _asked(question: Callable[[], Any]) -> Any:
    """What Spark answers; its errors in a line."""
    from pyspark.errors import PySparkException

    failures: tuple[type[Exception], ...] = (PySparkException,)
    with contextlib.suppress(ImportError):  # a client of Spark Connect comes without it
        from py4j.protocol import Py4JError

        failures += (Py4JError,)
    try:
        with warnings.catch_warnings():
            # of pandas only the version is asked for here
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
            return question()
    except failures as error:
        missing = missing_package("Spark", error, SHIP)
        if missing is not None:
            raise missing from None
        if "JAVA_GATEWAY_EXITED" in str(error):
            raise UnavailableError(
                "engine spark needs Java 17 or newer, which did not start; set JAVA_HOME"
            ) from None
        raise SourceError(f"Spark could not answer: {_cause(str(error))}") from error


def _cause(text: str) -> str:
    """The line that says what happened, among those that say where."""
    named = re.search(r"^(?:Caused by: )?[\w.$]*(?:Exception|Error): (.+)", text, re.MULTILINE)
    lines = [named[1]] if named else text.strip().splitlines()
    return lines[0].strip() if lines else "it gave no reason"
