"""The public linear losses, differentiated in every way: the numbers of whole logits."""

import copy
import threading

import pytest
import torch
from live_memory import Watch
from torch.utils.checkpoint import checkpoint

from xent.errors import UnavailableError
from xent.torch import functional as F
from xent.torch._linear.softmax.call import LinearSoftmax

N, D, V = 7, 3, 5
BLOCK = 3 * V * 8  # bytes: three rows of float64
CLOSE = {"rtol": 1e-12, "atol": 1e-13}
REDUCTIONS = ["mean", "sum", "none"]


def operands(dtype=torch.float64):
    return tuple(
        torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_()
        for shape in ((N, D), (V, D), (V,))
    )


def calls():
    index = torch.tensor([0, 4, 2, -100, 1, 3, 3])
    soft = torch.softmax(torch.randn(N, V, dtype=torch.float64), 1)
    classes, each = torch.rand(V, dtype=torch.float64) + 0.1, torch.rand(N, dtype=torch.float64)
    each[2] = 0
    return {
        "classes": (index, {"ignore_index": -100}),
        "weights": (
            index,
            {"ignore_index": -100, "weight": classes, "sample_weight": each,
             "label_smoothing": 0.1},
        ),
        "soft": (soft, {"weight": classes, "label_smoothing": 0.1}),
        "options": (
            index, {"ignore_index": -100, "z_loss": 0.1, "softcap": 3.0, "temperature": 2.0}
        ),
    }  # fmt: skip


CALLS = list(calls())


@pytest.fixture
def rows_as_planned(monkeypatch):
    """Let blocks of the formulas have as many rows as those of the kernels, to count them."""
    monkeypatch.setattr("xent.torch._linear.softmax.call._ARRAYS", 1)


def linear(h, w, b, target, how, **options):
    # sums of 16-bit operands take more than a block
    memory = BLOCK * (1 if h.dtype.itemsize > 2 and not torch.is_autocast_enabled("cpu") else 4)
    return F.linear_softmax_cross_entropy(
        h, w, target, linear_bias=b, reduction=how, memory=memory, **options
    )


def whole(h, w, b, target, how, **options):
    """The definition: all logits at once, and the mean over the mass of the targets."""
    rows = F.cross_entropy(
        h @ w.t() + b, target, reduction="none", implementation="formulas",
        ignore_index=options.pop("ignore_index", -100), **options,
    )  # fmt: skip
    if how == "none":
        return rows
    if how == "sum":
        return rows.sum()
    mass = torch.ones(N, dtype=torch.float64)
    classes, smoothing = options.get("weight"), options.get("label_smoothing", 0.0)
    t = target if target.is_floating_point() else torch.nn.functional.one_hot(
        target.clamp(min=0), V
    ).double()  # fmt: skip
    if classes is not None:
        mass = ((1 - smoothing) * t + smoothing / V) @ classes
    if options.get("sample_weight") is not None:
        mass = mass * options["sample_weight"]
    if not target.is_floating_point():
        mass = mass * (target != -100)
    return rows.sum() / mass.sum()


@pytest.mark.parametrize("how", REDUCTIONS)
@pytest.mark.parametrize("call", CALLS)
def test_three_orders_are_those_of_whole_logits(call, how):
    target, options = calls()[call]
    inputs = operands()
    found, right = ((f(*inputs, target, how, **options),) for f in (linear, whole))
    for order in range(4):
        torch.testing.assert_close(found, right, **CLOSE)
        if order < 3:
            found, right = (
                torch.autograd.grad(
                    sum(x.square().sum() for x in each) / 2**order, inputs, create_graph=True
                )
                for each in (found, right)
            )


@pytest.mark.parametrize("how", ["mean", "none"])
@pytest.mark.parametrize("call", CALLS)
def test_the_transforms_of_torch_func(call, how):
    target, options = calls()[call]
    h, w, b = (each.detach() for each in operands())
    v = [torch.randn_like(each) for each in (h, w, b)]

    def everything(loss):
        def f(h, w, b):
            return loss(h, w, b, target, how, **options).square().sum()

        return (
            torch.func.grad(f, (0, 1, 2))(h, w, b),
            torch.func.jvp(f, (h, w, b), tuple(v)),
            torch.func.hessian(f, (0, 2))(h, w, b),
            torch.func.jacrev(torch.func.jacrev(f), 1)(h, w, b),
            torch.func.vmap(torch.func.grad(f, 1), (None, 0, None))(h, torch.stack([w, -w]), b),
            torch.autograd.functional.hvp(f, (h, w, b), tuple(v)),
        )

    torch.testing.assert_close(everything(linear), everything(whole), **CLOSE)


