"""A log loss that is a number with a cause is told, and one beside it is not."""

import math
import warnings

import numpy as np
import pytest

from xent.errors import MisuseWarning
from xent.evaluation import evaluate

ROWS = 400
RNG = np.random.default_rng(3)


def hints(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MisuseWarning)
        return evaluate(*arguments, **options).hints


def with_loss(loss, classes, target):
    """Probabilities of many sizes for the truth, whose mean loss is `loss`."""
    nll = RNG.uniform(0.5, 1.5, len(target))
    nll += loss - nll.mean()
    truth = np.exp(-nll)
    rest = RNG.dirichlet(np.ones(classes - 1), len(target)) * (1 - truth)[:, None]
    p = np.zeros((len(target), classes))
    others = np.ones_like(p, dtype=bool)
    others[np.arange(len(target)), target] = False
    p[others] = rest.ravel()
    p[~others] = truth
    return p


def known(found):
    return [h.found for h in found if h.code == "D13"]


TARGET = np.repeat([0, 1, 2, 3, 4, 4, 4, 4, 4, 4], ROWS // 10)
ENTROPY = -4 * 0.1 * math.log(0.1) - 0.6 * math.log(0.6)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (math.log(5), "ln 5 to four digits: uniform guessing among 5 classes"),
        (math.log(2), "ln 2 to four digits: a coin flip"),
        (2 * math.log(2), "2 ln 2 to four digits: a GAN's discriminator"),
        (ENTROPY, "the entropy of the labels to four digits: what always saying the class"),
        (math.log(1 + 4 / math.e), "(softmax applied twice)"),
    ],
)
def test_a_loss_with_a_cause(loss, words):
    p = with_loss(loss, 5, TARGET)
    (found,) = known(hints((TARGET, p)))
    assert found.startswith(f"the log loss is {loss:.4g} nats, ")
    assert words in found
    # three in ten thousand beside it is nothing
    for other in (loss * 1.0003, loss * 0.9997):
        assert known(hints((TARGET, with_loss(other, 5, TARGET)))) == []
    # a unit changes what is shown, not what the value is
    assert known(hints((TARGET, p), unit="bit")) == [found]


def test_equal_classes():
    target = np.arange(ROWS) % 5
    (found,) = known(hints((target, with_loss(math.log(5), 5, target))))
    assert "ln 5 to four digits: what always saying the class frequencies loses, which are" in found


def test_labels_have_two_outcomes():
    truth = RNG.integers(2, size=(ROWS, 3))
    p = 0.5 + 1e-3 * RNG.normal(size=(ROWS, 3)) * np.where(RNG.random((ROWS, 3)) < 0.5, 1, -1)
    (found,) = known(hints(labels=truth, probs=p, task="multi"))
    assert "nats, ln 2 to four digits" in found or "the entropy of the labels" in found


@pytest.mark.parametrize("vocabulary", [32_000, 50_257, 128_256])
def test_an_untrained_language_model(vocabulary):
    nll = math.log(vocabulary) + 0.02 * RNG.normal(size=ROWS)
    nll += math.log(vocabulary) - nll.mean()
    (found,) = known(hints(log_probs=-nll))
    assert f"ln {vocabulary} to four digits: uniform guessing among {vocabulary:,}" in found


@pytest.mark.parametrize("loss", [math.log(2), math.log(10), math.log(20)])
def test_the_ordinary_loss_of_a_language_model_has_no_cause(loss):
    nll = RNG.gamma(1.0, size=ROWS)
    assert hints(log_probs=-nll * loss / nll.mean()) == ()


def test_silence_where_another_hint_says_why_or_rows_are_few():
    found = hints((TARGET, np.full((ROWS, 5), 0.2)))
    assert [h.code for h in found] == ["D12"]
    few = TARGET[::10]
    assert known(hints((few, with_loss(math.log(5), 5, few)))) == []
    sure = np.eye(5)[TARGET]
    assert hints((TARGET, sure)) == ()
