"""A Comparison in a notebook: a fragment of HTML, as that of an Evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xent.evaluation.comparison.result import Comparison, GroupRow, Pair
from xent.evaluation.comparison.text import span, verdict
from xent.evaluation.notebook import STYLE, html_number, html_table, html_text
from xent.evaluation.numbers import UNITS, counted, largest, level_text, percent

__all__ = ["fragment"]

MAX_GROUPS = 12
LONGEST_NOTE = 400


def fragment(c: Comparison) -> str:
    """Return the differences with their intervals, the models, and the tables, as HTML."""
    letters = [chr(65 + i) if i < 26 else str(i) for i in range(len(c.models))]
    how = f"by the key {html_text(c.key)}" if c.key else "row by row"
    parts = [
        f"<style>{STYLE}</style>",
        f'<div class="xent-evaluation"><div class="of">{len(c.models)} models on '
        f"{counted(c.pairs[0].num_rows)}, paired {how}</div>",
    ]
    if len(c.pairs) == 1:
        parts.append(_headline(c, c.pairs[0]))
    parts.append(_models(c, letters))
    if len(c.pairs) > 1:
        parts.append(_against_first(c, letters))
    what = "label" if c.kind == "labels" else "class"
    for letter, p in zip(letters[1:], c.pairs, strict=True):
        if len(c.pairs) == 1:
            parts.append(_groups(c, what, p.classes, letter))
        parts.append(_groups(c, html_text(", ".join(c.by)), p.slices, letter))
    if c.notes:
        notes = (f"<li>{html_text(note, LONGEST_NOTE)}</li>" for note in c.notes)
        parts.append(f"<ul>{''.join(notes)}</ul>")
    return "".join(parts) + "</div>"


def _headline(c: Comparison, p: Pair) -> str:
    per = " a label decision" if c.kind == "labels" else ""
    infinite = ""
    if p.num_common < p.num_rows:
        whole = "undefined" if math.isnan(p.difference) else html_number(p.difference)
        infinite = f"{whole} of all rows, on the {counted(p.num_common)} possible for both: "
    return (
        f'<div>{infinite}<span class="score">{html_number(p.finite_difference)}</span> '
        f"{UNITS[c.unit]}{per}, log loss of A − B "
        f'<span class="of">{level_text(c.level)} interval: {span(p.interval)}; '
        f"{verdict(p, c.level)}</span></div>"
    )


def _models(c: Comparison, letters: Sequence[str]) -> str:
    language = c.kind == "log_probs"
    head = ("", "model", "log loss", "interval", "perplexity")
    rows = []
    for letter, m in zip(letters, c.models, strict=True):
        interval = "-" if m.num_impossible else span(m.interval)
        row = [letter, html_text(m.name), html_number(m.log_loss), interval]
        row.append(html_number(m.perplexity))
        rows.append(tuple(row if language else [*row, percent(m.accuracy)]))
    return html_table(head if language else (*head, "accuracy"), rows, "")


def _against_first(c: Comparison, letters: Sequence[str]) -> str:
    head = ("A less", "difference", f"{level_text(c.level)} interval", "p, Holm")
    rows = [
        (
            letter,
            html_number(p.finite_difference),
            span(p.interval),
            _p_value(p.adjusted_p_value),
        )
        for letter, p in zip(letters[1:], c.pairs, strict=True)
    ]
    return html_table(head, rows, "")


def _groups(c: Comparison, what: str, groups: Sequence[GroupRow], letter: str) -> str:
    if not groups:
        return ""
    shown = largest(groups, lambda g: abs(g.contribution), MAX_GROUPS)
    head = (what, "rows", "A", letter, f"A − {letter}", f"{level_text(c.level)} interval")
    rows = [
        (
            html_text(g.name),
            f"{g.num_rows:,}",
            html_number(g.log_loss_a),
            html_number(g.log_loss_b),
            html_number(g.difference),
            span(g.interval),
            _p_value(g.adjusted_p_value),
            html_number(g.contribution),
        )
        for g in shown
    ]
    more = len(groups) - len(shown)
    caption = f"{len(shown)} that differ most, of {len(groups):,}" if more else ""
    return html_table((*head, "p, Holm", "adds"), rows, caption)


def _p_value(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2g}"
