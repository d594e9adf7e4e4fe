"""The sums over scored rows, and the numbers that they are read for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from xent.evaluation.exact import ratio
from xent.evaluation.summary.by_class import ByClass
from xent.evaluation.summary.moments import Moments, moments_of
from xent.units import perplexity_of

__all__ = ["Sums"]


@dataclass(frozen=True)
class Sums:
    """Exact sums over rows, integers in units of 2**-1074; every number is a property."""

    kind: str = ""  # "classes", "labels" or "log_probs"; "" for no rows
    classes: tuple[str, ...] = ()
    clip: float = 0.0
    weighted: bool = False  # rows have weights
    sized: bool = False  # rows have bytes of text
    ignore: str | None = None  # the target that is left out

    num_rows: int = 0
    num_ignored: int = 0
    num_missing: int = 0
    num_impossible: int = 0
    num_clipped: int = 0
    num_correct: int = 0  # decisions, where there are labels
    num_all_correct: int = 0

    sum_weight: int = 0
    sum_nll: int = 0  # weight times loss: t
    # powers of the weight w and of t, over the rows that are not impossible: see `moments`
    sum_weight_squared: int = 0  # w**2
    sum_weighted_nll: int = 0  # w * t
    sum_nll_squared: int = 0  # t**2
    sum_weight_cubed: int = 0  # w**3
    sum_weight_squared_nll: int = 0  # w**2 * t
    sum_weighted_nll_squared: int = 0  # w * t**2
    sum_nll_cubed: int = 0  # t**3
    sum_brier: int = 0
    sum_correct: int = 0
    sum_all_correct: int = 0
    sum_impossible: int = 0
    sum_clipped_nll: int = 0
    sum_size: int = 0  # weight times bytes of text

    by_class: ByClass = field(default_factory=ByClass)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def decisions(self) -> int:
        """How many things each row predicts: its labels, or one class."""
        return self.num_classes if self.kind == "labels" else 1

    @property
    def log_loss(self) -> float:
        """Mean loss in nats a row, or a label decision; inf where one was impossible."""
        if self.sum_impossible:
            return math.inf
        return ratio(self.sum_nll, self.sum_weight * self.decisions)

    @property
    def finite_log_loss(self) -> float:
        """Mean loss in nats of the rows that were not impossible."""
        return ratio(self.sum_nll, (self.sum_weight - self.sum_impossible) * self.decisions)

    @property
    def row_log_loss(self) -> float:
        """Mean loss in nats of a whole row: its labels together."""
        return math.inf if self.sum_impossible else ratio(self.sum_nll, self.sum_weight)

    def moments(self) -> Moments:
        """Return what an interval of `finite_log_loss` is made of; see `Moments`.

        Central moments are computed from the sums in whole numbers, so that they lose nothing
        but what the sums do: squares and cubes are kept to 2**-118, or 2**-53 of themselves.
        Losses that differ by less than that shows, or than by the rounding of a loss, count as
        equal, and a skewness that is within it as 0.
        """
        return moments_of(
            self.num_rows - self.num_impossible,
            weight=(
                self.sum_weight - self.sum_impossible,
                self.sum_weight_squared,
                self.sum_weight_cubed,
            ),
            value=self.sum_nll,
            squares=(self.sum_weighted_nll, self.sum_nll_squared),
            cubes=(
                self.sum_weight_squared_nll,
                self.sum_weighted_nll_squared,
                self.sum_nll_cubed,
            ),
            scale=self.decisions,
        )

    @property
    def perplexity(self) -> float:
        """exp of the log loss: among how many equally likely outcomes one would be as unsure."""
        return perplexity_of(self.log_loss)

    @property
    def geometric_mean_probability(self) -> float:
        """exp of minus the log loss: the probability of the truth, averaged as losses are."""
        return math.exp(-self.log_loss)

    @property
    def uniform_log_loss(self) -> float:
        """Log loss of always saying that every outcome is equally likely."""
        if self.kind == "classes":
            return math.log(self.num_classes)
        return math.log(2) if self.kind == "labels" else math.nan

    @property
    def frequency_log_loss(self) -> float:
        """Log loss of always predicting the class frequencies: their entropy in nats."""
        if self.kind == "log_probs" or self.sum_weight == 0:
            return math.nan
        if self.kind == "classes":
            return math.fsum(_surprise(ratio(c.weight, self.sum_weight)) for c in self.by_class)
        each = (
            _surprise(ratio(c.weight, self.sum_weight))
            + _surprise(ratio(self.sum_weight - c.weight, self.sum_weight))
            for c in self.by_class
        )
        return math.fsum(each) / len(self.by_class)

    @property
    def skill(self) -> float:
        """1 - log loss / entropy of the class frequencies: 1 is perfect, 0 knows nothing."""
        return _skill(self.log_loss, self.frequency_log_loss)

    @property
    def uniform_skill(self) -> float:
        """1 - log loss / log loss of a uniform guess."""
        return _skill(self.log_loss, self.uniform_log_loss)

    @property
    def accuracy(self) -> float:
        """Share of rows, or of label decisions, whose likeliest outcome was the truth."""
        if self.kind == "log_probs":
            return math.nan
        return ratio(self.sum_correct, self.sum_weight * self.decisions)

    @property
    def exact_match(self) -> float:
        """Share of rows with every label right."""
        if self.kind == "log_probs":
            return math.nan
        return ratio(self.sum_all_correct, self.sum_weight)

    @property
    def brier(self) -> float:
        """Mean squared distance of the prediction from the truth.

        One probability for two outcomes, and a label: (p - y)**2. Several classes: the sum
        over them, halved for two, so that two columns score as one does.
        """
        if self.kind == "log_probs":
            return math.nan
        halved = 2 if self.kind == "classes" and self.num_classes == 2 else 1
        return ratio(self.sum_brier, self.sum_weight * self.decisions * halved)

    @property
    def bits_per_byte(self) -> float:
        """Loss in bits for each byte of text; nan without byte counts."""
        if not self.sum_size:
            return math.nan
        return math.inf if self.sum_impossible else ratio(self.sum_nll, self.sum_size) / math.log(2)

    @property
    def clip_share(self) -> float:
        """Share of the whole loss that the clip decided."""
        return ratio(self.sum_clipped_nll, self.sum_nll) if self.sum_nll else 0.0


def _surprise(share: float) -> float:
    return -share * math.log(share) if share > 0 else 0.0


def _skill(loss: float, reference: float) -> float:
    return 1 - loss / reference if reference > 0 else math.nan
