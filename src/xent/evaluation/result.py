"""Evaluation: the numbers of a summary, in a unit, with where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xent.evaluation.calibration.as_numbers import as_numbers
from xent.evaluation.calibration.decomposition import decompose, decompose_classes, decompose_fits
from xent.evaluation.calibration.missing import missing_terms
from xent.evaluation.calibration.of_summary import (
    label_shifts_of,
    left_out,
    reliability_of,
    shift_of,
    temperature_of,
)
from xent.evaluation.calibration.reliability import Reliability
from xent.evaluation.calibration.shift import LabelShifts, Shift
from xent.evaluation.calibration.temperature import Temperature
from xent.evaluation.calibration.terms import Decomposition
from xent.evaluation.exact import ratio, rounded
from xent.evaluation.groups.slice_table import SliceRow, by_chance, information, slice_rows
from xent.evaluation.hints.found import find_hints
from xent.evaluation.hints.hint import Hint
from xent.evaluation.intervals.means import Interval
from xent.evaluation.intervals.of_summary import interval_of
from xent.evaluation.numbers import counted
from xent.evaluation.row_numbers import RowNumbers
from xent.evaluation.summary.summary import Summary
from xent.units import Unit, nats_per

if TYPE_CHECKING:
    from xent.evaluation.recalibration.terms import RowTerms

__all__ = ["ClassRow", "Evaluation"]

CLIP_SHARE = 0.1


@dataclass(frozen=True)
class ClassRow:
    """One line of the table per class, or per label.

    Shares are of the weight of all rows; `log_loss` is the mean over the rows of the class,
    or over all rows for a label, in the evaluation's unit.
    """

    name: str
    count: int
    share: float
    mean_probability: float
    log_loss: float
    share_of_loss: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation(RowNumbers):
    """What predictions are worth; prints as a table.

    Every number is computed from `summary`. Add evaluations of parts (or hand them to
    `xent.merge`) to get the evaluation of all their rows; rows are called by their part then.

    Parameters
    ----------
    summary : Summary
        The exact sums.
    name : str
        What was evaluated.
    note : str
        How it was read: target, classes, columns.
    unit : {"nat", "bit", "ban"}
        Unit of the losses.
    parts : int
        How many evaluations were added.
    level : float
        Confidence of the intervals.
    row_terms : RowTerms, optional
        Fits of many classes that need the rows: None where only the summary is there.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> e = evaluate(([1, 0, 1], [0.9, 0.2, 0.6]), unit="bit")
    >>> round(e.log_loss, 4), round(e.perplexity, 4), e.num_impossible
    (0.4036, 1.3228, 0)
    """

    summary: Summary
    name: str = "predictions"
    note: str = ""
    unit: Unit = "nat"
    parts: int = 1
    level: float = 0.95
    row_terms: RowTerms | None = field(default=None, compare=False, repr=False)

    def __add__(self, other: object) -> Evaluation:
        if not isinstance(other, Evaluation):
            return NotImplemented
        count = self.parts + other.parts
        return replace(
            self,
            summary=self.summary.in_part(self.name) + other.summary.in_part(other.name),
            name=f"{count} parts",
            note=self.note or other.note,  # of the first part that has rows
            parts=count,
            row_terms=None,
        )

    def _in_unit(self, nats: float) -> float:
        return nats / nats_per(self.unit)

    @property
    def log_loss(self) -> float:
        """Mean loss of a row, or of a label decision, in the unit."""
        return self._in_unit(self.summary.log_loss)

    @cached_property
    def interval(self) -> Interval:
        """Where the log loss of more such rows lies, in the unit.

        By Hall's method, which takes rows to be independent; by clusters or by the bootstrap
        where that was asked for. Without ends where the loss is infinite or there is one row;
        `note` says so.
        """
        return interval_of(self.summary, self.level).scaled(1 / nats_per(self.unit))

    @cached_property
    def perplexity_interval(self) -> Interval:
        """exp of the interval of the loss in nats."""
        return interval_of(self.summary, self.level).exp()

    @property
    def slices(self) -> list[SliceRow]:
        """The table by slice, in the order of the values; empty where `by` was not given."""
        return slice_rows(self.summary, nats_per(self.unit), self.level)

    @property
    def slice_information(self) -> float:
        """What the columns of `by` tell about the class: I(y; s) = H(y) - H(y|s), in the unit."""
        return self._in_unit(information(self.summary))

    @property
    def slice_information_by_chance(self) -> float:
        """What columns that tell nothing show on average, with so many values and rows."""
        return self._in_unit(by_chance(self.summary))

    @property
    def finite_log_loss(self) -> float:
        """Mean loss of the rows that were not impossible, in the unit."""
        return self._in_unit(self.summary.finite_log_loss)

    @property
    def row_log_loss(self) -> float:
        """Mean loss of a row with all its labels, in the unit."""
        return self._in_unit(self.summary.row_log_loss)

    @property
    def frequency_log_loss(self) -> float:
        """Loss of always predicting the class frequencies: their entropy, in the unit."""
        return self._in_unit(self.summary.frequency_log_loss)

    @property
    def uniform_log_loss(self) -> float:
        """Loss of a uniform guess, log K, in the unit."""
        return self._in_unit(self.summary.uniform_log_loss)

    @property
    def perplexity(self) -> float:
        """exp of the loss in nats."""
        return self.summary.perplexity

    @property
    def geometric_mean_probability(self) -> float:
        """exp of minus the loss in nats: what the truth was given, averaged as losses are."""
        return self.summary.geometric_mean_probability

    @property
    def skill(self) -> float:
        """1 - loss / entropy of the class frequencies."""
        return self.summary.skill

    @property
    def uniform_skill(self) -> float:
        """1 - loss / loss of a uniform guess."""
        return self.summary.uniform_skill

    @property
    def accuracy(self) -> float:
        """Share of rows, or of label decisions, whose likeliest outcome was the truth."""
        return self.summary.accuracy

    @property
    def exact_match(self) -> float:
        """Share of rows with every label right."""
        return self.summary.exact_match

    @property
    def brier(self) -> float:
        """Mean squared distance of the prediction from the truth; see `Summary.brier`."""
        return self.summary.brier

    @property
    def bits_per_byte(self) -> float:
        """Loss in bits for each byte of text."""
        return self.summary.bits_per_byte

    @property
    def classes(self) -> list[ClassRow]:
        """The table per class, or per label, in the order of the predictions."""
        s = self.summary
        rows = []
        for name, c in zip(s.classes, s.by_class, strict=True):
            weight = c.weight if s.kind == "classes" else s.sum_weight
            loss = float("inf") if c.num_impossible else self._in_unit(ratio(c.nll, weight))
            rows.append(
                ClassRow(
                    name=name,
                    count=c.num_true,
                    share=ratio(c.weight, s.sum_weight),
                    mean_probability=ratio(c.probability, s.sum_weight),
                    log_loss=loss,
                    share_of_loss=ratio(c.nll, s.sum_nll),
                    accuracy=ratio(c.weight_correct, weight),
                )
            )
        return rows

    @cached_property
    def decomposition(self) -> list[Decomposition]:
        """What the log loss is made of, in the unit: the first is of the whole; see `decompose`.

        log loss = uncertainty - resolution + miscalibration, each with its bias, with what
        chance would show, and with an interval. Empty without calibration.
        """
        return [
            d.scaled(1 / nats_per(self.unit)) for d in decompose(self.summary, level=self.level)
        ]

    @cached_property
    def row_decomposition(self) -> list[Decomposition]:
        """The decomposition by vector scaling and by prior shift, in the unit.

        They need rows, all or a sample (`Decomposition.sampled`): empty for merged parts, two
        classes, labels, and where `row_terms_note` says why.
        """
        found = decompose_fits(self.summary, self.row_terms, level=self.level)
        return [d.scaled(1 / nats_per(self.unit)) for d in found]

    @property
    def row_terms_note(self) -> str:
        """Why `row_decomposition` lacks what many classes could have; "" where it does not."""
        return missing_terms(self.row_terms, self.summary)

    @cached_property
    def by_class_decomposition(self) -> list[Decomposition]:
        """The decomposition of each label, or of each class against the rest."""
        return [
            d.scaled(1 / nats_per(self.unit))
            for d in decompose_classes(self.summary, level=self.level)
        ]

    @cached_property
    def temperature(self) -> Temperature | None:
        """The temperature that would make the loss least, and what it would gain."""
        found = temperature_of(self.summary)
        return found and found.scaled(1 / nats_per(self.unit))

    @cached_property
    def shift(self) -> Shift | None:
        """What re-balancing two classes would gain: a constant added to the logit of class 1."""
        found = shift_of(self.summary, level=self.level)
        return found and found.scaled(1 / nats_per(self.unit))

    @cached_property
    def label_shifts(self) -> LabelShifts | None:
        """What re-balancing each label would gain: a constant added to its logit."""
        found = label_shifts_of(self.summary, level=self.level)
        return found and found.scaled(1 / nats_per(self.unit))

    def reliability(self, group: str | int | None = None, **options: Any) -> Reliability:
        """Return how often an outcome came where the forecasts said so; see `reliability_of`."""
        return reliability_of(self.summary, group, **options)

    @property
    def warnings(self) -> list[str]:
        """What the reader should know before trusting the numbers."""
        s = self.summary
        found = []
        if s.clip_share > CLIP_SHARE:
            found.append(
                f"D31: {s.clip_share:.0%} of the loss comes from {counted(s.num_clipped)} whose "
                f"probability was raised to {s.clip:g}; the log loss says more about the clip "
                "than about the model"
            )
        lost = " and ".join(f"{what} is left out" for what in left_out(s))
        if lost:
            found.append(
                "weights must be from 2**-64 to 2**40, and add to less than 2**64 where they are "
                "counted together, to be counted by forecast and by loss, and these are not: "
                f"{lost}; divide all of them by one number"
            )
        return found + [str(hint) for hint in self.hints if hint.severity == "warning"]

    @cached_property
    def hints(self) -> tuple[Hint, ...]:
        """What looks wrong, and what would help; those that are `warnings` too come first."""
        return find_hints(self.summary)

    def to_dict(self) -> dict[str, Any]:
        """Return every number, for machines: losses in the unit, names as attributes have."""
        s = self.summary
        numbers: dict[str, Any] = {
            "source": self.name,
            "note": self.note,
            "task": s.kind,
            "unit": self.unit,
            "num_rows": self.num_rows,
            "num_ignored": self.num_ignored,
            "num_missing": self.num_missing,
            "num_impossible": self.num_impossible,
            "num_clipped": self.num_clipped,
            "impossible_rows": list(s.impossible_rows),
            "missing_rows": list(s.missing_rows),
            "weight": rounded(s.sum_weight),
            "log_loss": self.log_loss,
            "interval": self.interval.to_dict(),
            "finite_log_loss": self.finite_log_loss,
            "perplexity": self.perplexity,
            "perplexity_interval": self.perplexity_interval.to_dict(),
            "geometric_mean_probability": self.geometric_mean_probability,
        }
        if s.kind == "log_probs":
            if s.sum_size:
                numbers["bits_per_byte"] = self.bits_per_byte
        else:
            numbers |= {
                "frequency_log_loss": self.frequency_log_loss,
                "uniform_log_loss": self.uniform_log_loss,
                "skill": self.skill,
                "uniform_skill": self.uniform_skill,
                "accuracy": self.accuracy,
                "brier": self.brier,
            }
        if s.kind == "labels":
            numbers |= {"row_log_loss": self.row_log_loss, "exact_match": self.exact_match}
        numbers |= as_numbers(self)
        numbers["classes"] = [vars(row) for row in self.classes]
        if s.slices is not None:
            numbers["by"] = list(s.slices.columns)
            numbers["slices"] = [{**vars(r), "interval": r.interval.to_dict()} for r in self.slices]
            numbers["slice_information"] = self.slice_information
            numbers["slice_information_by_chance"] = self.slice_information_by_chance
        numbers |= self._rows_as_numbers()
        numbers["warnings"] = self.warnings
        numbers["hints"] = [hint._asdict() for hint in self.hints]
        return numbers

    def __str__(self) -> str:
        from xent.evaluation.text import render

        return render(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from xent.evaluation.notebook import fragment

        return fragment(self)
