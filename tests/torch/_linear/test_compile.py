"""torch.compile and torch.export of linear losses: one graph, the same numbers, no logits."""

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounterWithBackend

from xent.errors import XentValueError
from xent.torch import functional as F
from xent.torch._linear.softmax import operator

D, V = 4, 6


def batch(n, dtype=torch.float32):
    target = torch.randint(0, V, (n,))
    target[0] = -100
    like = {"dtype": dtype, "requires_grad": True}
    return (torch.randn(n, D, **like), torch.randn(V, D, **like), torch.randn(V, **like)), target


# each batch has eight rows
VARIANTS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {
        "weight": torch.linspace(0.5, 2, V), "label_smoothing": 0.1,
        "sample_weight": torch.linspace(0, 1, 8), "memory": 400,
    },
    "options": {"z_loss": 0.01, "softcap": 5.0, "temperature": 2.0},
    "masked": {"class_mask": torch.rand(8, V) < 2},
}  # fmt: skip


def loss_of(h, w, b, target, **options):
    # a leaf goes in: of another tensor the compiler would ask for a gradient it has not
    options.setdefault("ignore_index", None if target.is_floating_point() else -100)
    return F.linear_softmax_cross_entropy(h * 2, w, target, linear_bias=b, **options)


def run(loss, inputs, target, scale=1.0, **options):
    value = loss(*inputs, target, **options)
    upstream = torch.linspace(1, 2, value.numel(), dtype=value.dtype).view_as(value) * scale
    wanted = [each for each in inputs if each is not None and each.requires_grad]
    return value.detach(), torch.autograd.grad(value, wanted, upstream)


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()


def assert_alike(found, right, dtype):
    """Blocks are the same ones; a gradient may be scaled after it was rounded, or before."""
    ulp = torch.finfo(dtype).eps
    torch.testing.assert_close(found[0], right[0], rtol=4 * torch.finfo(right[0].dtype).eps, atol=0)
    for a, b in zip(found[1], right[1], strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=4 * ulp, atol=4 * ulp * float(b.abs().max()))


DTYPES = [torch.bfloat16, torch.float16, torch.float64]
CASES = [
    *((name, torch.float32) for name in VARIANTS),
    *((name, dtype) for dtype in DTYPES for name in ("plain", "none", "weighted")),
]


@pytest.mark.parametrize("variant, dtype", CASES)
def test_a_compiled_loss_is_the_eager_one(variant, dtype):
    options = VARIANTS[variant]
    if "memory" in options and dtype.itemsize == 2:
        options = {**options, "memory": 2000}
    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    inputs, target = batch(8, dtype)
    for scale in (1.0, 3.0):
        found, right = (run(f, inputs, target, scale, **options) for f in (compiled, loss_of))
        assert_alike(found, right, dtype)


def test_inductor_compiles_forward_and_backward():
    compiled = torch.compile(loss_of, fullgraph=True)
    inputs, target = batch(8)
    assert_alike(run(compiled, inputs, target), run(loss_of, inputs, target), torch.float32)


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 2), (1, 2)])
@pytest.mark.parametrize("how", ["mean", "none"])
def test_frozen_parts_have_no_gradient(how, frozen):
    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    inputs, target = batch(8)
    inputs = [each.detach() if i in frozen else each for i, each in enumerate(inputs)]
    found, right = (run(f, inputs, target, reduction=how) for f in (compiled, loss_of))
    assert_alike(found, right, torch.float32)


