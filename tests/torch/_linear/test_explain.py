"""xent.kernels.explain of losses of a product."""

import pytest
import torch

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


def test_labels_have_blocks_of_their_own():
    hidden, weight = torch.zeros(256, 64), torch.zeros(500_000, 64, requires_grad=True)
    choice = kernels.explain("linear_sigmoid_cross_entropy", hidden, weight)
    assert choice.implementation == "cpu"
    assert choice.reasons[-1].startswith("plan: 123 blocks of 256 x 4,096 logits, 2 matrix prod")
    late = kernels.explain(
        "linear_sigmoid_cross_entropy", hidden, weight, reduction="none", memory="1MiB"
    )
    assert "3 matrix products, 1012.0 KiB beside" in late.reasons[-1]
