"""What a caller may say about predictions; what is not said is inferred by plan.py."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.intervals.means import as_level
from xent.evaluation.reading.names import repeated
from xent.losses._zero import parse_zero
from xent.units import Unit, nats_per

__all__ = ["TASKS", "Options", "least_probability"]

TASKS = ("class", "multi")
INTERVALS = ("hall", "cluster", "bootstrap")
NAN_POLICIES = ("raise", "exclude")
MOST_REPLICATES = 10_000
Columns = str | Sequence[str]


@dataclass(frozen=True)
class Options:
    """The options of `evaluate`, checked; None is "infer it"."""

    target: str | None = None
    probs: Columns | None = None
    logits: Columns | None = None
    log_probs: Columns | None = None
    predicted: str | None = None  # of comparisons: the likeliest outcome, beside log_probs
    labels: Columns | None = None
    task: str | None = None
    classes: Sequence[Any] | None = None
    weight: str | None = None
    bytes: str | None = None
    ignore: Any = None
    zero: str = "inf"
    unit: Unit = "nat"
    nan: str = "raise"
    sum_tolerance: float = 1e-4
    by: Columns | None = None
    cluster: str | None = None
    id: str | None = None
    interval: str | None = None
    level: float = 0.95
    replicates: int = 200
    calibration: bool = True

    def __post_init__(self) -> None:
        nats_per(self.unit)
        least_probability(self.zero)
        if self.task is not None and self.task not in TASKS:
            raise XentValueError(f"task must be one of {TASKS}, got {self.task!r}", value=self.task)
        if self.nan not in NAN_POLICIES:
            raise XentValueError(
                f"nan must be one of {NAN_POLICIES}, got {self.nan!r}", value=self.nan
            )
        if not isinstance(self.sum_tolerance, (int, float)):
            raise XentTypeError(f"sum_tolerance must be a number, got {self.sum_tolerance!r}")
        if not 0 <= self.sum_tolerance < 1:
            raise XentValueError(
                f"sum_tolerance must be in [0, 1), got {self.sum_tolerance}",
                value=self.sum_tolerance,
            )
        said = [n for n in ("probs", "logits", "log_probs") if getattr(self, n) is not None]
        if len(said) > 1:
            raise XentValueError(
                f"predictions must be given once, as probs, logits or log_probs; got {said}"
            )
        if self.classes is not None:
            _check_classes(self.classes)
        self._check_interval()

    def _check_interval(self) -> None:
        object.__setattr__(self, "level", as_level(self.level))
        if self.interval is not None and self.interval not in INTERVALS:
            raise XentValueError(
                f"interval must be one of {INTERVALS}, got {self.interval!r}", value=self.interval
            )
        if self.interval == "cluster" and self.cluster is None:
            raise XentValueError(
                "interval='cluster' must come with a cluster; give the column of users, "
                "documents or days as cluster"
            )
        if self.interval == "hall" and self.cluster is not None:
            raise XentValueError(
                "interval='hall' must come without a cluster: it takes rows to be independent"
            )
        whole = isinstance(self.replicates, (int, np.integer))
        if not whole or isinstance(self.replicates, bool):
            raise XentTypeError(f"replicates must be a whole number, got {self.replicates!r}")
        least = math.ceil(2 / (1 - self.level) - 1e-9) - 1
        if not least <= self.replicates <= MOST_REPLICATES and self.method == "bootstrap":
            raise XentValueError(
                f"replicates must be from {least} (for level {self.level}) to {MOST_REPLICATES}, "
                f"got {self.replicates}",
                value=self.replicates,
            )

    @property
    def method(self) -> str:
        """The kind of interval: as said, else by cluster where there is one, else Hall's."""
        return self.interval or ("cluster" if self.cluster is not None else "hall")

    @property
    def predictions(self) -> tuple[str, Columns] | None:
        """The kind of prediction and its columns, where they were said."""
        for name in ("probs", "logits", "log_probs"):
            columns = getattr(self, name)
            if columns is not None:
                return name, columns
        return None


def least_probability(zero: str) -> float:
    """Return the smallest probability of a policy: 0 for "inf", EPS for "clip:EPS".

    >>> least_probability("clip:1e-15")
    1e-15
    """
    policy = parse_zero(zero)
    if policy.raises:
        raise XentValueError(
            'zero must be "inf", which counts impossible rows and says where they are, or '
            f'"clip:EPS", got {zero!r}',
            value=zero,
        )
    return policy.clip


def _check_classes(classes: Sequence[Any]) -> None:
    if isinstance(classes, str):
        raise XentTypeError(f"classes must be a list of names, got the text {classes!r}")
    if not isinstance(classes, Iterable):
        raise XentTypeError(f"classes must be a list of names, got {classes!r}")
    names = [str(c) for c in classes]
    twice = repeated(names)
    if twice is not None:
        first = names.index(twice)
        raise XentValueError(
            f"classes must be different, got {twice!r} twice (position {first} and "
            f"{names.index(twice, first + 1)})",
            index=names.index(twice, first + 1),
            value=twice,
        )
    if not names:
        raise XentValueError("classes must name at least one class, got none")
