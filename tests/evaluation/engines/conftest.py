"""One table of predictions, its summary, and one Spark session for all tests of engines."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from required import need_spark

from xent.evaluation import evaluate


@pytest.fixture(scope="session")
def table():
    """Rows of three classes with ties, impossible outcomes, missing values and weights."""
    rng = np.random.default_rng(7)
    rows = 700
    logits = rng.integers(-3, 4, size=(rows, 3)) * rng.choice([1, 10], size=(rows, 1))
    p = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    p[rng.random(rows) < 0.05, 0] = 0
    p /= p.sum(axis=1, keepdims=True)
    p[rng.random(rows) < 0.05, 0] = np.nan
    target, weight = rng.integers(3, size=rows), rng.integers(1, 5, size=rows) / 4
    columns = {f"p_{j}": p[:, j] for j in range(3)}
    names = [f"img_{k}" for k in range(rows)]
    return pa.table({"name": names, "label": target, **columns, "weight": weight})


@pytest.fixture(scope="session")
def options():
    return {"target": "label", "nan": "exclude", "weight": "weight"}


@pytest.fixture(scope="session")
def whole(table, options):
    return evaluate(table, **options)


@pytest.fixture(scope="session")
def spark():
    need_spark()
    from xent.evaluation.engines.spark import session

    with warnings.catch_warnings():
        # pandas 3, which pyspark does not fully support yet
        warnings.simplefilter("ignore")
        started = session("local[2]")
    started.sparkContext.setLogLevel("OFF")
    yield started
    started.stop()
