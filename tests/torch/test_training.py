"""What surrounds a loss in a training step: autocast, GradScaler, workers, checkpoints."""

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from xent.kernels.cpu import softmax_cross_entropy as kernel
from xent.torch import functional as F

TORCH = torch.nn.functional
C = 5


def batch(dtype=torch.float32):
    return torch.randn(16, C, dtype=dtype, requires_grad=True), torch.randint(0, C, (16,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("how", ["mean", "sum", "none"])
@pytest.mark.parametrize("autocast", [False, True])
def test_the_loss_has_the_dtype_that_torchs_has(dtype, how, autocast):
    x, y = batch(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        ours, theirs = (f.cross_entropy(x, y, reduction=how) for f in (F, TORCH))
        labels = torch.rand_like(x)
        ours_too, theirs_too = (
            f.binary_cross_entropy_with_logits(x, labels, reduction=how) for f in (F, TORCH)
        )
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert (ours_too.dtype, ours_too.shape) == (theirs_too.dtype, theirs_too.shape)


def test_a_model_under_autocast_trains():
    model, (x, y) = torch.nn.Linear(8, C), (torch.randn(16, 8), torch.randint(0, C, (16,)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(x)
        loss = F.cross_entropy(logits, y)
    assert logits.dtype is torch.bfloat16
    assert loss.dtype is torch.float32
    loss.backward()
    assert model.weight.grad.isfinite().all()


def test_a_grad_scaler_scales_and_sees_an_overflow():
    model = torch.nn.Linear(8, C)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    x, y = torch.randn(16, 8), torch.randint(0, C, (16,))
    scaler.scale(F.cross_entropy(model(x), y)).backward()
    right = torch.autograd.grad(F.cross_entropy(model(x), y), model.weight)[0]
    scaler.unscale_(optimizer)
    torch.testing.assert_close(model.weight.grad, right)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    before = model.weight.detach().clone()
    x[0, 0] = float("inf")  # a +inf logit has no softmax, and the scaler must see that
    scaler.scale(F.cross_entropy(model(x), y)).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(model.weight, before)
    assert scaler.get_scale() == 512.0


class Scored(Dataset):
    """A dataset that scores what it loads, in the worker."""

    def __init__(self):
        self.x, self.y = torch.randn(8, 4096), torch.randint(0, 4096, (8,))

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return F.cross_entropy(self.x[i], self.y[i])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork\\(\\) was called:RuntimeWarning")
def test_workers_that_were_forked_compute_losses():
    data = Scored()
    right = F.cross_entropy(data.x, data.y, reduction="none")  # the parent's threads exist
    loaded = torch.cat(list(DataLoader(data, batch_size=4, num_workers=2)))
    assert torch.equal(loaded, right)


def test_activation_checkpointing_gives_the_same_gradient():
    x, y = batch()
    loss = torch.utils.checkpoint.checkpoint(F.cross_entropy, x, y, use_reentrant=False)
    loss.backward()
    assert torch.equal(x.grad, torch.autograd.grad(F.cross_entropy(x, y), x)[0])


def test_saved_tensors_may_live_elsewhere():
    x, y = batch()
    with torch.autograd.graph.save_on_cpu():
        loss = F.cross_entropy(x, y)
    assert torch.equal(
        torch.autograd.grad(loss, x)[0], torch.autograd.grad(F.cross_entropy(x, y), x)[0]
    )


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_anomaly_detection_and_hooks():
    x, y = batch()
    seen = []
    with torch.autograd.detect_anomaly(check_nan=True):
        z = x * 1
        z.register_hook(lambda g: seen.append(g.clone()))
        F.cross_entropy(z, y).backward()
    assert torch.equal(seen[0], x.grad)


def test_inference_mode_computes():
    x, y = batch()
    with torch.inference_mode():
        inside = F.cross_entropy(torch.randn(16, C), y)
        same = F.cross_entropy(x, y)
    assert inside.is_inference()
    assert same == F.cross_entropy(x, y)


def test_the_kernels_use_as_many_threads_as_torch(monkeypatch):
    told, score = [], kernel.score

    def watched(*args, **options):
        told.append(options["threads"])
        return score(*args, **options)

    monkeypatch.setattr(kernel, "score", watched)
    before = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            F.cross_entropy(*batch())
    finally:
        torch.set_num_threads(before)
    assert told == [1, 3]
