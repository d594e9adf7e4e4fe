"""Make the tables of docs/torch.md: `python tools/torch_accuracy.py --write`.

Each loss in float32 beside torch's and beside 50-digit arithmetic on the same inputs. With
the name of a table ("cross-entropy", "labels", "probabilities", "divergence") it is printed.
"""

import re
import sys
import warnings
from pathlib import Path

import mpmath
import numpy as np
import torch

import xent
from xent.torch import functional

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "torch.md"

MARGINS = [1, 5, 10, 15, 17, 30, 80]
PROBABILITIES = ["0.3", "1e-3", "1e-8", "1e-13", "1e-20", "1e-30"]
DIFFERENCES = [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5]

mpmath.mp.dps = 50


def both(name, inputs, *arguments, **options):
    """Value and gradient of torch's loss and of ours, as floats; the first element's gradient."""
    results = []
    for module in (torch.nn.functional, functional):
        leaf = inputs.clone().requires_grad_()
        with warnings.catch_warnings(), xent.checks("off"):
            warnings.simplefilter("ignore")
            value = getattr(module, name)(leaf, *arguments, **options)
            value.backward()
        results.append((value.item(), leaf.grad.flatten()[0].item()))
    return results


def cross_entropy():
    lines = []
    for margin in MARGINS:
        tau = mpmath.exp(-margin)
        logits = torch.tensor([[float(margin), 0.0]])
        theirs, ours = both("cross_entropy", logits, torch.tensor([0]))
        lines.append(row(margin, mpmath.log1p(tau), -tau / (1 + tau), theirs, ours))
    return table("right by (nats)", lines)


def labels():
    lines = []
    for margin in MARGINS:
        tau = mpmath.exp(-margin)
        logit = torch.tensor([float(margin)])
        name = "binary_cross_entropy_with_logits"
        theirs, ours = both(name, logit, torch.tensor([1.0]))
        lines.append(row(margin, mpmath.log1p(tau), -tau / (1 + tau), theirs, ours))
    return table("right by (nats)", lines)


def probabilities():
    lines = []
    for label in (1.0, 0.0):
        for shown in PROBABILITIES:
            probs = torch.tensor([float(shown)])
            q = mpmath.mpf(probs.item())
            loss, slope = (-mpmath.log(q), -1 / q) if label else (-mpmath.log1p(-q), 1 / (1 - q))
            theirs, ours = both("binary_cross_entropy", probs, torch.tensor([label]))
            lines.append(row(f"{shown}, {label:.0f}", loss, slope, theirs, ours))
    return table("probability, label", lines)


def divergence():
    rng = np.random.default_rng(0)
    z, noise = rng.normal(size=(2, 10))
    p = torch.from_numpy(np.exp(z) / np.exp(z).sum()).float()
    lines = []
    for difference in DIFFERENCES:
        other = z + difference * noise
        log_q = torch.from_numpy(other - np.log(np.exp(other).sum())).float()
        pairs = [
            (mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(p.tolist(), log_q.tolist(), strict=True)
        ]
        truth = mpmath.fsum(a * (mpmath.log(a) - b) for a, b in pairs)
        theirs, ours = both("kl_div", log_q, p, reduction="sum")
        values = (f"{float(value):.4g}" for value in (truth, theirs[0], ours[0]))
        lines.append(f"| {difference:g} | " + " | ".join(values) + " |")
    head = "| difference of the logits | exact loss | torch | xent |\n|---|---|---|---|"
    return "\n".join([head, *lines, ""])


def row(shown, loss, slope, theirs, ours):
    values = loss, theirs[0], ours[0], slope, theirs[1], ours[1]
    return f"| {shown} | " + " | ".join(f"{float(value):.4g}" for value in values) + " |"


def table(first, lines):
    head = f"| {first} | exact loss | torch | xent | exact gradient | torch | xent |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *lines, ""])


TABLES = {
    "cross-entropy": cross_entropy,
    "labels": labels,
    "probabilities": probabilities,
    "divergence": divergence,
}


def write():
    text = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        made = f"<!-- {name} -->\n{make()}<!-- /{name} -->"
        text = re.sub(
            rf"<!-- {name} -->\n.*?<!-- /{name} -->", lambda _, m=made: m, text, flags=re.S
        )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sys.stdout.write(TABLES[sys.argv[1]]())
