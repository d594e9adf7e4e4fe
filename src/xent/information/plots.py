"""The two curves that the theory starts from. Needs matplotlib: ``pip install "xent[plot]"``."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.information._entropy import binary_entropy, self_information
from xent.information.figures import new_axes

__all__ = ["plot_binary_entropy", "plot_self_information"]

_UNITS = {"nat": "nats", "bit": "bits", "ban": "bans"}


def plot_self_information(ax: Any = None, *, unit: str = "nat") -> Any:
    """Draw the self-information -log p over (0, 1], and return the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    unit : {"nat", "bit", "ban"}, default "nat"

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
    >>> from xent.information import plot_self_information
    >>> ax = plot_self_information()
    >>> ax.get_ylabel()
    'self-information (nats)'
    """
    ax = new_axes() if ax is None else ax
    # steps that grow with p, because the curve is steep near 0
    p = np.geomspace(5e-3, 1, 400)
    label = r"$I(p) = -\log\,p$" if unit == "nat" else rf"$I(p) = -\log_{{{_base(unit)}}}\,p$"
    ax.plot(p, self_information(p, unit=unit), label=label, color="C0")
    # the three outcomes of the article's computer: it starts, it does not, it explodes
    marked = np.array([0.7, 0.2, 0.1])
    values = self_information(marked, unit=unit)
    ax.plot(marked, values, "o", color="C1", label="p = 0.7, 0.2, 0.1")
    for x, y in zip(marked, values, strict=True):
        ax.annotate(f"{y:.2f}", (x, y), textcoords="offset points", xytext=(7, 5), ha="left")
    ax.set(xlim=(0, 1.02), xlabel="probability p", ylabel=f"self-information ({_UNITS[unit]})")
    ax.set_ylim(bottom=0)
    ax.set_title("The rarer an event, the more it tells")
    return _finished(ax)


def plot_binary_entropy(ax: Any = None, *, unit: str = "nat") -> Any:
    """Draw the entropy of two outcomes over the probability of one, and return the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    unit : {"nat", "bit", "ban"}, default "nat"

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
    >>> from xent.information import plot_binary_entropy
    >>> ax = plot_binary_entropy(unit="bit")
    >>> ax.get_ylabel()
    'entropy (bits)'
    """
    ax = new_axes() if ax is None else ax
    # equal steps of the angle: close together at both ends, where the curve is steep
    p = (1 - np.cos(np.linspace(0, np.pi, 401))) / 2
    ax.plot(p, binary_entropy(p, unit=unit), color="C0", label=r"$-p\,\log p-(1-p)\,\log(1-p)$")
    half = binary_entropy(0.5, unit=unit)
    ax.plot([0.5], [half], "o", color="C1", label=f"a fair coin: {half:.3f}")
    ax.set(xlim=(0, 1), xlabel="probability p", ylabel=f"entropy ({_UNITS[unit]})")
    ax.set_ylim(bottom=0)
    ax.set_title("Most uncertain where both are equally likely")
    return _finished(ax)


def _base(unit: str) -> int:
    return {"bit": 2, "ban": 10}[unit]


def _finished(ax: Any) -> Any:
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax
