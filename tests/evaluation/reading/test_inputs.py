"""Where predictions are already: the same rows from every library give the same bits."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest

from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation import evaluate
from xent.evaluation.reading import tables

ROWS = 60
RNG = np.random.default_rng(5)
P = RNG.dirichlet([1, 1, 1], size=ROWS)
Y = RNG.integers(3, size=ROWS)
WORDS = np.array(["cat", "dog", "owl"])[Y]
RIGHT = evaluate((Y, P))
NUMBERED = {"label": Y, **{f"p_{j}": P[:, j] for j in range(3)}}
# columns in another order than the classes of the rows
NAMED = {"label": WORDS, "p_dog": P[:, 1], "p_cat": P[:, 0], "p_owl": P[:, 2]}


def check(result, *, classes=None):
    """Assert the log loss of the rows, to the last bit, and the classes in their order."""
    assert result.log_loss == RIGHT.log_loss
    assert result.num_rows == ROWS
    if classes is not None:
        assert result.summary.classes == classes


# pandas -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pd():
    return pytest.importorskip("pandas")


def test_a_data_frame_whatever_its_index(pd):
    frame = pd.DataFrame(NUMBERED)
    check(evaluate(frame), classes=("0", "1", "2"))
    check(evaluate(frame.set_index(np.arange(ROWS) * 7)))
    check(evaluate(frame.set_index(np.arange(ROWS)[::-1])))
    check(evaluate(frame.rename_axis("id")))


def test_nullable_arrow_and_categorical_columns(pd):
    frame = pd.DataFrame(NUMBERED)
    check(evaluate(frame.convert_dtypes()))
    check(evaluate(frame.convert_dtypes(dtype_backend="pyarrow")))
    named = pd.DataFrame(NAMED)
    for dtype in ("category", "string", "string[pyarrow]", object):
        check(evaluate(named.astype({"label": dtype})), classes=("dog", "cat", "owl"))


def test_a_missing_value_of_a_nullable_column_is_missing(pd):
    frame = pd.DataFrame(NUMBERED).convert_dtypes()
    frame.loc[3, "label"] = pd.NA
    frame.loc[5, "p_1"] = pd.NA
    with pytest.raises(XentValueError, match="in row 3"):
        evaluate(frame)
    result = evaluate(frame, nan="exclude")
    assert (result.num_rows, result.summary.missing_rows) == (ROWS - 2, (3, 5))


@pytest.mark.parametrize("of", ["series", "objects"])
def test_a_missing_value_is_missing_in_every_array(pd, of):
    def column(values, dtype):
        found = pd.Series(values, dtype=dtype)
        return found if of == "series" else found.to_numpy(dtype=object)

    two, p = (Y == 1), P[:, 1]
    expected = evaluate((two[1:], p[1:])).log_loss
    words = np.where(two, "yes", "no")
    for target in (
        column([None, *two[1:].astype(int)], "Int64"),
        column([None, *two[1:].tolist()], "boolean"),
        column([None, *words[1:].tolist()], "string"),
    ):
        classes = ["no", "yes"] if "yes" in set(target) else None
        found = evaluate(target=target, probs=p, classes=classes, nan="exclude")
        assert (found.log_loss, found.summary.missing_rows) == (expected, (0,))
    found = evaluate((two, column([None, *p[1:]], "Float64")), nan="exclude")
    assert (found.log_loss, found.summary.missing_rows) == (expected, (0,))
    weight = column([None, *[2.0] * (ROWS - 1)], "Float64")
    found = evaluate((two, p), weight=weight, nan="exclude")
    assert (found.log_loss, found.summary.missing_rows) == (expected, (0,))
    for values, dtype in ((["a", None], "string"), ([True, None], "boolean"), ([7, None], "Int64")):
        slices = evaluate((two, p), by=column(values * (ROWS // 2), dtype)).slices
        name = {"a": "a", True: "true", 7: "7"}[values[0]]
        assert {r.value for r in slices} == {"(missing)", name}


def test_wide_arrays_are_converted_in_parts(monkeypatch):
    monkeypatch.setattr(tables, "BATCH_VALUES", 40)
    source = tables.ArraySource({"y": Y, "p": np.asfortranarray(P)})
    assert [len(batch["y"]) for batch in source.batches(["y", "p"])] == [10] * 6
    check(evaluate((Y, np.asfortranarray(P))))


def test_numbers_of_python_are_numbers():
    two, p = (Y == 1), P[:, 1]
    expected = evaluate((two, p)).log_loss
    for objects in (p.astype(object), np.array([Decimal(repr(v)) for v in p.tolist()])):
        assert evaluate((two.astype(object), objects)).log_loss == expected
    # a float would have one id for both
    ids = np.array([2**53, 2**53 + 1, None] * 20, dtype=object)
    assert len(evaluate((Y, P), by=ids).slices) == 3


def test_columns_with_names_that_are_no_text(pd):
    frame = pd.DataFrame(P)
    frame["label"] = Y
    check(evaluate(frame))
    levels = pd.MultiIndex.from_tuples([("label", ""), ("p", "dog"), ("p", "cat"), ("p", "owl")])
    frame = pd.DataFrame(list(zip(WORDS, P[:, 1], P[:, 0], P[:, 2], strict=True)), columns=levels)
    check(evaluate(frame, target="label_"), classes=("dog", "cat", "owl"))


def test_a_target_beside_a_table_of_predictions(pd):
    frame = pd.DataFrame(NAMED)
    probs = frame.drop(columns="label")
    for result in (
        evaluate((frame["label"], probs)),
        evaluate((WORDS, probs)),
        evaluate(target=frame["label"], probs=probs),
        evaluate(probs, target=WORDS),
        evaluate(probs.rename(columns=lambda n: n.removeprefix("p_")), target=WORDS),
    ):
        check(result, classes=("dog", "cat", "owl"))
    logits = np.log(probs)
    assert evaluate((WORDS, logits), logits=True).log_loss == pytest.approx(RIGHT.log_loss)


def test_a_table_of_numbers_without_names_is_read_by_position(pd):
    check(evaluate((pd.Series(Y), pd.DataFrame(P))), classes=("0", "1", "2"))


def test_names_that_meet_are_kept_apart(pd):
    labels = pd.DataFrame({"a": [1, 0, 1], "b": [0, 0, 1]})
    probs = pd.DataFrame({"b": [0.2, 0.1, 0.7], "a": [0.9, 0.3, 0.6]})
    result = evaluate(labels=labels, probs=probs, task="multi")
    by_position = evaluate(
        labels=labels[["b", "a"]].to_numpy(), probs=probs.to_numpy(), task="multi"
    )
    assert result.log_loss == by_position.log_loss
    assert result.summary.classes == ("b", "a")


def test_the_same_index_in_another_order_is_refused(pd):
    frame = pd.DataFrame(NAMED, index=[f"row {i}" for i in range(ROWS)])
    probs = frame.drop(columns="label")
    shuffled = frame["label"].sample(frac=1, random_state=0)
    with pytest.raises(XentValueError, match=r"another order, from position 0 on .*\.loc\["):
        evaluate((shuffled, probs))
    check(evaluate((shuffled.loc[probs.index], probs)))
    # an index that says nothing about the other
    check(evaluate((frame["label"].reset_index(drop=True), probs)))
    check(evaluate((frame["label"].to_numpy(), probs)))


def test_sorted_categories_are_the_classes_of_a_matrix(pd):
    kinds = pd.Categorical(WORDS)
    check(evaluate((kinds, P)), classes=("cat", "dog", "owl"))
    check(evaluate((pd.Series(kinds), P)))
    # sorted, or as they are? the caller must say
    other = pd.Categorical(WORDS, categories=["owl", "cat", "dog"])
    with pytest.raises(XentValueError, match="give classes in the order"):
        evaluate((other, P))
    check(evaluate((other, P), classes=["cat", "dog", "owl"]))


def test_a_series_is_no_table(pd):
    with pytest.raises(XentTypeError, match="a table with named columns, got a Series"):
        evaluate(pd.Series(Y))


def test_a_column_of_arrays(pd):
    check(evaluate(pd.DataFrame({"label": Y, "probs": list(P)})))
    check(evaluate((Y, pd.Series(list(P)))))
    with pytest.raises(XentValueError, match="rectangular array, got rows that differ"):
        evaluate((Y[:2], pd.Series([[0.5, 0.5], [1.0]])))


# Polars -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pl():
    return pytest.importorskip("polars")


def test_polars_eager_and_lazy(pl):
    frame = pl.DataFrame(NAMED)
    for source in (frame, frame.lazy(), frame.lazy().filter(pl.col("p_dog") >= 0)):
        check(evaluate(source), classes=("dog", "cat", "owl"))


def test_polars_words_of_every_kind(pl):
    frame = pl.DataFrame(NAMED)
    for dtype in (pl.Categorical, pl.Enum(["owl", "dog", "cat"]), pl.String):
        check(evaluate(frame.with_columns(pl.col("label").cast(dtype))))


def test_missing_truth_values_of_polars(pl):
    target = pl.Series([None, *(Y[1:] == 1).tolist()])
    found = evaluate((target, P[:, 1]), nan="exclude")
    assert found.log_loss == evaluate((Y[1:] == 1, P[1:, 1])).log_loss


def test_polars_lists_arrays_and_pairs(pl):
    check(evaluate(pl.DataFrame({"label": Y, "probs": P.tolist()})))
    schema = {"probs": pl.Array(pl.Float64, 3)}
    check(evaluate(pl.DataFrame({"label": Y, "probs": P}, schema_overrides=schema)))
    check(evaluate((pl.Series(WORDS), pl.DataFrame(NAMED).drop("label"))))
    check(evaluate((pl.Series(Y), pl.DataFrame(P))), classes=("0", "1", "2"))


# Arrow and DuckDB ---------------------------------------------------------------------------


def test_arrow_tables_readers_and_datasets(tmp_path):
    table = pa.table(NAMED)
    for source in (
        table,
        table.to_batches()[0],
        table.to_reader(max_chunksize=7),
        pyarrow.dataset.dataset(table),
        pyarrow.dataset.dataset(table).scanner(),
    ):
        check(evaluate(source), classes=("dog", "cat", "owl"))
    pyarrow.dataset.write_dataset(table, tmp_path, format="parquet")
    check(evaluate(pyarrow.dataset.dataset(tmp_path)))


def test_batches_of_few_rows_or_of_none_come_first():
    table = pa.table(NAMED)
    none = table.slice(0, 0).combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=table.schema)
    ]
    batches = [*none, *table.slice(0, 1).to_batches(), *none, *table.slice(1).to_batches()]
    check(evaluate(pa.Table.from_batches(batches)))
    check(evaluate(pa.RecordBatchReader.from_batches(table.schema, batches)))
    # of the first row alone it cannot be told that labels are no classes
    labels = {"y_a": [1, 1, 0], "y_b": [0, 1, 0], "p_a": [0.75, 0.5, 0.5], "p_b": [0.25, 0.5, 0.5]}
    rows = pa.table(labels).to_batches(max_chunksize=1)
    assert evaluate(pa.Table.from_batches(rows)).summary.kind == "labels"


def test_a_column_of_several_types_is_named(pd):
    frame = pd.DataFrame({"y": [0, 1], "p": [0.5, 0.5], "note": [1, "a"]})
    with pytest.raises(SourceError, match="column 'note' of the DataFrame must hold values of one"):
        evaluate(frame)


def test_arrow_lists():
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(P.ravel()), 3)
    for lists in (fixed, pa.array(P.tolist()), pa.chunked_array([fixed[:20], fixed[20:]])):
        check(evaluate(pa.table({"label": Y, "probs": lists})))
        check(evaluate((pa.array(Y), lists)))
    # a view of some rows, and a missing list
    assert evaluate((Y[9:], fixed[9:])).log_loss == evaluate((Y[9:], P[9:])).log_loss
    missing = pa.array([*P[:5].tolist(), None], pa.list_(pa.float64(), 3))
    assert evaluate((Y[:6], missing), nan="exclude").summary.missing_rows == (5,)


def test_duckdb_relations_connections_and_queries_of_tables():
    import duckdb

    with duckdb.connect() as connection:
        connection.register("seen", pa.table(NAMED))
        relation = connection.sql("FROM seen")
        check(evaluate(relation))
        check(evaluate(connection, sql="SELECT * FROM seen"))
        check(
            evaluate(
                relation, sql="SELECT label, p_cat AS cat, p_dog AS dog, p_owl AS owl FROM source"
            )
        )
        with pytest.raises(XentTypeError, match="must come with sql"):
            evaluate(connection)
        with pytest.raises(SourceError, match=r"sql cannot be run: .*missing"):
            evaluate(connection, sql="FROM missing")
        with pytest.raises(SourceError, match="query must have rows"):
            evaluate(connection, sql="SET threads = 1")
    for source in (pa.table(NAMED), NAMED, [dict(zip(NAMED, r, strict=True)) for r in rows()]):
        query = "SELECT * FROM source WHERE label <> 'dog'"
        assert evaluate(source, sql=query).num_rows == int((Y != 1).sum())


def rows():
    return zip(*(column.tolist() for column in NAMED.values()), strict=True)


# NumPy, torch, JAX --------------------------------------------------------------------------


def test_lists_of_dicts_and_structured_arrays():
    check(evaluate([dict(zip(NAMED, row, strict=True)) for row in rows()]))
    kinds = [("label", "U3"), ("p_dog", "f8"), ("p_cat", "f8"), ("p_owl", "f8")]
    check(evaluate(np.array(list(rows()), dtype=kinds)))


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    target, probs = torch.tensor(Y), torch.tensor(P, requires_grad=True)
    check(evaluate((target, probs)))
    check(evaluate({"label": target, "probs": probs}))
    half = torch.log(probs).to(torch.bfloat16)
    right = evaluate(target=Y, logits=half.detach().float().numpy())
    assert evaluate(target=target, logits=half).log_loss == right.log_loss
    with pytest.raises(XentValueError, match="got a tensor on the device meta"):
        evaluate((target, probs.detach().to("meta")))


def test_jax_arrays():
    jnp = pytest.importorskip("jax.numpy")
    probs = jnp.asarray(P, dtype=jnp.float32)
    right = evaluate((Y, P.astype(np.float32)))
    assert evaluate((jnp.asarray(Y), probs)).log_loss == right.log_loss
    half = jnp.log(probs).astype(jnp.bfloat16)
    right = evaluate(target=Y, logits=np.asarray(half).astype(np.float32))
    assert evaluate(target=jnp.asarray(Y), logits=half).log_loss == right.log_loss


def test_what_is_no_source():
    with pytest.raises(XentTypeError, match=r"source must be a path.*got object"):
        evaluate(object())
    with pytest.raises(XentTypeError, match="got int"):
        evaluate(3)


@pytest.mark.parametrize("size", [1e110, 1e300, 1e-110, 5e-324])
def test_weights_whose_cubes_no_double_holds_are_refused(size):
    """Their sums of squares are cut: an interval from them was far too short, or a traceback."""
    with pytest.raises(XentValueError, match=r"must (sum to between|be at most) .* divide all"):
        evaluate(target=[0, 1, 1], probs=[0.2, 0.7, 0.4], weight=np.full(3, size))


def test_a_data_frame_with_a_name_twice_is_refused(pd):
    frame = pd.DataFrame(NUMBERED)
    with pytest.raises(SourceError, match="column names must be different, got 'p_1' twice"):
        evaluate(pd.concat([frame, frame[["p_1"]]], axis=1))


def test_categories_of_polars_have_no_order():
    pl = pytest.importorskip("polars")
    for kind in (pl.Categorical, pl.Enum(["owl", "cat", "dog"])):
        with pytest.raises(XentValueError, match="give classes in the order"):
            evaluate((pl.Series(WORDS).cast(kind), P))
        check(evaluate((pl.Series(WORDS).cast(kind), P), classes=["cat", "dog", "owl"]))
