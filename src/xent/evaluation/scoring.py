"""Batches in, Summary out; every row is checked on the way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ONE
from xent.evaluation.faults import check_looks, raise_fault
from xent.evaluation.groups.sums import MomentSums, without_weights
from xent.evaluation.groups.tally import Groups
from xent.evaluation.reading import batches
from xent.evaluation.reading.batches import Batch
from xent.evaluation.reading.options import Options, least_probability
from xent.evaluation.reading.plan import Plan
from xent.evaluation.reading.truth import Truth
from xent.evaluation.summary.by_class import ByClass
from xent.evaluation.summary.cells import Cells, group_names
from xent.evaluation.summary.evidence import Gathering
from xent.evaluation.summary.named import NamedRows
from xent.evaluation.summary.summary import ClassSums, Summary, Surprise
from xent.evaluation.summary.surprise import SurpriseCells
from xent.evaluation.summary.tempering import Tempering
from xent.kernels.cpu.log_loss import LogLoss
from xent.kernels.cpu.moment_sums import POWERS, UNWEIGHTED

__all__ = ["ScoredBatch", "Scorer"]

Array = npt.NDArray[Any]


class ScoredBatch(NamedTuple):
    """A batch as numbers, with its losses; the next batch is scored in the same memory."""

    columns: list[Array]  # of predictions, or the one matrix of them
    beside: dict[str, Any]  # target or labels, weight and size, where there are any
    nll: Array  # (rows), nats: inf where impossible, nan where not scored
    predicted: Array  # (rows), the likeliest class


class Scorer:
    """Scores batches in any order; `summary()` is what they add up to.

    `threads` is how many work on a batch; 0: as many as `num_threads` says.
    """

    def __init__(self, plan: Plan, options: Options, *, threads: int = 0) -> None:
        self.plan = plan
        self._options = options
        self._threads = threads
        self._clip = least_probability(options.zero)
        self._kernel = LogLoss(
            plan.prediction,
            len(plan.classes),
            tolerance=options.sum_tolerance,
            clip=self._clip,
            calibration=options.calibration,
        )
        self._truth = Truth(plan, options.ignore)
        self._weighted = plan.weight is not None
        self._groups = Groups(plan, options)
        self._named = NamedRows() if plan.id is not None else None
        # of one batch, used again for the next: fresh memory costs more than writing it
        self._row_nll, self._predicted = np.empty(0), np.empty(0, np.int32)
        self._gathering: Gathering | None = None
        if plan.kind != "log_probs":
            self._gathering = Gathering(
                len(plan.classes) if plan.width else len(plan.columns),
                len(plan.classes),
                one_class=plan.kind == "classes",
            )

    def add(self, batch: Batch, first_row: int) -> ScoredBatch:
        """Score a batch whose first row has this number in its source; return what it holds."""
        plan = self.plan
        columns = self._predictions(batch, first_row)
        arrays: dict[str, Any] = {}
        if plan.kind == "classes":
            arrays["target"] = self._truth.positions(batch, first_row)
        elif plan.kind == "labels":
            arrays["labels"] = [
                batches.labels(name, batch[name], first_row) for name in plan.outcomes
            ]
        for argument, name in (("weight", plan.weight), ("size", plan.size)):
            if name is not None:
                read = batches.weights if argument == "weight" else batches.floats
                values = read(name, batch[name], first_row)
                arrays[argument] = np.ascontiguousarray(values, dtype=np.float64)
        if not first_row:
            check_looks(plan, columns)
        rows = len(columns[0])
        if rows > len(self._row_nll):
            self._row_nll, self._predicted = np.empty(rows), np.empty(rows, np.int32)
        row_nll, predicted = self._row_nll[:rows], self._predicted[:rows]
        self._kernel.add(
            columns,
            first_row=first_row,
            row_nll=row_nll,
            row_predicted=predicted,
            threads=self._threads,
            **arrays,
        )
        if self._gathering is not None:
            scored = ~np.isnan(row_nll)
            if "weight" in arrays:
                scored &= arrays["weight"] > 0
            self._gathering.add(columns, scored, arrays.get("target"), predicted)
        faults = self._kernel.faults()
        if self._options.nan == "exclude":
            faults.pop("missing", None)
        if faults:
            raise_fault(plan, self._options, faults, columns, first_row + len(columns[0]))
        if self._named is not None:
            target, weight = arrays.get("target"), arrays.get("weight")
            chosen = predicted if target is not None else None
            self._named.add(batch[str(plan.id)], row_nll, target, chosen, weight)
        if self._groups:
            self._groups.add(batch, first_row, columns, arrays, row_nll)
        return ScoredBatch(columns, arrays, row_nll, predicted)

    def _predictions(self, batch: Batch, first_row: int) -> list[Any]:
        plan = self.plan
        if plan.width:
            name = plan.columns[0]
            return [batches.matrix(name, batch[name], first_row, plan.width)]
        columns = [batches.floats(name, batch[name], first_row) for name in plan.columns]
        if len({c.dtype for c in columns}) > 1:
            columns = [c.astype(np.float64) for c in columns]
        return columns

    def summary(self) -> Summary:
        """Return the sums of all rows added so far."""
        sums = self._kernel.sums()
        rows = sums["rows"]
        counted = not self._weighted

        def weight(of_rows: int, of_weights: int) -> int:
            return of_rows * ONE if counted else of_weights

        by_class = [
            ClassSums(
                count,
                correct,
                impossible,
                weight(count, weights),
                weight(correct, weights_correct),
                nll,
                probability,
            )
            for count, correct, impossible, weights, weights_correct, nll, probability in (
                sums["classes"]
            )
        ]
        if self.plan.prediction.startswith("binary"):
            # one column is the probability of the second class
            scored = weight(rows, sums["weight"])
            by_class[0] = by_class[0]._replace(probability=scored - by_class[1].probability)
        offences = sums["offences"]
        return Summary(
            kind=self.plan.kind,
            classes=self.plan.classes,
            clip=self._clip,
            weighted=self._weighted,
            sized=self.plan.size is not None,
            ignore=None if self._options.ignore is None else str(self._options.ignore),
            num_rows=rows,
            num_ignored=sums["ignored"],
            num_missing=offences["missing"][0] if "missing" in offences else 0,
            num_impossible=sums["impossible"],
            num_clipped=sums["clipped"],
            num_correct=sums["correct"],
            num_all_correct=sums["all_correct"],
            sum_weight=weight(rows, sums["weight"]),
            **_powers(sums, rows - sums["impossible"] if counted else None),
            sum_brier=sums["brier"],
            # a weight times how many labels of its row are right would be rounded
            sum_correct=sum(of.weight_correct for of in by_class),
            sum_all_correct=weight(sums["all_correct"], sums["weight_all_correct"]),
            sum_impossible=weight(sums["impossible"], sums["weight_impossible"]),
            sum_clipped_nll=sums["clipped_nll"],
            sum_size=sums["size"],
            by_class=ByClass.of(by_class, weighted=self._weighted),
            **self._kept(sums),
            **self._groups.parts(),
            **self._calibration(sums),
            evidence=None if self._gathering is None else self._gathering.evidence(),
        )

    def _calibration(self, sums: dict[str, Any]) -> dict[str, Any]:
        """What is kept beside the losses, where it is: by the name of the summary's field."""
        if "surprise" not in sums:
            return {}
        parts: dict[str, Any] = {"surprise": SurpriseCells.from_kernel(sums["surprise"])}
        if self.plan.kind == "log_probs":
            return parts
        groups = group_names(self.plan.kind, self.plan.classes)
        parts["cells"] = Cells.from_kernel(groups, sums["cells"], sums.get("impossible_cells"))
        count, weight, *tempered = sums["tempering"]
        weight = weight if self._weighted else count * ONE
        parts["tempering"] = Tempering(count, weight, *map(tuple, tempered))
        return parts

    def _kept(self, sums: dict[str, Any]) -> dict[str, Any]:
        """The rows that are kept: by id where there is one, else by number."""
        if self._named is not None:
            impossible, missing = self._named.impossible, self._named.missing
            worst = self._named.worst
        else:
            impossible, missing = tuple(sums["impossible_rows"]), tuple(sums["missing_rows"])
            of_class = self.plan.kind == "classes"
            # a loss of -0.0 is 0
            worst = [
                Surprise(nll + 0.0, row, *((target, predicted) if of_class else (-1, -1)))
                for nll, row, target, predicted in sums["worst"]
            ]
            worst.sort(key=lambda s: s.order)
        return {"impossible_rows": impossible, "missing_rows": missing, "worst": tuple(worst)}


def _powers(sums: dict[str, Any], count: int | None) -> dict[str, Any]:
    """The sums that moments are made of by their names in a summary, but for that of weights,
    of which impossible rows have some; `count` rows that are possible, where all weigh 1."""
    names = MomentSums._fields[1:]
    if count is not None:
        of = without_weights(count, *(sums[name] for name in POWERS[:UNWEIGHTED]))
        sums = of._asdict()
    return {f"sum_{name}": sums[name] for name in names}
