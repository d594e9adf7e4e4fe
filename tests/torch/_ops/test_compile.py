"""torch.compile and torch.export: one graph, no recompilation storm, the same numbers."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from xent.diagnostics.policy import checks
from xent.errors import XentValueError
from xent.torch import functional as F
from xent.torch._ops import sigmoid_operator, softmax_operator

C = 6


def batch(n, dtype=torch.float32):
    y = torch.randint(0, C, (n,))
    y[0] = -100
    return (torch.randn(n, C) * 3).to(dtype).requires_grad_(), y


VARIANTS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {"weight": torch.linspace(0.5, 2, C), "label_smoothing": 0.1},
    "options": {"z_loss": 0.01, "softcap": 5.0, "temperature": 2.0},
}


def doubled(x, y, **options):
    # a leaf goes in: of another tensor the compiler would ask for a gradient it has not
    return F.cross_entropy(x * 2, y, **options)


def doubled_labels(x, y):
    return F.binary_cross_entropy_with_logits(x * 2, y)


def run(loss, x, y, **options):
    value = loss(x, y, **options)
    value.sum().backward()
    gradient, x.grad = x.grad, None
    return value.detach(), gradient


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_compiled_loss_is_the_eager_one(variant, dtype):
    options = VARIANTS[variant]
    compiled = torch.compile(doubled, fullgraph=True, backend="aot_eager")
    x, y = batch(8, dtype)
    found, right = run(compiled, x, y, **options), run(doubled, x, y, **options)
    # rows are rounded before they are summed, and the gradient is not scaled afterwards
    close = {torch.float32: 4e-7, torch.float64: 1e-15, torch.bfloat16: 2**-7}[dtype]
    for a, b in zip(found, right, strict=True):
        torch.testing.assert_close(a, b, rtol=close, atol=0)


def test_inductor_compiles_forward_and_backward():
    compiled = torch.compile(doubled, fullgraph=True)
    labels = torch.compile(doubled_labels, fullgraph=True)
    x, y = batch(8)
    found, right = run(compiled, x, y), run(doubled, x, y)
    torch.testing.assert_close(found, right, rtol=4e-7, atol=0)
    target = torch.rand(8, C)
    found = run(labels, x, target)
    right = run(doubled_labels, x, target)
    torch.testing.assert_close(found, right, rtol=1e-6, atol=1e-9)


def test_soft_targets_and_stats_compile():
    x, y = batch(8)
    soft = torch.softmax(torch.randn(8, C), 1)
    compiled = torch.compile(doubled, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(run(compiled, x, soft), run(doubled, x, soft))
    stats = torch.compile(F.cross_entropy_with_stats, fullgraph=True, backend="aot_eager")
    for a, b in zip(stats(x, y), F.cross_entropy_with_stats(x, y), strict=True):
        torch.testing.assert_close(a, b)


def test_total_comes_out_of_a_compiled_step():
    @torch.compile(fullgraph=True, backend="aot_eager")
    def step(x, y):
        return F.cross_entropy(x, y, reduction="total").mean()

    x, y = batch(8)
    torch.testing.assert_close(step(x, y), F.cross_entropy(x, y))


def test_other_batch_sizes_compile_once_more_and_never_again():
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(doubled, fullgraph=True, backend=counter)
    for n in (8, 16, 24, 7, 40):
        run(compiled, *batch(n))
    assert counter.frame_count <= 2


def test_checks_cost_no_graph_break_and_say_nothing():
    x, y = torch.softmax(torch.randn(64, C), 1).requires_grad_(), torch.randint(0, C, (64,))
    compiled = torch.compile(doubled, fullgraph=True, backend="aot_eager")
    with checks("full"):
        run(compiled, x, y)  # a warning would be an error here


def test_a_bad_target_raises_when_the_compiled_loss_runs():
    compiled = torch.compile(doubled, fullgraph=True, backend="aot_eager")
    x, y = batch(8)
    run(compiled, x, y)
    y[3] = C
    with pytest.raises(XentValueError, match=r"first: target\[3\] = 6"):
        compiled(x, y)


def test_bad_shapes_raise_under_compile():
    compiled = torch.compile(doubled, backend="aot_eager")
    with pytest.raises(Exception, match="D14"):
        compiled(torch.randn(4, C), torch.zeros(5, dtype=torch.int64))


@pytest.mark.parametrize("strides", ["packed", "channels last", "transposed"])
def test_the_operator_keeps_its_promises(strides):
    x = {
        "packed": lambda: torch.randn(4, C, 3),
        "channels last": lambda: torch.randn(4, 3, C).transpose(1, 2),
        "transposed": lambda: torch.randn(C, 4, 3).transpose(0, 1),
    }[strides]().requires_grad_()
    y = torch.randint(0, C, (4, 3))
    torch.library.opcheck(
        softmax_operator._rows,
        (x, 1, y, None, None, None, None, -100, 0.1, 0.0, None, 1.0),
        test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"),
    )


@pytest.mark.parametrize("weights", ["none", "labels", "nodes"])
def test_the_operator_of_labels_keeps_its_promises(weights):
    x = torch.randn(4, C).requires_grad_()
    pos, w = {"none": (None, None), "labels": (torch.rand(C), torch.rand(C)),
              "nodes": (torch.rand(C), torch.rand(4, C))}[weights]  # fmt: skip
    torch.library.opcheck(
        sigmoid_operator._sum,
        (x, torch.rand(4, C), pos, w),
        test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"),
    )


TRANSFORMS = {
    "grad": lambda loss, x, y: torch.func.grad(loss)(x, y),
    "jvp": lambda loss, x, y: torch.func.jvp(lambda x: loss(x, y), (x,), (x,)),
    "vmap": lambda loss, x, y: torch.func.vmap(torch.func.grad(loss))(x, y),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_transform_within_a_compiled_function_is_right(transform):
    # of an operator the tangent was 0, and nobody said so
    def differentiated(x, y):
        return TRANSFORMS[transform](F.cross_entropy, x, y)

    x, y = batch(8)
    x, y = x.detach(), y.clamp(min=0)
    compiled = torch.compile(differentiated, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, y), differentiated(x, y))


class Loss(torch.nn.Module):
    def forward(self, x, y):
        return F.cross_entropy(x, y, label_smoothing=0.1)


def test_an_exported_program_needs_no_xent():
    x, y = batch(8)
    program = torch.export.export(Loss(), (x.detach(), y))
    assert not [node for node in program.graph.nodes if "xent" in str(node.target)]
    torch.testing.assert_close(program.module()(x.detach(), y), Loss()(x, y).detach())


# tracing sees the shapes that are looked at, and says so
@pytest.mark.filterwarnings("ignore:Converting a tensor to a Python boolean")
@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_a_traced_program_needs_no_xent():
    x, y = batch(8)
    traced = torch.jit.trace(Loss(), (x.detach(), y))
    torch.testing.assert_close(traced(x.detach(), y), Loss()(x, y).detach())
