"""Columns left out of the gradient products: the true error, its bound and the tolerance."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import UnavailableError, XentTypeError, XentValueError
from xent.torch import functional as F
from xent.torch._linear.filter import products as filtering
from xent.torch._linear.softmax import rows

N, D, V = 96, 24, 2000
TOLERANCES = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]


def trained(dtype=torch.float64, *, seed=0, bias=False, classes=V, margin=40.0, rows=N):
    """A head whose tokens follow Zipf's law, and rows that are sure of a few of them."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    frequency = 1 / (torch.arange(classes, dtype=torch.float64) + 3)
    weight = torch.nn.functional.normalize(normal(classes, D), dim=1)
    weight[:, 0] = (frequency.log() - frequency.log().mean()) / 8
    likely = torch.multinomial(frequency, 4 * rows, replacement=True, generator=draw)
    likely = likely.view(rows, 4)
    strength = margin + torch.rand(rows, 4, generator=draw, dtype=torch.float64)
    hidden = (weight[likely] * strength[..., None]).sum(dim=1)
    hidden[:, 0] = 4
    offset = normal(classes) / 4 if bias else None
    leaves = (each if each is None else each.to(dtype) for each in (hidden, weight, offset))
    return *(each if each is None else each.requires_grad_() for each in leaves), likely[:, 0]


def budget(dtype, blocks, rows=N, classes=V):
    """Bytes for so many blocks, by the plan's own account."""
    from xent.torch._linear.plan import Need, plan_blocks

    need = Need(rows=rows, features=D, classes=classes, dtype=dtype, filtered=True)
    for memory in range(1 << 18, 1 << 26, 1 << 12):
        try:
            plan = plan_blocks(need, memory, columns=False)
        except XentValueError:
            continue
        if plan.blocks <= blocks:
            assert plan.blocks == blocks
            return memory
    raise AssertionError("no plan has so few blocks")


@pytest.fixture
def walks(monkeypatch):
    """The filtered walks that were made."""
    made = []

    class Seen(filtering.Filtered):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(rows, "Filtered", Seen)
    return made


def step(leaves, target, tolerance, **options):
    hidden, weight, bias = leaves
    found = F.linear_softmax_cross_entropy_with_stats(
        hidden, weight, target, linear_bias=bias, filter_tolerance=tolerance, **options
    )
    wanted = [each for each in leaves if each is not None and each.requires_grad]
    return found, torch.autograd.grad(found.loss, wanted)


def exact_step(leaves, target, **options):
    """Gradients of whole logits in float64."""
    twins = [
        None if each is None else each.detach().double().requires_grad_(each.requires_grad)
        for each in leaves
    ]
    logits = torch.nn.functional.linear(*twins)
    loss = F.cross_entropy(logits, target, **options)
    return torch.autograd.grad(
        loss, [each for each in twins if each is not None and each.requires_grad]
    )


def relative(found, exact):
    return [float((a.double() - b).norm() / b.norm()) for a, b in zip(found, exact, strict=True)]


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("blocks", [1, 2, 6])
def test_the_true_error_is_below_the_bound_below_the_tolerance(tolerance, blocks, walks):
    *leaves, target = trained(bias=True)
    memory = budget(torch.float64, blocks)
    found, gradients = step(leaves, target, tolerance, memory=memory)
    plain, unfiltered = step(leaves, target, None, memory=memory)
    errors = relative(gradients[:2], exact_step(leaves, target)[:2])
    assert max(errors) <= found.gradient_error + 1e-12
    assert found.gradient_error <= tolerance
    assert plain.gradient_error == 0
    assert len(walks) == 1
    if tolerance >= 1e-2:
        assert min(walks[0].left_out) > 0.6
        assert max(errors) > 0
    # all that is no product is what it was
    torch.testing.assert_close(gradients[2], unfiltered[2], rtol=1e-13, atol=0)
    torch.testing.assert_close(found.loss, plain.loss, rtol=1e-13, atol=0)
    for name in ("nll", "lse", "entropy", "hit"):
        torch.testing.assert_close(getattr(found, name), getattr(plain, name))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_largest_singular_value_of_the_weight_pays_for_many_rows(dtype, walks, monkeypatch):
    *leaves, target = trained(dtype, seed=12, rows=500, margin=20.0)
    tolerance = 0.1
    _, unfiltered = step(leaves, target, None)
    found, gradients = step(leaves, target, tolerance)
    monkeypatch.setattr(filtering._HiddenCertificate, "_width", lambda *_: None)
    step(leaves, target, tolerance)
    with_it, without = (walk.left_out[0] for walk in walks)
    assert walks[0].of_hidden.spectral is not None
    assert with_it > without + 0.05
    exact = exact_step(leaves, target)
    rounding = max(relative(unfiltered, exact))
    assert max(relative(gradients, exact)) <= found.gradient_error + 2 * rounding
    assert found.gradient_error <= tolerance


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3])
def test_other_dtypes_round_beside_the_bound(dtype, tolerance, walks):
    *leaves, target = trained(dtype, bias=True)
    memory = budget(dtype, 3)
    found, gradients = step(leaves, target, tolerance, memory=memory)
    _, unfiltered = step(leaves, target, None, memory=memory)
    exact = exact_step(leaves, target)
    rounding = max(relative(unfiltered, exact))
    assert rounding < (1e-5 if dtype is torch.float32 else 1e-2)
    assert [each.dtype for each in gradients] == [dtype] * 3
    # in another order, sums are rounded otherwise
    assert max(relative(gradients, exact)) <= found.gradient_error + 2 * rounding
    assert found.gradient_error <= tolerance
    if tolerance >= 1e-2:
        assert min(walks[0].left_out) > 0.6


