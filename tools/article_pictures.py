"""Draw the pictures of docs/article.md and of its Chinese page: `python tools/article_pictures.py`.

Two are the library's own plots; the third is the race of section 4, from the same slopes. Those of
the Chinese page, NAME.zh.svg, keep their words as text, in the fonts of who reads it: so they are
drawn alike where no Chinese font is installed.
"""

from __future__ import annotations

import io
import re
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
CHINESE = {
    "self_information": {
        "The rarer an event, the more it tells": "越不容易发生的事，带来的信息越多",
        "probability p": "概率 p",
        "self-information (nats)": "自信息（奈特）",
    },
    "binary_entropy": {
        "Most uncertain where both are equally likely": "两种结果同样可能时，最难预料",
        "a fair coin: ": "公平的硬币：",
        "probability p": "概率 p",
        "entropy (nats)": "熵（奈特）",
    },
    "race": {
        "From z = -8, learning rate 1, until it says one half": "从 z = -8 出发，学习率 1",
        "steps taken": "走过的步数",
        "probability of the true label": "真实标签的概率",
        "cross-entropy: ": "交叉熵：",
        "squared error of the sigmoid: ": "经过 sigmoid 的平方误差：",
        " steps<": " 步<",
    },
}
FONT = re.compile(r"'DejaVu Sans'[^;\"]*")


def drawn(name: str, *, chinese: bool = False) -> str:
    """Return the picture as SVG."""
    settings = {**SETTINGS, "svg.fonttype": "none"} if chinese else SETTINGS
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **settings, "backend": "agg"}):
        from matplotlib.figure import Figure

        figure = Figure(layout="constrained")
        PICTURES[name](figure.subplots())
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
    return translated(text, CHINESE[name]) if chinese else text


def translated(text: str, words: dict[str, str]) -> str:
    """Return a picture with other words, none of which may be missing."""
    for english, chinese in words.items():
        if english not in text:
            raise SystemExit(f"the picture does not say {english!r}")
        text = text.replace(english, chinese)
    return FONT.sub("sans-serif", text)


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(drawn(name), encoding="utf-8")
        (FOLDER / f"{name}.zh.svg").write_text(drawn(name, chinese=True), encoding="utf-8")
