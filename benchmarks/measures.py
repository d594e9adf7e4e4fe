"""Time entropy, cross-entropy and KL divergence on this machine: `python benchmarks/measures.py`.

Along the last axis, validation included. scipy has no cross-entropy: its function of p and
log q, xlogy, stands in for it. Its rel_entr is what a KL divergence is usually summed
from; it validates nothing, and loses its digits where p and q are close.
"""

import numpy as np
from _harness import compare, parser
from scipy import special, stats

from xent.information import cross_entropy, entropy, kl_divergence

WORKLOADS = [
    # (rows, classes, dtype): a classifier's predictions; a longer row, half the memory
    (1_000_000, 10, np.float64),
    (200_000, 100, np.float32),
]
# how many times as fast as scipy each is meant to be
TARGETS = {"entropy": 10.0, "kl_divergence": 8.0}


def distributions(rng, rows, classes, dtype):
    p = rng.gamma(1.0, size=(rows, classes))
    p /= p.sum(axis=-1, keepdims=True)
    return p.astype(dtype)


def implementations(p, q):
    return {
        "entropy": {
            "scipy.stats.entropy": lambda: stats.entropy(p, axis=-1),
            "numpy": lambda: -(p * np.log(p)).sum(axis=-1),
            "xent": lambda: entropy(p),
        },
        "cross_entropy": {
            "scipy.special.xlogy": lambda: -special.xlogy(p, q).sum(axis=-1),
            "numpy": lambda: -(p * np.log(q)).sum(axis=-1),
            "xent": lambda: cross_entropy(p, q),
        },
        "kl_divergence": {
            "scipy.special.rel_entr": lambda: special.rel_entr(p, q).sum(axis=-1),
            "numpy": lambda: (p * np.log(p / q)).sum(axis=-1),
            "xent": lambda: kl_divergence(p, q),
        },
    }


def main():
    options = parser(__doc__).parse_args()
    rng = np.random.default_rng(0)
    for rows, classes, dtype in WORKLOADS:
        p = distributions(rng, rows, classes, dtype)
        q = distributions(rng, rows, classes, dtype)
        for name, calls in implementations(p, q).items():
            inputs = p.nbytes if name == "entropy" else p.nbytes + q.nbytes
            compare(
                "measures",
                calls,
                options.rounds,
                workload=f"{name}, {rows:,} x {classes} {np.dtype(dtype).name}",
                traffic=inputs + p.itemsize * rows,
                results=options.results,
                target=TARGETS.get(name),
            )


if __name__ == "__main__":
    main()
