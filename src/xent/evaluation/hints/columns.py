"""Whether each column belongs to its class: permuted, reversed, or of nothing that happens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xent.evaluation.calibration.of_summary import cells_of
from xent.evaluation.exact import ratio
from xent.evaluation.hints.hint import Hint
from xent.evaluation.hints.permuted import one_off, permuted_among_many, permuted_columns
from xent.evaluation.hints.ranking import losses_as_they_are_and_reversed
from xent.evaluation.hints.seen import LEAST_ROWS, MOST_NAMES, Seen, named
from xent.evaluation.summary.summary import Summary

__all__ = ["never_predicted", "never_seen", "permuted", "reversed_outcome"]

EXPECTED_ROWS = 20  # of a class that never happens: not by chance
# reversed: an area this far below a half, by errors no chance gives, and half of the loss gone
REVERSED_AREA, REVERSED_ERRORS, REVERSED_GAIN = 0.4, -5, 0.5
TOLD_APART = 0.6  # of a class's rows, by a model that knows it
# a column that ranks its class so well belongs to it, and is only never the greatest: so are those
# of a tree with fewer leaves than classes
KNOWN_AREA = 0.7


def permuted(s: Summary, seen: Seen) -> Iterator[Hint]:
    """The columns are in another order than the classes."""
    table = seen.table
    found = None if table is None else permuted_columns(table, s.classes)
    if found is None and any(seen.beside):
        found = one_off(s, seen.beside)
    if found is None and seen.likeliest is not None:
        found = permuted_among_many(seen.likeliest, s.classes)
    if found is not None:
        yield Hint("D25", "warning", *found)


def reversed_outcome(s: Summary, seen: Seen) -> Iterator[Hint]:
    """The probability is that of the other outcome: seen in the order of rows, rare ones too."""
    cells = cells_of(s)
    if cells is None or (s.kind == "classes" and s.num_classes > 2):
        return
    if seen.table is not None and permuted_columns(seen.table, s.classes) is not None:
        return  # said already
    for name, zeros, ones in zip(cells.groups, *cells.weights(), strict=True):
        found = seen.rankings.get(name)
        if found is None or found.area > REVERSED_AREA or found.errors > REVERSED_ERRORS:
            continue
        now, other = losses_as_they_are_and_reversed(zeros, ones)
        if other > REVERSED_GAIN * now:
            continue
        yield Hint(
            "D25",
            "warning",
            f"the probabilities of {'label' if s.kind == 'labels' else 'class'} {name!r} look "
            f"reversed: the area under the ROC curve is {found.area:.3f}, and with 1 - p in the "
            f"place of p the loss would be about {other:.3g} nats instead of {now:.3g}",
            f"name the classes in the order of the columns: classes={list(s.classes[::-1])}"
            if s.kind == "classes"
            else "pass 1 - p for this label",
        )


def never_seen(s: Summary, seen: Seen) -> Iterator[Hint]:
    """A class that predictions expect many times never happens."""
    if s.kind != "classes" or seen.is_constant:
        return
    expected = [ratio(c.probability, s.sum_weight) * s.num_rows for c in s.by_class]
    missing = [
        j for j, c in enumerate(s.by_class) if not c.num_true and expected[j] >= EXPECTED_ROWS
    ]
    if missing:
        times = ", ".join(f"{expected[j]:,.0f}" for j in missing[:MOST_NAMES])
        found, fix = (
            f"never happens, and the predictions expect it {times} times",
            "is the class named otherwise in the target, or were its rows filtered out?",
        )
        if len(missing) > 1:
            found, fix = (
                f"never happen, and the predictions expect them {times} times",
                "are the classes named otherwise in the target, or were their rows filtered out?",
            )
        yield Hint("D34", "note", f"{named(s, missing)} {found}", fix)


def never_predicted(s: Summary, seen: Seen) -> Iterator[Hint]:
    """A common class is never the likeliest, though the others are told apart."""
    table = seen.table
    if table is None or s.num_classes < 3 or seen.is_constant:
        return
    truth, said, right = table.sum(axis=1), table.sum(axis=0), table.diagonal()
    rows = int(truth.sum())
    silent = [
        j
        for j in range(s.num_classes)
        if not said[j] and truth[j] >= LEAST_ROWS and 4 * truth[j] * s.num_classes >= 3 * rows
    ]
    ranks = {j: seen.rankings.get(s.classes[j]) for j in silent}
    silent = [j for j, r in ranks.items() if r is None or r.area < KNOWN_AREA]
    missing = sum(int(truth[j]) for j in silent)
    others = rows - missing
    # several others are told apart, and most: a weak model says the commonest classes only
    found = np.count_nonzero((truth >= LEAST_ROWS) & (right >= TOLD_APART * truth))
    most = missing < others and int(right.sum()) >= TOLD_APART * others
    if not silent or found < 2 or not most:
        return
    yield Hint(
        "D34",
        "note",
        f"{named(s, silent)} {'is' if len(silent) == 1 else 'are'} true in {missing:,} rows and "
        f"never predicted, while {int(right.sum()) / others:.0%} of the other rows are predicted "
        "right",
        "see whether its column belongs to it, and whether the model was trained with it",
    )
