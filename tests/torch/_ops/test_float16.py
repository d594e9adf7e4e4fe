"""float16: gradients that a GradScaler lifts into range are not lost before it does."""

import pytest
import torch

from xent.torch import functional as F

N, C = 64, 2000
SCALE = 65536.0  # where a GradScaler begins
SMALLEST = 2.0**-24  # the spacing of float16 near 0


def losses():
    torch.manual_seed(0)
    classes = torch.randint(0, C, (N,))
    soft = torch.softmax(torch.randn(N, C) * 5, 1)
    kept = torch.rand(N)
    return {
        "classes": lambda x, how: F.cross_entropy(x, classes, reduction=how),
        "sample weights": lambda x, how: F.cross_entropy(
            x, classes, sample_weight=kept, label_smoothing=0.1, reduction=how
        ),
        "soft": lambda x, how: F.cross_entropy(x, soft, reduction=how),
        "labels": lambda x, how: F.binary_cross_entropy_with_logits(
            x, (soft > 1e-3).float(), kept[:, None], reduction=how
        ),
    }


@pytest.mark.parametrize("how", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", list(losses()))
def test_a_scaled_gradient_is_rounded_after_it_is_scaled(loss, how):
    x = (torch.randn(N, C) * 5).half().requires_grad_()
    wide = x.detach().double().requires_grad_()
    compute = losses()[loss]
    with torch.autocast("cpu", torch.float16):  # the loss is float32, as the scale needs
        value = compute(x, how)
    factor = SCALE / (1 if how == "mean" else N)
    (value.sum() * factor).backward()
    (compute(wide, how).sum() * factor).backward()
    error = (x.grad.double() - wide.grad).abs()
    assert (error <= wide.grad.abs() * 2.0**-10 + SMALLEST).all()
    assert (wide.grad.abs() / factor < SMALLEST / 2).any()  # or nothing is shown


def test_a_kept_graph_gives_the_gradient_again():
    x = torch.randn(N, C).half().requires_grad_()
    loss = F.cross_entropy(x, torch.zeros(N, dtype=torch.long), reduction="sum")
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    kept = first.clone()
    first.zero_()
    (again,) = torch.autograd.grad(loss, x)
    assert torch.equal(again, kept)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
