"""The loss of transformers' causal language models, from small ones that nobody trained."""

import copy

import pytest
import torch
from torch.testing import assert_close

from xent.errors import UnavailableError, XentTypeError, XentValueError
from xent.torch import Total, _heads
from xent.torch.causal_lm import CausalLMLoss, causal_lm_loss

transformers = pytest.importorskip("transformers")

V = 97
SMALL = {
    "vocab_size": V, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8,
    "max_position_embeddings": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GPT2 = {
    "vocab_size": V, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip

# what each does to its logits, beside the layer that makes them
MODELS = {
    "Llama": ("LlamaConfig", SMALL, {}),
    "Llama, tied": ("LlamaConfig", SMALL, {"tie_word_embeddings": True}),
    "GPT-2": ("GPT2Config", GPT2, {}),
    "Gemma 2: a cap": ("Gemma2Config", SMALL, {"final_logit_softcapping": 0.5}),
    "Cohere: a scale": ("CohereConfig", SMALL, {"logit_scale": 0.25}),
    "Granite: a divisor": ("GraniteConfig", SMALL, {"logits_scaling": 8.0}),
    "Phi: a bias": ("PhiConfig", SMALL, {}),
    "MiniCPM 3: hidden states divided": ("MiniCPM3Config", SMALL, {"dim_model_base": 4}),
}


def model_of(name, dtype=torch.float64):
    config, sizes, options = MODELS[name]
    kind = getattr(transformers, config, None)
    if kind is None:
        pytest.skip(f"this transformers has no {config}")
    torch.manual_seed(5)
    model = transformers.AutoModelForCausalLM.from_config(kind(**sizes, **options)).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # norms and biases are ones and zeros at first
                parameter += 0.3 * torch.randn_like(parameter)
            else:
                parameter *= 5  # and logits all alike
    return model.eval()  # dropout would draw anew


@pytest.fixture
def batch():
    torch.manual_seed(6)
    tokens = torch.randint(3, V, (3, 9))
    attention_mask = torch.ones_like(tokens)
    attention_mask[1, 6:] = 0
    labels = torch.where(attention_mask.bool(), tokens, -100)
    labels[:, :2] = -100  # a prompt
    return {"input_ids": tokens, "attention_mask": attention_mask, "labels": labels}


def by_hand(model, batch, reduction="mean"):
    """The loss of logits that exist, in their own dtype: transformers rounds them to float32."""
    inputs = {name: each for name, each in batch.items() if name != "labels"}
    logits = model(**inputs).logits[:, :-1].flatten(0, 1)
    return torch.nn.functional.cross_entropy(
        logits, batch["labels"][:, 1:].flatten(), reduction=reduction
    )


@pytest.mark.parametrize("name", MODELS)
def test_loss_and_every_gradient_are_those_of_the_model(name, batch):
    model = model_of(name)
    loss = causal_lm_loss(model, batch)
    assert loss.dtype == torch.float64
    expected = by_hand(model, batch)
    assert_close(loss, expected, rtol=1e-13, atol=0)
    # float32 rounds a logit by 2**-24 of itself
    assert_close(loss.float(), model(**batch).loss.float(), rtol=1e-5, atol=0)
    parameters = dict(model.named_parameters())
    found = torch.autograd.grad(loss, parameters.values(), allow_unused=True)
    wanted = torch.autograd.grad(expected, parameters.values(), allow_unused=True)
    assert sum(each is not None for each in found) > 10
    for parameter, mine, theirs in zip(parameters, found, wanted, strict=True):
        assert (mine is None) == (theirs is None), parameter
        if mine is not None:
            assert_close(mine, theirs, rtol=1e-11, atol=1e-13, msg=parameter)


@pytest.mark.parametrize("name", ["Llama, tied", "Gemma 2: a cap"])
def test_float32_is_as_near_to_float64_as_transformers_is(name, batch):
    model = model_of(name, torch.float32)
    exact = by_hand(copy.deepcopy(model).double(), batch)
    plain = model(**batch).loss
    loss = causal_lm_loss(model, batch)
    assert loss.dtype == torch.float32
    # the model itself rounds, twice as much at most: the sums of its products have no order
    assert abs(loss.double() - exact) <= 2 * abs(plain.double() - exact) + 1e-6
    mine = torch.autograd.grad(loss, list(model.parameters()))
    theirs = torch.autograd.grad(plain, list(model.parameters()))
    for found, expected in zip(mine, theirs, strict=True):
        assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_a_model_in_16_bits_has_a_loss_in_32(batch):
    model = model_of("Llama", torch.bfloat16)
    loss = causal_lm_loss(model, batch)
    assert loss.dtype == torch.float32
    hidden = model.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    logits = hidden.last_hidden_state.double() @ model.lm_head.weight.double().T
    target = batch["labels"][:, 1:].flatten()
    exact = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), target)
    assert_close(loss.double(), exact, rtol=1e-5, atol=0)


