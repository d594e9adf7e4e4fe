"""distillation_loss: what it means, its edges, its derivatives, and what it refuses."""

import pytest
import torch
from torch.testing import assert_close

import xent
from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.torch import functional as F

INF, NAN = torch.inf, torch.nan

# torch.func and torch.compile meet parts of torch that warn about other parts of torch
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]


@pytest.fixture
def pair(rng):
    student, teacher = (torch.tensor(rng.normal(size=(6, 5)) * 2) for _ in range(2))
    return student.requires_grad_(), teacher


def definition(student, teacher, temperature=1.0):
    log_q, log_p = (torch.log_softmax(x / temperature, -1) for x in (student, teacher))
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_is_the_divergence_times_T2(pair, temperature):
    student, teacher = pair
    loss = F.distillation_loss(student, teacher, temperature=temperature, reduction="none")
    assert_close(loss, definition(student, teacher, temperature))
    (slopes,) = torch.autograd.grad(loss.sum(), student)
    q, p = (torch.softmax(x / temperature, -1) for x in pair)
    assert_close(slopes, temperature * (q - p).detach())
    plain = F.distillation_loss(student, teacher, temperature=temperature, scale=None)
    assert_close(plain * temperature**2, loss.mean())


def test_the_reverse_direction_swaps_them(pair):
    student, teacher = pair
    loss = F.distillation_loss(student, teacher, direction="reverse", reduction="none")
    assert_close(loss, definition(teacher, student))
    (slopes,) = torch.autograd.grad(loss.sum(), student)
    (expected,) = torch.autograd.grad(definition(teacher, student).sum(), student)
    assert_close(slopes, expected)


def jensen_shannon(student, teacher, temperature=1.0):
    p, q = (torch.softmax(x / temperature, -1) for x in (teacher, student))
    m = ((p + q) / 2).log()
    return temperature**2 * ((p * (p.log() - m)).sum(-1) + (q * (q.log() - m)).sum(-1)) / 2


def test_jensen_shannon_is_the_mean_of_two(pair):
    student, teacher = pair
    loss = F.distillation_loss(student, teacher, direction="js", temperature=2.0, reduction="none")
    expected = jensen_shannon(student, teacher, 2.0)
    assert_close(loss, expected)
    slopes, slopes_expected = (
        torch.autograd.grad(each.sum(), student)[0] for each in (loss, expected)
    )
    assert_close(slopes, slopes_expected)
    swapped = F.distillation_loss(
        teacher, student, direction="js", temperature=2.0, reduction="none"
    )
    assert_close(swapped, loss)


