"""What looks wrong with predictions, and what would help: one hint, one code, one fix.

Each hint is a function of the summary alone, so it is the same however rows were split. A
hint that is wrong is worse than none: each asks for evidence that chance, a weak model or
an unbalanced set do not give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from xent.evaluation.calibration.of_summary import cells_of, rows_for_weight
from xent.evaluation.exact import ratio, rounded
from xent.evaluation.hints.known import known_value
from xent.evaluation.hints.permuted import permuted_columns
from xent.evaluation.hints.ranking import Ranking, losses_as_they_are_and_reversed, ranking
from xent.evaluation.summary.evidence import MOST_CLASSES, Evidence
from xent.evaluation.summary.summary import Summary

__all__ = ["Hint", "find_hints"]

LEAST_ROWS = 50
CONCENTRATED_ROWS = 1000
CONCENTRATED_SHARE = 0.5
EXPECTED_ROWS = 20
CLIPPED_ROWS = 10
DECIDES = 0.1  # a share of the loss that decides it
ERRORS = 3  # standard errors
SURE_AREA = 0.02  # a standard error with which an area of 0.5 says something
REVERSED_AREA, REVERSED_GAIN = 0.4, 0.5
# the second come of the first
EXPLAINED = {"D04": {"D12", "D13", "D34"}, "D25": {"D12", "D13", "D34"}}


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


class _Seen:
    """What rules look at beside the sums, found once for all of them."""

    def __init__(self, summary: Summary, evidence: Evidence) -> None:
        self.low, self.high, self.table = evidence.low, evidence.high, evidence.table
        self._summary = summary

    @cached_property
    def rankings(self) -> dict[str, Ranking]:
        """How each class, or label, is ranked against the rest."""
        s = self._summary
        cells = cells_of(s)
        if cells is None or s.num_classes > MOST_CLASSES:
            return {}
        zeros, ones = (rows_for_weight(s) * part for part in cells.weights())
        found = {name: ranking(zeros[j], ones[j]) for j, name in enumerate(cells.groups)}
        return {name: r for name, r in found.items() if r is not None and name in s.classes}


def find_hints(summary: Summary) -> tuple[Hint, ...]:
    """Return every hint that a summary gives, warnings first."""
    if not summary.num_rows:
        return ()
    found = list(_known(summary))
    if summary.evidence is not None:
        seen = _Seen(summary, summary.evidence)
        found += [hint for rule in RULES for hint in rule(summary, seen)]
    explained = {code for hint in found for code in EXPLAINED.get(hint.code, ())}
    found = [hint for hint in found if hint.code not in explained]
    return tuple(sorted(found, key=lambda h: h.severity != "warning"))


# what looks wrong ------------------------------------------------------------------------


def _constant(s: Summary, seen: _Seen) -> Iterator[Hint]:
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


def _softmaxed_twice(s: Summary, seen: _Seen) -> Iterator[Hint]:
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


def _no_skill(s: Summary, seen: _Seen) -> Iterator[Hint]:
    """The scores rank nothing, or always saying the class frequencies loses less."""
    if s.num_rows < LEAST_ROWS or seen.low == seen.high:
        return
    ranks = seen.rankings.values()
    sure = [r for r in ranks if r.error < SURE_AREA]
    by_chance = bool(sure) and all(abs(r.errors) < ERRORS + 0.5 for r in ranks)
    worse = _worse_than_frequencies(s)
    best = max(sure, key=lambda r: abs(r.area - 0.5)) if sure else None
    if by_chance and best is not None:
        yield Hint(
            "D12",
            "note",
            f"the predictions do not rank what happens: the area under the ROC curve is "
            f"{best.area:.3f}, and 0.5 is chance (standard error {best.error:.2g}){worse and '; '}"
            f"{worse}",
            "see whether rows and labels belong together: was one of them sorted or joined?",
        )
    elif worse:
        ranked = f" (area under the ROC curve {best.area:.3f})" if best else ""
        yield Hint(
            "D12",
            "note",
            worse,
            f"where the scores still rank the classes{ranked}, recalibration keeps what they know; "
            "else see whether rows and labels belong together",
        )


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


def _reversed(s: Summary, seen: _Seen) -> Iterator[Hint]:
    """The probability is that of the other outcome: seen in the order of rows, rare ones too."""
    cells = cells_of(s)
    if cells is None or (s.kind == "classes" and s.num_classes > 2):
        return
    if seen.table is not None and permuted_columns(seen.table, s.classes) is not None:
        return  # said already
    for name, zeros, ones in zip(cells.groups, *cells.weights(), strict=True):
        found = seen.rankings.get(name)
        if found is None or found.area > REVERSED_AREA or found.errors > -5:
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


def _clipped_before(s: Summary, seen: _Seen) -> Iterator[Hint]:
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


def _concentrated(s: Summary, seen: _Seen) -> Iterator[Hint]:
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


def _never_seen(s: Summary, seen: _Seen) -> Iterator[Hint]:
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


def _never_predicted(s: Summary, seen: _Seen) -> Iterator[Hint]:
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


def _permuted(s: Summary, seen: _Seen) -> Iterator[Hint]:
    table = seen.table
    found = None if table is None else permuted_columns(table, s.classes)
    if found is not None:
        yield Hint("D25", "warning", *found)


def _known(s: Summary) -> Iterator[Hint]:
    seen = s.evidence
    if s.num_rows < LEAST_ROWS or (seen is not None and seen.low == seen.high):
        return  # too few, or said to be constant
    found = known_value(s)
    if found is not None:
        yield Hint("D13", "note", *found)


RULES: tuple[Callable[[Summary, _Seen], Iterator[Hint]], ...] = (
    _permuted,
    _reversed,
    _softmaxed_twice,
    _constant,
    _no_skill,
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


def _are_probabilities(seen: _Seen) -> bool:
    return min(seen.low) >= 0 and max(seen.high) <= 1


def _names(s: Summary, positions: list[int]) -> str:
    what = "label" if s.kind == "labels" else "class"
    if len(positions) > 1:
        what += "s" if s.kind == "labels" else "es"
    shown = ", ".join(repr(s.classes[j]) for j in positions[:5])
    return f"{what} {shown}" + (f" and {len(positions) - 5:,} more" if len(positions) > 5 else "")
