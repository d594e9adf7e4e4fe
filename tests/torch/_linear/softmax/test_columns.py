"""Slices of the classes against whole logits in float64, and against each other.

Most operands here are small multiples of 1/4: their products are exact in float32, so that
the logits are the same whatever the slices are, and what is left are the roundings of the
loss and of the sums of its gradients.
"""

import pytest
import torch

from xent.torch import functional as F
from xent.torch._linear.plan import Plan
from xent.torch._linear.products import Operands, Wanted
from xent.torch._linear.softmax.columns import walk_columns
from xent.torch._linear.softmax.rows import walk_rows
from xent.torch._linear.softmax.slice_products import SliceProducts
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

N, D, V = 40, 12, 130
ALL = Wanted(True, True, True)
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
# rounding of results, and of what they are computed in
UNIT = {torch.float64: 2**-53, torch.float32: 2**-24, torch.bfloat16: 2**-9, torch.float16: 2**-12}


def operands(dtype, *, bias=True, seed=0):
    draw = torch.Generator().manual_seed(seed)

    def quarters(*shape):
        return (torch.randint(-8, 9, shape, generator=draw) / 4).to(dtype)

    return Operands(quarters(N, D), quarters(V, D), quarters(V) if bias else None)


def options(name):
    draw = torch.Generator().manual_seed(7)
    mask = torch.rand(N, V, generator=draw) < 0.8
    each = {
        "plain": {},
        "weight": {"class_weight": torch.rand(V, generator=draw).round(decimals=1) + 0.1},
        "sample_weight": {
            "sample_weight": torch.rand(N, generator=draw).round(decimals=0) * 2 - 0.5
        },
        "ignored": {"ignore_index": 0},
        "smoothed": {"label_smoothing": 0.1},
        "z_loss": {"z_loss": 0.01},
        "capped": {"softcap": 3.0, "temperature": 0.7},
        "masked": {"class_mask": mask[0]},
        "masked by row": {"class_mask": mask},
        "masked by one row": {"class_mask": mask[:1]},
    }
    together = {}
    for one in each.values():
        together |= one
    each["all"] = together | {"class_mask": mask, "sample_weight": torch.arange(N) % 3 * 0.5}
    return each[name]


NAMES = [
    "plain", "weight", "sample_weight", "ignored", "smoothed", "z_loss", "capped", "masked",
    "masked by row", "masked by one row", "all",
]  # fmt: skip
KINDS = ["class", "soft", "sparse"]


def task_of(kind, name, dtype):
    """Return the linear task, and that of whole logits."""
    told = dict(options(name))
    mask = told.get("class_mask", torch.ones(V, dtype=torch.bool)).expand(N, V)
    draw = torch.Generator().manual_seed(8)
    scores = torch.where(mask, torch.rand(N, V, generator=draw, dtype=torch.float64), 0.0)
    if kind == "class":
        whole = SoftmaxTask(1, scores.argmax(dim=1) * (torch.arange(N) % 4 != 1), **told)
        inside = mask.gather(1, whole.target[:, None])[:, 0]
        whole.target = torch.where(inside, whole.target, mask.int().argmax(dim=1))
        return LinearTask(whole), whole
    told.pop("ignore_index", None)
    if kind == "soft":
        soft = (scores / scores.sum(dim=1, keepdim=True)).to(dtype)
        return LinearTask(SoftmaxTask(1, None, soft, **told)), SoftmaxTask(1, None, soft, **told)
    probs, classes = scores.topk(4, dim=1)
    probs = probs.to(dtype)
    classes[::7, 3] = -1  # no entry
    dense = torch.zeros(N, V, dtype=dtype)
    dense.scatter_add_(1, classes.clamp(min=0), torch.where(classes < 0, 0, probs))
    return LinearTask(SoftmaxTask(1, **told), classes, probs), SoftmaxTask(1, None, dense, **told)


