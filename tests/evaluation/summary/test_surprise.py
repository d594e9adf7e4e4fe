"""Losses in cells, and the share of the loss that the worst rows carry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import XentValueError
from xent.evaluation import evaluate
from xent.evaluation.summary.surprise import NUM_SURPRISES, surprise_edges


def surprise(nll, **options):
    return evaluate(log_probs=-np.asarray(nll, dtype=np.float64), **options).summary.surprise


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=100))
def test_losses_are_counted_in_their_cells(nll):
    edges = surprise_edges()
    # borders as the kernel has them, 2**-42 lower
    cells = np.searchsorted(edges[1:-1] * (1 - 2.0**-42), np.array(nll), side="right")
    expected = np.bincount(cells, minlength=NUM_SURPRISES)
    # what lies between the border and 2**-42 below it depends on the bits of a mantissa
    assert np.abs(surprise(nll).counts - expected).sum() <= 2 * sum(
        np.isclose(x, edges, rtol=2.0**-41, atol=0).any() for x in nll
    )


def test_borders_are_in_the_cell_above():
    edges = surprise_edges()
    assert (len(edges), edges[0], edges[-1]) == (409, 2.0**-40, 2.0**11)
    assert (surprise(edges[:-1]).counts == 1).all()


def test_impossible_and_weighted_rows():
    s = surprise([1.0, np.inf, 1.0, 0.0], weight=[0.5, 0.25, 0.125, 2.0])
    assert s.num_impossible == 0.25
    assert s.counts.sum() == 2.625
    assert s.counts[0] == 2


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.floats(0.001, 1.0), st.booleans())
def test_bounds_hold_the_share_of_the_worst(seed, fraction, weighted):
    rng = np.random.default_rng(seed)
    nll = rng.exponential(size=300) ** rng.integers(1, 4)
    weight = rng.integers(1, 5, size=300) / 4 if weighted else np.ones(300)
    s = surprise(nll, **({"weight": weight} if weighted else {}))
    order = np.argsort(-nll)
    inside = np.minimum(np.cumsum(weight[order]), fraction * weight.sum())
    share = (np.diff(inside, prepend=0.0) * nll[order]).sum() / (weight * nll).sum()
    total = float((weight * nll).sum())
    low, high = s.share_of_worst(fraction)
    assert low * (1 - 1e-12) <= share <= high * (1 + 1e-12)
    narrow_low, narrow_high = s.share_of_worst(fraction, total)
    assert narrow_low * (1 - 1e-12) <= share <= narrow_high * (1 + 1e-12)
    assert low <= narrow_low * (1 + 1e-12)
    assert narrow_high <= high * (1 + 1e-12)
    assert narrow_high <= 1.126 * narrow_low


def test_the_ends_have_no_bounds_of_their_own():
    # 5000 is beyond the last border, 0 below the first
    low, high = surprise([0.0] * 99 + [5000.0]).share_of_worst(0.01, 5000.0)
    assert low <= 1 <= high
    assert low > 0.4


def test_no_loss_has_no_worst():
    assert np.isnan(surprise([0.0, 0.0]).share_of_worst(0.5, 0.0)).all()
    with pytest.raises(XentValueError, match="fraction must be in"):
        surprise([1.0]).share_of_worst(0.0)
