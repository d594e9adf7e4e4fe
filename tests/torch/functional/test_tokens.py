"""The losses of language models: each next token, or each position's own label."""

import pytest
import torch
from torch.nn import functional

from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.torch import Total
from xent.torch._ops.cpu_softmax import adjacent
from xent.torch.functional import next_token_cross_entropy, token_cross_entropy

BATCH, LENGTH, VOCABULARY = 3, 20, 11


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def logits():
    shape = BATCH, LENGTH, VOCABULARY
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def tokens():
    return torch.randint(VOCABULARY, (BATCH, LENGTH))


def by_torch(logits, labels, **options):
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), **options)


def assert_same(found, expected, logits):
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)
    gradients = [
        torch.autograd.grad(loss.sum(), logits, retain_graph=True)[0] for loss in (found, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-13, atol=1e-15)


# Values -----------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
def test_each_next_token_is_what_shifting_by_hand_gives(logits, tokens, reduction, options):
    options = {"reduction": reduction, **options}
    expected = by_torch(logits[:, :-1], tokens[:, 1:], **options)
    assert_same(next_token_cross_entropy(logits, tokens, **options), expected, logits)
    labels = torch.full_like(tokens, -100)
    labels[:, :-1] = tokens[:, 1:]
    assert_same(token_cross_entropy(logits, labels, **options), expected, logits)


def test_rows_have_the_shape_of_what_is_predicted(logits, tokens):
    rows = next_token_cross_entropy(logits, tokens, reduction="none")
    expected = by_torch(logits[:, :-1], tokens[:, 1:], reduction="none")
    assert_same(rows, expected.view(BATCH, LENGTH - 1), logits)
    own = token_cross_entropy(logits, tokens, reduction="none")
    assert_same(own, by_torch(logits, tokens, reduction="none").view(BATCH, LENGTH), logits)


def test_labels_say_which_tokens_are_scored(logits, tokens):
    labels = tokens.clone()
    labels[:, :7] = -100
    labels[0, 15:] = -100
    expected = by_torch(logits[:, :-1], labels[:, 1:])
    assert_same(next_token_cross_entropy(logits, tokens, labels=labels), expected, logits)
    assert_same(next_token_cross_entropy(logits, labels), expected, logits)
    total = next_token_cross_entropy(logits, tokens, labels=labels, reduction="total")
    assert type(total) is Total
    assert total.count == (labels[:, 1:] != -100).sum()


def test_weights_belong_to_the_token_that_is_asked_for(logits, tokens):
    weight = torch.rand(BATCH, LENGTH, dtype=torch.float64)
    rows = by_torch(logits[:, :-1], tokens[:, 1:], reduction="none").view(BATCH, -1)
    expected = (rows * weight[:, 1:]).sum() / weight[:, 1:].sum()
    assert_same(next_token_cross_entropy(logits, tokens, sample_weight=weight), expected, logits)
    rows = by_torch(logits, tokens, reduction="none").view(BATCH, -1)
    expected = (rows * weight).sum() / weight.sum()
    assert_same(token_cross_entropy(logits, tokens, sample_weight=weight), expected, logits)


@pytest.mark.parametrize("loss_fn", [next_token_cross_entropy, token_cross_entropy])
def test_options_are_handed_on(logits, tokens, loss_fn):
    mask = torch.ones(VOCABULARY, dtype=torch.bool)
    mask[0] = False
    tokens = tokens.clamp(1)
    found = loss_fn(
        logits, tokens, softcap=3.0, temperature=2.0, z_loss=0.1, class_mask=mask, reduction="sum"
    )
    own = loss_fn is token_cross_entropy
    x, labels = (logits, tokens) if own else (logits[:, :-1], tokens[:, 1:])
    x = 3 * torch.tanh(x / 3) / 2
    x = x.masked_fill(~mask, -torch.inf)
    expected = by_torch(x, labels, reduction="sum") + 0.1 * x.logsumexp(-1).square().sum()
    assert_same(found, expected, logits)
    each = mask.expand(BATCH, LENGTH, VOCABULARY)
    again = loss_fn(logits, tokens, class_mask=each)
    torch.testing.assert_close(again, loss_fn(logits, tokens, class_mask=mask))


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16])
def test_tokens_of_any_integer_dtype(logits, tokens, dtype):
    found = next_token_cross_entropy(logits, tokens.to(dtype))
    torch.testing.assert_close(found, next_token_cross_entropy(logits, tokens))


