"""A row whose class weighs 0: no loss, no gradient, read by nobody but its own statistics.

On every path, whatever serves a call and however little memory its blocks have.
"""

import pytest
import torch
from torch.testing import assert_close

import xent
from xent.torch import functional as F

N, V, D = 40, 400, 8
Y = torch.arange(N) % 7
WEIGHT = torch.rand(V, generator=torch.Generator().manual_seed(0)) + 0.5
WEIGHT[[1, 4]] = 0
FREE = WEIGHT[Y] == 0
SERVED = {
    "cpu": {"implementation": "cpu"},
    "formulas": {"implementation": "formulas"},
}
BUDGETS = [None, 200_000, 50_000, 20_000]
LINEAR = [
    *({"memory": memory, "implementation": "cpu"} for memory in BUDGETS),
    *({"memory": memory, "implementation": "formulas"} for memory in (None, 100_000)),
]
held = pytest.mark.parametrize("held", [torch.nan, torch.inf])
with_stats = pytest.mark.parametrize("statistics", [False, True])


@pytest.fixture(autouse=True)
def _silence():
    with xent.checks("off"):
        yield


def drawn(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def loss_of(name, statistics):
    found = getattr(F, f"{name}_with_stats" if statistics else name)
    return (lambda *a, **o: found(*a, **o).loss) if statistics else found


def derivatives(value, leaves):
    plain = torch.autograd.grad(value, leaves, retain_graph=True)
    graph = torch.autograd.grad(value, leaves, create_graph=True)
    second = torch.autograd.grad(sum(each.square().sum() for each in graph), leaves)
    return [value.detach(), *plain, *(each.detach() for each in graph), *second]


@held
@with_stats
@pytest.mark.parametrize("by", SERVED)
@pytest.mark.parametrize("classes", [V, 8])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_nothing_of_it_reaches_a_loss_or_a_gradient_of_logits(
    held, statistics, by, classes, reduction
):
    x = drawn(N, classes, seed=1)
    dirty = x.clone()
    dirty[FREE] = held
    loss = loss_of("cross_entropy", statistics)
    found = []
    for each in (x, dirty):
        leaf = each.requires_grad_()
        value = loss(leaf, Y, WEIGHT[:classes], reduction=reduction, **SERVED[by])
        found.append(derivatives(value.sum(), [leaf]))
    assert not found[1][1][FREE].any()
    assert_close(found[1], found[0], rtol=1e-5, atol=1e-9)


@held
@with_stats
@pytest.mark.parametrize("how", LINEAR, ids=str)
def test_nothing_of_it_reaches_a_loss_or_a_gradient_of_hidden_states(held, statistics, how):
    hidden, head = drawn(N, D, seed=2), drawn(V, D, seed=3)
    dirty = hidden.clone()
    dirty[FREE] = held
    loss = loss_of("linear_softmax_cross_entropy", statistics)
    found = []
    for each in (hidden, dirty):
        leaves = [each.requires_grad_(), head.requires_grad_()]
        found.append(derivatives(loss(*leaves, Y, weight=WEIGHT, **how), leaves))
    assert not found[1][1][FREE].any()
    assert_close(found[1], found[0], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("options", [{}, {"z_loss": 0.1}, {"label_smoothing": 0.1}], ids=str)
@pytest.mark.parametrize("by", SERVED)
@pytest.mark.parametrize("classes", [V, 8])
@pytest.mark.parametrize("target", ["classes", "one-hot"])
def test_statistics_are_those_without_class_weights(options, by, classes, target):
    x, y = drawn(N, classes, seed=4), Y
    x[torch.arange(N), Y] += 3
    if target == "one-hot":
        y = torch.nn.functional.one_hot(Y, classes).float()
    sample_weight = (torch.arange(N) % 5 > 0).float()
    if target == "classes":
        y = y.clone()
        y[3] = -100
    rows = {"sample_weight": sample_weight}
    found = F.cross_entropy_with_stats(x, y, WEIGHT[:classes], **rows, **options, **SERVED[by])
    bare = F.cross_entropy_with_stats(x, y, **rows, **SERVED[by])
    for name in ("nll", "lse", "entropy", "hit"):
        assert_close(getattr(found, name), getattr(bare, name), rtol=0, atol=0)
    counted = (sample_weight != 0) & (torch.arange(N) != 3 if target == "classes" else True)
    assert found.hit[FREE & counted].float().mean() > 0.5
    assert not found.hit[~counted].any()


@pytest.mark.parametrize("how", LINEAR, ids=str)
def test_statistics_of_hidden_states_are_those_without_class_weights(how):
    head = torch.nn.functional.normalize(drawn(V, D, seed=3))
    hidden = 9 * head[Y] + drawn(N, D, seed=5) / 9
    found = F.linear_softmax_cross_entropy_with_stats(
        hidden.clone().requires_grad_(), head, Y, weight=WEIGHT, **how
    )
    bare = F.linear_softmax_cross_entropy_with_stats(hidden, head, Y, **how)
    for name in ("nll", "lse", "entropy", "hit"):
        assert_close(getattr(found, name), getattr(bare, name), rtol=1e-5, atol=1e-6)
    assert found.hit[FREE].any()


@pytest.mark.parametrize("by", SERVED)
def test_it_may_be_of_a_masked_class(by):
    x = drawn(N, 8, seed=6)
    mask = torch.ones(8, dtype=torch.bool)
    mask[1] = False
    found = F.cross_entropy(x, Y, WEIGHT[:8], class_mask=mask, **SERVED[by])
    kept = Y != 1
    assert_close(found, F.cross_entropy(x[kept], Y[kept], WEIGHT[:8], class_mask=mask))


@pytest.mark.parametrize("by", SERVED)
def test_a_row_of_weight_zero_may_have_any_target(by):
    x, y = drawn(N, 8, seed=6), Y.clone()
    y[0] = 99
    sample_weight = torch.ones(N)
    sample_weight[0] = 0
    found = F.cross_entropy(x, y, sample_weight=sample_weight, **SERVED[by])
    assert_close(found, F.cross_entropy(x[1:], y[1:]))
