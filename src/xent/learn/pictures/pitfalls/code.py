"""The numbers of the pitfalls as lines of Python, to be copied: the wrong way, then the right one.

The tests run every line.
"""

from __future__ import annotations

import math

import numpy as np

from xent.diagnostics.policy import checks
from xent.learn.pictures.parts import with_results
from xent.learn.pictures.pitfalls.baselines import Judged
from xent.learn.pictures.pitfalls.class_weights import ROWS, Weighted
from xent.learn.pictures.pitfalls.double_softmax import Twice
from xent.learn.pictures.pitfalls.float32_cliff import Cliff
from xent.learn.pictures.pitfalls.mean_of_means import Parts
from xent.learn.pictures.pitfalls.smoothing_floor import Smoothed
from xent.losses import binary_cross_entropy, sigmoid

__all__ = [
    "of_baselines",
    "of_cliff",
    "of_means",
    "of_smoothing",
    "of_twice",
    "of_weights",
]

_MOST_WRITTEN = 12  # classes whose counts fit into a line


def of_twice(at: Twice) -> str:
    """Return softmax twice and once, of a row whose true class is 0."""
    sure, others = float(at.sure[0]), at.classes - 1
    row = f"np.r_[{sure:g}, np.zeros({others})]"
    if sure < 0:
        row = f"np.r_[0, {-sure:g}, np.zeros({others - 1})]"
    return with_results(
        (f"logits = {row}", None),
        ("xent.softmax_cross_entropy(xent.softmax(logits), 0)", float(at.twice[0])),
        ("xent.softmax_cross_entropy(logits, 0)", float(at.once[0])),
    )


def of_cliff(at: Cliff) -> str:
    """Return the loss of the rounded sigmoid, which xent does not clip, and that of the logit."""
    y = np.full(at.z.shape, at.label, np.float32)
    with checks("off"):
        rounded = float(binary_cross_entropy(sigmoid(at.z), y))
    return with_results(
        (f"z = np.array([{float(at.z[0]):g}], np.float32)", None),
        (f"y = np.array([{at.label}], np.float32)", None),
        ("xent.binary_cross_entropy(xent.sigmoid(z), y)", rounded),
        ("xent.sigmoid_cross_entropy(z, y)", float(at.exact[0])),
    )


def of_means(parts: Parts) -> str:
    """Return the mean of the means, and the mean of the merged totals."""
    totals = ", ".join(f"xent.Total({p.sum:g}, {p.weight:g}, {p.count})" for p in parts.totals)
    return with_results(
        (f"parts = [{totals}]", None),
        ("sum(part.mean() for part in parts) / 2", parts.mean_of_means),
        ("xent.merge(parts).mean()", parts.mean),
    )


def of_weights(batch: Weighted) -> str:
    """Return the one total and its two means."""
    return with_results(
        (f"target = np.repeat([0, 1], [{ROWS - batch.rare}, {batch.rare}])", None),
        (f"own = np.where(target == 1, {batch.rare_prob:g}, {batch.common_prob:g})[:, None]", None),
        ("probs = np.where(np.arange(2) == target[:, None], own, 1 - own)", None),
        (f"weight = np.array([1, {batch.weight:g}])", None),
        (
            "total = xent.categorical_cross_entropy("
            'probs, target, weight=weight, reduction="total")',
            None,
        ),
        ("total.mean(over=total.count)", batch.by_rows),
        ("total.mean()", batch.by_weights),
    )


def of_smoothing(found: Smoothed) -> str:
    """Return the entropy of the smoothed target."""
    smoothing, classes = f"{found.smoothing:g}", found.classes
    return with_results(
        (f"target = (1 - {smoothing}) * np.eye({classes})[0] + {smoothing} / {classes}", None),
        ("xent.entropy(target)", found.floor),
    )


def of_baselines(judged: Judged) -> str:
    """Return what `explain` says of the loss; nothing of too many classes, or where one has all."""
    if judged.classes > _MOST_WRITTEN or math.isnan(judged.skill):
        return ""
    counts = ", ".join(map(repr, judged.given))
    return with_results(
        (f"xent.explain({judged.loss:g}, class_frequencies=[{counts}]).skill", judged.skill),
    )
