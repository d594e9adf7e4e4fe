"""`xent.audit` of what a training loop holds: tensors, tokens, and losses so far."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import xent
from xent.torch.functional import cross_entropy

ROWS, CLASSES = 1200, 10


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def target():
    return torch.randint(CLASSES, (ROWS,))


@pytest.fixture
def logits(target):
    sure = 2.0 * torch.nn.functional.one_hot(target, CLASSES)
    return (torch.randn(ROWS, CLASSES) + sure).requires_grad_()


def codes(page):
    return [(finding.severity, finding.code) for finding in page.findings]


# Tensors ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x * 1,  # no leaf, but part of a graph
        lambda x: x.T.contiguous().T,
        lambda x: torch.cat([x, x], 1)[:, :CLASSES],
        lambda x: torch.nn.Parameter(x.detach()),
        lambda x: x.double(),
    ],
)
def test_a_tensor_is_audited_as_its_array(logits, target, change):
    page = xent.audit(change(logits), target)
    assert page.findings == ()
    assert page.mean == pytest.approx(cross_entropy(logits.double(), target).item(), rel=1e-6)
    assert logits.requires_grad
    assert f"{ROWS:,} rows, {CLASSES} classes" in str(page)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_a_note_with_its_name(logits, target, dtype):
    page = xent.audit(logits.to(dtype), target)
    assert codes(page) == [("note", "D18")]
    assert str(dtype).removeprefix("torch.") in page.findings[0].message
    assert page.mean == pytest.approx(xent.audit(logits, target).mean, rel=2e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_probabilities_are_judged_by_the_dtype_that_they_had(logits, target, dtype):
    probs = logits.softmax(-1).to(dtype)
    assert xent.audit(probs, target, loss="categorical_cross_entropy").findings == ()
    as_logits = xent.audit(probs, target, loss="softmax_cross_entropy")
    assert ("warning", "D04") in codes(as_logits)
    soft = xent.audit(logits, probs, loss="softmax_cross_entropy")
    assert soft.findings == ()
    spoiled = probs.clone()
    spoiled[7] *= 1.05
    page = xent.audit(spoiled, target, loss="categorical_cross_entropy")
    assert codes(page) == [("error", "D07")]
    assert "1 of 1,200 rows" in page.findings[0].message
    assert codes(xent.audit(logits, spoiled, loss="softmax_cross_entropy")) == [("error", "D08")]


def test_images_have_their_classes_on_axis_1(logits, target):
    images = logits.view(3, 20, 20, CLASSES).movedim(-1, 1)
    page = xent.audit(images, target.view(3, 20, 20), axis=1)
    assert page.mean == pytest.approx(xent.audit(logits, target).mean, rel=1e-12)


def test_weights_may_be_tensors(logits):
    one = torch.full((ROWS,), 3)
    page = xent.audit(logits, one, weight=torch.ones(CLASSES, requires_grad=True))
    assert ("note", "D20") in codes(page)


def test_errors_of_tensors_are_findings(logits, target):
    assert codes(xent.audit(logits, target + 1)) == [("error", "D01")]
    assert codes(xent.audit(logits * math.nan, target)) == [("error", "D07")]


def test_few_targets_that_count_are_a_note(logits, target):
    target[5:] = -100
    page = xent.audit(logits, target, ignore_index=-100)
    assert codes(page) == [("note", "D03")]
    assert "under 1 % of the targets count here (5 of 1,200)" in page.findings[0].message


def test_auditing_arrays_does_not_import_torch():
    program = (
        "import sys, numpy as np, xent; xent.audit(np.eye(3), np.arange(3), losses=[]);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)


# Tokens -----------------------------------------------------------------------


@pytest.fixture
def text():
    return torch.randint(3, 50, (8, 40))


def model_output(tokens):
    return torch.randn(*tokens.shape, 50)


def shifted(tokens):
    return torch.nn.functional.pad(tokens[:, 1:], (0, 1), value=-100)


def audit_tokens(labels, tokens, **options):
    return xent.audit(
        model_output(tokens), labels, tokens=tokens, ignore_index=-100, **options
    )  # fmt: skip


def test_labels_that_are_shifted_once(text):
    assert codes(audit_tokens(shifted(text), text)) == []
    cut = xent.audit(model_output(text)[:, :-1], text[:, 1:], tokens=text[:, :-1])
    assert cut.findings == ()


@pytest.mark.parametrize("times", [0, 2])
def test_labels_that_are_not(text, times):
    labels = text
    for _ in range(times):
        labels = shifted(labels)
    page = audit_tokens(labels, text)
    assert codes(page) == [("error", "D22")]
    assert page.mean is not None  # the rest of the page stands


def test_an_end_that_is_masked(text):
    text[:, 30:] = 2
    labels = shifted(text.masked_fill(text == 2, -100))
    assert codes(audit_tokens(labels, text, end_token=2)) == [("warning", "D23")]
    assert codes(audit_tokens(shifted(text), text, end_token=2)) == []


def test_tokens_of_another_shape(text):
    page = xent.audit(model_output(text), text, tokens=text[:, 1:])
    assert ("error", "D15") in codes(page)


# Losses so far ----------------------------------------------------------------


def test_an_untrained_model(target):
    small, large = torch.randn(ROWS, CLASSES), 10 * torch.randn(ROWS, CLASSES)
    assert codes(xent.audit(small, target, losses=())) == []
    assert codes(xent.audit(large, target, losses=())) == [("warning", "D11")]
    assert codes(xent.audit(large, target)) == []
    began = xent.audit(small, target, losses=[20.0, 2.0])
    assert codes(began) == [("warning", "D11")]


def test_a_run_that_learns_nothing(logits, target):
    rng = np.random.default_rng(0)
    losses = [torch.tensor(x) for x in 2.302 + 0.01 * rng.standard_normal(400)]
    page = xent.audit(logits, target, losses=losses)
    assert codes(page) == [("warning", "D12"), ("note", "D13")]
    assert "ln 10" in page.findings[1].message


def test_a_double_softmax_shows_in_the_losses_alone(logits, target):
    floor = math.log(1 + 9 / math.e)
    losses = np.r_[
        np.linspace(2.3, floor, 300), floor + 1e-3 * np.random.default_rng(0).random(300)
    ]
    page = xent.audit(logits, target, losses=losses)
    assert codes(page) == [("note", "D13")]
    assert "softmax applied twice" in page.findings[0].message
