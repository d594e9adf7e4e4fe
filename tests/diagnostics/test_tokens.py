"""D22 and D23: labels of language models."""

import warnings

import numpy as np
import pytest

from xent.diagnostics.tokens import check_shift, end_never_learnt
from xent.errors import MisuseWarning, XentValueError

IGNORED = -100


@pytest.fixture
def tokens(rng):
    return rng.integers(3, 500, size=(4, 64))


def shifted(tokens):
    labels = np.full_like(tokens, IGNORED)
    labels[:, :-1] = tokens[:, 1:]
    return labels


def with_prompt(labels):
    labels = labels.copy()
    labels[:, :40] = IGNORED
    return labels


@pytest.mark.parametrize("masked", [lambda labels: labels, with_prompt])
def test_labels_that_stand_where_the_loss_takes_them_from(tokens, masked):
    check_shift(tokens, masked(tokens), shifts=True, ignore_index=IGNORED)
    check_shift(tokens, masked(shifted(tokens)), shifts=False, ignore_index=IGNORED)


@pytest.mark.parametrize("masked", [lambda labels: labels, with_prompt])
def test_labels_shifted_twice(tokens, masked):
    labels = masked(shifted(tokens))
    with pytest.raises(XentValueError, match=r"D22: labels already .*100 %.*token after the next"):
        check_shift(tokens, labels, shifts=True, ignore_index=IGNORED)


@pytest.mark.parametrize("masked", [lambda labels: labels, with_prompt])
def test_labels_shifted_twice_before_a_loss_that_does_not_shift(tokens, masked):
    labels = masked(shifted(shifted(tokens)))
    with pytest.raises(XentValueError, match="D22: labels are the tokens two places on"):
        check_shift(tokens, labels, shifts=False, ignore_index=IGNORED)


@pytest.mark.parametrize("masked", [lambda labels: labels, with_prompt])
def test_labels_not_shifted_at_all(tokens, masked):
    with pytest.raises(XentValueError, match=r"D22: labels equal the tokens .*copy its input"):
        check_shift(tokens, masked(tokens), shifts=False, ignore_index=IGNORED)


def test_a_few_labels_may_differ_and_no_hundred_percent_is_claimed(rng):
    tokens = rng.integers(3, 500, size=(40, 100))
    labels = tokens.copy()
    labels[0, 0] += 1
    with pytest.raises(XentValueError, match=r"over 99\.9 % of 4,000"):
        check_shift(tokens, labels, shifts=False)


@pytest.mark.parametrize("shifts", [True, False])
def test_what_is_neither_or_both_is_let_pass(rng, tokens, shifts):
    check_shift(tokens, rng.integers(3, 500, size=tokens.shape), shifts=shifts)
    check_shift(np.full((4, 64), 7), np.full((4, 64), 7), shifts=shifts)
    # a masked language model: the labels that count are what the input hides
    masked = np.where(rng.random(tokens.shape) < 0.15, 2, tokens)
    labels = np.where(masked == 2, tokens, IGNORED)
    check_shift(masked, labels, shifts=shifts, ignore_index=IGNORED)


@pytest.mark.parametrize("shifts", [True, False])
def test_a_handful_of_labels_proves_nothing(shifts):
    tokens = np.arange(15)[None]
    check_shift(tokens, tokens, shifts=shifts)
    check_shift(tokens, shifted(tokens), shifts=shifts, ignore_index=IGNORED)


# The end of a text ------------------------------------------------------------

END = 2


@pytest.fixture
def padded(tokens):
    """Texts of 50 tokens that end, and padding of the token that ends them."""
    tokens[:, 49:] = END
    return tokens


@pytest.mark.parametrize("shifts", [True, False])
def test_an_end_that_is_masked_with_the_padding(padded, shifts):
    labels = np.where(padded == END, IGNORED, padded)
    labels = labels if shifts else shifted(labels)
    with pytest.warns(MisuseWarning, match="D23: token 2, .*never learns to stop") as caught:
        end_never_learnt(padded, labels, end=END, ignore_index=IGNORED, shifts=shifts)
    assert caught[0].message.value == 4 * 15
    assert caught[0].message.index == ((0, 49) if shifts else (0, 48))


@pytest.mark.parametrize("shifts", [True, False])
@pytest.mark.parametrize("end", [END, 501])
def test_an_end_that_is_learnt_or_does_not_occur(padded, shifts, end):
    labels = np.where(padded == END, IGNORED, padded)
    labels[:, 49] = END
    labels = labels if shifts else shifted(labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        end_never_learnt(padded, labels, end=end, ignore_index=IGNORED, shifts=shifts)
