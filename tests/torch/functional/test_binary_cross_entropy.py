"""Cross-entropy of labels from probabilities: exact terms, the whole gradient, refusals."""

import math

import pytest
import torch
from accuracy.losses_in_50_digits import in_50_digits, mp, ulps

import xent
from xent.errors import XentTypeError, XentValueError
from xent.torch import functional as F
from xent.torch.total import Total

EDGES = [0.0, 1e-45, 1e-38, 1e-20, 1e-12, 1e-3, 0.3, 0.5, 0.75, 1 - 2**-12, 1 - 2**-24, 1.0]
LABELS = [0.0, 1e-6, 0.25, 0.5, 0.999, 1.0]


def grid(dtype=torch.float32):
    probs = torch.tensor(EDGES, dtype=dtype).repeat_interleave(len(LABELS))
    return probs, torch.tensor(LABELS, dtype=dtype).repeat(len(EDGES))


def loss_in_50_digits(q, y):
    q, y = mp.mpf(float(q)), mp.mpf(float(y))
    if_true = max(mp.log(q), -100) if q else mp.mpf(-100)
    if_false = max(mp.log1p(-q), -100) if q < 1 else mp.mpf(-100)
    return -(y * if_true + (1 - y) * if_false)


def slope_in_50_digits(q, y):
    """None where it is infinite, and what torch has instead stands in."""
    q, y = mp.mpf(float(q)), mp.mpf(float(y))
    if (q == 0 and y > 0) or (q == 1 and y < 1):
        return None
    return ((1 - y) / (1 - q) if y < 1 else 0) - (y / q if y > 0 else 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_terms_in_50_digits(dtype):
    probs, labels = grid(dtype)
    losses = F.binary_cross_entropy(probs, labels, reduction="none")
    exact = [loss_in_50_digits(q, y) for q, y in zip(probs, labels, strict=True)]
    # float32 is float64 rounded once; float64 has two logarithms and three roundings
    assert ulps(losses.numpy(), exact) <= (0.51 if dtype is torch.float32 else 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_in_50_digits(dtype):
    probs, labels = grid(dtype)
    probs.requires_grad_()
    F.binary_cross_entropy(probs, labels, reduction="sum").backward()
    largest = torch.finfo(dtype).max
    checked = 0
    for q, y, slope in zip(probs.detach(), labels, probs.grad, strict=True):
        exact = slope_in_50_digits(q, y)
        if exact is None:
            # torch's finite value
            assert slope.item() == pytest.approx((q - y).item() / 1e-12)
        elif abs(exact) > largest:
            assert slope.item() == math.copysign(largest, exact)
        elif q > torch.finfo(dtype).tiny:
            checked += 1
            assert ulps(slope.numpy(), exact) <= 2.5, (q, y)
    assert checked > 40


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("weight", [None, torch.tensor([2.0])])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_steep_gradient_is_finite_where_torchs_is(dtype, weight, reduction):
    # of which 1 / q is beyond the largest number
    least = torch.tensor([torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps], dtype=dtype)
    gradients = []
    for loss in (F.binary_cross_entropy, torch.nn.functional.binary_cross_entropy):
        q = least.clone().requires_grad_()
        own = None if weight is None else weight.to(dtype)
        loss(q, torch.ones(1, dtype=dtype), own, reduction=reduction).sum().backward()
        gradients.append(q.grad)
    ours, theirs = gradients
    # a GradScaler has to see what a half cannot hold
    assert torch.equal(ours.isinf(), theirs.isinf())
    assert bool(ours.isinf()) == (dtype is torch.float16)
    assert ours < 0
    if dtype is not torch.float16:
        assert ours == torch.finfo(dtype).min


STEEP = 1e-40  # in float32, of which 1 / q is beyond the largest number


@pytest.mark.parametrize("upstream", [1.0, 2.0, 1e-5, 0.0])
@pytest.mark.parametrize("rows", [2, 1000])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "weight", [None, "ones", "no first row", "learnt"], ids=lambda weight: weight or "none"
)
def test_a_steep_gradient_is_held_after_what_multiplies_it(weight, reduction, rows, upstream):
    probs, labels = torch.full((rows,), 0.5), torch.ones(rows)
    probs[0] = STEEP
    probs.requires_grad_()
    own = None if weight is None else torch.ones(rows, requires_grad=weight == "learnt")
    if weight == "no first row":
        own[0] = 0
    loss = F.binary_cross_entropy(probs, labels, own, reduction=reduction)
    (loss * upstream).sum().backward()
    assert not probs.grad.isnan().any()
    # of the number that 1e-40 is in float32, the product in float64, rounded to float32
    factor = upstream / (rows if reduction == "mean" else 1) * (weight != "no first row")
    exact = -factor / probs.detach()[0].double()
    most = torch.finfo(torch.float32).max
    if weight is None and reduction != "none" and upstream < 1:
        # made with the value, for an upstream gradient of 1, and held there
        exact = upstream * max(exact / upstream, -most) if upstream else exact
    # float64 with one rounding more or less, and float32 once
    assert float(probs.grad[0]) == pytest.approx(max(float(exact), -most), rel=2**-23)
    assert float(probs.grad[1]) == pytest.approx(
        -2 * upstream / (rows if reduction == "mean" else 1), rel=2**-23
    )


def test_where_torch_loses_the_gradient():
    probs = torch.tensor([1e-20, 1e-20], requires_grad=True)
    labels = torch.tensor([1.0, 0.0])
    F.binary_cross_entropy(probs, labels, reduction="sum").backward()
    torch.testing.assert_close(probs.grad, torch.tensor([-1e20, 1.0]))
    theirs = probs.detach().requires_grad_()
    torch.nn.functional.binary_cross_entropy(theirs, labels, reduction="sum").backward()
    torch.testing.assert_close(theirs.grad, torch.tensor([-1e12, 1e-8]))


def test_a_certain_label_that_is_right_keeps_its_slope():
    probs = torch.tensor([0.0, 1.0], requires_grad=True)
    F.binary_cross_entropy(probs, torch.tensor([0.0, 1.0]), reduction="sum").backward()
    assert probs.grad.tolist() == [1.0, -1.0]  # torch has 0


def test_the_clamp_is_kept_in_the_value():
    losses = F.binary_cross_entropy(
        torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]), reduction="none"
    )
    assert losses.tolist() == [100.0, 100.0]


