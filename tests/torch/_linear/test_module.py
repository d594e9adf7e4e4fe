"""LinearCrossEntropyLoss beside torch's, with the same layer."""

import copy
import pickle

import pytest
import torch

from xent.torch import functional as F
from xent.torch import modules

TORCHS = getattr(torch.nn, "LinearCrossEntropyLoss", None)
needs_torchs = pytest.mark.skipif(TORCHS is None, reason="torch has none before 2.12")


@needs_torchs
@pytest.mark.parametrize("out_features", [(), (3,), (2, 2)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_as_torchs_with_its_state(out_features, bias, reduction):
    options = {"out_features": out_features, "bias": bias, "reduction": reduction}
    options["weight"] = torch.rand(7, dtype=torch.float64)
    theirs = TORCHS(5, 7, dtype=torch.float64, **options)
    ours = modules.LinearCrossEntropyLoss(5, 7, dtype=torch.float64, **options)
    assert isinstance(ours, TORCHS)
    ours.load_state_dict(theirs.state_dict())
    input = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 7, (6, *out_features))
    target[0] = -100
    values = [loss(input, target) for loss in (ours, theirs)]
    torch.testing.assert_close(*values, rtol=1e-13, atol=1e-14)
    gradients = [
        torch.autograd.grad(value.sum(), (input, *loss.linear.parameters()))
        for value, loss in zip(values, (ours, theirs), strict=True)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-14)


def test_pickles_and_copies():
    loss = modules.LinearCrossEntropyLoss(5, 7, memory="1MiB", label_smoothing=0.1)
    input, target = torch.randn(3, 5), torch.tensor([1, 2, 3])
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(other(input, target), loss(input, target))
        assert other.memory == "1MiB"


def test_it_is_the_function():
    loss = modules.LinearCrossEntropyLoss(5, 7, bias=True, ignore_index=2, reduction="total")
    input, target = torch.randn(3, 5), torch.tensor([1, 2, 3])
    expected = F.linear_cross_entropy(
        input, loss.linear.weight, target, linear_bias=loss.linear.bias, ignore_index=2,
        reduction="total",
    )  # fmt: skip
    assert loss(input, target) == expected
    assert expected.count == 2


def test_a_memory_that_is_none_is_refused_at_once():
    with pytest.raises(ValueError, match="memory must be"):
        modules.LinearCrossEntropyLoss(5, 7, memory="lots")
