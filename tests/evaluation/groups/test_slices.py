"""Slices: sums that add up to those of all rows, whatever the split."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError, SourceError
from xent.evaluation import evaluate
from xent.evaluation.groups import Slices
from xent.evaluation.groups.slices import MAX_SLICES, SliceSums, SliceTally
from xent.evaluation.groups.sums import MomentSums


def rows(seed, count, *, weighted=False, labels=False):
    rng = np.random.default_rng(seed)
    nll = rng.exponential(size=count)
    nll[rng.random(count) < 0.1] = np.inf
    weight = rng.integers(0, 4, count) / 2 if weighted else None
    truths = [rng.integers(0, 3, count)]
    if labels:
        truths = [rng.integers(0, 2, count).astype(np.uint8) for _ in range(3)]
    site = np.array(["north", "east", "south"])[rng.integers(0, 3, count)]
    return [site, rng.integers(0, 2, count)], nll, weight, truths


def tally(data, *parts):
    columns, nll, weight, truths = data
    slices = SliceTally(("site", "day"))
    for part in parts:
        of_part = None if weight is None else weight[part]
        slices.add([c[part] for c in columns], nll[part], of_part, [t[part] for t in truths])
    return slices.state()


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_the_rows_of_each_slice(weighted, labels):
    data = columns, nll, weight, truths = rows(0, 500, weighted=weighted, labels=labels)
    weight = np.ones(500) if weight is None else weight
    found = tally(data, slice(None))
    assert list(found.of) == sorted(found.of)
    assert len(found.of) == 6
    for (site, day), sums in found.of.items():
        here = (columns[0] == site) & (columns[1].astype(str) == day)
        out = here & np.isinf(nll) & (weight > 0)
        there = here & ~out
        w, t = weight[there], weight[there] * np.where(np.isinf(nll), 0, nll)[there]
        assert sums.num_rows == here.sum()
        assert sums.num_impossible == out.sum()
        assert sums.impossible / 2**1074 == weight[out].sum()
        expected = [w, t, w**2, w * t, t**2, w**3, w * w * t, w * t * t, t**3]
        got = [total / 2**1074 for total in sums.sums]
        assert got == pytest.approx([e.sum() for e in expected], rel=1e-12)
        for j in range(3):
            true = truths[j] == 1 if labels else truths[0] == j
            assert sums.classes.get(j, 0) / 2**1074 == weight[here & true].sum()
        moments = sums.sums.moments(sums.num_rows)
        mean = t.sum() / w.sum()
        second = ((t - w * mean) ** 2).sum() / (w**2).sum()
        assert [moments.mean, moments.second] == pytest.approx([mean, second], rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.lists(st.integers(0, 60), max_size=3), st.booleans(), st.booleans())
def test_no_split_or_order_is_seen(seed, cuts, weighted, labels):
    data = rows(seed, 60, weighted=weighted, labels=labels)
    whole = tally(data, slice(None))
    order = np.random.default_rng(seed).permutation(60)
    parts = np.split(order, sorted(cuts))
    assert tally(data, *parts) == whole
    merged = Slices(("site", "day"))
    for part in parts:
        merged = merged + tally(data, part)
    assert merged == whole
    assert Slices.from_state(json.loads(json.dumps(whole.to_state())), 3) == whole


def test_equal_losses_have_no_spread():
    slices = SliceTally(("s",))
    slices.add([np.zeros(999, dtype=int)], np.full(999, 0.1234567), None, [np.zeros(999, int)])
    assert slices.state().of[("0",)].sums.moments(999).second == 0


def test_more_values_than_a_table_holds():
    slices = SliceTally(("user",))
    nll, truth = np.ones(MAX_SLICES), np.zeros(MAX_SLICES, dtype=np.int64)
    slices.add([np.arange(MAX_SLICES)], nll, None, [truth])
    slices.add([np.arange(MAX_SLICES)], nll, None, [truth])
    with pytest.raises(SourceError, match=r"at most 1000 different values.*'user'; .*--sql"):
        slices.add([np.array([MAX_SLICES])], nll[:1], None, [truth[:1]])


def test_slices_of_other_columns_do_not_add():
    with pytest.raises(MergeError, match="same columns"):
        Slices(("a",)) + Slices(("b",))
    assert Slices(("a",)).__add__(1) is NotImplemented
    assert SliceSums().plus(SliceSums(3)) == SliceSums(3)


def test_third_moments_of_nearly_equal_losses_keep_their_digits():
    nll = 1 + 1e-6 * np.random.default_rng(6).exponential(size=500)
    slices = SliceTally(("s",))
    slices.add([np.zeros(500, dtype=int)], nll, None, [np.zeros(500, dtype=np.int64)])
    exact = [Fraction(v) for v in nll]
    mean = sum(exact) / 500
    third = float(sum((v - mean) ** 3 for v in exact) / 500)
    # products in one double each would be off by 1e-17, which is more than all of it
    assert slices.state().of[("0",)].sums.moments(500).third == pytest.approx(third, rel=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_slices_add_up_to_those_of_all_rows_to_the_last_bit(weighted):
    rng = np.random.default_rng(8)
    p = rng.dirichlet(np.full(3, 0.2), size=2000)
    weight = {"weight": 10.0 ** rng.uniform(-9, 9, size=2000)} if weighted else {}
    target, by = rng.integers(3, size=2000), rng.integers(7, size=2000)
    whole = evaluate(target=target, probs=p, by=by, **weight).summary
    total = MomentSums()
    for of in whole.slices.of.values():
        total = total.plus(of.sums)
    assert total.weight == whole.sum_weight
    for name in MomentSums._fields[1:]:
        assert getattr(total, name) == getattr(whole, f"sum_{name}")