@pytest.mark.parametrize("direction", ["forward", "reverse", "js"])
@pytest.mark.parametrize("num_classes", [5, 130])
def test_the_kernel_and_the_formulas_agree(rng, direction, num_classes):
    student, teacher = (torch.tensor(rng.normal(size=(9, num_classes))) for _ in range(2))
    weight = torch.tensor(rng.uniform(size=9)).requires_grad_()  # which the kernel has no slope by
    student.requires_grad_()
    options = {"direction": direction, "temperature": 1.5}
    by_kernel = F.distillation_loss(student, teacher, sample_weight=weight.detach(), **options)
    by_formulas = F.distillation_loss(student, teacher, sample_weight=weight, **options)
    assert_close(by_kernel, by_formulas, rtol=1e-13, atol=0)
    slopes = [torch.autograd.grad(each, student)[0] for each in (by_kernel, by_formulas)]
    assert_close(*slopes, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_graph_that_is_kept_gives_every_upstream_gradient(pair, reduction):
    student, teacher = pair
    loss = F.distillation_loss(student, teacher, reduction=reduction)
    upstream = torch.ones_like(loss)
    once = torch.autograd.grad(loss, student, upstream, retain_graph=True)[0].clone()
    for factor in (2.0, 3.0, 1.0):
        (again,) = torch.autograd.grad(loss, student, factor * upstream, retain_graph=True)
        assert_close(again, factor * once)


def test_dtypes_that_differ_are_computed_in_the_wider(pair):
    student, teacher = pair[0].detach().bfloat16().requires_grad_(), pair[1].float()
    loss = F.distillation_loss(student, teacher)
    assert loss.dtype == torch.float32
    assert_close(loss, definition(student.double(), teacher.double()).mean().float())
    (slopes,) = torch.autograd.grad(loss, student)
    assert slopes.dtype == torch.bfloat16


def test_at_temperature_1_it_is_cross_entropy_less_an_entropy(pair):
    student, teacher = pair
    p = teacher.softmax(-1)
    loss = F.distillation_loss(student, teacher)
    assert_close(loss, F.cross_entropy(student, p) - F.softmax_entropy(teacher))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_logits_give_float32_losses_and_gradients_of_their_own(pair, dtype):
    student, teacher = (x.detach().to(dtype) for x in pair)
    student.requires_grad_()
    loss = F.distillation_loss(student, teacher)
    assert loss.dtype == torch.float32
    assert torch.autograd.grad(loss, student)[0].dtype == dtype
    assert_close(loss, definition(student.double(), teacher.double()).mean().float())


def test_reductions_and_weights(pair):
    student, teacher = pair
    rows = definition(student, teacher)
    assert_close(F.distillation_loss(student, teacher), rows.mean())
    assert_close(F.distillation_loss(student, teacher, reduction="sum"), rows.sum())
    kept = torch.tensor([True, False, True, True, False, True])
    found = F.distillation_loss(student, teacher, sample_weight=kept)
    assert_close(found, rows[kept].mean())
    weight = torch.tensor([1.0, 0.0, 2.0, 0.5, 0.0, 1.0])
    total = F.distillation_loss(student, teacher, sample_weight=weight, reduction="total")
    assert_close(total.mean(), (rows * weight).sum() / weight.sum())
    assert int(total.count) == 4
    parts = [
        F.distillation_loss(s, t, reduction="total")
        for s, t in zip(student.split(4), teacher.split(4), strict=True)
    ]
    assert_close((parts[0] + parts[1]).mean(), rows.mean())


def test_every_position_of_a_sequence_counts_the_same(rng):
    student, teacher = (torch.tensor(rng.normal(size=(2, 3, 5))) for _ in range(2))
    loss = F.distillation_loss(student, teacher, reduction="none")
    assert loss.shape == (2, 3)
    for moved in (student.movedim(-1, 1), student.movedim(-1, 1).contiguous()):
        found = F.distillation_loss(moved, teacher.movedim(-1, 1), axis=1, reduction="none")
        assert torch.equal(found, loss)
    assert_close(F.distillation_loss(student, teacher), loss.mean())


def test_a_skipped_row_is_not_looked_at(pair):
    student, teacher = (x.detach().clone() for x in pair)
    student[1], teacher[2] = NAN, INF
    student.requires_grad_()
    kept = torch.tensor([True, False, False, True, True, True])
    loss = F.distillation_loss(student, teacher, sample_weight=kept)
    (slopes,) = torch.autograd.grad(loss, student)
    assert loss.isfinite()
    assert (slopes[1:3] == 0).all()
    assert slopes.isfinite().all()


def test_edges_of_the_logits():
    student = torch.tensor(
        [[0.0, 1.0, -INF], [0.0, 1.0, -INF], [0.0, 1.0, 0.0], [NAN, 0.0, 0.0], [-INF] * 3],
        requires_grad=True,
    )
    teacher = torch.tensor(
        [[1.0, 1.0, -INF], [0.0, 1.0, 0.0], [-INF, 1.0, -INF], [0.0, 0.0, 0.0], [0.0] * 3]
    )
    loss = F.distillation_loss(student, teacher, reduction="none")
    (slopes,) = torch.autograd.grad(loss.sum(), student)
    assert_close(loss[0], F.distillation_loss(student[0, :2], teacher[0, :2]))
    assert slopes[0, 2] == 0
    assert loss[1] == INF
    assert_close(slopes[1], student[1].softmax(-1) - teacher[1].softmax(-1))
    assert_close(loss[2], -student[2].log_softmax(-1)[1])
    assert loss[3:].isnan().all()
    assert slopes[3:].isnan().all()
    assert slopes[:3].isfinite().all()


def test_mass_too_small_for_a_float_costs_infinity_where_the_student_has_none():
    teacher, student = torch.tensor([0.0, -2000.0]), torch.tensor([0.0, -INF])
    assert F.distillation_loss(student, teacher) == INF


def test_derivatives_of_both_by_differences(pair):
    student, teacher = pair[0][:2].detach().requires_grad_(), pair[1][:2].requires_grad_()
    for direction in ("forward", "reverse", "js"):

        def loss(s, t, direction=direction):
            return F.distillation_loss(s, t, temperature=2.0, direction=direction, reduction="none")

        assert torch.autograd.gradcheck(loss, (student, teacher), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, (student, teacher))


def test_the_hessian_at_the_teacher_is_that_of_the_cross_entropy(pair):
    # p = q: every difference is 0, and none of the derivatives may vanish with it
    teacher = pair[1][0]
    p = teacher.softmax(-1)
    expected = torch.diag(p) - torch.outer(p, p)
    loss = lambda s: F.distillation_loss(s, teacher)  # noqa: E731
    assert_close(torch.func.hessian(loss)(teacher), expected)
    assert_close(torch.autograd.functional.hessian(loss, teacher), expected)


def test_vmap_of_grad_and_one_graph(pair):
    student, teacher = pair[0].detach(), pair[1]
    loss = lambda s, t: F.distillation_loss(s, t, temperature=2.0)  # noqa: E731
    together = torch.func.vmap(torch.func.grad(loss))(student, teacher)
    for s, t, got in zip(student, teacher, together, strict=True):
        assert_close(got, torch.func.grad(loss)(s, t))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    leaf = student.clone().requires_grad_()
    (got,) = torch.autograd.grad(compiled(leaf, teacher), leaf)
    assert_close(got, torch.func.grad(loss)(student, teacher))


def test_the_mean_over_nothing(pair):
    student, teacher = pair
    none = torch.zeros(6)
    assert F.distillation_loss(student, teacher, sample_weight=none).isnan()
    assert F.distillation_loss(student, teacher, sample_weight=none, on_empty="zero") == 0
    with pytest.raises(XentValueError, match="D02"):
        F.distillation_loss(student, teacher, sample_weight=none, on_empty="raise")
    assert F.distillation_loss(student[:0], teacher[:0]).isnan()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"teacher_logits": torch.zeros(6, 4)}, XentValueError, "D15"),
        ({"teacher_logits": torch.zeros(5)}, XentValueError, "D15"),
        ({"teacher_logits": torch.zeros(6, 5).long()}, XentTypeError, "teacher_logits"),
        ({"student_logits": [[0.0]]}, XentTypeError, "student_logits"),
        ({"axis": 2}, XentValueError, r"axis must be in \[-2, 2\)"),
        ({"temperature": 0.0}, XentValueError, "temperature"),
        ({"direction": "backward"}, XentValueError, "direction must be one of"),
        ({"scale": "T"}, XentValueError, "scale must be one of"),
        ({"sample_weight": torch.zeros(5)}, XentValueError, "sample_weight"),
        ({"reduction": "batchmean"}, XentValueError, "reduction"),
    ],
)
def test_refusals(pair, change, error, says):
    arguments = {"student_logits": pair[0], "teacher_logits": pair[1], **change}
    student, teacher = arguments.pop("student_logits"), arguments.pop("teacher_logits")
    with pytest.raises(error, match=says):
        F.distillation_loss(student, teacher, **arguments)


def test_probabilities_in_place_of_logits_are_told(pair):
    student, teacher = pair
    with pytest.warns(MisuseWarning, match="D04"):
        F.distillation_loss(student, teacher.softmax(-1).repeat(30, 1)[: len(student)])
    with xent.checks("off"):
        F.distillation_loss(student, teacher.softmax(-1))
