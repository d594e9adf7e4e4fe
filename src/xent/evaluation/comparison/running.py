"""Rows of all models side by side, checked and added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation.comparison.asked import Asked
from xent.evaluation.comparison.finishing import Added, finish
from xent.evaluation.comparison.groups import Codes
from xent.evaluation.comparison.identity import IdentityCheck
from xent.evaluation.comparison.keys import KeyedRows
from xent.evaluation.comparison.model_sums import ModelState
from xent.evaluation.comparison.models import Model
from xent.evaluation.comparison.pairs import Beside, PairState
from xent.evaluation.comparison.result import Comparison
from xent.evaluation.comparison.rows import Rows
from xent.evaluation.comparison.streams import by_row
from xent.evaluation.comparison.truth import TruthCheck
from xent.evaluation.groups.values import keys_of
from xent.evaluation.numbers import counted
from xent.evaluation.reading import batches
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.source import Source
from xent.kernels.cpu.log_loss import IGNORED
from xent.kernels.cpu.row_keys import integer_keys

__all__ = ["run"]

Array = npt.NDArray[Any]
Progress = Callable[[int, int | None], None]


def run(
    sources: Sequence[Source], models: Sequence[Model], asked: Asked, progress: Progress | None
) -> Comparison:
    """Compare models whose sources are open."""
    return _Run(sources, models, asked).through(progress)


class _Run:
    def __init__(self, sources: Sequence[Source], models: Sequence[Model], asked: Asked) -> None:
        self._sources, self._models, self._asked = sources, models, asked
        self._first = models[0].plan
        self._weighted = asked.weight is not None
        self._clustered = asked.cluster is not None or asked.block is not None
        self._slices = Codes(asked.by)
        self._truth = TruthCheck([m.name for m in models])
        taken = {name for model in models for name in model.scorer.needed}
        in_order = sources if asked.key is None else sources[:1]
        self._identity = IdentityCheck(in_order, [m.name for m in models], taken)
        self._keyed = (
            KeyedRows(sources, self._columns(), asked.key, inner=asked.inner)
            if asked.key is not None and len(sources) > 1
            else None
        )
        self._seen = self._ignored = self._missing = self._weightless = 0
        self._model_states = [ModelState(self._clustered) for _ in models]
        self._pair_states = {
            (i, j): PairState(
                weighted=self._weighted,
                clustered=self._clustered,
                level=asked.level,
                classes=len(self._first.classes),
                least=asked.least,
                whole=i == 0,
            )
            for i, j in combinations(range(len(models)), 2)
        }

    def _columns(self) -> list[list[str]]:
        """What is read of each source."""
        needed: list[list[str]] = [[] for _ in self._sources]
        for model in self._models:
            needed[model.source] += model.scorer.needed
        for column in (*self._asked.by, self._asked.cluster):
            if column is not None:
                needed[0].append(column)
        if self._identity.column is not None:
            needed = [[*columns, self._identity.column] for columns in needed]
        return [list(dict.fromkeys(columns)) for columns in needed]

    def through(self, progress: Progress | None) -> Comparison:
        total = self._sources[0].num_rows
        for several in self._batches():
            self._add(several)
            if progress is not None:
                progress(self._seen, total)
        notes = self._identity.conclude()
        self._truth.conclude(keyed=self._keyed is not None)
        scored = self._seen - self._ignored - self._missing - self._weightless
        if not scored:
            raise XentValueError(
                f"there must be rows to compare, got {self._ignored} ignored, {self._missing} with "
                f"missing values and {self._weightless} of weight 0",
                code="D02",
            )
        added = Added(
            models=self._model_states,
            pairs=self._pair_states,
            slices=list(self._slices.place),
            ignored=self._ignored,
            missing=self._missing,
            weightless=self._weightless,
            unmatched=tuple(self._keyed.unmatched) if self._keyed is not None else (),
            checked=self._truth.checked,
            notes=tuple(notes),
        )
        return finish(added, self._asked, self._models)

    def _batches(self) -> Iterator[list[Batch]]:
        if self._keyed is not None:
            return self._keyed.batches()
        return by_row(self._sources, self._columns())

    def _add(self, several: list[Batch]) -> None:
        first_row = self._seen
        self._seen += num_rows(several[0])
        self._identity.add(several)
        rows = [self._rows(m, several[m.source], first_row) for m in self._models]
        # with an error in the truth there is nothing to add up, only to count
        if not self._truth.add(rows, first_row):
            return
        scored = np.logical_and.reduce([~np.isnan(r.nll) for r in rows])
        beside = self._beside(several, first_row, scored)
        kept = self._kept(rows, beside)
        if not kept.any():
            return
        if not kept.all():
            rows = [r.where(kept) for r in rows]
            beside = beside.where(kept)
        for state, r in zip(self._model_states, rows, strict=True):
            state.add(r, beside)
        for (i, j), pair in self._pair_states.items():
            pair.add(rows[i], rows[j], beside)

    def _rows(self, model: Model, batch: Batch, first_row: int) -> Rows:
        """Score rows of a model; what is wrong with them is said of it."""
        try:
            return model.scorer.rows(batch, first_row)
        except (XentValueError, XentTypeError) as error:
            order = f", in the order of {self._asked.key!r}" if self._keyed is not None else ""
            error.args = (f"{model.name}{order}: {error}",)
            raise

    def _kept(self, rows: list[Rows], beside: Beside) -> Array:
        """Rows that are scored under every model and have a weight; the others are counted."""
        truth = rows[0].truth
        ignored = np.zeros(len(rows[0].nll), dtype=bool)
        if truth is not None and self._first.kind == "classes":
            ignored = truth == IGNORED
        missing = np.zeros(len(ignored), dtype=bool)
        for r in rows:
            missing |= np.isnan(r.nll) & ~ignored
        if beside.weight is not None:
            missing |= np.isnan(beside.weight) & ~ignored
        if beside.size is not None:
            missing |= np.isnan(beside.size) & ~ignored
        kept: Array = ~(ignored | missing)
        self._ignored += int(ignored.sum())
        self._missing += int(missing.sum())
        if beside.weight is not None:
            weightless = kept & (beside.weight == 0)
            self._weightless += int(weightless.sum())
            kept &= ~weightless
        return kept

    def _beside(self, several: list[Batch], first_row: int, scored: Array) -> Beside:
        asked, batch = self._asked, several[0]
        beside = Beside(
            weight=self._column("weight", asked.weight, several, first_row),
            size=self._column("bytes", asked.size, several, first_row),
        )
        if asked.by:
            beside.slices = self._slices.add([batch[name] for name in asked.by])
            beside.num_slices = len(self._slices.place)
        if asked.cluster is not None:
            keys = keys_of("cluster", asked.cluster, batch[asked.cluster], first_row, scored)
            beside.clusters = np.unique(keys, return_inverse=True)
        elif asked.block is not None:
            blocks = (np.arange(num_rows(batch)) + first_row) // asked.block
            low = int(blocks[0])
            beside.clusters = integer_keys(np.arange(low, blocks[-1] + 1)), blocks - low
        return beside

    def _column(
        self, option: str, name: str | None, several: list[Batch], first_row: int
    ) -> Array | None:
        """A column of numbers of the first source; the others must agree where they have it."""
        if name is None:
            return None
        values = batches.floats(name, several[0][name], first_row).astype(np.float64)
        for source, batch in zip(self._sources[1:], several[1:], strict=True):
            if name not in batch:
                continue
            other = batches.floats(name, batch[name], first_row)
            differ = ~((values == other) | (np.isnan(values) & np.isnan(other)))
            if differ.any():
                at = int(np.argmax(differ))
                raise SourceError(
                    f"{option} {name!r} must be the same in all sources, got {values[at]:g} in "
                    f"{self._sources[0].name} and {other[at]:g} in {source.name} in row "
                    f"{first_row + at} ({counted(int(differ.sum()), 'such row')} in this batch)",
                    index=first_row + at,
                )
        return values
