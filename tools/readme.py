"""Make what the README shows: `python tools/readme.py --write`.

Tables are computed or read from benchmarks/results/, and what commands print is what they
print. With the name of a table ("exact", "kl", "speed") it is printed instead.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

MARGINS = [5, 10, 15, 17, 50]
DIFFERENCES = [1e-3, 1e-5, 1e-7, 1e-9]

# file of results, start of the workload, ours, theirs, what to call it
SPEED = [
    ("softmax_cross_entropy", "2048 x 32000", "torch", "softmax loss + gradient, 2048 x 32000"),
    ("softmax_cross_entropy", "1,000,000 x 10", "torch", "the same, 1,000,000 x 10"),
    ("softmax_cross_entropy", "1,000,000 x 10", "scikit-learn", ""),
    ("softmax_cross_entropy", "(8, 21, 512, 512)", "torch", "the same, (8, 21, 512, 512)"),
    ("softmax_cross_entropy", "64 x 10", "torch", "the same, one call of 64 x 10"),
    ("sigmoid_cross_entropy", "20,000,000", "torch", "sigmoid loss + gradient, 20,000,000"),
    ("sigmoid_cross_entropy", "20,000,000", "scikit-learn", ""),
    ("torch_losses", "cross_entropy 2048 x 32000 float32", "torch",
     "training step, F.cross_entropy, 2048 x 32000"),
    ("torch_losses", "cross_entropy 2048 x 32000 bfloat16", "torch", "the same, bfloat16"),
    ("torch_losses", "cross_entropy 65536 x 1000", "torch", "the same, 65536 x 1000"),
    ("torch_losses", "cross_entropy 64 x 10", "torch", "the same, 64 x 10"),
    ("torch_losses", "binary_cross_entropy_with_logits", "torch",
     "the same, binary_cross_entropy_with_logits, 20,000,000"),
    ("linear_cross_entropy", "1024 x 768 x 32000 float32", "torch, chunked",
     "training step without logits, 1024 x 768 x 32000"),
    ("linear_cross_entropy", "2048 x 512 x 128256 float32", "torch, chunked",
     "the same, 2048 x 512 x 128256"),
    ("categorical_cross_entropy", "1,000,000 x 10", "scikit-learn", "log loss, 1,000,000 x 10"),
    ("measures", "entropy, 1,000,000", "scipy.stats.entropy", "entropy, 1,000,000 x 10"),
    ("measures", "kl_divergence, 1,000,000", "scipy.special.rel_entr", "KL, 1,000,000 x 10"),
]  # fmt: skip


def exact():
    import mpmath
    import numpy as np
    import torch

    import xent

    lines = []
    for margin in MARGINS:
        logits = np.array([[margin, 0]], np.float32)
        truth = mpmath.log1p(mpmath.exp(-margin))
        theirs = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.tensor([0]))
        ours = xent.softmax_cross_entropy(logits, np.array([0]), reduction="none")[0]
        numbers = (f"{float(value):.4g}" for value in (truth, theirs, ours))
        lines.append(f"| {margin} | " + " | ".join(numbers) + " |")
    return "\n".join(["| right by (nats) | exact loss | torch, float32 | xent, float32 |",
                      "|---|---|---|---|", *lines, ""])  # fmt: skip


def kl():
    import mpmath
    import numpy as np
    import scipy.stats

    import xent

    mpmath.mp.dps = 50
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10))
    lines = []
    for relative in DIFFERENCES:
        q = p * (1 + relative * rng.normal(size=10))
        q /= q.sum()
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(p, q, strict=True)]
        truth = mpmath.fsum(a * mpmath.log(a / b) - a + b for a, b in pairs)
        numbers = truth, scipy.stats.entropy(p, q), xent.kl_divergence(p, q)
        shown = " | ".join(f"{float(value):.4g}" for value in numbers)
        lines.append(f"| {relative:g} | {shown} |")
    return "\n".join(["| relative difference | exact | scipy.stats.entropy | xent |",
                      "|---|---|---|---|", *lines, ""])  # fmt: skip


def speed():
    found = {}
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            # the newest run comes last
            found[row["name"], row["workload"], row["implementation"]] = row
    lines, facts = [], None
    for name, workload, rival, label in SPEED:
        rows = {
            key[2]: row
            for key, row in found.items()
            if key[0] == name and key[1].startswith(workload)
        }
        ours, theirs = rows["xent"], rows[rival]
        facts = ours
        ratio = theirs["milliseconds"] / ours["milliseconds"]
        lines.append(
            f"| {label or 'against another'} | {time(ours)} | {rival} {time(theirs)} "
            f"| {ratio:.1f} x |"
        )
    versions = facts["versions"]
    peers = ", ".join(f"{peer} {versions[peer]}" for peer in ("torch", "scikit-learn", "scipy"))
    return "\n".join([
        "| what | xent | against | times as fast |", "|---|---|---|---|", *lines, "",
        f"{facts['cpu']}, {facts['isa']}, {facts['threads']} threads, {facts['date'][:10]}, "
        f"commit {facts['commit']}; {peers}.", "",
    ])  # fmt: skip


def time(row):
    milliseconds = row["milliseconds"]
    return f"{milliseconds:.1f} ms" if milliseconds >= 1 else f"{milliseconds * 1e3:.0f} µs"


TABLES = {"exact": exact, "kl": kl, "speed": speed}


def printed_by(command):
    arguments = shlex.split(command)[1:]
    run = [sys.executable, "-m", "xent.cli", *arguments]
    return subprocess.run(
        run, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout


def write():
    text = README.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        made = f"<!-- {name} -->\n{make()}<!-- /{name} -->"
        text = re.sub(
            rf"<!-- {name} -->\n.*?<!-- /{name} -->", lambda _, m=made: m, text, flags=re.S
        )
    text = re.sub(
        r"```console\n\$ (.+)\n(?:.*\n)*?```",
        lambda found: f"```console\n$ {found[1]}\n{printed_by(found[1])}```",
        text,
    )
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sys.stdout.write(TABLES[sys.argv[1]]())
