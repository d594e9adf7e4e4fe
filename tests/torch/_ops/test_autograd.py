"""Eager autograd: which buffer the gradient is, who owns it, and every order of derivative."""

import copy
import threading
import weakref

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from xent.kernels.cpu import softmax_cross_entropy as kernel
from xent.torch import functional as F

N, C = 7, 5


def classes():
    return torch.tensor([0, 4, 2, -100, 1, 3, 3])


def softmax_losses():
    soft = torch.softmax(torch.randn(N, C, dtype=torch.float64), 1)
    weight = torch.rand(C, dtype=torch.float64) + 0.1
    kept = torch.rand(N, dtype=torch.float64)
    return {
        "classes": lambda x, how: F.cross_entropy(x, classes(), reduction=how),
        "weights": lambda x, how: F.cross_entropy(
            x, classes(), weight, label_smoothing=0.1, sample_weight=kept, reduction=how
        ),
        "soft": lambda x, how: F.cross_entropy(x, soft, weight, reduction=how),
        "options": lambda x, how: F.cross_entropy(
            x, classes(), z_loss=0.1, softcap=3.0, temperature=2.0, reduction=how,
            class_mask=torch.tensor([True, True, True, True, True]),
        ),
        "labels": lambda x, how: F.binary_cross_entropy_with_logits(
            x, soft, weight, pos_weight=weight, reduction=how
        ),
    }  # fmt: skip


LOSSES = list(softmax_losses())
REDUCTIONS = ["mean", "sum", "none"]


def logits():
    return (torch.randn(N, C, dtype=torch.float64) * 3).requires_grad_()


