"""Sums by group and cluster: exact, as many as occur, the same whatever the split."""

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.evaluation.groups import cells
from xent.evaluation.groups.cells import CellTally, buckets_of
from xent.kernels.cpu.row_keys import integer_keys


def tally(group, keys, values, *parts, most, weight=None):
    found = CellTally(2, most)
    for part in parts:
        clusters = np.unique(keys[part], return_inverse=True)
        of = None if weight is None else weight[part]
        found.add(group[part], clusters, [values[part], of])
    return found.state()


def as_dict(state):
    sums = [None if s is None else s.numbers() for s in state.sums]
    units = [Fraction(2) ** s.power if s is not None else None for s in state.sums]
    found = {}
    for i, place in enumerate(zip(state.group.tolist(), state.key.tolist(), strict=True)):
        of = [None if s is None else s[i] * unit for s, unit in zip(sums, units, strict=True)]
        found[place] = (int(state.rows[i]), *of)
    return found


def by_hand(group, keys, values, *, most, weight=None):
    """The same with dictionaries and fractions."""
    there = defaultdict(set)
    for g, key in zip(group.tolist(), keys.tolist(), strict=True):
        there[g].add(key)
    buckets = buckets_of(len(there), most)
    found = {}
    for i, (g, key) in enumerate(zip(group.tolist(), keys.tolist(), strict=True)):
        place = g, key % buckets if len(there[g]) > buckets else key
        rows, value, weights = found.get(place, (0, Fraction(), weight is not None and Fraction()))
        found[place] = (
            rows + 1,
            value + Fraction(values[i]),
            None if weight is None else weights + Fraction(weight[i]),
        )
    return dict(sorted(found.items()))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 99),
    st.sampled_from([(3, 40), (3, 2000), (12, 40), (60, 300)]),
    st.sampled_from([64, 1024, 1 << 20]),
    st.lists(st.integers(0, 3000), max_size=4),
    st.booleans(),
)
def test_cells_are_those_of_fractions_in_any_order_and_split(seed, sizes, most, cuts, weighted):
    rng = np.random.default_rng(seed)
    groups, users = sizes
    group, keys = rng.integers(groups, size=3000), integer_keys(rng.integers(users, size=3000))
    values = rng.exponential(size=3000) ** 3
    weight = rng.exponential(size=3000) if weighted else None
    expected = by_hand(group, keys, values, most=most, weight=weight)
    whole = as_dict(tally(group, keys, values, slice(None), most=most, weight=weight))
    assert whole == expected
    assert list(whole) == list(expected)
    assert len(whole) <= max(most, groups)
    parts = np.split(rng.permutation(3000), sorted(cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "WAITING", 500)  # some batches wait, others are added at once
        assert as_dict(tally(group, keys, values, *parts, most=most, weight=weight)) == whole


def test_more_groups_keep_fewer_clusters_and_no_more_cells():
    most = 1 << 12
    before = 1024
    for groups in range(1, 3 * most):
        buckets = buckets_of(groups, most)
        assert before % buckets == 0  # halves are taken together, and nothing else changes
        assert buckets == 1 or buckets * groups <= most
        before = buckets
