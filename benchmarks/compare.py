"""Comparing two models on a million rows, beside evaluating each: python benchmarks/compare.py.

Evaluating both is what a comparison cannot do without: losses, cells, temperatures. The rest is
moments of the difference, of both losses by class, and of two divergences, all of them exact,
and percentiles.
"""

import _harness
import numpy as np

from xent.evaluation import compare, evaluate

ROWS = 1_000_000


def predictions():
    """Two models that know the odds of an event, give or take noise of their own."""
    rng = np.random.default_rng(0)
    logit = rng.normal(size=ROWS)
    noise = 0.3 * rng.normal(size=(2, ROWS))
    target = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    a, b = (
        1 / (1 + np.exp(-(scale * logit + e))) for scale, e in zip((1, 0.8), noise, strict=True)
    )
    return target, a, b


def main():
    options = _harness.parser(__doc__).parse_args()
    target, a, b = predictions()
    weight = np.random.default_rng(1).random(ROWS)
    for name, beside in (("", {}), (", with weights", {"weight": weight})):
        losses = [-np.log(np.where(target == 1, p, 1 - p)) for p in (a, b)]
        expected = np.average(losses[0] - losses[1], weights=beside.get("weight"))

        def each(beside=beside):
            found = [evaluate(target=target, probs=p, **beside) for p in (a, b)]
            return found[0].log_loss - found[1].log_loss

        def together(beside=beside):
            return compare(a, b, target=target, **beside).difference

        _harness.compare(
            "compare",
            {"evaluate each": each, "compare": together},
            options.rounds,
            workload=f"{ROWS:,} rows, two classes{name}",
            same=lambda found, right: abs(found - right) < 1e-12,
            expected=expected,
            results=options.results,
        )


if __name__ == "__main__":
    main()
