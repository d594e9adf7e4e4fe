"""Losses of tensors, forward and backward through autograd, against torch.nn.functional.

Each implementation runs eager and under torch.compile. What the sampled checks cost is the
difference to "checks off".
"""

import numpy as np
import torch
from _harness import compare, parser
from _targets import report

import xent
from xent.torch import functional as F

THREADS = 2
TORCH = torch.nn.functional
# workload -> shape, dtype: how many times as fast as torch, eager and compiled
SOFTMAX = {
    "2048 x 32000 float32": ((2048, 32000), torch.float32, 6),
    "65536 x 1000 float32": ((65536, 1000), torch.float32, 6),
    "1,048,576 x 10 float32": ((1_048_576, 10), torch.float32, 5),
    "(8, 21, 512, 512) float32, classes in the middle": ((8, 21, 512, 512), torch.float32, 4),
    "2048 x 32000 bfloat16": ((2048, 32000), torch.bfloat16, 4),
    "64 x 10 float32, one call": ((64, 10), torch.float32, 1 / 1.5),
}
SIGMOID = {"20,000,000 float32": ((20_000_000,), torch.float32, 3)}


def softmax_case(shape, dtype):
    x = (torch.randn(shape) * 3).to(dtype)
    target = torch.randint(0, shape[1], shape[:1] + shape[2:])
    return x, target, "cross_entropy"


def sigmoid_case(shape, dtype):
    x = (torch.randn(shape) * 3).to(dtype)
    target = (torch.rand(shape) < 0.3).to(dtype)
    return x, target, "binary_cross_entropy_with_logits"


def step(loss, x, target):
    x = x.clone().requires_grad_()

    def run():
        x.grad = None
        value = loss(x, target)
        value.backward()
        return value, x.grad

    return run


def unchecked(loss):
    def run(x, target):
        with xent.checks("off"):
            return loss(x, target)

    return run


def agrees(result, expected):
    (loss, gradient), (right, right_gradient) = result, expected
    # half an ulp of the dtype, and the rounding of torch's sums
    close = 2**-7 if gradient.dtype is torch.bfloat16 else 1e-5
    scale = right_gradient.abs().max().item()
    return np.isclose(loss.item(), right.item(), rtol=close) and torch.allclose(
        gradient.float(), right_gradient.float(), rtol=100 * close, atol=close * scale
    )


def measure(workload, case, shape, dtype, target_ratio, options):
    torch._dynamo.reset()
    x, target, name = case(shape, dtype)
    ours, theirs = getattr(F, name), getattr(TORCH, name)
    found = {
        "xent": step(ours, x, target),
        "xent, checks off": step(unchecked(ours), x, target),
        "torch": step(theirs, x, target),
    }
    if x.numel() > 10_000:
        found["xent, compiled"] = step(torch.compile(ours, fullgraph=True), x, target)
        found["torch, compiled"] = step(torch.compile(theirs, fullgraph=True), x, target)
    rows = compare(
        "torch_losses",
        found,
        options.rounds if x.numel() > 10_000 else options.rounds * 100,
        workload=f"{name} {workload}",
        same=agrees,
        traffic=2 * x.numel() * x.element_size() if x.numel() > 10_000 else None,
        results=options.results,
        targets={"torch": target_ratio},
    )
    # the target is for eager calls; the others get their ratio printed
    report([row for row in rows if "compiled" not in row["implementation"]],
           {"torch": (target_ratio, target_ratio)})  # fmt: skip
    report([row for row in rows if "compiled" in row["implementation"]], {})


def main():
    options = parser(__doc__).parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    for workload, (shape, dtype, ratio) in SOFTMAX.items():
        measure(workload, softmax_case, shape, dtype, ratio, options)
    for workload, (shape, dtype, ratio) in SIGMOID.items():
        measure(workload, sigmoid_case, shape, dtype, ratio, options)


if __name__ == "__main__":
    main()
