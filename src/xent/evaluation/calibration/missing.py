"""Terms of many classes that need the rows: why they are not there, and how to have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xent.evaluation.recalibration.terms import RowTerms
    from xent.evaluation.summary.summary import Summary

__all__ = ["missing_terms", "way_out"]

AGAIN = "they need the rows again"
SUMS_ALONE = f"{AGAIN}, and these are sums of them"


def missing_terms(terms: RowTerms | None, summary: Summary) -> str:
    """Return why an evaluation of more than two classes lacks the terms; "" where it does not.

    >>> from xent.evaluation import evaluate
    >>> a, b = (evaluate(([0, 1, 2], [[0.5, 0.3, 0.2]] * 3)) for _ in range(2))
    >>> missing_terms(a.row_terms, a.summary), missing_terms((a + b).row_terms, (a + b).summary)
    ('', 'they need the rows again, and these are sums of them')
    """
    if terms is not None:
        return terms.note
    several = summary.kind == "classes" and summary.num_classes > 2
    return SUMS_ALONE if several and summary.tempering is not None else ""


def way_out(note: str) -> str:
    """Return how to have the terms; "" where no rows would give them.

    >>> way_out("they need two classes at least that are true and possible")
    ''
    """
    if not note.startswith(AGAIN):
        return ""
    return "xent recalibrate --method vector fits them to a file of rows"
