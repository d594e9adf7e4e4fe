"""Chapter 5, one label: its numbers are the article's, and right to the last places."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.learn.pictures.animals import CLASSES
from xent.learn.pictures.labels import one_label, one_label_batch
from xent.learn.pictures.one_label import code_of

CAT, FROG, MOUSE = 0, 1, 2

mp = mpmath.mp.clone()
mp.dps = 50

# softmax and loss are within 4 ulp; the doubles that are compared have one rounding more
NEARLY = 5 * np.finfo(float).eps


def exactly(logits, truth):
    """Probabilities, losses and gradient of one row, in 50 digits."""
    e = [mp.exp(mp.mpf(z)) for z in logits]
    q = [x / sum(e) for x in e]
    losses = [-mp.log(x) for x in q]
    return q, losses, [x - (j == truth) for j, x in enumerate(q)]


def test_the_article_s_picture_of_a_frog():
    picture = one_label([math.log(3), math.log(6), 0.0], FROG)
    assert_allclose(picture.probs, [0.3, 0.6, 0.1], rtol=NEARLY)
    # the logits are rounded too
    assert_allclose(picture.loss, -math.log(0.6), rtol=2 * NEARLY)
    assert_allclose(picture.gradient, [0.3, 0.6 - 1, 0.1], rtol=2 * NEARLY)


@pytest.mark.parametrize("truth", [CAT, FROG, MOUSE])
@pytest.mark.parametrize("logits", [[0.4, -1.3, 2.0], [10.0, -10.0, 3.5], [0.0, 0.0, 0.0]], ids=str)
def test_every_number_is_that_of_50_digits(logits, truth):
    picture = one_label(logits, truth)
    q, losses, gradient = exactly(logits, truth)
    assert_allclose(picture.probs, np.array(q, float), rtol=NEARLY)
    assert_allclose(picture.losses, np.array(losses, float), rtol=NEARLY)
    assert_allclose(picture.loss, float(losses[truth]), rtol=NEARLY)
    assert_allclose(picture.gradient, np.array(gradient, float), rtol=NEARLY)


def test_what_it_costs_is_the_loss_of_the_true_class_and_of_no_other():
    for truth in (CAT, FROG, MOUSE):
        picture = one_label([1.5, -0.5, 0.25], truth)
        assert picture.loss == picture.losses[truth]


def test_a_constant_on_all_logits_changes_nothing():
    here, there = one_label([1.5, -0.5, 0.25], CAT), one_label([6.5, 4.5, 5.25], CAT)
    assert here.probs == there.probs
    assert here.loss == there.loss


def test_the_batch_is_the_mean_of_its_pictures():
    probs = np.array([[0.3, 0.6, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    batch = one_label_batch(np.log(probs), [FROG, CAT, MOUSE])
    by_hand = -(math.log(0.6) + math.log(0.5) + math.log(0.8))
    assert_allclose(batch.total, by_hand, rtol=2 * NEARLY)
    assert_allclose(batch.mean, by_hand / 3, rtol=2 * NEARLY)
    assert_allclose([p.loss for p in batch.pictures], -np.log([0.6, 0.5, 0.8]), rtol=2 * NEARLY)
    assert_allclose(batch.geometric_mean_probability, 0.24 ** (1 / 3), rtol=2 * NEARLY)


def test_a_batch_of_no_picture_is_refused_in_words():
    with pytest.raises(ValueError, match="D02"):
        one_label_batch(np.empty((0, 3)), [])


# The page ---------------------------------------------------------------------


def agrees(reader, picture):
    """Wait until the page shows the numbers of a picture."""
    for name, value in as_shown(picture).items():
        reader.shows(name, value)


def as_shown(picture):
    batch = one_label_batch(
        [picture.logits, np.log([0.5, 0.25, 0.25]), np.log([0.1, 0.1, 0.8])],
        [picture.truth, CAT, MOUSE],
    )
    slopes = {f"gradient_{name}": g for name, g in zip(CLASSES, picture.gradient, strict=True)}
    truth = picture.probs[picture.truth]
    return {"loss": picture.loss, "truth": truth, **slopes, "mean": batch.mean, "sum": batch.total}


def test_the_page_starts_with_the_article(chapter):
    reader = chapter("one_label")
    assert_allclose(reader.number("loss"), -math.log(0.6), rtol=2 * NEARLY)
    assert_allclose(reader.number("mean"), -math.log(0.6 * 0.5 * 0.8) / 3, rtol=2 * NEARLY)
    agrees(reader, one_label([math.log(3), math.log(6), 0.0], FROG))


def test_every_control_moves_what_it_should(chapter):
    reader = chapter("one_label")
    reader.press("forward", "nothing")
    agrees(reader, one_label([0.0, 0.0, 0.0], FROG))
    reader.set("forward", "cat", 1.5)
    agrees(reader, one_label([1.5, 0.0, 0.0], FROG))
    reader.set("forward", "mouse", -2)
    reader.set("forward", "frog", 0.5)
    agrees(reader, one_label([1.5, 0.5, -2.0], FROG))
    # a power of two is added without rounding: nothing changes
    reader.set("forward", "constant", 0.5)
    agrees(reader, one_label([1.5, 0.5, -2.0], FROG))
    assert reader.value("forward", "constant") == 0.5
    reader.set("forward", "truth", "mouse")
    agrees(reader, one_label([2.0, 1.0, -1.5], MOUSE))
    reader.press("forward", "right")
    agrees(reader, one_label([-2.0, -2.0, 5.0], MOUSE))
    reader.press("forward", "wrong")
    agrees(reader, one_label([-1.0, 5.0, -4.0], MOUSE))
    reader.press("forward", "article")
    reader.shows("truth", 0.1)


def test_a_dot_is_dragged_and_moved_by_keys(chapter):
    reader = chapter("one_label")
    # the middle of the first scale is a logit of 0
    reader.drag("forward", "frog", 226)
    assert reader.value("forward", "frog") == pytest.approx(0, abs=0.02)
    before = reader.value("forward", "frog")
    reader.press("forward", "frog", "ArrowRight")
    assert reader.value("forward", "frog") == pytest.approx(before + 0.01)


def test_what_the_page_shows_in_python_is_what_python_computes():
    # the results stand behind the lines, rounded
    lines = code_of(one_label([1.25, -0.5, 3.0], CAT)).splitlines()
    names = {}
    exec("\n".join(lines), names)
    *_, loss, assignment, gradient = lines
    assert f"{eval(loss, names):.6g}" == loss.partition("# ")[2]
    assert assignment.startswith("loss_and_gradient = ")
    assert ", ".join(f"{g:.4f}" for g in eval(gradient, names)) == gradient.partition("# ")[2]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_speaks_chinese_and_fits(chapter, width):
    reader = chapter("one_label", "zh", width=width, scheme="dark")
    assert reader.number("loss") == pytest.approx(-math.log(0.6))
    assert "梯度" in reader.page.inner_text("body")
    assert reader.page.evaluate("document.documentElement.scrollWidth") == width
