"""`Total`: a sum of losses that knows what it is a sum of."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any

from xent.errors import MergeError, XentTypeError, XentValueError
from xent.units import Unit, nats_per

__all__ = ["Total", "merge"]


@dataclass(frozen=True)
class Total:
    """A weighted sum of losses, the weight it was summed with, and the number of rows.

    Add totals to get the total of all their rows: micro-batches, ranks and files merge
    right whatever their sizes, because the division by the weight happens once, at the
    end. ``sum(totals)`` is their total; ``Total()`` is the total of no rows, so that
    ``sum(totals, Total())`` works for none.

    Parameters
    ----------
    sum : float
        Sum over rows of weight times loss, in `unit`. Any scalar that adds will do: a
        NumPy or a torch scalar keeps its type, and its gradient.
    weight : float
        Sum of the weights of the rows that count.
    count : int
        Number of rows that count. Ignored rows do not.
    unit : {"nat", "bit", "ban"}
        Unit of `sum`.

    See Also
    --------
    merge : the same for any number of totals (or of evaluation summaries).

    Examples
    --------
    900 tokens with a mean loss of 2 and 100 tokens with a mean loss of 6 have a mean of
    2.4; averaging the two means would say 4:

    >>> from xent import Total
    >>> (Total(1800.0, 900.0, 900) + Total(600.0, 100.0, 100)).mean()
    2.4
    """

    sum: Any = 0.0
    weight: Any = 0.0
    count: int = 0
    unit: Unit = "nat"

    def __post_init__(self) -> None:
        nats_per(self.unit)

    def __add__(self, other: object) -> Total:
        if not isinstance(other, Total):
            return NotImplemented
        if other.unit != self.unit:
            # the total of no rows has no unit of its own
            if not other.count:
                return self
            if not self.count:
                return other
            raise MergeError(
                f"totals must have the same unit to be added, got {self.unit!r} and "
                f"{other.unit!r}; convert one with .to({self.unit!r})",
                code="D30",
                value=other.unit,
            )
        return replace(
            self,
            sum=self.sum + other.sum,
            weight=self.weight + other.weight,
            count=self.count + other.count,
        )

    def __radd__(self, other: object) -> Total:
        # what `sum(totals)` begins with
        return self if type(other) is int and other == 0 else NotImplemented

    def mean(self, *, over: Any = None) -> Any:
        """Return `sum` divided by `weight`, or by `over` where that is given.

        Parameters
        ----------
        over : float, optional
            The denominator to use instead, such as the number of tokens of a whole step
            when this total is one micro-batch of it.

        Returns
        -------
        float
            In `unit`; nan for no rows.
        """
        denominator = self.weight if over is None else over
        if denominator == 0:
            return self.sum * math.nan  # keeps the type of the sum, and its graph
        return self.sum / denominator

    def to(self, unit: Unit) -> Total:
        """Return the same total with its sum in another unit.

        >>> round(Total(1.0, 1.0, 1).to("bit").sum, 4)
        1.4427
        """
        factor = nats_per(self.unit) / nats_per(unit)
        return replace(self, sum=self.sum * factor, unit=unit)


def merge(parts: Iterable[Any]) -> Any:
    """Return the sum of totals, or of any other states that add.

    The mean of the merged total is the mean over all rows, never a mean of means.

    Parameters
    ----------
    parts : iterable of Total, of Summary or of Evaluation
        At least one, all of the same kind.

    Raises
    ------
    XentTypeError
        If a part is a plain number: a mean does not know how many rows it is of.
    XentValueError
        If there is nothing to merge.
    MergeError
        If units, settings or versions differ.

    Examples
    --------
    >>> from xent import Total, merge
    >>> merge([Total(2.0, 1.0, 1), Total(4.0, 2.0, 2)])
    Total(sum=6.0, weight=3.0, count=3, unit='nat')
    """
    try:
        parts = list(parts)
    except TypeError:
        raise XentTypeError(
            f"parts must be a list of totals, got {type(parts).__name__}", value=parts
        ) from None
    for i, part in enumerate(parts):
        # numbers and arrays add too, and their sum is no mean of anything
        if isinstance(part, Number) or hasattr(part, "dtype"):
            raise XentTypeError(
                f"parts must be totals, got {part!r} first at parts[{i}]: how many rows a loss is "
                'of is lost. Ask the loss for reduction="total".',
                index=i,
                value=part,
            )
    if not parts:
        raise XentValueError("parts must hold at least one total to merge, got none")
    return functools.reduce(operator.add, parts)
