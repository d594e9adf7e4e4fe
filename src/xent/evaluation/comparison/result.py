"""Comparison: what two or more models are worth beside each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xent.evaluation.calibration.decomposition import decompose
from xent.evaluation.calibration.terms import Decomposition
from xent.evaluation.comparison.divergence import Spreading
from xent.evaluation.comparison.evidence import Evidence
from xent.evaluation.comparison.wins import Accuracy, Wins
from xent.evaluation.intervals.means import Interval
from xent.evaluation.summary.summary import Summary
from xent.units import Unit, nats_per

__all__ = ["Comparison", "GroupRow", "ModelRow", "Pair"]


@dataclass(frozen=True)
class ModelRow:
    """One model on the rows that are compared; losses in the comparison's unit."""

    name: str
    note: str
    log_loss: float  # inf where a row was impossible
    finite_log_loss: float
    interval: Interval  # of the finite loss
    perplexity: float
    perplexity_interval: Interval
    accuracy: float  # nan for log-probabilities
    num_impossible: int
    bits_per_byte: float  # nan without bytes


@dataclass(frozen=True)
class GroupRow:
    """One line of a table per class, per label or per slice.

    Losses and their difference are means over the rows that are possible under both models;
    `contribution` is the group's part of the whole difference: contributions add up to it.
    Each interval is of its group alone: of 20 groups that do not differ, one is expected to
    have an interval of 95 % without 0. `adjusted_p_value` allows for their number.
    """

    name: str
    num_rows: int
    share: float
    log_loss_a: float
    log_loss_b: float
    difference: float
    interval: Interval
    contribution: float
    only_a_impossible: int
    only_b_impossible: int
    p_value: float = math.nan  # of no difference in the group
    adjusted_p_value: float = math.nan  # Holm's, among the groups of the table
    num_clusters: int | None = None  # that the interval comes from, where rows are clustered


