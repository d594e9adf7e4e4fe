"""Linear softmax cross-entropy by blocks of rows: float64 whole logits, to any order."""

import pytest
import torch
from live_memory import Watch

from xent.torch._linear.softmax import formulas as linear
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

N, D, V = 7, 3, 5


def tensors(count=N, dtype=torch.float64):
    like = {"dtype": dtype, "requires_grad": True}
    return torch.randn(count, D, **like), torch.randn(V, D, **like), torch.randn(V, **like)


def tasks(count=N, dtype=torch.float64):
    index = torch.arange(count) * 3 % V
    index[1::3] = -100
    soft = torch.softmax(torch.randn(count, V, dtype=dtype), 1)
    classes, each = torch.rand(V, dtype=dtype) + 0.1, torch.rand(count, dtype=dtype) + 0.1
    skipped = each.clone()
    skipped[::2] = 0
    mask = torch.tensor([True, True, False, True, True])
    masks = torch.rand(count, V) < 0.7
    masks.scatter_(1, index.clamp(min=0).unsqueeze(1), True)
    index_of_mask = torch.where(index == 2, 0, index)
    top = torch.tensor([[0, 3], [4, -1]]).repeat(count, 1)[:count]
    probs = torch.rand(count, 2, dtype=dtype)
    softmax = {
        "classes": SoftmaxTask(1, index, ignore_index=-100),
        "weights": SoftmaxTask(
            1, index, class_weight=classes, sample_weight=skipped, ignore_index=-100,
            label_smoothing=0.1,
        ),
        "soft": SoftmaxTask(1, soft_target=soft, class_weight=classes, label_smoothing=0.2),
        "soft skipped": SoftmaxTask(1, soft_target=soft, sample_weight=skipped),
        "options": SoftmaxTask(
            1, index, ignore_index=-100, z_loss=0.1, softcap=3.0, temperature=2.0
        ),
        "masked": SoftmaxTask(
            1, index_of_mask, class_mask=mask, label_smoothing=0.1, ignore_index=-100
        ),
        "masks": SoftmaxTask(1, index, class_mask=masks, ignore_index=-100, z_loss=0.01),
    }  # fmt: skip
    sparse = SoftmaxTask(1, class_weight=classes, label_smoothing=0.1)
    return {
        **{name: LinearTask(each) for name, each in softmax.items()},
        "sparse": LinearTask(sparse, top, probs),
    }


TASKS = list(tasks())
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def whole(hidden, weight, bias, task):
    """The definition: all logits at once."""
    logits = hidden @ weight.t()
    logits = logits if bias is None else logits + bias
    return formulas.rows(logits, task.of_rows(slice(None), len(weight), logits.dtype))


def by_blocks(block):
    return lambda *a: linear.rows(*a, block)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("block", [1, 3, 7, 100])
@pytest.mark.parametrize("task", TASKS)
def test_rows_and_derivatives_of_three_orders_are_those_of_whole_logits(task, block, bias):
    task = tasks()[task]
    *inputs, b = tensors()
    inputs, b = ([*inputs, b], b) if bias else (inputs, None)
    u = torch.rand(N, dtype=torch.float64, requires_grad=True)
    found, right = ((f(*inputs[:2], b, task) * u,) for f in (by_blocks(block), whole))
    for order in range(4):
        torch.testing.assert_close(found, right, **CLOSE)
        if order < 3:
            found, right = (
                torch.autograd.grad(
                    sum(x.square().sum() for x in each) / 2**order, (*inputs, u), create_graph=True
                )
                for each in (found, right)
            )


