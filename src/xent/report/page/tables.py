"""Tables that the page derives from its model, and how their cells are written."""

from __future__ import annotations

import math
from html import escape

from xent.evaluation.numbers import percent
from xent.report.page.charts.evidence import power_of_ten
from xent.report.page.charts.svg import pc
from xent.report.page.model import Cell, Column, LeftOut, Pair, Range, Reliability, Table, Waterfall
from xent.report.page.texts import Translate
from xent.report.page.written import count, fixed, p_value, places

__all__ = [
    "bin_table",
    "cell",
    "decimals",
    "interval",
    "left_out_table",
    "pair_table",
    "printable",
    "term_table",
    "user_text",
]

# emoji and some scripts are joined by these
JOINERS = "\u200c\u200d"
LONGEST = 96  # letters of a name that are shown
SHOWN_ROWS = 20


def user_text(value: str) -> str:
    """Return a name of the data as the page shows it: no control letters, not endless.

    >>> user_text("a" * 200) == "a" * 64 + "…" + "a" * 24 + " (200)", user_text(chr(0) + "b")
    (True, '\ufffdb')
    """
    clean = printable(value)
    if len(clean) > LONGEST:
        return f"{clean[:64]}…{clean[-24:]} ({len(clean)})"
    return clean


def printable(value: str) -> str:
    """Return a text in which every letter can be shown, and written as UTF-8.

    >>> printable("a\\x00" + chr(0x202E) + chr(0xD800))
    'a\ufffd\ufffd\ufffd'
    """
    kept = (c if c.isprintable() or c == " " or c in JOINERS else "\ufffd" for c in value)
    return "".join(kept)


def interval(found: Range | None, t: Translate, decimals: int | None = None) -> str:
    """Return "0.39 to 0.43"."""
    if found is None:
        return ""
    if decimals is None:
        decimals = places([found.low, found.high])
    return t("interval_of", low=fixed(found.low, decimals), high=fixed(found.high, decimals))


def decimals(table: Table) -> list[int]:
    """Return how many decimals the numbers of each column have."""
    found = []
    for i, column in enumerate(table.columns):
        values = [row[i] for row in table.rows]
        numbers = [v for v in values if isinstance(v, (int, float))]
        numbers += [end for v in values if isinstance(v, Range) for end in (v.low, v.high)]
        found.append(places(numbers, column.digits))
    return found


def cell(value: Cell, column: Column, first: bool, places: int, t: Translate) -> str:
    """Return one cell of a table as HTML: what is shown, and in `data-v` what it sorts by."""
    if column.kind == "text":
        shown = f"<bdi>{escape(user_text(str(value)))}</bdi>"
        return f'<th scope="row">{shown}</th>' if first else f'<td class="t">{shown}</td>'
    if column.kind == "key":
        shown = escape(t(str(value))) if value else ""
        return f'<th scope="row">{shown}</th>' if first else f'<td class="t">{shown}</td>'
    if isinstance(value, Range):
        return f"<td>{escape(interval(value, t, places))}</td>"
    if value is None or isinstance(value, str):
        shown, order = escape(value or "–"), "NaN"
    else:
        shown, order = escape(_written(value, column.kind, places)), _order(float(value))
    if column.kind == "bar" and isinstance(value, (int, float)):
        width = pc(max(0.0, min(1.0, value)) if math.isfinite(value) else 0.0)
        shown = (
            '<svg class="meter" aria-hidden="true"><rect class="under" width="100%" height="100%"/>'
            f'<rect width="{width}" height="100%"/></svg><span class="v">{shown}</span>'
        )
    name = "th" if first else "td"
    scope = ' scope="row"' if first else ""
    return f'<{name}{scope} data-v="{order}">{shown}</{name}>'


def _written(value: float, kind: str, places: int) -> str:
    if math.isnan(value):
        return "–"
    if kind == "row":
        return f"{value:.0f}"
    if kind == "count":
        return count(value)
    if kind in ("share", "bar"):
        return percent(value)
    if kind == "p":
        return p_value(value)
    if kind == "power":
        return power_of_ten(value)
    return fixed(value, places)


