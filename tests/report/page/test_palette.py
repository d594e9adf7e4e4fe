"""The colours of the page: read by everybody, in both themes (WCAG 2.2 AA), and told apart."""

import re
from importlib import resources
from itertools import combinations

import numpy as np
import pytest

CSS = resources.files("xent.report.page").joinpath("assets").joinpath("page.css").read_text("utf-8")
THEMES = {
    name: dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    for name, block in (
        ("light", CSS[: CSS.index("@media")]),
        ("dark", CSS[CSS.index("@media") : CSS.index("*, *::before")]),
    )
}

# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as seen without one kind of cone
SEEN = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Return the ratio of luminances as WCAG defines it."""
    dark, light = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    """Return CIE L*a*b* of linear RGB, white D65."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    t = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_read(theme):
    colours = THEMES[theme]
    for text in ("ink", "muted", "orange", "blue"):
        for ground in ("paper", "hover"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("theme", THEMES)
def test_marks_are_seen(theme):
    colours = THEMES[theme]
    for mark in ("neutral", "blue", "orange", "focus"):
        assert contrast(colours[mark], colours["paper"]) >= 3, mark


@pytest.mark.parametrize("sight", SEEN)
@pytest.mark.parametrize("theme", THEMES)
def test_marks_are_told_apart(theme, sight):
    colours = THEMES[theme]
    seen = {
        n: lab(np.array(SEEN[sight]) @ linear(colours[n])) for n in ("neutral", "blue", "orange")
    }
    for a, b in combinations(seen, 2):
        # a difference of 2 is just seen; 15 is seen at a glance
        assert np.linalg.norm(seen[a] - seen[b]) > 15, (a, b)


def test_both_themes_name_the_same_colours():
    assert set(THEMES["light"]) == set(THEMES["dark"])
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    assert used <= set(THEMES["light"])
    # the theme that is chosen is the one that the system has
    system, chosen = (
        dict(re.findall(r"--([\w-]+): (#\w{6});", part))
        for part in CSS[CSS.index("@media") : CSS.index("*, *::before")].split("@media screen {")
    )
    assert system == chosen
