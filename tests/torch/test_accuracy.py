"""The accuracy of a training step, through autograd, whichever implementation serves it.

Margins from 1e-3 to beyond the smallest number of the dtype, on both sides, against 50
digits: the loss of each row and every entry of its gradient within the ulps that
docs/accuracy.md promises.
"""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import sigmoid_cross_entropy, softmax, ulps
from promises import promised

import xent
from xent.torch import functional as F

CLASSES = [1, 2, 10, 65, 193, 1000]
LOWEST = {torch.float32: 104.0, torch.float64: 746.0}
PROMISE = promised("cpu")
OF_FORMULAS = {
    torch.float32: promised("formulas"),
    torch.float64: promised("formulas", 1),
}


@pytest.fixture(autouse=True)
def _without_checks():
    with xent.checks("off"):
        yield


def batch(num_classes, dtype):
    """Rows whose targets lie above or below the others by margins of every size."""
    n = 24
    lowest = LOWEST[dtype]
    x = torch.randn(n, num_classes, dtype=torch.float64) * torch.logspace(-2, 1, n)[:, None]
    y = torch.randint(0, num_classes, (n,))
    margin = 10 ** torch.linspace(-3, np.log10(lowest), n // 2, dtype=torch.float64)
    x[torch.arange(n), y] += torch.cat([margin, -margin])
    # logits that are not far from 0, and one batch far from it
    x[::5] += 1e4
    return x.to(dtype), y


def eager(x, y):
    return F.cross_entropy(x, y, reduction="none", implementation="cpu")


def by_formulas(x, y):
    return F.cross_entropy(x, y, reduction="none", implementation="formulas")


compiled = torch.compile(eager, backend="aot_eager", fullgraph=True)
WAYS = {"cpu": eager, "formulas": by_formulas, "compiled": compiled}


@pytest.mark.parametrize("dtype", LOWEST)
@pytest.mark.parametrize("num_classes", CLASSES)
@pytest.mark.parametrize("way", WAYS)
def test_every_loss_and_every_gradient_entry(way, num_classes, dtype):
    x, y = batch(num_classes, dtype)
    x.requires_grad_()
    nll = WAYS[way](x, y)
    nll.sum().backward()
    worst_loss = worst_gradient = 0.0
    for row in range(len(x)):
        p, not_p, log_p = softmax(x.detach().numpy()[row])
        p[y[row]] = -not_p[y[row]]
        loss, gradient = nll.detach().numpy()[row], x.grad.numpy()[row]
        worst_loss = max(worst_loss, ulps(loss, -log_p[y[row]]))
        worst_gradient = max(worst_gradient, ulps(gradient, p))
    promise = OF_FORMULAS[dtype] if way == "formulas" else PROMISE
    assert worst_loss <= promise
    assert worst_gradient <= promise


@pytest.mark.parametrize("dtype", LOWEST)
def test_rows_of_gradients_sum_to_zero(dtype):
    x, y = batch(1000, dtype)
    x.requires_grad_()
    eager(x, y).sum().backward()
    total = x.grad.double().sum(1).abs()
    if dtype is torch.float64:
        total = torch.tensor([abs(float(np.sum(g.astype(np.longdouble)))) for g in x.grad.numpy()])
    at_target = x.grad.gather(1, y[:, None])[:, 0].abs()
    spacing = torch.from_numpy(np.spacing(at_target.numpy())).double()
    # and one smallest denormal for each entry, where entries are denormal
    denormals = x.shape[1] * torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    assert (total <= 8 * spacing + denormals).all()


@pytest.mark.parametrize("dtype", LOWEST)
@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
def test_labels_by_themselves(implementation, dtype):
    lowest = LOWEST[dtype]
    z = torch.cat([torch.linspace(-lowest, lowest, 101), torch.logspace(-6, 2, 40)]).to(dtype)
    for label in (0.0, 1.0, 0.25):
        x = z.clone().requires_grad_()
        y = torch.full_like(z, label)
        nll = F.binary_cross_entropy_with_logits(
            x, y, reduction="none", implementation=implementation
        )
        nll.sum().backward()
        truth = sigmoid_cross_entropy(z.numpy(), y.numpy())
        assert ulps(nll.detach().numpy(), truth.nll) <= PROMISE
        if label in (0.0, 1.0):
            assert ulps(x.grad.numpy(), truth.gradient) <= PROMISE


def test_where_torch_reads_zero_the_loss_and_its_gradient_are_right():
    # the case that the library exists for: sure by 30 nats, in float32
    x = torch.tensor([[30.0, 0.0]], requires_grad=True)
    y = torch.tensor([0])
    theirs = torch.nn.functional.cross_entropy(x, y)
    theirs.backward()
    assert theirs == 0
    assert x.grad[0, 0] == 0  # at the target, while the other class still pushes
    x.grad = None
    ours = F.cross_entropy(x, y)
    ours.backward()
    truth = -softmax(x.detach().numpy()[0]).log_p[:1]
    assert ulps(np.float32([ours.item()]), truth) <= PROMISE
    assert x.grad[0, 0] == -x.grad[0, 1]
    assert x.grad[0, 1] > 9e-14
