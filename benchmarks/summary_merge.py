"""Adding two summaries, and doing so through text: what an engine does for each partition.

The target is that two summaries of a default evaluation add in under a millisecond, for ten
classes as for a thousand, without weights, with weights of few digits and with weights of all
digits. Predictions of every confidence are among the rows, so that nearly every cell of every
class is kept: few rows make small states, which say nothing. Run it on a quiet machine:
python benchmarks/summary_merge.py
"""

import itertools

import _harness
import numpy as np

from xent.evaluation import Summary, evaluate

ROWS = 40_000
MOST_MILLISECONDS = 1.0
REPEATS = 20  # of one timing: a merge is too short for the clock


WEIGHTS = {
    "no weights": lambda rng: None,
    "weights of few digits": lambda rng: rng.integers(1, 9, size=ROWS) / 4,
    "weights of all digits": lambda rng: rng.random(ROWS),
}


def parts(classes, weights):
    """Summaries of two halves, and of the whole."""
    rng = np.random.default_rng(0)
    logits = 10 ** rng.uniform(-1, 1, (ROWS, 1)) * rng.standard_normal((ROWS, classes))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    target = rng.integers(classes, size=ROWS)
    weight = WEIGHTS[weights](rng)

    def summary(rows):
        chosen = {} if weight is None else {"weight": weight[rows]}
        return evaluate(target=target[rows], probs=p[rows], **chosen).summary

    half = ROWS // 2
    halves = {"part-0.parquet": slice(half), "part-1.parquet": slice(half, None)}
    return *(summary(rows).in_part(name) for name, rows in halves.items()), summary(slice(None))


def main():
    options = _harness.parser(__doc__).parse_args()
    for weights, classes in itertools.product(WEIGHTS, (2, 10, 1000)):
        a, b, whole = parts(classes, weights)
        texts = a.to_json(), b.to_json()

        def add(a=a, b=b):
            for _ in range(REPEATS - 1):
                a + b
            return a + b

        def through_text(texts=texts):
            for _ in range(REPEATS):
                merged = Summary.from_json(texts[0]) + Summary.from_json(texts[1])
                merged.to_json()
            return merged

        def same(result, _, whole=whole):
            return result.without_rows() == whole.without_rows()

        rows = _harness.compare(
            "summary_merge",
            {"a + b": add, "read, add, write": through_text},
            options.rounds,
            workload=f"{REPEATS} merges, {classes:,} classes, {weights}",
            same=same,
            results=options.results,
            merges=REPEATS,
            kilobytes_of_a_state=round(len(texts[0]) / 1e3),
            most_milliseconds=MOST_MILLISECONDS,
        )
        each = rows[0]["milliseconds"] / REPEATS
        print(f"  one merge  {each:.3f} ms (at most {MOST_MILLISECONDS} ms)")


if __name__ == "__main__":
    main()
