"""Where linear_cross_entropy differs from torch's: each row of docs/torch.md."""

import pytest
import torch
from live_memory import Watch

from xent.torch import functional as F

TORCHS = getattr(torch.nn.functional, "linear_cross_entropy", None)
OPTIONS = getattr(torch.nn, "LinearCrossEntropyOptions", None)
needs_torchs = pytest.mark.skipif(OPTIONS is None, reason="torch has it since 2.13")

N, D, V = 64, 4, 500


def operands(dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(N, D, generator=draw, dtype=torch.float64)
    weight = torch.randn(V, D, generator=draw, dtype=torch.float64)
    target = torch.randint(0, V, (N,), generator=draw)
    return hidden.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_(), target


@needs_torchs
def test_no_call_builds_the_logits():
    hidden, weight, target = operands()
    soft = torch.softmax(torch.randn(N, V, dtype=torch.float64), dim=1)
    layers = weight.detach().reshape(V // 2, 2, D).requires_grad_()
    calls = [
        ((hidden, weight, target), {}),
        ((hidden, weight, target), {"label_smoothing": 0.1}),
        ((hidden, weight, soft), {}),
        ((hidden, layers, target[:, None].expand(N, 2) % (V // 2)), {}),
    ]
    for arguments, options in calls:
        with Watch() as watch:
            TORCHS(*arguments, **options).backward()
        assert watch.largest >= N * V // 2
        # several arrays of the size of a block live at once in the watched formulas
        with Watch() as watch:
            F.linear_cross_entropy(*arguments, **options, memory=16 * V * 8).backward()
        assert watch.largest <= N * V // 4


@needs_torchs
def test_second_derivatives():
    hidden, weight, target = operands()
    first = torch.autograd.grad(
        F.linear_cross_entropy(hidden, weight, target), hidden, create_graph=True
    )[0]
    found = torch.autograd.grad(first.square().sum(), weight)[0]
    logits = torch.nn.functional.linear(hidden, weight)
    whole = torch.nn.functional.cross_entropy(logits, target)
    first = torch.autograd.grad(whole, hidden, create_graph=True)[0]
    expected = torch.autograd.grad(first.square().sum(), weight)[0]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)
    theirs = TORCHS(hidden, weight, target, options=OPTIONS())
    first = torch.autograd.grad(theirs, hidden, create_graph=True)[0]
    with pytest.raises(RuntimeError):
        torch.autograd.grad(first.square().sum(), weight)


@needs_torchs
def test_logits_of_16_bits_are_not_rounded():
    # the logit 36.125 is no bfloat16
    hidden = torch.tensor([[36.0, 0.125]], dtype=torch.bfloat16)
    weight = torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.bfloat16)
    target = torch.tensor([1])
    found = F.linear_cross_entropy(hidden, weight, target, reduction="total")
    assert float(found.sum) == 36.125
    assert float(TORCHS(hidden, weight, target)) == 36.0
