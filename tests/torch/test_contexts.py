"""Every loss in the contexts that programs run losses in: what it is in the plainest one.

The plainest is eager float64, one backward pass, every tensor contiguous. A call in a context
is allowed to refuse only where it says so; never to return something else.
"""

import contextlib
import copy
import pickle
import threading
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import xent
from xent.errors import XentTypeError
from xent.torch import functional as F
from xent.torch import modules

T = torch.nn.functional
N, C, D = 6, 5, 4
REDUCTIONS = ("mean", "sum", "none")


class Loss(NamedTuple):
    ours: Callable
    theirs: Callable  # the same of torch, composed where torch has no such loss
    leaves: tuple  # shapes of what is differentiated by
    others: tuple  # what else it takes: "class", "probs", "logits", "weight"


def of_rows(terms, reduction):
    rows = terms.sum(-1)
    return rows if reduction == "none" else getattr(rows, reduction)()


def divergence(x, y, reduction):
    return of_rows(y.softmax(-1) * (y.log_softmax(-1) - x.log_softmax(-1)), reduction)


def jensen_shannon(x, y, reduction):
    middle = ((x.softmax(-1) + y.softmax(-1)) / 2).log()
    each = (z.softmax(-1) * (z.log_softmax(-1) - middle) for z in (x, y))
    return of_rows(sum(each) / 2, reduction)


def tokens(loss, x, t, r):
    """Call a loss of sequences, which are the rows here; torch's has the classes on axis 1."""
    return loss(in_sequences(x), in_sequences(t), reduction=r)


