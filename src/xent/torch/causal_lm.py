"""The next-token loss of a causal language model of Hugging Face's transformers.

A model is called as far as its hidden states; its head and its loss are computed together,
so that the logits are never whole. Nothing of the model is replaced.

>>> from xent.torch import causal_lm
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from xent.diagnostics.policy import active
from xent.diagnostics.tokens import check_shift
from xent.errors import XentTypeError, XentValueError
from xent.torch._heads import Head, head_of
from xent.torch._ops.route import is_eager
from xent.torch.functional import linear_softmax_cross_entropy

__all__ = ["CausalLMLoss", "causal_lm_loss"]

# what the loss is told in other words
_REFUSED = {
    "num_items_in_batch": 'pass reduction="total" and take .mean(over=num_items_in_batch)',
    "logits_to_keep": "give the positions that are not to be scored the label -100",
    "past_key_values": "pass whole sequences",
}
_OF_THE_LOSS = ("labels", "shift_labels", "return_dict")


def causal_lm_loss(
    model: Any,
    batch: Mapping[str, Any],
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    reduction: str = "mean",
    on_empty: str = "nan",
    memory: int | str | None = None,
) -> Any:
    r"""Return the next-token cross-entropy of a causal language model, without its logits.

    The loss that ``model(**batch)`` computes from logits of shape (B, T, V): with the hidden
    state :math:`h_t` of position t and the head's weight and bias,

    .. math::
        \ell_t = -\log \operatorname{softmax}(f(W h_t + b))_{\text{labels}_{t+1}} ,
        \qquad t = 1, \dots, T - 1 ,

    where :math:`f` is what the model's configuration says: nothing, a soft cap, a scale.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With ``get_output_embeddings()`` and ``base_model``, as every causal language model of
        the library has. Adapters inside of the base train as usual: of a PEFT model, pass
        ``model.get_base_model()``.
    batch : mapping
        What goes into the model: `labels` of shape ``(B, T)``, the tokens themselves and -100
        where one is not to be scored, and the rest for the base model, such as `input_ids` and
        `attention_mask`. `shift_labels`, where given, are scored as they stand.
    ignore_index : int, default -100
        Nothing is computed for positions with this label, and they do not count.
    label_smoothing, z_loss, on_empty, memory
        As `linear_softmax_cross_entropy` takes them.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" is over the tokens that are scored in this call. For gradient accumulation, and
        over ranks, take the "total" of each part.

    Returns
    -------
    loss : Tensor or Total
        float32, float64 for a model in float64.

    Raises
    ------
    XentValueError
        D22: the labels are shifted already (looked for on a CPU). Something in `batch` that
        this function cannot keep to.
    XentTypeError
        If `model` has no head that could be read, as a wrapped model.
    UnavailableError
        If the head is more than a linear layer, or the model does to its logits, or adds to
        its loss, what is not known here. It is found out, not guessed: at the first call for a
        model, four tokens pass through it, and its own logits and loss are compared with those
        of this function.

    Notes
    -----
    *Memory.* A block of logits, in place of those of all tokens, their float32 copy and the
    gradients of both: see `linear_softmax_cross_entropy`.

    *Supported* are `final_logit_softcapping`, `logit_scale`, `logits_scaling`,
    `lm_head_multiplier`, `output_multiplier`, a head with a bias, and embeddings that are tied
    to it.

    *Compilation.* Compile the base: ``model.base_model.compile()``.

    *Wrappers.* `DistributedDataParallel` and `fully_shard` do their work in ``forward``: wrap
    a `CausalLMLoss`, which calls the model there.

    See Also
    --------
    CausalLMLoss : the same as a module.
    xent.torch.functional.linear_softmax_cross_entropy : the loss itself, for models of
        one's own.
    xent.torch.functional.next_token_cross_entropy : of logits that exist.

    Examples
    --------
    Two lines instead of ``loss = model(**batch).loss`` ::

        from xent.torch.causal_lm import causal_lm_loss
        loss = causal_lm_loss(model, batch)

    and in a `transformers.Trainer`, whose micro-batches then weigh what they should ::

        class Trainer(transformers.Trainer):
            def compute_loss(self, model, inputs, num_items_in_batch=None, **_):
                total = causal_lm_loss(model, inputs, reduction="total")
                return total.mean(over=num_items_in_batch)

    A model of two words, as far as this function looks at it:

    >>> import torch
    >>> from types import SimpleNamespace as Result
    >>> from xent.torch.causal_lm import causal_lm_loss
    >>> class Base(torch.nn.Embedding):
    ...     def forward(self, input_ids):
    ...         return Result(last_hidden_state=super().forward(input_ids))
    >>> class Model(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.base_model, self.head = Base(2, 3), torch.nn.Linear(3, 2)
    ...         self.config = Result()
    ...     def get_output_embeddings(self):
    ...         return self.head
    ...     def forward(self, input_ids, labels):
    ...         logits = self.head(self.base_model(input_ids).last_hidden_state)
    ...         scores, target = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    ...         loss = torch.nn.functional.cross_entropy(scores, target)
    ...         return Result(logits=logits, loss=loss)
    >>> model, tokens = Model(), torch.tensor([[0, 1, 1, 0]])
    >>> batch = {"input_ids": tokens, "labels": tokens}
    >>> loss = causal_lm_loss(model, batch)
    >>> torch.testing.assert_close(loss, model(**batch).loss)
    """
    labels, shift = _labels_of(batch, ignore_index)
    head = head_of(model, batch)
    hidden = head.hidden(_inputs_of(batch, head))
    if labels.shape != hidden.shape[:-1]:
        raise XentValueError(
            f"labels must have one entry for each position, {tuple(hidden.shape[:-1])}, got "
            f"{tuple(labels.shape)}",
            code="D14",
            value=tuple(labels.shape),
        )
    weight = head.weight
    return linear_softmax_cross_entropy(
        hidden.to(weight.device),
        weight,
        labels.to(weight.device),
        linear_bias=head.bias,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
        softcap=head.map.softcap,
        temperature=head.map.temperature,
        shift=shift,
        reduction=reduction,
        on_empty=on_empty,
        memory=memory,
    )


class CausalLMLoss(torch.nn.Module):
    """A causal language model that returns its loss: `causal_lm_loss` as a module.

    For whatever wraps a module and works in its ``forward``, as
    `torch.nn.parallel.DistributedDataParallel` and `torch.distributed.fsdp.fully_shard` do.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    **options
        As `causal_lm_loss` takes them.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        To be saved, evaluated, and asked to generate.

    See Also
    --------
    causal_lm_loss : the function.
    Total.all_reduce : the mean over ranks.

    Examples
    --------
    ::

        step = DistributedDataParallel(CausalLMLoss(model, reduction="total"))
        step(batch).all_reduce().mean().backward()
    """

    def __init__(self, model: torch.nn.Module, **options: Any) -> None:
        super().__init__()
        self.model = model
        self.options = options

    def forward(self, batch: Mapping[str, Any]) -> Any:
        return causal_lm_loss(self.model, batch, **self.options)


def _labels_of(batch: Mapping[str, Any], ignore_index: int) -> tuple[Tensor, int]:
    """Return the labels, and how far the position is from the one that is asked for it."""
    for name, fix in _REFUSED.items():
        if batch.get(name) is not None:
            raise XentValueError(
                f"batch must not hold {name}, which this loss does not read: {fix}.", value=name
            )
    shifted, labels = batch.get("shift_labels"), batch.get("labels")
    found = labels if shifted is None else shifted
    if found is None:
        raise XentValueError(
            f"batch must hold labels, the tokens that are asked for, got {', '.join(batch)}. For "
            "all tokens, labels are input_ids.",
            value=tuple(batch),
        )
    if not isinstance(found, Tensor) or found.is_floating_point() or found.is_complex():
        kind = str(found.dtype) if isinstance(found, Tensor) else type(found).__name__
        raise XentTypeError(
            f"labels must be a Tensor of integers, got {kind}", code="D16", value=kind
        )
    tokens = batch.get("input_ids")
    if shifted is None and isinstance(tokens, Tensor) and tokens.shape == found.shape:
        _check_shift(tokens, found, ignore_index)
    return found, 1 if shifted is None else 0


def _check_shift(tokens: Tensor, labels: Tensor, ignore_index: int) -> None:
    """Look for D22 where that waits for no device."""
    if is_eager() and tokens.is_cpu and labels.is_cpu and active() != "off":
        check_shift(tokens.numpy(), labels.numpy(), shifts=True, ignore_index=ignore_index)


def _inputs_of(batch: Mapping[str, Any], head: Head) -> dict[str, Any]:
    inputs = {name: each for name, each in batch.items() if name not in _OF_THE_LOSS}
    if "use_cache" in head.takes:
        inputs.setdefault("use_cache", False)  # nobody will read it
    return inputs