def test_sums_are_taken_in_float64():
    probs, labels = torch.full((300_000,), 0.3), torch.zeros(300_000)
    exact = -300_000 * math.log1p(-float(probs[0]))
    ours = F.binary_cross_entropy(probs, labels, reduction="sum")
    assert ulps(ours.numpy(), in_50_digits(exact)) <= 0.51


@pytest.mark.parametrize(
    "shape",
    [(), (1,), (7, 3), (2**17 + 1,), (3, 2**16, 2)],
    ids=str,
)
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "strided"])
def test_every_element_is_reached_once(shape, layout):
    probs = torch.rand(shape, dtype=torch.float64)
    labels = torch.rand(shape, dtype=torch.float64)
    if layout == "transposed":
        probs = probs.movedim(0, -1) if probs.dim() else probs
        labels = labels.movedim(0, -1) if labels.dim() else labels
    elif layout == "strided" and probs.dim():
        probs, labels = probs[::2], labels[::2]
    weight = torch.rand(probs.shape[-1:], dtype=torch.float64)
    for reduction in ("none", "sum", "mean"):
        ours = probs.detach().requires_grad_()
        theirs = probs.detach().requires_grad_()
        a = F.binary_cross_entropy(ours, labels, weight, reduction=reduction)
        b = torch.nn.functional.binary_cross_entropy(theirs, labels, weight, reduction=reduction)
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
        upstream = torch.rand_like(a)
        a.backward(upstream)
        b.backward(upstream)
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_labels_of_integers(dtype):
    probs = torch.tensor([0.1, 0.7])
    labels = torch.tensor([0, 1])
    expected = F.binary_cross_entropy(probs, labels.float())
    assert F.binary_cross_entropy(probs, labels.to(dtype)) == expected


def test_total():
    probs, labels = torch.tensor([0.1, 0.7, 0.8]), torch.tensor([0, 1, 1])
    parts = [
        F.binary_cross_entropy(probs[part], labels[part], reduction="total")
        for part in (slice(0, 1), slice(1, 3))
    ]
    assert isinstance(parts[0], Total)
    whole = F.binary_cross_entropy(probs, labels)
    torch.testing.assert_close((parts[0] + parts[1]).mean(), whole)


def test_nothing_to_average():
    nothing = torch.zeros(0, 3)
    assert F.binary_cross_entropy(nothing, nothing).isnan()
    assert F.binary_cross_entropy(nothing, nothing, on_empty="zero") == 0
    with pytest.raises(XentValueError, match="D02"):
        F.binary_cross_entropy(nothing, nothing, on_empty="raise")


def test_logits_are_refused_before_anything_is_computed():
    with pytest.raises(
        XentValueError, match=r"1 of 2 entries .* input\[1\] = 2.0.* logits"
    ) as told:
        F.binary_cross_entropy(torch.tensor([0.5, 2.0]), torch.tensor([0.0, 1.0]))
    assert (told.value.code, told.value.index, told.value.value) == ("D07", (1,), 2.0)
    with pytest.raises(XentValueError, match="NaN is no probability"):
        F.binary_cross_entropy(torch.tensor([math.nan]), torch.tensor([0.0]))


def test_targets_outside_are_refused_whatever_the_level():
    with xent.checks("off"), pytest.raises(XentValueError, match="D08"):
        F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([3.0]))


def test_shapes_that_differ_are_refused():
    with pytest.raises(XentValueError, match="D15"):
        F.binary_cross_entropy(torch.rand(4, 1), torch.rand(4))
    with pytest.raises(XentValueError, match="weight must broadcast"):
        F.binary_cross_entropy(torch.rand(4), torch.rand(4), weight=torch.rand(3, 4))
    with pytest.raises(XentTypeError, match="real numbers"):
        F.binary_cross_entropy(torch.rand(4).to(torch.complex64), torch.rand(4))
    with pytest.raises(XentTypeError, match="must be a Tensor"):
        F.binary_cross_entropy([0.5], torch.rand(1))