def _order(value: float) -> str:
    if math.isfinite(value):
        return f"{value:.9g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def term_table(w: Waterfall, t: Translate) -> Table:
    """Return the parts of a score with what is known of each; columns without values go."""
    parts = [
        ("uncertainty", w.uncertainty),
        ("resolution", w.resolution),
        ("miscalibration", w.miscalibration),
    ]
    columns = [Column("term", "text"), Column("value")]
    columns += [
        Column(key, "p" if key == "p_value" else "number")
        for key in ("corrected", "null", "p_value")
        if any(getattr(term, key) is not None for _, term in parts)
    ]
    if any(term.low is not None for _, term in parts):
        columns.append(Column("range", "range"))
    rows: list[tuple[Cell, ...]] = []
    for key, term in parts:
        row: list[Cell] = [t(key)]
        for column in columns[1:]:
            if column.kind != "range":
                row.append(getattr(term, column.key))
            else:
                row.append(_range(term.low, term.high))
        rows.append(tuple(row))
    empty: tuple[Cell, ...] = (None,) * (len(columns) - 2)
    if w.remainder:
        rows.append((t("remainder"), w.remainder, *empty))
    rows.append((t("total"), w.score, *empty))
    return Table(tuple(columns), tuple(rows), title="parts_table", total=len(rows), sorts=False)


def _range(low: float | None, high: float | None) -> Range | None:
    return Range(low, high) if low is not None and high is not None else None


def bin_table(r: Reliability, t: Translate) -> Table:
    """Return the numbers of a reliability diagram."""
    columns = [Column("forecast", digits=3), Column("frequency", digits=3), Column("rows", "count")]
    has_interval = any(b.low is not None for b in r.bins)
    has_null = any(b.null_low is not None for b in r.bins)
    if has_interval:
        columns.append(Column("frequency_interval", "range", 3))
    if has_null:
        columns.append(Column("null_band", "range", 3))
    rows = []
    for b in r.bins:
        row: list[Cell] = [b.forecast, b.frequency, b.count]
        row += [_range(b.low, b.high)] if has_interval else []
        row += [_range(b.null_low, b.null_high)] if has_null else []
        rows.append(tuple(row))
    name = t("reliability_title", name=r.name)
    return Table(tuple(columns), tuple(rows), name=name, total=len(rows))


def left_out_table(found: tuple[LeftOut, ...], t: Translate, clip: str) -> Table:
    """Return the rows apart: what they are, how many, and the first few."""
    rows = []
    for item in found:
        which = ", ".join(user_text(str(row)) for row in item.rows[:SHOWN_ROWS])
        more = item.count - len(item.rows[:SHOWN_ROWS])
        if which and more:
            which = f"{which} {t('and_more', count=count(more))}"
        what = t(item.key, clip=clip) if item.key == "clipped" else t(item.key)
        rows.append((what, item.count, which or "–"))
    columns = (Column("why", "text"), Column("count", "count"), Column("which", "text"))
    return Table(columns, tuple(rows), title="left_out_table", total=len(rows), sorts=False)


def pair_table(pairs: tuple[Pair, ...], t: Translate) -> Table:
    """Return each pair of models; columns without values go."""
    columns = [Column("pair", "text"), Column("difference")]
    if any(p.interval for p in pairs):
        columns.append(Column("range", "range"))
    optional = {"win_rate": "share", "p_value": "p", "log_e_value": "power"}
    for key, kind in optional.items():
        if any(getattr(p, key) is not None for p in pairs):
            columns.append(Column("e_value" if key == "log_e_value" else key, kind))
    rows = []
    for p in pairs:
        row: list[Cell] = [t("against", first=user_text(p.first), second=user_text(p.second))]
        for column in columns[1:]:
            if column.kind == "range":
                row.append(p.interval)
            else:
                row.append(getattr(p, "log_e_value" if column.key == "e_value" else column.key))
        rows.append(tuple(row))
    return Table(tuple(columns), tuple(rows), title="pairs", total=len(rows))
