"""Time a whole judgement against what people do today: `python benchmarks/evaluate_peers.py`.

The same Parquet file, from the disk to the numbers. Ours is `str(evaluate(path))`: log loss
with its interval, decomposition with its null test, temperature, the table per class, the
worst rows. Theirs is pandas to read, scikit-learn's `log_loss` and a `calibration_curve` for
each class: no interval, no decomposition, no null. Then logits of a thousand classes, as many
as a validation set of ImageNet has, where the time itself is what a person waits.
"""

import os
import tempfile

import _harness
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.special
from _targets import report
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from xent.evaluation import evaluate

LEAST = 5.0  # times as fast as pandas and scikit-learn
MOST_SECONDS = 3.0  # for the logits
# the target is that of the larger; of the smaller, what is done once is a larger part
PROBS, LOGITS = ((5_000_000, 10), (1_000_000, 10)), (50_000, 1000)


def write_probs(path, rows, classes):
    rng = np.random.default_rng(0)
    p = np.exp(2 * rng.standard_normal((rows, classes)))
    p /= p.sum(axis=1, keepdims=True)
    label = (p.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1).clip(max=classes - 1)
    columns = {f"p_{j}": p[:, j] for j in range(classes)}
    pq.write_table(pa.table({"label": label, **columns}), path)


def write_logits(path, rows, classes):
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((rows, classes), dtype=np.float32)
    label = rng.integers(classes, size=rows)
    logits[np.arange(rows), label] += 6
    lists = pa.FixedSizeListArray.from_arrays(pa.array(logits.reshape(-1)), classes)
    pq.write_table(pa.table({"label": label, "logits": lists}), path, row_group_size=10_000)


def by_scikit_learn(path):
    frame = pd.read_parquet(path)
    target = frame["label"].to_numpy()
    probs = frame.drop(columns="label").to_numpy()
    curves = [calibration_curve(target == j, probs[:, j], n_bins=15) for j in range(probs.shape[1])]
    assert len(curves) == probs.shape[1]
    return log_loss(target, probs, labels=range(probs.shape[1]))


def by_scipy(path):
    table = pq.read_table(path)
    target = table["label"].to_numpy()
    logits = table["logits"].combine_chunks().flatten().to_numpy().reshape(len(target), -1)
    nll = scipy.special.logsumexp(logits.astype(np.float64), axis=1)
    return float(np.mean(nll - logits[np.arange(len(target)), target]))


def judged(path, **options):
    result = evaluate(path, **options)
    assert "log loss" in str(result)  # what is printed is computed
    return result.log_loss


def same(result, expected):
    # both add millions of doubles, plainly or exactly: the plain sum's own error
    return abs(result / expected - 1) < 1e-11


def timed(size, kind, implementations, options, **target):
    """Time the implementations on one file, ours first."""
    return _harness.compare(
        "evaluate_peers",
        implementations,
        max(3, options.rounds // 3),
        workload=f"{size[0]:,} x {size[1]:,} {kind} in Parquet",
        same=same,
        results=options.results,
        **target,
    )


def main():
    options = _harness.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="xent-benchmark-") as folder:
        path = os.path.join(folder, "probs.parquet")
        peers = {
            "xent evaluate": lambda: judged(path),
            "pandas and scikit-learn": lambda: by_scikit_learn(path),
        }
        for size in PROBS:
            write_probs(path, *size)
            rows = timed(size, "float64", peers, options, target=LEAST)
            report(rows, {"pandas and scikit-learn": (LEAST,)})
        logits = os.path.join(folder, "logits.parquet")
        write_logits(logits, *LOGITS)
        peers = {
            "xent evaluate": lambda: judged(logits, logits="logits"),
            "Arrow and SciPy, the log loss alone": lambda: by_scipy(logits),
        }
        rows = timed(LOGITS, "float32 logits", peers, options, most_seconds=MOST_SECONDS)
        seconds = rows[0]["milliseconds"] / 1000
        said = "met" if seconds <= MOST_SECONDS else "MISSED"
        print(f"  {seconds:.2f} s, target at most {MOST_SECONDS} s: {said}")


if __name__ == "__main__":
    main()
