"""What a page shows, as plain values: filled by build.py, drawn by charts/ and the template.

Losses are in the page's unit, shares and probabilities from 0 to 1. What there is no data for
is None or empty, and its section is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Column",
    "Comparison",
    "Curve",
    "LeftOut",
    "Note",
    "Page",
    "Pair",
    "Range",
    "Reliability",
    "ReliabilityBin",
    "Score",
    "Surprise",
    "Table",
    "Temperature",
    "Term",
    "Waterfall",
]


@dataclass(frozen=True)
class Range:
    """An interval that covers the true value with probability `level`."""

    low: float
    high: float
    level: float = 0.95
    method: str = ""
    note: str = ""


EXTENTS = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)
Cell = str | int | float | Range | None


@dataclass(frozen=True)
class Note:
    """Something to know before reading on; its text is in English."""

    severity: str  # "warning" or "hint"
    code: str
    text: str
    fix: str = ""


@dataclass(frozen=True)
class Score:
    """The headline: the log loss in nats and in the unit, and what it is compared with."""

    log_loss: float
    nats: float
    interval: Range | None = None  # in the unit
    interval_nats: Range | None = None
    finite: float | None = None  # without impossible rows, where there are some
    uniform: float | None = None
    frequency: float | None = None
    uniform_skill: float | None = None
    skill: float | None = None
    accuracy: float | None = None
    exact_match: float | None = None
    brier: float | None = None
    row_log_loss: float | None = None
    bits_per_byte: float | None = None


@dataclass(frozen=True)
class Term:
    """One part of the score, and what chance would show in its place."""

    value: float
    corrected: float | None = None
    null: float | None = None
    p_value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Waterfall:
    """score = uncertainty - resolution + miscalibration + remainder, by one method."""

    name: str
    score: float
    uncertainty: Term
    resolution: Term
    miscalibration: Term
    remainder: float = 0.0
    kind: str = ""
    note: str = ""
    possible_only: bool = False  # impossible rows are left out, which cost all there is
    is_least: bool = False  # score and miscalibration are at least this


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar forecasts: what was said, and how often it happened."""

    forecast: float
    frequency: float
    count: float
    low: float | None = None
    high: float | None = None
    null_low: float | None = None
    null_high: float | None = None


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: its bins in the order of the forecast, and the forecasts' histogram.

    `edges` has one value more than `counts`.
    """

    name: str
    bins: tuple[ReliabilityBin, ...]
    edges: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    level: float = 0.95

    @property
    def extent(self) -> float:
        """Where both axes end: 1, or less where every forecast of a rare class is small."""
        highest = max(
            max(b.forecast, b.frequency, b.high or 0.0, b.null_high or 0.0) for b in self.bins
        )
        return next((end for end in EXTENTS if highest <= end), 1.0)


@dataclass(frozen=True)
class Surprise:
    """Rows counted by their loss: shares of the rows and of the loss between `edges`."""

    edges: tuple[float, ...]  # in the unit, growing; one more than shares
    rows: tuple[float, ...]
    loss: tuple[float, ...]
    worst_share: float | None = None  # of the rows: 0.01
    worst_low: float | None = None  # the share of the loss that they carry, bounds
    worst_high: float | None = None
    worst_from: float | None = None  # the loss that the worst rows exceed
    below: bool = False  # the first bar holds smaller losses too
    above: bool = False
    num_impossible: int = 0


@dataclass(frozen=True)
class Column:
    """A column of a table: its name among the texts, and how its values are written."""

    key: str
    # or "text"; "key", of a text; "row", "count"; "share", "bar"; "range"; "p"; "power", of e
    kind: str = "number"
    digits: int = 4  # of the largest value


@dataclass(frozen=True)
class Table:
    """A table that sorts; `total` counts the rows there are, shown or not.

    Its caption is `name`, of the data, or else the text called `title`.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    name: str = ""
    total: int = 0
    sorts: bool = True
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """Rows that were not scored, or that nothing finite can be said of."""

    key: str  # "impossible", "clipped", "ignored", "missing"
    count: int
    rows: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Temperature:
    """What dividing every logit by one number would gain."""

    temperature: float
    beta: float
    loss: float
    gain: float
    gain_low: float | None = None
    gain_high: float | None = None
    standard_error: float | None = None
    p_value: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Two models on the same rows: the mean difference of their losses, first less second."""

    first: str
    second: str
    difference: float
    interval: Range | None = None
    win_rate: float | None = None
    p_value: float | None = None
    log_e_value: float | None = None  # natural logarithm


@dataclass(frozen=True)
class Curve:
    """The e-value as rows come in: natural logarithms over the number of rows."""

    name: str
    rows: tuple[float, ...]
    log_e: tuple[float, ...]
    ruined: str = ""  # the model that gave probability 0 to what happened after the last point


@dataclass(frozen=True)
class Comparison:
    """Models compared row by row."""

    models: Table | None = None
    pairs: tuple[Pair, ...] = ()
    details: tuple[Table, ...] = ()  # beside the loss, row by row, in parts
    tables: tuple[Table, ...] = ()  # by class and by slice
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    alpha: float = 0.05


@dataclass(frozen=True)
class Page:
    """Everything that is drawn."""

    name: str
    kind: str  # "classes", "labels", "log_probs" or "comparison"
    unit: str
    num_rows: int
    score: Score | None = None
    note: str = ""
    notes: tuple[Note, ...] = ()
    waterfalls: tuple[Waterfall, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    surprise: Surprise | None = None
    classes: Table | None = None
    slices: tuple[Table, ...] = ()
    worst: Table | None = None
    left_out: tuple[LeftOut, ...] = ()
    clip: float = 0.0
    num_impossible: int = 0
    temperature: Temperature | None = None
    gains: Table | None = None  # of recalibrations
    gains_note: str = ""  # which are not there, and why
    comparison: Comparison | None = None
    fingerprint: tuple[tuple[str, str], ...] = ()
    numbers: Any = None
    date: str = ""
