"""What a float32 loss is when a model is sure: torch's beside ours and the truth."""

import numpy as np
import pytest
import torch

import xent


def with_torch(logits, target):
    x = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(x, torch.tensor(target))
    loss.backward()
    return loss.item(), x.grad.numpy()


@pytest.mark.parametrize("margin", [15, 17, 20, 100])
def test_ours_keeps_its_digits(margin):
    logits, target = np.array([[margin, 0]], np.float32), np.array([0])
    exact = np.log1p(np.exp(-float(margin)))
    loss, gradient = xent.value_and_grad(xent.softmax_cross_entropy)(logits, target)
    # the loss is summed in float64; the gradient is 4 ulp of float32, denormal at 100
    assert abs(loss / exact - 1) <= 1e-15
    slope = np.float32(exact / (1 + exact)) if margin < 20 else np.float32(exact)
    assert abs(gradient[0, 1] - slope) <= 4 * np.spacing(slope)
    assert gradient[0, 0] == -gradient[0, 1]


def test_torch_is_17_percent_off_at_15_nats():
    loss, _ = with_torch(np.array([[15, 0]], np.float32), np.array([0]))
    assert loss / np.log1p(np.exp(-15.0)) == pytest.approx(1.17, abs=0.005)


@pytest.mark.parametrize("margin", [17, 20, 100])
def test_torch_is_exactly_zero_from_17_nats_on_with_its_gradient(margin):
    loss, gradient = with_torch(np.array([[margin, 0]], np.float32), np.array([0]))
    assert loss == 0
    assert gradient[0, 0] == 0
