"""Labels that are true, one entry each: a few of a row's hundred thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Found", "Ordered", "Positives"]


@dataclass(slots=True, eq=False)
class Positives:
    """Entries of a sparse (N, L) matrix of labels, row by row; all other labels are 0.

    Attributes
    ----------
    rows, labels : int
        N and L.
    row, label : Tensor of int64, shape (M,)
        Where the entries are. A label below 0 is padding, and counts for nothing.
    value : Tensor or None
        What is there, in [0, 1]; None: 1 everywhere.
    per_row : int or None
        How many entries each row has, padding included, where that is the same for all.
    """

    rows: int
    labels: int
    row: Tensor
    label: Tensor
    value: Tensor | None = None
    per_row: int | None = None

    @classmethod
    def of_padded(cls, target: Tensor, labels: int) -> Positives:
        """Return the entries of an (N, K) tensor of labels."""
        rows, per_row = target.shape
        row = torch.arange(rows, device=target.device).unsqueeze(1).expand(rows, per_row)
        label = target.to(torch.int64).reshape(-1)
        return cls(rows, labels, row.reshape(-1), label, per_row=per_row)

    @classmethod
    def of_compressed(
        cls, crow: Tensor, col: Tensor, value: Tensor | None, labels: int
    ) -> Positives:
        """Return the entries of a matrix of compressed sparse rows."""
        rows = crow.shape[0] - 1
        each = torch.arange(rows, device=crow.device)
        row = each.repeat_interleave(crow.diff(), output_size=col.shape[0])
        return cls(rows, labels, row, col.to(torch.int64), value)

    def padded(self) -> tuple[Tensor, Tensor | None]:
        """Return labels and values as (N, K) tensors."""
        if self.per_row is not None:
            return self.label.view(self.rows, self.per_row), None
        counts = torch.bincount(self.row, minlength=self.rows)
        per_row = max(1, int(counts.max())) if self.rows else 1
        # the place of an entry in its row: its number less that of the row's first
        place = torch.arange(len(self.row), device=self.row.device)
        place = place - (counts.cumsum(0) - counts)[self.row]
        label = self.label.new_full((self.rows, per_row), -1)
        label[self.row, place] = self.label
        if self.value is None:
            return label, None
        value = self.value.new_ones((self.rows, per_row))
        value[self.row, place] = self.value
        return label, value

    def of_rows(self, kept: Tensor) -> Positives:
        """Return the entries of these rows, which are numbered anew."""
        number = self.row.new_full((self.rows,), -1)
        number[kept] = torch.arange(len(kept), device=kept.device)
        row = number[self.row]
        chosen = row >= 0
        value = None if self.value is None else self.value[chosen]
        return Positives(len(kept), self.labels, row[chosen], self.label[chosen], value)

    def ordered(self) -> Ordered:
        """Return the entries by label, and by row among those of one label."""
        key = self.label.clamp(min=-1) * max(self.rows, 1) + self.row
        key, order = torch.sort(key)
        label = self.label[order]
        value = None if self.value is None else self.value[order]
        repeats = (key[1:] == key[:-1]) & (label[1:] >= 0)
        return Ordered(self.rows, self.labels, self.row[order], label, value, repeats)


class Found(NamedTuple):
    """Entries that may be in a block."""

    entries: slice  # which of all
    place: Tensor  # in the block laid out as one row; one past its end: not in the block
    inside: Tensor | None  # bool; None: all are in it


class Ordered:
    """Entries by label: those of a slice of labels lie side by side.

    `repeats` says of each entry but the last whether the next one is the same once more.
    """

    def __init__(
        self,
        rows: int,
        labels: int,
        row: Tensor,
        label: Tensor,
        value: Tensor | None,
        repeats: Tensor,
    ) -> None:
        self.rows, self.labels = rows, labels
        self.row, self.label, self.value = row, label, value
        self.repeats = repeats
        self._starts: list[int] | None = None
        self._step = 1

    def cut(self, step: int) -> None:
        """Find where the slices of `step` labels begin, where asking waits for nobody."""
        if self.label.is_cpu:
            starts = torch.arange(0, self.labels + step, step, device=self.label.device)
            starts = starts.clamp(max=self.labels)
            self._starts, self._step = torch.searchsorted(self.label, starts).tolist(), step

    def inside(self, rows: range, labels: range) -> Found:
        """Return the entries that may be in a block of rows and of one slice of labels."""
        entries = slice(0, len(self.label))
        if self._starts is not None:
            number = labels.start // self._step
            entries = slice(*self._starts[number : number + 2])
        row, label = self.row[entries], self.label[entries]
        place = (row - rows.start) * len(labels) + (label - labels.start)
        if self._starts is not None and len(rows) == self.rows:
            return Found(entries, place, None)
        inside = (row >= rows.start) & (row < rows.stop)
        inside &= (label >= labels.start) & (label < labels.stop)
        place = torch.where(inside, place, len(rows) * len(labels))
        return Found(entries, place, inside)
