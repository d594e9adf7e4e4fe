"""The formulas under whatever torch does with a function of tensors."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.testing import assert_close

from xent.torch._tasks import SigmoidTask, SoftmaxTask
from xent.torch.formulas import sigmoid_cross_entropy, softmax_cross_entropy

# torch.func loads parts of torch that warn about other parts of torch
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning"),
]

CLASSES = torch.tensor([0, 3, 1, -100, 2, 0])
MASK = torch.tensor([True, True, True, True, False])
OPTIONS = {"class_mask": MASK, "label_smoothing": 0.1, "z_loss": 0.01, "softcap": 5.0}


def class_rows(x):
    task = SoftmaxTask(axis=x.ndim - 1, target=CLASSES, ignore_index=-100, **OPTIONS)
    return softmax_cross_entropy.rows(x, task)


def class_gradient(x, scale):
    task = SoftmaxTask(axis=x.ndim - 1, target=CLASSES, ignore_index=-100, **OPTIONS)
    return softmax_cross_entropy.gradient(x, task, scale)


def sigmoid_rows(x):
    return sigmoid_cross_entropy.nodes(x, sigmoid_task(x)).sum(-1)


def sigmoid_gradient(x, scale):
    scale = scale.unsqueeze(-1).expand(x.shape)
    return sigmoid_cross_entropy.gradient(x, sigmoid_task(x), scale)


def sigmoid_task(x):
    labels = torch.linspace(0, 1, 30, dtype=x.dtype).reshape(6, 5)
    return SigmoidTask(target=labels, pos_weight=torch.tensor([1.0, 2, 3, 4, 5]))


LOSSES = {
    "softmax": (class_rows, class_gradient),
    "sigmoid": (sigmoid_rows, sigmoid_gradient),
}


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param][0]


@pytest.fixture(params=LOSSES)
def both(request):
    return LOSSES[request.param]


@pytest.fixture
def x(rng):
    return torch.tensor(rng.normal(size=(6, 5)) * 3)


def test_grad_and_hessian_of_functions(both, x):
    loss, gradient = both
    slopes = torch.func.grad(lambda x: loss(x).sum())(x)
    assert_close(slopes, gradient(x, torch.ones(6, dtype=x.dtype)))
    hessian = torch.func.hessian(lambda x: loss(x).sum())(x)
    turned = torch.autograd.functional.hessian(lambda x: loss(x).sum(), x)
    assert_close(hessian, turned)
    closed = torch.autograd.functional.jacobian(
        lambda x: gradient(x, torch.ones(6, dtype=x.dtype)), x
    )
    assert_close(hessian, closed)


def test_forward_mode_meets_reverse_mode(loss, x, rng):
    v = torch.tensor(rng.normal(size=x.shape))
    _, through_func = torch.func.jvp(loss, (x,), (v,))
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(loss(forward_ad.make_dual(x, v)))
    x.requires_grad_()
    assert_close(through_func, (torch.autograd.grad(loss(x).sum(), x)[0] * v).sum(-1))
    assert_close(dual.tangent, through_func)


def test_a_batch_of_directions_at_once(both, x):
    # is_grads_batched runs the backward under vmap
    _, gradient = both
    scale = torch.linspace(-1, 1, 6, dtype=x.dtype)
    x.requires_grad_()
    slopes = gradient(x, scale)
    directions = torch.eye(30, dtype=x.dtype).reshape(30, 6, 5)
    (together,) = torch.autograd.grad(
        slopes, x, directions, is_grads_batched=True, retain_graph=True
    )
    for direction, got in zip(directions, together, strict=True):
        (alone,) = torch.autograd.grad(slopes, x, direction, retain_graph=True)
        assert_close(got, alone)
    batch = torch.func.vmap(lambda s: gradient(x.detach(), s))(torch.stack([scale, 2 * scale]))
    assert_close(batch[1], 2 * slopes.detach())


def test_gradients_of_each_sample(rng):
    # the per-sample gradients of differential privacy: a model, and a target a row
    features = torch.tensor(rng.normal(size=(6, 4)))
    weight = torch.tensor(rng.normal(size=(5, 4)))

    def of_one(weight, row, y):
        task = SoftmaxTask(axis=0, target=y, ignore_index=-100, label_smoothing=0.1)
        return softmax_cross_entropy.rows(weight @ row, task)

    per_sample = torch.func.vmap(torch.func.grad(of_one), in_dims=(None, 0, 0))
    together = per_sample(weight, features, CLASSES)
    for got, row, y in zip(together, features, CLASSES, strict=True):
        leaf = weight.clone().requires_grad_()
        (alone,) = torch.autograd.grad(of_one(leaf, row, y), leaf)
        assert_close(got, alone)


class Scored(torch.nn.Module):
    def forward(self, logits, target):
        options = {"ignore_index": -100, "label_smoothing": 0.1, "softcap": 9.0, "temperature": 2.0}
        task = SoftmaxTask(axis=1, target=target, **options)
        stats = softmax_cross_entropy.statistics(logits, task)
        return softmax_cross_entropy.rows(logits, task), stats.entropy, stats.hit


def test_export_with_a_batch_of_any_size(x):
    rows_of_any_number = torch.export.Dim("rows", min=2)
    program = torch.export.export(
        Scored(), (x.float(), CLASSES), dynamic_shapes=({0: rows_of_any_number},) * 2
    )
    decomposed = program.run_decompositions()
    for n in (6, 4):
        expected = Scored()(x[:n].float(), CLASSES[:n])
        for exported in (program, decomposed):
            got = exported.module()(x[:n].float(), CLASSES[:n])
            assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_compiles_as_one_graph_with_its_gradient(name, x):
    loss = LOSSES[name][0]
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    x.requires_grad_()
    got = torch.autograd.grad(compiled(x).sum(), x)
    assert_close(got, torch.autograd.grad(loss(x).sum(), x))


def test_nothing_looks_at_the_values(x):
    # on the meta device there are none
    y = CLASSES.to("meta")
    task = SoftmaxTask(axis=1, target=y, ignore_index=-100, sample_weight=y.float(), softcap=5.0)
    meta = x.to("meta").bfloat16().requires_grad_()
    softmax_cross_entropy.rows(meta, task).sum().backward()
    slopes = softmax_cross_entropy.gradient(meta, task, y.float())
    assert slopes.dtype == meta.dtype
    assert softmax_cross_entropy.statistics(meta, task).hit.shape == y.shape
    assert softmax_cross_entropy.row_weights(meta, task).shape == y.shape


def test_autocast_changes_nothing(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = class_rows(x.float())
    assert torch.equal(inside, class_rows(x.float()))
