"""Every implementation computes the same task, and a named one is used or refused."""

import itertools

import pytest
import torch

from xent.diagnostics.policy import checks
from xent.errors import UnavailableError, XentValueError
from xent.torch import functional as F

N, C = 6, 9
LAYOUTS = {"rows": ((N, C), 1), "one": ((C,), 0), "image": ((2, C, 3), 1), "long": ((3, 700), 1)}
# what a float32 kernel is allowed against float64: design.md, with room for what options add
ULP = {torch.float32: 2**-23, torch.bfloat16: 2**-8, torch.float64: 2**-52}


def options_of(shape, axis, dtype):
    classes = shape[axis]
    rows = shape[:axis] + shape[axis + 1 :]
    mask = torch.rand(shape) > 0.3
    mask.select(axis, 0).fill_(True)
    return {
        "plain": {},
        "smoothed": {"label_smoothing": 0.1},
        "weighted": {"weight": torch.rand(classes, dtype=torch.float64).to(dtype)},
        "samples": {"sample_weight": torch.rand(rows).to(dtype)},
        "z": {"z_loss": 0.01},
        "cap": {"softcap": 4.0},
        "warm": {"temperature": 2.5},
        "one mask": {"class_mask": torch.arange(classes) % 3 != 1},
        "masks": {"class_mask": mask},
        "all": {
            "label_smoothing": 0.2,
            "weight": torch.rand(classes, dtype=torch.float64).to(dtype),
            "sample_weight": torch.rand(rows).to(dtype),
            "z_loss": 0.01,
            "softcap": 4.0,
            "temperature": 0.5,
            "class_mask": torch.arange(classes) % 3 != 1,
        },
    }


def widened(options):
    return {
        k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
        for k, v in options.items()
    }


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", options_of((N, C), 1, torch.float32))
def test_the_kernel_and_the_formulas_agree(name, layout, dtype, soft):
    shape, axis = LAYOUTS[layout]
    options = options_of(shape, axis, dtype)[name]
    x = (torch.randn(shape, dtype=torch.float64) * 4).to(dtype).requires_grad_()
    y = torch.zeros(shape[:axis] + shape[axis + 1 :], dtype=torch.int64)
    if soft:
        y = torch.softmax(torch.randn(shape, dtype=torch.float64), axis).to(dtype)
    exact = x.detach().double().requires_grad_()
    for implementation, how in itertools.product(("cpu", "formulas"), ("mean", "sum")):
        # rows of bfloat16 do not sum to one in float64
        with checks("off"):
            right = F.cross_entropy(
                exact, y.double() if soft else y, reduction=how, implementation="formulas",
                **widened(options),
            )  # fmt: skip
        loss = F.cross_entropy(x, y, reduction=how, implementation=implementation, **options)
        gradient = torch.autograd.grad(loss, x)[0].double()
        wanted = torch.autograd.grad(right, exact)[0]
        largest = wanted.abs().max().item()
        assert loss.item() == pytest.approx(right.item(), rel=16 * ULP[dtype])
        assert (gradient - wanted).abs().max().item() <= 32 * ULP[dtype] * largest


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", ["plain", "smoothed", "weighted", "samples", "z", "cap", "warm"])
def test_statistics_know_no_weights_and_no_smoothing(name, soft):
    x = torch.randn(N, C, dtype=torch.float64) * 3
    y = torch.tensor([0, 4, -100, 1, 4, 2])
    if soft:
        y = torch.softmax(torch.randn(N, C, dtype=torch.float64), 1)
    options = options_of((N, C), 1, torch.float64)[name]
    found = F.cross_entropy_with_stats(x, y, implementation="cpu", **options)
    right = F.cross_entropy_with_stats(x, y, implementation="formulas", **options)
    for a, b in zip(found, right, strict=True):
        torch.testing.assert_close(a, b)
    kept = {k: v for k, v in options.items() if k in ("softcap", "temperature")}
    plain = F.cross_entropy(x, y, reduction="none", **kept)
    torch.testing.assert_close(found.nll, plain)


@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_statistics_are_those_of_the_formulas(layout, dtype):
    shape, axis = LAYOUTS[layout]
    x = (torch.randn(shape, dtype=torch.float64) * 4).to(dtype)
    rows = shape[:axis] + shape[axis + 1 :]
    y = torch.randint(0, shape[axis], rows)
    found = F.cross_entropy_with_stats(x, y, implementation="cpu")
    right = F.cross_entropy_with_stats(x.double(), y, implementation="formulas")
    for a, b in zip(found[1:4], right[1:4], strict=True):
        assert a.shape == rows
        torch.testing.assert_close(a.double(), b, rtol=16 * max(ULP[dtype], 2**-52), atol=1e-6)
    assert torch.equal(found.hit, right.hit)
    prediction = x.argmax(axis)
    assert torch.equal(found.hit, prediction == y)


