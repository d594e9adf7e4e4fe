"""Losses of hidden @ weight.T against the whole logits in float64."""

import pytest
import torch

import xent
from xent.errors import XentTypeError, XentValueError
from xent.torch import Total
from xent.torch import functional as F

N, D, V = 90, 23, 157
SMALL = 30 * V * 4  # bytes: thirty rows at a time
UNIT = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.bfloat16: 2.0**-9}


def operands(dtype, *, rows=N, bias=True, seed=0, scale=1.0):
    """Leaves of `dtype`; 16-bit numbers that float64 holds as they are."""
    draw = torch.Generator().manual_seed(seed)
    hidden = scale * torch.randn(rows, D, generator=draw, dtype=torch.float64)
    weight = torch.randn(V, D, generator=draw, dtype=torch.float64)
    offset = torch.randn(V, generator=draw, dtype=torch.float64) if bias else None
    each = (t if t is None else t.to(dtype).requires_grad_() for t in (hidden, weight, offset))
    return tuple(each)


def whole_logits(hidden, weight, bias):
    return torch.nn.functional.linear(
        hidden.double(), weight.double(), bias if bias is None else bias.double()
    )


def distributions(rows=N, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(rows, V, generator=draw, dtype=torch.float64).softmax(dim=1)


def targets(rows=N, seed=2):
    return torch.randint(0, V, (rows,), generator=torch.Generator().manual_seed(seed))


draw = torch.Generator().manual_seed(3)
OPTIONS = {
    "plain": {},
    "weight": {"weight": torch.rand(V, generator=draw, dtype=torch.float64)},
    "sample_weight": {
        "sample_weight": torch.rand(N, generator=draw, dtype=torch.float64).round(decimals=1)
    },
    "ignored": {"ignore_index": 5},
    "smoothed": {"label_smoothing": 0.1},
    "z_loss": {"z_loss": 0.01},
    "capped": {"softcap": 3.0, "temperature": 0.7},
    "masked": {"class_mask": torch.arange(V) % 3 != 1},
    "masked by row": {"class_mask": torch.rand(N, V, generator=draw) < 0.8},
}
OPTIONS["all"] = {
    **OPTIONS["weight"], **OPTIONS["sample_weight"], **OPTIONS["smoothed"], **OPTIONS["z_loss"],
    **OPTIONS["capped"], **OPTIONS["masked"], **OPTIONS["ignored"],
}  # fmt: skip


def allowed_targets(options):
    target = targets()
    mask = options.get("class_mask")
    if mask is not None:
        mask = mask.expand(N, V)
        target = torch.where(mask.gather(1, target[:, None])[:, 0], target, mask.int().argmax(1))
    return target


def expected_sum(found, options, target):
    """Return the sum of the losses of whole logits by `cross_entropy`, in float64."""
    kept = {name: v for name, v in options.items() if name != "ignore_index"}
    if not isinstance(target, torch.Tensor) or target.is_floating_point():
        return F.cross_entropy(found, target, reduction="sum", **kept)
    ignore = options.get("ignore_index", -100)
    return F.cross_entropy(found, target, reduction="sum", ignore_index=ignore, **kept)


def bound_of(dtype, leaf):
    """Bound of the error of a gradient of sums of at most V products, in its own norm.

    A logit is off by sqrt(D) roundings of the format that products are summed in, of numbers
    of size sqrt(D); a gradient as much in relation, and by the roundings of its own sum.
    """
    unit = UNIT[torch.float64 if dtype is torch.float64 else torch.float32]
    sums = 4 * D * unit
    # 16 bits: the block of the gradient is rounded before the product that is not summed on,
    # and the result once
    return sums + (4 * UNIT[dtype] if dtype is torch.bfloat16 and leaf is not None else 0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["class", "soft", "sparse"])
@pytest.mark.parametrize("name", OPTIONS)
def test_sum_and_gradients_are_those_of_whole_logits(dtype, kind, name):
    options = dict(OPTIONS[name])
    leaves = operands(dtype)
    twins = [leaf.detach().double().requires_grad_() for leaf in leaves]
    if kind != "class":
        options.pop("ignore_index", None)
    target = {"class": allowed_targets(options), "soft": distributions(), "sparse": None}[kind]
    whole = target
    if kind == "soft" and "class_mask" in options:
        whole = target = target * options["class_mask"]
    if kind == "sparse":
        mask = options.get("class_mask", torch.ones(V, dtype=torch.bool)).expand(N, V)
        scores, classes = torch.where(mask, distributions(), -1.0).topk(4, dim=1)
        classes = classes.clone()
        classes[::7, 3] = -1  # no entry
        whole = torch.zeros(N, V, dtype=torch.float64)
        whole.scatter_add_(1, classes.clamp(min=0), torch.where(classes < 0, 0.0, scores))
        target = (classes, scores)
    with xent.checks("off"):
        loss = F.linear_softmax_cross_entropy(
            leaves[0], leaves[1], target, linear_bias=leaves[2], reduction="sum",
            memory=_budget(dtype), **options,
        )  # fmt: skip
        expected = expected_sum(whole_logits(*twins), options, whole)
    assert loss.dtype is (torch.float64 if dtype is torch.float64 else torch.float32)
    bound = bound_of(dtype, None)
    assert abs(loss.double() - expected) <= bound * N * 20
    loss.backward()
    expected.backward()
    for leaf, twin in zip(leaves, twins, strict=True):
        assert leaf.grad.dtype is dtype
        error = (leaf.grad.double() - twin.grad).norm()
        assert error <= 3 * bound_of(dtype, leaf) * twin.grad.norm()


def _budget(dtype):
    narrow = dtype is torch.bfloat16
    return 16 * SMALL + (4 * V * D + 8 * V * D if narrow else 0)


def test_every_option_takes_several_blocks():
    """The budget above would prove nothing if one block held everything."""
    from xent.torch._linear.plan import Need, plan_blocks

    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        need = Need(rows=N, features=D, classes=V, dtype=dtype, buffers=2)
        assert plan_blocks(need, SMALL * 2 + 12 * V * D, columns=False).blocks > 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_reduction_none_with_any_upstream_gradient(dtype):
    leaves = operands(dtype)
    twins = [leaf.detach().double().requires_grad_() for leaf in leaves]
    upstream = torch.randn(N, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    rows = F.linear_softmax_cross_entropy(
        leaves[0], leaves[1], targets(), linear_bias=leaves[2], reduction="none",
        memory=_budget(dtype),
    )  # fmt: skip
    expected = F.cross_entropy(whole_logits(*twins), targets(), reduction="none")
    torch.testing.assert_close(rows.double(), expected, rtol=0, atol=20 * bound_of(dtype, None))
    rows.backward(upstream.to(rows.dtype))
    expected.backward(upstream.to(rows.dtype).double())
    for leaf, twin in zip(leaves, twins, strict=True):
        error = (leaf.grad.double() - twin.grad).norm()
        assert error <= 3 * bound_of(dtype, leaf) * twin.grad.norm()


def test_means_divide_by_the_mass_of_the_targets():
    leaves = operands(torch.float64)
    options = {"weight": OPTIONS["weight"]["weight"], "label_smoothing": 0.2}
    options["sample_weight"] = OPTIONS["sample_weight"]["sample_weight"]
    for target in (targets(), distributions()):
        found = F.linear_softmax_cross_entropy(
            leaves[0], leaves[1], target, linear_bias=leaves[2], **options
        )
        numbers = {name: v.numpy() if hasattr(v, "numpy") else v for name, v in options.items()}
        expected = xent.softmax_cross_entropy(
            whole_logits(*leaves).detach().numpy(), target.numpy(), **numbers
        )
        assert found.item() == pytest.approx(expected, rel=1e-13)


def test_total_counts_what_counts():
    leaves = operands(torch.float32)
    target = targets()
    target[:7] = -100
    total = F.linear_softmax_cross_entropy(
        leaves[0], leaves[1], target, ignore_index=-100, reduction="total"
    )
    assert isinstance(total, Total)
    assert (total.weight, total.count) == (N - 7, N - 7)
    mean = F.linear_softmax_cross_entropy(leaves[0], leaves[1], target, ignore_index=-100)
    torch.testing.assert_close(total.mean(), mean, rtol=2 * UNIT[torch.float32], atol=0)


def test_ignored_rows_may_hold_anything():
    hidden, weight, bias = operands(torch.float32)
    target = targets()
    target[::2] = -100
    poisoned = hidden.detach().clone()
    poisoned[::2] = torch.nan
    poisoned.requires_grad_()
    for reduction in ("mean", "none"):
        loss = F.linear_softmax_cross_entropy(
            poisoned, weight, target, linear_bias=bias, ignore_index=-100, reduction=reduction,
        )  # fmt: skip
        found = torch.autograd.grad(loss.sum(), (poisoned, weight, bias))
        assert all(bool(torch.isfinite(g).all()) for g in (loss, *found))
        assert not found[0][::2].any()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "total"])
