"""Linear cross-entropy on the Triton kernels, against whole logits in float64."""

import pytest
import torch

from xent.errors import UnavailableError, XentValueError
from xent.kernels.triton import faults
from xent.torch import functional as F
from xent.torch._linear import plan as plans
from xent.torch._linear.softmax import call as softmax
from xent.torch._linear.softmax import weight_sums

N, D, V = 40, 12, 70
UNIT = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.bfloat16: 2.0**-9,
        torch.float16: 2.0**-12}  # fmt: skip
BUDGET = 20_000  # bytes: several blocks of rows, each of several blocks of logits


def operands(device, dtype, *, rows=N, bias=True):
    draw = torch.Generator().manual_seed(0)
    shapes = [(rows, D), (V, D), (V,)]
    leaves = [torch.randn(s, generator=draw).to(device, dtype).requires_grad_() for s in shapes]
    return leaves if bias else [*leaves[:2], None]


def targets(device, rows=N):
    return torch.randint(0, V, (rows,), generator=torch.Generator().manual_seed(1)).to(device)


def whole(leaves, target, **options):
    """Return the loss of whole logits in float64, and the leaves it depends on."""
    twins = [None if each is None else each.detach().double().requires_grad_() for each in leaves]
    logits = torch.nn.functional.linear(*twins)
    return F.cross_entropy(logits, target, implementation="formulas", **options), twins


def allowed(dtype, device):
    """Bound of the error of a gradient in its own norm.

    A logit is off by D roundings of float32; a block of gradients and a result are rounded to
    the dtype once each. Half a unit each, but the interpreter truncates bfloat16.
    """
    unit = UNIT[dtype] * (2 if dtype is torch.bfloat16 and device.type == "cpu" else 1)
    return 4 * D * max(UNIT[torch.float32], UNIT[torch.float64]) + 2 * unit


def check(leaves, target, device, *, memory=BUDGET, upstream=None, **options):
    hidden, weight, bias = leaves
    found = F.linear_softmax_cross_entropy(
        hidden, weight, target, linear_bias=bias, implementation="triton", memory=memory, **options
    )
    right, twins = whole(leaves, target, **options)
    torch.testing.assert_close(found.double(), right, rtol=2e-6 * D, atol=1e-6)
    upstream = torch.ones_like(right) if upstream is None else upstream.double()
    given = [each for each in leaves if each is not None]
    a = torch.autograd.grad(found, given, upstream.to(found.dtype))
    b = torch.autograd.grad(right, [each for each in twins if each is not None], upstream)
    for ours, exact, leaf in zip(a, b, given, strict=True):
        assert ours.dtype is leaf.dtype
        assert ours.shape == leaf.shape
        error = (ours.double() - exact).norm() / exact.norm()
        assert error <= allowed(leaf.dtype, device)


