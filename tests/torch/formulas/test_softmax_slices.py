"""Rows seen in slices of their classes: whatever the slices, they are the whole row."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import in_50_digits, mp, softmax, softmax_cross_entropy, ulps
from accuracy.test_softmax_cross_entropy import rows as rows_that_go_wrong
from accuracy.test_softmax_cross_entropy import with_margins
from hypothesis import given, settings
from hypothesis import strategies as st
from slices import slice_of
from torch.testing import assert_close

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as whole
from xent.torch.formulas import softmax_slices
from xent.torch.formulas._rows import rows_with_loss
from xent.torch.formulas.softmax_slices import (
    SliceState,
    empty_state,
    gradient_,
    merge,
    rows_of,
    scan,
)

INF, NAN = torch.inf, torch.nan


def in_slices(logits, task, cuts, order=None, row_scale=None):
    """Losses and gradient of rows whose classes come in slices, in some order."""
    num_classes = logits.shape[1]
    edges = [0, *cuts, num_classes]
    parts = [slice_of(task, num_classes, a, b) for a, b in pairwise(edges)]
    blocks = [logits[:, part.first : stop] for part, stop in zip(parts, edges[1:], strict=True)]
    state = empty_state(len(logits), logits)
    for i in range(len(parts)) if order is None else order:
        state = scan(blocks[i], parts[i], state)
    found = logits.clone()
    scale = torch.ones(len(logits), dtype=torch.float64) if row_scale is None else row_scale
    for part, stop in zip(parts, edges[1:], strict=True):
        gradient_(found[:, part.first : stop], part, state, scale)  # a view with a row stride
    return rows_of(state, parts[0]), found


# Against 50 digits --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_classes", [1, 2, 3, 10, 65, 500])
@pytest.mark.parametrize("slices", [1, 2, 5])
def test_class_targets_keep_their_digits(rng, dtype, num_classes, slices):
    logits = rows_that_go_wrong(rng, dtype, num_classes)
    target = with_margins(rng, logits)
    cuts = sorted(rng.integers(0, num_classes + 1, slices - 1).tolist())
    task = SoftmaxTask(axis=1, target=torch.tensor(target))
    found, slopes = in_slices(torch.tensor(logits), task, cuts)
    # a merge rounds exp(-gap) and what it is multiplied with: 5 ulp of the odds, in float64
    bound = 4 if dtype == np.float32 else 4 + 5 * (slices - 1)
    nll = found.nll.numpy().astype(dtype)
    for x, y, loss, slope in zip(logits, target, nll, slopes.numpy(), strict=True):
        p, not_p, log_p = softmax(x)
        p[y] = -not_p[y]
        assert ulps(loss, -log_p[y]) <= bound
        assert ulps(slope, p) <= bound
        if abs(slope[y]) > 1e-30:  # the sum of a gradient is 0
            total = sum(map(mp.mpf, slope.tolist()))
            assert abs(total) <= 2 * bound * np.finfo(dtype).eps * abs(mp.mpf(float(slope[y])))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_classes", [3, 65, 500])
def test_distributions_keep_the_digits_of_their_terms(rng, dtype, num_classes):
    logits = rows_that_go_wrong(rng, dtype, num_classes)
    target = torch.softmax(torch.tensor(rng.normal(size=logits.shape) * 4), -1)
    # one class has nearly all of the mass, and is sure: mass - s_j would cancel. 40 nats are
    # 17 digits, which leaves the reference as many
    sure = torch.tensor(logits[::2]).double()
    target[::2] = torch.softmax(sure.clamp(min=sure.amax(-1, keepdim=True) - 40), -1)
    target = target.to(torch.tensor(logits).dtype)
    cuts = [num_classes // 3, num_classes // 2]
    task = SoftmaxTask(axis=1, soft_target=target)
    found, slopes = in_slices(torch.tensor(logits), task, cuts)
    bound = 4 if dtype == np.float32 else 14
    nll = found.nll.numpy().astype(dtype)
    for x, t, loss, slope in zip(logits, target.double().numpy(), nll, slopes.numpy(), strict=True):
        exact = softmax_cross_entropy(x, in_50_digits(t))
        assert ulps(loss, exact.nll) <= bound
        assert ulps(slope, exact.gradient, of=exact.terms) <= bound


# Against the whole row ----------------------------------------------------------------------


@st.composite
def tasks(draw):
    """Rows of logits, what is asked of them, and how their classes are cut and ordered."""
    n, c = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(size=(n, c)) * draw(st.sampled_from([1.0, 30.0])))
    if draw(st.booleans()):
        logits = logits.round()  # ties of the maximum
    one_of = torch.tensor(rng.integers(c, size=n))
    mask = None
    if draw(st.booleans()):
        mask = torch.tensor(rng.random((n, c) if draw(st.booleans()) else c) < 0.6)
        mask = mask | (torch.nn.functional.one_hot(one_of, c).amax(0) > 0)
    if draw(st.booleans()):
        possible = torch.tensor(rng.random((n, c)) < 0.5)
        possible[torch.arange(n), one_of] = True
        logits = torch.where(possible, logits, -INF)
    soft = draw(st.booleans())
    weights = torch.tensor(rng.gamma(0.5, size=(n, c)))
    options = {
        "soft_target": weights / weights.sum(-1, keepdim=True) if soft else None,
        "target": None if soft else one_of,
        "ignore_index": None if soft else draw(st.sampled_from([None, int(one_of[0])])),
        # rows are skipped, and not weighted: what a row counts is the caller's
        "sample_weight": draw(st.sampled_from([None, torch.tensor(rng.integers(2, size=n))])),
        "class_weight": draw(st.sampled_from([None, torch.tensor(rng.integers(3, size=c) / 2)])),
        "class_mask": mask,
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
        "z_loss": draw(st.sampled_from([0.0, 0.1])),
        "softcap": draw(st.sampled_from([None, 20.0])),
        "temperature": draw(st.sampled_from([1.0, 0.7])),
    }
    cuts = sorted(draw(st.lists(st.integers(0, c), max_size=4)))
    order = draw(st.permutations(range(len(cuts) + 1)))
    return logits, SoftmaxTask(axis=1, **options), cuts, order


@settings(max_examples=300, deadline=None)
@given(tasks())
def test_slices_of_any_size_in_any_order_are_the_whole_row(drawn):
    logits, task, cuts, order = drawn
    scale = torch.arange(1.0, len(logits) + 1, dtype=torch.float64)
    found, slopes = in_slices(logits, task, cuts, order, scale)
    # numbers below 200, in sums of nine: a hundred roundings
    near = {"rtol": 1e-13, "atol": 1e-13, "equal_nan": True}
    assert_close(found.nll, whole.rows(logits, task), **near)
    assert_close(slopes, whole.gradient(logits, task, scale), **near)
    # a row without a loss is skipped here, statistics and all
    with_loss = rows_with_loss(task)
    seen = slice(None) if with_loss is None else with_loss
    statistics = whole.statistics(logits, task)
    assert_close(found.lse[seen], statistics.lse[seen], **near)
    assert_close(found.entropy[seen], statistics.entropy[seen], **near)
    if task.target is not None:
        assert torch.equal(found.hit[seen], statistics.hit[seen])


@settings(max_examples=300, deadline=None)
@given(tasks())
def test_merging_is_a_commutative_monoid(drawn):
    logits, task, cuts, _ = drawn
    c = logits.shape[1]
    i, j = sorted([*cuts, 0, c][:2])
    a, b, d = (
        scan(logits[:, first:stop], slice_of(task, c, first, stop))
        for first, stop in [(0, i), (i, j), (j, c)]
    )
    none = empty_state(len(logits), logits)
    for x, y in [(merge(a, b), merge(b, a)), (merge(a, none), a), (merge(none, a), a)]:
        assert_close(x, y, rtol=0, atol=0, equal_nan=True)
    x, y = merge(merge(a, b), d), merge(a, merge(b, d))
    for name in ("top", "arg", "peak", "at_peak"):
        assert_close(getattr(x, name), getattr(y, name), rtol=0, atol=0)
    # every number is a sum of terms that are not negative
    assert_close(x, y, rtol=1e-13, atol=0)


def test_rows_may_be_computed_a_piece_at_a_time(rng, monkeypatch):
    logits = torch.tensor(rng.normal(size=(7, 5)))
    mask = torch.tensor(rng.random((7, 5)) < 0.7) | torch.eye(7, 5, dtype=torch.bool)
    task = SoftmaxTask(
        axis=1, target=torch.arange(7) % 5, class_mask=mask | (torch.arange(5) < 2),
        sample_weight=torch.tensor([1.0, 0, 1, 1, 0, 1, 1]), label_smoothing=0.1,
    )  # fmt: skip
    expected = in_slices(logits, task, [2])
    monkeypatch.setattr(softmax_slices, "_PIECE", 6)
    assert_close(in_slices(logits, task, [2]), expected, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_logits_are_those_numbers_in_float32(rng, dtype):
    logits = torch.tensor(rng.normal(size=(5, 8)) * 9).to(dtype)
    task = SoftmaxTask(axis=1, target=torch.arange(5))
    found, slopes = in_slices(logits, task, [3])
    same, wide = in_slices(logits.float(), task, [3])
    assert_close(found, same, rtol=0, atol=0)
    assert_close(slopes, wide.to(dtype), rtol=0, atol=0)


# Edges --------------------------------------------------------------------------------------

EDGES = {
    "a slice of impossible classes": ([-INF, -INF, 1.0, 0.5], 2, None),
    "the last slice is impossible": ([1.0, 0.5, -INF, -INF], 1, None),
    "all others impossible": ([-INF, -INF, 1.0, -INF], 2, [0.0, 0, 0, 0]),
    "all impossible": ([-INF] * 4, 0, [NAN] * 4),
    "infinitely likely": ([INF, 0.0, 1.0, 2.0], 0, [NAN] * 4),
    "infinitely likely in two slices": ([INF, 0.0, INF, 2.0], 0, [NAN] * 4),
    "infinitely likely, not the target": ([0.0, 1.0, INF, 2.0], 0, [NAN] * 4),
    "not a number": ([0.0, NAN, 1.0, 2.0], 2, [NAN] * 4),
    "no class": ([0.0, 2.0, 1.0, 2.0], 4, [NAN] * 4),
    "no class below": ([0.0, 2.0, 1.0, 2.0], -1, [NAN] * 4),
    "ties of the maximum": ([2.0, 1.0, 2.0, 2.0], 2, None),
}


@pytest.mark.parametrize("cuts", [[], [2], [1, 2, 3], [0, 2, 2]], ids=str)
@pytest.mark.parametrize("name", EDGES)
def test_edges_of_the_logits(name, cuts):
    row, target, expected = EDGES[name]
    x = torch.tensor([row, [0.0, 1.0, 2.0, 3.0]])
    task = SoftmaxTask(axis=1, target=torch.tensor([target, 1]))
    found, slopes = in_slices(x, task, cuts)
    assert found.nll[1].isfinite()  # what is wrong stays in its row
    assert slopes[1].isfinite().all()
    ones = torch.ones(2)
    if expected is not None:
        assert_close(slopes[0], torch.tensor(expected), equal_nan=True, rtol=0, atol=0)
        assert_close(found.nll[0].float(), torch.tensor(expected[0]), equal_nan=True)
    assert_close(found.nll.float(), whole.rows(x, task), equal_nan=True)
    assert_close(slopes, whole.gradient(x, task, ones), equal_nan=True)


@pytest.mark.parametrize("cuts", [[], [1], [2]], ids=str)
def test_mass_on_an_impossible_class_costs_infinity(cuts):
    x = torch.tensor([[1.0, -INF, 0.5]] * 3)
    soft = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found, _ = in_slices(x, SoftmaxTask(axis=1, soft_target=soft), cuts)
    assert found.nll.isinf().tolist() == [True, False, True]
    weight = torch.tensor([1.0, 0.0, 1.0])
    task = SoftmaxTask(axis=1, target=torch.tensor([1] * 3), class_weight=weight)
    found, slopes = in_slices(x, task, cuts)
    assert found.nll.tolist() == [0] * 3
    assert not slopes.any()


@pytest.mark.parametrize("held", [NAN, INF, -INF])
def test_a_skipped_row_is_zero_whatever_it_holds(held):
    x = torch.full((3, 4), held)
    x[2] = torch.arange(4.0)
    task = SoftmaxTask(
        axis=1, target=torch.tensor([-100, 1, 2]), ignore_index=-100, z_loss=0.1, softcap=9.0,
        sample_weight=torch.tensor([1.0, 0, 1]), label_smoothing=0.1,
    )  # fmt: skip
    found, slopes = in_slices(x, task, [2], row_scale=torch.tensor([NAN, INF, 1.0]))
    for each in found:
        assert not each[:2].any()
    assert found.nll[2].isfinite()
    assert (slopes[:2] == 0).all()
    assert slopes[2].isfinite().all()


@pytest.mark.parametrize("held", [NAN, INF, -INF, 1e30])
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_a_masked_class_is_not_looked_at(rng, held, softcap):
    x = torch.tensor(rng.normal(size=(5, 6)))
    x[:, 2:4] = held
    mask = torch.tensor([True, True, False, False, True, True])
    options = {"target": torch.tensor([0, 1, 4, 5, 0]), "softcap": softcap, "z_loss": 0.1}
    task = SoftmaxTask(axis=1, class_mask=mask, label_smoothing=0.1, **options)
    found, slopes = in_slices(x, task, [2, 4])  # one slice is masked as a whole
    left = torch.tensor([0, 1, 2, 3, 0])
    expected, of_left = in_slices(
        x[:, mask], SoftmaxTask(axis=1, label_smoothing=0.1, **options | {"target": left}), []
    )
    assert_close(found, expected, rtol=1e-14, atol=0)
    assert_close(slopes[:, mask], of_left, rtol=1e-13, atol=1e-16)
    assert not slopes[:, ~mask].any()


@pytest.mark.parametrize("top", [INF, NAN])
def test_a_state_that_is_infinitely_likely_or_not_a_number_spoils_its_row_alone(top):
    task = SoftmaxTask(axis=1, target=torch.tensor([0, 1]))
    x = torch.zeros(2, 2)
    elsewhere = scan(x, slice_of(task, 4, 2, 4))
    wrong = elsewhere._replace(top=torch.tensor([top, 0.0], dtype=torch.float64))
    here = scan(x, slice_of(task, 4, 0, 2))
    for state in (merge(here, wrong), merge(wrong, here)):
        assert state.top.isfinite().tolist() == [False, True]
        assert rows_of(state, slice_of(task, 4, 0, 2)).nll.isnan().tolist() == [True, False]
        slopes = x.clone()
        gradient_(slopes, slice_of(task, 4, 0, 2), state, torch.ones(2))
        assert slopes.isnan().tolist() == [[True, True], [False, False]]


def test_the_numbers_of_no_class():
    state = empty_state(2, torch.zeros(1))
    assert [field[0].item() for field in state] == [-INF, -1, 0, 0, 0, 0, -1, 0, 0]
    assert [field.dtype for field in state] == [
        torch.int64 if name in ("arg", "peak") else torch.float64 for name in SliceState._fields
    ]
    # a slice of impossible classes is one of none, but for the mass on it
    part = slice_of(SoftmaxTask(axis=1, target=torch.tensor([0, 3])), 4, 2, 4)
    found = scan(torch.full((2, 2), -INF), part)
    assert found.top.tolist() == [-INF, -INF]
    assert found.arg.tolist() == [-1, -1]
    assert found.spread.tolist() == [0, INF]
    assert found.mass.tolist() == [0, 1]
