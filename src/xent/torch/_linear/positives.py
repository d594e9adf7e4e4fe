"""Labels that are true, one entry each: a few of a row's hundred thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Found", "Ordered", "Positives"]


@dataclass(slots=True, eq=False)
class Positives:
    """Entries of a sparse (N, L) matrix of labels, row by row; the other labels are 0.

    Attributes
    ----------
    rows, labels : int
        N and L.
    row, label : Tensor of int64, shape (M,)
        Where the entries are. An entry of label L is padding, and counts for nothing.
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
        """Return the entries of an (N, K) tensor of labels, where -1 is padding."""
        rows, per_row = target.shape
        row = torch.arange(rows, device=target.device).unsqueeze(1).expand(rows, per_row)
        target = target.to(torch.int64)
        label = torch.where(target < 0, labels, target)
        return cls(rows, labels, row.reshape(-1), label.reshape(-1), per_row=per_row)

    @classmethod
    def of_compressed(
        cls, crow: Tensor, col: Tensor, value: Tensor | None, labels: int
    ) -> Positives:
        """Return the entries of a matrix of compressed sparse rows."""
        rows = crow.shape[0] - 1
        each = torch.arange(rows, device=crow.device)
        counts = crow.diff().to(torch.int64)
        row = each.repeat_interleave(counts, output_size=col.shape[0])
        return cls(rows, labels, row, col.to(torch.int64), value)

    def padded(self) -> tuple[Tensor, Tensor | None]:
        """Return labels, L where there is none, and values as (N, K) tensors."""
        if self.per_row is not None:
            return self.label.view(self.rows, self.per_row), None
        counts = torch.bincount(self.row, minlength=self.rows)
        per_row = max(1, int(counts.max())) if self.rows else 1
        # the place of an entry in its row: its number less that of the row's first
        place = torch.arange(len(self.row), device=self.row.device)
        place = place - (counts.cumsum(0) - counts)[self.row]
        label = self.label.new_full((self.rows, per_row), self.labels)
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
        row, label, value = self.row, self.label, self.value
        if row.is_cpu:
            # elsewhere, how many entries are left is known to the device alone
            real = (label < self.labels).nonzero().squeeze(1)
            if len(real) < len(label):
                row, label = row[real], label[real]
                value = None if value is None else value[real]
        key, order = torch.sort(label * max(self.rows, 1) + row)
        return Ordered(
            self.rows,
            self.labels,
            row[order],
            label[order],
            None if value is None else value[order],
            key[1:] == key[:-1],
        )


class Found(NamedTuple):
    """Entries of a block, as the walk meets them."""

    entries: slice  # which of all
    row: Tensor  # (m,)
    label: Tensor  # (m,); both count from the start of the whole
    value: Tensor | None
    place: Tensor  # (m,): in the block, laid out in a row; one past its end: not in it
    inside: Tensor | None  # (m,) bool; None: all are in it


class Ordered:
    """Entries by label: those of a slice of labels lie side by side."""

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
        self.repeats = repeats  # (M - 1,): whether the next entry is the same once more
        self._starts: dict[int, int] = {}

    def cut(self, step: int) -> None:
        """Find where the slices of `step` labels begin, on a processor that can be asked."""
        if not self.label.is_cpu:
            return
        starts = torch.arange(0, self.labels + step, step)
        places = torch.searchsorted(self.label, starts)
        self._starts = dict(zip(starts.tolist(), places.tolist(), strict=True))

    def inside(self, rows: range, labels: range) -> Found:
        """Return the entries that may be in a block of rows and of one slice of labels."""
        entries = slice(0, len(self.label))
        whole_rows = len(rows) == self.rows
        asked = self.label.is_cpu
        if asked:
            last = min(labels.stop, self.labels)
            after = self._starts.get(last)
            if after is None:  # the last slice is cut short
                after = len(self.label)
            entries = slice(self._starts[labels.start], after)
        row, label = self.row[entries], self.label[entries]
        value = None if self.value is None else self.value[entries]
        place = (row - rows.start) * len(labels) + (label - labels.start)
        if asked and whole_rows:
            return Found(entries, row, label, value, place, None)
        inside = (row >= rows.start) & (row < rows.stop)
        inside &= (label >= labels.start) & (label < labels.stop)
        place = torch.where(inside, place, len(rows) * len(labels))
        return Found(entries, row, label, value, place, inside)
