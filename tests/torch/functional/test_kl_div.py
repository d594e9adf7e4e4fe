"""KL divergence from log-probabilities: close pairs, zeros, and what it warns of."""

import math
import re
import warnings

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import mp, ulps

import xent
from xent.errors import MisuseWarning, XentValueError
from xent.torch import functional as F
from xent.torch.total import Total


def pair(difference, rows=8, classes=10, dtype=torch.float32):
    """Log-probabilities and probabilities that differ by about this share."""
    logits = torch.randn(rows, classes, dtype=torch.float64)
    other = logits + difference * torch.randn_like(logits)
    return other.log_softmax(1).to(dtype), logits.softmax(1).to(dtype)


def divergence_in_50_digits(x, p, log_target=False):
    total, magnitude = mp.mpf(0), mp.mpf(0)
    for a, b in zip(x.flatten().tolist(), p.flatten().tolist(), strict=True):
        log_p = mp.mpf(b) if log_target else mp.log(mp.mpf(b))
        term = mp.exp(log_p) * (log_p - mp.mpf(a))
        total += term
        magnitude += abs(term)
    return total, magnitude


@pytest.mark.parametrize("difference", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("log_target", [False, True])
def test_close_pairs_in_50_digits(difference, log_target):
    x, p = pair(difference)
    target = p.log() if log_target else p
    exact, magnitude = divergence_in_50_digits(x, target, log_target)
    ours = F.kl_div(x, target, reduction="sum", log_target=log_target)
    # rounded once to float32; each logarithm in float64 is off by 1e-16 of its size
    rounding = mp.mpf(2) ** -24 * abs(exact) + 20 * mp.mpf(2) ** -53 * max(1, magnitude) * 8
    assert abs(mp.mpf(ours.item()) - exact) <= rounding


def test_torch_is_off_where_the_pair_is_close():
    x, p = pair(1e-4)
    exact, _ = divergence_in_50_digits(x, p)
    theirs = torch.nn.functional.kl_div(x, p, reduction="sum").item()
    ours = F.kl_div(x, p, reduction="sum").item()
    assert abs(theirs - exact) > 100 * abs(ours - exact)


def test_terms_are_torchs():
    x, p = pair(1.0)
    ours = F.kl_div(x, p, reduction="none")
    assert (ours < 0).any()
    exact = [
        divergence_in_50_digits(a, b)[0] for a, b in zip(x.flatten(), p.flatten(), strict=True)
    ]
    assert ulps(ours.flatten().numpy(), exact) <= 1.5


@pytest.mark.parametrize("log_target", [False, True])
def test_gradients_in_closed_form(log_target):
    x, p = pair(1.0, dtype=torch.float64)
    t = (p.log() if log_target else p).requires_grad_()
    x.requires_grad_()
    by_x, by_t = torch.autograd.grad(F.kl_div(x, t, reduction="sum", log_target=log_target), (x, t))
    torch.testing.assert_close(by_x, -p, rtol=1e-14, atol=0)
    slope = p.log() + 1 - x
    torch.testing.assert_close(by_t, p * slope if log_target else slope, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("log_target", [False, True])
def test_a_class_without_mass_costs_nothing(log_target):
    x = torch.tensor([[0.5, 0.5, 0.0]]).log().requires_grad_()
    p = torch.tensor([[0.25, 0.75, 0.0]])
    target = (p.log() if log_target else p).requires_grad_()
    exact = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    for reduction in ("sum", "none"):
        loss = F.kl_div(x, target, reduction=reduction, log_target=log_target).sum()
        assert loss.item() == pytest.approx(exact, rel=1e-6)
        by_x, by_t = torch.autograd.grad(loss, (x, target))
        assert by_x[0, 2] == 0
        assert by_t[0, 2] == 0
        assert by_t.isfinite().all()
        constant = F.kl_div(x, target.detach(), reduction=reduction, log_target=log_target)
        (alone,) = torch.autograd.grad(constant.sum(), x)
        torch.testing.assert_close(alone, -p)
    theirs = torch.nn.functional.kl_div(x, target, reduction="sum", log_target=log_target)
    assert theirs.isnan()


def test_a_softmax_behind_the_target_gets_its_gradient():
    logits = torch.tensor([[0.0, 1.0, -math.inf]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64).log()
    F.kl_div(x, logits.softmax(1), reduction="sum").backward()
    # the same two classes alone
    two = torch.tensor([[0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    with xent.checks(silence=["D10"]):
        F.kl_div(x[:, :2], two.softmax(1), reduction="sum").backward()
    torch.testing.assert_close(logits.grad[:, :2], two.grad)
    assert logits.grad[0, 2] == 0


def test_an_impossible_class_that_happens_costs_inf():
    x = torch.tensor([[1.0, 0.0]]).log()
    assert F.kl_div(x, torch.tensor([[0.5, 0.5]]), reduction="sum") == math.inf


def test_nan_stays():
    x, p = pair(1.0)
    p[2, 3] = math.nan
    losses = F.kl_div(x, p, reduction="none")
    assert losses.isnan().sum() == 1
    assert losses[2, 3].isnan()


def test_reductions():
    x, p = pair(1.0, rows=4, classes=5)
    losses = F.kl_div(x, p, reduction="none")
    torch.testing.assert_close(F.kl_div(x, p, reduction="batchmean"), losses.sum() / 4)
    with pytest.warns(MisuseWarning, match="D33"):
        torch.testing.assert_close(F.kl_div(x, p, reduction="mean"), losses.mean())
    total = F.kl_div(x, p, reduction="total")
    assert isinstance(total, Total)
    torch.testing.assert_close(total.mean(), losses.sum() / 4)
    with pytest.raises(XentValueError, match="reduction must be one of"):
        F.kl_div(x, p, reduction="batch")


def test_a_mean_over_more_axes_is_told_with_the_classes_of_the_last():
    x = torch.randn(2, 7, 5).log_softmax(-1)
    p = torch.randn(2, 7, 5).softmax(-1)
    with pytest.warns(MisuseWarning, match="5 times smaller") as told:
        loss = F.kl_div(x, p)
    assert told[0].message.value == 5
    # what it says is so: of both reductions, and of what it advises
    by_hand = F.kl_div(x, p, reduction="none").sum(-1).mean()
    torch.testing.assert_close(loss * 5, by_hand)
    torch.testing.assert_close(F.kl_div(x, p, reduction="batchmean"), by_hand * 14 / 2)
    with xent.checks(silence=["D05"]):
        torch.testing.assert_close(F.distillation_loss(x, p.log()), by_hand)


@pytest.mark.filterwarnings(
    "ignore:size_average and reduce args:UserWarning", "ignore:reduction. 'mean':UserWarning"
)
def test_arguments_of_old_override_batchmean():
    x, p = pair(1.0, rows=4, classes=5)
    with xent.checks(silence=["D33"]):
        ours = F.kl_div(x, p, size_average=True, reduction="batchmean")
        torch.testing.assert_close(ours, F.kl_div(x, p))
    # torch averages, and divides by the rows once more
    theirs = torch.nn.functional.kl_div(x, p, size_average=True, reduction="batchmean")
    torch.testing.assert_close(theirs, ours / 4)


@pytest.mark.parametrize("reduction", ["mean", "batchmean"])
@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
def test_nothing_to_average(reduction):
    nothing = torch.zeros(0, 3)
    assert F.kl_div(nothing, nothing, reduction=reduction).isnan()
    assert F.kl_div(nothing, nothing, reduction=reduction, on_empty="zero") == 0
    with pytest.raises(XentValueError, match="D02"):
        F.kl_div(nothing, nothing, reduction=reduction, on_empty="raise")


def test_integers_are_taken():
    p = torch.tensor([[1, 0], [0, 1]])
    x = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    torch.testing.assert_close(
        F.kl_div(x, p, reduction="batchmean"), F.kl_div(x, p.float(), reduction="batchmean")
    )


def told(*arguments, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        F.kl_div(*arguments, **{"reduction": "batchmean", **options})
    return [(w.message.code, str(w.message)) for w in caught]


def test_nothing_is_said_of_distributions():
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        for classes in (2, 10, 1000, 50_257):
            logits = 3 * torch.randn(8, classes)
            x = logits.to(dtype).log_softmax(1)
            p = torch.randn(8, classes).to(dtype).softmax(1)
            assert told(x, p) == []
            assert told(x, p.log(), log_target=True) == []
    assert told(torch.randn(4, 3, 5).log_softmax(1), torch.randn(4, 3, 5).softmax(1)) == []


@pytest.mark.parametrize(
    ("make", "code", "hint"),
    [
        (lambda z, p: (z.softmax(1), p), "D10", r"look like probabilities: pass input.log\(\)"),
        (lambda z, p: (z, p), "D10", r"look like logits: pass log_softmax\(input"),
        (lambda z, p: (z.log_softmax(1) - 1, p), "D10", r"exp\(input\) must sum to one"),
        (lambda z, p: (z.log_softmax(1), p.log()), "D10", "pass log_target=True"),
        (lambda z, p: (z.log_softmax(1), z), "D07", "take their softmax"),
        (lambda z, p: (z.log_softmax(1), 3 * p), "D07", "target must sum to one"),
    ],
)
def test_what_is_no_distribution_is_told_once(make, code, hint):
    z = torch.randn(16, 10)
    x, p = make(z, torch.randn(16, 10).softmax(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            F.kl_div(x, p, reduction="sum")
    assert [w.message.code for w in caught] == [code]
    assert re.search(hint, str(caught[0].message))


def test_swapped_arguments_are_told():
    truth = torch.eye(10)[torch.arange(16) % 10]
    model = torch.randn(16, 10).softmax(1)
    with pytest.warns(MisuseWarning, match="D09"):
        F.kl_div(truth.log(), model, reduction="batchmean")


def test_shapes_that_broadcast_are_told():
    x, p = pair(1.0, rows=4, classes=5)
    with pytest.warns(MisuseWarning, match="D15"):
        ours = F.kl_div(x, p[:1], reduction="batchmean")
    torch.testing.assert_close(ours, torch.nn.functional.kl_div(x, p[:1], reduction="batchmean"))
    with pytest.raises(XentValueError, match="D15"):
        F.kl_div(x, p[:3], reduction="batchmean")


def test_checks_can_be_turned_off():
    with xent.checks("off"):
        assert told(torch.randn(16, 10), torch.randn(16, 10).softmax(1)) == []


def test_against_the_measure_of_arrays():
    x, p = pair(0.5, dtype=torch.float64)
    each = xent.kl_divergence(p.numpy(), x.exp().numpy())
    ours = F.kl_div(x, p, reduction="batchmean").item()
    assert ours == pytest.approx(float(np.mean(each)), rel=1e-12)


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("log_target", [False, True])
def test_a_model_that_says_nan_is_not_hidden_by_a_target_of_0(reduction, log_target):
    x = torch.tensor([[math.nan, -1.0]], dtype=torch.float64)
    p = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    target = p.log() if log_target else p
    with xent.checks("off"):
        found = F.kl_div(x, target, reduction=reduction, log_target=log_target)
        # a transform takes the formulas
        _, value = torch.func.grad_and_value(
            lambda x: F.kl_div(x, target, reduction="sum", log_target=log_target)
        )(x)
    assert found.flatten()[0].isnan()
    assert value.isnan()
