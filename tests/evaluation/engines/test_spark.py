"""A real Spark session gives the bits of one machine, and its errors in our words."""

import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest

from xent.cli.app import run
from xent.errors import SourceError, UnavailableError, XentTypeError, XentValueError
from xent.evaluation import evaluate, load_state

# createDataFrame says it; xent itself asks for no more of pandas than its version
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")


@pytest.fixture(scope="module")
def frame(spark, table):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # see pytestmark, which fixtures do not see
        return spark.createDataFrame(table.to_pandas()).repartition(5).cache()


def bits(evaluation):
    return evaluation.summary.without_rows().to_json()


def test_a_data_frame_gives_the_bits_of_one_machine(frame, whole, options):
    found = evaluate(frame, **options)
    assert bits(found) == bits(whole)
    assert found.note == whole.note
    assert {s.row for s in found.summary.worst} == {None}  # a partition has no order


def test_rows_with_ids_are_the_same_rows(frame, table, options):
    by_id = {**options, "id": "name", "by": "label", "interval": "bootstrap", "replicates": 50}
    found = evaluate(frame, **by_id).summary
    assert found.to_json() == evaluate(table, **by_id).summary.to_json()
    assert found.worst[0].row.startswith("img_")


def test_any_number_of_partitions_merges_as_a_tree(frame, whole, options):
    assert bits(evaluate(frame.repartition(1), **options)) == bits(whole)
    assert bits(evaluate(frame.repartition(37), **options)) == bits(whole)


def test_a_file_a_folder_and_a_query(spark, table, whole, options, tmp_path):
    pq.write_table(table.slice(0, 300), tmp_path / "0.parquet")
    pq.write_table(table.slice(300), tmp_path / "1.parquet")
    for source in (str(tmp_path), [tmp_path / "0.parquet", tmp_path / "1.parquet"]):
        assert bits(evaluate(source, engine="spark", **options)) == bits(whole)
    found = evaluate(
        str(tmp_path), engine="spark", sql="SELECT * FROM source WHERE label < 2", **options
    )
    assert found.num_rows == sum(c.num_true for c in whole.summary.by_class[:2])


def test_vectors_of_spark_ml_are_lists(spark, table):
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as f

    rows = table.to_pandas().dropna()
    frame = spark.createDataFrame(rows)
    vector = array_to_vector(f.array("p_0", "p_1", "p_2"))
    chosen = frame.select("label", vector.alias("probability"))
    assert bits(evaluate(chosen, probs="probability")) == bits(evaluate(rows, probs="p_*"))


def test_a_wrong_row_is_told_in_our_words(spark):
    frame = spark.createDataFrame([(0, 0.5), (1, 0.9), (1, 1.5)], "label int, p double")
    with pytest.raises(XentValueError, match=r"^partition 0: D07.*got 1\.5 in row 2") as raised:
        evaluate(frame.coalesce(1), target="label", probs="p")
    assert (raised.value.code, raised.value.index) == ("D07", 2)
    with pytest.raises(SourceError, match="the nearest is label"):
        evaluate(frame, target="lable", probs="p")
    with pytest.raises(SourceError, match="must have rows"):
        evaluate(frame.limit(0), target="label", probs="p")


def test_spark_says_what_it_cannot_read(spark, tmp_path):
    with pytest.raises(SourceError, match=r"Spark could not answer: .*PATH_NOT_FOUND"):
        evaluate(str(tmp_path / "no.parquet"), engine="spark")
    with pytest.raises(SourceError, match=r"source must be one of \.parquet"):
        evaluate("a.xlsx", engine="spark")


def test_an_executor_without_the_package_says_how_to_ship_it(spark, frame, options, tmp_path):
    blocker = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'xent':\n"
        "            raise ModuleNotFoundError(\"No module named 'xent'\")\n"
        "sys.meta_path.insert(0, Blocked())\n"
    )
    (tmp_path / "sitecustomize.py").write_text(blocker)
    environment = spark.sparkContext.environment
    environment["PYTHONPATH"] = str(tmp_path)
    try:
        with pytest.raises(UnavailableError, match="workers of Spark must have xent") as raised:
            evaluate(frame, **options)
    finally:
        del environment["PYTHONPATH"]
    assert "--archives env.tar.gz#env" in str(raised.value)


def test_arrays_are_not_sent_to_executors(spark):
    with pytest.raises(XentValueError, match="must be scored here, got engine 'spark'"):
        evaluate(target=np.array([0, 1]), probs=np.array([0.5, 0.5]), engine="spark")


def test_the_command(spark, table, whole, tmp_path, capsys):
    pq.write_table(table, tmp_path / "rows.parquet")
    arguments = ["--engine", "spark", "--target", "label", "--nan", "exclude", "--weight", "weight"]
    state = tmp_path / "rows.xent"
    assert run(["evaluate", str(tmp_path / "rows.parquet"), *arguments, "--state", str(state)]) == 0
    assert bits(load_state(state)) == bits(whole)
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'rows.parquet'}: ")


def test_a_frame_of_pandas_on_spark(frame, whole, options):
    # pyspark.pandas itself cannot be imported beside pandas 3
    class Frame:
        __module__ = "pyspark.pandas.frame"

        def to_spark(self):
            return frame

    assert bits(evaluate(Frame(), **options)) == bits(whole)


def test_what_it_does_not_take(spark, table):
    with pytest.raises(XentTypeError, match=r"spark\.createDataFrame\(table\) makes one"):
        evaluate(table, engine="spark")
