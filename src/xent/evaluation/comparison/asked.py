"""What a comparison was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.errors import XentValueError
from xent.evaluation.comparison.intervals import METHODS
from xent.evaluation.intervals.means import as_level
from xent.units import Unit

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """The options of a comparison that are not about how one model is read."""

    key: str | None
    inner: bool
    by: tuple[str, ...]
    cluster: str | None
    block: int | None
    weight: str | None
    size: str | None
    unit: Unit
    level: float
    method: str
    least: float  # probability that smaller ones are raised to

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", as_level(self.level))
        if self.method not in METHODS:
            raise XentValueError(
                f"interval must be one of {METHODS}, got {self.method!r}", value=self.method
            )
        block: Any = self.block
        if block is not None and not (isinstance(block, (int, np.integer)) and block >= 1):
            raise XentValueError(
                f"block must be a whole number >= 1, got {self.block!r}", value=self.block
            )
        if self.block is not None and self.cluster is not None:
            raise XentValueError(
                f"block must come without a cluster, got {block!r} and {self.cluster!r}: both say "
                "which rows belong together; leave one of them out",
                value=block,
            )
        if self.inner and self.key is None:
            raise XentValueError(
                "inner must come with a key, got none: it is about rows without a partner; give "
                "the column that tells which rows are partners as key",
                value=self.inner,
            )
