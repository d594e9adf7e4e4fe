"""The true class of each row, as its position among the classes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.numbers import counted
from xent.evaluation.reading import batches
from xent.evaluation.reading.batches import Batch
from xent.evaluation.reading.names import class_values, is_integer, nearest, same_number
from xent.evaluation.reading.plan import Plan
from xent.kernels.cpu.log_loss import IGNORED, MISSING

__all__ = ["Truth"]


class Truth:
    """Reads the target of a plan, or its one-hot outcome columns."""

    def __init__(self, plan: Plan, ignore: Any = None) -> None:
        self._plan = plan
        self._ignore = ignore
        self._count = len(plan.classes)
        # whole numbers are positions of named classes
        values = class_values(plan.classes) or list(range(self._count))
        self._values = np.array(values, dtype=np.int64)
        self._in_order = values == list(range(self._count))
        self._same = same_number(plan.classes)

    def positions(self, batch: Batch, first_row: int) -> npt.NDArray[np.int64]:
        """Return the position of each row's class, IGNORED or MISSING."""
        if self._plan.outcomes:
            return self._one_hot(batch, first_row)
        name = self._plan.target
        assert name is not None
        column = batch[name]
        kind = batches.field_of(name, column).kind
        if kind == "other":
            column, kind = batches.words(name, column, first_row), "text"
        if kind == "text":
            return self._by_name(name, column, first_row)
        if self._same is not None:
            raise XentValueError(
                f"target {name!r} must be text where two classes are one number, "
                f"got {self._same[0]!r} and {self._same[1]!r}",
                code="D01",
                value=self._same,
            )
        return self._by_value(name, column, first_row)

    def _by_value(self, name: str, column: Any, first_row: int) -> npt.NDArray[np.int64]:
        values = batches.integers(name, column, first_row)
        plain = self._in_order and self._ignore is None and values.size > 0
        if plain and values.min() >= 0 and values.max() < self._count:
            return values  # the common case by two passes over the batch; MISSING is below 0
        ignored = None if self._ignore is None else values == self._as_integer(name)
        if self._in_order:
            result = values
            wrong = (values < 0) | (values >= self._count)
        else:
            order = np.argsort(self._values)
            place = np.searchsorted(self._values, values, sorter=order)
            result = order[np.minimum(place, self._count - 1)].astype(np.int64)
            wrong = self._values[result] != values
            result = np.where(values == MISSING, MISSING, result)
        wrong &= values != MISSING
        if ignored is not None and ignored.any():
            wrong &= ~ignored
            result = np.where(ignored, IGNORED, result)
        if wrong.any():
            raise self._no_class(name, values, wrong, ignored, first_row)
        return np.ascontiguousarray(result)

    def _as_integer(self, name: str) -> int:
        value = self._ignore
        if isinstance(value, str) and is_integer(value.strip()):  # of the command line
            return int(value)
        # 255.0 is what a column of floats has; 0.5 must not be the class 0
        if isinstance(value, (float, np.floating)) and value.is_integer():
            return int(value)
        try:
            return operator.index(value)
        except TypeError:
            raise XentValueError(
                f"ignore must be a whole number, as {name!r} holds them, got {value!r}", value=value
            ) from None

    def _by_name(self, name: str, column: Any, first_row: int) -> npt.NDArray[np.int64]:
        """Match text to the names of the classes, each distinct text once."""
        if batches.is_arrow(column):
            from pyarrow import types

            if not types.is_dictionary(column.type):
                column = column.dictionary_encode()
            texts = column.dictionary.to_pylist()
            codes = batches.plain(column.indices)
            missing = np.isnan(codes) if codes.dtype.kind == "f" else np.zeros(len(codes), bool)
            codes = np.where(missing, 0, codes).astype(np.int64)
        else:
            missing = np.array([t is None or t != t for t in column.tolist()], dtype=bool)
            texts, codes = np.unique(np.where(missing, "", column).astype(str), return_inverse=True)
            texts = texts.tolist()
        position = {text: j for j, text in enumerate(self._plan.classes)}
        if self._ignore is not None:
            position[str(self._ignore)] = IGNORED
        table = np.array([position.get(t, -1) for t in texts] or [0], dtype=np.int64)
        result: npt.NDArray[np.int64] = table[codes]
        result[missing] = MISSING
        wrong = np.flatnonzero(result == -1)
        if wrong.size:
            text = texts[codes[wrong[0]]]
            row = first_row + int(wrong[0])
            raise XentValueError(
                f"target {name!r} must hold classes, got {text!r} in row {row} "
                f"({counted(wrong.size, 'such row')} in this batch); "
                + (self._two_names(texts) or nearest(text, self._plan.classes, "the classes are"))
                + self._order_hint(texts),
                code="D26" if self._order_hint(texts) else "D01",
                index=row,
                value=text,
            )
        return result

    def _two_names(self, texts: list[str]) -> str:
        """What to do where one column is the probability of one of two classes with names."""
        names = sorted(t for t in texts if t and t != str(self._ignore))
        columns = self._plan.columns
        if self._plan.classes != ("0", "1") or len(columns) != 1 or len(names) != 2:
            return ""
        # the second is the one that happens with that probability
        ends_with = (columns[0].lower().endswith(name.lower()) for name in names)
        names.sort(key=dict(zip(names, ends_with, strict=True)).__getitem__)
        return (
            f"name both, the one that {columns[0]!r} is the probability of as the second: "
            f"classes='{','.join(names)}'"
        )

    def _order_hint(self, texts: list[str]) -> str:
        if not self._plan.width or self._plan.classes != tuple(map(str, range(self._count))):
            return ""
        hint = "; a list has no class names: give classes in the order of its values"
        numbers = sorted(filter(is_integer, texts))
        # what is missing is "" among the texts
        if len(numbers) == len([t for t in texts if t]) and numbers != sorted(numbers, key=int):
            hint += ' (sorted as text, "10" comes before "2": scikit-learn orders text so)'
        return hint

    def _one_hot(self, batch: Batch, first_row: int) -> npt.NDArray[np.int64]:
        columns = np.stack(
            [batches.labels(name, batch[name], first_row) for name in self._plan.outcomes]
        )
        missing = (columns > 1).any(axis=0)
        total = columns.sum(axis=0, dtype=np.int64)
        wrong = np.flatnonzero((total != 1) & ~missing)
        if wrong.size:
            row = first_row + int(wrong[0])
            raise XentValueError(
                f"one of the {len(columns)} outcome columns must be 1 in each row, got "
                f"{total[wrong[0]]} in row {row} ({counted(wrong.size, 'such row')} in this "
                "batch); rows with several labels, or none, are a task of their own: task='multi'",
                code="D17",
                index=row,
                value=int(total[wrong[0]]),
            )
        return np.where(missing, MISSING, columns.argmax(axis=0))

    def _no_class(
        self,
        name: str,
        values: npt.NDArray[np.int64],
        wrong: npt.NDArray[np.bool_],
        ignored: npt.NDArray[np.bool_] | None,
        first_row: int,
    ) -> XentValueError:
        at = int(np.flatnonzero(wrong)[0])
        scored = values[values != MISSING] if ignored is None else values[~ignored]
        low, high, count = int(scored.min()), int(scored.max()), self._count
        offending = set(np.unique(values[wrong])[:3].tolist())
        first = int(self._values.min())
        hint = "; name the classes in the order of their columns with classes"
        if offending == {-1} or offending == {255} or offending == {-100}:
            hint = f"; if {values[at]} marks rows to leave out, say ignore={values[at]}"
        elif self._in_order and low == 1 and high == count:
            hint = f"; targets look 1-based, from 1 to {count}: say classes='1..{count}'"
        elif first == 1 and low == 0 and high == count - 1:
            hint = f"; targets look 0-based, from 0 to {high}: say classes='0..{high}'"
        if self._in_order:
            requirement = f"be in [0, {count})"
        else:
            requirement = f"be one of the classes {', '.join(self._plan.classes[:8])}" + (
                " ..." if count > 8 else ""
            )
        return XentValueError(
            f"target {name!r} must {requirement}, got {values[at]} in row {first_row + at} "
            f"({counted(int(wrong.sum()), 'such row')} in this batch){hint}",
            code="D01",
            index=first_row + at,
            value=int(values[at]),
        )
