"""What looks wrong with predictions, and what would help: one hint, one code, one fix.

Each hint is a function of the summary alone, so it is the same however rows were split. A
hint that is wrong is worse than none: each asks for evidence that chance, a weak model or
an unbalanced set do not give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xent.evaluation.hints import altered, columns, skill, worst
from xent.evaluation.hints.hint import Hint
from xent.evaluation.hints.seen import Seen
from xent.evaluation.summary.summary import Summary

__all__ = ["find_hints"]

RULES: tuple[Callable[[Summary, Seen], Iterator[Hint]], ...] = (
    columns.permuted,
    columns.reversed_outcome,
    altered.softmaxed_twice,
    altered.constant,
    altered.decided,
    skill.no_skill,
    altered.clipped_before,
    columns.never_seen,
    columns.never_predicted,
    worst.concentrated,
)

# a cause, and the codes of what follows from it
EXPLAINED = {
    "D04": {"D12", "D13", "D34"},
    "D25": {"D12", "D13", "D34"},
    "D27": {"D12", "D13", "D19"},
}


def find_hints(summary: Summary) -> tuple[Hint, ...]:
    """Return every hint that a summary gives, warnings first."""
    if not summary.num_rows:
        return ()
    found = list(skill.known(summary))
    if summary.evidence is not None:
        seen = Seen(summary, summary.evidence)
        found += [hint for rule in RULES for hint in rule(summary, seen)]
    explained = {code for hint in found for code in EXPLAINED.get(hint.code, ())}
    found = [hint for hint in found if hint.code not in explained]
    return tuple(sorted(found, key=lambda h: h.severity != "warning"))
