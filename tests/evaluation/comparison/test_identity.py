"""Rows side by side that a column says are not the same rows."""

import numpy as np
import pyarrow as pa
import pytest

from xent.errors import SourceError
from xent.evaluation import compare
from xent.report.chinese import in_chinese

Y = np.tile([0, 1], 50)
P = np.linspace(0.1, 0.9, 100)
NUMBERS = np.arange(7, 107)
# in another order in which the truth is the same: rows 4 and 6 have changed places
SWAPPED = np.r_[0:4, 6, 5, 4, 7:100]


def texts(numbers):
    return [f"row {n}" for n in numbers]


def table(names, p=P, column="id"):
    return pa.table({column: names, "y": Y, "p": p})


def told(found):
    return [note for note in found.notes if note.startswith("column ")]


@pytest.mark.parametrize("named", [np.asarray, texts])
@pytest.mark.parametrize("column", ["id", "ID", "__index_level_0__"])
def test_rows_in_another_order_with_the_same_truth_are_refused(column, named):
    first = table(named(NUMBERS), column=column)
    second = table(named(NUMBERS[SWAPPED]), P[SWAPPED], column)
    ours, theirs = named(NUMBERS)[4], named(NUMBERS)[6]
    with pytest.raises(SourceError) as raised:
        compare(first, second, target="y", probs="p", names=["a", "b"])
    assert raised.value.index == 4
    assert f"column {column!r} holds the same values, another one in 2 of 100 rows" in str(
        raised.value
    )
    assert f"first in row 4 ({ours} and {theirs})" in str(raised.value)
    assert f"say key={column!r}" in str(raised.value)
    paired = compare(first, second, target="y", probs="p", key=column)
    assert paired.difference == 0
    assert told(paired) == []


def test_the_order_is_told_before_the_truth_that_it_moves():
    with pytest.raises(SourceError, match="in another order"):
        compare(table(NUMBERS), table(NUMBERS[::-1], P[::-1]), target="y", probs="p")


def test_other_names_are_noted():
    second = table(np.r_[NUMBERS[:90], NUMBERS[90:] + 1000])
    found = compare(table(NUMBERS), second, table(NUMBERS), target="y", probs="p", names="abc")
    (note,) = told(found)
    assert note.startswith("column 'id' of b differs from that of a ")
    assert "in 10 of 100 rows, first in row 90" in note
    assert in_chinese(note) != note
    assert "key" in in_chinese(note)[0]


@pytest.mark.parametrize(
    "second",
    [
        table(pa.array(NUMBERS, pa.int8())),  # the same in another type
        table(texts(NUMBERS)),  # of another kind: no telling
        table(NUMBERS[::-1], column="rank"),  # no name of rows
        pa.table({"y": Y, "p": P}),
    ],
)
def test_nothing_is_said_where_nothing_differs_or_can_be_told(second):
    assert told(compare(table(NUMBERS), second, target="y", probs="p")) == []


def test_missing_names_are_values_too():
    names = pa.array([None, *NUMBERS[1:].tolist()])
    assert told(compare(table(names), table(names), target="y", probs="p")) == []
    with pytest.raises(SourceError, match=r"2 of 100 rows, first in row 0 .*missing.* and 9"):
        compare(
            table(names), table(names.take(pa.array(np.r_[2, 1, 0, 3:100]))), target="y", probs="p"
        )


def test_a_column_that_is_the_truth_is_no_name_of_rows():
    first, second = (pa.table({"key": Y, "p": p}) for p in (P, P[::-1]))
    assert compare(first, second, target="key", probs="p").difference != 0


def test_long_names_are_shortened():
    names = [f"{n} " + "x" * 10_000 for n in NUMBERS]
    with pytest.raises(SourceError, match="in another order") as raised:
        compare(table(names), table(names[::-1], P[::-1]), target="y", probs="p")
    assert len(str(raised.value)) < 1000


def test_batches_are_counted_together(tmp_path):
    count = 200_000  # several batches
    y, numbers = np.zeros(count, dtype=int), np.arange(count)
    y[1::2] = 1
    other = numbers.copy()
    other[[10, 150_010]] = other[[150_010, 10]]
    sources = [pa.table({"id": n, "y": y, "p": np.full(count, 0.5)}) for n in (numbers, other)]
    with pytest.raises(SourceError, match=r"2 of 200,000 rows, first in row 10 \(10 and 150010\)"):
        compare(*sources, target="y", probs="p")
