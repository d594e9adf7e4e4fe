import numpy as np
import pytest

from xent.diagnostics.pairs import clip_share, report_no_support, swapped_arguments
from xent.diagnostics.policy import checks
from xent.diagnostics.warn import listening


def said(function, *args, **options):
    with checks("full"), listening() as heard:
        function(*args, **options)
    return [warning for _, warning in heard]


@pytest.fixture
def truth(rng):
    return np.eye(5)[rng.integers(5, size=100)]


@pytest.fixture
def model(rng):
    return rng.dirichlet(np.ones(5), size=100)


# D09 --------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, -1])
def test_a_model_of_zeros_and_ones_is_the_truth(truth, model, axis):
    p, q = np.moveaxis(model, -1, axis), np.moveaxis(truth, -1, axis)
    (warning,) = said(swapped_arguments, p, q, axis=axis, names=("target", "probs"))
    assert warning.code == "D09"
    assert "64 of 64 sampled rows of probs, the model, hold an exact 0 or 1" in str(warning)
    assert "and 0 of target, the truth" in str(warning)


def test_the_right_order_and_all_that_is_not_sure(rng, truth, model):
    assert not said(swapped_arguments, truth, model)
    assert not said(swapped_arguments, truth, truth)
    assert not said(swapped_arguments, model, model)
    assert not said(swapped_arguments, model[:7], truth[:7])
    half = np.where(np.arange(100)[:, None] % 5 > 0, truth, model)  # 80 %
    assert not said(swapped_arguments, model, half)
    assert not said(swapped_arguments, np.ones((100, 1)), np.ones((100, 1)))
    with checks("fast"), listening() as heard:
        swapped_arguments(model[:, :4], truth)
    assert not heard


# D27 --------------------------------------------------------------------------


def test_no_support_is_counted_and_placed():
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    q = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    with listening() as heard:
        assert report_no_support(p, q) == (2, (1, 0))
    ((kind, warning),) = heard
    assert (kind, warning.code, warning.index, warning.value) == ("warning", "D27", (1, 0), 0.2)
    assert "2 of 6 entries (1 of 2 rows); first: p[1, 0] = 0.2" in str(warning)
    assert 'zero="clip:1e-15"' in str(warning)


def test_support_is_not_reported():
    assert not said(report_no_support, np.array([1.0, 0.0]), np.array([1.0, 0.0]))
    assert report_no_support(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == (0, None)


# D31 --------------------------------------------------------------------------


def test_a_clip_that_decides_is_told():
    with listening() as heard:
        assert clip_share(34.5, 69.0, count=1, clip=1e-15) == 0.5
    ((_, warning),) = heard
    assert (warning.code, warning.value) == ("D31", 0.5)
    assert "50% of the loss comes from 1 clipped entry" in str(warning)
    assert "costs 34.54 nats" in str(warning)


@pytest.mark.parametrize("args", [(6.9, 69.0, 1), (0.0, 69.0, 0), (0.0, 0.0, 0)])
def test_and_one_that_does_not_is_not(args):
    clipped, total, count = args
    assert not said(clip_share, clipped, total, count=count, clip=1e-15)
