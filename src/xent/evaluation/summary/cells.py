"""Predicted probabilities and what happened, in cells: all that calibration needs of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import MergeError
from xent.evaluation.plain import texts_of
from xent.evaluation.summary.cell_tally import Tally
from xent.kernels.cpu.cell_ranges import of_halves
from xent.kernels.cpu.log_loss import CELL_BITS, CELL_LOW, MOST_GROUPS, NUM_CELLS

__all__ = [
    "ALL_LABELS",
    "NUM_CELLS",
    "TOP_LABEL",
    "Cells",
    "cell_logits",
    "cell_odds",
    "cell_of",
    "group_names",
]

TOP_LABEL = "top label"
ALL_LABELS = "all labels"


def cell_odds() -> npt.NDArray[np.float64]:
    """Return the borders of the cells, ascending odds r = q / (1 - q): an array (1025,).

    Each factor of 2 is cut into 16 steps of equal width, from 2**-32 to 2**32; the first and
    the last cell also hold what lies beyond. (Odds less than 2**-42 of themselves below a
    border are in the cell above it: rounding must not part rows with the same probability.)

    >>> edges = cell_odds()
    >>> float(edges[0]), float(edges[512]), float(edges[513]), float(edges[1024])
    (2.3283064365386963e-10, 1.0, 1.0625, 4294967296.0)
    """
    steps = 1 << CELL_BITS
    cells = np.arange(NUM_CELLS + 1)
    return np.ldexp(1 + (cells % steps) / steps, CELL_LOW + cells // steps)


def cell_logits() -> npt.NDArray[np.float64]:
    """Return the centres of the cells in log-odds: an array (1024,), from -22.2 to 22.2."""
    edges = np.log(cell_odds())
    return (edges[1:] + edges[:-1]) / 2


def cell_of(probability: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the cells of probabilities, as the kernel finds them.

    >>> cell_of([0.0, 0.25, 0.5, 1.0])
    array([   0,  485,  512, 1023])
    """
    q = np.asarray(probability, dtype=np.float64)
    with np.errstate(divide="ignore"):
        odds = q / np.maximum(1 - q, 0.0)
    low = 2.0**CELL_LOW
    bits = np.clip(odds, low, 2.0**-CELL_LOW * (1 - 2.0**-40)).view(np.int64) + 1024
    return (bits >> (52 - CELL_BITS)) - ((1023 + CELL_LOW) << CELL_BITS)


def group_names(kind: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the groups of predictions about these classes, or labels; see `Cells`.

    >>> group_names("classes", ("no", "yes")), group_names("classes", ("a", "b", "c"))
    (('yes',), ('a', 'b', 'c', 'top label'))
    """
    few = len(classes) <= MOST_GROUPS
    if kind == "labels":
        return classes if few else (ALL_LABELS,)
    if len(classes) == 2:
        return classes[1:]
    return (*classes, TOP_LABEL) if few and len(classes) > 2 else (TOP_LABEL,)


@dataclass(frozen=True)
class Cells:
    """Rows counted by the cell of a predicted probability and by whether it came true.

    A group is a probability that rows are counted by. Two classes: that of the second one.
    More classes: each class against the rest, and last `TOP_LABEL`, the probability of the
    predicted class against that class being true. Labels: each label. Beyond 2048 classes
    only the last group is kept, and beyond 2048 labels all of them are one group,
    `ALL_LABELS`. All scored rows are counted, impossible ones among them. Weights count with
    their 32 leading bits, in units of 2**-64 and up to 2**40 a row.

    Parameters
    ----------
    groups : tuple of str
        Names of the groups.
    tally : Tally
        Counts or weights, (groups, 2, NUM_CELLS): where it did not come true, and where it did.
    impossible : Tally, optional
        Those of them that are in rows whose truth had probability 0, clipped or not; of a row
        of labels all. Of two classes and of labels only; None where there is no such row.

    See Also
    --------
    cell_odds : the borders of the cells.
    Summary.cells : the cells of an evaluation.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> cells = evaluate(([1, 1, 0], [0.5, 0.5, 0.25])).summary.cells
    >>> zeros, ones = cells.weights()
    >>> cells.groups, float(ones[0, 512]), float(zeros[0, 485])
    (('1',), 2.0, 1.0)
    """

    groups: tuple[str, ...]
    tally: Tally
    impossible: Tally | None = None

    @classmethod
    def from_counts(
        cls, groups: tuple[str, ...], zeros: npt.ArrayLike, ones: npt.ArrayLike
    ) -> Cells:
        """Return the cells of counts of rows, each (groups, NUM_CELLS)."""
        counts = np.stack([np.asarray(zeros), np.asarray(ones)], axis=1)
        return cls(tuple(groups), Tally.of(counts.astype(np.uint64)))

    @classmethod
    def from_kernel(
        cls,
        groups: tuple[str, ...],
        kept: tuple[Any, ...],
        impossible: tuple[Any, ...] | None = None,
    ) -> Cells:
        """Return the cells that the kernel counted, two lines a group."""
        shape = (len(groups), 2, NUM_CELLS)
        found = None if impossible is None else Tally(shape, of_halves(*impossible))
        return cls(groups, Tally(shape, of_halves(*kept)), found)

    @property
    def is_weighted(self) -> bool:
        return self.tally.is_weighted

    def weights(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the rows, or their weight, where it did not come true and where it did.

        Two arrays (groups, NUM_CELLS); the cells are in the order of `cell_odds`.
        """
        values = self.tally.values()
        return values[:, 0], values[:, 1]

    def possible(self) -> Cells:
        """Return the cells without rows whose truth had probability 0, clipped or not.

        Of two classes or of labels.

        >>> from xent.evaluation import evaluate
        >>> cells = evaluate(([1, 0, 1], [0.5, 0.25, 0.0])).summary.cells
        >>> cells.possible() == evaluate(([1, 0], [0.5, 0.25])).summary.cells
        True
        """
        if self.impossible is None:
            return self
        return Cells(self.groups, self.tally - self.impossible)

    def __add__(self, other: object) -> Cells:
        if not isinstance(other, Cells):
            return NotImplemented
        if self.groups != other.groups:
            raise MergeError(
                f"cells must have the same groups to be added, got {self.groups} and "
                f"{other.groups}; evaluate both parts with the same classes",
                code="D30",
            )
        ours, theirs = self.impossible, other.impossible
        impossible = ours + theirs if ours is not None and theirs is not None else ours or theirs
        return Cells(self.groups, self.tally + other.tally, impossible)

    def to_state(self) -> dict[str, Any]:
        """Return the cells as what JSON can hold."""
        impossible = None if self.impossible is None else self.impossible.to_state()
        tally = self.tally.to_state()
        return {"groups": list(self.groups), "tally": tally, "impossible": impossible}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Cells:
        """Return the cells that `to_state` wrote."""
        groups, impossible = texts_of(state["groups"], "groups"), state["impossible"]
        if len(groups) > MOST_GROUPS + 1:
            raise ValueError(f"{len(groups)} groups are more than {MOST_GROUPS + 1}")
        shape = (len(groups), 2, NUM_CELLS)
        return cls(
            groups,
            Tally.from_state(state["tally"], shape),
            None if impossible is None else Tally.from_state(impossible, shape),
        )
