"""What a notebook shows of an Evaluation: escaped, self-contained, without a script."""

import re

import pytest
from fragments import Balanced

from xent.evaluation import evaluate

SOURCES = [
    (([0, 1, 1], [[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]), {}),
    (([1, 0, 1], [0.9, 0.2, 0.6]), {"unit": "bit"}),
    (([[1, 0], [0, 1]], [[0.9, 0.2], [0.3, 0.6]]), {"task": "multi"}),
    (([0, 0], [[1.0, 0.0], [0.0, 1.0]]), {}),
]


@pytest.mark.parametrize(("source", "options"), SOURCES)
def test_every_kind_of_evaluation(source, options):
    e = evaluate(source, **options)
    found = Balanced(e._repr_html_())
    assert "script" not in found.tags
    assert found.tags.count("style") == 1
    unit = {"nat": "nats", "bit": "bits"}[e.unit]
    assert unit in "".join(found.texts)
    assert e._repr_html_() == evaluate(source, **options)._repr_html_()


def test_the_numbers_are_those_of_the_table():
    e = evaluate(([1, 0, 1], [0.9, 0.2, 0.6]))
    text = " ".join(Balanced(e._repr_html_()).texts)
    for shown in ("0.2798", "1.323", "0.6365", "3 rows scored"):
        assert shown in text
        assert shown in str(e)


def test_names_are_text():
    names = ["<script>alert(1)</script>", "\"'&\x00" + "x" * 500]
    e = evaluate(([0, 1], [[0.5, 0.5], [0.25, 0.75]]), classes=names)
    found = Balanced(e._repr_html_())
    assert "script" not in found.tags
    assert names[0] in found.texts
    assert "\x00" not in e._repr_html_()
    assert "x" * 100 not in e._repr_html_()


def test_style_is_for_its_own_elements_only():
    style = re.findall(r"<style>(.*?)</style>", evaluate(([1], [0.5]))._repr_html_(), re.DOTALL)[0]
    for rule in re.findall(r"([^{}]+){", style):
        for selector in rule.split(","):
            assert selector.strip().startswith(".xent-evaluation"), selector


def test_many_classes_are_cut():
    p = [[0.001] * 1000]
    text = evaluate(([3], p))._repr_html_()
    assert "12 that cost most, of 1,000" in text
    assert len(text) < 10_000