def test_uniform_logits_at_initialisation(walks):
    """Every entry but the targets' is below 2^-12, and a filter of entries drops them all."""
    classes = 5000
    draw = torch.Generator().manual_seed(2)
    hidden = torch.randn(40, D, generator=draw, dtype=torch.float64).requires_grad_()
    weight = torch.randn(classes, D, generator=draw, dtype=torch.float64) / 1e4
    # a mean that all classes share: it is what the many small entries add up to
    weight = (weight + torch.randn(D, generator=draw, dtype=torch.float64)).requires_grad_()
    target = torch.randint(0, classes, (40,), generator=draw)
    logits = (hidden @ weight.T).detach()
    entries = logits.softmax(dim=1)
    assert float(entries.max()) < 2**-12
    exact = exact_step((hidden, weight, None), target)
    dropped = torch.zeros_like(entries).scatter_(1, target[:, None], -1.0) / len(target)
    assert relative([dropped @ weight.detach()], exact[:1])[0] > 10
    for tolerance in TOLERANCES:
        found, gradients = step((hidden, weight, None), target, tolerance)
        assert max(relative(gradients, exact)) <= found.gradient_error + 1e-9
        assert found.gradient_error <= tolerance


OPTIONS = {
    "weights": {"weight": torch.linspace(0.5, 2, V), "sample_weight": torch.linspace(0, 1, N)},
    "smoothed": {"label_smoothing": 0.1},
    "regularised": {"z_loss": 0.01, "softcap": 30.0, "temperature": 0.5},
    "masked": {"class_mask": (torch.arange(V) % 3 != 1)},
    "ignored": {"ignore_index": 0},
    "sum": {"reduction": "sum"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_with_every_option(name):
    options = OPTIONS[name]
    *leaves, target = trained(seed=3)
    if name == "masked":
        target = target // 3 * 3
    found, gradients = step(leaves, target, 1e-2, memory=budget(torch.float64, 3), **options)
    exact = exact_step(leaves, target, **options)
    if name == "weights":  # a mean over rows without weight divides otherwise in torch
        _, exact = step(leaves, target, None, **options)
    assert max(relative(gradients, exact)) <= found.gradient_error + 1e-12
    assert found.gradient_error <= 1e-2


@given(
    st.integers(0, 2**30), st.integers(1, 50), st.integers(1, 9), st.integers(2, 300),
    st.floats(-3, 4), st.sampled_from(TOLERANCES), st.integers(1, 5),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_call_keeps_its_promise(seed, num_rows, features, classes, power, tolerance, height):
    draw = torch.Generator().manual_seed(seed)

    def uneven(*shape):
        spread = 10 ** (2 * torch.rand(shape[0], 1, generator=draw, dtype=torch.float64) - 1)
        return torch.randn(*shape, generator=draw, dtype=torch.float64) * spread

    hidden = (10**power * uneven(num_rows, features)).requires_grad_()
    weight = (uneven(classes, features) + uneven(1, features)).requires_grad_()
    target = torch.randint(0, classes, (num_rows,), generator=draw)
    target = torch.where(
        torch.rand(num_rows, generator=draw) < 0.8, (hidden @ weight.T).argmax(1), target
    )
    exact = exact_step((hidden, weight, None), target, reduction="sum")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xent.torch._linear.plan._TALL", {"cpu": height * 10})
        found, gradients = step((hidden, weight, None), target, tolerance, reduction="sum")
    x, w = hidden.detach(), weight.detach()
    logits = x @ w.T
    entries = logits.softmax(dim=1).scatter_add_(1, target[:, None], -logits.new_ones(len(x), 1))
    # float64 rounds as much, of products that may cancel
    rounding = 1e-14 * (1 + float(logits.abs().max()))
    terms = (entries.abs() + rounding) @ w.abs(), (entries.abs() + rounding).T @ x.abs()
    for gradient, true, sums in zip(gradients, exact, terms, strict=True):
        most = found.gradient_error * true.norm() + rounding * sums.norm()
        assert float((gradient - true).norm()) <= float(most)
    assert found.gradient_error <= tolerance


def opposite_blocks(blocks):
    """Rows whose gradients of the weight cancel: the same logits, hidden states of two signs."""
    *_, target = trained(seed=4)
    draw = torch.Generator().manual_seed(4)
    half = torch.randn(N // 2, D, generator=draw, dtype=torch.float64)
    hidden = torch.cat([half, -half * (1 - 1e-9)])
    weight = torch.zeros(V, D, dtype=torch.float64)
    # some classes are likely and the others hardly: the bias decides
    bias = torch.where(torch.arange(V) < 20, 10.0, -2.0).double()
    target = torch.cat([target[: N // 2] % 20] * 2)
    leaves = [hidden.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()]
    return leaves, target, budget(torch.float64, blocks)


@pytest.mark.parametrize("blocks", [2, 6])
def test_contributions_that_cancel_are_computed_again(blocks, walks):
    leaves, target, memory = opposite_blocks(blocks)
    found, gradients = step(leaves, target, 1e-2, memory=memory)
    _, unfiltered = step(leaves, target, None, memory=memory)
    assert walks[0].left_out[1] > 0  # or nothing would have been to make up for
    assert gradients[1].norm() < 1e-8
    exact = exact_step(leaves, target)
    assert (
        relative(gradients[1:2], exact[1:2])[0] <= relative(unfiltered[1:2], exact[1:2])[0] + 1e-12
    )
    assert found.gradient_error <= 1e-2


def test_the_last_block_alone_is_made_up_for_where_that_is_enough(monkeypatch):
    """The second walk is made only where blocks before the last one spent too much."""
    leaves, target, memory = opposite_blocks(1)
    again = []
    from xent.torch._linear.softmax.call import LinearSoftmax

    plain = LinearSoftmax._walk
    monkeypatch.setattr(
        LinearSoftmax, "_walk", lambda self, *a, **k: again.append(1) or plain(self, *a, **k)
    )
    step(leaves, target, 1e-2, memory=memory)
    assert len(again) == 1
    step(leaves, target, 1e-2, memory=budget(torch.float64, 2))
    assert len(again) == 3


def test_hidden_states_whose_gradient_collapses_are_made_up_for(walks):
    """What blocks before had tells nothing of rows whose likely classes share a direction."""
    *leaves, target = trained(seed=5)
    hidden, weight, _ = (None if each is None else each.detach().clone() for each in leaves)
    half = N // 2
    weight[1] = weight[0]  # these rows waver between two classes that are the same
    hidden[half:] = 40 * weight[0] + 1e-3 * hidden[half:]
    target[half:] = 0
    # the other classes are hardly there, but the gradient by hidden is theirs alone
    leaves = [hidden.requires_grad_(), weight.requires_grad_(), None]
    found, gradients = step(leaves, target, 1e-2, memory=budget(torch.float64, 2))
    exact = exact_step(leaves, target)
    assert exact[0][half:].norm() < 1e-3 * exact[0].norm()
    for part in (slice(0, half), slice(half, N)):
        # each block is certified by itself
        assert relative([gradients[0][part]], [exact[0][part]])[0] <= 1e-2
    assert max(relative(gradients, exact)) <= found.gradient_error + 1e-12
    assert walks[0].of_hidden.margin < 0.7  # it was noticed


@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1)])
def test_frozen_parts(frozen, walks):
    *leaves, target = trained(seed=6, bias=True)
    for each in frozen:
        leaves[each].requires_grad_(False)
    found, gradients = step(leaves, target, 1e-2, memory=budget(torch.float64, 3))
    exact = exact_step(leaves, target)
    assert max(relative(gradients, exact)) <= found.gradient_error + 1e-12
    if frozen == (0, 1):
        assert found.gradient_error == 0
        assert not walks
    else:
        assert 0 < found.gradient_error <= 1e-2


def test_without_gradients_there_is_no_error():
    *leaves, target = trained()
    with torch.no_grad():
        found = F.linear_softmax_cross_entropy_with_stats(*leaves[:2], target, filter_tolerance=0.1)
    assert found.gradient_error == 0
    assert type(found).__name__ == "LinearCrossEntropyStats"


def test_the_mean_of_nothing():
    hidden, weight, _, target = trained()
    found = F.linear_softmax_cross_entropy_with_stats(
        hidden, weight, torch.zeros_like(target), ignore_index=0, filter_tolerance=1e-2
    )
    found.loss.backward()
    assert found.gradient_error == 0
    assert not hidden.grad.any()
    assert not weight.grad.any()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_number_is_as_without_a_filter(bad, which):
    *leaves, target = trained(seed=7)
    with torch.no_grad():
        leaves[which][2, 1] = bad
    memory = budget(torch.float64, 3)
    found, gradients = step(leaves, target, 1e-2, memory=memory)
    plain, unfiltered = step(leaves, target, None, memory=memory)
    assert 0 <= found.gradient_error <= 1e-2
    torch.testing.assert_close(found.loss, plain.loss, equal_nan=True)
    for gradient, expected in zip(gradients, unfiltered, strict=True):
        same = torch.isfinite(gradient) == torch.isfinite(expected)
        assert same.all()
        finite = torch.isfinite(expected)
        error = (gradient - expected)[finite].norm()
        assert error <= 1e-2 * expected[finite].norm()


def test_into_a_main_grad():
    *leaves, target = trained(torch.bfloat16, seed=8)
    buffer = torch.zeros(V, D)
    found = F.linear_softmax_cross_entropy_with_stats(
        *leaves[:2], target, filter_tolerance=1e-2, main_grad=buffer
    )
    found.loss.backward()
    exact = exact_step(leaves, target)
    assert 0 < relative([buffer], exact[1:])[0] <= found.gradient_error + 1e-4
    assert leaves[1].grad is None


def test_gradients_are_the_same_whenever_they_are_asked_for():
    *leaves, target = trained(seed=9)
    loss = F.linear_softmax_cross_entropy(*leaves[:2], target, filter_tolerance=1e-2)
    first = torch.autograd.grad(loss, leaves[:2], retain_graph=True)
    second = torch.autograd.grad(2 * loss, leaves[:2])
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(2 * a, b, rtol=1e-15, atol=0)


def test_gradients_of_the_backward_pass_are_unfiltered():
    *leaves, target = trained(seed=10)
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with hooks:
        found, gradients = step(leaves, target, 1e-1)
    assert found.gradient_error == 0
    assert max(relative(gradients, exact_step(leaves, target))) < 1e-12


@pytest.mark.parametrize(
    ("tolerance", "options", "words"),
    [
        (0.0, {}, "above 0"),
        (1.0, {}, "less than 1"),
        (1e-3, {"reduction": "none"}, "too late"),
        (1e-3, {"dtype": torch.float16}, "GradScaler"),
        ("1e-3", {}, "Python number"),
    ],
)
def test_what_is_refused(tolerance, options, words):
    *leaves, target = trained(options.pop("dtype", torch.float32))
    with pytest.raises((XentValueError, XentTypeError), match=words):
        step(leaves, target, tolerance, **options)


def test_transforms_are_refused():
    hidden, weight, _, target = trained()

    def loss(h):
        return F.linear_softmax_cross_entropy(h, weight, target, filter_tolerance=1e-2)

    with pytest.raises(UnavailableError, match="filter_tolerance must be None"):
        torch.func.grad(loss)(hidden)


@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
def test_named_implementations(implementation):
    *leaves, target = trained(seed=11)
    found, gradients = step(leaves, target, 1e-2, implementation=implementation)
    assert 0 < found.gradient_error <= 1e-2
    assert max(relative(gradients, exact_step(leaves, target))) <= found.gradient_error + 1e-12
