"""Files of predictions to start from, made here: the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from xent.learn.pictures.animals import CLASSES
from xent.losses import sigmoid, softmax

__all__ = ["EXAMPLES", "broken", "many_labels_file", "one_label_file"]

SEED = 20180125  # the day of the article
ROWS = 600
TOO_SURE = 1.8  # what the model multiplies its logits by


def one_label_file() -> bytes:
    """Return a CSV of pictures with one animal each, by a model that is too sure of itself.

    The truth is drawn from the softmax of logits, and the model says the softmax of 1.8 times
    those: the best temperature is 1.8, but for what chance adds.

    >>> print(*one_label_file().decode().splitlines()[:2], sep="\\n")
    animal,p_cat,p_frog,p_mouse
    cat,0.0511912,0.0032022,0.945607
    """
    rng = np.random.default_rng(SEED)
    logits = rng.normal(scale=1.5, size=(ROWS, len(CLASSES)))
    drawn = (softmax(logits).cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1)
    probs = softmax(TOO_SURE * logits)
    rows = [(CLASSES[y], *q) for y, q in zip(np.minimum(drawn, 2), probs, strict=True)]
    return _csv(["animal", *(f"p_{c}" for c in CLASSES)], rows)


def many_labels_file() -> bytes:
    """Return a CSV of pictures with any number of animals, by a model that is calibrated.

    >>> print(*many_labels_file().decode().splitlines()[:2], sep="\\n")
    y_cat,y_frog,y_mouse,p_cat,p_frog,p_mouse
    0,0,0,0.0313998,0.0179613,0.146581
    """
    rng = np.random.default_rng(SEED + 1)
    probs = sigmoid(rng.normal([-0.5, 0.0, -1.0], 1.5, size=(ROWS, len(CLASSES))))
    labels = (rng.random(probs.shape) < probs).astype(int)
    heads = [f"{letter}_{c}" for letter in "yp" for c in CLASSES]
    return _csv(heads, [(*y, *q) for y, q in zip(labels, probs, strict=True)])


def broken() -> bytes:
    """Return the first file with one row whose probabilities do not sum to one."""
    lines = one_label_file().decode().splitlines()
    lines[12] = "mouse,0.7,0.7,0.1"
    return ("\n".join(lines) + "\n").encode()


def _csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    lines = [",".join(heads)]
    for row in rows:
        lines.append(",".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in row))
    return ("\n".join(lines) + "\n").encode()


EXAMPLES: dict[str, Callable[[], bytes]] = {
    "one_label.csv": one_label_file,
    "many_labels.csv": many_labels_file,
    "broken.csv": broken,
}