def in_sequences(rows):
    return rows.view(len(rows) // 3, 3, *rows.shape[1:])


LOSSES = {
    "cross_entropy": Loss(
        lambda x, t, r: F.cross_entropy(x, t, reduction=r),
        lambda x, t, r: T.cross_entropy(x, t, reduction=r),
        ((N, C),), ("class",),
    ),
    "cross_entropy, weights": Loss(
        lambda x, t, w, r: F.cross_entropy(x, t, w, label_smoothing=0.1, reduction=r),
        lambda x, t, w, r: T.cross_entropy(x, t, w, label_smoothing=0.1, reduction=r),
        ((N, C),), ("class", "weight"),
    ),
    "cross_entropy, distributions": Loss(
        lambda x, t, r: F.cross_entropy(x, t, reduction=r),
        lambda x, t, r: T.cross_entropy(x, t, reduction=r),
        ((N, C),), ("probs",),
    ),
    "cross_entropy_with_stats": Loss(
        lambda x, t, r: F.cross_entropy_with_stats(x, t, reduction=r).loss,
        lambda x, t, r: T.cross_entropy(x, t, reduction=r),
        ((N, C),), ("class",),
    ),
    "token_cross_entropy": Loss(
        lambda x, t, r: tokens(F.token_cross_entropy, x, t, r).flatten(),
        lambda x, t, r: T.cross_entropy(x, t, reduction=r).flatten(),
        ((N, C),), ("class",),
    ),
    "next_token_cross_entropy": Loss(
        lambda x, t, r: tokens(F.next_token_cross_entropy, x, t, r),
        lambda x, t, r: T.cross_entropy(
            in_sequences(x)[:, :-1].mT, in_sequences(t)[:, 1:], reduction=r
        ),
        ((N, C),), ("class",),
    ),
    "nll_loss": Loss(
        lambda x, t, w, r: F.nll_loss(x.log_softmax(1), t, w, reduction=r),
        lambda x, t, w, r: T.nll_loss(x.log_softmax(1), t, w, reduction=r),
        ((N, C),), ("class", "weight"),
    ),
    "binary_cross_entropy": Loss(
        lambda x, t, r: F.binary_cross_entropy(x.sigmoid(), t, reduction=r),
        lambda x, t, r: T.binary_cross_entropy(x.sigmoid(), t, reduction=r),
        ((N, C),), ("probs",),
    ),
    "binary_cross_entropy, weights": Loss(
        lambda x, t, w, r: F.binary_cross_entropy(x.sigmoid(), t, w, reduction=r),
        lambda x, t, w, r: T.binary_cross_entropy(x.sigmoid(), t, w, reduction=r),
        ((N, C),), ("probs", "weight"),
    ),
    "binary_cross_entropy_with_logits": Loss(
        lambda x, t, w, r: F.binary_cross_entropy_with_logits(x, t, w, pos_weight=w, reduction=r),
        lambda x, t, w, r: T.binary_cross_entropy_with_logits(x, t, w, pos_weight=w, reduction=r),
        ((N, C),), ("probs", "weight"),
    ),
    "kl_div": Loss(
        lambda x, t, r: F.kl_div(x.log_softmax(1), t, reduction=r),
        lambda x, t, r: T.kl_div(x.log_softmax(1), t, reduction=r),
        ((N, C),), ("probs",),
    ),
    "mse_loss": Loss(
        lambda x, t, r: F.mse_loss(x, t, reduction=r),
        lambda x, t, r: T.mse_loss(x, t, reduction=r),
        ((N, C),), ("logits",),
    ),
    "distillation_loss": Loss(
        lambda x, t, r: F.distillation_loss(x, t, reduction=r), divergence,
        ((N, C),), ("logits",),
    ),
    "distillation_loss, js": Loss(
        lambda x, t, r: F.distillation_loss(x, t, direction="js", reduction=r), jensen_shannon,
        ((N, C),), ("logits",),
    ),
    "softmax_entropy": Loss(
        lambda x, r: F.softmax_entropy(x, reduction=r),
        lambda x, r: of_rows(-x.softmax(1) * x.log_softmax(1), r),
        ((N, C),), (),
    ),
    "linear_cross_entropy": Loss(
        lambda h, v, t, r: F.linear_cross_entropy(h, v, t, reduction=r),
        lambda h, v, t, r: T.cross_entropy(h @ v.T, t, reduction=r),
        ((N, D), (C, D)), ("class",),
    ),
    "linear_softmax_cross_entropy": Loss(
        lambda h, v, t, r: F.linear_softmax_cross_entropy(h, v, t, reduction=r),
        lambda h, v, t, r: T.cross_entropy(h @ v.T, t, reduction=r),
        ((N, D), (C, D)), ("class",),
    ),
    "linear_softmax_cross_entropy_with_stats": Loss(
        lambda h, v, t, r: F.linear_softmax_cross_entropy_with_stats(h, v, t, reduction=r).loss,
        lambda h, v, t, r: T.cross_entropy(h @ v.T, t, reduction=r),
        ((N, D), (C, D)), ("probs",),
    ),
    "linear_sigmoid_cross_entropy": Loss(
        lambda h, v, t, r: F.linear_sigmoid_cross_entropy(h, v, t[:, None], reduction=r),
        lambda h, v, t, r: of_rows(
            T.binary_cross_entropy_with_logits(
                h @ v.T, (t[:, None] == torch.arange(C)).to(h.dtype), reduction="none"
            ) / (C if r == "mean" else 1), r,
        ),
        ((N, D), (C, D)), ("class",),
    ),
    "linear_kl_divergence": Loss(
        lambda h, v, y, u, r: F.linear_kl_divergence(h, v, y, u, reduction=r),
        lambda h, v, y, u, r: divergence(h @ v.T, y @ u.T, r),
        ((N, D), (C, D)), ("logits", "layer"),
    ),
}  # fmt: skip
CASES = [(name, how) for name in LOSSES for how in REDUCTIONS]
cases = pytest.mark.parametrize(("name", "how"), CASES)
pytestmark = pytest.mark.filterwarnings(
    "ignore::xent.errors.MisuseWarning", "ignore:reduction. 'mean' divides:UserWarning"
)


def made(name, dtype=torch.float64):
    """Return what is differentiated by, and what else there is, the same in every call."""
    generator = torch.Generator().manual_seed(3)

    def numbers(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    leaves = [numbers(*shape).to(dtype) for shape in LOSSES[name].leaves]
    make = {
        "class": lambda: torch.tensor([0, 4, 2, 1, 3, 3]),
        "probs": lambda: numbers(N, C).softmax(1).to(dtype),
        "logits": lambda: numbers(N, C).to(dtype),
        "weight": lambda: numbers(C).exp().to(dtype),
        "layer": lambda: numbers(C, C).to(dtype),
    }
    return leaves, [make[other]() for other in LOSSES[name].others]


def upstream(value):
    steps = torch.linspace(-1, 2, value.numel(), dtype=value.dtype, device=value.device)
    return torch.ones_like(value) if not value.dim() else steps.view_as(value)


def derived(call, leaves, others):
    """Return the value and the gradients by the leaves."""
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    value = call(*leaves, *others)
    return [value.detach(), *torch.autograd.grad(value, leaves, upstream(value))]


def loss_of(name, how, side="ours"):
    loss = getattr(LOSSES[name], side)
    return lambda *tensors: loss(*tensors, how)


def plain(name, how, dtype=torch.float64):
    return derived(loss_of(name, how), *made(name, dtype))


def same(found, expected, **near):
    torch.testing.assert_close(
        found, expected, **({"rtol": 1e-12, "atol": 1e-14} | near), check_stride=False
    )


@pytest.fixture(autouse=True)
def _every_call_is_looked_at(monkeypatch):
    monkeypatch.setattr("xent.diagnostics.sampling.due", lambda *told, **more: True)
    with xent.checks("full"):
        yield


def test_every_loss_is_here():
    named = {name.partition(",")[0] for name in LOSSES}
    assert named == {n for n in F.__all__ if not n.endswith("Stats")}


@cases
def test_the_plainest_context(name, how):
    same(plain(name, how), derived(loss_of(name, how, "theirs"), *made(name)), rtol=1e-10)


# Modes ---------------------------------------------------------------------------------------


@cases
def test_inference_mode(name, how):
    leaves, others = made(name)
    expected = plain(name, how)[0]
    with torch.inference_mode():
        inside = loss_of(name, how)(*leaves, *others)
        there = made(name)
        of_there = loss_of(name, how)(*there[0], *there[1])
    assert inside.is_inference()
    same([inside.clone(), of_there.clone()], [expected, expected])
    # made inside, used outside without a graph
    same(loss_of(name, how)(*there[0], *there[1]), expected)


@cases
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_targets_of_inference_mode(name, how, dtype):
    """A teacher's logits are made there; torch refuses to save them for a backward pass."""
    if "weight" in LOSSES[name].others and name == "nll_loss":
        pytest.skip("weights of classes are multiplied by torch")
    with torch.inference_mode():
        others = made(name, dtype)[1]
    same(derived(loss_of(name, how), made(name, dtype)[0], others), plain(name, how, dtype))


class _Nothing(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


class _Below(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


def keep(tensor):
    return tensor


MODES = {
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True),
    "save_on_cpu": torch.autograd.graph.save_on_cpu,
    "hooks": lambda: torch.autograd.graph.saved_tensors_hooks(keep, keep),
    "one thread of autograd": lambda: torch.autograd.set_multithreading_enabled(False),
    "function mode": _Nothing,
    "dispatch mode": _Below,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    # the device of new tensors is none of a loss's business
    "default device": lambda: torch.device("meta"),
}


@cases
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_modes(name, how, mode):
    call, (leaves, others) = loss_of(name, how), made(name)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    if mode == "autocast" and name.startswith("linear"):
        pytest.skip("a matrix product of 16 bits")
    with MODES[mode]():
        value = call(*leaves, *others)
    up = upstream(value)
    with MODES[mode]():
        gradients = torch.autograd.grad(value, leaves, up)
    same([value.detach(), *gradients], plain(name, how), rtol=1e-11)


@cases
def test_global_settings(name, how):
    expected = plain(name, how, torch.float32)
    threads = torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        found = plain(name, how, torch.float32)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)
    same(found, expected, rtol=1e-6, atol=1e-7)


@cases
def test_many_threads(name, how):
    found = []
    threads = [threading.Thread(target=lambda: found.append(plain(name, how))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(found, [plain(name, how)] * 3)


# Transforms ----------------------------------------------------------------------------------


@cases
@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpoint(name, how, reentrant):
    call = loss_of(name, how)
    leaves, others = made(name)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    value = checkpoint(call, *leaves, *others, use_reentrant=reentrant)
    torch.autograd.backward(value, upstream(value))
    same([value.detach(), *(leaf.grad for leaf in leaves)], plain(name, how))


@cases
def test_forward_and_reverse_mode(name, how):
    (first, *rest), others = made(name)

    def call(x):
        return loss_of(name, how)(x, *rest, *others)

    value, gradient = plain(name, how)[:2]
    again, pull = torch.func.vjp(call, first)
    same([again, *pull(upstream(value))], [value, gradient])
    tangent = torch.linspace(-1, 1, first.numel(), dtype=first.dtype).view_as(first)
    _, pushed = torch.func.jvp(call, (first,), (tangent,))
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(call(forward_ad.make_dual(first, tangent))).tangent.clone()
    directional = (pushed * upstream(value)).sum()
    same(directional, (gradient * tangent).sum(), rtol=1e-10, atol=1e-12)
    same(dual, pushed)


@cases
def test_a_batch_of_calls(name, how):
    leaves, others = made(name)
    batch = [torch.stack([leaf, 2 * leaf]) for leaf in leaves]
    in_dims = ([0] * len(leaves), [None] * len(others))
    mapped = torch.func.vmap(lambda x, y: loss_of(name, how)(*x, *y), in_dims)(batch, others)
    each = [loss_of(name, how)(*[leaf[i] for leaf in batch], *others) for i in range(2)]
    same(mapped, torch.stack(each))


# Memory --------------------------------------------------------------------------------------

LAYOUTS = {
    "transposed": lambda x: x.mT.contiguous().mT if x.dim() > 1 else x,
    "every other": lambda x: torch.stack([x, torch.zeros_like(x)], -1)[..., 0],
    "part of a larger one": lambda x: torch.cat([x.new_zeros(1), x.flatten()])[1:].view_as(x),
    "backwards": lambda x: x.flip(0).contiguous().flip(0),
    "stored with the wrong sign": lambda x: (
        torch.complex(torch.zeros_like(x), -x).conj().imag if x.is_floating_point() else x
    ),
    "parameters": lambda x: torch.nn.Parameter(x, requires_grad=x.requires_grad),
}


@cases
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(name, how, layout):
    def call(*tensors):
        return loss_of(name, how)(*map(LAYOUTS[layout], tensors))

    if layout == "parameters":
        leaves, others = made(name)
        found = derived(loss_of(name, how), leaves, [LAYOUTS[layout](x) for x in others])
    else:
        found = derived(call, *made(name))
    same(found, plain(name, how))


@cases
def test_one_row_many_times(name, how):
    (first, *rest), others = made(name)
    rows = [
        tensor if tensor.shape[0] != N else tensor[:1].expand(tensor.shape) for tensor in others
    ]
    packed = [row.contiguous() for row in rows]
    found = derived(lambda x, *y: loss_of(name, how)(x[:1].expand(N, -1), *y), [first, *rest], rows)
    expected = derived(
        lambda x, *y: loss_of(name, how)(x[:1].repeat(N, 1), *y), [first, *rest], packed
    )
    same(found, expected)


@cases
def test_no_rows(name, how):
    def none(tensors):
        return [each[:0] if each.shape[0] == N else each for each in tensors]

    leaves, others = made(name)
    found = derived(loss_of(name, how), none(leaves), none(others))
    theirs = derived(loss_of(name, how, "theirs"), none(leaves), none(others))
    same(found, theirs, equal_nan=True)


@cases
@pytest.mark.parametrize("kind", ["meta", "fake"])
def test_tensors_without_numbers(name, how, kind):
    """What a model would need is found out before any of it is there."""
    leaves, others = made(name, torch.float32)
    expected = plain(name, how, torch.float32)
    mode = FakeTensorMode()
    turned = mode.from_tensor if kind == "fake" else lambda x: x.to("meta")
    with mode if kind == "fake" else contextlib.nullcontext():
        found = derived(loss_of(name, how), map(turned, leaves), list(map(turned, others)))
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert found[0].is_meta == (kind == "meta")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("turned", [torch.Tensor.to_sparse, torch.Tensor.to_mkldnn])
def test_what_is_not_dense_is_refused(name, turned):
    (first, *rest), others = made(name, torch.float32)
    if name.partition(",")[0] in ("nll_loss", "kl_div", "binary_cross_entropy") or "token" in name:
        pytest.skip("an operation of torch comes first")
    with pytest.raises(XentTypeError, match="must be dense"):
        loss_of(name, "mean")(turned(first), *rest, *others)


# The graph -----------------------------------------------------------------------------------


@cases
def test_a_loss_is_a_tensor_like_others(name, how):
    """It is changed in place, used twice, and its gradient is, by whoever gets it."""
    leaves, others = made(name)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    inner = [leaf * 1 for leaf in leaves]
    for each in inner:
        each.register_hook(lambda gradient: gradient.mul_(2))
    value = loss_of(name, how)(*inner, *others)
    up = upstream(value)
    expected = plain(name, how)
    for _ in range(2):
        found = torch.autograd.grad(value, leaves, up, retain_graph=True)
        same(list(found), [2 * each for each in expected[1:]])
    value.mul_(3)
    same(value.detach(), 3 * expected[0])
    same(list(torch.autograd.grad(value, leaves, up)), [6 * each for each in expected[1:]])
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(value, leaves, up)


LATER = {
    # what makes a backward pass read its targets again
    "float16": {"dtype": torch.float16},
    "a second pass": {"passes": 1},
    "hooks": {"hooks": True},
    "second derivatives": {"create_graph": True},
    "at once": {},
}


@pytest.mark.parametrize("why", LATER)
@cases
def test_a_target_that_changes_meanwhile(name, how, why):
    """The gradient is that of what was there, or refused as autograd refuses it."""
    options = {"dtype": torch.float64, "passes": 0, "hooks": False} | LATER[why]
    create_graph = options.get("create_graph", False)
    watched = len(LOSSES[name].others)
    pieces = how == "none" and name in ("binary_cross_entropy", "kl_div", "mse_loss")
    if why == "hooks" and (pieces or name in ("nll_loss", "binary_cross_entropy, weights")):
        pytest.skip("saved by autograd, which compares nothing where there are hooks")
    for changed in range(watched):
        leaves, others = made(name, options["dtype"])
        leaves = [leaf.requires_grad_() for leaf in leaves]
        context = MODES["hooks"]() if options["hooks"] else torch.enable_grad()
        with context:
            value = loss_of(name, how)(*leaves, *others)
        up = upstream(value)
        for _ in range(options["passes"]):
            torch.autograd.grad(value, leaves, up, retain_graph=True)
        others[changed].mul_(0)
        refused = None
        try:
            found = torch.autograd.grad(value, leaves, up, create_graph=create_graph)
        except RuntimeError as error:
            refused = str(error)
        if refused is None:
            expected = plain(name, how, options["dtype"])[1:]
            same([each.detach() for each in found], expected)
        else:
            assert "modified by an inplace operation" in refused


# Modules -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in modules.__all__ if n.endswith("Loss")])
def test_modules_are_copied_moved_and_saved(name, tmp_path):
    if name == "LinearCrossEntropyLoss":
        loss = modules.LinearCrossEntropyLoss(D, C, weight=torch.rand(C))
        given = torch.randn(N, D), torch.randint(0, C, (N,))
    else:
        weight = torch.rand(C) if name not in ("KLDivLoss", "MSELoss") else None
        loss = getattr(modules, name)(**({} if weight is None else {"weight": weight}))
        logits = torch.randn(N, C)
        given = {
            "CrossEntropyLoss": (logits, torch.randint(0, C, (N,))),
            "NLLLoss": (logits.log_softmax(1), torch.randint(0, C, (N,))),
            "KLDivLoss": (logits.log_softmax(1), torch.rand(N, C)),
        }.get(name, (logits.sigmoid(), torch.rand(N, C)))
    expected = loss(*given)
    torch.save(loss, tmp_path / "loss.pt")
    others = [
        copy.deepcopy(loss),
        pickle.loads(pickle.dumps(loss)),
        torch.load(tmp_path / "loss.pt", weights_only=False),
    ]
    for other in others:
        assert torch.equal(other(*given), expected)
        assert repr(other) == repr(loss)
        other.load_state_dict(loss.state_dict())
    wide = copy.deepcopy(loss).double()
    double = [x.double() if x.is_floating_point() else x for x in given]
    same(wide(*double).float(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(copy.deepcopy(loss).eval()(*given), expected)