def test_micro_batches_are_the_whole_batch(batch):
    model = model_of("Llama")
    parts = [
        causal_lm_loss(model, {name: each[rows] for name, each in batch.items()}, reduction="total")
        for rows in (slice(0, 2), slice(2, 3))
    ]
    total = sum(parts, Total())
    scored = int((batch["labels"][:, 1:] != -100).sum())
    assert total.count == total.weight == scored
    assert_close(total.mean(), by_hand(model, batch), rtol=1e-13, atol=0)
    # as transformers' Trainer divides
    whole = model(**batch, num_items_in_batch=torch.tensor(50)).loss
    assert_close(total.mean(over=50).float(), whole.float(), rtol=1e-5, atol=0)


def test_other_reductions_and_options(batch):
    model = model_of("GPT-2")
    rows = causal_lm_loss(model, batch, reduction="none")
    assert rows.shape == (3, 8)
    assert_close(rows.flatten(), by_hand(model, batch, "none"), rtol=1e-12, atol=1e-14)
    smoothed = causal_lm_loss(model, batch, label_smoothing=0.1, z_loss=0.01, memory="1MiB")
    assert smoothed > causal_lm_loss(model, batch)
    shifted = torch.nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=-100)
    alone = {name: each for name, each in batch.items() if name != "labels"}
    assert_close(
        causal_lm_loss(model, {**alone, "shift_labels": shifted}),
        causal_lm_loss(model, batch),
        rtol=1e-14, atol=0,
    )  # fmt: skip


def test_embeddings_may_go_in_instead_of_tokens(batch):
    model = model_of("Llama")
    embedded = {
        "inputs_embeds": model.get_input_embeddings()(batch["input_ids"]),
        "attention_mask": batch["attention_mask"],
        "labels": batch["labels"],
    }
    expected = by_hand(model, batch)
    assert_close(causal_lm_loss(model, embedded), expected, rtol=1e-13, atol=0)
    assert_close(causal_lm_loss(model, batch), expected, rtol=1e-13, atol=0)


def test_the_logits_are_never_whole(batch):
    model = model_of("Llama")
    causal_lm_loss(model, batch)  # once, with four tokens

    def refuse(*_):
        raise AssertionError("the head was called")

    hook = model.lm_head.register_forward_pre_hook(refuse)
    causal_lm_loss(model, batch).backward()
    hook.remove()


def test_nothing_is_kept_for_generating(batch):
    model, kept = model_of("Llama"), []
    model.model.register_forward_hook(lambda *given: kept.append(given[2].past_key_values))
    causal_lm_loss(model, batch)
    assert kept[-1] is None
    causal_lm_loss(model, {**batch, "use_cache": True})
    assert kept[-1] is not None


def test_a_module_for_what_wraps_modules(batch):
    model = model_of("Llama")
    step = CausalLMLoss(model, reduction="total")
    assert_close(step(batch).mean(), by_hand(model, batch), rtol=1e-13, atol=0)
    assert {id(p) for p in step.parameters()} == {id(p) for p in model.parameters()}


def test_looking_at_a_model_leaves_no_trace(batch):
    model = model_of("GPT-2").train()
    assert model.config.resid_pdrop > 0
    state = torch.random.get_rng_state()
    _heads.head_of(model, batch)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not model.transformer._forward_hooks
    assert all(p.grad is None for p in model.parameters())


class Scaled(transformers.LlamaForCausalLM):
    """Logits that are scaled, then capped, then widened."""

    def forward(self, *args, labels=None, **kwargs):
        out = super().forward(*args, **kwargs)
        cap = self.config.final_logit_softcapping
        out.logits = (cap * torch.tanh(0.5 * out.logits / cap)).float()
        if labels is not None:
            scores, target = out.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
            out.loss = torch.nn.functional.cross_entropy(scores, target)
        return out


@pytest.mark.parametrize("casts", [False, True])
def test_logits_may_be_scaled_before_they_are_capped(batch, casts):
    config = transformers.LlamaConfig(**SMALL, output_multiplier=0.5, final_logit_softcapping=0.1)
    torch.manual_seed(5)
    model = Scaled(config)
    with torch.autocast("cpu", torch.bfloat16, enabled=casts):
        loss = causal_lm_loss(model, batch)
        theirs = model(**batch).loss
    # bfloat16 rounds a logit of at most 0.1 by 2**-9 of itself
    assert_close(loss, theirs, rtol=0, atol=0.2 * 2**-9 if casts else 1e-6)


# What is refused ----------------------------------------------------------------------------


def test_a_model_that_changes_its_logits_in_other_ways_is_refused(batch):
    class Odd(transformers.LlamaForCausalLM):
        def forward(self, *args, **kwargs):
            out = super().forward(*args, **kwargs)
            out.logits = out.logits * 1.5
            return out

    model = Odd(transformers.LlamaConfig(**SMALL))
    with pytest.raises(UnavailableError, match=r"Odd does something to its logits .* off by 0.33"):
        causal_lm_loss(model, batch)


