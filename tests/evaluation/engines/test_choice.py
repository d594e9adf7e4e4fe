"""Which engine serves a source."""

import json
import os
import subprocess
import sys

import pytest
from required import need_package

from xent.errors import MergeError, XentValueError
from xent.evaluation import Summary, evaluate
from xent.evaluation.engines import engine_named, local, parts


def test_the_type_of_the_source_decides():
    assert engine_named(None, {}) is local
    assert engine_named("local", "a.csv") is local
    frame = type("DataFrame", (), {"__module__": "pyspark.sql.classic.dataframe"})()
    assert engine_named(None, frame).__name__.endswith("engines.spark")
    with pytest.raises(XentValueError, match="engine must be 'spark' for a DataFrame of pyspark"):
        engine_named("dask", frame)
    with pytest.raises(XentValueError, match="engine must be one of"):
        evaluate("a.csv", engine="flink")


def test_no_states_are_the_summary_of_no_rows():
    assert parts.scored_of([]) == (Summary(), None)


def test_the_error_of_the_first_partition_is_raised():
    told = {"class": "XentValueError", "code": "D07", "index": 3}
    errors = [{"part": k, "error": {**told, "message": f"D07: m{k}"}} for k in (10, 2)]
    failed = [parts.Part(json.dumps(error)) for error in errors]
    with pytest.raises(XentValueError, match=r"^partition 2: D07: m2$"):
        parts.scored_of([parts.Part(Summary().to_json()), *failed])


def test_workers_of_another_version():
    text = Summary().to_json().replace('"version":', '"version":9')
    with pytest.raises(MergeError, match="workers must have the same version of xent"):
        parts.scored_of([parts.Part(text)])


def test_spark_without_java():
    need_package("pyspark", "spark")
    program = "from xent.evaluation.engines.spark import session; session('local[1]')"
    environment = {**os.environ, "JAVA_HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "engine spark needs Java 17 or newer, which did not start" in done.stderr
