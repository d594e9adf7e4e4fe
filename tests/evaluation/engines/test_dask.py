"""Dask gives the bits of one machine."""

import importlib

import numpy as np
import pytest
from required import need_package

from xent.errors import SourceError, UnavailableError, XentTypeError, XentValueError
from xent.evaluation import evaluate
from xent.evaluation.engines import dask as engine


@pytest.fixture(scope="module")
def dataframe():
    need_package("dask", "dask")
    return importlib.import_module("dask.dataframe")


def bits(evaluation):
    return evaluation.summary.without_rows().to_json()


@pytest.mark.parametrize("partitions", [1, 3, 40])
def test_any_number_of_partitions_gives_the_bits_of_one_machine(
    dataframe, table, whole, options, partitions
):
    frame = dataframe.from_pandas(table.to_pandas(), npartitions=partitions)
    found = evaluate(frame, **options)
    assert bits(found) == bits(whole)
    assert found.note == whole.note


def test_rows_with_ids_are_the_same_rows(dataframe, table, options):
    by_id = {**options, "id": "name", "by": "label", "interval": "bootstrap", "replicates": 50}
    found = evaluate(dataframe.from_pandas(table.to_pandas(), npartitions=4), **by_id).summary
    assert found.to_json() == evaluate(table, **by_id).summary.to_json()
    assert found.worst[0].row.startswith("img_")


def test_partitions_without_rows(dataframe, table, whole, options):
    frame = dataframe.from_pandas(table.to_pandas(), npartitions=3)
    empty = frame[frame["label"] < 0]
    assert bits(evaluate(dataframe.concat([empty, frame]), **options)) == bits(whole)
    with pytest.raises(SourceError, match="must have rows"):
        evaluate(empty, **options)


def test_the_first_wrong_partition_is_told(dataframe, table, options):
    rows = table.to_pandas().dropna().reset_index(drop=True)
    rows.loc[[400, 500], "p_1"] = 1.5
    frame = dataframe.from_pandas(rows, npartitions=4)
    with pytest.raises(XentValueError, match=r"^partition 2: .*got 1\.5 in row") as raised:
        evaluate(frame, **options)
    assert raised.value.code == "D07"


def test_what_it_does_not_take(dataframe, monkeypatch, table):
    frame = dataframe.from_pandas(table.to_pandas(), npartitions=2)
    with pytest.raises(SourceError, match="sql must come with engine local or spark"):
        evaluate(frame, sql="FROM source")
    with pytest.raises(XentTypeError, match="a DataFrame of Dask, got str"):
        evaluate("a.csv", engine="dask")
    with pytest.raises(XentValueError, match="must be scored here"):
        evaluate(target=np.array([0]), probs=np.array([0.5]), engine="dask")


def test_a_worker_without_the_package(dataframe, monkeypatch, table, options):
    def without(*_):
        raise ModuleNotFoundError("No module named 'pyarrow'")

    monkeypatch.setattr(engine, "_score", without)
    frame = dataframe.from_pandas(table.to_pandas(), npartitions=2)
    with pytest.raises(UnavailableError, match="workers of Dask must have pyarrow"):
        evaluate(frame, **options)
