"""linear_sigmoid_cross_entropy under autograd, its transforms, and the compiler."""

import pytest
import torch
from live_memory import Watch
from torch.utils.checkpoint import checkpoint

from xent.errors import XentValueError
from xent.torch import functional as F
from xent.torch._linear.sigmoid import operator as sigmoid_operator
from xent.torch._linear.sigmoid import products as label_products
from xent.torch._linear.sigmoid.positives import Positives

loss_of = F.linear_sigmoid_cross_entropy
LABELS = 9
TARGET = torch.tensor([[1, 2], [-1, 3], [-1, -1], [8, 0], [4, 5]])
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]


def leaves(dtype=torch.float64, rows=5, features=3, labels=LABELS):
    shapes = (rows, features), (labels, features), (labels,)
    return tuple(torch.randn(shape, dtype=torch.float64).to(dtype).requires_grad_()
                 for shape in shapes)  # fmt: skip


def weights(dtype=torch.float64):
    sample = torch.tensor([1.0, 0.5, 2.0, 0.0, 1.5], dtype=dtype)
    return {
        "pos_weight": torch.linspace(0.5, 3, LABELS, dtype=dtype),
        "weight": torch.linspace(0, 2, LABELS, dtype=dtype),
        "sample_weight": sample,
    }


def dense():
    return torch.rand(5, LABELS, dtype=torch.float64)


TARGETS = {"sparse": lambda: TARGET, "dense": dense}
targets = pytest.mark.parametrize("kind", TARGETS)
reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def bound(target, reduction="mean", **options):
    def loss(hidden, weight, bias):
        return loss_of(hidden, weight, target, linear_bias=bias, reduction=reduction, **options)

    return loss


@targets
@reductions
def test_two_orders(kind, reduction):
    loss = bound(TARGETS[kind](), reduction, **weights())
    assert torch.autograd.gradcheck(loss, leaves())
    assert torch.autograd.gradgradcheck(loss, leaves())


@reductions
def test_targets_and_weights_have_gradients_too(reduction):
    hidden, weight, bias = leaves()
    others = [x.requires_grad_() for x in (dense(), *weights().values())]
    # at the edges of [0, 1] a label may move to one side only, and at weight 0 the rest is cut
    others[0].data.mul_(0.8).add_(0.1)
    others[2].data.add_(0.1)
    others[3].data.add_(0.1)

    def loss(target, pos_weight, node_weight, sample_weight):
        return loss_of(
            hidden.detach(), weight.detach(), target, linear_bias=bias.detach(),
            pos_weight=pos_weight, weight=node_weight, sample_weight=sample_weight,
            reduction=reduction,
        )  # fmt: skip

    assert torch.autograd.gradcheck(loss, others)


@targets
@reductions
def test_forward_mode_and_hessian_vector_products(kind, reduction):
    loss = bound(TARGETS[kind](), reduction, **weights())
    inputs = tuple(x.detach() for x in leaves())
    along = tuple(torch.randn_like(x) for x in inputs)
    _, forward = torch.func.jvp(loss, inputs, along)
    _, backward = torch.autograd.functional.jvp(loss, inputs, along)
    torch.testing.assert_close(forward, backward)

    def total(*inputs):
        return loss(*inputs).sum()

    _, eager = torch.autograd.functional.hvp(total, inputs, along)
    _, turned = torch.func.jvp(torch.func.grad(total, (0, 1, 2)), inputs, along)
    torch.testing.assert_close(eager, turned)


@targets
def test_gradients_of_single_rows(kind):
    target = TARGETS[kind]()
    hidden, weight, bias = (x.detach() for x in leaves())

    def one(row, wanted):
        return loss_of(row[None], weight, wanted[None], linear_bias=bias, reduction="sum")

    together = torch.func.vmap(torch.func.grad(one))(hidden, target)
    hidden.requires_grad_()
    whole = loss_of(hidden, weight, target, linear_bias=bias, reduction="sum")
    torch.testing.assert_close(together, torch.autograd.grad(whole, hidden)[0])


@targets
def test_formulas_do_not_look_at_what_weighs_nothing(kind):
    hidden, weight, bias = (x.detach() for x in leaves())
    loss = bound(TARGETS[kind](), **weights())  # of label 0 and row 3
    right = torch.func.grad(loss, (0, 1, 2))(hidden, weight, bias)
    hidden[3] = weight[0] = torch.nan
    torch.testing.assert_close(torch.func.grad(loss, (0, 1, 2))(hidden, weight, bias), right)


