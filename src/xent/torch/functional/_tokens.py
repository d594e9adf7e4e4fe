"""Cross-entropy of language models: classes last, and the shift in the name."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from xent.diagnostics.policy import active
from xent.diagnostics.tokens import check_shift, end_never_learnt
from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_logits, check_tensor
from xent.torch._ops.route import is_eager
from xent.torch.functional._cross_entropy import cross_entropy

__all__ = ["next_token_cross_entropy", "token_cross_entropy"]


def next_token_cross_entropy(
    logits: Tensor,
    tokens: Tensor,
    *,
    labels: Tensor | None = None,
    end_token: int | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    class_mask: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: str = "mean",
    on_empty: str = "nan",
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy of each next token, in nats: position t is asked for t + 1.

    It shifts, and so it takes the very tokens that went into the model:

    .. math::
        \ell_t = -\log \operatorname{softmax}(\text{logits}_t)_{\text{tokens}_{t+1}} ,
        \qquad t = 1, \dots, T - 1 .

    Parameters
    ----------
    logits : Tensor, floating, shape ``(..., T, V)``
        What the model says at every position. The last position has no next token; its
        gradient is 0.
    tokens : Tensor, integer, shape ``(..., T)``
        What went into the model. Those that equal `ignore_index` are not scored.
    labels : Tensor, integer, shape ``(..., T)``, optional
        The same tokens, at the same places, but `ignore_index` where a token is not to be
        scored, such as a prompt or padding. Default `tokens`.
    end_token : int, optional
        The token that ends a text: warns D23 if all of them are ignored.
    weight : Tensor, shape ``(V,)``, optional
        Weight of each class.
    sample_weight : Tensor, shape ``(..., T)``, optional
        Weight of each token of `tokens`, when it is the one asked for.
    class_mask, ignore_index, label_smoothing, z_loss, softcap, temperature
        As `cross_entropy` takes them.
    on_empty, implementation
        Likewise.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" is over the tokens that are scored in this call: over micro-batches and ranks
        add "total" instead.

    Returns
    -------
    loss : Tensor or Total
        Shape ``(..., T - 1)`` for "none".

    Raises
    ------
    XentTypeError, XentValueError
        As `cross_entropy`. D14: `tokens` do not have the shape of `logits` without its last
        axis. D22: `labels` are shifted already; for tensors on a CPU.

    Warns
    -----
    MisuseWarning
        D23, and those of `cross_entropy`. Neither D22 nor D23 is looked for on another
        device or under torch.compile, where it would cost a wait: audit a batch once.

    Notes
    -----
    *Memory.* Nothing of the size of the logits is copied: the last position is ignored,
    where ``logits[:, :-1].flatten(0, 1)`` makes a copy of them, and another of the gradient.
    A step on (4, 512, 32000) float32 logits takes 257 MiB beyond them, which is the gradient;
    shifted by hand, torch takes 754.

    See Also
    --------
    token_cross_entropy : never shifts.
    cross_entropy : classes on axis 1, as torch has them.

    References
    ----------
    .. [1] Y. Bengio, R. Ducharme, P. Vincent and C. Jauvin, "A Neural Probabilistic Language
       Model", Journal of Machine Learning Research 3, 2003.

    Examples
    --------
    A model that is sure that each token is one more than the one before:

    >>> import torch
    >>> from xent.torch import functional as F
    >>> tokens = torch.tensor([[0, 1, 2, 3]])
    >>> logits = 5.0 * torch.nn.functional.one_hot(tokens + 1, 5)
    >>> F.next_token_cross_entropy(logits, tokens, reduction="none")
    tensor([[0.0266, 0.0266, 0.0266]])
    """
    _check_shapes(logits, tokens, "tokens")
    scored = tokens if labels is None else labels
    if labels is not None:
        _check_same("labels", labels, tokens)
        _check_labels(tokens, labels, end_token, ignore_index, shifts=True)
    if sample_weight is not None:
        _check_same("sample_weight", sample_weight, tokens)
        sample_weight = pad(sample_weight[..., 1:], (0, 1))
    # int64, or ignore_index may not fit
    target = pad(scored[..., 1:].to(torch.int64), (0, 1), value=ignore_index)
    loss = cross_entropy(
        _classes_on_axis_1(logits),
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
        sample_weight=sample_weight,
        class_mask=_mask_on_axis_1(class_mask),
        z_loss=z_loss,
        softcap=softcap,
        temperature=temperature,
        on_empty=on_empty,
        implementation=implementation,
    )
    return loss[..., :-1] if reduction == "none" else loss