@dataclass(frozen=True)
class Pair:
    """Two models, A and B. A positive difference says that B is better.

    What a sum over all pairs of rows needs is None where models are several and neither of
    the two is the first.
    """

    a: str
    b: str
    unit: Unit
    num_rows: int
    num_common: int  # rows possible under both
    only_a_impossible: int
    only_b_impossible: int
    both_impossible: int
    difference: float  # inf, -inf or nan where rows are impossible
    finite_difference: float  # over the rows possible under both
    interval: Interval  # of the finite difference
    anytime_interval: Interval | None
    p_value: float
    # Holm's: of `Comparison.pairs` among the models against the first, of `others` among all
    adjusted_p_value: float
    num_clusters: int | None
    perplexity_ratio: float
    perplexity_ratio_interval: Interval
    perplexity_difference: float
    perplexity_difference_interval: Interval
    bits_per_byte_difference: float
    bits_per_byte_interval: Interval
    correlation: float  # of the two models' losses
    autocorrelation: float  # of the differences of neighbouring rows
    wins: Wins
    win_interval: Interval
    accuracy: Accuracy | None = None
    evidence: tuple[Evidence, Evidence] | None = None
    a_from_b: Spreading | None = None  # KL(A || B)
    b_from_a: Spreading | None = None  # KL(B || A)
    truth: Spreading | None = None  # probability of the truth, A less B
    same_top: float = math.nan
    same_top_interval: Interval | None = None
    classes: tuple[GroupRow, ...] = ()
    slices: tuple[GroupRow, ...] = ()

    @property
    def win_rate(self) -> float:
        """Share of rows on which B lost less than A; a tie counts half."""
        return self.wins.rate

    @property
    def accuracy_difference(self) -> float:
        """Accuracy of A less that of B."""
        return self.accuracy.difference if self.accuracy else math.nan

    def numbers(self) -> dict[str, Any]:
        """Return the single numbers, by name."""
        found: dict[str, Any] = {
            "num_rows": self.num_rows,
            "num_common": self.num_common,
            "only_a_impossible": self.only_a_impossible,
            "only_b_impossible": self.only_b_impossible,
            "both_impossible": self.both_impossible,
            "difference": self.difference,
            "finite_difference": self.finite_difference,
            "difference_low": self.interval.low,
            "difference_high": self.interval.high,
            "p_value": self.p_value,
            "adjusted_p_value": self.adjusted_p_value,
            "perplexity_ratio": self.perplexity_ratio,
            "perplexity_ratio_low": self.perplexity_ratio_interval.low,
            "perplexity_ratio_high": self.perplexity_ratio_interval.high,
            "perplexity_difference": self.perplexity_difference,
            "perplexity_difference_low": self.perplexity_difference_interval.low,
            "perplexity_difference_high": self.perplexity_difference_interval.high,
            "correlation": self.correlation,
            "autocorrelation": self.autocorrelation,
            "win_rate": self.win_rate,
            "win_rate_low": self.win_interval.low,
            "win_rate_high": self.win_interval.high,
            "wins_a": self.wins.a,
            "wins_b": self.wins.b,
            "ties": self.wins.ties,
        }
        if self.anytime_interval is not None:
            found["anytime_low"] = self.anytime_interval.low
            found["anytime_high"] = self.anytime_interval.high
        if self.num_clusters is not None:
            found["num_clusters"] = self.num_clusters
        if not math.isnan(self.bits_per_byte_difference):
            found["bits_per_byte_difference"] = self.bits_per_byte_difference
            found["bits_per_byte_difference_low"] = self.bits_per_byte_interval.low
            found["bits_per_byte_difference_high"] = self.bits_per_byte_interval.high
        if self.accuracy is not None:
            found |= {
                "accuracy_difference": self.accuracy.difference,
                "only_a_right": self.accuracy.only_a,
                "only_b_right": self.accuracy.only_b,
                "accuracy_p_value": self.accuracy.p_value,
                "mcnemar_p_value": self.accuracy.mcnemar_p_value,
            }
        if self.evidence is not None:
            for side, e in zip(("a", "b"), self.evidence, strict=True):
                found |= {
                    f"log_e_against_{side}": e.log_e,
                    f"log_e_max_against_{side}": e.log_e_max,
                    f"crossed_against_{side}": e.crossed_at,
                    f"anytime_p_value_{side}": e.p_value,
                }
        if self.same_top_interval is not None:
            found["same_top"] = self.same_top
            found["same_top_low"] = self.same_top_interval.low
            found["same_top_high"] = self.same_top_interval.high
        for name, spreading in self._spreadings():
            found[f"{name}_mean"] = spreading.mean
            found[f"{name}_max"] = spreading.high
        if self.truth is not None:
            found["truth_max_abs"] = max(abs(self.truth.low), abs(self.truth.high))
        return found

    def _spreadings(self) -> list[tuple[str, Spreading]]:
        named = (("kl_ab", self.a_from_b), ("kl_ba", self.b_from_a), ("truth", self.truth))
        return [(name, s) for name, s in named if s is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return every number and table."""
        found: dict[str, Any] = {"a": self.a, "b": self.b, **self.numbers()}
        found |= {name: s.to_dict() for name, s in self._spreadings()}
        for table in ("classes", "slices"):
            rows = getattr(self, table)
            if rows:
                found[table] = [_plain(row) for row in rows]
        return found


def _plain(row: GroupRow) -> dict[str, Any]:
    numbers = dict(vars(row))
    interval = numbers.pop("interval")
    return {**numbers, **_ends("difference", interval)}


def _ends(name: str, interval: Interval) -> dict[str, Any]:
    """The ends of an interval beside its number, None where there are none, and its note."""
    found = interval.to_dict()
    return {f"{name}_{part}": found[part] for part in ("low", "high", "note")}


@dataclass(frozen=True)
class Comparison:
    """Models beside each other on the same rows; prints as a table.

    With two models every number of their `Pair` is an attribute of the comparison too.

    Parameters
    ----------
    models : tuple of ModelRow
        Each model by itself, in the order given.
    pairs : tuple of Pair
        The first model against each other one.
    others : tuple of Pair
        The remaining pairs, of three models or more, in their order and without tables;
        p-values of all pairs are adjusted together.

    Examples
    --------
    >>> from xent.evaluation import compare
    >>> y = [0, 1, 1, 0]
    >>> c = compare((y, [0.2, 0.7, 0.9, 0.1]), (y, [0.4, 0.6, 0.6, 0.4]))
    >>> round(c.difference, 4), c.win_rate, c.num_rows
    (-0.3132, 0.0, 4)
    """

    models: tuple[ModelRow, ...]
    pairs: tuple[Pair, ...]
    others: tuple[Pair, ...] = ()
    unit: Unit = "nat"
    level: float = 0.95
    kind: str = "classes"
    by: tuple[str, ...] = ()  # the columns of the slices
    key: str | None = None
    weighted: bool = False
    num_ignored: int = 0
    num_missing: int = 0
    num_weightless: int = 0
    unmatched: tuple[int, ...] = ()  # rows without a partner, left out, of each source
    # of each model as `evaluate` has it; none where the models' own rows or weights differ
    summaries: tuple[Summary, ...] = ()
    notes: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        # found in no other way: a number of the only pair
        pairs = self.__dict__.get("pairs", ())
        if not name.startswith("_") and len(pairs) == 1:
            return getattr(pairs[0], name)
        raise AttributeError(f"a comparison of several models has no {name!r}; see its pairs")

    @property
    def best(self) -> str:
        """Name of the model with the lowest loss."""
        return min(self.models, key=lambda m: (m.log_loss, m.finite_log_loss)).name

    @cached_property
    def decompositions(self) -> tuple[Decomposition, ...]:
        """What each loss is made of, in the unit: uncertainty - resolution + miscalibration.

        The uncertainty is the same for all, so that a difference is that of the
        miscalibrations less that of the resolutions, and that of what is left within (which
        clipped rows leave). Empty for log-probabilities.
        """
        found = [decompose(summary, level=self.level)[:1] for summary in self.summaries]
        if not all(found):
            return ()
        return tuple(d.scaled(1 / nats_per(self.unit)) for (d,) in found)

    def pair(self, a: str, b: str) -> Pair:
        """Return the comparison of two models by name, in the order in which they came."""
        for found in (*self.pairs, *self.others):
            if (found.a, found.b) == (a, b):
                return found
        names = ", ".join(m.name for m in self.models)
        raise KeyError(f"no pair {a!r}, {b!r} in this order; the models are {names}")

    def to_dict(self) -> dict[str, Any]:
        """Return every number, for machines; those of two models by their own names."""
        numbers: dict[str, Any] = {
            "unit": self.unit,
            "level": self.level,
            "task": self.kind,
            "best": self.best,
            "num_ignored": self.num_ignored,
            "num_missing": self.num_missing,
            "num_unmatched": sum(self.unmatched),
            "models": [_model(m) for m in self.models],
        }
        if len(self.pairs) == 1:
            numbers |= self.pairs[0].to_dict()
            if self.decompositions:
                a, b = self.decompositions
                for part in ("resolution", "miscalibration"):
                    numbers[f"{part}_difference"] = getattr(a, part).value - getattr(b, part).value
                numbers["remainder_difference"] = a.remainder - b.remainder
        else:
            numbers["num_rows"] = self.pairs[0].num_rows
            numbers["pairs"] = [p.to_dict() for p in self.pairs]
            numbers["other_pairs"] = [{"a": p.a, "b": p.b, **p.numbers()} for p in self.others]
        if self.by:
            numbers["by"] = list(self.by)
        numbers["decompositions"] = [d.to_dict() for d in self.decompositions]
        numbers["notes"] = list(self.notes)
        return numbers

    def __str__(self) -> str:
        from xent.evaluation.comparison.text import render

        return render(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from xent.evaluation.comparison.notebook import fragment

        return fragment(self)


def _model(row: ModelRow) -> dict[str, Any]:
    numbers = dict(vars(row))
    interval, perplexity = numbers.pop("interval"), numbers.pop("perplexity_interval")
    return {**numbers, **_ends("log_loss", interval), **_ends("perplexity", perplexity)}
