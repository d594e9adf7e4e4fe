"""What `xent.torch` exports, that it is documented, and that signatures begin as torch's do."""

import inspect
import re

import pytest
import torch

import xent.torch
from xent.torch import adversarial, causal_lm, functional, modules, parallel

FUNCTIONS = {
    functional: {
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cross_entropy",
        "cross_entropy_with_stats",
        "distillation_loss",
        "kl_div",
        "linear_cross_entropy",
        "linear_kl_divergence",
        "linear_sigmoid_cross_entropy",
        "linear_softmax_cross_entropy",
        "linear_softmax_cross_entropy_with_stats",
        "mse_loss",
        "next_token_cross_entropy",
        "nll_loss",
        "softmax_entropy",
        "token_cross_entropy",
    },
    adversarial: {"discriminator_loss", "generator_loss"},
    causal_lm: {"causal_lm_loss"},
    parallel: {"vocab_parallel_cross_entropy", "vocab_parallel_linear_softmax_cross_entropy"},
    xent.torch: {"check_partition_invariance"},
}
CLASSES = {
    functional: {"CrossEntropyStats", "LinearCrossEntropyStats"},
    modules: {
        "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "KLDivLoss", "LinearCrossEntropyLoss",
        "MSELoss", "NLLLoss",
    },
    adversarial: set(),
    causal_lm: {"CausalLMLoss"},
    parallel: set(),
}  # fmt: skip
DROP_INS = sorted(FUNCTIONS[functional] & set(dir(torch.nn.functional)))


def test_the_exported_names():
    for room in CLASSES:
        expected = FUNCTIONS.get(room, set()) | CLASSES[room]
        assert set(room.__all__) == expected
    assert set(xent.torch.__all__) == (
        {"Total", "adversarial", "check_partition_invariance", "functional"} | CLASSES[modules]
    )


@pytest.mark.parametrize(
    "function",
    [getattr(room, name) for room, names in FUNCTIONS.items() for name in sorted(names)],
    ids=lambda function: function.__name__,
)
def test_every_function_is_documented(function):
    doc = inspect.getdoc(function)
    assert re.match(r"(?:.+\n?)+?.*\.\n", doc), "it does not start with a sentence"
    for heading in ("Parameters", "Returns", "See Also", "Examples"):
        assert f"\n{heading}\n---" in doc, heading
    assert ">>> " in doc
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"\b{parameter}\b", doc), parameter


def test_the_drop_ins_are_all_there():
    assert DROP_INS == [
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "kl_div",
        "linear_cross_entropy", "mse_loss", "nll_loss",
    ]  # fmt: skip


@pytest.mark.parametrize("name", DROP_INS)
def test_a_signature_begins_as_torchs_and_the_rest_are_keywords(name):
    theirs = inspect.signature(getattr(torch.nn.functional, name)).parameters
    ours = inspect.signature(getattr(functional, name)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for parameter in theirs:
        assert ours[parameter].default == theirs[parameter].default
    for parameter in list(ours.values())[len(theirs) :]:
        assert parameter.kind is parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", sorted(CLASSES[modules]))
def test_a_module_is_one_of_torchs(name):
    ours, theirs = getattr(modules, name), getattr(torch.nn, name)
    assert issubclass(ours, theirs)
    first = list(inspect.signature(theirs).parameters)
    assert list(inspect.signature(ours).parameters)[: len(first)] == first
    assert inspect.getdoc(ours)
