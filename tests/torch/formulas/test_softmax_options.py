"""Every option of a softmax task, against its definition; and the edges of the logits."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas.softmax_cross_entropy import gradient, row_weights, rows, statistics

N, C = 7, 5
INF, NAN = torch.inf, torch.nan


def definition(x, task):
    """The loss as its task says it, classes last, for logits where float64 is enough."""
    if task.softcap is not None:
        x = task.softcap * torch.tanh(x / task.softcap)
    x = x / task.temperature
    allowed = torch.ones(C, dtype=bool) if task.class_mask is None else task.class_mask
    x = torch.where(allowed, x, -1e6)
    log_p = torch.log_softmax(x, -1)
    if task.target is None:
        t = task.soft_target
    else:
        t = torch.nn.functional.one_hot(task.target.clamp(0), C).to(x.dtype)
    eps = task.label_smoothing
    t = (1 - eps) * t + eps * allowed.double() / allowed.sum(-1, keepdim=True)
    w = 1 if task.class_weight is None else task.class_weight
    loss = -(w * t * torch.where(allowed, log_p, 0)).sum(-1)
    loss = loss + task.z_loss * torch.logsumexp(x, -1) ** 2
    if task.sample_weight is not None:
        loss = loss * task.sample_weight
    if task.ignore_index is not None:
        loss = torch.where(task.target == task.ignore_index, 0, loss)
    return loss


OPTIONS = {
    "class_weight": torch.tensor([0.5, 0.0, 2.0, 1.0, 3.0], dtype=torch.float64),
    "sample_weight": torch.tensor([1.0, 0.0, 2.0, 0.5, 3.0, 1.0, 0.0], dtype=torch.float64),
    "class_mask": torch.tensor([True, True, False, True, True]),
    "label_smoothing": 0.1,
    "z_loss": 0.01,
    "softcap": 3.0,
    "temperature": 1.7,
}
TARGETS = {
    "class": {"target": torch.tensor([0, 1, 3, 4, -100, 0, 1]), "ignore_index": -100},
    "distribution": {
        "soft_target": torch.tensor([[0.2, 0.1, 0.0, 0.7, 0.0]], dtype=torch.float64).repeat(N, 1)
    },
}
COMBINATIONS = [*itertools.combinations(OPTIONS, 1), *itertools.combinations(OPTIONS, 2)]
COMBINATIONS += [(), tuple(OPTIONS)]


@pytest.fixture
def logits(rng):
    return torch.tensor(rng.normal(size=(N, C)) * 3, requires_grad=True)


@pytest.fixture
def scale(rng):
    return torch.tensor(rng.normal(size=N), requires_grad=True)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_options_mean_what_the_task_says(rng, logits, scale, kind, names):
    task = SoftmaxTask(axis=1, **TARGETS[kind], **{name: OPTIONS[name] for name in names})
    loss, exact = rows(logits, task), definition(logits, task)
    assert_close(loss, exact, rtol=1e-13, atol=1e-13)

    def derivative(loss):
        return torch.autograd.grad((loss * scale).sum(), logits, create_graph=True)[0]

    slopes, by_definition = gradient(logits, task, scale), derivative(exact)
    assert_close(derivative(loss), by_definition, rtol=1e-12, atol=1e-13)
    assert_close(slopes, by_definition, rtol=1e-12, atol=1e-13)

    v = torch.tensor(rng.normal(size=(N, C)))
    turned = torch.autograd.grad((slopes * v).sum(), (logits, scale))
    expected = torch.autograd.grad((by_definition * v).sum(), (logits, scale))
    assert_close(turned, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_gradient_is_differentiable_to_any_order(logits, scale, kind):
    task = SoftmaxTask(axis=1, **TARGETS[kind], **OPTIONS)
    few = logits.detach()[:3].requires_grad_()
    rates = scale.detach()[:3].requires_grad_()
    first = {"soft_target": None, "target": None, **TARGETS[kind]}
    first = {k: first[k][:3] for k in ("soft_target", "target") if first[k] is not None}
    task = replace(task, sample_weight=OPTIONS["sample_weight"][:3], **first)
    assert torch.autograd.gradcheck(lambda x, s: gradient(x, task, s), (few, rates))
    assert torch.autograd.gradgradcheck(lambda x, s: gradient(x, task, s), (few, rates))
    assert torch.autograd.gradgradcheck(lambda x: rows(x, task), few)


@pytest.mark.parametrize("names", [(), ("label_smoothing", "class_weight", "class_mask")])
def test_soft_targets_and_weights_have_gradients(logits, names):
    soft = TARGETS["distribution"]["soft_target"].clone().requires_grad_()
    options = {name: OPTIONS[name] for name in names}
    sample_weight = torch.arange(1.0, N + 1, dtype=torch.float64).requires_grad_()

    def of(function):
        task = SoftmaxTask(axis=1, soft_target=soft, sample_weight=sample_weight, **options)
        return torch.autograd.grad(function(logits, task).sum(), (soft, sample_weight))

    assert_close(of(rows), of(definition), rtol=1e-12, atol=1e-14)
    # where t = 0 as well: -w log p, and not 0
    assert (of(rows)[0] != 0).sum() == N * (C if not names else C - 2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_classes_may_be_any_axis(rng, axis):
    last = torch.tensor(rng.normal(size=(3, 4, C)))
    target = torch.tensor(rng.integers(C, size=(3, 4)))
    mask = torch.tensor(rng.random((3, 4, C)) < 0.7) | torch.nn.functional.one_hot(target, C).bool()
    task = SoftmaxTask(axis=2, target=target, class_mask=mask, label_smoothing=0.1)
    moved = replace(task, axis=axis, class_mask=mask.movedim(2, axis))
    assert_close(rows(last.movedim(2, axis), moved), rows(last, task), rtol=0, atol=0)
    slopes = gradient(last.movedim(2, axis), moved, torch.ones(3, 4))
    assert_close(slopes, gradient(last, task, torch.ones(3, 4)).movedim(2, axis), rtol=0, atol=0)


def test_what_rows_count():
    for kind, of_class in [("class", [0.5, 0, 1, 3, 0, 0.5, 0]), ("distribution", [1] * N)]:
        task = SoftmaxTask(axis=1, **TARGETS[kind], class_weight=OPTIONS["class_weight"])
        counts = row_weights(torch.zeros(N, C), task)
        assert counts.dtype == torch.float32
        assert counts.tolist() == of_class
        counts = row_weights(
            torch.zeros(N, C), replace(task, sample_weight=OPTIONS["sample_weight"])
        )
        assert_close(counts, torch.tensor(of_class) * OPTIONS["sample_weight"].float())


@pytest.mark.parametrize("kind", TARGETS)
def test_statistics_are_those_of_the_prediction(logits, kind):
    options = {k: OPTIONS[k] for k in ("class_weight", "label_smoothing", "z_loss", "temperature")}
    task = SoftmaxTask(axis=1, **TARGETS[kind], **options)
    got = statistics(logits, task)
    kept = task.target != -100 if task.target is not None else torch.ones(N, dtype=bool)
    plain = SoftmaxTask(axis=1, temperature=1.7, **TARGETS[kind])
    log_p = torch.log_softmax(logits / 1.7, -1)
    best = task.target if task.target is not None else task.soft_target.argmax(-1)
    assert_close(got.nll, definition(logits, plain))
    assert_close(got.lse, torch.where(kept, torch.logsumexp(logits / 1.7, -1), 0))
    assert_close(got.entropy, torch.where(kept, -(log_p.exp() * log_p).sum(-1), 0))
    assert torch.equal(got.hit, kept & (logits.argmax(-1) == best))


def test_the_gradient_of_the_entropy_bears_impossible_classes():
    x = torch.tensor([[1.0, -INF, 0.0, -0.5], [0.0, -INF, -INF, -INF]], dtype=torch.float64)
    x.requires_grad_()
    (slopes,) = torch.autograd.grad(
        statistics(x, SoftmaxTask(axis=1, target=torch.tensor([1, 0]))).entropy.sum(), x
    )
    log_p = torch.log_softmax(x.detach()[0, [0, 2, 3]], -1)
    p, h = log_p.exp(), -(log_p.exp() * log_p).sum()
    assert_close(slopes[0, [0, 2, 3]], -p * (log_p + h))
    assert slopes[0, 1] == 0
    assert slopes[1].tolist() == [0, 0, 0, 0]


# Edges --------------------------------------------------------------------------------------

EDGES = {
    "an impossible class": ([1.0, -INF, 0.5], 0, None),
    "all others impossible": ([1.0, -INF, -INF], 0, [0.0, 0, 0]),
    "all impossible": ([-INF, -INF, -INF], 0, [NAN, NAN, NAN]),
    "infinitely likely": ([INF, 0.0, 1.0], 0, [NAN, NAN, NAN]),
    "infinitely likely, not the target": ([0.0, INF, 1.0], 0, [NAN, NAN, NAN]),
    "not a number": ([0.0, NAN, 1.0], 0, [NAN, NAN, NAN]),
    "no class": ([0.0, 2.0, 1.0], 3, [NAN, NAN, NAN]),
    "no class below": ([0.0, 2.0, 1.0], -1, [NAN, NAN, NAN]),
}


def all_gradients(x, task):
    x = x.clone().requires_grad_()
    loss = rows(x, task)
    (automatic,) = torch.autograd.grad(loss.sum(), x, create_graph=True)
    closed = gradient(x, task, torch.ones(len(x)))
    (second,) = torch.autograd.grad(closed.square().sum(), x)
    return loss.detach(), automatic.detach(), closed.detach(), second


@pytest.mark.parametrize(
    ("name", "soft"),
    [(name, False) for name in EDGES]
    # a distribution cannot name what is no class
    + [(name, True) for name, (_, target, _) in EDGES.items() if 0 <= target < 3],
)
def test_edges_of_the_logits(name, soft):
    row, target, expected = EDGES[name]
    x = torch.tensor([row, [0.0, 1.0, 2.0]])
    y = torch.tensor([target, 1])
    one_hot = {"soft_target": torch.nn.functional.one_hot(y.clamp(0, 2), 3).float()}
    task = SoftmaxTask(axis=1, **(one_hot if soft else {"target": y}))
    loss, automatic, closed, second = all_gradients(x, task)
    assert_close(automatic, closed, equal_nan=True)
    for each in (loss, closed, second):
        assert each[1].isfinite().all()  # what is wrong stays in its row
    if expected is None:
        possible = torch.tensor([row[0], row[2]])
        assert_close(loss[0], torch.logsumexp(possible, 0) - row[0])
        assert closed[0, 1] == 0
        assert second[0].isfinite().all()
    else:
        assert_close(closed[0], torch.tensor(expected), equal_nan=True, rtol=0, atol=0)
        assert_close(loss[0], torch.tensor(expected[0]), equal_nan=True, rtol=0, atol=0)


def test_mass_on_an_impossible_class_costs_infinity():
    x = torch.tensor([[1.0, -INF, 0.5]] * 2)
    soft = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert rows(x, SoftmaxTask(axis=1, target=torch.tensor([1, 0]))).tolist()[0] == INF
    assert rows(x, SoftmaxTask(axis=1, soft_target=soft)).isinf().tolist() == [True, False]
    smoothed = SoftmaxTask(axis=1, target=torch.tensor([0, 0]), label_smoothing=0.1)
    assert rows(x, smoothed).isinf().all()
    masked = replace(smoothed, class_mask=torch.tensor([True, False, True]))
    expected = rows(x[:, [0, 2]], smoothed)  # the share of the two that are left
    assert_close(rows(x, masked), expected)


@pytest.mark.parametrize("held", [NAN, INF, -INF, 1e30])
@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("kind", TARGETS)
def test_a_masked_class_is_not_looked_at(held, softcap, kind):
    x = torch.randn(N, C, generator=torch.Generator().manual_seed(0))
    dirty = x.clone()
    dirty[:, 2] = held
    options = {"class_mask": OPTIONS["class_mask"], "softcap": softcap, "label_smoothing": 0.1}
    task = SoftmaxTask(axis=1, **TARGETS[kind], **options, z_loss=0.1)
    clean = all_gradients(x, task)
    for got, expected in zip(all_gradients(dirty, task), clean, strict=True):
        assert torch.equal(got, expected)
    assert (clean[1][:, 2] == 0).all()
    assert (clean[2][:, 2] == 0).all()


@pytest.mark.parametrize("held", [NAN, INF, -INF])
@pytest.mark.parametrize(
    "mask",
    [
        None,
        torch.tensor([False, True, True, True, True]),
        torch.tensor([[False] * C, [False] * C, [True] * C]),  # nothing is left of the skipped
    ],
    ids=["no mask", "class mask", "row mask"],
)
def test_a_skipped_row_is_zero_whatever_it_holds(held, mask):
    x = torch.full((3, C), held)
    x[2] = torch.arange(5.0)
    weight = torch.tensor([1.0, 0.0, 1.0], requires_grad=True)
    class_weight = torch.ones(C, requires_grad=True)
    options = {"class_mask": mask, "label_smoothing": 0.1, "z_loss": 0.1, "softcap": 9.0}
    task = SoftmaxTask(
        axis=1, target=torch.tensor([-100, 1, 2]), ignore_index=-100, class_weight=class_weight,
        sample_weight=weight, **options,
    )  # fmt: skip
    for each in all_gradients(x, task):
        assert (each[:2] == 0).all()
        assert each[2].isfinite().all()
    leaves = x.requires_grad_(), weight, class_weight
    for slope in torch.autograd.grad(rows(x, task).sum(), leaves):
        assert slope.isfinite().all()
    soft = torch.full((3, C), NAN)
    soft[2] = 1 / C
    task = SoftmaxTask(axis=1, soft_target=soft, sample_weight=torch.tensor([0.0, 0, 1]))
    assert rows(x, task)[:2].tolist() == [0, 0]
    assert (gradient(x, task, torch.ones(3))[:2] == 0).all()


def test_a_class_that_weighs_nothing_may_be_impossible():
    x = torch.tensor([[1.0, -INF, 0.5]], requires_grad=True)
    weight = torch.tensor([1.0, 0.0, 1.0])
    loss = rows(x, SoftmaxTask(axis=1, target=torch.tensor([1]), class_weight=weight))
    assert loss.tolist() == [0]
    assert torch.autograd.grad(loss.sum(), x)[0].tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    "z", [-1e5, -1200.0, -600.0, -60.0, -1.0, -1e-8, 0.0, 0.3, 5.0, 60.0, 600.0, 1200.0, 1e5]
)
def test_a_saturated_cap_keeps_its_slope(z):
    # 1 - tanh^2 is 0 in float32 from 9 caps on
    cap = 30.0
    x = torch.tensor([[z, 0.0]], requires_grad=True)
    task = SoftmaxTask(axis=1, target=torch.tensor([1]), softcap=cap)
    (slope,) = torch.autograd.grad(rows(x, task).sum(), x)
    assert_close(slope, gradient(x, task, torch.ones(1)).detach(), rtol=1e-6, atol=0)
    exact = torch.tensor(z, dtype=torch.float64) / cap
    p = torch.sigmoid(cap * torch.tanh(exact))
    assert_close(slope[0, 0].double(), p / torch.cosh(exact) ** 2, rtol=1e-6, atol=1e-45)


def test_no_rows_are_no_losses():
    task = SoftmaxTask(axis=1, target=torch.zeros(0, dtype=torch.int64), label_smoothing=0.1)
    x = torch.zeros(0, 3, requires_grad=True)
    assert rows(x, task).shape == (0,)
    assert gradient(x, task, torch.zeros(0)).shape == (0, 3)


def test_a_row_of_class_weight_0_is_skipped_whatever_it_holds():
    """Of class indices; smoothing and z_loss give it a loss all the same. As the kernels do."""
    x = torch.randn(3, C, dtype=torch.float64)
    x[1, 2] = NAN
    weight = OPTIONS["class_weight"]
    task = SoftmaxTask(axis=-1, target=torch.tensor([0, 1, 2]), class_weight=weight)
    others = torch.tensor([0, 2])
    without = replace(task, target=task.target[others])
    assert_close(rows(x, task)[others], rows(x[others], without), rtol=0, atol=0)
    assert rows(x, task)[1] == 0
    assert not gradient(x, task, torch.ones(3))[1].any()
    assert statistics(x, task).nll.isnan().tolist() == [False, True, False]  # before any weight
    for option in ("z_loss", "label_smoothing"):
        assert rows(x, replace(task, **{option: 0.1}))[1].isnan()
    beyond = replace(task, target=torch.tensor([0, C, 2]), class_weight=1 - weight.sign())
    assert rows(x.nan_to_num(), beyond)[1].isnan()
