"""The mean log loss of probabilities, validation included, against scikit-learn."""

import numpy as np
from _harness import compare, parser
from _targets import report
from sklearn.metrics import log_loss

import xent

THREADS = 2
ROWS, CLASSES = 1_000_000, 10
TARGETS = {"scikit-learn": (50,)}


def main():
    options = parser(__doc__).parse_args()
    xent.set_num_threads(THREADS)
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(CLASSES), ROWS)
    target = rng.integers(0, CLASSES, ROWS)
    rows = compare(
        "categorical_cross_entropy",
        {
            "xent": lambda: xent.categorical_cross_entropy(probs, target),
            "scikit-learn": lambda: log_loss(target, probs),
            # reads what has to be read, and does nothing with it
            "a sum of the probabilities": probs.sum,
        },
        options.rounds,
        workload=f"{ROWS:,} x {CLASSES} float64",
        same=lambda result, right: result == probs.sum() or np.isclose(result, right, rtol=1e-12),
        traffic=probs.nbytes + target.nbytes,
        results=options.results,
        targets=TARGETS,
    )
    report(rows, TARGETS)


if __name__ == "__main__":
    main()
