"""Sums of classes in columns are the sums of classes, added, written and read."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.exact import ONE, exact
from xent.evaluation.summary.by_class import ByClass
from xent.evaluation.summary.kept import ClassSums

rows = st.integers(0, 2**52)
sums = st.floats(0, allow_infinity=False).map(exact)
losses = st.floats(allow_nan=False, allow_infinity=False).map(exact)
weighted_class = st.builds(ClassSums, rows, rows, rows, sums, sums, losses, sums)
plain_class = st.builds(
    lambda true, correct, impossible, nll, probability: ClassSums(
        true, correct, impossible, true * ONE, correct * ONE, nll, probability
    ),
    rows, rows, rows, losses, sums,
)  # fmt: skip
of_two_parts = st.one_of(
    st.tuples(st.just(True), st.lists(st.tuples(weighted_class, weighted_class), max_size=6)),
    st.tuples(st.just(False), st.lists(st.tuples(plain_class, plain_class), max_size=6)),
)


@given(of_two_parts)
def test_columns_are_added_as_tuples_are(given_sums):
    weighted, pairs = given_sums
    a, b = (ByClass.of([pair[k] for pair in pairs], weighted=weighted) for k in (0, 1))
    total = a.plus(b)
    assert list(total) == [ClassSums(*map(sum, zip(*pair, strict=True))) for pair in pairs]
    assert total == b.plus(a)
    assert (total == a) == all(not any(second) for _, second in pairs)
    for back in (
        ByClass.from_state(json.loads(json.dumps(total.to_state())), len(pairs), weighted=weighted),
        pickle.loads(pickle.dumps(total)),
    ):
        assert back == total
        assert list(back) == list(total)


def test_it_is_a_sequence():
    classes = [ClassSums(j, 0, 0, j * ONE, 0, 5 * ONE, 0) for j in range(4)]
    plain, weighted = (ByClass.of(classes, weighted=w) for w in (False, True))
    for found in (plain, weighted):
        assert len(found) == 4
        assert [found[j] for j in (0, 3, -1)] == [classes[j] for j in (0, 3, 3)]
        assert found[1:3] == tuple(classes[1:3])
        assert found == tuple(classes)
        assert found != classes[:3]
        with pytest.raises(IndexError):
            found[4]
    # weights of 1 are none
    assert plain == weighted
    assert list(ByClass()) == []
    assert ByClass() == ()
