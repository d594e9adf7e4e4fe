"""Exact sums over pairs of rows, by group: what means, tables and intervals are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ONE, ratio
from xent.evaluation.groups.sums import MomentSums, MomentTally
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["Group", "GroupedSums", "Moments", "PairSums", "moments"]

Array = npt.NDArray[Any]


class GroupedSums:
    """Exact sums of named quantities, for as many groups as turn up."""

    def __init__(self, names: tuple[str, ...], groups: int = 1) -> None:
        self._sums = {name: ExactSums(groups) for name in names}

    def add(self, groups: int, group: Array | None, **values: Array) -> None:
        """Add rows of `groups` groups; `group` None is the only one there is."""
        for name, column in values.items():
            sums = self._sums[name]
            if groups > len(sums):
                sums.grow(max(groups, 2 * len(sums)))
            sums.add(column, group)

    def totals(self) -> dict[str, list[int]]:
        """Return each quantity's sums, a list over groups, in units of 2**-1074."""
        return {name: sums.totals() for name, sums in self._sums.items()}


@dataclass(frozen=True)
class Moments:
    """Mean and central moments of rows, or of what stands in for them; see `moments_of`."""

    num_rows: int
    n: float  # Kish's effective number of rows
    mean: float
    second: float  # central moments, divided by n
    third: float

    @property
    def variance(self) -> float:
        """The sample variance, divided by n - 1."""
        return self.second * self.n / (self.n - 1) if self.n > 1 else math.nan

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.second / (self.n - 1)) if self.n > 1 else math.nan


def moments(tally: MomentTally, groups: int = 1) -> list[Moments]:
    """Return the moments of the first groups; of one that no row was added to they are nan."""
    known = list(zip(tally.counts, tally.totals(), strict=True))[:groups]
    known += [(0, MomentSums())] * (groups - len(known))
    return [Moments(rows, *sums.moments(rows)) for rows, sums in known]


@dataclass
class Group:
    """What is known of the rows of a group, for two models."""

    num_rows: int
    num_common: int  # possible under both
    impossible: tuple[int, int, int]  # for A alone, for B alone, for both
    weight: int  # exact, of all rows
    common_weight: int
    loss_a: int  # exact, of the rows possible under both
    loss_b: int
    moments: Moments

    @property
    def difference(self) -> float:
        """Mean loss of A less that of B, in nats, over rows possible under both."""
        return ratio(self.loss_a - self.loss_b, self.common_weight)


@dataclass
class PairSums:
    """Everything about two models that is a sum over rows, by group."""

    weighted: bool
    _counts: Array = field(default_factory=lambda: np.zeros((1, 4), dtype=np.int64))

    def __post_init__(self) -> None:
        self._moments = MomentTally()
        self._losses = GroupedSums(("a", "b", "weight"))

    def add(
        self, a: Array, b: Array, weight: Array | None, group: Array | None = None, groups: int = 1
    ) -> None:
        """Add the losses of rows under both models."""
        if groups > len(self._counts):
            room = max(groups, 2 * len(self._counts))
            counts = np.zeros((room, 4), dtype=np.int64)
            counts[: len(self._counts)] = self._counts
            self._counts = counts
        inf_a, inf_b = np.isinf(a), np.isinf(b)
        common = ~(inf_a | inf_b)
        kinds = np.where(common, 0, np.where(inf_a & inf_b, 3, np.where(inf_a, 1, 2)))
        place = kinds if group is None else 4 * group + kinds
        counted = np.bincount(place, minlength=4 * len(self._counts)).reshape(-1, 4)
        self._counts += counted
        if weight is not None:
            self._losses.add(groups, group, weight=weight)
        if not common.all():
            a, b = a[common], b[common]
            weight = None if weight is None else weight[common]
            group = None if group is None else group[common]
        self._moments.add(group, a - b, weight, groups)
        if weight is not None:
            a, b = weight * a, weight * b
        self._losses.add(groups, group, a=a, b=b)

    def groups(self, count: int = 1) -> list[Group]:
        """Return the first `count` groups."""
        counts = np.zeros((count, 4), dtype=np.int64)
        known = min(count, len(self._counts))
        counts[:known] = self._counts[:known]
        totals = self._losses.totals()
        found = []
        weights = [sums.weight for sums in self._moments.totals()]
        for g, moment in enumerate(moments(self._moments, count)):
            common_weight = weights[g] if g < len(weights) else 0
            common, only_a, only_b, both = (int(c) for c in counts[g])
            rows = common + only_a + only_b + both
            t = {name: sums[g] if g < len(sums) else 0 for name, sums in totals.items()}
            found.append(
                Group(
                    num_rows=rows,
                    num_common=common,
                    impossible=(only_a, only_b, both),
                    weight=t["weight"] if self.weighted else rows * ONE,
                    common_weight=common_weight,
                    loss_a=t["a"],
                    loss_b=t["b"],
                    moments=moment,
                )
            )
        return found
