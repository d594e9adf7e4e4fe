"""The true class of each row: dates, columns without a value, and what is no class."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from xent.errors import SourceError, XentValueError
from xent.evaluation import evaluate

ROWS = 60
RNG = np.random.default_rng(5)
P = RNG.dirichlet([1, 1, 1], size=ROWS)
Y = RNG.integers(3, size=ROWS)
RIGHT = evaluate((Y, P))
NUMBERED = {"label": Y, **{f"p_{j}": P[:, j] for j in range(3)}}


def check(result, *, classes=("0", "1", "2")):
    """Assert the log loss of the rows, to the last bit, and the classes in their order."""
    assert result.log_loss == RIGHT.log_loss
    assert result.summary.classes == classes


def nothing():
    return pa.nulls(ROWS)


@pytest.mark.parametrize("name", ["label", "p_1"])
def test_a_column_without_a_value_is_no_reason_to_take_another(name, tmp_path):
    rows = pa.table({**NUMBERED, "extra": Y, name: nothing()})
    where = {"label": "a missing value in row 0 of label", "p_1": "nan in row 0 of p_1"}[name]
    pa.parquet.write_table(rows, tmp_path / "rows.parquet")
    for source in (rows, tmp_path / "rows.parquet"):
        with pytest.raises(XentValueError, match=rf"got {where} \(60 such rows"):
            evaluate(source)
        with pytest.raises(XentValueError, match=r"0 ignored .* and 60 with missing values"):
            evaluate(source, nan="exclude")
    # beside the others it is nothing
    check(evaluate(pa.table({**NUMBERED, "remark": nothing()})))


def test_a_missing_value_names_where_it_may_be():
    rows = pa.table({**NUMBERED, "w": pa.array([None] + [1.0] * (ROWS - 1))})
    with pytest.raises(XentValueError, match="got a missing value in row 0 of label or w"):
        evaluate(rows, weight="w")


def test_dates_are_classes(tmp_path):
    days = np.array(["2024-01-31", "2024-02-29", "2024-12-31"])
    columns = {f"p_{day}": P[:, j] for j, day in enumerate(days)}
    dates = pa.array(days[Y]).cast(pa.date32())
    rows = pa.table({"label": dates, **columns})
    pa.parquet.write_table(rows, tmp_path / "rows.parquet")
    lines = [",".join(rows.column_names)]
    lines += [",".join(map(str, row.values())) for row in rows.to_pylist()]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    for source in (rows, tmp_path / "rows.parquet", tmp_path / "rows.csv"):
        result = evaluate(source)
        check(result, classes=tuple(days))
        assert "positions" not in result.note
    one = pa.table({"label": dates.dictionary_encode(), **columns})
    check(evaluate(one), classes=tuple(days))
    missing = rows.set_column(0, "label", pa.array([None, *dates.to_pylist()[1:]]))
    assert evaluate(missing, nan="exclude").summary.num_missing == 1


def test_what_is_neither_text_nor_a_number_nor_a_date_is_no_class():
    rows = pa.table({**NUMBERED, "extra": Y, "label": pa.array([{"cat": 1}] * ROWS)})
    with pytest.raises(
        SourceError, match=r"target .label. must hold text, .* got {.cat.: 1} in row"
    ):
        evaluate(rows)


def test_names_that_are_one_number_stay_two_classes():
    names = np.array(["01", "1", "2"])
    columns = {f"p_{name}": P[:, j] for j, name in enumerate(names)}
    check(evaluate({"label": names[Y], **columns}), classes=tuple(names))
    # which of the two a 1 is, nothing tells
    for numbers in (Y, names[Y].astype(int)):
        with pytest.raises(
            XentValueError, match=r"must be text where two classes are one .* '01' and '1'"
        ):
            evaluate({"label": numbers, **columns})


@pytest.mark.parametrize("ignore", [1, 1.0, "1", " 1 ", np.int8(1), np.float32(1)])
def test_a_class_is_ignored_as_a_whole_number(ignore):
    result = evaluate(target=Y, probs=P, ignore=ignore)
    assert result.summary.num_ignored == (Y == 1).sum()
    assert result.log_loss == evaluate(target=Y[Y != 1], probs=P[Y != 1]).log_loss


@pytest.mark.parametrize("ignore", [0.5, 1.9, np.float64(0.1), "0.5", "²", "", [1], np.nan, np.inf])
def test_what_is_ignored_is_no_other_number(ignore):
    with pytest.raises(XentValueError, match=r"ignore must be a whole number, .* got "):
        evaluate(target=Y, probs=P, ignore=ignore)


@pytest.mark.parametrize("missing", [None, ""])
def test_numbers_as_text_that_are_no_classes(missing):
    # sorted as text "12" comes before "2", and "3" does not
    for wrong, hint in (("12", True), ("²", False), ("3", False)):
        target = np.array(["2", wrong, missing], dtype=object)
        with pytest.raises(XentValueError, match=rf"hold classes, got '{wrong}' in row 1") as error:
            evaluate(target=target, probs=P[:3], nan="exclude")
        assert ("sorted as text" in str(error.value)) == hint