def by_columns(own, task, columns, *, wanted=ALL, path="cpu", **asked):
    plan = Plan("columns", N, columns, -(-V // columns), 4, 0)
    return walk_columns(own, task, plan, path, kept=task.kept(), wanted=wanted, **asked)


def in_float64(own, whole, row_scale=None):
    """Return losses, their sum's gradients and statistics, from whole logits."""
    leaves = [each.double().clone().requires_grad_() for each in own if each is not None]
    logits = torch.nn.functional.linear(*leaves)
    rows = formulas.rows(logits, whole)
    scale = torch.ones_like(rows) if row_scale is None else row_scale
    gradients = torch.autograd.grad((rows * scale).sum(), leaves)
    return rows.detach(), gradients, formulas.statistics(logits.detach(), whole)


def assert_close(found, right, dtype, scale):
    """Compare gradients in the norm of what they are sums of.

    An element of the block is right to 16 roundings of its format, each of its two terms below
    `scale`; a sum of V or N of them, times at most 2, adds as many roundings in random order.
    """
    unit = UNIT[torch.float64 if dtype is torch.float64 else torch.float32]
    for one, two in zip(found, right, strict=True):
        assert one.dtype is dtype
        error = (one.double() - two).abs()
        assert (error <= 64 * scale * unit + 2 * UNIT[dtype] * two.abs()).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_losses_gradients_and_statistics_are_those_of_whole_logits(dtype, kind, name):
    own = operands(dtype)
    task, whole = task_of(kind, name, dtype)
    row_scale = torch.linspace(-1, 2, N, dtype=torch.float64)
    rows, gradients, statistics = in_float64(own, whole, row_scale)
    for columns in (1, 37, V):
        found = by_columns(own, task, columns, row_scale=row_scale, rows=True, statistics=True)
        compute = torch.float64 if dtype is torch.float64 else torch.float32
        # losses of up to 40 nats, from logits that an option rounds by 3 ulp
        near = 16 * UNIT[compute] * 40
        assert found.rows.dtype is compute
        torch.testing.assert_close(found.rows.double(), rows, rtol=0, atol=near)
        assert abs(found.sum - rows.sum()) <= N * near
        for one, two in zip(found.statistics, statistics, strict=True):
            if two.dtype is torch.bool:
                assert torch.equal(one, two)
            else:
                assert one.dtype is compute
                torch.testing.assert_close(one.double(), two.double(), rtol=0, atol=near)
        assert_close(found.gradients, gradients, dtype, scale=8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_formulas_serve_the_same_walk(kind, name):
    own = operands(torch.float32)
    task, whole = task_of(kind, name, torch.float32)
    rows, gradients, _ = in_float64(own, whole)
    found = by_columns(own, task, 50, path="formulas", rows=True)
    torch.testing.assert_close(found.rows.double(), rows, rtol=0, atol=16 * 2**-24 * 40)
    assert_close(found.gradients, gradients, torch.float32, scale=8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_that_are_right_by_many_nats_keep_their_digits_in_any_slices(dtype):
    own = operands(dtype, bias=False)
    own.weight[:, 0] = 0
    own.weight[77] = 0
    own.weight[77, 0] = 1
    own.hidden[:, 0] = torch.linspace(17, 100, N).round()
    own.hidden[:, 1:] /= 64
    task = LinearTask(SoftmaxTask(1, torch.full((N,), 77)))
    rows, gradients, _ = in_float64(own, task.softmax)
    assert (rows < 1e-5).all()
    assert rows.min() < 1e-40
    tiny = torch.finfo(dtype).tiny
    for columns in (1, 20, 77, 78, V):
        found = by_columns(own, task, columns, rows=True, wanted=Wanted(True, True, False))
        eps = 4 * torch.finfo(dtype).eps * (1 if dtype is torch.float32 else 8)
        torch.testing.assert_close(found.rows.double(), rows, rtol=eps, atol=1e-45)
        # of the sum of V elements, of which a few are denormal
        error = (found.gradients.hidden.double() - gradients[0]).abs().amax(dim=1)
        assert (error <= 32 * eps * rows + V * tiny * eps).all()


def test_a_slice_that_cannot_happen_changes_nothing():
    own = operands(torch.float32)
    task, whole = task_of("class", "plain", torch.float32)
    whole.target.clamp_(min=40)
    own.bias[:39] = -torch.inf
    rows, gradients, _ = in_float64(own, whole)
    for columns in (13, 39, V):
        found = by_columns(own, task, columns, rows=True)
        torch.testing.assert_close(found.rows.double(), rows, rtol=0, atol=16 * 2**-24 * 40)
        assert not found.gradients.weight[:39].any()
        assert not found.gradients.bias[:39].any()
        assert_close(found.gradients, gradients, torch.float32, scale=8)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_do_not_count_are_not_looked_at(kind):
    own = operands(torch.float32)
    task, _ = task_of(kind, "plain", torch.float32)
    weight = torch.ones(N)
    weight[::3] = 0
    task.softmax.sample_weight = weight
    clean = by_columns(own, task, 37, rows=True, statistics=True)
    own.hidden[::3] = torch.nan
    found = by_columns(own, task, 37, rows=True, statistics=True)
    assert torch.equal(found.rows, clean.rows)
    assert not found.rows[::3].any()
    for one, two in zip((*found.gradients, *found.statistics),
                        (*clean.gradients, *clean.statistics), strict=True):  # fmt: skip
        assert torch.equal(one, two)
    task.softmax.sample_weight = torch.zeros(N)
    nothing = by_columns(own, task, 37, rows=True, statistics=True)
    assert nothing.sum == 0
    for each in (nothing.rows, *nothing.gradients, *nothing.statistics):
        assert not each.any()


def test_a_row_whose_class_weighs_nothing_is_not_looked_at_either():
    own = operands(torch.float32)
    target = torch.arange(N)
    weight = torch.ones(V)
    weight[5] = 0
    own.hidden[5] = torch.nan
    found = by_columns(own, LinearTask(SoftmaxTask(1, target, class_weight=weight)), 37, rows=True)
    assert found.rows[5] == 0
    assert not found.gradients.hidden[5].any()
    assert all(each.isfinite().all() for each in (found.rows, *found.gradients))
    pulled = LinearTask(SoftmaxTask(1, target, class_weight=weight, z_loss=0.1))
    assert by_columns(own, pulled, 37, rows=True).rows[5].isnan()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_rows_and_columns_agree(dtype):
    own = operands(dtype)
    task, _ = task_of("class", "all", dtype)
    plan = Plan("rows", 7, V, 6, 3, 0)
    asked = {"wanted": ALL, "kept": task.kept(), "rows": True, "statistics": True}
    asked |= {"wide_weight": True, "scale": 0.25}
    right = walk_rows(own, task, plan, "cpu", **asked)
    asked.pop("kept")
    found = by_columns(own, task, 37, **asked)
    assert found.sum == pytest.approx(right.sum, rel=1e-6)
    torch.testing.assert_close(found.rows, right.rows, rtol=1e-6, atol=1e-6)
    assert found.gradients.weight.dtype is torch.float32
    for one, two in zip((*found.gradients, *found.statistics),
                        (*right.gradients, *right.statistics), strict=True):  # fmt: skip
        assert one.dtype is two.dtype
        near = 2 * UNIT[one.dtype] if one.dtype is dtype else 1e-6
        torch.testing.assert_close(one, two, rtol=near, atol=2e-5)


@pytest.mark.parametrize("wanted", [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
def test_only_what_is_wanted_is_computed(wanted, monkeypatch):
    walked = []
    logits = SliceProducts.logits
    monkeypatch.setattr(
        SliceProducts, "logits",
        lambda self, first, stop: walked.append((first, stop)) or logits(self, first, stop),
    )  # fmt: skip
    own = operands(torch.float32)
    task, _ = task_of("class", "plain", torch.float32)
    found = by_columns(own, task, 50, wanted=Wanted(*map(bool, wanted)))
    slices = [(0, 50), (50, 100), (100, 130)]
    if not any(wanted):
        assert found.gradients is None
        assert walked == slices
        return
    whole = by_columns(own, task, V).gradients
    assert [each is not None for each in found.gradients] == [bool(each) for each in wanted]
    # the last slice of the first walk is the first of the second
    assert walked[:5] == [*slices, (50, 100), (0, 50)]
    for one, two in zip(found.gradients, whole, strict=True):
        if one is not None:
            torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


def test_no_bias_is_a_bias_of_zero():
    hidden, weight, bias = operands(torch.float32)
    task, _ = task_of("class", "plain", torch.float32)
    with_bias = by_columns(Operands(hidden, weight, bias * 0), task, 37, rows=True)
    without = by_columns(Operands(hidden, weight, None), task, 37, rows=True)
    assert torch.equal(with_bias.rows, without.rows)
    assert torch.equal(with_bias.gradients.weight, without.gradients.weight)
    assert without.gradients.bias is None


def test_targets_and_masks_may_lie_in_any_layout():
    own = operands(torch.float32)
    task, whole = task_of("soft", "masked by row", torch.float32)
    right = by_columns(own, task, 37, rows=True)
    turned = [each.t().contiguous().t() for each in (whole.soft_target, whole.class_mask)]
    whole = SoftmaxTask(1, None, turned[0], class_mask=turned[1])
    own = Operands(own.hidden.t().contiguous().t(), own.weight.t().contiguous().t(), own.bias)
    found = by_columns(own, LinearTask(whole), 37, rows=True)
    torch.testing.assert_close(found.rows, right.rows, rtol=0, atol=1e-5)
    for one, two in zip(found.gradients, right.gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


# By way of the public function --------------------------------------------------------------


@pytest.fixture
def walks(monkeypatch):
    """Return the plans that were walked by columns."""
    seen = []

    def walk(own, task, plan, *args, **asked):
        seen.append(plan)
        return walk_columns(own, task, plan, *args, **asked)

    monkeypatch.setattr("xent.torch._linear.softmax.call.walk_columns", walk)
    return seen


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_little_memory_is_served_by_columns(walks, reduction):
    draw = torch.Generator().manual_seed(1)
    classes = 4000
    hidden, weight = (torch.randn(n, D, generator=draw) for n in (N, classes))
    target = torch.randint(0, classes, (N,), generator=draw)
    target[::4] = -100
    upstream = torch.linspace(-1, 2, N) if reduction == "none" else torch.tensor(2.0)

    def gradients(memory):
        leaves = [each.clone().requires_grad_() for each in (hidden, weight)]
        loss = F.linear_cross_entropy(*leaves, target, reduction=reduction, memory=memory)
        twice = [torch.autograd.grad(loss, leaves, upstream, retain_graph=True) for _ in range(2)]
        for one, two in zip(*twice, strict=True):
            assert torch.equal(one, two)
        return loss.detach(), *twice[0]

    right = gradients(None)
    assert not walks
    found = gradients("40KiB")
    # a loss of rows waits for its upstream gradient; the others have their gradients at once,
    # and make them again for the second time that they are asked for
    assert {plan.kind for plan in walks} == {"columns"}
    assert all(plan.bytes <= 40 << 10 and plan.blocks > 10 for plan in walks)
    for one, two in zip(found, right, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_a_gradient_of_the_weight_in_a_buffer_is_added_by_columns(walks):
    own = operands(torch.bfloat16)
    target = torch.arange(N)
    leaves = [each.clone().requires_grad_() for each in (own.hidden, own.weight)]
    main_grad = torch.ones(V, D)
    loss = F.linear_softmax_cross_entropy(
        *leaves, target, memory="28KiB", reduction="sum", main_grad=main_grad
    )
    loss.backward()
    assert walks
    assert leaves[1].grad is None
    right = by_columns(own._replace(bias=None), LinearTask(SoftmaxTask(1, target)), V,
                       wide_weight=True, wanted=Wanted(True, True, False))  # fmt: skip
    torch.testing.assert_close(main_grad - 1, right.gradients.weight, rtol=1e-5, atol=1e-5)


def test_second_derivatives_where_not_even_a_row_fits(walks):
    draw = torch.Generator().manual_seed(1)
    hidden = torch.randn(N, D, generator=draw, dtype=torch.float64).requires_grad_()
    weight = torch.randn(3000, D, generator=draw, dtype=torch.float64)
    target = torch.randint(0, 3000, (N,), generator=draw)

    def along(loss):
        (gradient,) = torch.autograd.grad(loss, hidden, create_graph=True)
        return torch.autograd.grad((gradient * hidden.detach()).sum(), hidden)[0]

    found = along(F.linear_cross_entropy(hidden, weight, target, memory="20KiB"))
    assert walks
    right = along(torch.nn.functional.cross_entropy(hidden @ weight.t(), target))
    torch.testing.assert_close(found, right)
