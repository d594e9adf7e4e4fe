"""Bootstrap replicates as a state: they merge, and give the studentised interval."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError
from xent.evaluation.groups import Replicates
from xent.evaluation.groups.replicates import SEED, ReplicateTally
from xent.evaluation.intervals.means import bootstrap_interval, hall_interval
from xent.kernels.cpu.replicates import ReplicateSums
from xent.kernels.cpu.row_keys import integer_keys


def tally(keys, nll, weight, *parts, replicates=40):
    found = ReplicateTally(replicates, "row")
    for part in parts:
        found.add(keys[part], nll[part], None if weight is None else weight[part])
    return found.state()


def rows(seed, count, weighted=False):
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 3, count) / 2 if weighted else None
    return integer_keys(rng.integers(0, 2**40, count)), rng.exponential(size=count), weight


def draws_of(keys, replicates):
    """How often each row is drawn, a replicate a column."""
    draws = []
    for key in keys:
        one = ReplicateSums(replicates, 0, seed=SEED)
        one.add([key], [])
        draws.append(one.totals()[0])
    return np.array(draws)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_interval_is_that_of_rows_drawn_again(weighted):
    keys, nll, weight = rows(1, 300, weighted)
    w = np.ones(300) if weight is None else weight

    def mean_and_error(draws):
        mean = (draws * w * nll).sum() / (draws * w).sum()
        return mean, math.sqrt((draws * (w * (nll - mean)) ** 2).sum()) / (draws * w).sum()

    own = mean_and_error(np.ones(300))
    each = [mean_and_error(d) for d in draws_of(keys, 40).T]
    expected = bootstrap_interval(*own, *zip(*each, strict=True), 0.9)
    found = tally(keys, nll, weight, slice(None))
    got = found.interval(0.9)
    assert [got.low, got.high] == pytest.approx([expected.low, expected.high], rel=1e-10)
    assert found.drawn == (300, *draws_of(keys, 40).sum(axis=0))
    halved = found.interval(0.9, scale=2)
    assert [2 * halved.low, 2 * halved.high] == pytest.approx([got.low, got.high], rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [1e-6, 1e-9, 1e-12])
def test_losses_that_are_nearly_equal_have_an_interval(weighted, spread):
    # the same rows, their spread seen from far and from near
    keys, _, weight = rows(6, 300, weighted)
    off = np.random.default_rng(6).integers(-(2**10), 2**10, 300) / 2**10
    far, near = (tally(keys, 1 + k * off, weight, slice(None)).interval(0.9) for k in (1, spread))
    # 1 + spread * off is rounded by 2**-53, of up to 2**-10 of the spread at 1e-12
    rel = 2**-52 / spread + 1e-9
    assert (near.low - 1, near.high - 1) == pytest.approx(
        (spread * (far.low - 1), spread * (far.high - 1)), rel=4 * rel
    )
    assert near.note == ""


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.lists(st.integers(0, 60), max_size=3), st.booleans())
def test_no_split_or_order_is_seen(seed, cuts, weighted):
    keys, nll, weight = rows(seed, 60, weighted)
    whole = tally(keys, nll, weight, slice(None))
    parts = np.split(np.random.default_rng(seed).permutation(60), sorted(cuts))
    assert tally(keys, nll, weight, *parts) == whole
    merged = tally(keys, nll, weight)  # of no rows
    for part in parts:
        merged = merged + tally(keys, nll, weight, part)
    assert merged == whole
    assert Replicates.from_state(json.loads(json.dumps(whole.to_state()))) == whole


def test_rows_of_one_key_are_drawn_together():
    # ten rows a key that are wrong together: the interval of 200 values, not of 2000
    rng = np.random.default_rng(3)
    each = rng.exponential(size=200)
    keys, nll = np.repeat(integer_keys(np.arange(200)), 10), np.repeat(each, 10)
    found = tally(keys, nll, None, slice(None), replicates=400)
    got = found.interval(0.95)
    off = each - each.mean()
    expected = hall_interval(200, each.mean(), (off**2).mean(), (off**3).mean())
    # the width of a bootstrap of 400 replicates has a standard error of about 5 %
    assert got.high - got.low == pytest.approx(expected.high - expected.low, rel=0.2)
    assert found.rows_a_key == pytest.approx(10, rel=0.3)


@pytest.mark.parametrize("values", [1, 2, 5, 30])
def test_few_values_of_a_key_are_told(values):
    nll = np.random.default_rng(7).exponential(size=300)
    keys = integer_keys(np.arange(300) % values)
    found = tally(keys, nll, None, slice(None), replicates=400).interval(0.95)
    if values == 1:
        assert not found
        assert found.note == "one value of row has no spread to judge by"
    else:
        said = re.fullmatch(r"drawn by only about (\d+) values of row", found.note)
        # 400 draws tell a variance to a tenth or so
        assert bool(said) == (values < 20)
        assert said is None or int(said[1]) == pytest.approx(values, rel=0.35)
    # of rows that share none a few draws may show what many do not
    alone = tally(integer_keys(np.arange(25)), nll[:25], None, slice(None), replicates=3)
    assert alone.interval(0.4).note == ""


def test_many_equal_rows_are_told_where_content_is_the_key():
    keys, nll, _ = rows(4, 500)
    by_content = ReplicateTally(200, None)
    by_content.add(np.repeat(keys, 4), np.repeat(nll, 4), None)
    found = by_content.state()
    # 200 replicates tell a variance to 10 %
    assert found.rows_a_key == pytest.approx(4, rel=0.4)
    assert found.interval(0.95).note == (
        f"about {found.rows_a_key:.0f} rows are equal to an average row and drawn together, "
        "so this is too wide; id tells rows apart"
    )
    apart = ReplicateTally(200, None)
    apart.add(keys, nll, None)
    assert apart.state().note == ""


@pytest.mark.parametrize("loss", 10.0 ** np.random.default_rng(8).uniform(-12, 2, size=20))
def test_losses_that_are_equal_have_no_width(loss):
    keys, _, weight = rows(8, 100, weighted=True)
    for of in (None, weight, weight / 3 * np.pi):
        found = tally(keys, np.full(100, loss), of, slice(None)).interval(0.9)
        assert found.low == found.high == pytest.approx(loss, rel=2**-51)
        assert found.note == "all losses are equal"


def test_what_has_no_interval():
    def interval(nll, replicates=40):
        keys = integer_keys(np.arange(len(nll)))
        return tally(keys, np.array(nll), None, slice(None), replicates=replicates).interval(0.9)

    assert "one row" in interval([0.3]).note
    assert interval([0.3] * 9).note == "all losses are equal"
    assert "too few" in interval([0.1, 0.2, 0.9] * 9, replicates=10).note
    assert "one row" in ReplicateTally(5, None).state().interval(0.9).note


def test_replicates_of_other_settings_do_not_add():
    keys, nll, _ = rows(5, 9)
    a = tally(keys, nll, None, slice(None))
    with pytest.raises(MergeError, match="same replicates"):
        a + tally(keys, nll, None, slice(None), replicates=41)
    with pytest.raises(MergeError, match="same id"):
        a + ReplicateTally(40, None).state()
    assert a.__add__(1) is NotImplemented