def test_all_rows_ignored(reduction):
    leaves = operands(torch.float32)
    target = torch.full((N,), -100)
    loss = F.linear_softmax_cross_entropy(
        leaves[0], leaves[1], target, linear_bias=leaves[2], ignore_index=-100, reduction=reduction
    )
    value = loss.sum if reduction == "total" else loss
    assert bool(torch.isnan(value).all()) == (reduction == "mean")
    for gradient in torch.autograd.grad(value.sum(), leaves):
        assert not gradient.any()


def test_no_rows_at_all():
    hidden, weight, _ = operands(torch.float32, rows=0)
    loss = F.linear_softmax_cross_entropy(hidden, weight, targets(0), on_empty="zero")
    assert loss == 0
    loss.backward()
    assert hidden.grad.shape == (0, D)
    assert not weight.grad.any()


@pytest.mark.parametrize("margin", [17.0, 40.0, 80.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_confident_row_keeps_loss_and_gradient(margin, dtype):
    """The logits are exact here: what is lost would be lost by the loss."""
    hidden = torch.tensor([[margin, 1.0]], dtype=dtype, requires_grad=True)
    weight = torch.zeros(V, 2, dtype=dtype)
    weight[3, 0] = 1.0
    weight.requires_grad_()
    bias = torch.zeros(V, dtype=dtype, requires_grad=True)
    loss = F.linear_softmax_cross_entropy(hidden, weight, torch.tensor([3]), linear_bias=bias)
    top = hidden.detach().double()[0, 0]
    odds = (V - 1) * torch.exp(-top)
    ulp, denormal = 2.0**-23, 2.0**-149
    assert abs(loss.double() - torch.log1p(odds)) <= 4 * max(ulp * odds, denormal)
    loss.backward()
    own = 2.0**-8 if dtype is torch.bfloat16 else 4 * ulp
    step = denormal if dtype is torch.float32 else 2.0**-133
    assert abs(bias.grad[3].double() + odds / (1 + odds)) <= max(own * odds, 4 * step)
    # the row of the gradient of the logits, which is that of the bias, sums to 0
    assert abs(bias.grad.double().sum()) <= max(8 * own * odds, V * step)


def test_a_target_at_0_999_in_bfloat16():
    """Where a target's gradient of 1e-3 is found as p - 1 in 16 bits, nothing is left of it."""
    margin = torch.tensor(0.999 / 0.001 * (V - 1)).log().bfloat16()
    hidden = margin.reshape(1, 1).clone().requires_grad_()
    weight = torch.zeros(V, 1, dtype=torch.bfloat16)
    weight[0] = 1
    bias = torch.zeros(V, dtype=torch.bfloat16, requires_grad=True)
    F.linear_softmax_cross_entropy(hidden, weight, torch.tensor([0]), linear_bias=bias).backward()
    odds = (V - 1) * torch.exp(-margin.double())
    assert abs(bias.grad[0].double() / (-odds / (1 + odds)) - 1) <= 2.0**-8


def test_a_bfloat16_loss_near_36():
    """In bfloat16 it would move in steps of 0.25."""
    hidden = torch.tensor([[36.0], [36.25]], dtype=torch.bfloat16)
    weight = torch.tensor([[1.0], [0.0]], dtype=torch.bfloat16)
    rows = F.linear_softmax_cross_entropy(hidden, weight, torch.tensor([1, 1]), reduction="none")
    assert rows.dtype is torch.float32
    assert rows.tolist() == [36.0, 36.25]
    odd = F.linear_softmax_cross_entropy(
        hidden, weight, torch.tensor([1, 1]), linear_bias=torch.tensor([0.0625, 0]).bfloat16()
    )
    assert float(odd) == 36.125 + 0.0625
    torchs = F.linear_cross_entropy(hidden, weight, torch.tensor([1, 1]))
    assert torchs.dtype is torch.bfloat16


def test_a_bias_is_added_once_however_many_features():
    """D = 700 is more than any block of features of a kernel that reads them in parts."""
    draw = torch.Generator().manual_seed(7)
    hidden = torch.randn(40, 700, generator=draw)
    weight = torch.randn(V, 700, generator=draw) / 26
    bias = 3 * torch.randn(V, generator=draw)
    found = F.linear_softmax_cross_entropy(hidden, weight, targets(40), linear_bias=bias)
    expected = F.cross_entropy(whole_logits(hidden, weight, bias), targets(40))
    # logits of size 1 summed over 700 terms
    assert abs(float(found) - float(expected)) <= 700**0.5 * 4 * UNIT[torch.float32] * 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_error_of_the_weights_gradient_does_not_grow_with_the_blocks(dtype):
    rows = 1024
    leaves = operands(dtype, rows=rows, scale=0.3)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    F.cross_entropy(whole_logits(*exact), targets(rows)).backward()
    errors = {}
    fixed = 0 if dtype is torch.float32 else 4 * V * D + 8 * V * D
    for at_once in (1, 16, 128, rows):
        memory = fixed + at_once * (V * 4 + (4 * D + 2 * V if fixed else 0))
        loss = F.linear_softmax_cross_entropy(
            leaves[0], leaves[1], targets(rows), linear_bias=leaves[2], memory=memory
        )
        found = torch.autograd.grad(loss, leaves[1])[0].double()
        errors[at_once] = float((found - exact[1].grad).norm() / exact[1].grad.norm())
    # 16 bits: nothing but the rounding of the result; 32: sums in another order
    most = 1.05 if dtype is torch.bfloat16 else 3
    assert max(errors.values()) <= most * errors[rows], errors


def test_statistics_are_those_of_whole_logits():
    leaves = operands(torch.float32)
    target = targets()
    target[4] = -100
    options = {"ignore_index": -100, "softcap": 5.0}
    found = F.linear_softmax_cross_entropy_with_stats(
        leaves[0], leaves[1], target, linear_bias=leaves[2], memory=SMALL, **options
    )
    logits = whole_logits(*leaves).float()
    expected = F.cross_entropy_with_stats(logits, target, **options)
    for name in ("nll", "lse", "entropy"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=0, atol=D * 20 * UNIT[torch.float32]
        )
    assert found.hit.tolist() == expected.hit.tolist()
    assert found.nll[4] == found.lse[4] == found.entropy[4] == 0


def test_shift_asks_for_the_next_token():
    draw = torch.Generator().manual_seed(8)
    hidden = torch.randn(3, 11, D, generator=draw)
    weight = operands(torch.float32)[1].detach()
    tokens = torch.randint(0, V, (3, 11), generator=draw)
    for shift in (1, 2):
        rows = F.linear_softmax_cross_entropy(hidden, weight, tokens, shift=shift, reduction="none")
        assert rows.shape == (3, 11 - shift)
        expected = F.cross_entropy(
            (hidden[:, :-shift] @ weight.T).flatten(0, 1), tokens[:, shift:].flatten(),
            reduction="none",
        )  # fmt: skip
        torch.testing.assert_close(rows.flatten(), expected, rtol=1e-5, atol=1e-5)
        mean = F.linear_softmax_cross_entropy(hidden, weight, tokens, shift=shift)
        torch.testing.assert_close(mean, rows.mean())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_into_a_main_grad(dtype):
    leaves = operands(dtype)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    buffer = torch.ones(V, D)
    loss = F.linear_softmax_cross_entropy(
        leaves[0], leaves[1], targets(), linear_bias=leaves[2], main_grad=buffer
    )
    (2 * loss).backward()
    (2 * F.cross_entropy(whole_logits(*exact), targets())).backward()
    assert leaves[1].grad is None
    error = (buffer.double() - 1 - exact[1].grad).norm()
    # float32 throughout: the ones of the buffer are what rounds most
    assert (
        error <= 3 * bound_of(torch.float32, None) * exact[1].grad.norm() + (V * D) ** 0.5 * 2**-24
    )
    assert leaves[0].grad is not None


def test_frozen_parts_get_nothing():
    hidden, weight, bias = operands(torch.float32)
    loss = F.linear_softmax_cross_entropy(hidden, weight.detach(), targets())
    loss.backward()
    assert hidden.grad is not None
    loss = F.linear_softmax_cross_entropy(hidden.detach(), weight, targets())
    loss.backward()
    assert weight.grad is not None
    loss = F.linear_softmax_cross_entropy(
        hidden.detach(), weight.detach(), targets(), linear_bias=bias
    )
    loss.backward()
    assert bias.grad is not None


class TestBadInput:
    def call(self, target=None, **options):
        hidden, weight, _ = operands(torch.float32)
        return F.linear_softmax_cross_entropy(
            options.pop("hidden", hidden),
            options.pop("linear_weight", weight),
            targets() if target is None else target,
            **options,
        )

    def test_a_label_out_of_range(self):
        target = targets()
        target[[7, 9]] = torch.tensor([V, -1])
        with pytest.raises(XentValueError, match=rf"{V}") as raised:
            self.call(target)
        assert raised.value.code == "D01"
        assert raised.value.index == 7

    def test_a_masked_label(self):
        mask = torch.ones(V, dtype=torch.bool)
        mask[targets()[5]] = False
        with pytest.raises(XentValueError, match="class_mask allows") as raised:
            self.call(class_mask=mask)
        assert raised.value.code == "D01"

    def test_a_weight_the_other_way_round(self):
        with pytest.raises(XentValueError, match=r"pass linear_weight\.T"):
            self.call(linear_weight=torch.zeros(D, V))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"hidden": torch.zeros(N, D + 1)}, "features of hidden"),
            ({"hidden": torch.zeros(N, D, dtype=torch.float64)}, "dtype of hidden"),
            ({"linear_bias": torch.zeros(V + 1)}, "linear_bias must have shape"),
            ({"main_grad": torch.zeros(V, D).bfloat16()}, "main_grad must be"),
            ({"main_grad": torch.zeros(D, V)}, "main_grad must have the shape"),
            ({"main_grad": torch.zeros(1, D).expand(V, D)}, "main_grad must be memory of its own"),
            ({"memory": 100}, "memory must be at least"),
            ({"shift": N + 1}, "shift must be at most"),
            ({"target": targets() > 3, "shift": 1}, "shift needs target"),
            ({"target": distributions(), "ignore_index": -100}, "ignore_index must be None"),
            ({"target": (torch.full((N, 1), 3), -torch.ones(N, 1))}, "at least 0, but 90 of 90"),
            ({"target": (torch.full((N, 1), 3), torch.full((N, 1), torch.nan))}, "first: nan"),
            ({"shift": -1}, "shift must be"),
            ({"target": targets(N - 1)}, "target must have the shape of hidden"),
            ({"target": distributions(), "shift": 1}, "shift moves class indices"),
            ({"target": (torch.full((N, 2), V), torch.ones(N, 2))}, "classes below"),
            ({"target": (torch.full((N, 2), 3), torch.ones(N, 2))}, "at most once"),
            ({"target": (torch.full((N, 2), 3), torch.ones(N, 3))}, "must have shape"),
            ({"target": (torch.ones(N, 2), torch.ones(N, 2))}, "must hold class indices"),
        ],
    )
    def test_what_is_wrong_is_said(self, options, words):
        with pytest.raises((XentValueError, XentTypeError), match=words):
            self.call(**options)

    def test_shifted_targets_are_told_apart(self):
        with pytest.raises(XentValueError, match="shifted already"):
            F.linear_softmax_cross_entropy(
                torch.zeros(2, 5, D),
                torch.zeros(V, D),
                torch.zeros(2, 4, dtype=torch.int64),
                shift=1,
            )


