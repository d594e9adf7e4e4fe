"""Whether the predictions know anything: ranking, the class frequencies, a known loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from xent.evaluation.hints.hint import Hint
from xent.evaluation.hints.known import known_value
from xent.evaluation.hints.seen import LEAST_ROWS, Seen
from xent.evaluation.summary.summary import Summary

__all__ = ["known", "no_skill"]

ERRORS = 3  # standard errors by which a loss is more than another
CHANCE = 3.5  # standard errors that chance gives an area; classes are many
SURE_AREA = 0.02  # a standard error with which an area of 0.5 says something


def no_skill(s: Summary, seen: Seen) -> Iterator[Hint]:
    """The scores rank nothing, or always saying the class frequencies loses less."""
    if s.num_rows < LEAST_ROWS or seen.is_constant:
        return
    ranks = seen.rankings.values()
    # predictions that are nearly alike share cells, which do not show how they rank
    sure = [r for r in ranks if r.doubt < SURE_AREA]
    by_chance = bool(sure) and all(abs(r.errors) < CHANCE for r in ranks)
    worse = _worse_than_frequencies(s)
    if by_chance:
        best = max(sure, key=lambda r: abs(r.area - 0.5))
        yield Hint(
            "D12",
            "note",
            f"the predictions do not rank what happens: the area under the ROC curve is "
            f"{best.area:.3f}, and 0.5 is chance (standard error {best.error:.2g}){worse and '; '}"
            f"{worse}",
            "see whether rows and labels belong together: was one of them sorted or joined?",
        )
    elif worse:
        fix = "see whether rows and labels belong together"
        known = max(ranks, key=lambda r: r.errors, default=None)
        if known is not None and known.errors > CHANCE:
            fix = (
                "the scores still rank the classes (area under the ROC curve up to "
                f"{known.area:.3f}): recalibration keeps what they know"
            )
        yield Hint("D12", "note", worse, fix)


def known(s: Summary) -> Iterator[Hint]:
    """The log loss is a number with a cause; needs no evidence beside the sums."""
    seen = s.evidence
    if s.num_rows < LEAST_ROWS or (seen is not None and seen.low == seen.high):
        return  # too few, or said to be constant
    found = known_value(s)
    if found is not None:
        yield Hint("D13", "note", *found)


def _worse_than_frequencies(s: Summary) -> str:
    """Say how much more is lost than by always saying the class frequencies; "" if it is not."""
    reference = s.frequency_log_loss
    if s.num_impossible or s.clip or not reference > 0:
        return ""
    moments = s.moments()
    if not moments.second >= 0 or not moments.n > 1:
        return ""
    least = s.log_loss - ERRORS * math.sqrt(moments.second / moments.n)
    # the frequencies are those of these very rows: what nobody knew before
    hindsight = (s.num_classes - 1) / (2 * moments.n)
    if least <= reference * 1.02 + hindsight:
        return ""
    uniform = s.uniform_log_loss
    return (
        f"the predictions lose {s.log_loss:.4g} nats, and always saying the class frequencies "
        f"{reference:.4g}" + (f", and guessing uniformly {uniform:.4g}" if least > uniform else "")
    )
