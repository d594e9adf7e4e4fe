"""The model of a page from a Comparison: models, pairs, and the evidence as rows came in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from xent.evaluation.comparison.result import Comparison as Compared
from xent.evaluation.comparison.result import Pair as ComparedPair
from xent.report.page.differing import details, groups
from xent.report.page.fingerprint import fingerprint_of_comparison
from xent.report.page.model import Cell, Column, Comparison, Curve, Page, Pair, Table
from xent.report.page.parts import finite, range_of

__all__ = ["comparison_page", "curves_of"]


def comparison_page(
    compared: Compared, *, options: Mapping[str, Any] | None = None, date: str = ""
) -> Page:
    """Return what a page shows of a comparison.

    Examples
    --------
    >>> from xent.evaluation import compare
    >>> y = [0, 1, 1, 0]
    >>> c = compare((y, [0.2, 0.7, 0.9, 0.1]), (y, [0.4, 0.6, 0.6, 0.4]))
    >>> page = comparison_page(c)
    >>> len(page.comparison.models.rows), round(page.comparison.pairs[0].difference, 4)
    (2, -0.3132)
    """
    numbers = compared.to_dict()
    names = tuple(m.name for m in compared.models)
    return Page(
        name=", ".join(name.rpartition("/")[2] or name for name in names),
        kind="comparison",
        unit=compared.unit,
        num_rows=compared.pairs[0].num_rows if compared.pairs else 0,
        comparison=Comparison(
            models=_models(compared),
            pairs=tuple(map(_pair, (*compared.pairs, *compared.others))),
            details=details(compared),
            tables=tuple(found for pair in compared.pairs for found in groups(compared, pair)),
            curves=curves_of(compared),
            notes=compared.notes,
            alpha=round(1 - compared.level, 12),
        ),
        fingerprint=fingerprint_of_comparison(compared, options, date),
        numbers=numbers,
        date=date,
    )


def curves_of(compared: Compared) -> tuple[Curve, ...]:
    """Return the evidence against the first model by each other one, row after row."""
    found = []
    for pair in compared.pairs:
        if pair.evidence is None:
            continue
        points = [(n, v) for n, v in pair.evidence[0].path if math.isfinite(v)]
        if len(points) > 1:
            rows, log_e = zip(*points, strict=True)
            last = pair.evidence[0].path[-1][1]
            ruined = "" if math.isfinite(last) else pair.a if last > 0 else pair.b
            name = f"{pair.b} / {pair.a}"
            found.append(Curve(name, tuple(map(float, rows)), log_e, ruined))
    return tuple(found)


def _models(compared: Compared) -> Table:
    columns = [
        Column("model", "text"),
        Column("class_log_loss"),
        Column("range", "range"),
        Column("perplexity"),
    ]
    optional = (
        ("accuracy", "accuracy", "share", lambda m: not math.isnan(m.accuracy)),
        ("bits_per_byte", "bits_per_byte", "number", lambda m: not math.isnan(m.bits_per_byte)),
        ("impossible_rows", "num_impossible", "count", lambda m: m.num_impossible > 0),
        ("finite_log_loss", "finite_log_loss", "number", lambda m: m.num_impossible > 0),
    )
    shown = [o for o in optional if any(o[3](m) for m in compared.models)]
    columns += [Column(key, kind) for key, _, kind, _ in shown]
    rows: list[tuple[Cell, ...]] = []
    for m in compared.models:
        interval = range_of(m.interval) if math.isfinite(m.log_loss) else None
        row: list[Cell] = [m.name, m.log_loss, interval, m.perplexity]
        rows.append((*row, *(getattr(m, name) for _, name, _, _ in shown)))
    return Table(tuple(columns), tuple(rows), title="models_table", total=len(rows))


def _pair(p: ComparedPair) -> Pair:
    # what is known of an infinite difference is of other rows, and stands among the details
    known = math.isfinite(p.difference)
    return Pair(
        first=p.a,
        second=p.b,
        difference=p.difference,
        interval=range_of(p.interval) if known else None,
        win_rate=p.win_rate,
        p_value=finite(p.adjusted_p_value) if known else None,
        log_e_value=None if p.evidence is None else p.evidence[0].log_e,
    )
