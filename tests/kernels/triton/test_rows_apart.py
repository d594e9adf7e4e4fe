"""What a row holds, or that it does not count, is seen in no number of another row."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from xent.errors import XentValueError
from xent.kernels.triton import faults
from xent.kernels.triton.softmax_cross_entropy import score
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

NAN, INF = float("nan"), float("inf")

# rows that are adjacent in memory share loads: classes in one block, and walked
PIXELS = [(2, 3, 8), (2, 40, 8)]


@pytest.mark.parametrize("shape", PIXELS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_skipped_pixel_may_hold_anything_under_a_soft_cap(rng, device, shape, dtype, smoothing):
    logits = torch.tensor(rng.normal(size=shape)).to(device, dtype)
    target = torch.tensor(rng.integers(shape[1], size=(2, 8)), device=device)
    skipped = torch.zeros((2, 8), dtype=torch.bool, device=device)
    for pixel, held in {(0, 2): INF, (0, 7): -INF, (1, 3): NAN}.items():
        logits[pixel[0], :, pixel[1]] = held
        target[pixel], skipped[pixel] = -100, True
    options = {"axis": 1, "ignore_index": -100, "softcap": 5.0, "label_smoothing": smoothing}
    result = score(logits, target=target, **options, want_gradient=True, want_stats=True)
    gradient = result.gradient.movedim(1, -1)
    assert_array_equal(gradient[skipped].cpu(), np.zeros((3, shape[1])))
    assert gradient[~skipped].isfinite().all()
    for each in (result.nll, result.weight, result.plain, result.lse, result.entropy, result.hit):
        assert_array_equal(each[skipped].cpu(), np.zeros(3))
        assert each[~skipped].isfinite().all()


@pytest.mark.parametrize("shape", [(6, 5), *PIXELS])
def test_a_class_of_weight_0_has_no_gradient(rng, device, shape):
    logits = torch.tensor(rng.normal(size=shape), dtype=torch.float32, device=device)
    rows = shape[:1] + shape[2:]
    target = torch.arange(np.prod(rows), device=device).reshape(rows) % 3
    weight = torch.ones(shape[1], device=device)
    weight[1] = 0
    result = score(logits, axis=1, target=target, class_weight=weight, want_gradient=True)
    task = SoftmaxTask(1, target=target, class_weight=weight)
    ones = torch.ones(rows, dtype=torch.float64, device=device)
    expected = formulas.gradient(logits.double(), task, ones)
    assert_allclose(result.gradient.cpu(), expected.cpu(), rtol=1e-5, atol=1e-7)
    assert_array_equal(result.gradient.movedim(1, -1)[target == 1].cpu(), 0.0)


@pytest.mark.parametrize("shape", [(6, 5), (6, 40, 2)])
def test_an_impossible_class_of_weight_0_costs_only_its_z_loss(rng, device, shape):
    logits = torch.tensor(rng.normal(size=shape), dtype=torch.float32, device=device)
    logits[:, 1] = -INF
    rows = shape[:1] + shape[2:]
    target = torch.arange(np.prod(rows), device=device).reshape(rows) % 3
    weight = torch.ones(shape[1], device=device)
    weight[1] = 0
    options = {"target": target, "class_weight": weight, "z_loss": 0.01}
    result = score(logits, axis=1, **options, want_gradient=True)
    task = SoftmaxTask(1, **options)
    assert_allclose(result.nll.cpu(), formulas.rows(logits.double(), task).cpu(), rtol=1e-5)
    ones = torch.ones(rows, dtype=torch.float64, device=device)
    expected = formulas.gradient(logits.double(), task, ones)
    assert_allclose(result.gradient.cpu(), expected.cpu(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_row_far_from_its_last_block_changes_no_bit_of_its_neighbours(rng, device, smoothing):
    logits = torch.tensor(rng.normal(size=(1, 64, 8)) * 5, dtype=torch.float32, device=device)
    target = torch.tensor(rng.integers(64, size=(1, 8)), device=device)
    options = {"axis": 1, "target": target, "label_smoothing": smoothing, "want_gradient": True}
    before = score(logits, **options)
    # its sum overflows with the maximum of its last block for a reference: it is read again
    logits[0, 2, 3] = 1000.0
    after = score(logits, **options)
    neighbours = [0, 1, 2, 4, 5, 6, 7]
    assert_array_equal(after.nll[:, neighbours].cpu(), before.nll[:, neighbours].cpu())
    expected = before.gradient[:, :, neighbours].cpu()
    assert_array_equal(after.gradient[:, :, neighbours].cpu(), expected)


@pytest.mark.parametrize("shape", [(3, 5), (3, 40, 2)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_bad_target_has_no_statistics(rng, device, shape, smoothing):
    # all below 0, which is what a row without a target is compared with
    logits = -1 - torch.tensor(rng.uniform(size=shape), dtype=torch.float32, device=device)
    target = torch.ones(shape[:1] + shape[2:], dtype=torch.int64, device=device)
    target.view(-1)[0] = shape[1]
    result = score(logits, axis=1, target=target, label_smoothing=smoothing, want_stats=True)
    for each in (result.nll, result.plain, result.lse, result.entropy):
        assert each.isnan().view(-1).tolist() == [True] + [False] * (target.numel() - 1)
    assert not result.hit.view(-1)[0]
    with pytest.raises(XentValueError, match="first: row 0"):
        faults.raise_pending(device, wait=True)
