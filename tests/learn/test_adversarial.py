"""Chapter 7: each control moves what it should."""

import math

import mpmath
import pytest

LEFT, RIGHT = 50, 744  # the ends of the axis along x, in the wide picture


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_the_losses(chapter):
    reader = chapter("adversarial")
    for z in (-5.0, 3.0):
        reader.set("losses", "logit", z)
        d = sigmoid(z)
        reader.shows("d", d)
        reader.shows("generator", -math.log(d))
        reader.shows("generator_saturating", math.log(1 - d), rel=1e-12)
        reader.shows("slope", -(1 - d), rel=1e-12)
        reader.shows("saturating_slope", -d)
        reader.shows("ratio", math.exp(-z), rel=1e-12)
    reader.drag("losses", "logit", LEFT + 0.75 * (RIGHT - LEFT))
    assert reader.value("losses", "logit") == 5
    reader.shows("d", sigmoid(5))
    reader.press("losses", "equilibrium")
    reader.shows("generator", math.log(2))
    reader.shows("generator_saturating", -math.log(2))
    reader.shows("discriminator", 2 * math.log(2))
    reader.set("losses", "real", 4)
    reader.shows("discriminator", math.log(2) + math.log1p(math.exp(-4)))


def test_the_best_discriminator_and_the_chase(chapter):
    reader = chapter("adversarial")
    reader.drag("gaussians", "mean", LEFT + (1 + 8) / 16 * (RIGHT - LEFT))
    assert reader.value("gaussians", "mean") == 1
    reader.set("gaussians", "deviation", 1)

    def integrand(x):
        p, q = mpmath.npdf(x), mpmath.npdf(x, 1, 1)
        return (p * mpmath.log(2 * p / (p + q)) + q * mpmath.log(2 * q / (p + q))) / 2

    reader.shows("js", float(mpmath.quad(integrand, [-12, 0, 1, 13])), rel=1e-10)
    assert reader.number("best_loss") == pytest.approx(reader.number("identity"), abs=1e-12)
    reader.press("gaussians", "becomes")
    reader.shows("best_loss", 2 * math.log(2), rel=1e-12)
    reader.shows("chase", 34)
    reader.shows("chase_saturating", 677)
    reader.set("chase", "start", 1)
    reader.shows("chase", 12)
    reader.shows("chase_saturating", 16)


def test_in_chinese_on_a_telephone(chapter):
    reader = chapter("adversarial", "zh", width=390, scheme="dark")
    reader.press("losses", "early")
    reader.shows("d", sigmoid(-8))
    assert "$" not in reader.page.locator('[data-say="losses_say"]').inner_text()
    assert "[[" not in reader.page.locator("#App").inner_text()
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390
