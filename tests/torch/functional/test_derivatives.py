"""What autograd and the compiler do with the losses of single elements."""

import pytest
import torch

import xent
from xent.torch import functional as F

LOSSES = {
    "binary_cross_entropy": lambda q, y, **o: F.binary_cross_entropy(q.sigmoid(), y.sigmoid(), **o),
    "kl_div": lambda x, z, **o: F.kl_div(x.log_softmax(-1), z.softmax(-1), **o),
    "kl_div of logs": lambda x, z, **o: F.kl_div(
        x.log_softmax(-1), z.log_softmax(-1), log_target=True, **o
    ),
    "nll_loss": lambda x, z, **o: F.nll_loss(x.log_softmax(-1), z.argmax(-1), **o),
    "mse_loss": lambda x, z, **o: F.mse_loss(x, z, **o),
}
REDUCTIONS = ["none", "sum", "mean"]
cases = pytest.mark.parametrize("name", LOSSES)
reductions = pytest.mark.parametrize("reduction", REDUCTIONS)
pytestmark = pytest.mark.filterwarnings(
    # forward mode loads torch's decompositions, which warn of their own making
    "ignore:`torch.jit.script`:DeprecationWarning"
)


@pytest.fixture(autouse=True)
def _silence():
    with xent.checks(silence=["D33"]):
        yield


def inputs(dtype=torch.float64, rows=3):
    return torch.randn(rows, 4, dtype=dtype, requires_grad=True), torch.randn(rows, 4, dtype=dtype)


@cases
@reductions
def test_two_orders(name, reduction):
    x, z = inputs()
    for targets in (z, z.clone().requires_grad_()):
        loss = lambda a, b: LOSSES[name](a, b, reduction=reduction)  # noqa: E731
        assert torch.autograd.gradcheck(loss, (x, targets))
        assert torch.autograd.gradgradcheck(loss, (x, targets))


@cases
@reductions
def test_forward_mode(name, reduction):
    x, z = inputs()
    tangent = torch.randn_like(x)
    loss = lambda a: LOSSES[name](a, z, reduction=reduction)  # noqa: E731
    _, forward = torch.func.jvp(loss, (x.detach(),), (tangent,))
    _, backward = torch.autograd.functional.jvp(loss, x.detach(), tangent)
    torch.testing.assert_close(forward, backward)


@cases
def test_grad_and_vmap(name):
    x, z = inputs()
    (expected,) = torch.autograd.grad(LOSSES[name](x, z, reduction="sum"), x)
    one = lambda a, b: LOSSES[name](a, b, reduction="sum")  # noqa: E731
    got = torch.func.vmap(torch.func.grad(one))(x.detach(), z)
    torch.testing.assert_close(got, expected)


@cases
def test_hessian_vector_products(name):
    x, z = inputs()
    vector = torch.randn_like(x)
    loss = lambda a: LOSSES[name](a, z, reduction="sum")  # noqa: E731
    _, eager = torch.autograd.functional.hvp(loss, x.detach(), vector)
    _, forward = torch.func.jvp(torch.func.grad(loss), (x.detach(),), (vector,))
    torch.testing.assert_close(eager, forward, check_stride=False)


@cases
@reductions
def test_compiled_without_a_break(name, reduction):
    torch.compiler.reset()
    x, z = inputs(torch.float32, rows=5)
    compiled = torch.compile(LOSSES[name], fullgraph=True, backend="aot_eager")
    ours = compiled(x, z, reduction=reduction)
    expected = LOSSES[name](x, z, reduction=reduction)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours.sum(), x), torch.autograd.grad(expected.sum(), x)
    )


def test_compiled_by_inductor():
    torch.compiler.reset()
    x, z = inputs(torch.float32, rows=5)

    def all_of_them(x, z):
        return sum(loss(x, z, reduction="mean") for loss in LOSSES.values())

    ours = torch.compile(all_of_them, fullgraph=True)(x, z)
    expected = all_of_them(x, z)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(torch.autograd.grad(ours, x), torch.autograd.grad(expected, x))


@cases
def test_new_lengths_compile_once_more_and_never_again(name):
    torch.compiler.reset()
    count = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(LOSSES[name], fullgraph=True, backend=count)
    for rows in (3, 5, 7, 9, 11):
        compiled(*inputs(torch.float32, rows=rows), reduction="mean")
    assert count.frame_count <= 2


@cases
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_exported(name):
    class Model(torch.nn.Module):
        def forward(self, x, z):
            return LOSSES[name](x, z, reduction="mean")

    x, z = inputs(torch.float32)
    program = torch.export.export(Model(), (x.detach(), z))
    torch.testing.assert_close(program.module()(x.detach(), z), Model()(x.detach(), z))


