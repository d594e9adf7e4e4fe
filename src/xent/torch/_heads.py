"""The head of a causal language model: what it makes of hidden states, and that it is all."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from xent.errors import UnavailableError, XentTypeError

__all__ = ["Head", "LogitMap", "head_of"]


class LogitMap(NamedTuple):
    """Logits become ``softcap * tanh(logits / softcap) / temperature``."""

    softcap: float | None
    temperature: float

    def __call__(self, logits: Tensor) -> Tensor:
        if self.softcap is not None:
            logits = self.softcap * torch.tanh(logits / self.softcap)
        return logits / self.temperature


class Head:
    """A model cut in two: the base that makes hidden states, and the linear layer after it."""

    def __init__(self, model: Any) -> None:
        embeddings = getattr(model, "get_output_embeddings", None)
        self.layer = embeddings() if callable(embeddings) else None
        self.base = getattr(model, "base_model", None)
        if self.base is model:
            self.base = getattr(model, "model", None)
        weight = getattr(self.layer, "weight", None)
        if not isinstance(self.base, torch.nn.Module) or not isinstance(weight, Tensor):
            raise XentTypeError(
                "model must be a causal language model with base_model and "
                f"get_output_embeddings(), as transformers has them; got {type(model).__name__}."
                + _fix_for(model),
                value=type(model).__name__,
            )
        _check_linear(self.layer)
        if type(weight).__name__ == "DTensor":
            raise XentTypeError(
                "the weight of the model's head must be whole on this rank, got a DTensor. Shard "
                "xent.torch.causal_lm.CausalLMLoss(model), in whose forward it is gathered.",
                value="DTensor",
            )
        self.map = LogitMap(None, 1.0)
        self.takes = set(inspect.signature(self.base.forward).parameters)

    @property
    def weight(self) -> Tensor:
        weight: Tensor = self.layer.weight  # type: ignore[union-attr]
        return weight

    @property
    def bias(self) -> Tensor | None:
        return getattr(self.layer, "bias", None)

    def hidden(self, inputs: Mapping[str, Any]) -> Tensor:
        """Return the hidden states that the head is given, (B, T, D)."""
        assert self.base is not None
        return _hidden_of(self.base(**inputs))


@torch.compiler.disable
def head_of(model: Any, batch: Mapping[str, Any]) -> Head:
    """Return the head of a model, which is known to do nothing else to its logits.

    Raises
    ------
    XentTypeError
        If the model cannot be cut in two.
    UnavailableError
        If what it says to four tokens of the batch is not what follows from the parts.
    """
    head = Head(model)
    # what is known holds for what the config said then
    aux = getattr(getattr(model, "config", None), "output_router_logits", None)
    told = (aux, *_maps(model))
    known = _known.get(model)
    if known is None or known[0] != told:
        with torch.autocast(head.weight.device.type, enabled=False):
            known = told, _verified(model, head, batch)
        _known[model] = known
    head.map = known[1]
    return head


_known: WeakKeyDictionary[Any, tuple[tuple[Any, ...], LogitMap]] = WeakKeyDictionary()


def _check_linear(layer: Any) -> None:
    """Raise unless the layer is its weight and its bias, also after it has learnt.

    An adapter begins as 0, so that asking the model would not show it.
    """
    its_own = getattr(type(layer), "forward", None) is torch.nn.Linear.forward
    # accelerate moves inputs between devices there, and changes no number
    replaced = "forward" in vars(layer) and not hasattr(layer, "_hf_hook")
    if not its_own or replaced:
        kind = type(layer).__module__ + "." + type(layer).__qualname__
        raise UnavailableError(
            f"the head of the model must be a torch.nn.Linear and no more, got {kind}. Merge an "
            "adapter into it, or compute the loss of the logits with next_token_cross_entropy.",
            value=kind,
        )


def _fix_for(model: Any) -> str:
    if hasattr(model, "module"):
        return " Pass model.module, or wrap a CausalLMLoss, where the gradients are averaged."
    if hasattr(model, "get_base_model"):
        return " Pass model.get_base_model(), which has the adapters in it."
    return ""


def _hidden_of(output: Any) -> Tensor:
    found = getattr(output, "last_hidden_state", None)
    if found is None and isinstance(output, tuple):
        found = output[0]
    if not isinstance(found, Tensor):
        raise XentTypeError(
            "the base model must return last_hidden_state, got a "
            f"{type(output).__name__}. Of a PEFT model, pass model.get_base_model().",
            value=type(output).__name__,
        )
    return found


# What the model does to its logits ----------------------------------------------------------


def _maps(model: Any) -> Iterator[LogitMap]:
    """Yield what the configuration may mean; names do not say whether they divide."""
    config = getattr(model, "config", None)
    text = getattr(config, "get_text_config", None)
    config = text() if callable(text) else config
    cap = getattr(config, "final_logit_softcapping", None)
    scales = [1.0]
    for name in _SCALES:
        value = getattr(config, name, None)
        if isinstance(value, (int, float)) and value > 0:
            scales += [value, 1 / value]
    for scale in scales:
        yield LogitMap(None, 1 / scale)
        if cap is not None:
            yield LogitMap(float(cap), 1 / scale)
            yield LogitMap(cap / scale, 1 / scale)  # scaled before it is capped


_SCALES = (
    "logit_scale",  # Cohere multiplies
    "logits_scaling",  # Granite divides, HyperCLOVA X multiplies
    "lm_head_multiplier",  # Falcon-H1
    "output_multiplier",  # Muse, before the cap
    "logits_mup_width_multiplier",  # Inkling divides the hidden states
)


@torch.no_grad()
def _verified(model: Any, head: Head, batch: Mapping[str, Any]) -> LogitMap:
    """Return the map that gives the model's own logits, and raise unless its loss follows."""
    said, hidden = _ask(model, head, batch)
    logits, loss = said.logits.double(), said.loss
    layer = torch.nn.functional.linear(hidden.to(head.weight.device), head.weight, head.bias)
    layer = layer.double()
    name = type(model).__name__
    if logits.shape != layer.shape:
        raise UnavailableError(
            f"{name} must return the logits of its head, {tuple(layer.shape)} for four tokens, "
            f"got {tuple(logits.shape)}",
            value=tuple(logits.shape),
        )
    # roundings are random: a norm has a third of one, and a cap makes four
    least = 4 * max(torch.finfo(head.weight.dtype).eps, torch.finfo(said.logits.dtype).eps)
    size = float(logits.norm())
    off = [(float((each(layer) - logits).norm()) / size, each) for each in _maps(model)]
    distance, best = min(off, key=lambda pair: pair[0])
    if not distance <= least:
        raise UnavailableError(
            f"{name} does something to its logits that is not known here: they are off by "
            f"{distance:.2g} of their size from those of its head, capped and scaled as its config "
            "says. Compute its loss from its logits with next_token_cross_entropy.",
            value=distance,
        )
    _check_loss(name, logits, loss)
    return best


