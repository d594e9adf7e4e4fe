"""Whether few rows carry the loss, and are more than the predictions themselves allow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xent.evaluation.calibration.of_summary import surprise_cells_of
from xent.evaluation.hints.allowed import Allowed, is_more, surplus
from xent.evaluation.hints.hint import Hint
from xent.evaluation.hints.seen import Seen
from xent.evaluation.summary.summary import Summary
from xent.evaluation.summary.surprise import surprise_edges
from xent.evaluation.worst_rows import worst_share_of

__all__ = ["concentrated"]

CONCENTRATED_ROWS = 1000
CONCENTRATED_SHARE = 0.5


def concentrated(s: Summary, seen: Seen) -> Iterator[Hint]:
    """The 1 % of the rows that cost most make half of the loss, which chance does not give.

    Where an event is rare, its rows cost most and make most of the loss however well it is
    predicted. So there must be more of them than the predictions themselves allow.
    """
    if s.num_rows < CONCENTRATED_ROWS or not s.sum_nll or s.num_impossible:
        return
    top = s.num_rows // 100
    alike = s.sum_weight_squared == s.sum_weight
    share = worst_share_of(s)
    if share is None or share.low < CONCENTRATED_SHARE:
        return
    makes = ("" if share.low == share.high else "at least ") + f"{share.low:.0%}"
    beyond = _more_than_allowed(s, alike)
    if beyond is None:
        return
    count, nll, allowed = beyond
    rows = ", ".join(f"{w.row} ({w.nll:.3g})" for w in s.worst[:5])
    yield Hint(
        "D19",
        "note",
        f"the 1 % of the rows that cost most ({top:,}) make {makes} of the loss; {count:,.0f} "
        f"rows cost {nll:.3g} nats or more, where calibrated predictions would have {allowed:.2g} "
        "such rows at most",
        f"look for wrong labels and for a model that is too sure there: rows {rows}, with their "
        "losses in nats",
    )


def _more_than_allowed(s: Summary, alike: bool) -> tuple[float, float, float] | None:
    """Return rows, the loss that each has at least, and how few are allowed; None where they are.

    Of all losses the one that says most.
    """
    allowed = Allowed(s)
    found = [(float(i), w.nll) for i, w in enumerate(s.worst, 1)] if alike else []
    cells = surprise_cells_of(s)
    if cells is not None:
        weights = cells.counts * (allowed.num_rows / cells.counts.sum())
        above = np.cumsum(weights[::-1])[::-1]
        # the first cell also holds what lies below it
        found += zip(above[1:].tolist(), surprise_edges()[1:-1].tolist(), strict=True)
    all_of_them = ((rows, nll, allowed.rows(nll)) for rows, nll in found if rows > 0)
    beyond = [one for one in all_of_them if is_more(one[0], one[2])]
    return max(beyond, key=lambda one: surplus(one[0], one[2]), default=None)
