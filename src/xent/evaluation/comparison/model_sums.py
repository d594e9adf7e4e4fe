"""Sums of one model over the rows that are compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.assemble import Settings, scaled
from xent.evaluation.comparison.models import Model
from xent.evaluation.comparison.pairs import Beside
from xent.evaluation.comparison.result import ModelRow
from xent.evaluation.comparison.rows import Rows
from xent.evaluation.comparison.sums import GroupedSums
from xent.evaluation.exact import ONE, ratio
from xent.evaluation.groups.clusters import Clusters, KeyedSums
from xent.evaluation.groups.sums import MomentTally
from xent.evaluation.intervals.means import hall_interval
from xent.units import nats_per, perplexity_of

__all__ = ["ModelState"]

Array = npt.NDArray[Any]


class ModelState:
    """Sums of one model over the rows that are compared."""

    def __init__(self, clustered: bool) -> None:
        self.impossible = 0
        self._moments = MomentTally()  # of rows that are possible, their weight and loss among them
        self._rows = 0
        self._sums = GroupedSums(("weight", "size", "right"))
        self._clusters = Clusters("") if clustered else None
        self._has_truth = True
        self._weighted = False

    def add(self, rows: Rows, beside: Beside) -> None:
        """Add rows that are scored."""
        nll, w = rows.nll, beside.weight
        self._rows += len(nll)
        if w is not None:
            self._weighted = True
            self._sums.add(1, None, weight=w)
        if beside.size is not None:
            self._sums.add(1, None, size=beside.size if w is None else w * beside.size)
        right = right_decisions(rows)
        if right is None:
            self._has_truth = False
        else:
            self._sums.add(1, None, right=right if w is None else w * right)
        finite = np.isfinite(nll)
        self.impossible += len(nll) - int(np.count_nonzero(finite))
        if not finite.all():
            nll, w = nll[finite], None if w is None else w[finite]
        self._moments.add(None, nll, w)
        if self._clusters is not None and beside.clusters is not None and len(nll):
            keys, codes = beside.clusters
            columns = [w, nll if w is None else w * nll]
            self._clusters += Clusters("", KeyedSums.of_rows(keys, codes[finite], columns))

    def row(self, model: Model, settings: Settings) -> ModelRow:
        """Return the numbers of the model."""
        t = {name: sums[0] for name, sums in self._sums.totals().items()}
        possible = self._moments.totals()[0]
        k, unit = settings.decisions, nats_per(settings.unit)
        nats = ratio(possible.nll, possible.weight * k)
        # as `evaluate` has it: a loss is skewed to one side, and never below 0
        if self._clusters is not None:
            interval = self._clusters.interval(settings.level, scale=k)
        else:
            (count,) = self._moments.counts
            interval = hall_interval(*possible.moments(count, k), settings.level, least=0.0)
        loss = math.inf if self.impossible else nats
        per_byte = math.nan
        if t["size"]:
            per_byte = ratio(possible.nll, t["size"]) / math.log(2)
            per_byte = math.inf if self.impossible else per_byte
        return ModelRow(
            name=model.name,
            note=model.plan.note,
            log_loss=loss / unit,
            finite_log_loss=nats / unit,
            interval=scaled(interval, 1 / unit),
            perplexity=perplexity_of(loss),
            perplexity_interval=interval.exp(),
            accuracy=ratio(t["right"], self._weight * k) if self._has_truth else math.nan,
            num_impossible=self.impossible,
            bits_per_byte=per_byte,
        )

    @property
    def _weight(self) -> int:
        return self._sums.totals()["weight"][0] if self._weighted else self._rows * ONE

    @property
    def weight(self) -> float:
        """Of all rows."""
        return self._weight / ONE


def right_decisions(rows: Rows) -> Array | None:
    """How many decisions of each row were right; None without a truth."""
    if rows.truth is None or rows.predicted is None:
        return None
    same: Array = rows.truth == rows.predicted
    return same.sum(axis=1) if same.ndim == 2 else same
