"""Softmax cross-entropy and its gradient against PyTorch, scikit-learn and a plain copy.

The copy of the logits is the limit: the gradient cannot be written faster.
"""

import numpy as np
import torch
from _harness import compare, parser
from _targets import report
from sklearn._loss.loss import HalfMultinomialLoss

import xent

THREADS = 2
# workload -> shape, class axis, targets: how many times as fast as which
WORKLOADS = {
    "2048 x 32000 float32": ((2048, 32000), 1, {"torch": (6, 8)}),
    "1,000,000 x 10 float32": ((1_000_000, 10), 1, {"torch": (8, 8), "scikit-learn": (2.5, 2.5)}),
    "65536 x 1000 float32": ((65536, 1000), 1, {}),
    "(8, 21, 512, 512) float32, classes in the middle": (
        (8, 21, 512, 512), 1, {"torch": (4, 4)},
    ),
    "64 x 10 float32, one call": ((64, 10), 1, {"torch": (1 / 1.5, 1 / 1.5)}),
}  # fmt: skip

loss_and_gradient = xent.value_and_grad(xent.softmax_cross_entropy)


def implementations(logits, target, axis):
    out = np.empty_like(logits)
    tensor, classes = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(target)

    def by_torch():
        tensor.grad = None
        loss = torch.nn.functional.cross_entropy(tensor, classes)
        loss.backward()
        return loss.item(), tensor.grad.numpy()

    found = {
        "xent": lambda: loss_and_gradient(logits, target, axis=axis),
        "xent, out=": lambda: loss_and_gradient(logits, target, axis=axis, out=out),
        "torch": by_torch,
    }
    if logits.ndim == 2 and logits.shape[1] == 10:
        found["scikit-learn"] = by_sklearn(logits, target)
    return found


def by_sklearn(logits, target):
    loss = HalfMultinomialLoss(n_classes=logits.shape[1])
    y = target.astype(logits.dtype)

    def run():
        losses, gradient = loss.loss_gradient(y_true=y, raw_prediction=logits, n_threads=THREADS)
        return losses.mean(dtype=np.float64), gradient

    return run


def agrees(result, expected):
    (loss, gradient), (right, right_gradient) = result, expected
    largest = np.abs(right_gradient).max()
    # scikit-learn's is the gradient of the sum, and gets no extra pass to divide it
    scale = gradient.shape[0] if np.abs(gradient).max() > 2 * largest else 1
    return np.isclose(loss, right, rtol=1e-5) and np.allclose(
        gradient / np.float32(scale), right_gradient, rtol=1e-3, atol=1e-5 * largest
    )


def measure(workload, shape, axis, targets, options):
    rng = np.random.default_rng(0)
    logits = rng.standard_normal(shape, dtype=np.float32) * np.float32(3)
    target = rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :])
    copied = np.empty_like(logits)

    def copy():
        np.copyto(copied, logits)
        return copied

    def same(result, expected):
        return np.array_equal(result, logits) if result is copied else agrees(result, expected)

    small = logits.size < 10_000
    rows = compare(
        "softmax_cross_entropy",
        {**implementations(logits, target, axis), "a copy of the logits": copy},
        options.rounds * 200 if small else options.rounds,
        workload=workload,
        same=same,
        traffic=None if small else 2 * logits.nbytes,
        results=options.results,
        targets=targets,
    )
    report(rows, targets)


def main():
    options = parser(__doc__).parse_args()
    xent.set_num_threads(THREADS)
    torch.set_num_threads(THREADS)
    for workload, (shape, axis, targets) in WORKLOADS.items():
        measure(workload, shape, axis, targets, options)


if __name__ == "__main__":
    main()