def options_of(device):
    return {
        "plain": {},
        "weighted": {
            "weight": torch.linspace(0, 2, V, device=device),
            "sample_weight": torch.linspace(0, 3, N, device=device).round(),
        },
        "ignored": {"ignore_index": 5},
        "regularised": {
            "label_smoothing": 0.1, "z_loss": 0.01, "softcap": 3.0, "temperature": 0.7,
        },
        "masked": {"class_mask": torch.arange(V, device=device) != 3},
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("name", ["plain", "weighted", "ignored", "regularised", "masked"])
def test_loss_and_gradients_are_those_of_whole_logits(name, dtype, device):
    target = targets(device)
    target[::3] = 5
    if name == "masked":
        target[target == 3] = 4
    check(operands(device, dtype), target, device, reduction="mean", **options_of(device)[name])


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_reductions_with_any_upstream_gradient(reduction, device):
    upstream = torch.linspace(-2, 3, N, device=device)
    upstream = upstream if reduction == "none" else upstream[0]
    check(
        operands(device, torch.bfloat16), targets(device), device, reduction=reduction,
        upstream=upstream,
    )  # fmt: skip


def test_distributions_dense_and_sparse(device):
    leaves = operands(device, torch.bfloat16)
    soft = torch.rand(N, V, generator=torch.Generator().manual_seed(2)).softmax(1).to(device)
    check(leaves, soft, device, reduction="mean")
    values, classes = soft.topk(3, dim=1)
    values /= values.sum(dim=1, keepdim=True)
    found = F.linear_softmax_cross_entropy(
        *leaves[:2], (classes, values), linear_bias=leaves[2], implementation="triton",
        memory=BUDGET,
    )  # fmt: skip
    kept = torch.zeros_like(soft).scatter(1, classes, values)
    right, _ = whole(leaves, kept, reduction="sum")
    torch.testing.assert_close(found.double(), right / N, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["one product", "float32", "in place"])
def test_every_way_to_sum_the_gradient_of_the_weight(name, device, monkeypatch):
    used = []

    class Spy(weight_sums.WeightSum):
        def __init__(self, weight, plan, given):
            used.append((plan.sums, plan.blocks))
            super().__init__(weight, plan, given)

    from xent.torch._linear.softmax import tall, tall_plan

    monkeypatch.setattr(tall, "WeightSum", Spy)
    monkeypatch.setattr(tall_plan, "_choices", lambda *_: ((name,),))
    monkeypatch.setattr(tall_plan, "_SMALL", 0)
    monkeypatch.setattr(weight_sums, "_FIRST", 8)
    tall_plan.plan_tall.cache_clear()
    leaves = operands(device, torch.bfloat16, bias=False)
    check(
        leaves,
        targets(device),
        device,
        memory=None if name == "one product" else 14_000,
        reduction="mean",
    )
    tall_plan.plan_tall.cache_clear()
    assert used[0][0] == name
    assert (used[0][1] == 1) == (name == "one product")


def test_a_sum_is_rounded_in_its_own_memory(device):
    for count in (1, 7, 64, 1000):
        wide = torch.randn(count, 3, device=device)
        expected = wide.to(torch.bfloat16)
        weight_sums._FIRST, first = 5, weight_sums._FIRST
        try:
            narrow = weight_sums.rounded_in_place(wide, torch.bfloat16)
        finally:
            weight_sums._FIRST = first
        assert torch.equal(narrow, expected)
        assert narrow.data_ptr() == wide.data_ptr()
        assert narrow.is_contiguous()


@pytest.mark.parametrize("frozen", ["hidden", "weight", "both"])
def test_frozen_parts(frozen, device):
    hidden, weight, _ = operands(device, torch.bfloat16, bias=False)
    right, twins = whole((hidden, weight, None), targets(device), reduction="mean")
    exact = torch.autograd.grad(right, twins[:2])
    if frozen != "weight":
        hidden.requires_grad_(False)
    if frozen != "hidden":
        weight.requires_grad_(False)
    loss = F.linear_softmax_cross_entropy(
        hidden, weight, targets(device), implementation="triton", memory=BUDGET
    )
    torch.testing.assert_close(loss.double(), right, rtol=1e-5, atol=0)
    if frozen == "both":
        assert not loss.requires_grad
        return
    loss.backward()
    found, expected = (weight.grad, exact[1]) if frozen == "hidden" else (hidden.grad, exact[0])
    assert (found.double() - expected).norm() <= allowed(torch.bfloat16, device) * expected.norm()


def test_main_grad_is_added_to_unrounded(device):
    hidden, weight, _ = operands(device, torch.bfloat16, bias=False)
    buffer = torch.ones(V, D, device=device)
    loss = F.linear_softmax_cross_entropy(
        hidden, weight, targets(device), implementation="triton", main_grad=buffer
    )
    (3 * loss).backward()
    right, twins = whole((hidden, weight, None), targets(device), reduction="mean")
    right.backward()
    exact = 3 * twins[1].grad
    assert weight.grad is None
    # rounded once, as a block; 1 + g has lost some of g
    error = (buffer.double() - 1 - exact).norm() / exact.norm()
    assert error <= allowed(torch.bfloat16, device) / 2 + V * 2.0**-24


def test_upstream_two_on_a_kept_graph_twice(device):
    leaves = operands(device, torch.bfloat16)
    loss = F.linear_softmax_cross_entropy(
        *leaves[:2], targets(device), linear_bias=leaves[2], implementation="triton", memory=BUDGET
    )
    once = torch.autograd.grad(loss, leaves, retain_graph=True)
    once = [each.clone() for each in once]
    for _ in range(2):
        twice = torch.autograd.grad(2 * loss, leaves, retain_graph=True)
        for a, b in zip(twice, once, strict=True):
            assert torch.equal(a, 2 * b)


def test_float16_is_divided_after_it_is_summed(device):
    # a gradient of 1e-9 is nothing in float16, and a thousand of them are not nothing
    rows, classes = 64, 4096
    hidden = torch.ones(rows, 4, device=device, dtype=torch.float16, requires_grad=True)
    weight = torch.zeros(classes, 4, device=device, dtype=torch.float16, requires_grad=True)
    target = torch.zeros(rows, dtype=torch.int64, device=device)
    loss = F.linear_softmax_cross_entropy(hidden, weight, target, implementation="triton")
    loss.backward(torch.tensor(2.0**-8, device=device))
    # p times the upstream gradient, divided by the rows, is 2^-26: 0 in float16
    assert weight.grad[1:].double().mean() == pytest.approx(2.0**-8 / classes, rel=1e-2)


def test_rows_that_do_not_count_may_hold_anything(device, monkeypatch):
    leaves = operands(device, torch.bfloat16)
    target = targets(device)
    target[[0, 7, N - 1]] = -100
    right, twins = whole(leaves, target, ignore_index=-100, reduction="mean")
    right.backward()
    with torch.no_grad():
        leaves[0][[0, 7, N - 1]] = float("nan")
    for captured in (False, True):
        # in a CUDA graph no row is dropped
        monkeypatch.setattr(softmax, "is_captured", lambda _, captured=captured: captured)
        for dtype in (torch.bfloat16, torch.float32):
            given = [each.detach().to(dtype).requires_grad_() for each in leaves]
            loss = F.linear_softmax_cross_entropy(
                *given[:2], target, linear_bias=given[2], ignore_index=-100, memory=BUDGET,
                implementation="triton",
            )  # fmt: skip
            loss.backward()
            torch.testing.assert_close(loss.double(), right, rtol=1e-5, atol=0)
            for ours, twin in zip(given, twins, strict=True):
                error = (ours.grad.double() - twin.grad).norm() / twin.grad.norm()
                assert error <= allowed(torch.bfloat16, device)
            assert torch.equal(given[0].grad[7], torch.zeros_like(given[0].grad[7]))


def test_nothing_counts(device):
    leaves = operands(device, torch.bfloat16)
    target = torch.full((N,), -100, device=device)
    loss = F.linear_softmax_cross_entropy(
        *leaves[:2], target, linear_bias=leaves[2], ignore_index=-100, implementation="triton"
    )
    assert loss.isnan()
    loss.backward()
    assert all(torch.equal(each.grad, torch.zeros_like(each)) for each in leaves)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_bad_target_is_told_by_its_row_in_the_call(dtype, device):
    leaves = operands(device, dtype, bias=False)
    target = targets(device)
    target[:30] = -100
    target[33] = V
    losses = F.linear_softmax_cross_entropy(
        *leaves[:2], target, ignore_index=-100, reduction="none", implementation="triton",
        memory=BUDGET,
    )  # fmt: skip
    assert losses.isnan().nonzero().flatten().tolist() == [33]
    match = r"linear_softmax_cross_entropy: .* 1 is not; first: row 33 has 70"
    with pytest.raises(XentValueError, match=match) as told:
        faults.raise_pending(device, wait=True)
    assert (told.value.code, told.value.index) == ("D01", 33)


def test_statistics(device):
    leaves = operands(device, torch.bfloat16)
    target = targets(device)
    found = F.linear_softmax_cross_entropy_with_stats(
        *leaves[:2], target, linear_bias=leaves[2], implementation="triton", memory=BUDGET
    )
    logits = torch.nn.functional.linear(*(each.detach().double() for each in leaves))
    right = F.cross_entropy_with_stats(logits, target, implementation="formulas")
    for name in ("loss", "nll", "lse", "entropy"):
        ours, exact = (getattr(each, name).double() for each in (found, right))
        torch.testing.assert_close(ours, exact, rtol=1e-5, atol=1e-5)
    assert torch.equal(found.hit, right.hit)


def test_budget_too_small(device):
    leaves = operands(device, torch.bfloat16, bias=False)
    with pytest.raises(XentValueError, match="memory must be at least") as refused:
        F.linear_softmax_cross_entropy(
            *leaves[:2], targets(device), implementation="triton", memory=100
        )
    least = plans.bytes_of(str(refused.value).split("at least ")[1].split(" for")[0])
    F.linear_softmax_cross_entropy(
        *leaves[:2], targets(device), implementation="triton", memory=least + 103
    )


def test_a_filter_keeps_its_promise_in_32_bits(device):
    draw = torch.Generator().manual_seed(2)
    weight = torch.randn(500, D, generator=draw)
    hidden = 10 * weight[targets("cpu")] + torch.randn(N, D, generator=draw)
    leaves = [each.to(device).requires_grad_() for each in (hidden, weight)]
    found = F.linear_softmax_cross_entropy_with_stats(
        *leaves, targets(device), filter_tolerance=0.1, implementation="triton"
    )
    right, twins = whole([*leaves, None], targets(device))
    assert 0 < found.gradient_error <= 0.1
    a, b = torch.autograd.grad(found.loss, leaves), torch.autograd.grad(right, twins[:2])
    for ours, exact in zip(a, b, strict=True):
        assert (ours.double() - exact).norm() <= (found.gradient_error + 1e-4) * exact.norm()


def test_a_filter_of_16_bits_is_refused(device):
    leaves = operands(device, torch.bfloat16, bias=False)[:2]
    with pytest.raises(UnavailableError, match="16 bits on a GPU"):
        F.linear_softmax_cross_entropy(
            *leaves, targets(device), filter_tolerance=0.1, implementation="triton"
        )
