"""Chapter 6, many labels: its numbers are the article's, and right to the last places."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.learn.pictures.animals import CLASSES
from xent.learn.pictures.labels import (
    many_labels,
    many_labels_batch,
    one_label,
    shared_floor,
    softmax_loss,
)
from xent.learn.pictures.many_labels import code_of

mp = mpmath.mp.clone()
mp.dps = 50

# sigmoid and loss are within 4 ulp; the doubles that are compared have one rounding more
NEARLY = 5 * np.finfo(float).eps
PROBS, LABELS = np.array([0.1, 0.7, 0.8]), [0, 1, 1]


def logits_of(probs):
    return np.array([math.log(p / (1 - p)) for p in probs])


def test_the_article_s_picture_of_a_frog_and_a_mouse():
    picture = many_labels(logits_of(PROBS), LABELS)
    # the logits are rounded too
    assert_allclose(picture.probs, PROBS, rtol=4 * NEARLY)
    assert_allclose(picture.losses, -np.log([0.9, 0.7, 0.8]), rtol=4 * NEARLY)
    assert_allclose(picture.loss, -math.log(0.9 * 0.7 * 0.8), rtol=4 * NEARLY)
    assert_allclose(picture.gradient, [0.1, 0.7 - 1, 0.8 - 1], rtol=8 * NEARLY)
    assert f"{picture.loss:.4f}" == "0.6852"


@pytest.mark.parametrize("labels", [[0, 1, 1], [1, 0, 0], [0, 0, 0]], ids=str)
@pytest.mark.parametrize("logits", [[0.4, -1.3, 2.0], [10.0, -10.0, 3.5], [0.0, 0.0, 0.0]], ids=str)
def test_every_number_is_that_of_50_digits(logits, labels):
    picture = many_labels(logits, labels)
    p = [1 / (1 + mp.exp(-mp.mpf(z))) for z in logits]
    losses = [-mp.log(q if y else 1 - q) for q, y in zip(p, labels, strict=True)]
    assert_allclose(picture.probs, np.array(p, float), rtol=NEARLY)
    assert_allclose(picture.losses, np.array(losses, float), rtol=NEARLY)
    assert_allclose(picture.loss, float(sum(losses)), rtol=NEARLY)
    gradient = [float(q - y) for q, y in zip(p, labels, strict=True)]
    assert_allclose(picture.gradient, gradient, rtol=NEARLY)


def test_a_node_does_not_see_the_others():
    here, there = many_labels([1.0, 2.0, 3.0], LABELS), many_labels([1.0, -7.0, 3.0], LABELS)
    assert (here.losses[0], here.losses[2]) == (there.losses[0], there.losses[2])


def test_the_three_numbers_that_are_called_the_loss_of_a_batch():
    logits = [logits_of(PROBS), logits_of([0.9, 0.5, 0.4])]
    batch = many_labels_batch(logits, [LABELS, [1, 0, 0]])
    by_hand = -math.log(0.9 * 0.7 * 0.8 * 0.9 * 0.5 * 0.6)
    assert_allclose(batch.total, by_hand, rtol=4 * NEARLY)
    assert_allclose(batch.mean_over_pictures, by_hand / 2, rtol=4 * NEARLY)
    assert_allclose(batch.mean_over_nodes, by_hand / 6, rtol=4 * NEARLY)


@pytest.mark.parametrize("labels", [[0, 1, 1], [1, 1, 1], [0, 0, 0]], ids=str)
def test_softmax_refuses_labels_that_are_not_one_class_in_words(labels):
    with pytest.raises(ValueError, match=r"D17: .*softmax needs exactly one"):
        softmax_loss(many_labels([1.0, 2.0, 3.0], labels))


def test_softmax_takes_one_label():
    one = one_label([1.0, 2.0, 3.0], 1)
    assert softmax_loss(many_labels([1.0, 2.0, 3.0], [0, 1, 0])) == one.loss


@pytest.mark.parametrize("count", [1, 2, 3])
def test_labels_that_share_one_unit_cannot_cost_less_than_this(count):
    assert_allclose(shared_floor(count), -count * math.log(1 / count), rtol=NEARLY)
    # every other way to share costs more
    for q in np.random.default_rng(3).dirichlet(np.ones(3), size=200):
        assert -np.log(q[:count]).sum() >= shared_floor(count)


# The page ---------------------------------------------------------------------


def agrees(reader, picture):
    """Wait until the page shows the numbers of a picture."""
    for name, value in as_shown(picture).items():
        reader.shows(name, value)


def as_shown(picture):
    batch = many_labels_batch(
        [picture.logits, logits_of([0.9, 0.5, 0.4])], [picture.labels, [1, 0, 0]]
    )
    return {
        "loss": picture.loss,
        "mass": sum(picture.probs),
        "total": batch.total,
        "mean_pictures": batch.mean_over_pictures,
        "mean_nodes": batch.mean_over_nodes,
        **{f"loss_{name}": x for name, x in zip(CLASSES, picture.losses, strict=True)},
        **{f"gradient_{name}": x for name, x in zip(CLASSES, picture.gradient, strict=True)},
    }


def test_the_page_starts_with_the_article(chapter):
    reader = chapter("many_labels")
    assert_allclose(reader.number("loss"), -math.log(0.9 * 0.7 * 0.8), rtol=4 * NEARLY)
    agrees(reader, many_labels(logits_of(PROBS), LABELS))


def test_every_control_moves_what_it_should(chapter):
    reader = chapter("many_labels")
    reader.set("nodes", "frog", -1.5)
    reader.set("nodes", "cat", 0.25)
    reader.set("nodes", "mouse", 2)
    agrees(reader, many_labels([0.25, -1.5, 2.0], LABELS))
    reader.set("nodes", "label_cat", "1")
    reader.set("nodes", "label_mouse", "0")
    agrees(reader, many_labels([0.25, -1.5, 2.0], [1, 1, 0]))
    reader.press("nodes", "article")
    agrees(reader, many_labels(logits_of(PROBS), LABELS))


def test_labels_that_softmax_refuses_are_told_in_words(chapter):
    reader = chapter("many_labels")
    told = reader.page.locator("[data-wrong]")
    assert "D17" in told.inner_text()
    assert "1.386" in reader.page.inner_text("body")  # 2 log 2
    reader.set("nodes", "label_mouse", "0")
    reader.says("accepted")
    reader.quiet()
    assert told.count() == 0
    reader.set("nodes", "label_frog", "0")
    reader.says("accepted", here=False)
    assert "no positive label" in told.inner_text()


def test_softmax_takes_from_the_others_and_sigmoid_does_not(chapter):
    reader = chapter("many_labels")
    logits = logits_of(PROBS)

    def expected(who, by):
        after = logits.copy()
        after[who] += by
        q, p = (np.exp(z) / np.exp(z).sum() for z in (after, logits))
        return (q - p)[np.arange(3) != who].sum(), (1 / (1 + np.exp(-after))).sum()

    for who, by in [(1, 2.0), (1, -3.0), (2, -3.0)]:
        reader.set("both", "who", CLASSES[who])
        reader.set("both", "by", by)
        others, mass = expected(who, by)
        # both sides sum numbers of size 1
        reader.shows("softmax_others", others, rel=1e-13)
        reader.shows("sigmoid_mass", mass)
        assert reader.number("sigmoid_others") == 0


def test_what_the_page_shows_in_python_is_what_python_computes():
    lines = code_of(many_labels([1.25, -0.5, 3.0], [1, 0, 1])).splitlines()
    names = {}
    exec("\n".join(lines), names)
    *_, nodes, picture, mean = lines
    assert ", ".join(f"{x:.4f}" for x in eval(nodes, names)) == nodes.partition("# ")[2]
    for line in (picture, mean):
        assert f"{eval(line, names):.6g}" == line.partition("# ")[2].partition(":")[0]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_speaks_chinese_and_fits(chapter, width):
    reader = chapter("many_labels", "zh", width=width, scheme="dark")
    assert reader.number("loss") == pytest.approx(-math.log(0.9 * 0.7 * 0.8))
    assert "多标签" in reader.page.inner_text("body")
    assert reader.page.evaluate("document.documentElement.scrollWidth") == width