def test_a_named_implementation_is_used_or_refused():
    x, y = torch.randn(N, C, requires_grad=True), torch.zeros(N, dtype=torch.int64)
    assert "GradientInForward" in type(F.cross_entropy(x, y, implementation="cpu").grad_fn).__name__
    by_formulas = F.cross_entropy(x, y, implementation="formulas").grad_fn
    assert "GradientInForward" not in type(by_formulas).__name__
    with pytest.raises(UnavailableError, match="'cpu' or 'formulas'; got 'triton'"):
        F.cross_entropy(x, y, implementation="triton")
    with pytest.raises(UnavailableError, match="functorch"):
        torch.func.grad(lambda x: F.cross_entropy(x, y, implementation="cpu"))(x)
    with pytest.raises(UnavailableError, match="got 'cpu'"):
        F.binary_cross_entropy_with_logits(x, torch.rand(N, C).requires_grad_(), None,
                                           implementation="cpu")  # fmt: skip


def test_targets_and_weights_that_need_a_gradient_get_it():
    x = torch.randn(N, C, dtype=torch.float64, requires_grad=True)
    soft = torch.softmax(torch.randn(N, C, dtype=torch.float64), 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, t: F.cross_entropy(x, t), (x, soft))
    assert torch.autograd.gradcheck(
        lambda x, t: F.binary_cross_entropy_with_logits(x, t), (x, soft)
    )
    with torch.no_grad():
        torch.testing.assert_close(
            F.cross_entropy(x, soft), F.cross_entropy(x, soft, implementation="formulas")
        )


def test_meta_and_fake_tensors_have_shapes():
    x, y = torch.empty(N, C, device="meta"), torch.empty(N, device="meta", dtype=torch.int64)
    loss = F.cross_entropy(x, y, reduction="none")
    assert (loss.shape, loss.device.type) == ((N,), "meta")
    with torch._subclasses.FakeTensorMode():
        x = torch.empty(N, C, requires_grad=True)
        F.cross_entropy(x, torch.empty(N, dtype=torch.int64)).backward()
        assert x.grad.shape == (N, C)


def test_a_masked_target_is_named():
    mask = torch.arange(C) != 4
    y = torch.tensor([0, 4, -100, 1, 4, 2])
    with pytest.raises(XentValueError, match=r"2 of 6 are masked; first: target\[1\] = 4") as e:
        F.cross_entropy(torch.randn(N, C), y, class_mask=mask)
    assert (e.value.code, e.value.index, e.value.value) == ("D01", (1,), 4)


@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("target", [torch.bool, torch.uint8, torch.int64, torch.float16, None])
@pytest.mark.parametrize(
    ("pos", "weight"),
    [
        (None, None), ((C,), None), ((C,), (C,)), ((C,), (N, 1)), ((N, 1), (C,)), (None, (N, C)),
        ((N, C), None), ((N, C), (C,)), ((N, C), (N, C)), ((), (C,)), ((1,), ()), (None, (1, 1)),
    ],
)  # fmt: skip
def test_weights_of_labels_of_every_shape(pos, weight, target, dtype):
    x = (torch.randn(N, C, dtype=torch.float64) * 4).to(dtype).requires_grad_()
    y = torch.rand(N, C).to(dtype) if target is None else (torch.rand(N, C) > 0.5).to(target)
    named = {"pos_weight": pos, "weight": weight}
    named = {k: torch.rand(s).to(dtype) for k, s in named.items() if s is not None}
    exact = x.detach().double().requires_grad_()
    right = torch.nn.functional.binary_cross_entropy_with_logits(
        exact, y.double(), reduction="sum", **widened(named)
    )
    found = F.binary_cross_entropy_with_logits(x, y, reduction="sum", implementation="cpu", **named)
    assert found.item() == pytest.approx(right.item(), rel=16 * ULP[dtype])
    gradient, wanted = (
        torch.autograd.grad(a, b)[0].double() for a, b in ((found, x), (right, exact))
    )
    assert (gradient - wanted).abs().max() <= 16 * ULP[dtype] * wanted.abs().max()


LOSSES = {
    "cross_entropy": lambda x: F.cross_entropy(x, torch.tensor([0, 1], device="cpu")),
    "labels": lambda x: F.binary_cross_entropy_with_logits(x, torch.zeros_like(x)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_default_device_is_not_the_device_of_a_loss(name):
    x = torch.randn(2, 3, requires_grad=True)
    with torch.device("meta"):
        loss = LOSSES[name](x)
        (loss * 2).backward()
    assert loss.device == x.device
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_make_fx_records_the_loss_and_not_its_value(name):
    from torch.fx.experimental.proxy_tensor import make_fx

    graph = make_fx(LOSSES[name])(torch.randn(2, 3))
    x = torch.randn(2, 3)
    torch.testing.assert_close(graph(x), LOSSES[name](x))


@pytest.mark.parametrize("name", LOSSES)
def test_logits_that_are_stored_with_the_wrong_sign(name):
    x = torch.randn(2, 3)
    flipped = torch._neg_view(-x)
    assert flipped.is_neg()
    torch.testing.assert_close(LOSSES[name](flipped), LOSSES[name](x))
