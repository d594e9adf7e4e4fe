"""A training step of many labels by a linear layer, without the logits and with them.

The floor is three bare matrix products of the same operands: logits, and the gradients of
hidden states and weight. Those who build the logits need a dense target too, which is made
beforehand and costs them nothing here. Memory is what a step adds at its peak beside its
gradients, measured in a process of its own for each implementation.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from _harness import compare, parser
from _targets import report

from xent.torch import functional as F

THREADS = 2
TORCH = torch.nn.functional
PER_ROW = 5
SHAPES = {
    "256 x 64 x 500,000": (256, 64, 500_000),
    "512 x 256 x 131,072": (512, 256, 131_072),
}
SMALL = {"64 x 32 x 20,000": (64, 32, 20_000)}
# how many times as fast as each other one, at least
TARGETS = {"three bare products": 1 / 1.3, "logits, torch": 1.5, "logits, xent": 1.0}


def operands(shape):
    torch.manual_seed(0)
    rows, features, labels = shape
    hidden = torch.randn(rows, features).requires_grad_()
    weight = (torch.randn(labels, features) / 16).requires_grad_()
    # distinct in a row
    step = labels // PER_ROW
    target = torch.randint(0, step, (rows, PER_ROW)) + step * torch.arange(PER_ROW)
    return hidden, weight, target


def dense_of(target, labels):
    return torch.zeros(len(target), labels).scatter_(1, target, 1.0)


def step(loss, hidden, weight, target):
    def run():
        value = loss(hidden, weight, target)
        return value, *torch.autograd.grad(value, (hidden, weight))

    return run


def products(hidden, weight):
    """Return a step of nothing but its matrix products, into tensors that are there."""
    x, w = hidden.detach(), weight.detach()
    d_hidden, d_weight = torch.empty_like(x), torch.empty_like(w)
    logits = x.new_empty(len(x), len(w))

    def run():
        torch.mm(x, w.t(), out=logits)
        torch.mm(logits, w, out=d_hidden)
        torch.mm(logits.t(), x, out=d_weight)

    return run


def of_logits(loss):
    return lambda hidden, weight, target: loss(TORCH.linear(hidden, weight), target)


# the name, and whether the target is dense
LOSSES = {
    "xent": (F.linear_sigmoid_cross_entropy, False),
    "xent, dense target": (F.linear_sigmoid_cross_entropy, True),
    "logits, torch": (of_logits(TORCH.binary_cross_entropy_with_logits), True),
    "logits, xent": (of_logits(F.binary_cross_entropy_with_logits), True),
}


def agrees(result, expected):
    """Return whether loss and gradients are right; None, of the bare products, has none."""
    if result is None:
        return True
    return all((a - b).norm() <= 1e-4 * b.norm() for a, b in zip(result, expected, strict=True))


def measure(workload, shape, options):
    hidden, weight, target = operands(shape)
    dense = dense_of(target, shape[2])
    found = {
        name: step(loss, hidden, weight, dense if is_dense else target)
        for name, (loss, is_dense) in LOSSES.items()
    }
    found["three bare products"] = products(hidden, weight)
    rows = compare(
        "linear_sigmoid_cross_entropy",
        found,
        options.rounds,
        workload=f"{workload} float32, {PER_ROW} labels a row",
        same=agrees,
        results=options.results,
        targets=TARGETS,
        extra_mib={name: extra_of(name, shape) for name in LOSSES},
    )
    report([row for row in rows if row["implementation"] != "xent, dense target"],
           {name: (least,) for name, least in TARGETS.items()})  # fmt: skip
    for name, mib in rows[0]["extra_mib"].items():
        print(f"  {name}: {mib:,.0f} MiB beside the gradients")


def extra_of(name, shape):
    """Return what a step takes at its peak beside its gradients, in MiB."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), "--peak", json.dumps([name, *shape])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def print_peak(name, *shape):
    torch.set_num_threads(THREADS)
    loss, is_dense = LOSSES[name]
    for size in ((8, 8, 80), shape):  # everything is loaded before it is measured
        hidden, weight, target = operands(size)
        if is_dense:
            target = dense_of(target, size[2])
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
        step(loss, hidden, weight, target)()
        peak = status("VmHWM") - before
    gradients = sum(x.numel() * x.element_size() for x in (hidden, weight))
    print((peak - gradients) / 2**20)


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def main():
    made = parser(__doc__)
    made.add_argument("--small", action="store_true", help="one shape that takes seconds")
    made.add_argument("--peak", help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.peak:
        print_peak(*json.loads(options.peak))
        return
    torch.set_num_threads(THREADS)
    for workload, shape in (SMALL if options.small else SHAPES).items():
        measure(workload, shape, options)


if __name__ == "__main__":
    main()
