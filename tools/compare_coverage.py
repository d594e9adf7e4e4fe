"""How often intervals of a difference cover: the table of docs/compare.md, by simulation.

`python tools/compare_coverage.py` prints it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from xent.evaluation.comparison.intervals import METHODS, difference_interval
from xent.evaluation.comparison.sums import moments
from xent.evaluation.groups.sums import MomentTally

SIMULATIONS = 4000
ROWS = (100, 300, 1000)
LEVEL = 0.95
Draw = Callable[[int], Any]


def rare_event(rng: np.random.Generator) -> tuple[Draw, float]:
    """Constant forecasts of 5 % and of 2 %, and an event of 5 %."""
    p, a, b = 0.05, 0.05, 0.02
    if_true, if_false = math.log(b / a), math.log((1 - b) / (1 - a))

    def draw(rows: int) -> Any:
        return np.where(rng.random(rows) < p, if_true, if_false)

    return draw, p * if_true + (1 - p) * if_false


def less_sure(rng: np.random.Generator) -> tuple[Draw, float]:
    """A calibrated forecast of an event of about 5 %, and one nearer to the mean."""

    def losses(p: Any, y: Any) -> Any:
        other = 1 / (1 + ((1 - p) / p) ** 0.6 * math.exp(1.2))
        return np.where(y, np.log(other / p), np.log((1 - other) / (1 - p)))

    def law(rows: int) -> Any:
        return np.clip(rng.beta(0.3, 6, rows), 1e-6, 1 - 1e-6)

    def draw(rows: int) -> Any:
        p = law(rows)
        return losses(p, rng.random(rows) < p)

    p = law(2_000_000)
    return draw, float((p * losses(p, True) + (1 - p) * losses(p, False)).mean())


def one_tail(rng: np.random.Generator) -> tuple[Draw, float]:
    """Differences with a lognormal distribution."""
    return lambda rows: rng.lognormal(size=rows), math.exp(0.5)


def two_tails(rng: np.random.Generator) -> tuple[Draw, float]:
    """Student's t of 5 degrees of freedom."""
    return lambda rows: rng.standard_t(5, size=rows), 0.0


DESIGNS = {
    "an event of 5 %, forecasts of 5 % and 2 %": rare_event,
    "rare events, a forecast and one less sure": less_sure,
    "lognormal": one_tail,
    "Student's t, 5 degrees": two_tails,
}


def simulate(simulations: int) -> list[dict[str, Any]]:
    """Return the lines of the table: shares of intervals with the truth in them."""
    lines = []
    for name, design in DESIGNS.items():
        rng = np.random.default_rng(1)
        draw, truth = design(rng)
        for rows in ROWS:
            hits = dict.fromkeys(METHODS, 0)
            for _ in range(simulations):
                tally = MomentTally()
                tally.add(None, draw(rows))
                (m,) = moments(tally)
                for method in METHODS:
                    i = difference_interval(m, LEVEL, method)
                    hits[method] += i.low <= truth <= i.high
            shares = {method: hits[method] / simulations for method in METHODS}
            lines.append({"differences": name, "rows": rows, **shares})
    return lines


TABLES = {"coverage": simulate}


def main() -> None:
    lines = simulate(SIMULATIONS)
    print("| " + " | ".join(lines[0]) + " |")
    print("|---" * len(lines[0]) + "|")
    for line in lines:
        cells = [f"{100 * v:.1f} %" if isinstance(v, float) else str(v) for v in line.values()]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