def _check_loss(name: str, logits: Tensor, loss: Any) -> None:
    """Raise unless a loss is the mean next-token cross-entropy of logits, and nothing else."""
    target = torch.arange(logits.shape[1], device=logits.device)[1:] % logits.shape[2]
    mean = float(torch.nn.functional.cross_entropy(logits[0, :-1], target))
    found = float(loss) if isinstance(loss, Tensor) else math.nan
    # in float32 at least, of logits of any dtype
    if not abs(found - mean) <= 1e-4 * max(1.0, mean):
        raise UnavailableError(
            f"{name} must return the mean next-token cross-entropy as its loss, which is "
            f"{mean:.5g} for four tokens, got {found:.5g}. If it adds another loss, such as that "
            "of a router, switch that off in its config and add it to this one.",
            value=found,
        )


def _ask(model: Any, head: Head, batch: Mapping[str, Any]) -> tuple[Any, Tensor]:
    """Return what a model says to four tokens, and the hidden states that it saw on the way."""
    seen: list[Any] = []
    assert head.base is not None
    hook = head.base.register_forward_hook(lambda *given: seen.append(given[2]))
    device = head.weight.device
    inputs: dict[str, Any] = {}
    embeds = batch.get("inputs_embeds")
    if embeds is not None:
        first = embeds[:1].detach()
        inputs["inputs_embeds"] = first.repeat(1, 4, 1)[:, :4]
    else:
        inputs["input_ids"] = batch["input_ids"][:1].repeat(1, 4)[:, :4]
    labels = torch.arange(4, device=device)[None] % head.weight.shape[0]
    devices = [device] if device.type == "cuda" else []
    try:
        # dropout draws numbers, which are not to be missing afterwards
        with torch.random.fork_rng(devices=devices):
            said = model(**inputs, labels=labels)
    finally:
        hook.remove()
    if not seen:
        raise UnavailableError(
            f"{type(model).__name__} must make its logits from what base_model returns, but does "
            "not call it. Compute its loss from its logits with next_token_cross_entropy."
            + _fix_for(model)
        )
    return said, _hidden_of(seen[-1])
