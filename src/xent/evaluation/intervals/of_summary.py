"""The interval of a summary's log loss, by the method that was asked for."""

from __future__ import annotations

from dataclasses import replace

from xent.evaluation.intervals.means import Interval, hall_interval, no_interval
from xent.evaluation.numbers import counted
from xent.evaluation.summary.summary import Summary

__all__ = ["interval_of", "method_of"]


def method_of(summary: Summary) -> str:
    """Return how the interval is found: by what the summary holds.

    >>> method_of(Summary())
    'hall'
    """
    if summary.replicates is not None:
        return "bootstrap"
    return "cluster" if summary.clusters is not None else "hall"


def interval_of(summary: Summary, level: float) -> Interval:
    """Return the interval of `summary.log_loss`, in nats."""
    method = method_of(summary)
    if summary.num_impossible:
        rows = counted(summary.num_impossible)
        return no_interval(level, method, f"{rows} impossible: the loss is infinite")
    if summary.replicates is not None:
        return summary.replicates.interval(level, scale=summary.decisions)
    if summary.clusters is not None:
        return summary.clusters.interval(level, scale=summary.decisions)
    found = hall_interval(*summary.moments(), level, least=0.0)
    if found.low == found.high:
        return replace(found, note=f"all {summary.num_rows:,} losses are equal")
    return found
