"""The two curves: what they show, and on whose axes."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.errors import UnavailableError
from xent.information import plot_binary_entropy, plot_self_information


@pytest.fixture(autouse=True)
def _no_window():
    mpl.use("agg")
    yield
    plt.close("all")


def test_self_information_falls_to_zero_over_the_unit_interval():
    ax = plot_self_information()
    p, information = ax.lines[0].get_data()
    assert 0 < p[0] < 0.01
    assert p[-1] == 1
    assert_allclose(information, -np.log(p), rtol=1e-15)
    assert information[-1] == 0
    assert [text.get_text() for text in ax.texts] == ["0.36", "1.61", "2.30"]


@pytest.mark.parametrize(("unit", "highest"), [("nat", np.log(2)), ("bit", 1.0)])
def test_binary_entropy_is_highest_in_the_middle(unit, highest):
    ax = plot_binary_entropy(unit=unit)
    p, h = ax.lines[0].get_data()
    assert_allclose([p[0], p[200], p[-1]], [0, 0.5, 1], atol=1e-15)
    assert_allclose([h[0], h[200], h[-1]], [0, highest, 0], atol=1e-14)
    assert h.max() == pytest.approx(highest)


def test_axes_are_taken_and_returned():
    _, (left, right) = plt.subplots(1, 2)
    assert plot_self_information(left, unit="bit") is left
    assert plot_binary_entropy(right) is right
    assert len(plt.get_fignums()) == 1


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(UnavailableError, match=r"xent\[plot\]"):
        plot_self_information()