def test_a_model_that_adds_to_its_loss_is_refused(batch):
    config = transformers.MixtralConfig(
        **SMALL, num_local_experts=2, num_experts_per_tok=1, output_router_logits=True,
        router_aux_loss_coef=1.0,
    )  # fmt: skip
    model = transformers.MixtralForCausalLM(config)
    with pytest.raises(UnavailableError, match=r"that of a router, switch that off"):
        causal_lm_loss(model, batch)
    model.config.output_router_logits = False
    assert causal_lm_loss(model, batch) > 0


def test_a_model_that_goes_another_way_is_refused(batch):
    config = transformers.BartConfig(
        vocab_size=V, d_model=16, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=16,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    with pytest.raises(UnavailableError, match="must make its logits from what base_model"):
        causal_lm_loss(transformers.BartForCausalLM(config), batch)


class Adapted(torch.nn.Linear):
    """A layer with an adapter that has learnt nothing yet."""

    def forward(self, x):
        return super().forward(x) + 0 * x.sum()


def test_a_head_with_an_adapter_is_refused_before_it_has_learnt(batch):
    model = model_of("Llama")
    model.set_output_embeddings(Adapted(16, V, bias=False).double())
    with pytest.raises(UnavailableError, match=r"must be a torch\.nn\.Linear .* got .*Adapted"):
        causal_lm_loss(model, batch)
    model = model_of("Llama")
    model.lm_head.forward = lambda x: x @ model.lm_head.weight.T
    with pytest.raises(UnavailableError, match=r"must be a torch\.nn\.Linear and no more"):
        causal_lm_loss(model, batch)


def test_a_config_that_changes_is_read_again(batch):
    model = model_of("Gemma 2: a cap")
    capped = causal_lm_loss(model, batch)
    model.config.final_logit_softcapping = 2.0
    assert_close(causal_lm_loss(model, batch), by_hand(model, batch), rtol=1e-13, atol=0)
    assert causal_lm_loss(model, batch) != capped


def test_autocast_has_the_head_in_its_dtype(batch):
    model = model_of("Llama", torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = causal_lm_loss(model, batch)
        hidden = model.model(batch["input_ids"], batch["attention_mask"]).last_hidden_state
    assert loss.dtype == torch.float32
    head = model.lm_head.weight.bfloat16().double()
    logits = (hidden.bfloat16().double() @ head.T)[:, :-1].flatten(0, 1)
    exact = torch.nn.functional.cross_entropy(logits, batch["labels"][:, 1:].flatten())
    assert_close(loss.double(), exact, rtol=1e-5, atol=0)


# torch's compiler looks at the gradient of what comes back
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_compiled_base_is_used(batch):
    model = model_of("Llama")
    expected = causal_lm_loss(model, batch)
    calls = []

    def backend(graph, _):
        calls.append(graph)
        return graph.forward

    model.model.compile(backend=backend)
    assert_close(causal_lm_loss(model, batch), expected, rtol=1e-13, atol=0)
    assert calls


def test_another_head_is_looked_at_again(batch):
    model = model_of("Llama")
    causal_lm_loss(model, batch)
    model.set_output_embeddings(torch.nn.Linear(16, V, bias=True).double())
    assert_close(causal_lm_loss(model, batch), by_hand(model, batch), rtol=1e-13, atol=0)


def test_what_is_wrong_is_said(batch):
    model = model_of("Llama")
    with pytest.raises(XentValueError, match=r"batch must hold labels.*got input_ids"):
        causal_lm_loss(model, {"input_ids": batch["input_ids"]})
    with pytest.raises(XentValueError, match=r"num_items_in_batch.*mean\(over="):
        causal_lm_loss(model, {**batch, "num_items_in_batch": 3})
    with pytest.raises(XentValueError, match=r"D14: labels must have one entry .* \(3, 9\)"):
        causal_lm_loss(model, {**batch, "labels": batch["labels"][:, 1:]})
    with pytest.raises(XentTypeError, match="D16: labels must be a Tensor of integers"):
        causal_lm_loss(model, {**batch, "labels": batch["labels"].float()})
    shifted = torch.nn.functional.pad(batch["input_ids"][:, 1:], (0, 1), value=-100)
    with pytest.raises(XentValueError, match="D22"):
        causal_lm_loss(model, {**batch, "labels": shifted})
    with pytest.raises(XentTypeError, match=r"model must be a causal language model.*LlamaModel"):
        causal_lm_loss(model.model, batch)
    with pytest.raises(XentTypeError, match=r"Pass model\.module, or wrap a CausalLMLoss"):
        causal_lm_loss(torch.nn.DataParallel(model), batch)
