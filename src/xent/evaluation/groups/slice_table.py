"""The table by slice: the loss of each, whose weighted mean is the loss of all rows."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from xent.evaluation.exact import ONE, ratio
from xent.evaluation.groups.chance import expected_information
from xent.evaluation.groups.slices import SliceSums, Value
from xent.evaluation.intervals.means import Interval, hall_interval, no_interval
from xent.evaluation.numbers import counted
from xent.evaluation.summary.summary import Summary
from xent.information import mutual_information

__all__ = ["FEW_ROWS", "SliceRow", "by_chance", "information", "slice_rows", "tied"]

FEW_ROWS = 30


@dataclass(frozen=True)
class SliceRow:
    """One line of the table by slice; losses in the evaluation's unit.

    With P(s) the share of the weight, the losses add up: the log loss of all rows is the sum
    of ``share * log_loss``, and the entropy of the class frequencies is the sum of
    ``share * frequency_log_loss`` and what the column tells about the class
    (`Evaluation.slice_information`).

    Parameters
    ----------
    value : str
        The value of the column, or the values of several, as text.
    count : int
        Rows.
    share : float
        Of the weight of all rows.
    log_loss : float
        Mean over the rows of the slice.
    interval : Interval
        Of `log_loss`: by Hall's method, and where clusters were named by those that the slice has.
        Up to two slices keep 1024 clusters each, 128 slices 16; see `SliceClusters`. Of more
        slices, and of rows that are drawn together by `id`, none is known, and its note says so.
    share_of_loss : float
        Of the loss of all rows that are not impossible.
    frequency_log_loss : float
        Of always predicting the class frequencies of the slice: their entropy.
    skill : float
        1 - log_loss / frequency_log_loss.
    few : bool
        Whether the slice has fewer than 30 rows, which say little.
    num_clusters : int, optional
        How many clusters, or groups of them, the interval is made of; None where it is of rows.
    """

    value: str
    count: int
    share: float
    log_loss: float
    interval: Interval
    share_of_loss: float
    frequency_log_loss: float
    skill: float
    few: bool
    num_clusters: int | None = None


def tied(summary: Summary) -> bool:
    """Whether rows vary together, and nothing kept allows for it: no slice has an interval."""
    kept = summary.slice_clusters
    return _vary_together(summary) and (kept is None or kept.too_many)


def _vary_together(summary: Summary) -> bool:
    """Whether a column was named whose rows vary together."""
    drawn = summary.replicates
    if drawn is not None:
        return bool(drawn.key_column) and drawn.tied
    return summary.clusters is not None and summary.clusters.tied


def slice_rows(summary: Summary, unit: float, level: float) -> list[SliceRow]:
    """Return the table; `unit` is the nats of one unit."""
    if summary.slices is None:
        return []
    together = _vary_together(summary)
    clusters = summary.slice_clusters if together else None
    rows = []
    for value, s in summary.slices.of.items():
        loss = ratio(s.sums.nll, s.weight * summary.decisions)
        if s.num_impossible:
            loss = math.inf
        entropy = _entropy(summary, s)
        if s.num_impossible:
            method = "cluster" if together else "hall"
            interval = no_interval(level, method, "the loss is infinite")
        elif together:
            interval = _of_clusters(summary, value, level)
        else:
            interval = _of_rows(summary, s, level)
        of = None if clusters is None else clusters.of.get(value)
        rows.append(
            SliceRow(
                value=", ".join(value),
                count=s.num_rows,
                share=ratio(s.weight, summary.sum_weight),
                log_loss=loss / unit,
                interval=interval.scaled(1 / unit),
                share_of_loss=ratio(s.sums.nll, summary.sum_nll) if summary.sum_nll else 0.0,
                frequency_log_loss=entropy / unit,
                skill=1 - loss / entropy if entropy > 0 else math.nan,
                few=s.num_rows < FEW_ROWS,
                num_clusters=None if of is None else of.num_clusters,
            )
        )
    return rows


def _of_clusters(summary: Summary, value: Value, level: float) -> Interval:
    if summary.slice_clusters is None:
        # rows are drawn together by their id
        return no_interval(level, "cluster", "rows of a cluster are not independent")
    return summary.slice_clusters.interval(value, level, scale=summary.decisions)


def _of_rows(summary: Summary, s: SliceSums, level: float) -> Interval:
    found = hall_interval(*s.sums.moments(s.num_rows, summary.decisions), level, least=0.0)
    if found.low == found.high:
        return replace(found, note=f"all {counted(s.num_rows, 'loss', 'losses')} are equal")
    return found


def _entropy(summary: Summary, s: SliceSums) -> float:
    """Of the class frequencies of a slice, in nats; for labels the mean over them."""
    if summary.kind == "log_probs" or not s.weight:
        return math.nan
    shares = [ratio(w, s.weight) for w in s.classes.values()]
    if summary.kind == "labels":
        # a label and its complement
        shares += [ratio(s.weight - w, s.weight) for w in s.classes.values()]
    return math.fsum(-p * math.log(p) for p in shares if p > 0) / summary.decisions


def information(summary: Summary) -> float:
    """Return the mutual information of the slice and the class, in nats; mean over labels."""
    if summary.slices is None or summary.kind == "log_probs" or not summary.sum_weight:
        return math.nan
    slices = summary.slices.of.values()
    if summary.kind == "classes":
        classes = sorted({j for s in slices for j in s.classes})
        joint = [[ratio(s.classes.get(j, 0), summary.sum_weight) for j in classes] for s in slices]
        return float(mutual_information(np.array(joint), normalize=True))
    each = []
    for j in range(summary.num_classes):
        pairs = [(s.classes.get(j, 0), s.weight) for s in slices]
        joint = [[ratio(w, summary.sum_weight), ratio(a - w, summary.sum_weight)] for w, a in pairs]
        each.append(float(mutual_information(np.array(joint), normalize=True)))
    return math.fsum(each) / len(each)


def by_chance(summary: Summary) -> float:
    """Return the information, in nats, that a column which says nothing shows on average.

    That of the same column shuffled; see `expected_information`. Weights count as Kish's number
    of rows.
    """
    if summary.slices is None or summary.kind == "log_probs":
        return math.nan
    slices = [s for s in summary.slices.of.values() if s.weight]
    if not slices:
        return math.nan
    scale = 1.0
    if summary.weighted:
        scale = summary.moments().n / ratio(summary.sum_weight, ONE)

    def rows(weight: int) -> float:
        return ratio(weight, ONE) * scale

    of_slices = [rows(s.weight) for s in slices]
    totals = [0] * summary.num_classes
    for s in slices:
        for j, weight in s.classes.items():
            totals[j] += weight
    if summary.kind == "classes":
        return expected_information(of_slices, [rows(w) for w in totals])
    # labels that are as frequent show as much
    often = Counter(totals)
    each = [
        count * expected_information(of_slices, [rows(w), rows(summary.sum_weight - w)])
        for w, count in often.items()
    ]
    return math.fsum(each) / len(totals)