@pytest.mark.parametrize("how", REDUCTIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_first_and_second_derivatives_are_those_of_finite_differences(loss, how):
    value = softmax_losses()[loss]
    x = logits()
    assert torch.autograd.gradcheck(
        lambda x: value(x, how), x, check_forward_ad=True, check_batched_grad=True
    )
    assert torch.autograd.gradgradcheck(lambda x: value(x, how), x)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_transforms_of_torch_func(loss):
    value = softmax_losses()[loss]
    x = logits().detach()
    by_autograd = logits_gradient(value, x)
    torch.testing.assert_close(torch.func.grad(lambda x: value(x, "mean"))(x), by_autograd)
    v = torch.randn_like(x)
    _, tangent = torch.func.jvp(lambda x: value(x, "mean"), (x,), (v,))
    torch.testing.assert_close(tangent, (by_autograd * v).sum())
    hessian = torch.func.hessian(lambda x: value(x, "mean"))(x)
    by_hand = torch.autograd.functional.hessian(lambda x: value(x, "mean"), x)
    torch.testing.assert_close(hessian, by_hand)
    hvp = torch.autograd.functional.hvp(lambda x: value(x, "mean"), x, v)[1]
    torch.testing.assert_close(torch.einsum("ijkl,kl->ij", hessian, v), hvp)


def logits_gradient(value, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(value(x, "mean"), x)[0]


def test_gradients_of_each_sample_by_vmap():
    x, y = logits().detach(), torch.randint(0, C, (N,))

    def of_one(x, y):
        return F.cross_entropy(x, y)

    each = torch.func.vmap(torch.func.grad(of_one))(x, y)
    whole = logits_gradient(lambda x, _: F.cross_entropy(x, y, reduction="sum"), x)
    torch.testing.assert_close(each, whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("how", ["mean", "none"])
def test_every_backward_pass_of_a_kept_graph_is_right(how, dtype):
    # in-place scaling of what an earlier pass handed out would give g * g, or change it
    x = logits().detach().to(dtype).requires_grad_()
    loss = F.cross_entropy(x, classes(), reduction=how)
    one = torch.ones_like(loss)
    right = torch.autograd.grad(F.cross_entropy(x, classes(), reduction=how), x, one)[0]
    found = [
        torch.autograd.grad(loss, x, g * one, retain_graph=True)[0] for g in (1.0, 2.0, 1.0, -4.0)
    ]
    found.append(torch.autograd.grad(loss, x, 0.5 * one)[0])
    for g, gradient in zip((1.0, 2.0, 1.0, -4.0, 0.5), found, strict=True):
        assert torch.equal(gradient, g * right)
    found[0].zero_()
    assert torch.equal(found[2], right)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, x, one)


def test_a_gradient_that_was_handed_out_may_be_changed():
    x = logits()
    loss = F.cross_entropy(x, classes())
    first = torch.autograd.grad(loss, x, retain_graph=True)[0]
    right = first.clone()
    first.mul_(100)
    assert torch.equal(torch.autograd.grad(loss, x, retain_graph=True)[0], right)
    assert torch.equal(torch.autograd.grad(loss, x)[0], right)


def test_one_gradient_is_held_and_becomes_the_leafs():
    x = torch.randn(64, 1000, requires_grad=True)
    loss = F.cross_entropy(x, torch.arange(64))
    held = loss.grad_fn.gradient
    pointer = held.data_ptr()
    gone = weakref.ref(held)
    del held
    loss.backward()
    assert x.grad.data_ptr() == pointer
    x.grad = None
    del loss
    assert gone() is None


def test_without_a_gradient_there_is_no_graph_and_no_gradient(monkeypatch):
    wanted = []
    score = kernel.score

    def watched(*args, **kwargs):
        wanted.append(kwargs["want_gradient"])
        return score(*args, **kwargs)

    monkeypatch.setattr(kernel, "score", watched)
    x = logits()
    with torch.no_grad():
        assert not F.cross_entropy(x, classes()).requires_grad
    assert not F.cross_entropy(x.detach(), classes()).requires_grad
    assert F.cross_entropy(x, classes()).requires_grad
    assert wanted == [False, False, True]


def test_the_logits_may_be_overwritten_before_the_backward_pass():
    x = logits()
    y = x * 1
    loss = F.cross_entropy(y, classes())
    right = logits_gradient(lambda x, _: F.cross_entropy(x, classes()), x)
    with torch.no_grad():
        y.zero_()
    loss.backward()
    assert torch.equal(x.grad, right)


def test_second_derivatives_of_overwritten_logits_are_refused():
    x = logits()
    y = x * 1
    loss = F.cross_entropy(y, classes())
    with torch.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, x, create_graph=True)


def test_gradients_add_up_in_a_leaf():
    x = logits()
    for scale in (1.0, 3.0):
        (F.cross_entropy(x, classes()) * scale).backward()
    right = logits_gradient(lambda x, _: F.cross_entropy(x, classes()), x)
    torch.testing.assert_close(x.grad, 4 * right)


@pytest.mark.parametrize("how", ["mean", "none"])
def test_channels_last_logits_get_a_channels_last_gradient(how):
    plain = torch.randn(2, 3, 4, 5)
    y = torch.randint(0, 3, (2, 4, 5))
    images = plain.to(memory_format=torch.channels_last).requires_grad_()
    plain.requires_grad_()
    a, b = (F.cross_entropy(x, y, reduction=how) for x in (plain, images))
    assert torch.equal(a, b)
    a.sum().backward()
    b.sum().backward()
    assert torch.equal(plain.grad, images.grad)
    assert images.grad.is_contiguous(memory_format=torch.channels_last)


def test_logits_of_any_strides():
    base = torch.randn(12, 10)
    for x in (base[::2, ::2], base[:5, :6].t()):
        y = torch.randint(0, x.shape[1], x.shape[:1])
        strided, packed = x, x.contiguous()
        assert not strided.is_contiguous()
        assert torch.equal(F.cross_entropy(strided, y), F.cross_entropy(packed, y))
        gradients = [
            logits_gradient(lambda z, _, y=y: F.cross_entropy(z, y), z) for z in (strided, packed)
        ]
        assert torch.equal(*gradients)


def test_a_deep_copied_model_and_a_second_thread_train_alike():
    model = torch.nn.Linear(4, C)
    twin = copy.deepcopy(model)
    x, y = torch.randn(N, 4), classes()
    F.cross_entropy(model(x), y).backward()
    thread = threading.Thread(target=lambda: F.cross_entropy(twin(x), y).backward())
    thread.start()
    thread.join()
    assert torch.equal(model.weight.grad, twin.weight.grad)


def test_threads_that_share_a_kept_graph_get_a_buffer_each():
    x = torch.randn(64, 1000, requires_grad=True)
    target = torch.zeros(64, dtype=torch.long)
    for _ in range(40):
        loss, found = F.cross_entropy(x, target), []

        def differentiate(loss=loss, found=found):
            found.append(torch.autograd.grad(loss, x, retain_graph=True)[0])

        threads = [threading.Thread(target=differentiate) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({gradient.data_ptr() for gradient in found}) == 6


@pytest.mark.skipif(
    not hasattr(torch._C._autograd, "_top_saved_tensors_default_hooks"),
    reason="this torch does not tell of hooks",
)
@pytest.mark.parametrize("how", REDUCTIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_checkpoint_keeps_no_gradient(loss, how):
    compute, x = softmax_losses()[loss], logits()
    upstream = torch.rand_like(compute(x, how))
    kept = checkpoint(compute, x, how, use_reentrant=False)
    assert kept.grad_fn.gradient is None
    (found,) = torch.autograd.grad(kept, x, upstream)
    (right,) = torch.autograd.grad(compute(x, how), x, upstream)
    torch.testing.assert_close(found, right, rtol=1e-14, atol=1e-18)