@pytest.mark.parametrize("shape", [(LENGTH,), (2, BATCH, LENGTH)])
def test_without_a_batch_axis_and_with_two(shape):
    logits = torch.randn(*shape, VOCABULARY, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(VOCABULARY, shape)
    rows = next_token_cross_entropy(logits, tokens, reduction="none")
    assert rows.shape == (*shape[:-1], LENGTH - 1)
    expected = functional.cross_entropy(
        logits[..., :-1, :].reshape(-1, VOCABULARY), tokens[..., 1:].reshape(-1)
    )
    assert_same(next_token_cross_entropy(logits, tokens), expected, logits)


def test_one_token_has_no_next_one():
    logits = torch.zeros(2, 1, 5, requires_grad=True)
    loss = next_token_cross_entropy(logits, torch.zeros(2, 1, dtype=torch.int64))
    assert torch.isnan(loss)
    loss.backward()
    assert not logits.grad.any()
    with pytest.raises(XentValueError, match="D02"):
        next_token_cross_entropy(logits, torch.zeros(2, 1, dtype=torch.int64), on_empty="raise")


@pytest.mark.parametrize("loss_fn", [next_token_cross_entropy, token_cross_entropy])
def test_it_compiles_as_one_graph(logits, tokens, loss_fn):
    compiled = torch.compile(
        lambda x, y: loss_fn(x, y, tokens=y) if loss_fn is token_cross_entropy else loss_fn(x, y),
        fullgraph=True,
        backend="aot_eager",
    )
    assert_same(compiled(logits, tokens), loss_fn(logits, tokens), logits)


@pytest.mark.parametrize("loss_fn", [next_token_cross_entropy, token_cross_entropy])
def test_the_logits_are_not_copied(monkeypatch, logits, tokens, loss_fn):
    seen = []

    def remember(input, *args, **options):
        seen.append(adjacent(input, 1)[0])
        return real(input, *args, **options)

    real = loss_fn.__globals__["cross_entropy"]
    monkeypatch.setitem(loss_fn.__globals__, "cross_entropy", remember)
    loss_fn(logits, tokens)
    assert seen[0].data_ptr() == logits.data_ptr()
    assert seen[0].shape == logits.shape


# Misuse -----------------------------------------------------------------------


@pytest.fixture
def text():
    return torch.randint(3, VOCABULARY, (BATCH, LENGTH))


def shifted(tokens):
    return functional.pad(tokens[:, 1:], (0, 1), value=-100)


def test_labels_that_are_shifted_already(logits, text):
    with pytest.raises(XentValueError, match=r"D22: labels already.*token_cross_entropy") as caught:
        next_token_cross_entropy(logits, text, labels=shifted(text))
    assert caught.value.code == "D22"
    token_cross_entropy(logits, shifted(text), tokens=text)


def test_labels_that_equal_the_tokens(logits, text):
    with pytest.raises(XentValueError, match=r"D22: labels equal .*next_token_cross_entropy"):
        token_cross_entropy(logits, text, tokens=text)
    next_token_cross_entropy(logits, text, labels=text)


def test_an_end_that_is_never_asked_for(logits, text):
    text[:, 15:] = 2
    labels = text.masked_fill(text == 2, -100)
    with pytest.warns(MisuseWarning, match="D23: token 2"):
        next_token_cross_entropy(logits, text, labels=labels, end_token=2)
    with pytest.warns(MisuseWarning, match="D23: token 2"):
        token_cross_entropy(logits, shifted(labels), tokens=text, end_token=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, y: next_token_cross_entropy(x[:, :-1], y),
            r"D14: tokens must .*\(3, 19\), got \(3, 20\)\. The last logits are cut off already: "
            r"use token_cross_entropy\(logits, tokens\[\.\.\., 1:\]\)",
        ),
        (
            lambda x, y: token_cross_entropy(x.movedim(-1, 1), y),
            r"D14: labels must .*\(3, 11\), got \(3, 20\)\. If the classes are on axis 1",
        ),
        (
            lambda x, y: token_cross_entropy(x, y[:, :-1]),
            r"D14: labels must have the shape of logits without its last axis.*got \(3, 19\)\.$",
        ),
        (
            lambda x, y: next_token_cross_entropy(x, y, labels=y[:, 1:]),
            r"D14: labels must have one entry for each token, \(3, 20\), got \(3, 19\)",
        ),
        (
            lambda x, y: token_cross_entropy(x, y, sample_weight=torch.ones(3)),
            "sample_weight",
        ),
        (
            lambda x, y: token_cross_entropy(x, y + VOCABULARY),
            r"D01: .*target\[0, 0\]",
        ),
    ],
)
def test_shapes_and_ranges(logits, tokens, call, message):
    with pytest.raises(XentValueError, match=message):
        call(logits, tokens)


def test_types(logits, tokens):
    with pytest.raises(XentTypeError, match=r"D16: labels must hold integers, got torch\.float32"):
        token_cross_entropy(logits, tokens.float())
    with pytest.raises(XentTypeError, match="logits must hold float32"):
        token_cross_entropy(logits.long(), tokens)
    with pytest.raises(XentTypeError, match="tokens must be a Tensor, got ndarray"):
        next_token_cross_entropy(logits, tokens.numpy())
