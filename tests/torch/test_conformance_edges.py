"""The edges of the drop-ins as torch has them: nothing to average, shapes, dtypes, refusals."""

import math

import pytest
import torch

import xent
from xent.torch import functional

pytestmark = pytest.mark.filterwarnings(
    "ignore:reduction. 'mean' divides:UserWarning",
    "ignore:size_average and reduce args:UserWarning",
    "ignore:Using a target size:UserWarning",
    "ignore::xent.errors.MisuseWarning",
)

NONE = torch.zeros(0, dtype=torch.int64)
X = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.25, -3.0]])
LOG_Q = X.log_softmax(1)
P = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
Q = X.sigmoid()
Y = torch.tensor([2, 0])
W = torch.tensor([1.0, 2.0, 0.5])
IMAGE = torch.arange(12.0).sin().view(2, 3, 1, 2)
PIXELS = torch.tensor([[[0, 2]], [[1, 1]]])


def autocast(loss, *inputs, **options):
    with torch.autocast("cpu", torch.bfloat16):
        return loss(*inputs, **options)


SAME = {
    # nothing to average
    "empty": [
        lambda F: F.cross_entropy(torch.zeros(0, 3), NONE),
        lambda F: F.nll_loss(torch.zeros(0, 3), NONE),
        lambda F: F.nll_loss(torch.zeros(0, 0), NONE),
        lambda F: F.nll_loss(torch.zeros(2, 3, 0), torch.zeros(2, 0, dtype=torch.int64)),
        lambda F: F.kl_div(torch.zeros(0, 3), torch.zeros(0, 3)),
        lambda F: F.kl_div(torch.zeros(0, 3), torch.zeros(0, 3), reduction="batchmean"),
        lambda F: F.mse_loss(torch.zeros(0), torch.zeros(0)),
        lambda F: F.binary_cross_entropy(torch.zeros(0, 3), torch.zeros(0, 3)),
        lambda F: F.binary_cross_entropy_with_logits(torch.zeros(0, 3), torch.zeros(0, 3)),
    ],
    "empty sum": [
        lambda F: F.cross_entropy(torch.zeros(0, 3), NONE, reduction="sum"),
        lambda F: F.nll_loss(torch.zeros(0, 3), NONE, reduction="sum"),
        lambda F: F.kl_div(torch.zeros(0, 3), torch.zeros(0, 3), reduction="sum"),
        lambda F: F.mse_loss(torch.zeros(0), torch.zeros(0), reduction="sum"),
        lambda F: F.binary_cross_entropy(torch.zeros(0), torch.zeros(0), reduction="sum"),
        lambda F: F.nll_loss(torch.zeros(0, 3), NONE, reduction="none"),
        lambda F: F.kl_div(torch.zeros(0, 3), torch.zeros(0, 3), reduction="none"),
    ],
    "all ignored": [
        lambda F: F.cross_entropy(X, torch.full((2,), -100)),
        lambda F: F.cross_entropy(X, torch.full((2,), -100), reduction="sum"),
        lambda F: F.cross_entropy(X, torch.full((2,), -100), label_smoothing=0.1),
        lambda F: F.nll_loss(LOG_Q, torch.full((2,), 1), ignore_index=1),
        lambda F: F.nll_loss(LOG_Q, torch.full((2,), 1), ignore_index=1, reduction="none"),
        lambda F: F.cross_entropy(X, Y, torch.tensor([0.0, 1.0, 0.0])),
        lambda F: F.nll_loss(LOG_Q, Y, torch.tensor([0.0, 1.0, 0.0])),
    ],
    "shapes": [
        lambda F: F.cross_entropy(X[0], torch.tensor(1)),
        lambda F: F.cross_entropy(X[0], P[0]),
        lambda F: F.cross_entropy(X.T[None], torch.tensor([[1, 2]]), reduction="none"),
        lambda F: F.cross_entropy(IMAGE, PIXELS),
        lambda F: F.nll_loss(LOG_Q[0], torch.tensor(1)),
        lambda F: F.nll_loss(LOG_Q[0], torch.tensor([1])),
        lambda F: F.nll_loss(LOG_Q[0], torch.tensor([1]), reduction="none"),
        lambda F: F.nll_loss(IMAGE, PIXELS, W),
        lambda F: F.kl_div(LOG_Q[0, 0], P[0, 0], reduction="batchmean"),
        lambda F: F.kl_div(LOG_Q, P[0], reduction="batchmean"),
        lambda F: F.kl_div(LOG_Q[0], P, reduction="batchmean"),
        lambda F: F.kl_div(LOG_Q[0], P),
        lambda F: F.mse_loss(X, P[0]),
        lambda F: F.mse_loss(X[:, :1], P[0], reduction="none"),
        lambda F: F.binary_cross_entropy(Q[0, 0], P[0, 0]),
        lambda F: F.binary_cross_entropy(Q, P, W),
        lambda F: F.binary_cross_entropy(Q, P, W[:2, None], reduction="sum"),
        lambda F: F.binary_cross_entropy_with_logits(X, P, W, pos_weight=W),
    ],
    "dtypes": [
        *(
            lambda F, d=d: F.cross_entropy(X.to(d), Y)
            for d in (torch.bfloat16, torch.float16, torch.float64)
        ),
        *(
            lambda F, d=d: F.nll_loss(LOG_Q.to(d), Y, reduction="sum")
            for d in (torch.bfloat16, torch.float16, torch.float64)
        ),
        *(
            lambda F, a=a, b=b: F.kl_div(LOG_Q.to(a), P.to(b), reduction="sum")
            for a in (torch.bfloat16, torch.float32)
            for b in (torch.bfloat16, torch.float32, torch.float64)
        ),
        *(
            lambda F, a=a, b=b: F.mse_loss(X.to(a), P.to(b))
            for a in (torch.bfloat16, torch.float32)
            for b in (torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool)
        ),
        lambda F: F.binary_cross_entropy(Q.double(), P.double()),
        lambda F: F.binary_cross_entropy(Q.bfloat16(), P.bfloat16()),
        lambda F: F.binary_cross_entropy(Q, P, W.double()),
        lambda F: F.binary_cross_entropy(Q, P, W.long()),
        lambda F: F.cross_entropy(X, Y.to(torch.uint8)),
        lambda F: F.nll_loss(LOG_Q, Y.to(torch.uint8)),
    ],
    "autocast": [
        lambda F: autocast(F.cross_entropy, X.bfloat16(), Y),
        lambda F: autocast(F.binary_cross_entropy_with_logits, X.bfloat16(), P.bfloat16()),
        lambda F: autocast(F.binary_cross_entropy, Q.bfloat16(), P.bfloat16()),
        lambda F: autocast(F.binary_cross_entropy, Q.double(), P.double()),
        lambda F: autocast(F.kl_div, LOG_Q.bfloat16(), P.bfloat16(), reduction="sum"),
        lambda F: autocast(F.nll_loss, LOG_Q.bfloat16(), Y),
        lambda F: autocast(F.mse_loss, X.bfloat16(), P),
    ],
    "values": [
        lambda F: F.kl_div(LOG_Q, -P, reduction="none"),
        lambda F: F.kl_div(torch.tensor([-math.inf]), torch.tensor([0.5]), reduction="sum"),
        lambda F: F.mse_loss(X * math.inf, P, reduction="none"),
        lambda F: F.binary_cross_entropy(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.5])),
        lambda F: F.nll_loss(torch.tensor([[-math.inf, 0.0]]), torch.tensor([0])),
        lambda F: F.cross_entropy(torch.tensor([[-math.inf, 0.0]]), torch.tensor([0])),
        lambda F: F.cross_entropy(torch.tensor([[math.inf, 0.0]]), torch.tensor([0])),
        lambda F: F.cross_entropy(X, 2 * P),
        lambda F: F.cross_entropy(X, -P),
        lambda F: F.binary_cross_entropy_with_logits(X, 3 * P),
    ],
    "arguments of old": [
        lambda F: F.cross_entropy(X, Y, size_average=False),
        lambda F: F.nll_loss(LOG_Q, Y, None, False),
        lambda F: F.kl_div(LOG_Q, P, reduce=False),
        lambda F: F.kl_div(LOG_Q, P, size_average=True),
        lambda F: F.mse_loss(X, P, None, False),
        lambda F: F.binary_cross_entropy(Q, P, None, False),
        lambda F: F.binary_cross_entropy_with_logits(X, P, size_average=False),
    ],
}

