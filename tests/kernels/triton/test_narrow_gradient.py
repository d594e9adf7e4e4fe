"""Gradients of 16 bits from logits of 32, and bad targets of blocks of rows."""

import pytest
import torch

from xent.errors import XentValueError
from xent.kernels.triton import faults
from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.kernels.triton._layout import Blocks
from xent.kernels.triton.elementwise import look_at_targets
from xent.kernels.triton.softmax_cross_entropy import score

OPTIONS = {
    "class": {},
    "regularised": {"z_loss": 0.01, "softcap": 5.0, "temperature": 0.7},
    "smoothed": {"label_smoothing": 0.1},
}


@pytest.fixture(params=["one block", "walked"])
def loop(request, monkeypatch):
    blocks = Blocks(1, 64, 4, 2) if request.param == "walked" else Blocks(1, 256, 1)
    monkeypatch.setattr(kernel, "blocks_for", lambda *_: blocks)


def draw(rng, device, num_classes=200):
    logits = torch.tensor(rng.normal(size=(5, num_classes)) * 6, dtype=torch.float32)
    target = torch.tensor([0, num_classes - 1, -100, 3, 3])
    logits[3, 3] += 60  # sure of its class
    return logits.to(device), target.to(device)


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", OPTIONS)
def test_it_is_the_gradient_rounded_once(rng, device, name, dtype):
    logits, target = draw(rng, device)
    options = {"axis": 1, "target": target, "ignore_index": -100, "want_gradient": True}
    options |= OPTIONS[name]
    wide = score(logits, **options)
    out = torch.full(logits.shape, float("nan"), dtype=dtype, device=device)
    narrow = score(logits, **options, out=out)
    assert narrow.gradient is out
    # sums of 8 exponentials are of other classes: three roundings of a float32
    torch.testing.assert_close(narrow.nll, wide.nll, rtol=3 * 2.0**-23, atol=0)
    info = torch.finfo(dtype)
    # the interpreter truncates bfloat16, which a GPU rounds; the exponent of the second pass
    # is rounded to 2^-17 at most
    ulp = 1 if dtype is torch.bfloat16 and device.type == "cpu" else 0.5
    error = (out.double() - wide.gradient.double()).abs()
    allowed = (ulp * info.eps + 2.0**-16) * wide.gradient.double().abs() + info.tiny * info.eps
    if dtype is torch.bfloat16:
        allowed += info.tiny  # ex2 gives 0 for a denormal result
    assert (error <= allowed).all()
    assert torch.equal(out[2], torch.zeros_like(out[2]))


def test_a_sure_row_keeps_its_tiny_gradient(device):
    logits = torch.zeros(1, 1000, device=device)
    logits[0, 7] = 50.0
    out = torch.empty(1, 1000, dtype=torch.bfloat16, device=device)
    score(logits, axis=1, target=torch.tensor([7], device=device), want_gradient=True, out=out)
    exact = 999 * torch.exp(torch.tensor(-50.0, dtype=torch.float64))
    assert out[0, 7].item() == pytest.approx(-exact.item(), rel=2.0**-7)


def test_a_narrow_gradient_goes_where_it_is_told(rng, device):
    logits, target = draw(rng, device)
    options = {"axis": 1, "target": target, "ignore_index": -100, "want_gradient": True}
    expected = torch.empty_like(logits, dtype=torch.float16)
    score(logits, **options, out=expected)
    apart = torch.zeros(logits.shape[1], 5, dtype=torch.float16, device=device).t()
    score(logits, **options, out=apart)
    assert torch.equal(apart, expected)


def test_bad_targets_of_a_block_are_left_where_they_are_told(rng, device):
    logits, target = draw(rng, device)
    target[1] = 200
    found = torch.tensor([faults.NONE, 0, 0], device=device)
    result = score(logits, axis=1, target=target, ignore_index=-100, faults_in=found)
    assert result.nll.isnan().tolist() == [False, True, False, False, False]
    assert found[1:].tolist() == [1, 200]
    faults.raise_pending(device, wait=True)  # not told


def test_targets_are_looked_at_before_they_are_used(device):
    target = torch.arange(5000, device=device) % 50
    target[[17, 4999]] = torch.tensor([50, -3], device=device)
    target[:9] = -100
    weight = torch.ones(5000, device=device)
    weight[17] = 0
    look_at_targets("a loss", target, 50, sample_weight=weight, ignore_index=-100)
    with pytest.raises(XentValueError, match=r"a loss: .* 1 is not; first: row 4999 has -3") as e:
        faults.raise_pending(device, wait=True)
    assert (e.value.code, e.value.index, e.value.value) == ("D01", 4999, -3)
    look_at_targets("a loss", target[:0], 50)
    look_at_targets("a loss", target[20:30], 50)
    faults.raise_pending(device, wait=True)