@pytest.mark.parametrize("task", ["weights", "options", "soft", "masks"])
def test_finite_differences_agree_in_every_mode(task):
    task, inputs = tasks(4)[task], tensors(4)

    def f(*inputs):
        return linear.rows(*inputs, task, 3)

    assert torch.autograd.gradcheck(f, inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(f, inputs, check_fwd_over_rev=True)


DIFFERENTIABLE = ["soft_target", "sample_weight", "class_weight", "probs"]


def task_and(name):
    """Return a task in which all count, with one of its tensors."""
    kind = {"soft_target": "soft skipped", "probs": "sparse"}.get(name, "weights")
    task = tasks()[kind]
    if task.softmax.sample_weight is not None:
        task.softmax.sample_weight = task.softmax.sample_weight + 0.1
    holder = task if name == "probs" else task.softmax
    return task, holder, getattr(holder, name)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_targets_and_weights_can_be_differentiated_by_to_three_orders(name):
    *inputs, bias = tensors()
    task, _, extra = task_and(name)
    inputs = (*inputs, bias, extra.requires_grad_())
    found, right = ((f(*inputs[:3], task),) for f in (by_blocks(3), whole))
    for order in range(4):
        torch.testing.assert_close(found, right, **CLOSE)
        if order < 3:
            found, right = (
                torch.autograd.grad(
                    sum(x.square().sum() for x in each) / 2**order, inputs, create_graph=True
                )
                for each in (found, right)
            )


@pytest.mark.parametrize("task", ["classes", "weights", "soft", "sparse"])
def test_the_transforms_of_torch_func(task):
    task = tasks()[task]
    h, w, b = (each.detach() for each in tensors())
    v = [torch.randn_like(each) for each in (h, w, b)]

    def everything(rows):
        def f(h, w, b):
            return rows(h, w, b, task).square().sum()

        return (
            torch.func.grad(f, (0, 1, 2))(h, w, b),
            torch.func.vjp(lambda *a: rows(*a, task), h, w, b)[1](torch.linspace(1, 2, N).double()),
            torch.func.jvp(f, (h, w, b), tuple(v)),
            torch.func.jvp(torch.func.grad(f, (0, 1)), (h, w, b), tuple(v)),
            torch.func.hessian(f, (0, 1))(h, w, b),
            torch.func.jacrev(torch.func.jacrev(f, 2), 1)(h, w, b),
            torch.func.vmap(torch.func.grad(f, 1), (None, 0, None))(h, torch.stack([w, -w]), b),
        )

    torch.testing.assert_close(everything(by_blocks(3)), everything(whole), **CLOSE)


def test_gradients_of_each_sample_by_vmap():
    h, w, b = (each.detach() for each in tensors())
    target = torch.arange(N) % V

    def of_one(h, y, rows):
        task = LinearTask(SoftmaxTask(1, y.unsqueeze(0), label_smoothing=0.1))
        return torch.func.grad(lambda w: rows(h.unsqueeze(0), w, b, task).sum())(w)

    found, right = (
        torch.func.vmap(lambda h, y, rows=rows: of_one(h, y, rows))(h, target)
        for rows in (by_blocks(3), whole)
    )
    assert found.shape == (N, V, D)
    torch.testing.assert_close(found, right, **CLOSE)


@pytest.mark.parametrize("wanted", [(True, True, True), (False, True, False), (True, False, True)])
@pytest.mark.parametrize("task", TASKS)
def test_gradients_are_those_of_rows_and_differentiable(task, wanted):
    task, inputs = tasks()[task], tensors()
    u = torch.rand(N, dtype=torch.float64, requires_grad=True)
    found = linear.gradients(*inputs, task, u, 3, wanted)
    assert [each is not None for each in found] == list(wanted)
    right = torch.autograd.grad(whole(*inputs, task), inputs, u, create_graph=True)
    found, right = ([x for x, want in zip(each, wanted, strict=True) if want]
                    for each in (found, right))  # fmt: skip
    torch.testing.assert_close(found, right, **CLOSE)
    v = [torch.randn_like(each) for each in right]
    found, right = (torch.autograd.grad(each, (*inputs, u), v) for each in (found, right))
    torch.testing.assert_close(found, right, **CLOSE)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_can_be_differentiated_by_targets_and_weights(name):
    *inputs, bias = tensors()
    task, _, extra = task_and(name)
    extra.requires_grad_()
    inputs, u = (*inputs, bias), torch.rand(N, dtype=torch.float64, requires_grad=True)
    found = linear.gradients(*inputs, task, u, 3)
    right = torch.autograd.grad(whole(*inputs, task), inputs, u, create_graph=True)
    for _ in range(2):
        found, right = (
            torch.autograd.grad(
                sum(x.square().sum() for x in each), (*inputs, u, extra), create_graph=True
            )
            for each in (found, right)
        )
        torch.testing.assert_close(found, right, **CLOSE)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_tangents_can_be_differentiated_by_targets_and_weights(name):
    h, w, b = (each.detach() for each in tensors())
    task, holder, extra = task_and(name)

    def of_tangent(rows):
        def tangent(extra):
            setattr(holder, name, extra)
            along = torch.func.jvp(lambda h: rows(h, w, b, task), (h,), (h,))[1]
            return along.square().sum()

        return torch.func.grad(tangent)(extra)

    torch.testing.assert_close(of_tangent(by_blocks(3)), of_tangent(whole), **CLOSE)


def test_without_a_bias_there_is_no_gradient_of_it():
    h, w, _ = tensors()
    u = torch.ones(N, dtype=torch.float64)
    found = linear.gradients(h, w, None, tasks()["classes"], u, 3)
    assert found[2] is None
    assert found[1].shape == w.shape


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_gradients_of_16_bits_are_rounded_once(dtype):
    inputs = tensors(dtype=dtype)
    wide = [each.detach().double().requires_grad_() for each in inputs]
    task = tasks(dtype=torch.float32)["weights"]
    task.softmax.class_weight = task.softmax.class_weight.double()
    task.softmax.sample_weight = task.softmax.sample_weight.double()
    found = linear.rows(*inputs, task, 3)
    right = whole(*wide, task)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, right.float(), rtol=4e-6, atol=0)
    found, right = (
        torch.autograd.grad(rows.sum(), x) for rows, x in ((found, inputs), (right, wide))
    )
    for a, b in zip(found, right, strict=True):
        assert a.dtype == dtype
        # half an ulp of the dtype, and float32 before it
        assert (
            (a - b).abs() <= b.abs() * torch.finfo(dtype).eps * 0.51 + 1e-6 * b.abs().max()
        ).all()


