"""A training step of a linear layer and its cross-entropy, without the logits and with them.

The floor is three bare matrix products of the same operands: logits, and the gradients of
hidden states and weight. Memory is what a step adds at its peak beside those gradients,
measured in a process of its own for each implementation.
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
from xent.torch._linear.softmax import rows as row_blocks

THREADS = 2
TORCH = torch.nn.functional
SHAPES = {
    "1024 x 768 x 32000": (1024, 768, 32000),
    "2048 x 512 x 128256": (2048, 512, 128256),
}
# how many times as fast as each other one, at least
TARGETS = {
    "three bare products": 1 / 1.15,
    "torch, chunked": 2.3,
    "logits, torch": 1.0,
    "logits, xent.cross_entropy": 1.0,
}


def operands(shape, dtype=torch.float32):
    torch.manual_seed(0)
    rows, features, classes = shape
    hidden = (torch.randn(rows, features) / 2).to(dtype).requires_grad_()
    weight = (torch.randn(classes, features) / 16).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(0, classes, (rows,))


def step(loss, hidden, weight, target):
    def run():
        value = loss(hidden, weight, target)
        return value, *torch.autograd.grad(value, (hidden, weight))

    return run


def products(hidden, weight, _):
    """Return a step of nothing but its matrix products, into tensors that are there."""
    x, w = hidden.detach(), weight.detach()
    d_hidden, d_weight = torch.empty_like(x), torch.empty_like(w)
    logits = x.new_empty(len(x), len(w))

    def run():
        torch.mm(x, w.t(), out=logits)
        torch.mm(logits, w, out=d_hidden)
        torch.mm(logits.t(), x, out=d_weight)

    return run


def chunked(hidden, weight, target):
    options = torch.nn.LinearCrossEntropyOptions()
    return TORCH.linear_cross_entropy(hidden, weight, target, options=options)


def of_logits(loss):
    return lambda hidden, weight, target: loss(TORCH.linear(hidden, weight), target)


LOSSES = {
    "xent": F.linear_cross_entropy,
    "torch, chunked": chunked,
    "logits, torch": of_logits(TORCH.cross_entropy),
    "logits, xent.cross_entropy": of_logits(F.cross_entropy),
}


def agrees(result, expected):
    """Return whether the loss and the sums of the gradients are right; None has none."""
    if result is None:
        return True
    return all(
        (a.float() - b.float()).norm() <= 1e-4 * b.float().norm()
        for a, b in zip(result, expected, strict=True)
    )


def measure(workload, shape, options):
    hidden, weight, target = operands(shape)
    found = {name: step(loss, hidden, weight, target) for name, loss in LOSSES.items()}
    found["three bare products"] = products(hidden, weight, target)
    rows = compare(
        "linear_cross_entropy",
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
    del found
    others(workload, shape, options)


def others(workload, shape, options):
    """Time what is compared with the same step of all rows, or with its float32 products."""
    hidden, weight, target = operands(shape)
    half = target.clone()
    half[torch.randperm(len(half))[: len(half) // 2]] = -100
    narrow = operands(shape, torch.bfloat16)
    found = {
        "xent": step(F.linear_cross_entropy, hidden, weight, target),
        "xent, half of the rows ignored": step(F.linear_cross_entropy, hidden, weight, half),
        "xent, bfloat16": step(F.linear_softmax_cross_entropy, *narrow),
        "three bare products": products(hidden, weight, target),
        "three bare products, bfloat16": products(*narrow),
    }
    rows = compare(
        "linear_cross_entropy",
        found,
        options.rounds,
        workload=f"{workload}, ignored rows and bfloat16",
        same=lambda result, expected: True,  # other rows, other numbers: tests hold them
        results=options.results,
        extra_mib={"xent, bfloat16": extra_of("bfloat16", shape)},
    )
    times = {row["implementation"]: row["milliseconds"] for row in rows}
    for name, other, most in (
        ("xent, half of the rows ignored", "xent", 0.6),
        ("xent, bfloat16", "three bare products", 1.3),
    ):
        ratio = times[name] / times[other]
        met = "met" if ratio <= most else "MISSED"
        print(f"  {name} takes {ratio:.2f} of {other}, target at most {most}: {met}")
    print(f"  bfloat16: {rows[0]['extra_mib']['xent, bfloat16']:,.0f} MiB beside the gradients\n")


def trained(shape, dtype=torch.float32):
    """Return operands as of a trained model: Zipf's law, and rows that are sure of a few tokens.

    One feature holds the frequencies of the tokens; a row points at eight that are likely,
    of which one comes. About 0.02 % of the probabilities are above 2^-12, as Wijmans et al.
    found of language models.
    """
    draw = torch.Generator().manual_seed(0)
    rows, features, classes = shape
    frequency = 1 / (torch.randperm(classes, generator=draw) + 3.0)  # numbered in no order
    weight = torch.randn(classes, features, generator=draw) / features**0.5
    weight[:, 0] = (frequency.log() - frequency.log().mean()) / 4
    likely = torch.multinomial(frequency, 8 * rows, replacement=True, generator=draw).view(rows, 8)
    strength = 8 + 4 * torch.rand(rows, 8, 1, generator=draw)
    strength[:, 0] += 6 * torch.rand(rows, 1, generator=draw)
    hidden = (weight[likely] * strength).sum(dim=1)
    hidden[:, 0] = 4
    return hidden.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_(), likely[:, 0]


def filtered(workload, shape, options):
    """Time a step that leaves columns out of its gradient products, beside one that does not."""
    hidden, weight, target = trained(shape)
    shares, bounds = {}, {}

    class Seen(row_blocks.Filtered):
        def finish(self):
            shares[self.tolerance] = self.left_out
            return super().finish()

    def run(tolerance):
        def loss(*leaves):
            stats = F.linear_softmax_cross_entropy_with_stats(*leaves, filter_tolerance=tolerance)
            bounds[tolerance] = stats.gradient_error
            return stats.loss

        return step(loss, hidden, weight, target)

    found = {"xent, all columns": run(None)}
    tolerances = (1e-1, 1e-2, 1e-3, 1e-4)
    found |= {f"xent, filter_tolerance={each:g}": run(each) for each in tolerances}
    plain, row_blocks.Filtered = row_blocks.Filtered, Seen
    try:
        timed = compare(
            "linear_cross_entropy",
            found,
            options.rounds,
            workload=f"{workload} float32, as of a trained model",
            same=lambda result, expected: all(
                (a - b).norm() <= 0.11 * b.norm() for a, b in zip(result, expected, strict=True)
            ),
            results=options.results,
            left_out=shares,
            bounds=bounds,
        )
    finally:
        row_blocks.Filtered = plain
    times = {row["implementation"]: row["milliseconds"] for row in timed}
    for each in tolerances:
        hidden_share, weight_share = shares[each]
        gain = times["xent, all columns"] / times[f"xent, filter_tolerance={each:g}"]
        print(
            f"  {each:g}: {gain:.2f} times as fast; left out of the gradients of hidden and weight "
            f"{hidden_share:.0%} and {weight_share:.0%}, error at most {bounds[each]:.1e}"
        )
    print()


def extra_of(name, shape):
    """Return what a step takes at its peak beside its gradients, in MiB."""
    program = Path(__file__)
    done = subprocess.run(
        [sys.executable, str(program), "--peak", json.dumps([name, *shape])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def print_peak(name, *shape):
    dtype = torch.bfloat16 if name == "bfloat16" else torch.float32
    loss = F.linear_softmax_cross_entropy if name == "bfloat16" else LOSSES[name]
    step(loss, *operands((64, shape[1], 4096), dtype))()  # everything is loaded
    run = step(loss, *operands(shape, dtype))
    gradients = (shape[0] + shape[2]) * shape[1] * dtype.itemsize
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is in use
    before = status("VmRSS")
    kept = run()
    print((status("VmHWM") - before - gradients) / 2**20)
    del kept


def status(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def main():
    made = parser(__doc__)
    made.set_defaults(rounds=7)
    made.add_argument("--peak", help=argparse.SUPPRESS)
    options = made.parse_args()
    torch.set_num_threads(THREADS)
    if options.peak:
        print_peak(*json.loads(options.peak))
        return
    for workload, shape in SHAPES.items():
        measure(workload, shape, options)
    for workload, shape in SHAPES.items():
        filtered(workload, shape, options)


if __name__ == "__main__":
    main()
