"""The page's figures for papers and notebooks, by matplotlib: ``pip install "xent[plot]"``.

Each takes an evaluation and axes, and returns the axes. Colours are those of the page: they stay
apart for people who do not see red and green alike, and no meaning rests on colour alone.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from xent.errors import XentValueError
from xent.evaluation.numbers import UNITS, counted
from xent.information.figures import new_axes
from xent.report.page.charts.reliability import is_outside
from xent.report.page.charts.waterfall import steps
from xent.report.page.model import Curve, Reliability, Surprise, Waterfall
from xent.report.page.parts import reliability_of, surprise_of, waterfalls_of
from xent.report.page.written import fixed, places

if TYPE_CHECKING:
    from xent.evaluation.result import Evaluation

__all__ = ["plot_evidence", "plot_reliability", "plot_surprise", "plot_waterfall"]

NEUTRAL, BLUE, ORANGE, INK, BAND = "#858c96", "#1f5fa8", "#b34a12", "#1a1d21", "#dfe3e8"
LOOKS = {"neutral": NEUTRAL, "gain": BLUE, "cost": ORANGE, "score": INK}
OUTCOMES = {"top label": "the predicted class"}
NAMES = {
    "uncertainty": "uncertainty",
    "resolution": "− resolution",
    "miscalibration": "+ miscalibration",
    "remainder": "clip",
    "total": "log loss",
}


def plot_waterfall(
    evaluation: Evaluation | Waterfall, ax: Any = None, *, name: str | None = None
) -> Any:
    """Draw the parts of the log loss as bars that start where the last one ended.

    Parameters
    ----------
    evaluation : Evaluation
        With a decomposition.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    name : str, optional
        Which decomposition, by its name; by default the first, of the whole.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    XentValueError
        If the evaluation has no decomposition, or none of this name.
    UnavailableError
        If matplotlib is not installed.

    Notes
    -----
    Hatched is what a calibrated model of this size would show too; lines are 95 % intervals.

    See Also
    --------
    plot_reliability : where miscalibration comes from.
    """
    if isinstance(evaluation, Waterfall):
        w, unit = evaluation, "nats"
    else:
        found_here = waterfalls_of(evaluation)
        if not found_here and evaluation.num_impossible:
            raise XentValueError(
                "evaluation must have a finite loss to be taken apart, got "
                f"{counted(evaluation.num_impossible, 'impossible row')}; to bound what they cost, "
                "say zero='clip:1e-15'"
            )
        w, unit = _named(found_here, name), UNITS[evaluation.unit]
    ax = new_axes(size=(6.4, 2.6)) if ax is None else ax
    if not isinstance(evaluation, Waterfall) and evaluation.num_impossible:
        ax.set_title(f"{counted(evaluation.num_impossible, 'impossible row')} left out")
    found = steps(w)
    decimals = places([s.end for s in found])
    widest = max(max(s.start, s.end) for s in found)
    for y, step in enumerate(found):
        width = step.end - step.start
        ax.barh(y, width, left=step.start, height=0.55, color=LOOKS[step.look])
        right = max(step.start, step.end)
        if step.term is not None:
            if step.key == "miscalibration" and step.term.null:
                chance = min(step.term.null, max(step.term.value, 0.0))
                ax.barh(
                    y, chance, left=step.start, height=0.55, color="none",
                    edgecolor="white", hatch="////", linewidth=0,
                )  # fmt: skip
            if step.term.low is not None and step.term.high is not None:
                direction = -1 if step.sign == "−" else 1
                ends = [step.start + direction * e for e in (step.term.low, step.term.high)]
                ax.plot(ends, [y, y], "|-", color=INK, linewidth=1.2, markersize=6)
                right = max(right, *ends)
        sign = "" if not step.sign else "−" if width < 0 else "+"
        ax.text(right + 0.015 * widest, y, sign + fixed(abs(width), decimals), va="center")
        if y + 1 < len(found):
            ax.plot([step.end] * 2, [y + 0.275, y + 0.725], color=NEUTRAL, linewidth=0.8)
    ax.set_yticks(range(len(found)), [NAMES[s.key] for s in found])
    ax.invert_yaxis()
    ax.set_xlim(min(0.0, *(min(s.start, s.end) for s in found)), 1.14 * widest)
    ax.set_xlabel(f"{unit} a row")
    ax.tick_params(axis="y", length=0)
    return _finished(ax, "left")


def plot_reliability(
    evaluation: Evaluation | Reliability, ax: Any = None, *, name: str | None = None
) -> Any:
    """Draw how often an outcome came against its forecast, with the band of a calibrated model.

    Parameters
    ----------
    evaluation : Evaluation
        With cells of its forecasts.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    name : str, optional
        Which class or label; by default the first diagram of the page: the only one of two
        classes, the predicted class of more.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    XentValueError
        If the evaluation has no reliability diagram, or none of this name.
    UnavailableError
        If matplotlib is not installed.

    Notes
    -----
    Small bars at the bottom are the numbers of rows, as square roots. A bin outside of the
    band is a diamond.
    """
    if isinstance(evaluation, Reliability):
        r = evaluation
    else:
        r = _named(reliability_of(evaluation), name)
    ax = new_axes(size=(4.6, 4.6)) if ax is None else ax
    end, bins = r.extent, r.bins
    ax.plot([0, end], [0, end], "--", color=NEUTRAL, linewidth=1)
    band = [b for b in bins if b.null_low is not None]
    if band:
        ax.fill_between(
            [b.forecast for b in band], [b.null_low for b in band], [b.null_high for b in band],
            color=BAND, linewidth=0, label="calibrated, by chance",
        )  # fmt: skip
    edges, counts = r.edges, r.counts
    most = max([*counts, *(b.count for b in bins if not counts), 1e-300])
    if counts:
        heights = [0.16 * end * math.sqrt(max(c, 0.0) / most) for c in counts]
        widths = [b - a for a, b in pairwise(edges)]
        ax.bar(edges[:-1], heights, widths, align="edge", color=NEUTRAL, alpha=0.6, linewidth=0)
    else:
        heights = [0.16 * end * math.sqrt(b.count / most) for b in bins]
        ax.bar([b.forecast for b in bins], heights, 0.012 * end, color=NEUTRAL, alpha=0.6)
    ax.plot([b.forecast for b in bins], [b.frequency for b in bins], color=BLUE, linewidth=1.5)
    for b in bins:
        if b.low is not None and b.high is not None:
            ax.plot([b.forecast] * 2, [b.low, b.high], color=BLUE, linewidth=1, alpha=0.6)
    inside = [b for b in bins if not is_outside(b)]
    outside = [b for b in bins if is_outside(b)]
    for group, marker, face, edge, label in (
        (inside, "o", "white", BLUE, "within the band"),
        (outside, "D", ORANGE, "white", "outside of it"),
    ):
        if group:
            ax.plot(
                [b.forecast for b in group], [b.frequency for b in group], marker, label=label,
                markerfacecolor=face, markeredgecolor=edge, markersize=6,
            )  # fmt: skip
    ax.set(
        xlim=(0, end),
        ylim=(0, end),
        xlabel=f"forecast of {OUTCOMES.get(r.name, r.name)}",
        ylabel="it happened",
    )
    ax.set_aspect("equal")
    ax.legend(frameon=False, loc="upper left")
    return _finished(ax)


def plot_surprise(evaluation: Evaluation | Surprise, ax: Any = None) -> Any:
    """Draw rows by their loss: how many above the line, how much of the loss below it.

    Areas are shares, of the rows and of the loss; each half has its own scale.

    Parameters
    ----------
    evaluation : Evaluation
        With cells of its losses.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    XentValueError
        If the evaluation has no cells of its losses.
    UnavailableError
        If matplotlib is not installed.
    """
    if isinstance(evaluation, Surprise):
        s: Surprise | None = evaluation
        unit = "nats"
    else:
        s, unit = surprise_of(evaluation), UNITS[evaluation.unit]
    if s is None:
        raise _missing("losses by row")
    ax = new_axes(size=(6.4, 3.4)) if ax is None else ax
    widths = [b - a for a, b in pairwise(s.edges)]
    for shares, sign, colour, label in (
        (s.rows, 1, BLUE, "share of rows"),
        (s.loss, -1, ORANGE, "share of the loss"),
    ):
        # areas are shares of a half: bars are not equally wide on the logarithmic axis
        spans = [math.log(b / a) for a, b in pairwise(s.edges)]
        heights = [sign * share / span for share, span in zip(shares, spans, strict=True)]
        most = max(max(map(abs, heights)), 1e-300)
        heights = [h / most for h in heights]
        ax.bar(
            s.edges[:-1], heights, widths, align="edge", color=colour, label=label,
            edgecolor="white", linewidth=0.5,
        )  # fmt: skip
    ax.axhline(0, color=INK, linewidth=0.8)
    if s.worst_from and s.worst_share:
        ax.axvline(s.worst_from, color=INK, linewidth=1, linestyle="--")
        said = f"worst {100 * s.worst_share:g} %"
        if s.worst_low is not None and s.worst_high is not None:
            said += f"\n{100 * (s.worst_low + s.worst_high) / 2:.0f} % of the loss"
        low, high = ax.get_ylim()
        # on the side where there is room
        late = math.log(s.worst_from / s.edges[0]) > 0.5 * math.log(s.edges[-1] / s.edges[0])
        ax.annotate(
            said, (s.worst_from, high), xytext=(-5 if late else 5, 0), va="top",
            textcoords="offset points", ha="right" if late else "left",
        )  # fmt: skip
        ax.set_ylim(low, high)
    ax.set_xscale("log")
    ax.set_xlim(s.edges[0], s.edges[-1])
    ax.set_yticks([])
    ax.set_xlabel(f"loss of a row, {unit}")
    ax.legend(frameon=False, loc="upper left")
    return _finished(ax, "left")


def plot_evidence(curve: Curve, ax: Any = None, *, alpha: float = 0.05) -> Any:
    """Draw the e-value of one model against another as rows come in.

    Parameters
    ----------
    curve : Curve
        Natural logarithms of the e-value over the number of rows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    alpha : float, default 0.05
        The level whose line, 1 / alpha, is drawn: an e-value above it refutes the first model.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> ax = plot_evidence(Curve("b against a", (0.0, 100.0, 200.0), (0.0, 2.5, 4.0)))
    >>> ax.get_ylabel()
    'e-value'
    """
    ax = new_axes(size=(6.4, 3.0)) if ax is None else ax
    decades = [v / math.log(10) for v in curve.log_e]
    ax.plot(curve.rows, decades, color=BLUE, linewidth=1.75)
    line = -math.log10(alpha)
    ax.axhline(line, color=INK, linewidth=1, linestyle="--")
    ax.annotate(
        f"1/α = {1 / alpha:g}", (1, line), xycoords=("axes fraction", "data"),
        xytext=(0, 3), textcoords="offset points", ha="right",
    )  # fmt: skip
    ax.axhline(0, color=NEUTRAL, linewidth=0.8)
    from matplotlib.ticker import MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$" if value else "1")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set(xlim=(0, curve.rows[-1]), xlabel="rows", ylabel="e-value", title=curve.name)
    return _finished(ax)


def _named(found: Any, name: str | None) -> Any:
    if not found:
        raise _missing("cells of its forecasts")
    if name is None:
        return found[0]
    for item in found:
        if item.name == name:
            return item
    names = ", ".join(repr(item.name) for item in found)
    raise XentValueError(f"name must be one of {names}, got {name!r}", value=name)


def _missing(what: str) -> XentValueError:
    return XentValueError(
        f"evaluation must have {what}, which log-probabilities and empty summaries lack"
    )


def _finished(ax: Any, *hidden: str) -> Any:
    ax.set_axisbelow(True)
    ax.grid(alpha=0.25, axis="x" if hidden else "both")
    ax.spines[["top", "right", *hidden]].set_visible(False)
    return ax
