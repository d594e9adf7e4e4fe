"""What pictures cost that have one label, or many: the numbers of chapters 5 and 6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xent.information import entropy
from xent.learn.pictures.animals import Numbers, plain
from xent.losses import (
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    value_and_grad,
)

__all__ = [
    "Both",
    "ManyLabels",
    "ManyLabelsBatch",
    "OneLabel",
    "OneLabelBatch",
    "both",
    "many_labels",
    "many_labels_batch",
    "one_label",
    "one_label_batch",
    "shared_floor",
    "softmax_loss",
]


@dataclass(frozen=True)
class OneLabel:
    """One picture of which exactly one class is true, in nats."""

    logits: Numbers
    truth: int
    probs: Numbers  # softmax(logits): they sum to 1
    losses: Numbers  # -log q of every class: what it would cost if that one were the truth
    loss: float  # that of the true class
    gradient: Numbers  # of the loss by each logit: q - y


@dataclass(frozen=True)
class OneLabelBatch:
    """Pictures of one class each, and their mean."""

    pictures: tuple[OneLabel, ...]
    total: float
    mean: float

    @property
    def geometric_mean_probability(self) -> float:
        """exp(-mean): the probability that, given to every truth, would cost as much."""
        return math.exp(-self.mean)


@dataclass(frozen=True)
class ManyLabels:
    """One picture with a label of 0 or 1 for each class, in nats."""

    logits: Numbers
    labels: tuple[int, ...]
    probs: Numbers  # sigmoid of each logit by itself
    losses: Numbers  # of each node
    loss: float  # their sum
    gradient: Numbers  # of the sum by each logit: sigmoid(z) - y


@dataclass(frozen=True)
class ManyLabelsBatch:
    """Pictures of several labels, and the three numbers that people call the loss of a batch."""

    pictures: tuple[ManyLabels, ...]
    total: float  # over nodes and pictures, as the article has it
    mean_over_pictures: float  # reduction="mean" with axis=-1
    mean_over_nodes: float  # reduction="mean", the default, as torch's BCEWithLogitsLoss has it


@dataclass(frozen=True)
class Both:
    """The same logits as one distribution, and as one answer each."""

    softmax: Numbers
    sigmoid: Numbers


def one_label(logits: Sequence[float], truth: int) -> OneLabel:
    """Return what a picture of one class costs, and where its gradient points.

    >>> frog = one_label([math.log(3), math.log(6), 0.0], 1)
    >>> [round(q, 12) for q in frog.probs], round(frog.loss, 4)
    ([0.3, 0.6, 0.1], 0.5108)
    >>> [round(g, 12) for g in frog.gradient]
    [0.3, -0.4, 0.1]
    """
    z = np.array(logits, dtype=np.float64)
    loss, gradient = value_and_grad(softmax_cross_entropy)(z, truth)
    each = np.arange(len(z))
    losses = softmax_cross_entropy(np.tile(z, (len(z), 1)), each, reduction="none")
    return OneLabel(plain(z), truth, plain(softmax(z)), plain(losses), loss, plain(gradient))


def one_label_batch(logits: Sequence[Sequence[float]], truths: Sequence[int]) -> OneLabelBatch:
    """Return the pictures of a batch, the sum of their losses and the mean.

    >>> batch = one_label_batch([[0.0, 0.0, 0.0]] * 2, [0, 2])
    >>> round(batch.mean, 4), round(batch.total, 4)  # log 3, twice
    (1.0986, 2.1972)
    """
    z, y = np.array(logits, dtype=np.float64), np.array(truths)
    pictures = tuple(one_label(row, int(truth)) for row, truth in zip(z, y, strict=True))
    total = softmax_cross_entropy(z, y, reduction="sum")
    return OneLabelBatch(pictures, total, softmax_cross_entropy(z, y))


def many_labels(logits: Sequence[float], labels: Sequence[int]) -> ManyLabels:
    """Return what each node of a picture costs, and their sum.

    >>> picture = many_labels([0.0, 0.0, 0.0], [0, 1, 1])
    >>> [round(loss, 4) for loss in picture.losses], round(picture.loss, 4)  # log 2 each
    ([0.6931, 0.6931, 0.6931], 2.0794)
    """
    z, y = np.array(logits, dtype=np.float64), np.array(labels)
    loss, gradient = value_and_grad(sigmoid_cross_entropy)(z, y, reduction="sum")
    losses = sigmoid_cross_entropy(z, y, reduction="none")
    flags = tuple(int(label) for label in y)
    return ManyLabels(plain(z), flags, plain(sigmoid(z)), plain(losses), loss, plain(gradient))


def many_labels_batch(
    logits: Sequence[Sequence[float]], labels: Sequence[Sequence[int]]
) -> ManyLabelsBatch:
    """Return the pictures of a batch, and its sum and means.

    >>> import math
    >>> batch = many_labels_batch([[0.0, 0.0, 0.0]] * 2, [[0, 1, 1], [1, 0, 0]])
    >>> round(batch.total / math.log(2), 12), round(batch.mean_over_nodes / math.log(2), 12)
    (6.0, 1.0)
    """
    z, y = np.array(logits, dtype=np.float64), np.array(labels)
    pictures = tuple(many_labels(row, flags) for row, flags in zip(z, y, strict=True))
    return ManyLabelsBatch(
        pictures,
        total=sigmoid_cross_entropy(z, y, reduction="sum"),
        mean_over_pictures=sigmoid_cross_entropy(z, y, axis=-1),
        mean_over_nodes=sigmoid_cross_entropy(z, y),
    )


def both(logits: Sequence[float]) -> Both:
    """Return softmax and sigmoid of logits.

    >>> both([0.0, 0.0]) == Both((0.5, 0.5), (0.5, 0.5))
    True
    """
    z = np.array(logits, dtype=np.float64)
    return Both(plain(softmax(z)), plain(sigmoid(z)))


def shared_floor(count: int) -> float:
    """Return the least that n-hot labels could cost under a softmax: count times log count.

    Each of them is given 1 / count then.

    >>> shared_floor(1), round(shared_floor(2), 4)
    (0.0, 1.3863)
    """
    return float(count * entropy(np.full(count, 1 / count)))


def softmax_loss(many: ManyLabels) -> float:
    """Return the softmax loss of the same logits, where exactly one label is 1."""
    return float(softmax_cross_entropy(np.array(many.logits), np.array(many.labels)))
