"""Whether few rows carry the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from xent.evaluation.exact import rounded
from xent.evaluation.hints.hint import Hint
from xent.evaluation.hints.seen import Seen
from xent.evaluation.summary.summary import Summary

__all__ = ["concentrated"]

CONCENTRATED_ROWS = 1000
CONCENTRATED_SHARE = 0.5


def concentrated(s: Summary, seen: Seen) -> Iterator[Hint]:
    """The 1 % of the rows that cost most make half of the loss or more."""
    if s.num_rows < CONCENTRATED_ROWS or not s.sum_nll or s.num_impossible:
        return
    top = s.num_rows // 100
    alike = s.sum_weight_squared == s.sum_weight
    if alike and top <= len(s.worst):
        part = math.fsum(w.nll for w in s.worst[:top]) / rounded(s.sum_nll)
        makes = f"{part:.0%}"
    elif s.surprise is not None:
        part, _ = s.surprise.share_of_worst(0.01, rounded(s.sum_nll))
        makes = f"at least {part:.0%}"
    else:
        return
    if not part >= CONCENTRATED_SHARE:
        return
    rows = ", ".join(f"{w.row} ({w.nll:.3g})" for w in s.worst[:5])
    yield Hint(
        "D19",
        "note",
        f"the 1 % of the rows that cost most ({top:,}) make {makes} of the loss",
        f"look for wrong labels and for a model that is too sure there: rows {rows}, with their "
        "losses in nats",
    )