@pytest.mark.parametrize("task", ["classes", "weights", "masked"])
def test_what_is_skipped_or_masked_may_hold_anything(task):
    h, w, b = tensors()
    task = tasks()[task]
    asked = task.softmax
    skipped = asked.target == -100
    if asked.sample_weight is not None:
        skipped |= asked.sample_weight == 0
    bad_h = h.detach().masked_fill(skipped.unsqueeze(1), torch.nan).requires_grad_()
    bad_w, bad_b = w, b
    if asked.class_mask is not None:
        bad_w = w.detach().masked_fill(~asked.class_mask.unsqueeze(1), torch.inf).requires_grad_()
        bad_b = b.detach().masked_fill(~asked.class_mask, torch.nan).requires_grad_()

    def orders(inputs):
        rows = linear.rows(*inputs, task, 3)
        first = torch.autograd.grad(rows.square().sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum(x.square().sum() for x in first), inputs)
        return rows, first, second

    found, right = orders((bad_h, bad_w, bad_b)), orders((h, w, b))
    torch.testing.assert_close(found, right, rtol=0, atol=0)
    assert not found[1][0][skipped].any()


def test_a_target_that_is_no_class_is_nan_in_its_row_only():
    h, w, b = tensors()
    target = torch.arange(N) % V
    target[2] = V
    rows = linear.rows(h, w, b, LinearTask(SoftmaxTask(1, target)), 3)
    assert rows.isnan().tolist() == [i == 2 for i in range(N)]
    (of_hidden,) = torch.autograd.grad(rows.sum(), h)
    assert of_hidden.isnan().any(dim=1).tolist() == [i == 2 for i in range(N)]


@pytest.mark.parametrize("task", TASKS)
def test_statistics_are_those_of_whole_logits(task):
    task, (h, w, b) = tasks()[task], tensors()
    found = linear.statistics(h, w, b, task, 3)
    logits = torch.addmm(b, h, w.t()).detach()
    right = formulas.statistics(logits, task.of_rows(slice(None), V, logits.dtype))
    assert not any(each.requires_grad for each in found)
    torch.testing.assert_close(tuple(found), tuple(right), **CLOSE)


# Work and memory ----------------------------------------------------------------------------


def differentiated(order, count=8, block=4, width=V, **watched):
    h = torch.randn(count, D, requires_grad=True)
    w, b = torch.randn(width, D, requires_grad=True), torch.randn(width, requires_grad=True)
    task = LinearTask(SoftmaxTask(1, torch.arange(count) % width, label_smoothing=0.1))
    with Watch() as watch:
        # the order counts what the last derivative takes by itself
        found = (linear.rows(h, w, b, task, block),)
        for _ in range(order):
            before = watch.products
            found = torch.autograd.grad(
                sum(x.square().sum() for x in found), (h, w, b), create_graph=True
            )
        watch.last = watch.products - before if order else watch.products
    return watch


def test_a_block_costs_one_product_then_three_then_seven():
    assert differentiated(0).last == 2 * 1
    assert differentiated(1).last == 2 * 3
    # the second derivative runs back through the first: the curvature, and the loss's own 3
    assert differentiated(2).last == 2 * (7 + 3)


def test_a_hessian_vector_product_costs_seven_products_a_block():
    h, w, b = tensors()
    v = [torch.randn_like(each) for each in (h, w, b)]
    task = tasks()["classes"]
    rows = linear.rows(h, w, b, task, 4).sum()
    first = torch.autograd.grad(rows, (h, w, b), create_graph=True)
    with Watch() as watch:
        found = torch.autograd.grad(first, (h, w, b), v)
    assert watch.products == 2 * 7
    right = torch.autograd.grad(whole(h, w, b, task).sum(), (h, w, b), create_graph=True)
    torch.testing.assert_close(found, torch.autograd.grad(right, (h, w, b), v), **CLOSE)


def test_frozen_parts_cost_nothing():
    h, w, b = tensors()
    v, frozen = torch.randn_like(h), (w.detach(), b.detach())
    with Watch() as watch:
        rows = linear.rows(h, *frozen, tasks()["classes"], 4).sum()
        (first,) = torch.autograd.grad(rows, h, create_graph=True)
    assert watch.products == 2 * (1 + 2)
    with Watch() as watch:
        torch.autograd.grad(first, h, v)
    assert watch.products == 2 * 3  # z, its direction, and back


def test_a_tangent_costs_three_products_a_block():
    h, w, b = (each.detach() for each in tensors())
    task = tasks()["classes"]
    with Watch() as watch:
        torch.func.jvp(lambda *a: linear.rows(*a, task, 4), (h, w, b), (h, w, b))
    assert watch.products == 2 * (1 + 3)  # the value, and its tangent


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_no_order_holds_more_of_the_logits_than_a_block(order):
    width, block = 512, 4
    few = differentiated(order, 4 * block, block, width)
    assert few.largest <= block * width
    many = differentiated(order, 16 * block, block, width)
    assert many.largest <= block * width
    # some vectors of D for each further row
    assert many.peak - few.peak <= 12 * block * 4 * D * 4 * (order + 1)
