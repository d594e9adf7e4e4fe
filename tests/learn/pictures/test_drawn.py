"""Every picture at the ends of its controls: well formed, finite, and all its words inside."""

import itertools
import re
from xml.etree import ElementTree

import pytest

from xent.learn.page import Page
from xent.learn.palette import standalone
from xent.learn.pictures.adversarial import gaussians, gaussians_picture, losses_picture
from xent.learn.pictures.parts import legend, width_of
from xent.learn.pictures.pitfalls import (
    baselines,
    baselines_picture,
    class_weights,
    double_softmax,
    double_softmax_picture,
    float32_cliff,
    float32_picture,
    mean_of_means,
    means_picture,
    overconfidence,
    overconfidence_picture,
    smoothing_picture,
)
from xent.learn.pictures.squared_error import (
    proper,
    proper_picture,
    race,
    race_picture,
    raw_outputs,
    raw_picture,
    slopes,
    slopes_picture,
)
from xent.learn.svg import NARROW, WIDE


def pictures():
    """Return (chapter, draw, settings) of each picture at the ends of its controls."""
    both = itertools.product
    return [
        *(("squared_error", draw_race, given) for given in both((-10.0, -1.0), (0.1, 4.0), STEPS)),
        *(("squared_error", draw_slopes, given) for given in both((-10.0, -0.7, 10.0), (0, 1))),
        *(("squared_error", draw_raw, (far,)) for far in (2.0, 20.0)),
        *(("squared_error", draw_proper, (truth,)) for truth in (0.0, 0.5, 1.0)),
        *(("adversarial", draw_losses, (z,)) for z in (-10.0, 0.0, 10.0)),
        *(("adversarial", draw_game, given) for given in both((-6.0, 0.0, 6.0), (0.2, 3.0))),
        *(("adversarial", draw_chase, (start,)) for start in (1.0, 7.0)),
        *(("pitfalls", draw_twice, given) for given in both((2, 1000), (-12.0, 0.0, 20.0))),
        *(("pitfalls", draw_cliff, given) for given in both((-60.0, 0.0, 17.0, 40.0), (0, 1))),
        *(("pitfalls", draw_parts, given) for given in PARTS),
        *(("pitfalls", draw_weighted, given) for given in both((1, 50), (1.0, 99.0))),
        *(("pitfalls", draw_smoothing, given) for given in both((0.0, 0.01, 0.5), (2, 1000))),
        *(("pitfalls", draw_judged, given) for given in both((0.0, 8.0), (2, 1000), (0.5, 0.99))),
        *(("pitfalls", draw_run, given) for given in both((1.0, 12.0, 3000.0), (0.5, 1.0, 20.0))),
    ]


STEPS = (1, 30, race_picture.LAST_STEP)
PARTS = [((10, 0.0), (1000, 0.0)), ((1000, 8.0), (10, 0.0)), ((500, 8.0), (500, 8.0))]


def draw_race(start, rate, step, *where):
    return race_picture.draw(race.run(start, rate), step, *where)


def draw_slopes(z, label, *where):
    return slopes_picture.draw(slopes.compute([z], label), label, *where)


def draw_raw(far, *where):
    return raw_picture.draw(raw_outputs.fit(far), *where)


def draw_proper(truth, *where):
    return proper_picture.draw(proper.expected(truth), *where)


def draw_losses(logit, *where):
    return losses_picture.draw(logit, *where)


def draw_game(mean, deviation, *where):
    return gaussians_picture.draw(gaussians.play(mean, deviation), *where)


def draw_chase(start, *where):
    return gaussians_picture.draw_chase(gaussians.chase(start, gaussians_picture.RATE), *where)


def draw_twice(classes, sure, *where):
    return double_softmax_picture.draw(double_softmax.compute(classes, [sure]), *where)


def draw_cliff(z, label, *where):
    return float32_picture.draw(float32_cliff.compute([z], label), *where)


def draw_parts(first, second, *where):
    return means_picture.draw_parts(mean_of_means.compute(first, second), *where)


def draw_weighted(rare, weight, *where):
    return means_picture.draw_weighted(class_weights.compute(rare, weight, 0.99, 0.05), *where)


def draw_smoothing(smoothing, classes, *where):
    return smoothing_picture.draw(smoothing, classes, *where)


def draw_judged(loss, classes, share, *where):
    judged = baselines.judge(loss, baselines.shares_of(classes, share))
    return baselines_picture.draw(judged, *where)


def draw_run(step, temperature, *where):
    run = overconfidence.train()
    index = overconfidence.nearest(run, step)
    return overconfidence_picture.draw(run, index, temperature, *where)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("slug", "draw", "given"), pictures())
def test_a_picture_at_the_ends_of_its_controls(slug, draw, given, lang):
    t = Page(slug, lang).t
    for width in (WIDE, NARROW):
        drawn = draw(*given, t, width)
        ElementTree.fromstring(standalone(drawn))
        root = ElementTree.fromstring(drawn)
        assert root.get("aria-label")
        assert "[[" not in drawn
        assert not re.search(r"\b(nan|inf)\b", re.sub(r">[^<]*<|aria-label=\"[^\"]*\"", "", drawn))
        height = float(root.get("viewBox").split()[3])
        for word in root.iter("{http://www.w3.org/2000/svg}text"):
            wide, x = width_of(word.text), float(word.get("x"))
            look = word.get("class") + (word.get("text-anchor") or "")
            left = x - wide if "end" in look else x - wide / 2 if "mid" in look else x
            assert left >= -4, word.text
            assert left + wide <= width + 4, word.text
            assert 0 < float(word.get("y")) <= height, word.text


def test_a_legend_breaks_where_it_is_full():
    entries = [("line-a", "x" * 20)] * 3
    _, one = legend(entries, 0, 10, 10_000)
    _, three = legend(entries, 0, 10, 200)
    assert (one, three) == (20, 60)
