"""Tables of how two models differ: beside the loss, row by row, in parts, by class and slice."""

from __future__ import annotations

import math

from xent.evaluation.comparison.divergence import Spreading
from xent.evaluation.comparison.result import Comparison, Pair
from xent.report.page.model import Cell, Column, Range, Table
from xent.report.page.parts import finite, range_of

__all__ = ["details", "groups"]

MOST_GROUPS = 200
# of the values over rows; the JSON has more
PERCENTS = (50.0, 95.0, 99.0)
# columns of groups, where there are such rows
ONE_IMPOSSIBLE = {
    "only_a_impossible": "impossible_first",
    "only_b_impossible": "impossible_second",
}
# by whether rows have several labels, and whether the test is by cluster
RIGHT = {
    (False, False): "accuracy_difference",
    (False, True): "accuracy_clustered",
    (True, False): "exact_difference",
    (True, True): "exact_clustered",
}


def details(compared: Comparison) -> tuple[Table, ...]:
    """Return what else differs, how far predictions are apart, and what the losses are made of."""
    found = (_beside(compared), _apart(compared), _parts(compared))
    return tuple(table for table in found if table is not None)


def _beside(compared: Comparison) -> Table | None:
    """A row a measure of a pair; the pair is named where there are several."""
    labels = compared.kind == "labels"
    rows = [(_name(p), *row) for p in compared.pairs for row in _measures(p, labels=labels)]
    rows += [(_name(p), *row) for p in compared.others for row in _of_possible_rows(p)]
    if not rows:
        return None
    columns = [Column("pair", "text"), Column("measure", "key"), Column("value", digits=5)]
    columns += [Column("range", "range", 5), Column("p_value", "p")]
    first = 0 if len(compared.pairs) > 1 else 1
    return Table(
        tuple(columns[first:]),
        tuple(row[first:] for row in rows),
        title="beside_table",
        total=len(rows),
        sorts=False,
    )


def _measures(p: Pair, *, labels: bool) -> list[tuple[Cell, ...]]:
    """Return the name, value, interval and p-value of each measure that there is."""
    found: list[tuple[str, float, Range | None, float]] = [
        *_of_possible_rows(p),
        ("anytime", p.finite_difference, range_of(p.anytime_interval), math.nan),
        ("perplexity_ratio", p.perplexity_ratio, range_of(p.perplexity_ratio_interval), math.nan),
        (
            "bits_per_byte_difference",
            p.bits_per_byte_difference,
            range_of(p.bits_per_byte_interval),
            math.nan,
        ),
    ]
    if p.anytime_interval is None:
        found = [row for row in found if row[0] != "anytime"]
    if p.accuracy is not None:
        name = RIGHT[labels, p.accuracy.clustered_p_value is not None]
        found.append((name, p.accuracy.difference, None, p.accuracy.p_value))
    found.append(("same_top", p.same_top, range_of(p.same_top_interval), math.nan))
    return [
        (key, value, interval, finite(p_value))
        for key, value, interval, p_value in found
        if not math.isnan(value)
    ]


def _of_possible_rows(p: Pair) -> list[tuple[str, float, Range | None, float]]:
    """Return the difference over the rows possible under both, where over all it is infinite."""
    if math.isfinite(p.difference):
        return []
    return [("possible", p.finite_difference, range_of(p.interval), p.adjusted_p_value)]


def _apart(compared: Comparison) -> Table | None:
    """A row a kind of distance: both divergences, and the probability of the truth."""
    columns = [Column("distance", "text"), Column("mean"), Column("range", "range")]
    columns += [Column(f"percentile_{percent:.0f}") for percent in PERCENTS]
    columns += [Column("largest")]
    rows: list[tuple[Cell, ...]] = []
    for p in compared.pairs:
        for name, found in (
            (f"KL({p.a} ‖ {p.b})", p.a_from_b),
            (f"KL({p.b} ‖ {p.a})", p.b_from_a),
            (f"p(y): {_name(p)}", p.truth),
        ):
            if found is not None:
                rows.append((name, *_spread(found)))
    if not rows:
        return None
    return Table(tuple(columns), tuple(rows), title="apart_table", total=len(rows), sorts=False)


def _spread(found: Spreading) -> tuple[Cell, ...]:
    percentiles = (found.percentiles[percent] for percent in PERCENTS)
    return (
        found.mean,
        range_of(found.interval),
        *percentiles,
        found.high,
    )


def _parts(compared: Comparison) -> Table | None:
    """Where a difference of two models comes from: knowing less, or saying it worse."""
    if len(compared.models) != 2 or not compared.decompositions:
        return None
    if not all(math.isfinite(m.log_loss) for m in compared.models):
        return None
    a, b = compared.decompositions
    columns = (
        Column("term", "key"),
        Column("loss_first"),
        Column("loss_second"),
        Column("difference"),
    )
    rows: list[tuple[Cell, ...]] = []
    for key in ("uncertainty", "resolution", "miscalibration"):
        first, second = getattr(a, key).value, getattr(b, key).value
        rows.append((key, first, second, first - second))
    return Table(columns, tuple(rows), title="made_of_table", total=len(rows), sorts=False)


def _name(p: Pair) -> str:
    return f"{p.a} − {p.b}"


def groups(compared: Comparison, pair: Pair) -> list[Table]:
    """Return the tables by class and by slice of a pair, of the rows possible for both."""
    tables = []
    for key, found in (("classes", pair.classes), ("slices", pair.slices)):
        if not found:
            continue
        first = "slice_value" if key == "slices" else "class"
        columns = [
            Column(first, "text"),
            Column("count", "count"),
            Column("loss_first"),
            Column("loss_second"),
            Column("difference"),
            Column("range", "range"),
            Column("p_holm", "p"),
            Column("contribution"),
        ]
        counts = [field for field in ONE_IMPOSSIBLE if any(getattr(g, field) for g in found)]
        columns += [Column(ONE_IMPOSSIBLE[field], "count") for field in counts]
        rows = []
        for g in sorted(found, key=lambda g: -abs(g.contribution))[:MOST_GROUPS]:
            row: list[Cell] = [g.name, g.num_rows, g.log_loss_a, g.log_loss_b, g.difference]
            row += [range_of(g.interval), finite(g.adjusted_p_value), g.contribution]
            rows.append((*row, *(getattr(g, field) for field in counts)))
        by = f" ({', '.join(compared.by)})" if key == "slices" and compared.by else ""
        name = _name(pair) + by
        tables.append(Table(tuple(columns), tuple(rows), name=name, total=len(found)))
    return tables