@targets
def test_many_upstream_gradients_at_once(kind):
    inputs = leaves()
    rows = bound(TARGETS[kind](), "none")(*inputs)
    basis = torch.eye(5, dtype=torch.float64)
    batch = torch.autograd.grad(rows, inputs, basis, is_grads_batched=True, retain_graph=True)
    for i in range(5):
        alone = torch.autograd.grad(rows, inputs, basis[i], retain_graph=True)
        torch.testing.assert_close(tuple(x[i] for x in batch), alone)


@targets
@reductions
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_kept_graph_with_any_upstream_gradient_twice(kind, reduction, dtype):
    inputs = leaves(dtype)
    loss = bound(TARGETS[kind](), reduction)(*inputs)
    up = torch.rand(loss.shape, dtype=loss.dtype) * 8
    found = [
        torch.autograd.grad(loss, inputs, up * scale, retain_graph=scale != 4)
        for scale in (2, 1, 2, 4)
    ]
    for first, again, unit, most in zip(found[0], found[2], found[1], found[3], strict=True):
        assert torch.equal(first, again)
        close = {"rtol": 1e-3 if dtype is torch.float16 else 1e-12, "atol": 1e-7}
        torch.testing.assert_close(first, 2 * unit, **close)
        torch.testing.assert_close(most, 4 * unit, **close)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, inputs, up)


@pytest.mark.parametrize("wrapped", ["eager", "compiled"])
@pytest.mark.usefixtures("_fresh")
def test_float16_is_rounded_after_it_is_scaled(wrapped):
    # gradients of 1e-9 are 0 in float16, and 65536 times that is not
    hidden = torch.ones(1, 1, dtype=torch.float16, requires_grad=True)
    weight = torch.full((400, 1), -14.0, dtype=torch.float16).requires_grad_()
    function = loss_of
    if wrapped == "compiled":
        function = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    loss = function(hidden, weight, torch.full((1, 1), -1))
    (slope,) = torch.autograd.grad(loss * 65536, weight)
    right = torch.tensor(-14.0, dtype=torch.float64).sigmoid() / 400 * 65536
    # two roundings to float16, of a number below its normal ones
    torch.testing.assert_close(slope.double(), right.expand(400, 1), rtol=2e-3, atol=2.0**-24)


@targets
def test_under_checkpoint(kind):
    loss, inputs = bound(TARGETS[kind]()), leaves()
    kept = torch.autograd.grad(checkpoint(loss, *inputs, use_reentrant=False), inputs)
    torch.testing.assert_close(kept, torch.autograd.grad(loss(*inputs), inputs))


@pytest.mark.parametrize(
    ("frozen", "reduction", "products"),
    [((), "mean", 3), ((0,), "mean", 2), ((1,), "mean", 2), ((0, 1), "mean", 1),
     ((0, 1, 2), "mean", 1), ((), "none", 4), ((0,), "none", 3)],
)  # fmt: skip
def test_products(frozen, reduction, products):
    inputs = leaves(torch.float32)
    for at in frozen:
        inputs[at].requires_grad_(False)
    wanted = [x for x in inputs if x.requires_grad]
    right = torch.autograd.grad(
        bound(TARGET, reduction)(*leaves_like(inputs)).sum(), _last, allow_unused=True
    )
    with torch.profiler.profile() as profile:
        loss = bound(TARGET, reduction)(*inputs)
        found = torch.autograd.grad(loss.sum(), wanted) if wanted else ()
    events = {event.key: event.count for event in profile.key_averages()}
    counted = sum(events.get(f"aten::{name}", 0) for name in ("mm", "addmm", "addmm_"))
    assert counted == products
    expected = [g for at, g in enumerate(right) if at not in frozen]
    torch.testing.assert_close(list(found), expected, rtol=1e-5, atol=1e-6)


_last = []