def test_finite_differences_agree_in_every_mode():
    target, options = calls()["weights"]

    def f(*inputs):
        return linear(*inputs, target, "mean", **options)

    assert torch.autograd.gradcheck(f, operands(), check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(f, operands(), check_fwd_over_rev=True)


@pytest.mark.parametrize("how", REDUCTIONS)
@pytest.mark.parametrize("name", ["soft", "weight", "sample_weight"])
def test_targets_and_weights_of_the_loss_can_be_differentiated_by(name, how):
    target, options = calls()["soft" if name == "soft" else "weights"]
    inputs = operands()
    extra = (target if name == "soft" else options[name]).requires_grad_()
    found, right = (f(*inputs, target, how, **options) for f in (linear, whole))
    for _ in range(2):
        torch.testing.assert_close(found, right, **CLOSE)
        found, right = (
            torch.autograd.grad(each.square().sum(), (*inputs, extra), create_graph=True)
            for each in (found, right)
        )
        found, right = (sum(x.square().sum() for x in each) for each in (found, right))


def test_the_drop_in_divides_by_weights_that_can_be_differentiated_by():
    target, _ = calls()["classes"]
    h, w, b = operands()
    classes = torch.rand(V, dtype=torch.float64, requires_grad=True)
    found = F.linear_cross_entropy(h, w, target, linear_bias=b, weight=classes, memory=BLOCK)
    right = F.cross_entropy(h @ w.t() + b, target, classes)
    torch.testing.assert_close(found, right, **CLOSE)
    found, right = (torch.autograd.grad(each, (h, classes)) for each in (found, right))
    torch.testing.assert_close(found, right, **CLOSE)


def test_gradients_of_each_sample_by_vmap():
    h, w, b = (each.detach() for each in operands())
    target = torch.arange(N) % V

    def of_one(h, y):
        return F.linear_softmax_cross_entropy(h, w, y, linear_bias=b)

    each = torch.func.vmap(torch.func.grad(of_one))(h, target)
    h = h.requires_grad_()
    right = torch.autograd.grad(linear(h, w, b, target, "sum"), h)[0]
    torch.testing.assert_close(each, right, **CLOSE)


def test_a_functional_model_has_gradients_by_its_parameters():
    head = torch.nn.Linear(D, V, dtype=torch.float64)
    h, target = operands()[0].detach(), torch.arange(N) % V
    parameters = dict(head.named_parameters())

    def loss(parameters):
        return linear(h, parameters["weight"], parameters["bias"], target, "mean")

    found = torch.func.grad(loss)({name: each.detach() for name, each in parameters.items()})
    torch.nn.functional.cross_entropy(head(h), target).backward()
    for name, each in parameters.items():
        torch.testing.assert_close(found[name], each.grad, **CLOSE)


def test_statistics_come_with_a_transform():
    target, options = calls()["weights"]
    h, w, b = (each.detach() for each in operands())

    def loss(h):
        found = F.linear_softmax_cross_entropy_with_stats(
            h, w, target, linear_bias=b, memory=BLOCK, **options
        )
        return found.loss, found[1:5]

    _, found = torch.func.grad(loss, has_aux=True)(h)
    torch.testing.assert_close(found, loss(h)[1])


def test_a_hessian_vector_product_costs_seven_products_a_block(rows_as_planned):
    # the logits of 3 rows at a time, of 6: two blocks
    h, w, b = (each.detach().requires_grad_() for each in (operands()[0][:6], *operands()[1:]))
    loss = linear(h, w, b, torch.arange(6) % V, "mean")
    first = torch.autograd.grad(loss, (h, w, b), create_graph=True)
    with Watch() as watch:
        torch.autograd.grad(first, (h, w, b), [torch.randn_like(each) for each in first])
    assert watch.products == 2 * 7


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_two_orders_stay_within_the_memory(dtype, softcap):
    rows, classes, memory = 48, 4096, 1 << 20  # the logits have 0.75 MiB, or 1.5
    h = torch.randn(rows, 1, dtype=dtype, requires_grad=True)
    w = torch.randn(classes, 1, dtype=dtype, requires_grad=True)
    target = torch.arange(rows)
    with Watch() as watch:
        loss = F.linear_softmax_cross_entropy(h, w, target, softcap=softcap, memory=memory)
        first = torch.autograd.grad(loss, (h, w), create_graph=True)
        torch.autograd.grad(first, (h, w), [torch.ones_like(each) for each in first])
    gradients = 6 * w.numel() * w.element_size()  # of both orders, what they came from, and sums
    assert watch.peak <= memory + gradients
    assert watch.peak > memory / 2  # and the memory is used


# Which backward pass, and whose buffers -----------------------------------------------------


@pytest.mark.parametrize("how", REDUCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_backward_pass_of_a_kept_graph_is_right(how, dtype):
    # in-place scaling of what an earlier pass handed out would give g * g, or change it
    inputs, target = operands(dtype), torch.arange(N) % V
    loss = linear(*inputs, target, how)
    one = torch.ones_like(loss)
    right = torch.autograd.grad(linear(*inputs, target, how), inputs, one)
    scales = (2.0, 3.0, 1.0, -4.0)
    found = [torch.autograd.grad(loss, inputs, g * one, retain_graph=True) for g in scales]
    found.append(torch.autograd.grad(loss, inputs, 0.5 * one))
    # a scale of 3 is rounded before or after the sum
    ulp = torch.finfo(dtype).eps
    for g, gradients in zip((*scales, 0.5), found, strict=True):
        for a, b in zip(gradients, right, strict=True):
            torch.testing.assert_close(
                a, g * b, rtol=2 * ulp, atol=4 * ulp * float(b.abs().max()) if g == 3 else 0
            )
    kept = [each.clone() for each in found[2]]
    for each in (*found[0], *found[1]):
        each.zero_()
    for a, b in zip(kept, found[2], strict=True):
        assert torch.equal(a, b)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, inputs, one)


def test_a_kept_graph_computes_once(monkeypatch):
    computed = []
    evaluate = LinearSoftmax.evaluate

    def watched(self, *args):
        computed.append(self)
        return evaluate(self, *args)

    monkeypatch.setattr(LinearSoftmax, "evaluate", watched)
    inputs = operands()
    loss = linear(*inputs, torch.arange(N) % V, "mean")
    for scale in (2.0, 3.0):
        torch.autograd.grad(loss, inputs, torch.full_like(loss, scale), retain_graph=True)
    assert len(computed) == 1


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1)])
@pytest.mark.parametrize("how", REDUCTIONS)
def test_frozen_parts_have_no_gradient_and_cost_no_product(how, frozen, rows_as_planned):
    inputs, target = list(operands()), torch.arange(N) % V
    right = torch.autograd.grad(whole(*inputs, target, how).sum(), inputs)
    for each in frozen:
        inputs[each] = inputs[each].detach()
    with Watch() as watch:  # the formulas serve where operations are watched
        linear(*inputs, target, how).sum().backward()
    assert watch.products == 3 * (1 + 1 + (0 not in frozen) + (1 not in frozen))
    watched = [each.grad for each in inputs]
    for each in inputs:
        each.grad = None
    linear(*inputs, target, how).sum().backward()
    for i, (each, seen) in enumerate(zip(inputs, watched, strict=True)):
        if i in frozen:
            assert each.grad is None
            assert seen is None
        else:
            torch.testing.assert_close(each.grad, right[i], **CLOSE)
            torch.testing.assert_close(seen, right[i], **CLOSE)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("how", REDUCTIONS)
