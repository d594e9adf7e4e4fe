"""Train to convergence in float32, with torch's cross-entropy and with the exact one.

    python examples/softmax_collapse.py                 # 11,000 steps of three runs
    python examples/softmax_collapse.py --steps 300     # a few minutes
    python examples/softmax_collapse.py --figure-only   # draw the results again

The task: c = a + b modulo 113, for 60 % of all pairs (a, b); the other 40 % are the test.
A network with two hidden layers of 200, one-hot inputs, the whole training set in every
step, Adam without weight decay. It fits its training set within some hundred steps and
knows nothing of the test set then; whether it ever generalises depends on whether it goes
on learning.

In float32, `torch.nn.functional.cross_entropy` rounds the loss of a row to 0 as soon as the
true class leads by 17 nats or so, and the gradient of that class with it, while the others
keep theirs: what Prieto et al. call softmax collapse (arXiv 2501.04697, whose task and
settings these are). The formula of `xent.torch` keeps both. The third run is torch's loss of
the logits in float64, which rounds to 0 at 37 nats. The network is float32 in all three.
"""

import argparse
import datetime
import json
import platform
import subprocess
import time
from pathlib import Path

import torch
from torch import nn

import xent
from xent.torch import functional as F

FOLDER = Path(__file__).parent
MODULUS = 113
TRAIN_FRACTION = 0.6


def in_float64(logits, target, **options):
    return nn.functional.cross_entropy(logits.double(), target, **options)


RUNS = {
    "torch float32": nn.functional.cross_entropy,
    "xent float32": F.cross_entropy,
    "torch float64 loss": in_float64,
}
LINES = {
    "torch float64 loss": {"color": "silver", "linewidth": 5, "label": "torch, loss in float64"},
    "torch float32": {"color": "tab:red", "label": "torch, float32"},
    "xent float32": {"color": "tab:blue", "label": "xent, float32"},
}


def data(seed):
    """Return inputs and targets for training, and for the test."""
    pairs = torch.cartesian_prod(torch.arange(MODULUS), torch.arange(MODULUS))
    inputs = nn.functional.one_hot(pairs, MODULUS).flatten(1).float()
    targets = pairs.sum(dim=1) % MODULUS
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
    train, test = order.tensor_split([int(TRAIN_FRACTION * len(pairs))])
    return (inputs[train], targets[train]), (inputs[test], targets[test])


def network(width, seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(2 * MODULUS, width, bias=False), nn.ReLU(),
        nn.Linear(width, width, bias=False), nn.ReLU(),
        nn.Linear(width, MODULUS, bias=False),
    )  # fmt: skip


def train(name, options):
    """Yield what is measured, every `options.every` steps."""
    cross_entropy = RUNS[name]
    (x, y), (x_test, y_test) = data(options.seed)
    model = network(options.width, options.seed)
    # eps is that small to let steps go on for gradients of any size
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=5e-4, betas=(0.9, 0.99), eps=1e-25, weight_decay=0.0
    )
    start = time.perf_counter()
    for step in range(options.steps + 1):
        logits = model(x)
        loss = cross_entropy(logits, y)
        if step % options.every == 0:
            with torch.no_grad():
                rows = cross_entropy(logits, y, reduction="none")
                test_logits = model(x_test)
            yield {
                "run": name,
                "step": step,
                "loss": loss.item(),
                # of the same logits, computed without rounding to 0
                "exact_loss": float(xent.softmax_cross_entropy(logits.detach().numpy(), y.numpy())),
                "rows_of_loss_0": (rows == 0).double().mean().item(),
                "train_accuracy": accuracy(logits, y),
                "test_accuracy": accuracy(test_logits, y_test),
                "seconds": round(time.perf_counter() - start, 1),
            }
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def accuracy(logits, target):
    return (logits.argmax(dim=-1) == target).double().mean().item()


def facts(options):
    """Return what the numbers were measured with."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=FOLDER, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit or None,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {"xent": xent.__version__, "torch": torch.__version__},
        "seed": options.seed,
        "width": options.width,
        "threads": torch.get_num_threads(),
    }


def draw(rows, path):
    """Draw loss and test accuracy against the step."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7, 6.5), layout="constrained")
    for name, line in LINES.items():
        mine = [row for row in rows if row["run"] == name and "step" in row]
        if not mine:
            continue
        steps = [row["step"] for row in mine]
        top.plot(steps, [row["exact_loss"] for row in mine], **line)
        bottom.plot(steps, [100 * row["test_accuracy"] for row in mine], **line)
    top.set_yscale("log")
    top.set_ylabel("training loss of the logits (nats)")
    bottom.set_ylabel("test accuracy (%)")
    bottom.set_xlabel("step")
    top.set_title(f"a + b modulo {MODULUS}: trained to convergence", loc="left")
    top.legend(frameon=False)
    for ax in (top, bottom):
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=11_000)
    parser.add_argument("--every", type=int, default=50, help="steps between measurements")
    parser.add_argument("--losses", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--width", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "results" / "softmax_collapse.jsonl",
        help="the measurements; runs that are made again replace theirs",
    )  # fmt: skip
    parser.add_argument("--figure", type=Path, default=FOLDER / "softmax_collapse.png")
    parser.add_argument("--figure-only", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if not options.figure_only:
        for name in options.losses:
            run(name, options)
    draw(read(options.out), options.figure)


def run(name, options):
    """Train and print; this run's lines in the file of results are replaced."""
    others = [row for row in read(options.out) if row["run"] != name]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", buffering=1) as file:
        for row in [*others, {"run": name, "facts": facts(options)}]:
            file.write(json.dumps(row) + "\n")
        for row in train(name, options):
            file.write(json.dumps(row) + "\n")
            print(
                f"{name}  step {row['step']:6,}  loss {row['loss']:.3e} (exactly "
                f"{row['exact_loss']:.3e})  rows of loss 0 {row['rows_of_loss_0']:6.1%}  "
                f"test accuracy {row['test_accuracy']:6.2%}",
                flush=True,
            )


def read(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
