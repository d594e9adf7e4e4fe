"""Figures: what they show is what the page shows, on whose axes, and what is missing."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up_pages import full_page, reliability, surprise
from numpy.testing import assert_allclose

from xent.errors import MisuseWarning, UnavailableError, XentValueError
from xent.evaluation import evaluate
from xent.report.figures import plot_evidence, plot_reliability, plot_surprise, plot_waterfall

PAGE = full_page()
DRAWN = [
    (plot_waterfall, PAGE.waterfalls[0]),
    (plot_reliability, PAGE.reliability[0]),
    (plot_surprise, PAGE.surprise),
    (plot_evidence, PAGE.comparison.curves[0]),
]


@pytest.fixture(autouse=True)
def _no_window():
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(("plot", "what"), DRAWN)
def test_axes_are_the_callers_or_new(plot, what):
    _, ax = plt.subplots()
    before = plt.get_fignums()
    assert plot(what, ax) is ax
    assert plt.get_fignums() == before
    assert plot(what) is not ax
    assert len(plt.get_fignums()) == len(before) + 1


@pytest.mark.parametrize(("plot", "what"), DRAWN)
def test_texts_stay_apart(plot, what):
    ax = plot(what)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    ticks = [t for t in ax.get_xticklabels() if low <= t.get_position()[0] <= high]
    named = (*ax.texts, *ticks, ax.xaxis.label, ax.yaxis.label, ax.title)
    texts = [t for t in named if t.get_text()]
    boxes = [t.get_window_extent() for t in texts]
    frame = ax.figure.bbox
    for i, box in enumerate(boxes):
        assert frame.x0 - 1 <= box.x0 < box.x1 <= frame.x1 + 1, texts[i]
        assert frame.y0 - 1 <= box.y0 < box.y1 <= frame.y1 + 1, texts[i]
        for j in range(i):
            assert not box.shrunk(0.9, 0.7).overlaps(boxes[j]), (texts[i], texts[j])


def test_bars_of_the_waterfall_lead_to_the_score():
    w = PAGE.waterfalls[1]
    ax = plot_waterfall(w)
    bars = [p for p in ax.patches if not p.get_hatch()]
    ends = [(b.get_x(), b.get_x() + b.get_width()) for b in bars]
    u, r, m = w.uncertainty.value, w.resolution.value, w.miscalibration.value
    expected = [(0, u), (u, u - r), (u - r, u - r + m), (u - r + m, w.score), (0, w.score)]
    # two ends of a bar that goes left come in either order
    assert_allclose(sorted(map(sorted, ends)), sorted(map(sorted, expected)), atol=1e-15)
    assert [t.get_text() for t in ax.texts] == ["0.5120", "−0.3292", "+0.0265", "+0.0030", "0.2123"]
    hatched = [p.get_width() for p in ax.patches if p.get_hatch()]
    assert_allclose(hatched, [w.miscalibration.null])


def test_bins_outside_of_the_band_have_another_shape():
    r = reliability(size=8)
    ax = plot_reliability(r)
    shapes = {line.get_marker(): len(line.get_xdata()) for line in ax.lines if line.get_marker()}
    outside = sum(not b.null_low <= b.frequency <= b.null_high for b in r.bins)
    assert shapes["D"] == outside > 0
    assert shapes["o"] == 8 - outside > 0
    assert ax.get_xlim() == (0, 1)


def test_axes_end_where_rare_forecasts_do():
    assert plot_reliability(reliability(top=0.02)).get_xlim()[1] < 1


def test_areas_of_the_surprises_are_their_shares():
    s = surprise()
    bars = plot_surprise(s).patches
    spans = np.diff(np.log(s.edges))
    for found, shares, sign in (
        (bars[: len(spans)], s.rows, 1),
        (bars[len(spans) :], s.loss, -1),
    ):
        areas = np.array([b.get_height() for b in found]) * spans
        assert_allclose(areas / areas.sum(), shares, rtol=1e-12)
        assert (np.sign(areas) == sign).all()
        assert_allclose(max(abs(b.get_height()) for b in found), 1)


def test_what_is_not_there():
    empty = evaluate(([0], [[0.5, 0.5]])).summary
    e = evaluate(([0], [[0.5, 0.5]]))
    nothing = type(e)(type(empty)())
    for plot in (plot_waterfall, plot_reliability, plot_surprise):
        with pytest.raises(XentValueError, match="evaluation must have"):
            plot(nothing)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(UnavailableError, match=r'pip install "xent\[plot\]"'):
        plot_waterfall(PAGE.waterfalls[0])


def test_a_name_that_is_not_there():
    from xent.report.figures import _named

    with pytest.raises(XentValueError, match="name must be one of 'top label', 'cat', got 'cow'"):
        _named(PAGE.reliability, "cow")
    assert _named(PAGE.reliability, "cat").name == "cat"


def test_a_waterfall_of_the_other_rows_says_which_it_lacks() -> None:
    ax = plot_waterfall(evaluate(([0, 1, 1], [0.2, 0.7, 0.0])))
    assert ax.get_title() == "1 impossible row left out"
    assert plot_waterfall(evaluate(([0, 1], [0.2, 0.7]))).get_title() == ""


def test_without_another_row_there_is_no_waterfall() -> None:
    with pytest.raises(XentValueError, match="finite loss to be taken apart, got 2 impossible"):
        plot_waterfall(evaluate(([1, 1], [0.0, 0.0])))


def test_weights_in_no_cell_are_no_diagram() -> None:
    rows = {"target": [0, 1, 1], "p": [0.2, 0.7, 0.4], "w": [1e-30, 1e-30, 2e-30]}
    with pytest.warns(MisuseWarning, match="calibration is left out"):
        e = evaluate(rows, target="target", probs="p", weight="w")
    with pytest.raises(XentValueError, match="must have cells"):
        plot_reliability(e)
