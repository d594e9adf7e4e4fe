"""xent.kernels.explain of losses of a product."""

import pytest
import torch

import xent.torch  # noqa: F401  (which makes itself known)
from xent import kernels
from xent.errors import XentTypeError, XentValueError

OPERATION = "linear_softmax_cross_entropy"


def operands(**options):
    return torch.zeros(512, 8, **options), torch.zeros(1000, 8, **options)


def test_the_plan_is_told():
    choice = kernels.explain(OPERATION, *operands(requires_grad=True))
    assert choice.implementation == "cpu"
    assert "3 matrix products" in choice.reasons[-1]
    assert "1 block of 512 x 1,000 logits" in str(choice)


def test_what_changes_the_plan():
    hidden, weight = operands(requires_grad=True)
    assert "4 matrix products" in str(kernels.explain(OPERATION, hidden, weight, reduction="none"))
    assert "2 matrix products" in str(kernels.explain(OPERATION, hidden, weight.detach()))
    assert "1 matrix product," in str(kernels.explain(OPERATION, *operands()))
    small = kernels.explain(OPERATION, hidden, weight, memory="1MiB").reasons[-1]
    assert "2 blocks of 256 x 1,000" in small


def test_only_tensors_have_it():
    with pytest.raises(XentTypeError, match="hidden and linear_weight"):
        kernels.explain(OPERATION)
    with pytest.raises(XentTypeError, match="by its tensor alone"):
        kernels.explain("softmax_cross_entropy", *operands())
    with pytest.raises(XentTypeError, match="by its array alone"):
        kernels.explain("softmax_cross_entropy", None, memory=3)
    with pytest.raises(XentValueError, match=OPERATION):
        kernels.explain("nothing")
