"""What every source of predictions can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from xent.evaluation.reading.batches import Batch, Field

__all__ = ["Source"]


class Source(Protocol):
    """Rows of predictions: what columns there are, the first rows, and all rows in batches."""

    name: str
    fields: list[Field]

    @property
    def num_rows(self) -> int | None:
        """How many rows there are; None where only reading them would tell."""

    def head(self, rows: int) -> Batch: ...

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]: ...

    def close(self) -> None: ...