@cases
def test_a_kept_graph_and_an_upstream_gradient(name):
    x, z = inputs()
    loss = LOSSES[name](x, z, reduction="mean")
    (once,) = torch.autograd.grad(loss, x, retain_graph=True)
    (thrice,) = torch.autograd.grad(3 * loss, x, retain_graph=True)
    (again,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(thrice, 3 * once)
    assert torch.equal(once, again)


@cases
def test_many_upstream_gradients_at_once(name):
    x, z = inputs()
    losses = LOSSES[name](x, z, reduction="none")
    basis = torch.eye(losses.numel(), dtype=losses.dtype).view(-1, *losses.shape)
    (rows,) = torch.autograd.grad(losses, x, basis, is_grads_batched=True)
    expected = torch.autograd.functional.jacobian(
        lambda a: LOSSES[name](a, z, reduction="none"), x.detach()
    )
    torch.testing.assert_close(rows, expected.view(rows.shape))


def operations_of(loss):
    """Names of the nodes behind a loss, down to its inputs."""
    names, nodes = set(), [loss.grad_fn]
    while nodes:
        node = nodes.pop()
        names.add(node.name())
        nodes += [following for following, _ in node.next_functions if following is not None]
    return names


@cases
def test_eager_tensors_take_the_short_way(name):
    x, z = inputs()
    node = "_MinusGatherBackward" if name == "nll_loss" else "_GradientInForwardBackward"
    assert node in operations_of(LOSSES[name](x, z, reduction="sum"))
    if name != "nll_loss":
        assert "_TermsBackward" in operations_of(LOSSES[name](x, z, reduction="none"))


@cases
def test_tensors_of_another_layout_give_the_same_loss_and_gradient(name):
    if name == "nll_loss":
        pytest.skip("its target has one number a row")
    x, z = inputs()
    found = LOSSES[name](x, z, reduction="sum")
    (expected,) = torch.autograd.grad(found, x)
    other = torch.empty(x.shape[::-1], dtype=x.dtype).t().copy_(x.detach()).requires_grad_()
    assert not other.is_contiguous()
    again = LOSSES[name](other, z, reduction="sum")
    if name in ("binary_cross_entropy", "mse_loss"):  # nothing comes between it and the loss
        assert "_SumBackward" in operations_of(again)
    (gradient,) = torch.autograd.grad(again, other)
    torch.testing.assert_close(again, found, rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, expected, rtol=1e-14, atol=0)


@cases
def test_under_autocast(name):
    x, z = inputs(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = LOSSES[name](x, z, reduction="mean")
    assert loss.dtype is torch.float32
    (gradient,) = torch.autograd.grad(loss, x)
    assert gradient.dtype is torch.bfloat16


@cases
def test_without_a_gradient(name):
    x, z = inputs()
    with torch.no_grad():
        assert not LOSSES[name](x, z, reduction="mean").requires_grad
        expected = LOSSES[name](x, z, reduction="sum")
    with torch.inference_mode():
        torch.testing.assert_close(
            LOSSES[name](x.detach().clone(), z.clone(), reduction="sum"), expected, rtol=0, atol=0
        )


@cases
def test_a_target_of_inference_mode(name):
    """A teacher's target, made in inference mode: torch keeps no versions of it."""
    x, z = inputs()
    with torch.inference_mode():
        made = z.clone()
    if name == "nll_loss":
        pytest.skip("its target has one number a row")
    expected, found = (LOSSES[name](x, t, reduction="sum") for t in (z, made))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@cases
def test_on_the_meta_device(name):
    x = torch.empty(3, 4, device="meta")
    if name == "nll_loss":
        loss = F.nll_loss(x, torch.empty(3, device="meta", dtype=torch.int64))
    else:
        loss = LOSSES[name](x, torch.empty(3, 4, device="meta"), reduction="mean")
    assert (loss.device.type, loss.shape, loss.dtype) == ("meta", (), torch.float32)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@cases
@reductions
def test_on_a_gpu(name, reduction):
    x, z = inputs(torch.float32, rows=1000)
    there, targets = x.detach().cuda().requires_grad_(), z.cuda()
    expected = LOSSES[name](x, z, reduction=reduction)
    with torch.cuda.device(there.device):
        torch.cuda.set_sync_debug_mode("error")
        try:
            loss = LOSSES[name](there, targets, reduction=reduction)
            (gradient,) = torch.autograd.grad(loss.sum(), there)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(loss.cpu(), expected)
    torch.testing.assert_close(gradient.cpu(), torch.autograd.grad(expected.sum(), x)[0])