def token_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    tokens: Tensor | None = None,
    end_token: int | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    class_mask: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: str = "mean",
    on_empty: str = "nan",
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy of each position's own label, in nats: nothing is shifted.

    For labels that were shifted beforehand, for masked language models, and for tagging:

    .. math::
        \ell_t = -\log \operatorname{softmax}(\text{logits}_t)_{\text{labels}_t} .

    Parameters
    ----------
    logits : Tensor, floating, shape ``(..., T, V)``
    labels : Tensor, integer, shape ``(..., T)``
        The class that each position is asked for. Those that equal `ignore_index` are not
        scored.
    tokens : Tensor, integer, shape ``(..., T)``, optional
        What went into the model, for the rules D22 and D23; the loss does not need it.
    end_token : int, optional
        The token that ends a text: with `tokens`, warns D23 if it is never asked for.
    weight : Tensor, shape ``(V,)``, optional
        Weight of each class.
    sample_weight : Tensor, shape ``(..., T)``, optional
        Weight of each label.
    class_mask, ignore_index, label_smoothing, z_loss, softcap, temperature
        As `cross_entropy` takes them.
    on_empty, implementation
        Likewise.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" is over the labels that are scored in this call: over micro-batches and ranks
        add "total" instead.

    Returns
    -------
    loss : Tensor or Total
        Shape ``(..., T)`` for "none".

    Raises
    ------
    XentTypeError, XentValueError
        As `cross_entropy`. D14: `labels` do not have the shape of `logits` without its last
        axis. D22: `labels` equal `tokens`, so that a model would learn to copy its input;
        for tensors on a CPU.

    Warns
    -----
    MisuseWarning
        D23, and those of `cross_entropy`.

    See Also
    --------
    next_token_cross_entropy : takes the tokens themselves, and shifts.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> labels = torch.tensor([[1, 2, 3, -100]])
    >>> logits = 5.0 * torch.nn.functional.one_hot(labels.clamp(0), 5)
    >>> F.token_cross_entropy(logits, labels)
    tensor(0.0266)
    """
    _check_shapes(logits, labels, "labels")
    if tokens is not None:
        _check_same("tokens", tokens, labels)
        _check_labels(tokens, labels, end_token, ignore_index, shifts=False)
    return cross_entropy(
        _classes_on_axis_1(logits),
        labels,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
        sample_weight=sample_weight,
        class_mask=_mask_on_axis_1(class_mask),
        z_loss=z_loss,
        softcap=softcap,
        temperature=temperature,
        on_empty=on_empty,
        implementation=implementation,
    )


def _classes_on_axis_1(logits: Tensor) -> Tensor:
    """Return a view with the classes where `cross_entropy` has them."""
    return logits.movedim(-1, 1) if logits.dim() > 2 else logits


def _mask_on_axis_1(class_mask: Any) -> Any:
    if isinstance(class_mask, Tensor) and class_mask.dim() > 2:
        return class_mask.movedim(-1, 1)
    return class_mask


def _check_shapes(logits: Tensor, labels: Tensor, name: str) -> None:
    check_logits(logits, "logits")
    check_tensor(labels, name)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype is torch.bool:
        raise XentTypeError(
            f"{name} must hold integers, got {labels.dtype}", code="D16", value=str(labels.dtype)
        )
    if logits.dim() >= 2 and labels.shape == logits.shape[:-1]:
        return
    hint = ""
    if logits.dim() >= 2 and name == "tokens" and labels.shape[:-1] == logits.shape[:-2]:
        if labels.shape[-1] == logits.shape[-2] + 1:
            hint = (
                " The last logits are cut off already: use token_cross_entropy(logits, "
                "tokens[..., 1:])."
            )
    elif logits.dim() == 3 and labels.shape == (logits.shape[0], logits.shape[2]):
        hint = " If the classes are on axis 1, use cross_entropy."
    raise XentValueError(
        f"{name} must have the shape of logits without its last axis, the classes: "
        f"{tuple(logits.shape[:-1])}, got {tuple(labels.shape)}.{hint}",
        code="D14",
        value=tuple(labels.shape),
    )


def _check_same(name: str, tensor: Tensor, other: Tensor) -> None:
    check_tensor(tensor, name)
    if tensor.shape != other.shape:
        raise XentValueError(
            f"{name} must have one entry for each token, {tuple(other.shape)}, got "
            f"{tuple(tensor.shape)}",
            code="D14",
            value=tuple(tensor.shape),
        )


def _check_labels(
    tokens: Tensor, labels: Tensor, end_token: int | None, ignore_index: int, *, shifts: bool
) -> None:
    """Look for D22 and D23 where that waits for no device."""
    if not (is_eager() and tokens.is_cpu and labels.is_cpu) or active() == "off":
        return
    inputs, asked = tokens.detach().numpy(), labels.detach().numpy()
    check_shift(inputs, asked, shifts=shifts, ignore_index=ignore_index)
    if end_token is not None:
        end_never_learnt(inputs, asked, end=end_token, ignore_index=ignore_index, shifts=shifts)
