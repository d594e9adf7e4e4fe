"""What looks wrong with predictions, and what would help: one hint, one code, one fix.

Each hint is a function of the summary alone, so it is the same however rows were split. A
hint that is wrong is worse than none: each asks for evidence that chance, a weak model or
an unbalanced set do not give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from xent.evaluation.evidence import Evidence
from xent.evaluation.exact import ratio
from xent.evaluation.permuted import permuted_columns
from xent.evaluation.summary import Summary

__all__ = ["Hint", "find_hints"]

LEAST_ROWS = 50
CONCENTRATED_ROWS = 1000
CONCENTRATED_SHARE = 0.5
EXPECTED_ROWS = 20
CLIPPED_ROWS = 10
DECIDES = 0.1  # a share of the loss that decides it
ERRORS = 3  # standard errors
EXPLAIN, EXPLAINED = {"D04", "D25"}, {"D12", "D34"}  # the second come of the first


class Hint(NamedTuple):
    """One thing that looks wrong or would help.

    Attributes
    ----------
    code : str
        The rule, as `xent.audit` and warnings have it.
    severity : {"warning", "note"}
        Very likely not what was meant; or worth knowing.
    found : str
        A sentence with the numbers.
    fix : str
        What to do.
    """

    code: str
    severity: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.code}: {self.found}; {self.fix}"


def find_hints(summary: Summary) -> tuple[Hint, ...]:
    """Return every hint that a summary gives, warnings first."""
    if summary.evidence is None or not summary.num_rows:
        return ()
    found = [hint for rule in RULES for hint in rule(summary, summary.evidence)]
    if any(hint.code in EXPLAIN for hint in found):
        found = [hint for hint in found if hint.code not in EXPLAINED]
    return tuple(sorted(found, key=lambda h: h.severity != "warning"))


# what looks wrong ------------------------------------------------------------------------


def _constant(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """Every row is predicted alike, or a label is."""
    low, high = seen.low, seen.high
    same = [j for j, (a, b) in enumerate(zip(low, high, strict=True)) if a == b]
    if s.num_rows < LEAST_ROWS or not same:
        return
    if len(same) == len(low):
        values = ", ".join(f"{v:.4g}" for v in low[:4]) + (", ..." if len(low) > 4 else "")
        yield Hint(
            "D12",
            "note",
            f"all {s.num_rows:,} rows have the same prediction ({values})",
            "a baseline? Else the inputs did not reach the model, or one row was written for all",
        )
        return
    missing = [j for j in same if s.kind == "labels" or s.by_class[j].num_true]
    if missing:
        names = _names(s, missing)
        yield Hint(
            "D12",
            "note",
            f"the prediction of {names} is the same in all {s.num_rows:,} rows",
            "that column says nothing; see whether the model has this output",
        )


def _softmaxed_twice(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """Probabilities went through a softmax, or a sigmoid, once more."""
    if s.num_rows < LEAST_ROWS or not seen.low or not _are_probabilities(seen):
        return
    low, high = min(seen.low), max(seen.high)
    one_column = len(seen.low) == 1
    if s.kind == "labels" or one_column:
        # sigmoid(p) of p in [0, 1]
        floor, top = 0.5, 1 / (1 + math.exp(-1))
        share = ratio(sum(c.weight for c in s.by_class), s.sum_weight * s.num_classes)
        if one_column:
            share = ratio(s.by_class[-1].weight, s.sum_weight)
        what, odd = "sigmoid", share < 0.4
        says = f"and the truth is 1 in {share:.0%}"
    else:
        floor, top = 1 / (math.e + s.num_classes - 1), math.e / (math.e + s.num_classes - 1)
        # right far more often than the greatest probability says
        what, odd = "softmax", s.accuracy > top + 0.5 * (1 - top)
        says = f"and the likeliest class is right in {s.accuracy:.0%}"
    slack = 1e-6
    inside = low >= floor * (1 - slack) and high <= top * (1 + slack)
    # a range that is filled, not one that is kept away from
    if inside and odd and high >= 0.99 * top and low <= 1.03 * floor:
        yield Hint(
            "D04",
            "warning",
            f"every probability is between {low:.4g} and {high:.4g}, the range of a {what} of "
            f"probabilities ({floor:.4g} to {top:.4g}), {says} of the rows",
            f"the {what} was applied twice: leave one out; the log loss cannot be less than "
            f"{-math.log(top):.4g} nats like this",
        )


def _worse_than_frequencies(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """Always saying the class frequencies loses less."""
    reference = s.frequency_log_loss
    if seen.low == seen.high:
        return
    if s.num_rows < LEAST_ROWS or s.num_impossible or s.clip or not reference > 0:
        return
    moments = s.moments()
    if not moments.second >= 0 or not moments.n > 1:
        return
    error = math.sqrt(moments.second / moments.n)
    # the frequencies are those of these very rows: what nobody knew before
    hindsight = (s.num_classes - 1) / (2 * moments.n)
    if s.log_loss - ERRORS * error <= reference * 1.02 + hindsight:
        return
    uniform = s.uniform_log_loss
    beside = (
        f", and guessing uniformly {uniform:.4g}" if s.log_loss - ERRORS * error > uniform else ""
    )
    yield Hint(
        "D12",
        "note",
        f"the predictions lose {s.log_loss:.4g} nats, and always saying the class frequencies "
        f"{reference:.4g}{beside}",
        "where the scores still rank the classes, recalibration keeps what they know; else see "
        "whether rows and labels belong together",
    )


def _clipped_before(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """The worst rows all cost the logarithm of a number that somebody chose."""
    if len(s.worst) < CLIPPED_ROWS or s.num_impossible or s.kind != "classes":
        return
    top = s.worst[0].nll
    count = sum(w.nll >= top * (1 - 1e-9) for w in s.worst)
    if count < CLIPPED_ROWS or count == s.num_rows or not top > 0:
        return
    probability = math.exp(-top)
    if s.clip and abs(probability / s.clip - 1) < 1e-6:
        return
    name = next((n for p, n in CLIPS if abs(probability / p - 1) < 2e-6), None)
    if name is None:
        return
    part = count * top / (ratio(s.sum_nll, s.sum_weight) * s.num_rows)
    at_least = "at least " if count == len(s.worst) else ""
    yield Hint(
        "D31",
        "warning" if part > DECIDES else "note",
        f"{at_least}{count:,} rows cost exactly {top:.4g} nats, minus the logarithm of {name}, and "
        f"make {part:.0%} of the loss: the probabilities were clipped before they came here",
        "the loss of these rows is what the clip chose; write the probabilities unclipped, or "
        "logits",
    )


# what would help -------------------------------------------------------------------------


def _concentrated(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """The 1 % of the rows that cost most make half of the loss or more."""
    if s.num_rows < CONCENTRATED_ROWS or s.sum_weight_squared != s.sum_weight or not s.sum_nll:
        return  # few rows, or rows of other weights than one
    top = s.num_rows // 100
    kept = s.worst[:top]
    total = ratio(s.sum_nll, s.sum_weight) * s.num_rows
    part = math.fsum(w.nll for w in kept) / total
    if part < CONCENTRATED_SHARE:
        return
    rows = ", ".join(f"{w.row} ({w.nll:.3g})" for w in s.worst[:5])
    yield Hint(
        "D19",
        "note",
        f"the {len(kept):,} rows that cost most ({len(kept) / s.num_rows:.2%} of all) make "
        f"{part:.0%} of the loss",
        f"look for wrong labels and for a model that is too sure there: rows {rows}, with their "
        "losses in nats",
    )


def _never_seen(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """A class that predictions expect many times never happens."""
    if s.kind != "classes" or seen.low == seen.high:
        return
    expected = [ratio(c.probability, s.sum_weight) * s.num_rows for c in s.by_class]
    missing = [
        j for j, c in enumerate(s.by_class) if not c.num_true and expected[j] >= EXPECTED_ROWS
    ]
    if missing:
        times = ", ".join(f"{expected[j]:,.0f}" for j in missing[:5])
        yield Hint(
            "D34",
            "note",
            f"{_names(s, missing)} never happens, and the predictions expect it {times} times",
            "is the class named otherwise in the target, or were its rows filtered out?",
        )


def _never_predicted(s: Summary, seen: Evidence) -> Iterator[Hint]:
    """A common class is never the likeliest, though the others are told apart."""
    table = seen.table
    if table is None or s.num_classes < 3 or seen.low == seen.high:
        return
    truth, said, right = table.sum(axis=1), table.sum(axis=0), table.diagonal()
    rows = int(truth.sum())
    silent = [
        j
        for j in range(s.num_classes)
        if not said[j] and truth[j] >= LEAST_ROWS and 4 * truth[j] * s.num_classes >= 3 * rows
    ]
    others = rows - sum(int(truth[j]) for j in silent)
    # several others are told apart: a weak model says the commonest class, and it only
    found = np.count_nonzero((truth >= LEAST_ROWS) & (right >= 0.6 * truth))
    if not silent or found < 2 or int(right.sum()) < 0.6 * others:
        return
    yield Hint(
        "D34",
        "note",
        f"{_names(s, silent)} is true in {sum(int(truth[j]) for j in silent):,} rows and never "
        f"predicted, while {int(right.sum()) / others:.0%} of the other rows are predicted right",
        "see whether its column belongs to it, and whether the model was trained with it",
    )


def _permuted(s: Summary, seen: Evidence) -> Iterator[Hint]:
    table = seen.table
    found = None if table is None else permuted_columns(table, s.classes)
    if found is not None:
        yield Hint("D25", "warning", *found)


RULES: tuple[Callable[[Summary, Evidence], Iterator[Hint]], ...] = (
    _permuted,
    _softmaxed_twice,
    _constant,
    _worse_than_frequencies,
    _clipped_before,
    _never_seen,
    _never_predicted,
    _concentrated,
)

CLIPS = (
    *((10.0**-k, f"1e-{k:02d}") for k in range(3, 31)),
    *(
        (2.0**-k, f"2**-{k}, the epsilon of {name}")
        for k, name in ((52, "float64"), (23, "float32"))
    ),
    (2e-7, "2e-07"),
)


def _are_probabilities(seen: Evidence) -> bool:
    return min(seen.low) >= 0 and max(seen.high) <= 1


def _names(s: Summary, positions: list[int]) -> str:
    what = "label" if s.kind == "labels" else "class"
    if len(positions) > 1:
        what += "s" if s.kind == "labels" else "es"
    shown = ", ".join(repr(s.classes[j]) for j in positions[:5])
    return f"{what} {shown}" + (f" and {len(positions) - 5:,} more" if len(positions) > 5 else "")