def test_without_features_the_bias_is_the_logits():
    hidden, weight = torch.zeros(3, 0, requires_grad=True), torch.zeros(5, 0, requires_grad=True)
    bias, target = torch.arange(5.0, requires_grad=True), torch.tensor([0, 4, 2])
    loss = F.linear_softmax_cross_entropy(hidden, weight, target, linear_bias=bias)
    loss.backward()
    expected = torch.nn.functional.cross_entropy(bias.detach().expand(3, 5), target)
    torch.testing.assert_close(loss.detach(), expected)
    assert hidden.grad.shape == (3, 0)
    assert bias.grad.abs().sum() > 0


def test_sparse_targets_without_entries_cost_what_is_not_the_target():
    hidden, weight, _ = operands(torch.float64, rows=4, bias=False)
    classes, probs = torch.zeros(4, 0, dtype=torch.int64), torch.zeros(4, 0)
    loss = F.linear_softmax_cross_entropy(
        hidden, weight, (classes, probs), z_loss=0.5, reduction="sum"
    )
    lse = whole_logits(hidden, weight, None).logsumexp(dim=1)
    torch.testing.assert_close(loss, 0.5 * lse.square().sum())


@pytest.mark.parametrize("target", [None, [1] * N, [torch.zeros(N, 1), torch.ones(N, 1)]])
def test_a_target_that_is_no_tensor_is_named(target):
    hidden, weight, _ = operands(torch.float32)
    with pytest.raises(XentTypeError, match="target must be a Tensor"):
        F.linear_softmax_cross_entropy(hidden, weight, target)
