"""xent.kernels.explain of losses of a product."""

import pytest
import torch

from xent import kernels
from xent.errors import XentTypeError, XentValueError
from xent.torch import functional as F

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


def test_a_plan_of_what_is_nowhere():
    # the sizes of a model that this machine could not hold
    hidden = torch.empty(2**20, 16_384, device="meta", dtype=torch.bfloat16)
    weight = torch.empty(256_000, 16_384, device="meta", dtype=torch.bfloat16)
    plan = kernels.explain(OPERATION, hidden, weight, memory="1GiB")
    assert "of 1,048,576 x" in plan.reasons[-1] or "x 256,000 logits" in plan.reasons[-1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_loss_of_what_is_nowhere(dtype):
    hidden = torch.empty(6, 4, device="meta", dtype=dtype)
    weight = torch.empty(7, 4, device="meta", dtype=dtype)
    target = torch.empty(6, device="meta", dtype=torch.int64)
    loss = F.linear_softmax_cross_entropy(hidden, weight, target)
    assert (loss.device.type, loss.shape, loss.dtype) == ("meta", (), torch.float32)
    student = F.linear_kl_divergence(hidden, weight, hidden, weight)
    assert (student.device.type, student.shape) == ("meta", ())
