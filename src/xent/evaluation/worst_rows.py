"""How much of the loss the rows carry that cost most."""

from __future__ import annotations

import math
from typing import NamedTuple

from xent.evaluation.calibration.of_summary import surprise_cells_of
from xent.evaluation.exact import ONE, rounded
from xent.evaluation.summary.summary import Summary

__all__ = ["WORST", "WorstShare", "worst_share_of"]

WORST = 0.01
LEAST_ROWS = 100  # of which 1 % is a row


class WorstShare(NamedTuple):
    """The share of the loss that is in the rows that cost most, between two bounds.

    Attributes
    ----------
    fraction : float
        Which part of the rows, or of their weight: 0.01.
    low, high : float
        Bounds of their share of the loss; equal where it is known. Were all rows alike, it
        would be `fraction`.
    """

    fraction: float
    low: float
    high: float


def worst_share_of(s: Summary) -> WorstShare | None:
    """Return the share of the loss in the worst 1 % of the rows; None where it is not known.

    It is known of 100 rows and more where some loss is more than 0. Rows without weights are
    added up while all that are asked for are kept by their loss; else cells bound them, to
    13 % unless the loss is in the outermost cells.
    """
    count = s.num_rows - s.num_impossible
    if count < LEAST_ROWS or not s.sum_nll:
        return None
    total = rounded(s.sum_nll)
    whole, part = divmod(count, 100)
    if _alike(s) and whole + bool(part) <= len(s.worst):
        losses = [w.nll for w in s.worst[: whole + 1]]
        losses[whole:] = [nll * part / 100 for nll in losses[whole:]]
        share = min(math.fsum(losses) / total, 1.0)
        return WorstShare(WORST, share, share)
    cells = surprise_cells_of(s)
    if cells is None:
        return None
    low, high = cells.share_of_worst(WORST, total)
    # the last bit of a sum of products
    return None if math.isnan(low) else WorstShare(WORST, max(low, 0.0), min(high, 1.0))


def _alike(s: Summary) -> bool:
    """Whether every row weighs 1: of no other weights are sum and sum of squares their number."""
    ones = s.sum_weight == s.sum_weight_squared == s.num_rows * ONE
    return ones or not s.weighted
