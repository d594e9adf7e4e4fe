"""A Recalibration applied to the rows of a source, and what it gains where their truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError, XentValueError
from xent.evaluation.exact import ratio
from xent.evaluation.groups.sums import MomentTally
from xent.evaluation.intervals.means import Interval, hall_interval
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.finding import TARGETS, find_predictions
from xent.evaluation.reading.names import class_names, class_values, expand, same_number, span
from xent.evaluation.reading.opening import HEAD_ROWS
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.pairing import Predictions, find_predicted
from xent.evaluation.reading.plan import Plan, make_plan
from xent.evaluation.reading.source import Source
from xent.evaluation.recalibration.api import open_inputs
from xent.evaluation.recalibration.objective import Matrix
from xent.evaluation.recalibration.recalibration import Recalibration
from xent.evaluation.recalibration.rows import RowReader
from xent.kernels.cpu.exact_sums import ExactSums
from xent.kernels.cpu.log_loss import LogLoss

__all__ = ["Application", "Improvement", "apply_to"]

NO_TRUTH = "\0truth"  # a column that stands in where rows come without their truth
SAME_LOSS = 1e-12  # sums of weighted losses are rounded in another order
COLUMNS = ("target", "probs", "logits", "labels", "weight")
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Improvement:
    """Log loss of the same rows before and after, in nats a row or a label decision.

    `gain` is the mean of the differences, paired by row, and `interval` is of it. Rows whose
    truth had probability 0 before, or has it after, have no finite difference: where there
    are any, `before`, `after` and `gain` are of the others. `of_the_fit`: these are the rows
    that it was fitted to, as far as their number and their loss tell, and the gain is too good.
    """

    num_rows: int
    num_impossible_before: int
    num_impossible_after: int
    before: float
    after: float
    interval: Interval
    of_the_fit: bool = False

    @property
    def gain(self) -> float:
        """How much lower the log loss is; below 0 where recalibration does harm."""
        return self.before - self.after

    def to_dict(self) -> dict[str, Any]:
        """Return every number, for machines."""
        return {**asdict(self), "gain": self.gain}


def apply_to(
    recalibration: Recalibration,
    source: Any,
    *,
    write: Callable[[Batch], None] | None = None,
    progress: Progress | None = None,
    sql: str | None = None,
    classes: Sequence[Any] | str | None = None,
    task: str | None = None,
    ignore: Any = None,
    nan: str = "raise",
    sum_tolerance: float = 1e-4,
    **columns: Any,
) -> Improvement | None:
    """Apply a recalibration to a source as `evaluate` takes it, streamed.

    `write` is called with each batch, all its columns, predictions replaced; `columns` are
    target, probs, logits, labels and weight. Returns what is gained, or None where the source
    does not hold the truth.
    """
    opened, options = open_inputs(
        source, {n: columns.get(n) for n in COLUMNS}, sql, classes,
        task=task, ignore=ignore, nan=nan, sum_tolerance=sum_tolerance,
    )  # fmt: skip
    try:
        application = Application(recalibration, opened, options)
        for batch in application.batches(progress):
            if write is not None:
                write(batch)
        return application.improvement()
    finally:
        opened.close()


class Application:
    """Applies a recalibration to a source, a batch at a time, and scores before and after."""

    def __init__(self, recalibration: Recalibration, source: Source, options: Options) -> None:
        self._recalibration = recalibration
        self._source = source
        self._plan, self.has_truth = _plan(recalibration, source, options)
        self._place = recalibration.order(self._plan.classes)
        self._reader = RowReader(self._plan, options)
        count = len(self._plan.classes)
        self._labels = recalibration.kind == "labels"
        kind = "label_logits" if self._labels else "class_logits"
        self._before = LogLoss(kind, count, tolerance=0.0)
        self._after = LogLoss(kind, count, tolerance=0.0)
        self._moments, self._losses = MomentTally(), ExactSums(2)
        self._impossible = [0, 0, 0]  # before, after, either
        self.note = self._plan.note

    def batches(self, progress: Progress | None = None) -> Iterator[Batch]:
        """Yield the rows with all their columns, predictions replaced."""
        names = [field.name for field in self._source.fields]
        seen = 0
        for batch in self._source.batches(names):
            count = num_rows(batch)
            read = dict(batch)
            if not self.has_truth:
                read[NO_TRUTH] = np.full(count, self._stand_in())
            rows = self._reader.rows(read, seen)
            ours = np.ascontiguousarray(rows.scores[:, self._place])
            apply = self._recalibration.log_odds if self._labels else self._recalibration.log_probs
            found = apply(ours)
            if self.has_truth:
                truth = rows.truth[:, self._place] if self._labels else self._moved(rows.truth)
                kept = rows.scored
                self._score(ours[kept], found[kept], truth[kept], rows.weight[kept])
            back = np.empty_like(found)
            back[:, self._place] = found
            yield self._replaced(batch, back)
            seen += count
            if progress is not None:
                progress(seen, self._source.num_rows)

    def improvement(self, level: float = 0.95) -> Improvement | None:
        """Return what the rows so far say of it; None where their truth is not known."""
        summary = self._reader.summary()
        if not self.has_truth or not summary.num_rows:
            return None
        decisions = len(self._plan.classes) if self._labels else 1
        (rows,), (sums,) = self._moments.counts, self._moments.totals()
        before, after = self._losses.totals()
        loss_before = ratio(before, sums.weight * decisions)
        return Improvement(
            summary.num_rows,
            self._impossible[0],
            self._impossible[1],
            loss_before,
            ratio(after, sums.weight * decisions),
            hall_interval(*sums.moments(rows, decisions), level=level),
            self._of_the_fit(summary.num_rows, loss_before),
        )

    def _of_the_fit(self, rows: int, loss_before: float) -> bool:
        """Whether as many rows lose what those of the fit lost, to more digits than chance has."""
        t = self._recalibration.training
        counts = (rows, self._impossible[0]) == (t.num_rows, t.num_impossible)
        return counts and math.isclose(loss_before, t.log_loss_before, rel_tol=SAME_LOSS)

    def _stand_in(self) -> int | str:
        """A value that is a class, whichever way the classes are named."""
        if self._labels:
            return 0
        same = same_number(self._plan.classes)
        return min(class_values(self._plan.classes) or [0]) if same is None else same[0]

    def _moved(self, truth: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions among the recalibration's classes."""
        there = truth >= 0
        return np.where(there, np.argsort(self._place)[np.where(there, truth, 0)], truth)

    def _score(
        self, before: Matrix, after: Matrix, truth: npt.NDArray[np.int64], weight: Matrix
    ) -> None:
        losses = []
        for sums, scores in ((self._before, before), (self._after, after)):
            nll = np.empty(len(scores))
            if self._labels:
                columns = [np.ascontiguousarray(c) for c in scores.T]
                labels = [np.ascontiguousarray(c, dtype=np.uint8) for c in truth.T]
                sums.add(columns, labels=labels, weight=weight, row_nll=nll)
            else:
                matrix = np.ascontiguousarray(scores)
                sums.add([matrix], target=truth, weight=weight, row_nll=nll)
            losses.append(nll)
        impossible = [np.isinf(nll) for nll in losses]
        either = impossible[0] | impossible[1]
        for i, mask in enumerate((*impossible, either)):
            self._impossible[i] += int(mask.sum())
        w, (b, a) = weight[~either], (nll[~either] for nll in losses)
        self._moments.add(None, b - a, w if self._plan.weight is not None else None)
        self._losses.add(np.concatenate([w * b, w * a]), np.repeat([0, 1], len(w)))

    def _replaced(self, batch: Batch, scores: Matrix) -> Batch:
        plan = self._plan
        values = _as_given(scores, plan.prediction)
        if plan.width:
            return {**batch, plan.columns[0]: values}
        return {**batch, **{n: values[:, j] for j, n in enumerate(plan.columns)}}


