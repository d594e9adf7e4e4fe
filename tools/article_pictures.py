"""Draw the pictures of docs/article.md: `python tools/article_pictures.py`.

Two are the library's own plots; the third is the race of section 4, from the same slopes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

import xent
from xent.information import plot_binary_entropy, plot_self_information

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
START = -8.0
SETTINGS = {
    "svg.fonttype": "path",
    "svg.hashsalt": "xent",  # the same names of clips and glyphs in each run
    "font.size": 10,
    "figure.figsize": (6.4, 3.6),
    "figure.facecolor": "white",
}


def path_of(slope: Any) -> list[float]:
    """Return the probability of the truth after each step from START at learning rate 1."""
    z, said = np.array(START), []
    while z < 0:
        said.append(float(xent.sigmoid(z)))
        z = z - slope(z)
    return [*said, float(xent.sigmoid(z))]


def race(ax: Any) -> Any:
    """Draw how fast each loss mends a model that is wrong and sure of it."""
    cross_entropy = xent.value_and_grad(xent.sigmoid_cross_entropy)

    def squared(z: Any) -> Any:
        p = xent.sigmoid(z)
        return 2 * (p - 1) * p * (1 - p)

    for label, slope in (
        ("cross-entropy", lambda z: cross_entropy(z, 1)[1]),
        ("squared error of the sigmoid", squared),
    ):
        said = path_of(slope)
        steps = len(said) - 1
        ax.plot(range(1, len(said)), said[1:], label=f"{label}: {steps:,} steps")
    ax.axhline(0.5, color="0.6", linewidth=0.8, linestyle="--")
    ax.set(
        xscale="log",
        ylim=(0, 1),
        xlabel="steps taken",
        ylabel="probability of the true label",
        title="From z = -8, learning rate 1, until it says one half",
    )
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left")
    return ax


PICTURES = {
    "self_information": plot_self_information,
    "binary_entropy": plot_binary_entropy,
    "race": race,
}


def drawn(name: str) -> str:
    """Return the picture as SVG."""
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **SETTINGS, "backend": "agg"}):
        from matplotlib.figure import Figure

        figure = Figure(layout="constrained")
        PICTURES[name](figure.subplots())
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(drawn(name), encoding="utf-8")
