"""linear_kl_divergence: against whole logits in float64, its derivatives, memory, refusals."""

import pytest
import torch
from peak_memory import assert_within
from torch.testing import assert_close

from xent.errors import UnavailableError, XentTypeError, XentValueError
from xent.torch import functional as F
from xent.torch._linear.divergence.plan import plan_pair
from xent.torch._linear.products import Operands, Wanted

# torch.func and torch.compile meet parts of torch that warn about other parts of torch
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]

DIRECTIONS = ["forward", "reverse", "js"]
STUDENT, TEACHER = ("hidden", "weight", "bias"), ("teacher_hidden", "teacher_weight")
N, V, D, E = 11, 13, 3, 5


@pytest.fixture
def operands(rng):
    """Student and teacher, of which the student needs gradients."""
    shapes = {
        "hidden": (N, D), "weight": (V, D), "bias": (V,),
        "teacher_hidden": (N, E), "teacher_weight": (V, E), "teacher_bias": (V,),
    }  # fmt: skip
    made = {name: torch.tensor(rng.normal(size=shape)) for name, shape in shapes.items()}
    return made | {name: made[name].requires_grad_() for name in STUDENT}


def linear(operands, **options):
    return F.linear_kl_divergence(
        operands["hidden"], operands["weight"], operands["teacher_hidden"],
        operands["teacher_weight"], student_bias=operands["bias"],
        teacher_bias=operands["teacher_bias"], **options,
    )  # fmt: skip


def logits(operands):
    student = operands["hidden"] @ operands["weight"].T + operands["bias"]
    teacher = operands["teacher_hidden"] @ operands["teacher_weight"].T
    return student, teacher + operands["teacher_bias"]


def definition(operands, direction="forward", temperature=1.0):
    """The rows in torch operations on whole logits."""
    student, teacher = logits(operands)
    log_q, log_p = (torch.log_softmax(x / temperature, -1) for x in (student, teacher))

    def divergence(of, log_of, other):
        return (of * (log_of - other)).sum(-1)

    if direction == "js":
        log_m = ((log_p.exp() + log_q.exp()) / 2).log()
        each = [divergence(x.exp(), x, log_m) for x in (log_p, log_q)]
        return temperature**2 * (each[0] + each[1]) / 2
    first, second = (log_p, log_q) if direction == "forward" else (log_q, log_p)
    return temperature**2 * divergence(first.exp(), first, second)


def slopes(value, operands, names=STUDENT):
    return torch.autograd.grad(value, [operands[name] for name in names])


def memory_of(rows, operands):
    """The bytes with which blocks have so many rows."""
    student = Operands(*(operands[name].detach() for name in STUDENT))
    teacher = Operands(*(operands[f"teacher_{name}"] for name in STUDENT))
    return plan_pair(student, teacher, rows, Wanted(True, True, True), 1 << 30).bytes


# What it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 4, N])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_it_is_the_loss_of_whole_logits(operands, direction, temperature, block):
    options = {"direction": direction, "temperature": temperature}
    budget = {"memory": memory_of(block, operands)}
    upstream = torch.linspace(-1, 2, N).double()
    for reduction, reduce in (("mean", torch.mean), ("sum", torch.sum), ("none", upstream.mul)):
        found = linear(operands, reduction=reduction, **budget, **options)
        expected = reduce(definition(operands, **options))
        if reduction == "none":
            found = found * upstream
        assert_close(found, expected)
        assert_close(slopes(found.sum(), operands), slopes(expected.sum(), operands))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_it_is_distillation_loss_to_the_last_bits(operands, direction):
    options = {"direction": direction, "temperature": 1.5, "scale": None}
    found = linear(operands, **options)
    assert_close(found, F.distillation_loss(*logits(operands), **options), rtol=1e-14, atol=0)


def test_float32_is_as_good_as_the_rounding_of_its_logits(rng):
    # a logit of 64 products is off by at most 64 half ulp of the sum of their sizes, and
    # the loss of a row moves by at most twice the largest of what its logits move by
    wide = {
        "hidden": (30, 64), "weight": (300, 64), "bias": (300,),
        "teacher_hidden": (30, 32), "teacher_weight": (300, 32), "teacher_bias": (300,),
    }  # fmt: skip
    wide = {name: torch.tensor(rng.normal(size=shape) / 8) for name, shape in wide.items()}
    narrow = {name: x.float().requires_grad_(name in STUDENT) for name, x in wide.items()}
    same = {name: x.detach().double().requires_grad_(name in STUDENT) for name, x in narrow.items()}
    size = max(
        (same[f"{of}hidden"].abs() @ same[f"{of}weight"].abs().T).max() for of in ("", "teacher_")
    )
    logit_error = 64 * torch.finfo(torch.float32).eps / 2 * size.item()
    for direction in DIRECTIONS:
        rows = linear(narrow, direction=direction, reduction="none")
        assert rows.dtype == torch.float32
        assert_close(rows.double(), definition(same, direction), rtol=4e-7, atol=4 * logit_error)
        whole = definition(same, direction).sum()
        found = slopes(linear(narrow, direction=direction, reduction="sum"), narrow)
        for got, exact in zip(found, slopes(whole, same), strict=True):
            assert_close(got.double(), exact, rtol=0, atol=1e-5 * exact.abs().max().item())


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_student_that_is_nearly_there_keeps_its_digits(rng, direction):
    # products of one factor are exact: these logits differ by 1e-7 of themselves
    x = torch.tensor(rng.normal(size=(20, 1)), dtype=torch.float32)
    weight = torch.tensor(rng.normal(size=(50, 1)), dtype=torch.float32).bfloat16().float()
    x = x.bfloat16().float()
    bias = torch.zeros(50)
    bias[7] = 1e-7
    near = F.linear_kl_divergence(
        x, weight, x, weight, student_bias=bias, direction=direction, reduction="none"
    )
    student, teacher = (x @ weight.T + bias).double(), (x @ weight.T).double()
    exact = F.distillation_loss(student, teacher, direction=direction, reduction="none")
    assert (exact > 0).any()
    assert (exact < 1e-13).all()
    assert_close(near.double(), exact, rtol=2e-7, atol=0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_equal_models_are_exactly_0(rng, direction, temperature):
    hidden = torch.tensor(rng.normal(size=(9, 4)), dtype=torch.float32, requires_grad=True)
    weight = torch.tensor(rng.normal(size=(70, 4)), dtype=torch.float32, requires_grad=True)
    loss = F.linear_kl_divergence(
        hidden, weight, hidden.detach(), weight.detach(), direction=direction,
        temperature=temperature,
    )  # fmt: skip
    assert loss == 0
    for each in torch.autograd.grad(loss, (hidden, weight)):
        assert (each == 0).all()


def test_weights_and_reductions(operands):
    rows = definition(operands)
    weight = torch.linspace(0, 2, N).double()
    weight[3] = 0
    kept = weight != 0
    assert_close(linear(operands, sample_weight=weight), (rows * weight).sum() / weight.sum())
    assert_close(linear(operands, sample_weight=kept), rows[kept].mean())
    total = linear(operands, sample_weight=weight, reduction="total")
    assert_close(total.mean(), (rows * weight).sum() / weight.sum())
    assert int(total.count) == N - 2
    weighted = linear(operands, sample_weight=weight, reduction="none")
    assert_close(weighted, rows * weight)
    upstream = torch.linspace(-1, 2, N).double()
    got = slopes(weighted @ upstream, operands)
    assert_close(got, slopes((rows * weight) @ upstream, operands))


@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
def test_a_skipped_row_is_not_looked_at(operands, implementation):
    kept = torch.ones(N, dtype=torch.bool)
    kept[2] = kept[5] = False
    broken = {name: x.detach().clone() for name, x in operands.items()}
    broken["hidden"][2], broken["teacher_hidden"][5] = torch.nan, torch.inf
    broken = {name: x.requires_grad_(name in STUDENT) for name, x in broken.items()}
    options = {"sample_weight": kept, "implementation": implementation}
    loss = linear(broken, **options)
    assert_close(loss, linear(operands, sample_weight=kept))
    got = slopes(loss, broken)
    assert (got[0][~kept] == 0).all()
    assert_close(got, slopes(linear(operands, sample_weight=kept), operands))


def test_any_leading_axes(operands):
    shaped = dict(operands)
    for name in ("hidden", "teacher_hidden"):
        shaped[name] = operands[name][:10].reshape(2, 5, -1)
    rows = linear(shaped, reduction="none", sample_weight=torch.ones(2, 5))
    assert rows.shape == (2, 5)
    assert_close(rows.flatten(), definition(operands)[:10])
    assert_close(linear(shaped), rows.mean())
    for name in ("hidden", "teacher_hidden"):
        shaped[name] = operands[name][0]
    assert_close(linear(shaped, reduction="none"), definition(operands)[0])


def test_classes_that_cannot_happen(operands):
    masked = {name: x.detach().clone() for name, x in operands.items()}
    for name in ("bias", "teacher_bias"):
        masked[name][4:6] = -torch.inf
    masked["bias"].requires_grad_()
    masked["hidden"].requires_grad_()
    left = {name: x[[*range(4), *range(6, V)]] if len(x) == V else x for name, x in masked.items()}
    for direction in DIRECTIONS:
        found = linear(masked, direction=direction)
        assert_close(found, definition(left, direction).mean())
        got = slopes(found, masked, ("hidden", "bias"))
        assert (got[1][4:6] == 0).all()
        assert got[0].isfinite().all()
    masked["teacher_bias"][4:6] = 0.0
    assert linear(masked) == torch.inf
    assert linear(masked, direction="reverse").isfinite()


def test_no_rows_and_the_mean_over_nothing(operands):
    none = dict(operands, hidden=operands["hidden"][:0])
    none["teacher_hidden"] = operands["teacher_hidden"][:0]
    assert linear(none).isnan()
    assert linear(none, reduction="sum") == 0
    assert linear(none, reduction="none").shape == (0,)
    nothing = torch.zeros(N)
    assert linear(operands, sample_weight=nothing).isnan()
    loss = linear(operands, sample_weight=nothing, on_empty="zero")
    assert loss == 0
    assert all((each == 0).all() for each in slopes(loss, operands))
    with pytest.raises(XentValueError, match="D02"):
        linear(operands, sample_weight=nothing, on_empty="raise")


# 16 bits, autocast --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_operands_are_summed_in_32(operands, dtype):
    narrow = {name: x.detach().to(dtype) for name, x in operands.items()}
    wide = {name: x.double().requires_grad_(name in STUDENT) for name, x in narrow.items()}
    narrow = {name: x.requires_grad_(name in STUDENT) for name, x in narrow.items()}
    for reduction in ("mean", "none"):
        found = linear(narrow, reduction=reduction)
        assert found.dtype == torch.float32
        expected = definition(wide)
        expected = expected.mean() if reduction == "mean" else expected
        # float32 logits of five products, of a size of about ten
        assert_close(found.double(), expected, rtol=1e-6, atol=2e-5)
        of_logits = slopes_of_logits(wide, 1 / N if reduction == "mean" else 1.0)
        exact = slopes(expected.sum(), wide)
        for name, got, right in zip(STUDENT, slopes(found.sum(), narrow), exact, strict=True):
            assert got.dtype == dtype
            # one rounding of each entry, and those of float32 before it
            size = right.abs()
            if name == "hidden":
                # rounded before the product, where the processor multiplies 16-bit numbers
                size = size + of_logits.abs() @ wide["weight"].abs()
            bound = torch.finfo(dtype).eps / 2 * size + 1e-4 * right.abs().max()
            assert ((got.double() - right).abs() <= bound).all()


def slopes_of_logits(operands, scale):
    student, teacher = logits(operands)
    return scale * (student.softmax(-1) - teacher.softmax(-1)).detach()


def test_a_teacher_of_fewer_bits(operands):
    mixed = {
        name: x.detach().float() if name in STUDENT else x.bfloat16()
        for name, x in operands.items()
    }
    wide = {name: x.double() for name, x in mixed.items()}
    assert_close(linear(mixed).double(), definition(wide).mean(), rtol=1e-5, atol=1e-6)


def test_autocast_casts_as_it_casts_a_linear_layer(operands):
    single = {name: x.detach().float() for name, x in operands.items()}
    single = {name: x.requires_grad_(name in STUDENT) for name, x in single.items()}
    rounded = {name: x.detach().bfloat16() for name, x in single.items()}
    with torch.autocast("cpu", torch.bfloat16):
        found = linear(single)
    assert_close(found, linear(rounded))
    assert all(each.dtype == torch.float32 for each in slopes(found, single))


# Derivatives --------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_graph_that_is_kept_gives_every_upstream_gradient(operands, reduction):
    loss = linear(operands, reduction=reduction)
    upstream = torch.ones_like(loss)
    once = [x.clone() for x in slopes(definition(operands).sum(), operands)]
    if reduction == "mean":
        once = [x / N for x in once]
    inputs = [operands[name] for name in STUDENT]
    for factor in (1.0, 2.0, 3.0, 1.0):
        got = torch.autograd.grad(loss, inputs, factor * upstream, retain_graph=True)
        assert_close(got, tuple(factor * x for x in once))
    assert_close(torch.autograd.grad(loss, inputs, 5 * upstream), tuple(5 * x for x in once))


def test_only_what_needs_a_gradient_gets_one(operands, monkeypatch):
    count = {"mm": 0, "addmm": 0}
    for name in count:
        plain = getattr(torch, name)

        def counted(*args, name=name, plain=plain, **options):
            count[name] += 1
            return plain(*args, **options)

        monkeypatch.setattr(torch, name, counted)
    whole = {"memory": memory_of(N, operands)}

    def products(names, reduction="mean"):
        made = {name: x.detach().requires_grad_(name in names) for name, x in operands.items()}
        count.update(mm=0, addmm=0)
        loss = linear(made, reduction=reduction, **whole).sum()
        if names:
            loss.backward()
        assert all((made[name].grad is not None) == (name in names) for name in made)
        return sum(count.values())

    assert products(()) == 2
    assert products(("hidden", "weight")) == 4
    assert products(("hidden",)) == products(("weight",)) == 3
    assert products(("bias",)) == 2
    assert products(("hidden", "weight"), "none") == 6


def flat(operands, direction, **options):
    """The loss as a function of tensors, and the tensors, all of which need gradients."""
    names = [*STUDENT, *TEACHER]
    inputs = [operands[name][:4] if len(operands[name]) == N else operands[name] for name in names]

    def loss(*tensors):
        made = dict(operands) | dict(zip(names, tensors, strict=False))
        made["teacher_hidden"] = made["teacher_hidden"][:4]
        return linear(made, direction=direction, temperature=1.5, **options)

    return loss, [x.detach().requires_grad_() for x in inputs]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_derivatives_by_differences(operands, direction, reduction):
    loss, inputs = flat(operands, direction, reduction=reduction)
    student = inputs[:3]  # the teacher is a constant: the kernel's gradients
    assert torch.autograd.gradcheck(loss, student)
    assert torch.autograd.gradgradcheck(loss, student)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_derivatives_by_the_teacher_too(operands, direction):
    loss, inputs = flat(operands, direction)
    assert torch.autograd.gradcheck(loss, inputs)


def test_forward_mode_and_transforms(operands):
    loss, inputs = flat(operands, "forward")
    student = [x.detach() for x in inputs[:3]]
    along = [torch.ones_like(x) for x in student]
    grads = torch.func.grad(loss, argnums=(0, 1, 2))(*student)
    expected = torch.autograd.grad(loss(*inputs[:3]), inputs[:3])
    assert_close(grads, expected)
    _, tangent = torch.func.jvp(loss, tuple(student), tuple(along))
    assert_close(tangent, sum((g * a).sum() for g, a in zip(grads, along, strict=True)))


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_one_graph_for_a_compiler(operands, reduction):
    def loss(hidden, weight, bias):
        made = dict(operands, hidden=hidden, weight=weight, bias=bias)
        return linear(made, reduction=reduction, direction="reverse").sum()

    inputs = [operands[name] for name in STUDENT]
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")(*inputs)
    expected = loss(*inputs)
    assert_close(compiled, expected)
    assert_close(torch.autograd.grad(compiled, inputs), torch.autograd.grad(expected, inputs))


def test_a_named_implementation_is_used_or_refused(operands):
    by_formulas = linear(operands, implementation="formulas")
    assert_close(by_formulas, linear(operands, implementation="cpu"), rtol=1e-13, atol=0)
    operands["teacher_weight"].requires_grad_()
    with pytest.raises(UnavailableError, match="needs a gradient"):
        linear(operands, implementation="cpu")


# Blocks and memory --------------------------------------------------------------------------


def test_blocks_change_nothing_but_the_order_of_sums(rng):
    made = {
        "hidden": rng.normal(size=(64, 16)), "weight": rng.normal(size=(500, 16)),
        "bias": rng.normal(size=500), "teacher_hidden": rng.normal(size=(64, 8)),
        "teacher_weight": rng.normal(size=(500, 8)), "teacher_bias": rng.normal(size=500),
    }  # fmt: skip
    made = {name: torch.tensor(x / 4, dtype=torch.float32) for name, x in made.items()}
    made = {name: x.requires_grad_(name in STUDENT) for name, x in made.items()}
    whole = slopes(linear(made, memory=1 << 30, reduction="sum"), made)
    eps = torch.finfo(torch.float32).eps
    # a logit sums 16 products in an order of its own; a gradient sums 64 rows, or 500 classes
    student, teacher = (x.detach() for x in logits(made))
    shift = 17 * eps * max(student.abs().max(), teacher.abs().max()).item()
    for rows in (1, 7, 64):
        cut = slopes(linear(made, memory=memory_of(rows, made), reduction="sum"), made)
        for got, expected, terms in zip(cut, whole, (500, 64, 64), strict=True):
            bound = (terms * eps + 2 * shift) * expected.abs().max()
            assert (got - expected).abs().max() <= bound


def test_a_budget_that_nothing_fits_into_says_what_would(operands):
    with pytest.raises(XentValueError, match="memory must be at least") as caught:
        linear(operands, memory=100)
    least = memory_of(1, operands)
    assert caught.value.value == 100
    assert_close(linear(operands, memory=least), definition(operands).mean())


def test_what_a_plan_may_take():
    student = Operands(torch.zeros(4096, 64), torch.zeros(32000, 64), None)
    for dtype in (torch.float32, torch.bfloat16):
        teacher = Operands(*(None if x is None else x.to(dtype) for x in student))
        for memory in (16 << 20, 100 << 20, None):
            plan = plan_pair(student, teacher, 4096, Wanted(True, True, False), memory)
            assert memory is None or plan.bytes <= memory
            assert plan.rows * 32000 * 8 <= plan.bytes
            assert plan.products == 4


PROGRAM = """
import torch
from xent.torch import functional as F

torch.set_num_threads(1)

def made(rows, classes, dtype):
    shapes = (rows, 64), (classes, 64), (rows, 32), (classes, 32)
    x = [torch.randn(shape).to(dtype) for shape in shapes]
    return [x[0].requires_grad_(), x[1].requires_grad_(), *x[2:]]

def step(operands, **options):
    loss = F.linear_kl_divergence(*operands, **options)
    return torch.autograd.grad(loss, operands[:2])

step(made(64, 4096, torch.DTYPE), direction="DIRECTION")  # everything is loaded
operands = made(512, 65536, torch.DTYPE)
found, gradients = peak_of(lambda: step(operands, direction="DIRECTION", memory=MEMORY))
print(found - sum(x.nbytes for x in gradients))
"""
MIB = 1 << 20


@pytest.mark.parametrize(("dtype", "memory"), [("float32", 16 * MIB), ("bfloat16", 40 * MIB)])
@pytest.mark.parametrize("direction", ["forward", "js"])
def test_the_budget_is_kept(direction, dtype, memory):
    # either logits are 128 MiB; products lay out their operands in buffers of their own
    program = PROGRAM.replace("DTYPE", dtype).replace("DIRECTION", direction)
    assert_within(program.replace("MEMORY", str(memory)), most=memory + 8 * MIB)


# Refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"teacher_hidden": torch.zeros(7, E).double()}, XentValueError, "rows of student_hidden"),
        ({"teacher_weight": torch.zeros(9, E).double()}, XentValueError, "teacher_bias must have"),
        ({"teacher_weight": torch.zeros(V, D).double()}, XentValueError, "D14"),
        ({"hidden": torch.zeros(N, D)}, XentTypeError, "student_weight must have the dtype"),
        ({"weight": torch.zeros(D, V).double()}, XentValueError, r"student_weight\.T"),
        ({"hidden": [[0.0]]}, XentTypeError, "student_hidden"),
        ({"teacher_hidden": torch.zeros(N, E).long()}, XentTypeError, "teacher_hidden"),
        ({"teacher_bias": torch.zeros(3).double()}, XentValueError, "teacher_bias must have"),
    ],
)
def test_refusals_of_operands(operands, change, error, says):
    with pytest.raises(error, match=says):
        linear(operands | change)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"temperature": 0.0}, XentValueError, "temperature"),
        ({"direction": "backward"}, XentValueError, "direction must be one of"),
        ({"scale": "T"}, XentValueError, "scale must be one of"),
        ({"sample_weight": torch.zeros(5)}, XentValueError, "sample_weight"),
        ({"reduction": "batchmean"}, XentValueError, "reduction"),
        ({"memory": "12 apples"}, XentValueError, "memory"),
        ({"implementation": "triton"}, UnavailableError, "implementation"),
    ],
)
def test_refusals_of_options(operands, options, error, says):
    with pytest.raises(error, match=says):
        linear(operands, **options)


def test_student_and_teacher_that_do_not_fit(operands):
    fewer = operands | {
        "teacher_weight": operands["teacher_weight"][:9],
        "teacher_bias": operands["teacher_bias"][:9],
    }
    with pytest.raises(XentValueError, match=r"13 classes of student_weight .* got 9.*\[:9\]"):
        linear(fewer)
    single = {name: x if name in STUDENT else x.float() for name, x in operands.items()}
    with pytest.raises(XentTypeError, match="both be float64"):
        linear(single)
