"""Two parts of a batch: the mean of their means is not the mean of their rows."""

from __future__ import annotations

from dataclasses import dataclass

from xent.total import Total, merge

__all__ = ["Parts", "compute"]


@dataclass(frozen=True)
class Parts:
    """Micro-batches, ranks or files, each with its rows and the mean of their losses."""

    totals: tuple[Total, ...]

    @property
    def mean(self) -> float:
        """Over all rows: what the whole batch at once would give."""
        return float(merge(self.totals).mean())

    @property
    def mean_of_means(self) -> float:
        """What averaging the parts gives, whatever their sizes."""
        return sum(float(part.mean()) for part in self.totals) / len(self.totals)

    @property
    def weights_of_a_row(self) -> tuple[float, ...]:
        """How much a row of each part counts in the mean of means, where 1 is its due."""
        rows = merge(self.totals).count
        return tuple(rows / len(self.totals) / part.count for part in self.totals)


def compute(*parts: tuple[int, float]) -> Parts:
    """Return parts of so many rows with such a mean loss each.

    >>> parts = compute((900, 2.0), (100, 6.0))
    >>> parts.mean, parts.mean_of_means
    (2.4, 4.0)
    """
    return Parts(tuple(Total(rows * mean, float(rows), rows) for rows, mean in parts))