def leaves_like(inputs):
    _last[:] = [x.detach().clone().requires_grad_() for x in inputs]
    return _last


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_of_the_weight_into_a_buffer_of_ones_own(dtype):
    inputs = leaves(dtype)
    loss = bound(TARGET, main_grad=(buffer := torch.ones(LABELS, 3)))(*inputs)
    (loss * 2).backward()
    assert inputs[1].grad is None
    wide = [x.detach().double().requires_grad_() for x in inputs]
    right = torch.autograd.grad(bound(TARGET)(*wide) * 2, wide)
    # not rounded to the dtype of the weight
    torch.testing.assert_close(buffer.double(), 1 + right[1], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(inputs[0].grad.double(), right[0], rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize("memory", [None, "64kB"])
@pytest.mark.parametrize("wide", [False, True])
def test_products_on_matrix_units(memory, wide, monkeypatch):
    # which are those of a device; here they are widened, and round what they would
    inputs = leaves(torch.bfloat16, rows=200, features=8, labels=300)
    target = torch.randint(0, 100, (200, 2)) * 2 + torch.arange(2)
    main_grad = torch.zeros(300, 8) if wide else None
    right = torch.autograd.grad(
        bound(target)(*(x.double() for x in inputs)), inputs
    )  # rounded once
    exact = bound(target)(*(x.double() for x in inputs))
    monkeypatch.setattr(label_products, "_multiplies_narrow", lambda hidden: True)
    loss = bound(target, memory=memory, main_grad=main_grad)(*inputs)
    # logits are sums of eight products in float32
    torch.testing.assert_close(loss.double(), exact, rtol=1e-6, atol=0)
    loss.backward()
    found = [inputs[0].grad, main_grad if wide else inputs[1].grad, inputs[2].grad]
    for got, expected in zip(found, right, strict=True):
        error = (got.double() - expected.double()).norm() / expected.double().norm()
        assert error <= 2**-8  # each of many terms is rounded to 2^-9, and the sum


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_operands_are_rounded_as_those_of_linear(dtype):
    inputs = leaves(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        loss = bound(TARGET)(*inputs)
    assert loss.dtype is torch.float32
    rounded = [x.detach().bfloat16().double().requires_grad_() for x in inputs]
    right = bound(TARGET)(*rounded)
    torch.testing.assert_close(loss.double(), right, rtol=1e-6, atol=0)
    found = torch.autograd.grad(loss, inputs)
    for x, got, exact in zip(inputs, found, torch.autograd.grad(right, rounded), strict=True):
        assert got.dtype == x.dtype
        torch.testing.assert_close(got.double(), exact, rtol=2**-8, atol=1e-7)


def test_no_order_holds_whole_logits():
    rows, labels = 12, 200_000
    hidden, weight = torch.randn(rows, 2, requires_grad=True), torch.randn(labels, 2)
    target = torch.randint(0, labels, (rows, 1))
    with Watch() as watch:
        loss = loss_of(hidden, weight, target)
        (slope,) = torch.autograd.grad(loss, hidden, create_graph=True)
        torch.autograd.grad(slope.sum(), hidden)
    assert watch.products > 0
    assert watch.largest < rows * labels / 4


# The compiler ---------------------------------------------------------------------------------


@pytest.fixture
def _fresh():
    torch._dynamo.reset()


@targets
@reductions
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.usefixtures("_fresh")
def test_a_compiled_loss_is_the_eager_one(kind, reduction, dtype):
    target, options = TARGETS[kind](), weights()

    def doubled(hidden, weight, bias):
        loss = bound(target, reduction, **options)(hidden * 2, weight, bias)
        return loss * 3

    inputs = leaves(dtype)
    compiled = torch.compile(doubled, fullgraph=True, backend="aot_eager")
    found, right = compiled(*inputs), doubled(*inputs)
    torch.testing.assert_close(found, right)
    up = torch.rand(right.shape)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, up), torch.autograd.grad(right, inputs, up)
    )


@pytest.mark.usefixtures("_fresh")
def test_inductor_compiles_forward_and_backward_once_for_all_batches():
    counter = torch._dynamo.testing.CompileCounterWithBackend("inductor")
    compiled = torch.compile(loss_of, fullgraph=True, backend=counter)
    for rows in (5, 8, 6):
        hidden, weight, bias = leaves(torch.float32, rows=rows)
        target = torch.stack([torch.randperm(LABELS)[:2] for _ in range(rows)])
        both = [each(hidden, weight, target, linear_bias=bias) for each in (compiled, loss_of)]
        torch.testing.assert_close(*both)
        slopes = [torch.autograd.grad(each, (hidden, weight, bias)) for each in both]
        torch.testing.assert_close(*slopes)
    assert counter.frame_count <= 2


@pytest.mark.usefixtures("_fresh")
def test_bad_labels_raise_when_the_compiled_loss_runs():
    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    hidden, weight, _ = leaves()
    compiled(hidden, weight, TARGET)
    with pytest.raises(XentValueError, match="label 9 in row 1"):
        compiled(hidden, weight, torch.where(TARGET == 3, LABELS, TARGET))


@pytest.mark.parametrize("how", ["mean", "rows"])
def test_the_operator_keeps_its_promises(how):
    hidden, weight, bias = leaves(torch.float32)
    entries = Positives.of_padded(TARGET, LABELS)
    torch.library.opcheck(
        sigmoid_operator._loss,
        (hidden, weight, bias, None, entries.row, entries.label, None, 2, None, None, None, how,
         None, [how == "mean"] * 3),
        test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"),
    )  # fmt: skip
