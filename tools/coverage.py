"""How often intervals of a log loss cover: the tables of docs/intervals.md, by simulation.

Predictions are calibrated, so the true loss is the mean entropy of the probabilities, found
by quadrature. `python tools/coverage.py rare` prints a table; so do `bootstrap`, `clusters`
and `slices`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xent.evaluation.groups.cells import buckets_of
from xent.evaluation.groups.replicates import ReplicateTally
from xent.evaluation.groups.slice_clusters import MOST_CELLS, SliceClusterTally
from xent.evaluation.intervals.means import Interval, cluster_interval, hall_interval
from xent.evaluation.intervals.student import student_quantile
from xent.kernels.cpu.row_keys import integer_keys

ROWS = (100, 300, 1000)
EVENTS = {"4.5 %": -3.5, "2.8 %": -4.0}  # mean of the logits, whose deviation is 1
CLUSTERS = (10, 20, 50, 200)
CLUSTER_ROWS = 10
SLICES = (8, 32, 64, 128)
SLICE_CLUSTERS = 300
LEVEL = 0.95
NORMAL = 1.959963984540054

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def softplus(z: Any) -> Any:
    return np.logaddexp(0, z)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def true_loss(mean: float, spread: float = 0.0) -> float:
    """Mean loss of logits N(mean, 1), where the true logits lie N(0, spread) beside them."""
    z = mean + NODES[:, None]
    p = sigmoid(z + spread * NODES[None])
    loss = p * softplus(-z) + (1 - p) * softplus(z)
    return float(WEIGHTS @ loss @ WEIGHTS)


def losses(rng: np.random.Generator, shape: Sequence[int], mean: float, off: Any = 0.0) -> Any:
    z = mean + rng.standard_normal(shape)
    return np.where(rng.random(shape) < sigmoid(z + off), softplus(-z), softplus(z))


def covers(interval: Any, truth: float) -> bool:
    return bool(interval.low <= truth <= interval.high)


def rare(simulations: int) -> list[dict[str, Any]]:
    """Wald's, Student's and Hall's interval of rare events."""
    found = []
    for name, mean in EVENTS.items():
        truth = true_loss(mean)
        for n in ROWS:
            nll = losses(np.random.default_rng(n), (simulations, n), mean)
            center = nll.mean(axis=1)
            off = nll - center[:, None]
            second, third = (off**2).mean(axis=1), (off**3).mean(axis=1)
            miss = np.abs(center - truth) / np.sqrt(second / (n - 1))
            hall = [
                covers(hall_interval(n, *row, LEVEL, least=0.0), truth)
                for row in zip(center, second, third, strict=True)
            ]
            found.append(
                {
                    "events": name,
                    "rows": n,
                    "Wald": np.mean(miss <= NORMAL),
                    "Student's t": np.mean(miss <= student_quantile((1 + LEVEL) / 2, n - 1)),
                    "Hall": np.mean(hall),
                }
            )
    return found


def bootstrap(simulations: int) -> list[dict[str, Any]]:
    """The bootstrap of 200 replicates: percentiles of the mean, and studentised."""
    found = []
    mean = EVENTS["4.5 %"]
    truth = true_loss(mean)
    for n in ROWS:
        rng = np.random.default_rng(n)
        percentiles, studentised = [], []
        for _ in range(simulations):
            tally = ReplicateTally(200, "id")
            keys = integer_keys(rng.integers(0, 2**62, n))
            tally.add(keys, losses(rng, (n,), mean), None)
            replicates = tally.state()
            means = [s.nll / s.weight for s in replicates.samples[1:]]
            low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            percentiles.append(low <= truth <= high)
            studentised.append(covers(replicates.interval(LEVEL), truth))
        row = {"percentile": np.mean(percentiles), "studentised": np.mean(studentised)}
        found.append({"rows": n, **row})
    return found


def of_rows(nll: np.ndarray) -> Interval:
    """The interval of the mean as if rows were independent."""
    off = nll - nll.mean()
    return hall_interval(nll.size, nll.mean(), (off**2).mean(), (off**3).mean(), LEVEL)


def clusters(simulations: int) -> list[dict[str, Any]]:
    """Rows of ten a cluster whose true logits are off together."""
    found = []
    mean, spread = -2.0, 1.0
    truth = true_loss(mean, spread)
    for count in CLUSTERS:
        rng = np.random.default_rng(count)
        off = spread * rng.standard_normal((simulations, count, 1))
        nll = losses(rng, (simulations, count, CLUSTER_ROWS), mean, off)
        alone, student, robust = [], [], []
        t = student_quantile((1 + LEVEL) / 2, count - 1)
        for one in nll:
            center = one.mean()
            alone.append(of_rows(one))
            sums = one.sum(axis=1)
            error = sums.std(ddof=1) / np.sqrt(count) / CLUSTER_ROWS
            student.append(abs(center - truth) <= t * error)
            robust.append(cluster_interval(sums, [CLUSTER_ROWS] * count, LEVEL, least=0.0))
        found.append(
            {
                "clusters": count,
                "rows as independent": np.mean([covers(i, truth) for i in alone]),
                "CR1, Student's t": np.mean(student),
                "by cluster": np.mean([covers(i, truth) for i in robust]),
            }
        )
    return found


def slices(simulations: int) -> list[dict[str, Any]]:
    """Slices of the same kind of rows, each of 300 clusters, of which fewer are kept."""
    found = []
    mean, spread = -2.0, 1.0
    truth = true_loss(mean, spread)
    for count in SLICES:
        rng = np.random.default_rng(count)
        alone, kept = [], []
        while len(kept) < simulations:
            off = spread * rng.standard_normal((count * SLICE_CLUSTERS, 1))
            nll = losses(rng, (count * SLICE_CLUSTERS, CLUSTER_ROWS), mean, off)
            cluster = np.arange(len(nll)) + rng.integers(2**62)
            site = np.repeat(np.arange(count), SLICE_CLUSTERS * CLUSTER_ROWS)
            tally = SliceClusterTally("cluster")
            values = [(str(value),) for value in range(count)]
            tally.add(values, site, integer_keys(cluster).repeat(CLUSTER_ROWS), nll.ravel(), None)
            state = tally.state()
            for value, one in zip(values, nll.reshape(count, -1), strict=True):
                alone.append(covers(of_rows(one), truth))
                kept.append(covers(state.interval(value, LEVEL), truth))
        found.append(
            {
                "slices": count,
                "clusters kept of each": buckets_of(count, MOST_CELLS),
                "rows as independent": np.mean(alone[:simulations]),
                "by cluster": np.mean(kept[:simulations]),
            }
        )
    return found


TABLES: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "rare": rare,
    "bootstrap": bootstrap,
    "clusters": clusters,
    "slices": slices,
}
# of the tables in the page: a share of 95 % is known to 0.34, 0.69 and 0.49 points
SIMULATIONS = {"rare": 4000, "bootstrap": 1000, "clusters": 2000, "slices": 2000}


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return a table with shares in percent."""
    lines = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    for row in rows:
        cells = [f"{100 * v:.1f} %" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(markdown(TABLES[name](SIMULATIONS[name])), end="")