def test_without_a_bias_and_without_a_graph():
    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    (h, w, b), target = batch(8)
    inputs = (h, w, None)
    assert_alike(run(compiled, inputs, target), run(loss_of, inputs, target), torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(compiled(h, w, b, target), loss_of(h, w, b, target))


@pytest.mark.parametrize("kind", ["soft", "sparse"])
def test_distributions_compile(kind):
    compiled = torch.compile(F.linear_softmax_cross_entropy, fullgraph=True, backend="aot_eager")
    (h, w, _), _ = batch(8)
    target = torch.softmax(torch.randn(8, V), 1)
    if kind == "sparse":
        target = torch.tensor([[0, 5], [1, -1]]).repeat(4, 1), torch.rand(8, 2)
    found, right = (
        torch.autograd.grad(f(h, w, target, label_smoothing=0.1), (h, w))
        for f in (compiled, F.linear_softmax_cross_entropy)
    )
    torch.testing.assert_close(found, right)


@pytest.mark.parametrize("how", ["mean", "none"])
@pytest.mark.parametrize("name", ["soft", "probs", "weight", "sample_weight"])
def test_targets_and_weights_have_gradients_there_too(name, how):
    (h, w, _), target = batch(8)
    target = target.clamp(min=0)
    classes, each = torch.rand(V) + 0.1, torch.rand(8)
    probs, soft = torch.rand(8, 2), torch.softmax(torch.randn(8, V), 1)
    extra = {"soft": soft, "probs": probs, "weight": classes, "sample_weight": each}[name]
    extra.requires_grad_()
    if name == "soft":
        target = soft
    if name == "probs":
        target = torch.tensor([[0, 5], [1, -1]]).repeat(4, 1), probs

    def loss(h, w):
        return F.linear_softmax_cross_entropy(
            h * 2, w, target, weight=classes, sample_weight=each, label_smoothing=0.1,
            reduction=how,
        ).sum()  # fmt: skip

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found, right = (torch.autograd.grad(f(h, w), (h, w, extra)) for f in (compiled, loss))
    torch.testing.assert_close(found, right, rtol=2e-6, atol=2e-7)


def test_the_drop_in_statistics_and_a_total_compile():
    inputs, target = batch(8)

    def drop_in(h, w, b, target):
        return F.linear_cross_entropy(h * 2, w, target, linear_bias=b)

    compiled = torch.compile(drop_in, fullgraph=True, backend="aot_eager")
    assert_alike(run(compiled, inputs, target), run(drop_in, inputs, target), torch.float32)
    h, w, _ = inputs
    with_stats = F.linear_softmax_cross_entropy_with_stats
    stats = torch.compile(with_stats, fullgraph=True, backend="aot_eager")
    for a, b in zip(
        stats(h, w, target, ignore_index=-100)[:5],
        with_stats(h, w, target, ignore_index=-100)[:5],
        strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(a, b)
        assert a.requires_grad == b.requires_grad

    @torch.compile(fullgraph=True, backend="aot_eager")
    def step(h, w, target):
        total = F.linear_softmax_cross_entropy(h, w, target, ignore_index=-100, reduction="total")
        return total.mean()

    right = F.linear_softmax_cross_entropy(h, w, target, ignore_index=-100)
    torch.testing.assert_close(step(h, w, target), right)


def test_gradients_that_float16_has_not_are_scaled_before_they_are_rounded():
    def loss(h, w):
        return F.linear_softmax_cross_entropy(h * 1, w, torch.arange(3))

    # sure rows: gradients of 1e-9, 0 in float16
    h, w = ((scale * torch.eye(3)).half().requires_grad_() for scale in (20.7, 1.0))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found, right = (
        torch.autograd.grad(f(h, w), (h, w), torch.tensor(65536.0)) for f in (compiled, loss)
    )
    assert found[1].count_nonzero() == 9
    torch.testing.assert_close(found, right, rtol=2**-10, atol=0)


def test_the_next_token_compiles():
    def loss(h, w, tokens):
        return F.linear_softmax_cross_entropy(h, w, tokens, shift=1)

    h, w = torch.randn(2, 5, D, requires_grad=True), torch.randn(V, D, requires_grad=True)
    tokens = torch.randint(0, V, (2, 5))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found, right = (torch.autograd.grad(f(h, w, tokens), (h, w)) for f in (compiled, loss))
    torch.testing.assert_close(found, right)


def test_autocast_compiles():
    def loss(h, w, target):
        with torch.autocast("cpu", torch.bfloat16):
            return F.linear_softmax_cross_entropy(h * 2, w, target, ignore_index=-100)

    (h, w, _), target = batch(8)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found, right = (torch.autograd.grad(f(h, w, target), (h, w)) for f in (compiled, loss))
    assert found[0].dtype == torch.float32
    torch.testing.assert_close(found, right, rtol=2**-7, atol=2**-9)


@pytest.mark.parametrize("how", ["mean", "none"])
def test_other_batch_sizes_compile_once_more_and_never_again(how):
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(loss_of, fullgraph=True, backend=counter)
    for n in (8, 16, 24, 7, 40):
        inputs, target = batch(n)
        found, right = (run(f, inputs, target, reduction=how) for f in (compiled, loss_of))
        assert_alike(found, right, torch.float32)
    assert counter.frame_count <= 2


@pytest.mark.parametrize("how", ["mean", "none"])
def test_a_compiled_program_never_has_the_logits(how):
    rows, classes = 256, 64  # 16 times as many logits as numbers in a gradient
    h, w = torch.randn(rows, D, requires_grad=True), torch.randn(classes, D, requires_grad=True)
    target = torch.randint(0, classes, (rows,))
    weight = torch.rand(classes)
    sizes = []

    def look(graph, _):
        for node in graph.graph.nodes:
            values = node.meta.get("val")
            for each in values if isinstance(values, (tuple, list)) else (values,):
                if isinstance(each, torch.Tensor):
                    sizes.append(each.untyped_storage().nbytes())
        return make_boxed_func(graph)

    def loss(h, w):
        return F.linear_softmax_cross_entropy(h, w, target, weight=weight, reduction=how).sum()

    compiled = torch.compile(loss, fullgraph=True, backend=aot_autograd(fw_compiler=look))
    compiled(h, w).backward()
    torch.testing.assert_close(w.grad, torch.autograd.grad(loss(h, w), w)[0])
    assert max(sizes) == rows * D * 4


def test_a_bad_target_raises_when_the_compiled_loss_runs():
    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    inputs, target = batch(8)
    run(compiled, inputs, target)
    target[3] = V
    with pytest.raises(XentValueError, match=r"first: target\[3\] = 6"):
        compiled(*inputs, target)


def test_what_cannot_be_compiled_says_why():
    compiled = torch.compile(loss_of, backend="aot_eager")
    inputs, target = batch(8)
    h, w, b = (each.detach() for each in inputs)
    with pytest.raises(Exception, match="main_grad must be None"):
        compiled(h, w, b, target, main_grad=torch.zeros(V, D))
    with pytest.raises(Exception, match="D14"):
        compiled(h, w.t(), b, target)


@pytest.mark.parametrize("how", ["mean", "rows"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("wanted", [(True, True, True), (False, True, False)])
def test_the_operator_keeps_its_promises(how, dtype, wanted):
    (h, w, b), target = batch(7, dtype)
    inputs = [each if want else each.detach() for each, want in zip((h, w, b), wanted, strict=True)]
    # of features that are not adjacent, too
    inputs[0] = inputs[0].detach().t().contiguous().t().requires_grad_(wanted[0])
    torch.library.opcheck(
        operator._forward,
        (
            *inputs, target, None, None, None, None, None, None, -100, 0.1, 0.0, None, 1.0, 4000,
            "cpu", how, False, how == "mean", [*wanted, False, False, False, False],
        ),
        test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"),
    )  # fmt: skip


TRANSFORMS = {
    "grad": lambda loss, h: torch.func.grad(loss)(h),
    "jvp": lambda loss, h: torch.func.jvp(loss, (h,), (h,)),
    "vmap": lambda loss, h: torch.func.vmap(torch.func.grad(loss))(h.unsqueeze(1)),
}


# the compiler's own, about what it leaves alone
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_transform_within_a_compiled_function_is_left_to_eager_mode(transform):
    (h, w, _), _ = batch(8)
    h, w = h.detach(), w.detach()

    def differentiated(h):
        def loss(h):
            return F.linear_softmax_cross_entropy(h, w, torch.arange(len(h)) % V)

        return TRANSFORMS[transform](loss, h)

    found = torch.compile(differentiated, backend="aot_eager")(h)
    torch.testing.assert_close(found, differentiated(h))


class Loss(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(D, V)

    def forward(self, h, target):
        return F.linear_cross_entropy(h, self.head.weight, target, linear_bias=self.head.bias)


def test_an_exported_program_needs_no_xent():
    (h, _, _), target = batch(8)
    loss = Loss()
    program = torch.export.export(loss, (h.detach(), target))
    assert not [node for node in program.graph.nodes if "xent" in str(node.target)]
    torch.testing.assert_close(program.module()(h.detach(), target), loss(h, target).detach())
