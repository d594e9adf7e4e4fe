"""Counts that bound a table of confusions which is never made."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.evaluation.summary.evidence import Evidence
from xent.evaluation.summary.likeliest import (
    MOST_CELLS,
    TABLES,
    Likeliest,
    LikeliestCounts,
    code_of,
)

# the most that have two digits, the least that have three, and a prime to the third
CLASSES = [65, 100, 1000, 3721, 3722, 4913]


def counted(num_classes, target, predicted):
    counts = LikeliestCounts(num_classes)
    counts.add(np.asarray(target), np.asarray(predicted))
    return counts.likeliest()


@pytest.mark.parametrize("num_classes", CLASSES)
def test_two_classes_share_fewer_buckets_than_they_have_digits(num_classes):
    code = code_of(num_classes)
    assert code.tables == TABLES[code.digits]
    assert code.base**code.digits >= num_classes
    assert 0 <= code.buckets.min() <= code.buckets.max() < code.base
    assert code.digits == (2 if num_classes <= 61**2 else 3)
    chosen = np.random.default_rng(0).permutation(num_classes)[:300]
    most = max((code.buckets == code.buckets[:, [j]]).sum(0)[np.arange(num_classes) != j].max()
               for j in chosen)  # fmt: skip
    assert most == code.digits - 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([65, 100, 1000, 4000]), st.integers(1, 400))
def test_bounds_hold_for_every_class(seed, num_classes, rows):
    rng = np.random.default_rng(seed)
    few = rng.integers(num_classes, size=7)  # so that classes have several rows, and columns too
    target, predicted = rng.choice(few, rows), rng.choice(few, rows)
    found = counted(num_classes, target, predicted)
    table = np.zeros((num_classes, num_classes), int)
    np.add.at(table, (target, predicted), 1)
    assert np.array_equal(found.rows, table.sum(1))
    assert np.array_equal(found.said, table.sum(0))
    assert np.array_equal(found.right, table.diagonal())
    column, least = found.commonest()
    own = np.arange(num_classes)
    assert np.all(least <= table[own, column])
    majority = 2 * table.max(1) > table.sum(1)
    assert np.array_equal(column[majority], table.argmax(1)[majority])


@pytest.mark.parametrize(("num_classes", "lacks"), [(1000, 1 / 3), (5000, 1 / 2)])
def test_how_much_of_the_other_rows_the_bound_lacks(num_classes, lacks):
    rng = np.random.default_rng(0)
    rows, share = 100_000, 0.7
    top = np.where(rng.random(rows) < share, 123, rng.integers(num_classes, size=rows))
    column, least = counted(num_classes, np.full(rows, 5), top).commonest()
    exact = np.count_nonzero(top == 123)
    others = rows - exact
    assert column[5] == 123
    # and each other row falls into the bucket with one chance in `base`, in each table
    code = code_of(num_classes)
    chance = others * code.tables / code.base / (code.tables - code.digits + 1)
    assert least[5] == pytest.approx(exact - lacks * others + chance, abs=5 * others**0.5)


def test_parts_in_any_order_are_one():
    rng = np.random.default_rng(1)
    target, predicted = rng.integers(200, size=(2, 3000))
    whole = counted(200, target, predicted)
    parts = [counted(200, target[k::3], predicted[k::3]) for k in range(3)]
    for a, b, c in itertools.permutations(parts):
        assert a + b + c == whole
    counts = LikeliestCounts(200)
    for part in np.array_split(np.arange(3000), 17):
        counts.add(target[part], predicted[part])
    assert counts.likeliest() == whole
    assert Likeliest.from_state(whole.to_state(), 200) == whole


def test_no_rows_bound_nothing():
    found = counted(100, np.zeros(0, int), np.zeros(0, int))
    column, least = found.commonest()
    assert not least.any()
    assert not found.rows.any()
    assert not found.said.any()
    assert column.min() >= 0


@pytest.mark.parametrize(("num_classes", "fits"), [(65, True), (23_000, True), (25_000, False)])
def test_counts_of_very_many_classes_are_not_kept(num_classes, fits):
    assert LikeliestCounts.fits(num_classes) == fits
    assert fits == (num_classes * code_of(num_classes).width <= MOST_CELLS)


def test_a_class_has_fewer_than_8_kb():
    """Counts to 2**63, and the 4/3 of base64."""
    for num_classes in CLASSES:
        assert code_of(num_classes).width * 9 * 4 / 3 < 8_000


def test_evidence_of_a_state_of_another_size_is_refused():
    state = Evidence((), (0.0,) * 100, (1.0,) * 100, (0, 0), counted(100, [1], [2])).to_state()
    assert Evidence.from_state(state, 100).likeliest == counted(100, [1], [2])
    with pytest.raises(ValueError, match="likeliest classes must be of the 200 classes, got 100"):
        Evidence.from_state(state, 200)
    state[4][0] = 200
    with pytest.raises(ValueError, match="likeliest classes must be of the 100 classes, got 200"):
        Evidence.from_state(state, 100)
    # its cells are those of 100 classes
    with pytest.raises(ValueError, match="reshape"):
        Evidence.from_state(state, 200)


@pytest.mark.parametrize("num_classes", [10**9, 0, -1, True, 3.0])
def test_a_number_of_classes_that_is_not_counted_is_refused(num_classes):
    """An untrue number would ask for as much memory as it says."""
    with pytest.raises(ValueError, match="likeliest classes must be"):
        Likeliest.from_state([num_classes, {}], num_classes)
