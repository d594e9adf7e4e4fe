"""xent.sklearn.log_loss against scikit-learn's, labels as they come."""

import numpy as np
import sklearn.metrics
from _harness import compare, parser
from _targets import report

import xent
import xent.sklearn

THREADS = 2
ROWS, CLASSES = 1_000_000, 10
TARGETS = {"scikit-learn": (5,)}


def main():
    options = parser(__doc__).parse_args()
    xent.set_num_threads(THREADS)
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(CLASSES), ROWS)
    target = rng.integers(0, CLASSES, ROWS)
    words = np.array([f"class {j}" for j in range(CLASSES)])[target]
    likely = rng.random(ROWS)
    happened = (rng.random(ROWS) < likely).astype(np.int64)
    few = slice(1000)
    for workload, labels, predictions in (
        (f"{ROWS:,} x {CLASSES} float64, integer labels", target, probs),
        (f"{ROWS:,} x {CLASSES} float64, words as labels", words, probs),
        (f"{ROWS:,} float64, two classes, one dimension", happened, likely),
        (f"1,000 x {CLASSES} float64, integer labels", target[few], probs[few]),
    ):
        rows = compare(
            "sklearn_log_loss",
            {
                "xent": lambda y=labels, p=predictions: xent.sklearn.log_loss(y, p),
                "scikit-learn": lambda y=labels, p=predictions: sklearn.metrics.log_loss(y, p),
            },
            options.rounds,
            workload=workload,
            same=lambda result, right: np.isclose(result, right, rtol=1e-12),
            traffic=predictions.nbytes + labels.nbytes,
            results=options.results,
            targets=TARGETS,
        )
        report(rows, TARGETS)


if __name__ == "__main__":
    main()
