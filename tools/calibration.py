"""How well the parts of a log loss are known: the tables of docs/calibration.md, by simulation.

Logits are normal, with mean 0 and deviation 1.5; the truth has `slope` times the logit. The
true parts are found by quadrature. `python tools/calibration.py chance intervals` prints both.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np

from xent.evaluation.calibration.corp import corp
from xent.evaluation.calibration.grid import default_grid
from xent.evaluation.calibration.terms import Decomposition
from xent.evaluation.summary.cells import NUM_CELLS, cell_of

ROWS = (100, 300, 1000, 5000)
SLOPES = {"calibrated": 1.0, "overconfident": 0.6, "underconfident": 1.5}
SPREAD = 1.5
REPLICATES = 200
GRID = default_grid()
PARTS = ("uncertainty", "resolution", "miscalibration")

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def loss(z: Any, p: Any) -> Any:
    """Expected loss of the logit z where the outcome has probability p."""
    return p * np.logaddexp(0, -z) + (1 - p) * np.logaddexp(0, z)


def truth(slope: float) -> dict[str, float]:
    """Return the parts of the expected loss."""
    z = SPREAD * NODES
    p = sigmoid(slope * z)
    left = float(WEIGHTS @ loss(slope * z, p))
    whole = float(np.log(2))  # of outcomes as likely as not, by symmetry
    return {
        "uncertainty": whole,
        "resolution": whole - left,
        "miscalibration": float(WEIGHTS @ loss(z, p)) - left,
    }


def decompose(n: int, slope: float, rng: np.random.Generator) -> Decomposition:
    z = SPREAD * rng.standard_normal(n)
    y = rng.random(n) < sigmoid(slope * z)
    cell = cell_of(sigmoid(z))
    zeros, ones = (np.bincount(cell[kept], minlength=NUM_CELLS) for kept in (~y, y))
    mean = loss(z, y).mean()
    (found,) = corp(zeros, ones, GRID, names=("1",), log_loss=mean, replicates=REPLICATES)
    return found


@cache
def simulated(n: int, slope: float, simulations: int) -> list[Decomposition]:
    rng = np.random.default_rng([n, round(10 * slope)])
    return [decompose(n, slope, rng) for _ in range(simulations)]


def chance(simulations: int) -> list[dict[str, Any]]:
    """What isotonic regression shows of models of known miscalibration."""
    found = []
    for name, slope in SLOPES.items():
        true = truth(slope)["miscalibration"]
        for n in ROWS:
            terms = [d.miscalibration for d in simulated(n, slope, simulations)]
            corrected = round(float(np.mean([t.corrected or 0 for t in terms])), 4)
            found.append(
                {
                    "model": name,
                    "rows": n,
                    "true": f"{true:.4f}",
                    "as computed": f"{np.mean([t.value for t in terms]):.4f}",
                    "of a calibrated model": f"{np.mean([t.null or 0 for t in terms]):.4f}",
                    "corrected": f"{corrected + 0.0:.4f}",  # no -0.0000
                    "p ≤ 5 %": float(np.mean([(t.p_value or 0) <= 0.05 for t in terms])),
                }
            )
    return found


def intervals(simulations: int) -> list[dict[str, Any]]:
    """How often the interval of each part covers it."""
    found = []
    for name, slope in SLOPES.items():
        true = truth(slope)
        for n in ROWS:
            all_parts = simulated(n, slope, simulations)
            row: dict[str, Any] = {"model": name, "rows": n}
            for part in PARTS:
                terms = [getattr(d, part) for d in all_parts]
                row[part] = float(np.mean([t.low - 1e-12 <= true[part] <= t.high for t in terms]))
            found.append(row)
    return found


SIMULATIONS = 1000  # of the tables in the page: a share of 95 % is known to 0.7 points
TABLES = {"chance": chance, "intervals": intervals}


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return a table with shares in percent."""
    lines = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    for row in rows:
        cells = [f"{100 * v:.1f} %" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(markdown(TABLES[name](SIMULATIONS)))