def test_a_checkpoint_computes_again_and_keeps_no_gradient(how, reentrant):
    inputs, target = operands(), torch.arange(N) % V
    right = torch.autograd.grad(linear(*inputs, target, how).sum(), inputs)
    kept = checkpoint(linear, *inputs, target, how, use_reentrant=reentrant)
    if not reentrant:
        node = kept.grad_fn.next_functions[0][0] if how == "none" else kept.grad_fn
        assert node.gradients is None
    kept.sum().backward()
    for each, gradient in zip(inputs, right, strict=True):
        torch.testing.assert_close(each.grad, gradient, **CLOSE)


def test_a_checkpoint_of_the_whole_head_is_right_in_the_second_order():
    h, w, b = operands()
    target = torch.arange(N) % V

    def head(h):
        return linear(torch.tanh(h), w, b, target, "mean")

    losses = checkpoint(head, h, use_reentrant=False), head(h)
    first = [torch.autograd.grad(each, h, create_graph=True)[0] for each in losses]
    torch.testing.assert_close(*first, **CLOSE)
    found, right = (torch.autograd.grad(each.square().sum(), (h, w)) for each in first)
    torch.testing.assert_close(found, right, **CLOSE)


@pytest.mark.parametrize("how", REDUCTIONS)
def test_saved_tensor_hooks_see_what_was_given_and_no_gradient(how):
    inputs, target = operands(), torch.arange(N) % V
    right = torch.autograd.grad(linear(*inputs, target, how).sum(), inputs)
    packed = []

    def pack(x):
        packed.append(x)
        return x.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        loss = linear(*inputs, target, how)
    # the target, which has to be the same in the backward pass, is watched without a hook
    assert [x.data_ptr() for x in packed] == [x.data_ptr() for x in inputs]
    found = torch.autograd.grad(loss.sum(), inputs)
    torch.testing.assert_close(found, right, **CLOSE)


