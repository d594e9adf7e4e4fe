"""The native kernels of slices beside the formulas in torch operations: the same states."""

import pytest
import torch
from slices import slice_of

from xent.torch._ops import cpu_slices
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_slices as formulas

N, V = 12, 50
CUTS = [(0, 50), (0, 3), (3, 31), (31, 50)]


def task_of(name, dtype):
    draw = torch.Generator().manual_seed(4)
    mask = torch.rand(N, V, generator=draw) < 0.7
    target = mask.int().argmax(dim=1)
    weight = torch.rand(V, generator=draw, dtype=torch.float64) + 0.5
    soft = torch.rand(N, V, generator=draw, dtype=dtype) * mask
    sample_weight = torch.arange(N) % 4 * 1.0
    return {
        "class": SoftmaxTask(1, target),
        "ignored": SoftmaxTask(1, target.clamp(max=1), ignore_index=1),
        "soft": SoftmaxTask(1, None, soft, sample_weight=sample_weight),
        "double soft": SoftmaxTask(1, None, soft.double()),
        "smoothed": SoftmaxTask(1, target, label_smoothing=0.1, class_weight=weight),
        "capped": SoftmaxTask(1, target, softcap=4.0, temperature=0.7, z_loss=0.1),
        "masked": SoftmaxTask(1, target, class_mask=mask, label_smoothing=0.2),
        "masked for all": SoftmaxTask(1, target * 0, class_mask=mask[:1] | (torch.arange(V) < 1)),
        "all": SoftmaxTask(
            1, None, soft, weight, sample_weight, mask, None, 0.1, 0.1, 4.0, 0.7
        ),
    }[name]  # fmt: skip


NAMES = [
    "class", "ignored", "soft", "double soft", "smoothed", "capped", "masked", "masked for all",
    "all",
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_states_and_gradients_are_those_of_the_formulas(dtype, name):
    task = task_of(name, dtype)
    draw = torch.Generator().manual_seed(5)
    logits = 4 * torch.randn(N, V, generator=draw, dtype=dtype)
    logits[2, 7] = logits[2].max()  # of equal ones, the first
    native = other = None
    for first, stop in CUTS[1:]:
        part = slice_of(task, V, first, stop)
        native = cpu_slices.scan(logits[:, first:stop], part, native)
        other = formulas.scan(logits[:, first:stop], part, other)
    # an option rounds a logit by up to 3 ulp of itself, which an exponential multiplies
    eps = 8 * 16 * torch.finfo(dtype).eps
    for field, one, two in zip(native._fields, native, other, strict=True):
        assert one.dtype is two.dtype, field
        torch.testing.assert_close(one, two, rtol=eps, atol=1e-300, msg=field)
    scale = torch.linspace(-1, 2, N, dtype=torch.float64)
    for first, stop in CUTS:
        part = slice_of(task, V, first, stop)
        one, two = (logits[:, first:stop].clone() for _ in range(2))
        cpu_slices.gradient_(one, part, native, scale)
        formulas.gradient_(two, part, other, scale)
        torch.testing.assert_close(one, two, rtol=0, atol=eps)
        assert torch.equal(one == 0, two == 0)


def test_a_scan_changes_its_own_state_and_no_other():
    logits = torch.zeros(N, V)
    part = slice_of(task_of("class", torch.float32), V, 0, V)
    one = cpu_slices.scan(logits, part)
    two = cpu_slices.scan(logits, part)
    assert one.odds is not two.odds
    assert torch.equal(one.odds, two.odds)
    assert (one.odds == V - 1).all()
    assert (cpu_slices.empty_state(N).odds == 0).all()


def test_the_terms_of_the_entropy_are_found_where_they_are_asked_for():
    draw = torch.Generator().manual_seed(5)
    logits = torch.randn(N, V, generator=draw)
    part = slice_of(task_of("class", torch.float32), V, 0, V)
    without = cpu_slices.scan(logits, part, want_terms=False)
    with_them = cpu_slices.scan(logits, part)
    assert (without.terms == 0).all()
    assert (with_them.terms > 0).all()
    for one, two in zip(without._replace(terms=0), with_them._replace(terms=0), strict=True):
        assert one is two or torch.equal(one, two)
