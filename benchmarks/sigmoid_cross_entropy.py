"""Sigmoid cross-entropy and its gradient against PyTorch and scikit-learn."""

import numpy as np
import torch
from _harness import compare, parser
from _targets import report
from sklearn._loss.loss import HalfBinomialLoss

import xent

THREADS = 2
COUNT = 20_000_000
TARGETS = {"torch": (3.5, 3.5), "scikit-learn": (5, 5)}

loss_and_gradient = xent.value_and_grad(xent.sigmoid_cross_entropy)


def implementations(logits, target):
    out = np.empty_like(logits)
    tensor, labels = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(target)
    half_binomial = HalfBinomialLoss()

    def by_torch():
        tensor.grad = None
        loss = torch.nn.functional.binary_cross_entropy_with_logits(tensor, labels, reduction="sum")
        loss.backward()
        return loss.item(), tensor.grad.numpy()

    def by_sklearn():
        losses, gradient = half_binomial.loss_gradient(
            y_true=target, raw_prediction=logits, n_threads=THREADS
        )
        return losses.sum(dtype=np.float64), gradient

    return {
        "xent": lambda: loss_and_gradient(logits, target, reduction="sum"),
        "xent, out=": lambda: loss_and_gradient(logits, target, reduction="sum", out=out),
        "torch": by_torch,
        "scikit-learn": by_sklearn,
    }


def main():
    options = parser(__doc__).parse_args()
    xent.set_num_threads(THREADS)
    torch.set_num_threads(THREADS)
    rng = np.random.default_rng(0)
    logits = rng.standard_normal(COUNT, dtype=np.float32) * np.float32(3)
    target = (rng.random(COUNT) < 0.4).astype(np.float32)
    rows = compare(
        "sigmoid_cross_entropy",
        implementations(logits, target),
        options.rounds,
        workload=f"{COUNT:,} float32",
        traffic=3 * logits.nbytes,
        results=options.results,
        targets=TARGETS,
    )
    report(rows, TARGETS)


if __name__ == "__main__":
    main()
