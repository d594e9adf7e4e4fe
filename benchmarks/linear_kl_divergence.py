"""A training step of a student beside a teacher, without their logits and with them.

The floor is the four bare matrix products of a step: both logits, and the gradients of the
student's hidden states and weight. Memory is what a step adds at its peak beside those
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
TEMPERATURE = 2.0
TORCH = torch.nn.functional
# rows, features of the student and of the teacher, classes
SHAPES = {
    "1024 x (512, 768) x 32,000": (1024, 512, 768, 32_000),
    "512 x (512, 512) x 128,256": (512, 512, 512, 128_256),
}
SMALL = {"64 x (64, 96) x 32,000": (64, 64, 96, 32_000)}
# how many times as fast as each other one, at least
TARGETS = {"four bare products": 1 / 1.2, "logits, torch": 1.2, "logits, xent": 1.0}


def operands(shape):
    torch.manual_seed(0)
    rows, features, of_teacher, classes = shape
    hidden = torch.randn(rows, features).requires_grad_()
    weight = (torch.randn(classes, features) / features**0.5).requires_grad_()
    teacher_weight = torch.randn(classes, of_teacher) / of_teacher**0.5
    return hidden, weight, torch.randn(rows, of_teacher), teacher_weight


def by_torch(student, teacher):
    log_q, log_p = (torch.log_softmax(x / TEMPERATURE, 1) for x in (student, teacher))
    terms = TORCH.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
    return TEMPERATURE**2 * terms


def of_logits(loss, **options):
    return lambda h, w, g, u: loss(TORCH.linear(h, w), TORCH.linear(g, u), **options)


LOSSES = {
    "xent": lambda *operands: F.linear_kl_divergence(*operands, temperature=TEMPERATURE),
    "logits, torch": of_logits(by_torch),
    "logits, xent": of_logits(F.distillation_loss, temperature=TEMPERATURE),
}


def step(loss, operands):
    def run():
        value = loss(*operands)
        return value, *torch.autograd.grad(value, operands[:2])

    return run


def products(operands):
    """Return a step of nothing but its matrix products, into tensors that are there."""
    h, w, g, u = (x.detach() for x in operands)
    d_hidden, d_weight = torch.empty_like(h), torch.empty_like(w)
    logits = h.new_empty(len(h), len(w))

    def run():
        torch.mm(g, u.t(), out=logits)
        torch.mm(h, w.t(), out=logits)
        torch.mm(logits, w, out=d_hidden)
        torch.mm(logits.t(), h, out=d_weight)

    return run


def agrees(result, expected):
    """Return whether loss and gradients are right; None, of the bare products, has none."""
    if result is None:
        return True
    return all((a - b).norm() <= 1e-3 * b.norm() for a, b in zip(result, expected, strict=True))


def measure(workload, shape, options):
    made = operands(shape)
    found = {name: step(loss, made) for name, loss in LOSSES.items()}
    found["four bare products"] = products(made)
    rows = compare(
        "linear_kl_divergence",
        found,
        options.rounds,
        workload=f"{workload} float32",
        same=agrees,
        results=options.results,
        targets=TARGETS,
        extra_mib={name: extra_of(name, shape) for name in LOSSES},
    )
    report(rows, {name: (least,) for name, least in TARGETS.items()})
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
    for size in ((8, 8, 8, 80), shape):  # everything is loaded before it is measured
        made = operands(size)
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
        step(LOSSES[name], made)()
        peak = status("VmHWM") - before
    print((peak - sum(x.nbytes for x in made[:2])) / 2**20)


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