REFUSED = [
    lambda F: F.binary_cross_entropy(X, P),
    lambda F: F.binary_cross_entropy(Q * math.nan, P),
    lambda F: F.binary_cross_entropy(Q, 2 * P),
    lambda F: F.binary_cross_entropy(Q, P * math.nan),
    lambda F: F.binary_cross_entropy(Q, P[0]),
    lambda F: F.binary_cross_entropy(Q[0], P[0], torch.rand(2, 3)),
    lambda F: F.binary_cross_entropy(Q, P, reduction="average"),
    lambda F: F.kl_div(LOG_Q, P[:, :2], reduction="sum"),
    lambda F: F.kl_div(LOG_Q, P, reduction="average"),
    lambda F: F.kl_div(LOG_Q.to(torch.complex64), P, reduction="sum"),
    lambda F: F.mse_loss(X, P[:, :2]),
    lambda F: F.mse_loss(X, P, reduction="average"),
    lambda F: F.nll_loss(torch.tensor(1.0), torch.tensor(0)),
    lambda F: F.nll_loss(LOG_Q, Y + 1),
    lambda F: F.nll_loss(LOG_Q, Y - 1),
    lambda F: F.nll_loss(LOG_Q, Y[:1]),
    lambda F: F.nll_loss(LOG_Q, Y[:, None]),
    lambda F: F.nll_loss(LOG_Q, Y.float()),
    lambda F: F.nll_loss(LOG_Q, Y, W[:2]),
    lambda F: F.nll_loss(torch.zeros(2, 0), Y),
    lambda F: F.cross_entropy(X, Y + 1),
    lambda F: F.cross_entropy(X, Y, W[:2]),
    lambda F: F.cross_entropy(X, Y, label_smoothing=1.5),
    lambda F: F.cross_entropy(X, Y, reduction="average"),
    lambda F: F.binary_cross_entropy_with_logits(X, P[0]),
]


@pytest.mark.parametrize("kind", SAME)
def test_as_torch(kind):
    for number, call in enumerate(SAME[kind]):
        expected, actual = call(torch.nn.functional), call(functional)
        told = f"{kind}, call {number}"
        assert actual.dtype == expected.dtype, told
        assert actual.shape == expected.shape, told
        # torch computes what is in half precision, and one of two, in half precision
        lowest = torch.bfloat16 if kind == "dtypes" else actual.dtype
        near = 10 * torch.finfo(lowest).eps
        torch.testing.assert_close(actual, expected, rtol=near, atol=near, equal_nan=True, msg=told)


def test_what_torch_refuses_is_refused():
    refusals = (ValueError, TypeError, RuntimeError, IndexError)
    for number, call in enumerate(REFUSED):
        for module in (torch.nn.functional, functional):
            try:
                value = call(module)
            except refusals:
                continue
            pytest.fail(f"{module.__name__} took call {number}, and returned {value}")


def test_checks_off_changes_no_result():
    with xent.checks("off"):
        for kind in SAME:
            test_as_torch(kind)
        test_what_torch_refuses_is_refused()
