"""The short way of the everyday call: taken when it may be, and no other numbers."""

import pytest
import torch

from xent.errors import XentValueError
from xent.torch import functional as F
from xent.torch._ops.everyday import is_everyday

N, C = 8, 5


def batch():
    y = torch.randint(0, C, (N,))
    y[2] = -100
    return torch.randn(N, C), y


def test_it_is_taken_for_plain_rows_and_classes():
    x, y = batch()
    assert is_everyday(x, y, -100, None, None)
    assert is_everyday(torch.randn(N, 2 * C)[:, ::2], y, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (x.double(), y), lambda x, y: (x[0], y[0]), lambda x, y: (x, y.int()),
        lambda x, y: (x[:, :, None], y[:, None]), lambda x, y: (x.numpy(), y),
        lambda x, y: (x.to("meta"), y), lambda x, y: (x, y[1:]), lambda x, y: (x[:, :0], y),
        lambda x, y: (x, torch.softmax(x, 1)),
    ],
)  # fmt: skip
def test_everything_else_goes_the_long_way(change):
    assert not is_everyday(*change(*batch()), -100)


def test_options_and_transforms_go_the_long_way():
    x, y = batch()
    assert not is_everyday(x, y, -100, None, torch.ones(C))
    seen = []
    torch.func.grad(lambda x: (seen.append(is_everyday(x, y, -100)), x.sum())[1])(x)
    assert seen == [False]


def test_both_ways_give_the_same_bits():
    x, y = batch()
    x.requires_grad_()
    short, long = F.cross_entropy(x, y), F.cross_entropy(x, y, implementation="cpu")
    assert torch.equal(short, long)
    assert torch.equal(*(torch.autograd.grad(loss, x)[0] for loss in (short, long)))


def test_both_ways_refuse_the_same():
    x, y = batch()
    y[4] = C
    for implementation in (None, "cpu"):
        with pytest.raises(XentValueError, match=r"target\[4\] = 5"):
            F.cross_entropy(x, y, implementation=implementation)
    ignored = torch.full((N,), -100)
    assert F.cross_entropy(x, ignored).isnan()
