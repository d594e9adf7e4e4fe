"""What a call of the softmax kernels can ask for, against the formulas in float64."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from xent.errors import XentValueError
from xent.kernels.triton import available, faults
from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.kernels.triton._layout import Blocks
from xent.kernels.triton.softmax_cross_entropy import score
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

NAN, INF = float("nan"), float("inf")


@pytest.fixture(params=["one block", "walked"], autouse=True)
def loop(request, monkeypatch):
    """The sizes that the table gives, or rows walked 8 classes at a time, 4 rows a program."""
    if request.param == "walked":
        monkeypatch.setattr(kernel, "blocks_for", lambda *_: Blocks(4, 8, 4, 2))


def check(logits, axis, want=1e-5, atol=1e-6, **options):
    """Compare losses, weights, gradients and statistics with the formulas in float64."""
    task = SoftmaxTask(axis, **options)
    shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    row_scale = torch.linspace(-2, 3, int(np.prod(shape)), device=logits.device).reshape(shape)
    scale = torch.tensor([0.5], dtype=torch.float64, device=logits.device)
    result = score(
        logits, **dataclasses.asdict(task), row_scale=row_scale, gradient_scale=scale,
        want_gradient=True, want_stats=True,
    )  # fmt: skip
    plain = score(logits, **dataclasses.asdict(task))
    x = logits.double()
    assert_allclose(result.nll.cpu(), formulas.rows(x, task).cpu(), rtol=want, atol=atol)
    assert_allclose(plain.nll.cpu(), result.nll.cpu(), rtol=1e-6)
    assert_allclose(result.weight.cpu(), formulas.row_weights(x, task).cpu(), rtol=1e-6)
    expected = formulas.gradient(x, task, 0.5 * row_scale.double())
    assert_allclose(result.gradient.cpu(), expected.cpu(), rtol=10 * want, atol=atol)
    stats = formulas.statistics(x, task)
    for got, right in zip(result[3:], stats, strict=True):
        assert_allclose(got.cpu(), right.cpu(), rtol=want, atol=atol)
    return result


def draw(rng, device, shape, axis):
    logits = torch.tensor(rng.normal(size=shape) * 4, dtype=torch.float32, device=device)
    rows = [*shape[:axis], *shape[axis + 1 :]]
    target = torch.tensor(rng.integers(shape[axis], size=rows), device=device)
    return logits, target


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((5, 1), 1),
        ((70, 3), 1),  # more rows than one program has
        ((7,), 0),
        ((2, 21, 5, 4), 1),
        ((3, 4, 6), 0),
        ((2, 3, 10), 2),
        ((2, 10, 70), 1),
    ],
)
def test_every_layout(rng, device, shape, axis):
    logits, target = draw(rng, device, shape, axis)
    check(logits, axis, target=target)


@pytest.mark.parametrize("name", ["transposed", "every other", "channels last", "overlapping"])
def test_strides_are_followed(rng, device, name):
    logits, target = draw(rng, device, (2, 6, 4, 8), 1)
    if name == "transposed":
        logits = logits.transpose(2, 3).contiguous().transpose(2, 3)
    elif name == "every other":
        logits, target = logits[:, :, :, ::2], target[:, :, ::2]
    elif name == "channels last":
        logits = logits.contiguous(memory_format=torch.channels_last)
    else:
        logits = logits[:1].expand(2, 6, 4, 8)
    check(logits, 1, target=target)


OPTIONS = {
    "ignored": lambda c: {"ignore_index": 1},
    "class weights": lambda c: {"class_weight": torch.linspace(0, 2, c)},
    "sample weights": lambda c: {"sample_weight": torch.tensor([1.0, 0, 2, 0.5, 0, 3])},
    "smoothed": lambda c: {"label_smoothing": 0.2},
    "z": lambda c: {"z_loss": 1e-2, "class_weight": torch.linspace(0, 2, c)},
    "capped": lambda c: {"softcap": 5.0},
    "tempered": lambda c: {"temperature": 2.5},
    "masked": lambda c: {"class_mask": torch.arange(c) % 3 != 2, "label_smoothing": 0.1},
    "masked by row": lambda c: {"class_mask": (torch.arange(6)[:, None] + torch.arange(c)) % 4 > 0},
    "all": lambda c: {
        "ignore_index": 1, "class_weight": torch.linspace(0.5, 2, c), "label_smoothing": 0.1,
        "sample_weight": torch.tensor([1.0, 0, 2, 0.5, 0, 3]), "z_loss": 1e-2, "softcap": 5.0,
        "temperature": 0.5, "class_mask": torch.arange(c) != 3,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("num_classes", [5, 20])
@pytest.mark.parametrize("soft", [False, True])
def test_every_option(rng, device, name, num_classes, soft):
    logits, target = draw(rng, device, (6, num_classes), 1)
    options = OPTIONS[name](num_classes)
    options = {k: v.to(device) if torch.is_tensor(v) else v for k, v in options.items()}
    if soft:
        options.pop("ignore_index", None)
        rows = rng.dirichlet(np.full(num_classes, 0.5), 6)
        options["soft_target"] = torch.tensor(rows, dtype=torch.float32, device=device)
    else:
        options["target"] = target
    check(logits, 1, **options)


# Edges --------------------------------------------------------------------------------------


def test_blocks_of_impossible_classes(device):
    logits = torch.full((3, 24), -INF, device=device)
    logits[0, 20:], logits[1, :2], logits[2, 11] = 0.0, 500.0, -700.0
    target = torch.tensor([23, 0, 11], device=device)
    result = check(logits, 1, target=target)
    assert_allclose(result.nll.cpu(), np.log([4, 2, 1]).astype(np.float32), rtol=1e-6)


def test_rows_without_an_answer_stay_by_themselves(device):
    logits = torch.zeros((5, 20), device=device)
    logits[0, 7], logits[1, 7], logits[2] = NAN, INF, -INF
    logits[3, 0] = -INF
    target = torch.zeros(5, dtype=torch.int64, device=device)
    result = score(logits, axis=1, target=target, want_gradient=True)
    assert_array_equal(result.nll.cpu()[:4], [NAN, NAN, NAN, INF])
    assert_allclose(result.nll.cpu()[4], np.log(20), rtol=1e-6)
    assert result.gradient[:3].isnan().all()
    assert_allclose(result.gradient[3].cpu(), [-1.0] + [1 / 19] * 19, rtol=1e-6)


def test_a_skipped_row_may_hold_anything(device):
    logits = torch.tensor([[NAN, INF, 0.0], [0.0, 1.0, 2.0], [INF, INF, NAN]], device=device)
    target = torch.tensor([-100, 1, 5], device=device)
    weight = torch.tensor([1.0, 1.0, 0.0], device=device)
    for smoothing in (0.0, 0.1):
        result = score(
            logits, axis=1, target=target, sample_weight=weight, ignore_index=-100,
            label_smoothing=smoothing, want_gradient=True, want_stats=True,
        )  # fmt: skip
        for row in (0, 2):
            assert_array_equal(result.gradient[row].cpu(), np.zeros(3))
            assert [float(each[row]) for each in result if each.ndim == 1] == [0] * 6
    faults.raise_pending(device, wait=True)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (0, 5, 3), (2, 5, 0)])
def test_nothing(device, shape):
    target = torch.zeros([*shape[:1], *shape[2:]], dtype=torch.int64, device=device)
    if 0 in target.shape:
        result = score(torch.zeros(shape, device=device), axis=1, target=target, want_gradient=True)
        assert result.nll.shape == target.shape
        assert result.gradient.shape == shape


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_gradient_may_be_written_over_the_logits(rng, device, smoothing):
    logits, target = draw(rng, device, (5, 30), 1)
    options = {"axis": 1, "target": target, "label_smoothing": smoothing, "want_gradient": True}
    apart = score(logits, **options).gradient
    over = score(logits, **options, out=logits)
    assert over.gradient is logits
    assert_array_equal(logits.cpu(), apart.cpu())


def test_a_gradient_goes_where_it_is_told(rng, device):
    logits, target = draw(rng, device, (2, 6, 4, 8), 1)
    out = torch.zeros((2, 6, 8, 8), device=device)[:, :, ::2, :]
    expected = score(logits, axis=1, target=target, want_gradient=True).gradient
    score(logits, axis=1, target=target, want_gradient=True, out=out)
    assert_array_equal(out.cpu(), expected.cpu())


def test_a_row_does_not_depend_on_its_batch(rng, device):
    logits, target = draw(rng, device, (9, 33), 1)
    together = score(logits, axis=1, target=target, want_gradient=True)
    for i in (0, 4, 8):
        alone = score(logits[i : i + 1], axis=1, target=target[i : i + 1], want_gradient=True)
        assert_array_equal(alone.nll.cpu(), together.nll[i : i + 1].cpu())
        assert_array_equal(alone.gradient.cpu(), together.gradient[i : i + 1].cpu())


def test_ties_go_to_the_first_class(device):
    logits = torch.zeros((3, 20), device=device)
    target = torch.tensor([0, 1, 19], device=device)
    assert score(logits, axis=1, target=target, want_stats=True).hit.tolist() == [
        True,
        False,
        False,
    ]


# Bad targets --------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_bad_target_is_nan_and_told_later(device, smoothing):
    logits = torch.zeros((6, 5), device=device)
    target = torch.tensor([0, 1, 7, 2, -1, -100], device=device)
    result = score(
        logits, axis=1, target=target, ignore_index=-100, label_smoothing=smoothing,
        want_gradient=True,
    )  # fmt: skip
    bad = np.array([False, False, True, False, True, False])
    assert_array_equal(result.nll.isnan().cpu(), bad)
    assert_array_equal(result.gradient.isnan().all(dim=1).cpu(), bad)
    assert_array_equal(result.gradient.isnan().any(dim=1).cpu(), bad)
    with pytest.raises(XentValueError, match=r"\[0, 5\) .* 2 are not; first: row 2 has 7") as info:
        faults.raise_pending(device, wait=True)
    assert (info.value.code, info.value.index, info.value.value) == ("D01", 2, 7)
    faults.raise_pending(device, wait=True)  # told once


@pytest.mark.parametrize(("value", "told"), [(2**40, "or more"), (-(2**40), "or less")])
def test_a_target_far_outside_reads_nothing(device, value, told):
    target = torch.tensor([value], device=device)
    assert score(torch.zeros((1, 5), device=device), axis=1, target=target).nll.isnan().all()
    with pytest.raises(XentValueError, match=told):
        faults.raise_pending(device, wait=True)


def test_what_is_served(device):
    assert available(torch.zeros(2, 3, device=device))[0]
    assert available(torch.zeros(2, 3, dtype=torch.int32, device=device)) == (
        False, "triton: no kernel for int32",
    )  # fmt: skip
    assert not available(torch.zeros(2, 3, device="meta"))[0]


# Large tensors, and graphs --------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_offsets_of_64_bits_give_the_same(rng, device, monkeypatch, smoothing):
    logits, target = draw(rng, device, (2, 10, 6), 1)
    mask = torch.arange(10, device=device) != 4
    options = {"axis": 1, "target": target, "label_smoothing": smoothing, "class_mask": mask}
    narrow = score(logits, **options, want_gradient=True)
    monkeypatch.setattr(kernel, "MOST", 0)
    wide = score(logits, **options, want_gradient=True)
    assert_array_equal(wide.nll.cpu(), narrow.nll.cpu())
    assert_array_equal(wide.gradient.cpu(), narrow.gradient.cpu())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_graph_is_captured_and_its_faults_are_told():
    device = torch.device("cuda", torch.cuda.current_device())
    logits = torch.randn(64, 1000, device=device)
    target = torch.arange(64, device=device)
    expected = score(logits, axis=1, target=target, want_gradient=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = score(logits, axis=1, target=target, want_gradient=True)
    graph.replay()
    assert_array_equal(captured.nll.cpu(), expected.nll.cpu())
    assert_array_equal(captured.gradient.cpu(), expected.gradient.cpu())
    target[3] = 1000
    graph.replay()
    with pytest.raises(XentValueError, match="row 3 has 1000"):
        faults.raise_pending(device, wait=True)
