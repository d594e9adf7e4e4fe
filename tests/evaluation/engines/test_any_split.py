"""Any rows, cut anywhere, give the same bits from every engine, whatever was asked for."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from required import need_package

from xent.evaluation import evaluate

# what a clip costs is told elsewhere
pytestmark = pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")

ASKED = [
    {},
    {"weight": "weight", "zero": "clip:1e-3"},
    {"cluster": "user", "by": "site"},
    {"id": "name", "interval": "bootstrap", "replicates": 40},
    {"weight": "weight", "cluster": "user", "interval": "bootstrap", "replicates": 40},
]
REUSED = [HealthCheck.function_scoped_fixture]


@st.composite
def splits(draw):
    """Rows as a table, where it is cut, and what is asked for."""
    rows, classes = draw(st.integers(1, 120)), draw(st.sampled_from([2, 3, 4, 70]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = rng.integers(-3, 4, (rows, classes)) * rng.choice([1, 30], (rows, 1))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p[rng.random(rows) < 0.05, 0] = 0
    p /= p.sum(axis=1, keepdims=True)
    p[rng.random(rows) < draw(st.sampled_from([0, 0.1])), 0] = np.nan
    p[0] = 1 / classes  # one row at least is scored
    columns = {
        "name": [f"row {k}" for k in range(rows)],
        "label": rng.integers(classes, size=rows),
        **{f"p_{j}": p[:, j] for j in range(classes)},
        "weight": rng.integers(1, 9, size=rows) / 8,
        "user": rng.integers(9, size=rows),
        "site": rng.choice(["north", "south"], size=rows),
    }
    cuts = draw(st.lists(st.integers(0, rows), max_size=5))
    options = {"target": "label", "probs": "p_*", "nan": "exclude"}
    # names of all classes: a part may lack some
    options["classes"] = [str(j) for j in range(classes)]
    return pa.table(columns), cuts, {**options, **draw(st.sampled_from(ASKED))}


def parts(table, cuts):
    edges = [0, *sorted(cuts), table.num_rows]
    return [table.slice(a, b - a) for a, b in itertools.pairwise(edges)]


def bits(evaluation):
    return evaluation.summary.without_rows().to_json(), evaluation.row_terms


@settings(max_examples=30, deadline=None, suppress_health_check=REUSED)
@given(splits(), st.randoms(use_true_random=False))
def test_files(tmp_path, split, random):
    table, cuts, options = split
    # a file without rows has no types to infer from: it is told apart elsewhere
    some = [part for part in parts(table, cuts) if part.num_rows]
    random.shuffle(some)
    paths = [tmp_path / f"{k}.parquet" for k in range(len(some))]
    for path, part in zip(paths, some, strict=True):
        pq.write_table(part, path)
    assert bits(evaluate(paths, **options)) == bits(evaluate(table, **options))


@settings(max_examples=15, deadline=None)
@given(splits())
def test_dask(split):
    need_package("dask", "dask")
    from dask import dataframe

    table, cuts, options = split
    frames = [dataframe.from_pandas(p.to_pandas(), npartitions=1) for p in parts(table, cuts)]
    found = evaluate(dataframe.concat(frames), **options)
    assert bits(found) == bits(evaluate(table, **options))


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")
@settings(max_examples=3, deadline=None, suppress_health_check=REUSED)
@given(splits())
def test_spark(spark, split):
    table, cuts, options = split
    frame = spark.createDataFrame(table.to_pandas()).repartition(len(cuts) + 1)
    assert bits(evaluate(frame, **options)) == bits(evaluate(table, **options))
