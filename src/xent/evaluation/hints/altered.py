"""Whether something was done to the numbers before they came here."""

from __future__ import annotations

import math
from collections.abc import Iterator

from xent.evaluation.calibration.of_summary import cells_of
from xent.evaluation.exact import ratio
from xent.evaluation.hints.allowed import Allowed, is_more
from xent.evaluation.hints.hint import Hint
from xent.evaluation.hints.seen import LEAST_ROWS, Seen, named
from xent.evaluation.numbers import percent
from xent.evaluation.summary.summary import Summary

__all__ = ["clipped_before", "constant", "decided", "softmaxed_twice"]

CLIPS = (
    *((10.0**-k, f"1e-{k:02d}") for k in range(3, 31)),
    *(
        (2.0**-k, f"2**-{k}, the epsilon of {name}")
        for k, name in ((52, "float64"), (23, "float32"))
    ),
    (2e-7, "2e-07"),
)
CLIPPED_ROWS = 10
DECIDES = 0.1  # a share of the loss that decides it


def constant(s: Summary, seen: Seen) -> Iterator[Hint]:
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
        names = named(s, missing)
        yield Hint(
            "D12",
            "note",
            f"the prediction of {names} is the same in all {s.num_rows:,} rows",
            "that column says nothing; see whether the model has this output",
        )


def softmaxed_twice(s: Summary, seen: Seen) -> Iterator[Hint]:
    """Probabilities went through a softmax, or a sigmoid, once more."""
    if s.num_rows < LEAST_ROWS or not seen.low or not seen.are_probabilities:
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


def decided(s: Summary, seen: Seen) -> Iterator[Hint]:
    """Every probability is 0 or 1, and some of them are wrong."""
    cells = cells_of(s)
    if s.num_rows < LEAST_ROWS or cells is None or seen.is_constant or not seen.are_probabilities:
        return
    between = sum(part[:, 1:-1].sum() for part in cells.weights())
    if between or not s.accuracy < 1:
        return
    yield Hint(
        "D27",
        "note",
        "every probability is 0 or 1, to nine digits, and the likeliest is wrong in "
        f"{percent(1 - s.accuracy)}: decisions in place of probabilities, or a model that is "
        "always sure",
        "score what predict_proba returns, and not predict; a tree needs larger leaves",
    )


def clipped_before(s: Summary, seen: Seen) -> Iterator[Hint]:
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
    if name is None or not _is_end(seen, probability):
        return
    # a base rate of 1 in 1000 is no clip: what has it comes as often as it says
    allowed = Allowed(s)
    if not is_more(count, allowed.rows(top) * s.num_rows / allowed.num_rows):
        return
    part = count * top / (ratio(s.sum_nll, s.sum_weight) * s.num_rows)
    at_least = "at least " if count == len(s.worst) else ""
    yield Hint(
        "D31",
        "warning" if part > DECIDES else "note",
        f"{at_least}{count:,} rows cost exactly {top:.4g} nats, minus the logarithm of {name}, and "
        f"make {percent(part)} of the loss: the probabilities were clipped before they came here",
        "the loss of these rows is what the clip chose; write the probabilities unclipped, or "
        "logits",
    )


def _is_end(seen: Seen, probability: float) -> bool:
    """Whether no prediction is nearer to 0, or in one column to 1; logits do not tell.

    One vote of 1000 trees is no clip where others have none.
    """
    ends = [min(seen.low)]
    if len(seen.low) == 1:
        ends.append(1 - seen.high[0])
    return not seen.are_probabilities or any(abs(e / probability - 1) < 0.01 for e in ends)
