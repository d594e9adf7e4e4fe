"""softmax_entropy: what it means, its edges, its derivatives, and what it refuses."""

import pytest
import torch
from torch.testing import assert_close

from xent.errors import XentTypeError, XentValueError
from xent.torch import functional as F

INF, NAN = torch.inf, torch.nan

# torch.func and torch.compile meet parts of torch that warn about other parts of torch
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]


@pytest.fixture
def logits(rng):
    return torch.tensor(rng.normal(size=(6, 5)) * 2, requires_grad=True)


def definition(x):
    log_p = torch.log_softmax(x, -1)
    return -(log_p.exp() * log_p).sum(-1)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_it_is_the_entropy(logits, temperature):
    entropy = F.softmax_entropy(logits, temperature=temperature, reduction="none")
    expected = definition(logits / temperature)
    assert_close(entropy, expected)
    slopes = [torch.autograd.grad(e.sum(), logits)[0] for e in (entropy, expected)]
    assert_close(*slopes)


def test_known_values():
    assert_close(F.softmax_entropy(torch.zeros(3, 8)), torch.tensor(8.0).log())
    assert F.softmax_entropy(torch.zeros(3, 1)) == 0
    assert F.softmax_entropy(torch.tensor([0.0, -INF, -INF])) == 0


def test_masks_reductions_weights_and_axes(logits):
    mask = torch.tensor([True, False, True, True, False])
    rows = definition(logits[:, mask])
    assert_close(F.softmax_entropy(logits, class_mask=mask), rows.mean())
    full = mask.repeat(6, 1)
    assert_close(F.softmax_entropy(logits, class_mask=full, reduction="sum"), rows.sum())
    weight = torch.tensor([1.0, 0.0, 2.0, 0.5, 0.0, 1.0])
    total = F.softmax_entropy(logits, class_mask=mask, sample_weight=weight, reduction="total")
    assert_close(total.mean(), (rows * weight).sum() / weight.sum())
    moved = F.softmax_entropy(logits.T, class_mask=mask, axis=0, reduction="none")
    assert_close(moved, rows)
    column = mask[:, None]
    assert torch.equal(
        F.softmax_entropy(logits.T, class_mask=column, axis=0, reduction="none"), moved
    )


@pytest.mark.parametrize("held", [-INF, INF, NAN])
def test_a_masked_class_and_a_skipped_row_are_not_looked_at(logits, held):
    x = logits.detach().clone()
    x[:, 1], x[2] = held, held
    x.requires_grad_()
    mask, kept = torch.arange(5) != 1, torch.arange(6) != 2
    entropy = F.softmax_entropy(x, class_mask=mask, sample_weight=kept)
    (slopes,) = torch.autograd.grad(entropy, x)
    assert_close(entropy, definition(logits[kept][:, mask]).mean())
    assert (slopes[:, 1] == 0).all()
    assert (slopes[2] == 0).all()
    assert slopes.isfinite().all()


def test_impossible_classes_have_no_gradient_where_others_have_nan():
    row = torch.tensor([1.0, -INF, 0.0])
    x = row.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(F.softmax_entropy(x), x)
    assert slopes[1] == 0
    assert_close(slopes[[0, 2]], torch.func.grad(definition)(row[[0, 2]]))

    def with_where(x):
        p = x.softmax(-1)
        return -torch.where(p > 0, p * p.log(), 0.0).sum()

    # what the docstring says of the usual repair
    assert torch.func.grad(with_where)(row).isnan().any()


def test_rows_that_have_no_entropy_are_nan_alone():
    x = torch.tensor([[-INF, -INF], [INF, 0.0], [NAN, 0.0], [0.0, 0.0]], requires_grad=True)
    entropy = F.softmax_entropy(x, reduction="none")
    (slopes,) = torch.autograd.grad(entropy.sum(), x)
    assert entropy.isnan().tolist() == [True, True, True, False]
    assert slopes.isnan().any(-1).tolist() == [True, True, True, False]


def test_derivatives_of_any_order(logits):
    few = logits.detach()[:2].requires_grad_()
    few.data[1, 3] = -INF

    def entropy(x):
        x = torch.cat([x, few[1:].detach()])  # a constant row with an impossible class
        return F.softmax_entropy(x, temperature=2.0, reduction="none")

    one = few[:1].detach().requires_grad_()
    assert torch.autograd.gradcheck(entropy, one, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(entropy, one)
    hessian = torch.func.hessian(F.softmax_entropy)(few[1].detach())
    assert hessian.isfinite().all()
    assert (hessian[3] == 0).all()
    possible = [0, 1, 2, 4]
    expected = torch.func.hessian(definition)(few[1, possible].detach())
    assert_close(hessian[possible][:, possible], expected)


def test_vmap_of_grad_and_one_graph(logits):
    x = logits.detach()
    together = torch.func.vmap(torch.func.grad(F.softmax_entropy))(x)
    compiled = torch.compile(F.softmax_entropy, fullgraph=True, backend="aot_eager")
    (got,) = torch.autograd.grad(compiled(logits) * 6, logits)
    for row, alone in zip(x, together, strict=True):
        assert_close(alone, torch.func.grad(F.softmax_entropy)(row))
    assert_close(got, together)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_logits_give_float32(logits, dtype):
    x = logits.detach().to(dtype).requires_grad_()
    entropy = F.softmax_entropy(x)
    assert entropy.dtype == torch.float32
    assert torch.autograd.grad(entropy, x)[0].dtype == dtype
    assert_close(entropy, definition(x.double()).mean().float())


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"logits": torch.zeros(3, 2).long()}, XentTypeError, "logits"),
        ({"logits": torch.tensor(1.0)}, XentValueError, "D14"),
        ({"logits": torch.zeros(3, 0)}, XentValueError, "at least one class"),
        ({"axis": -3}, XentValueError, "axis"),
        ({"axis": 0.0}, XentTypeError, "axis must be an int"),
        ({"temperature": -1.0}, XentValueError, "temperature"),
        ({"class_mask": torch.ones(2)}, XentTypeError, "bool"),
        ({"class_mask": torch.ones(4, dtype=bool)}, XentValueError, "class_mask"),
        ({"sample_weight": torch.ones(3, 2)}, XentValueError, "sample_weight"),
    ],
)
def test_refusals(change, error, says):
    arguments = {"logits": torch.zeros(3, 2), **change}
    with pytest.raises(error, match=says):
        F.softmax_entropy(arguments.pop("logits"), **arguments)
