"""The fingerprint of a page: one for one state, another for other rows or options."""

import shlex

import numpy as np
import pytest

from xent.evaluation import compare, evaluate
from xent.report.page.fingerprint import fingerprint_of, fingerprint_of_comparison

RNG = np.random.default_rng(11)
TARGET = RNG.integers(3, size=60)
PROBS = RNG.dirichlet(np.ones(3), size=60)
OTHER = RNG.dirichlet(np.ones(3), size=60)


def digest(target=TARGET, probs=PROBS, **options):
    lines = dict(fingerprint_of(evaluate((target, probs), **options), None, ""))
    return lines["f_state"]


def one_more(values, place):
    """The same rows but for the last bit of one number."""
    changed = values.copy()
    changed[place] = np.nextafter(changed[place], 1)
    return changed


def test_equal_rows_have_one_fingerprint_however_they_are_shown():
    assert digest() == digest(TARGET.copy(), PROBS.copy())
    # a unit and a level change what is shown, and not what was summed
    assert digest() == digest(unit="bit", level=0.9)
    assert len(digest()) == 64


# the last bit of a probability of the truth; those of others decide only their cells
TRUTH = (17, TARGET[17])


@pytest.mark.parametrize(
    "changed",
    [
        {"target": np.where(np.arange(60) == 3, (TARGET + 1) % 3, TARGET)},
        {"probs": one_more(PROBS, TRUTH)},
        {"target": TARGET[:-1], "probs": PROBS[:-1]},
        {"zero": "clip:1e-3"},
        {"weight": np.full(60, 2.0)},
        {"cluster": np.arange(60) // 3},
        {"by": np.arange(60) % 2},
        {"id": np.arange(60)},
        {"interval": "bootstrap"},
        {"interval": "bootstrap", "replicates": 201},
        {"classes": ["a", "b", "c"]},
        {"ignore": 2},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_other_rows_or_options_have_another(changed):
    found = digest(**changed)
    assert found != digest()
    assert found == digest(**changed)


def test_replicates_count():
    few, more = (digest(interval="bootstrap", replicates=n) for n in (200, 201))
    assert few != more


def of_comparison(**options):
    compared = compare((TARGET, PROBS), (TARGET, options.pop("probs", OTHER)), **options)
    return dict(fingerprint_of_comparison(compared, None, ""))["f_numbers"]


@pytest.mark.parametrize(
    "changed",
    [
        {"probs": one_more(OTHER, TRUTH)},
        {"zero": "clip:1e-1"},
        {"unit": "bit"},
        {"level": 0.9},
        {"block": 5},
        {"weight": np.linspace(1, 2, 60)},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_a_comparison_of_other_rows_or_options_has_another(changed):
    assert of_comparison() == of_comparison()
    assert of_comparison(**changed) != of_comparison()


def test_options_are_told_as_they_are_typed():
    options = {"sum_tolerance": 0.01, "name": ("a b", "<c>"), "sql": "select '1'", "json": True}
    for lines in (
        fingerprint_of(evaluate((TARGET, PROBS)), options, ""),
        fingerprint_of_comparison(compare((TARGET, PROBS), (TARGET, OTHER)), options, ""),
    ):
        told = dict(lines)["f_options"]
        assert shlex.split(told) == [
            "--sum-tolerance", "0.01", "--name", "a b", "--name", "<c>", "--sql", "select '1'",
            "--json",
        ]  # fmt: skip
