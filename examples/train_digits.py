"""Train a classifier of handwritten digits twice, with one line changed.

    python examples/train_digits.py

`torch.nn.functional.cross_entropy` and `xent.torch.functional.cross_entropy` in the same
program: the same seed, the same batches, the same network. Both learn the same, to rounding;
what differs are the images of which the network is so sure that float32 rounds torch's loss of
them to 0, and the gradient of the true class with it. The data ship with scikit-learn.
"""

import argparse
import time

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from xent.torch import functional as F

LOSSES = {
    "torch": nn.functional.cross_entropy,
    "xent": F.cross_entropy,  # the one line
}


def data():
    """Return (images, digits) for training and for the test."""
    images, digits = load_digits(return_X_y=True)
    split = train_test_split(images / 16, digits, test_size=0.25, random_state=0, stratify=digits)
    x, x_test, y, y_test = split
    return [
        (torch.tensor(images, dtype=torch.float32), torch.tensor(digits))
        for images, digits in ((x, y), (x_test, y_test))
    ]


def train(cross_entropy, epochs, batch_size=64):
    (x, y), (x_test, y_test) = data()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    start = time.perf_counter()
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            loss = cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        logits, test_logits = model(x), model(x_test)
        rows = cross_entropy(logits, y, reduction="none")
        return {
            "training loss": cross_entropy(logits, y).item(),
            "images of loss 0": (rows == 0).sum().item(),
            "test loss": cross_entropy(test_logits, y_test).item(),
            "test accuracy": (test_logits.argmax(-1) == y_test).float().mean().item(),
            "seconds": seconds,
        }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the network is too small to share
    print(f"{'':8}{'training loss':>15}{'of loss 0':>12}{'test loss':>12}{'accuracy':>11}{'s':>7}")
    for name, cross_entropy in LOSSES.items():
        found = train(cross_entropy, options.epochs)
        print(
            f"{name:8}{found['training loss']:15.4g}{found['images of loss 0']:12,}"
            f"{found['test loss']:12.4f}{found['test accuracy']:11.2%}{found['seconds']:7.1f}"
        )


if __name__ == "__main__":
    main()