def _as_given(scores: Matrix, prediction: str) -> Matrix:
    """Log-probabilities, or log-odds of labels, in the shape that the predictions came in."""
    if prediction == "binary_logit":
        return scores[:, 1:] - scores[:, :1]
    if prediction.endswith("logits"):
        return scores
    if prediction == "label_probs":
        odds: Matrix = np.exp(-np.logaddexp(0.0, -scores))
        return odds
    probs: Matrix = np.exp(scores[:, 1:] if prediction == "binary_prob" else scores)
    return probs


def _plan(recalibration: Recalibration, source: Source, options: Options) -> tuple[Plan, bool]:
    """What is read, and whether the truth is among it."""
    head = source.head(HEAD_ROWS)
    fields = source.fields
    if not num_rows(head):
        raise SourceError(f"{source.name} must have rows, got none", code="D02")
    by_name = {field.name: field for field in fields}
    names = list(by_name)
    beside = [options.weight] if options.weight else []
    if options.predictions is not None:
        given, chosen = options.predictions
        columns = expand(given, chosen, names)
    else:
        taken = {*beside, *([options.target] if options.target else [])}
        given, columns = find_predictions([f for f in fields if f.name not in taken], names, head)
    if given == "log_probs":
        raise XentValueError(
            "predictions must be of classes or labels to be recalibrated, got the "
            f"log-probability of what happened alone from {columns[0]!r}"
        )
    predicted = find_predicted(given, columns, by_name, head)
    classes = options.classes
    if classes is None and (predicted.width or predicted.of_a_row == 1):
        # a list has no names, so its values are in the order of the fit
        same = predicted.of_a_row == len(recalibration.classes)
        if same or (predicted.of_a_row == 1 and len(recalibration.classes) == 2):
            classes = recalibration.classes
    task = "multi" if recalibration.kind == "labels" else "class"
    said = replace(options, task=options.task or task, classes=classes)
    said = replace(said, probs=columns) if given == "probs" else replace(said, logits=columns)
    if options.target is None and options.labels is None:
        truth = recalibration.training.truth
        if truth and set(truth) <= set(names):
            one = recalibration.kind == "classes" and len(truth) == 1
            said = replace(said, target=truth[0]) if one else replace(said, labels=list(truth))
        elif not any(name.lower() in TARGETS for name in names):
            return _without_truth(recalibration, predicted, said), False
    return make_plan(fields, head, said), True


def _without_truth(recalibration: Recalibration, predicted: Predictions, said: Options) -> Plan:
    """A plan of the predictions alone; every row gets a truth that is not looked at."""
    labels = recalibration.kind == "labels"
    single = predicted.of_a_row == 1 and not labels
    kind = "label" if labels else "binary" if single else "class"
    ending = predicted.given if not single else predicted.given[:-1]
    classes = said.classes or class_names(predicted.columns)
    what = f"{predicted.what} from {span(predicted.columns)}; no column of the truth"
    return Plan(
        kind=recalibration.kind,
        prediction=f"{kind}_{ending}",
        columns=tuple(predicted.columns),
        classes=tuple(map(str, classes)),
        width=predicted.width,
        target=None if labels else NO_TRUTH,
        outcomes=(NO_TRUTH,) * len(classes) if labels else (),
        note=what,
        weight=said.weight,
    )