def test_save_on_cpu_is_right():
    inputs, target = operands(), torch.arange(N) % V
    right = torch.autograd.grad(linear(*inputs, target, "mean"), inputs)
    with torch.autograd.graph.save_on_cpu():
        loss = linear(*inputs, target, "mean")
    torch.testing.assert_close(torch.autograd.grad(loss, inputs), right, **CLOSE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_multiplies_16_bit_operands_and_returns_gradients_of_the_parameters(dtype):
    inputs, target = operands(torch.float32), torch.arange(N) % V
    rounded = [each.detach().to(dtype).requires_grad_() for each in inputs]
    right = linear(*rounded, target, "mean")
    of_right = torch.autograd.grad(right, rounded)
    with torch.autocast("cpu", dtype):
        found = linear(*inputs, target, "mean")
        transformed = torch.func.grad(linear, (0, 1, 2))(*inputs, target, "mean")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, right, rtol=1e-6, atol=0)
    ulp = torch.finfo(dtype).eps
    for gradients in (torch.autograd.grad(found, inputs), transformed):
        for a, b in zip(gradients, of_right, strict=True):
            assert a.dtype == torch.float32
            atol = ulp * float(b.abs().max())
            torch.testing.assert_close(a, b.float(), rtol=ulp, atol=atol)


def test_a_grad_scaler_keeps_gradients_that_float16_has_not():
    # sure rows: gradients of 1e-9, 0 in float16, and 6.5e-5 after the scaler has multiplied
    h = (20.7 * torch.eye(3)).half().requires_grad_()
    w = torch.eye(3).half().requires_grad_()
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    loss = F.linear_softmax_cross_entropy(h, w, torch.arange(3))
    scaler.scale(loss).backward()
    wide_h, wide_w = (each.detach().double().requires_grad_() for each in (h, w))
    right = torch.nn.functional.cross_entropy(wide_h @ wide_w.t(), torch.arange(3)) * 65536
    right.backward()
    assert w.grad.count_nonzero() == 9
    step = 2.0**-24  # of float16 below its normal numbers
    for each, wide in ((h, wide_h), (w, wide_w)):
        torch.testing.assert_close(each.grad.double(), wide.grad, rtol=2**-11, atol=step / 2)


def test_a_tied_weight_adds_up_its_gradients():
    w = torch.randn(V, D, dtype=torch.float64, requires_grad=True)
    target = torch.arange(V)
    found = torch.autograd.grad(F.linear_softmax_cross_entropy(w, w, target), w)
    right = torch.autograd.grad(torch.nn.functional.cross_entropy(w @ w.t(), target), w)
    torch.testing.assert_close(found, right, **CLOSE)


def test_gradients_are_added_to_those_of_earlier_steps():
    inputs, target = operands(), torch.arange(N) % V
    right = torch.autograd.grad(linear(*inputs, target, "mean"), inputs)
    for scale in (1.0, 3.0):
        (linear(*inputs, target, "mean") * scale).backward()
    for each, gradient in zip(inputs, right, strict=True):
        torch.testing.assert_close(each.grad, 4 * gradient, **CLOSE)


def test_a_copied_head_and_threads_that_share_a_graph():
    inputs, target = operands(), torch.arange(N) % V
    right = torch.autograd.grad(linear(*inputs, target, "mean"), inputs)
    assert torch.equal(copy.deepcopy(inputs[1]), inputs[1])
    for _ in range(20):
        loss, found = linear(*inputs, target, "mean"), []

        def differentiate(loss=loss, found=found):
            found.append(torch.autograd.grad(loss, inputs, 2 * torch.ones_like(loss),
                                             retain_graph=True))  # fmt: skip

        threads = [threading.Thread(target=differentiate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for gradients in found:
            for a, b in zip(gradients, right, strict=True):
                torch.testing.assert_close(a, 2 * b, **CLOSE)
        assert len({gradients[1].data_ptr() for gradients in found}) == 4


def test_a_buffer_that_a_transform_cannot_fill_is_refused():
    h, w, b = (each.detach() for each in operands())
    buffer = torch.zeros_like(w)

    def loss(w):
        return linear(h, w, b, torch.arange(N) % V, "mean", main_grad=buffer)

    with pytest.raises(UnavailableError, match="main_grad must be None"):
        torch.func.grad(loss)(w)
