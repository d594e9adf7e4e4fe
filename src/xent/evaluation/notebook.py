"""An Evaluation in a notebook: a fragment of HTML that brings its own style, and no script.

The colours are those of the notebook, light or dark. The whole page is `xent.report.page`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from xent.evaluation.numbers import UNITS, counted, largest, level_text, number, percent
from xent.evaluation.text import MAX_WORST, interval_text

if TYPE_CHECKING:
    from xent.evaluation.result import Evaluation

__all__ = ["STYLE", "fragment", "html_number", "html_table", "html_text"]

MAX_CLASSES = 12
LONGEST = 64  # letters of a name

# every rule is below a class of our own, so that nothing else in a notebook changes
STYLE = """
.xent-evaluation { font-variant-numeric: tabular-nums; max-width: 46rem; line-height: 1.45; }
.xent-evaluation .of { opacity: .7; font-size: .875em; }
.xent-evaluation .score { font-size: 2em; font-weight: 600; letter-spacing: -.02em; }
.xent-evaluation ul { margin: .5em 0; padding: 0; list-style: none; }
.xent-evaluation li { border-left: 3px solid #d9722e; padding-left: .7em; margin: .25em 0; }
.xent-evaluation .facts { display: flex; flex-wrap: wrap; gap: .3em 1.6em; margin: .6em 0; }
.xent-evaluation .facts span { display: block; opacity: .7; font-size: .8125em; }
.xent-evaluation svg { display: block; width: 100%; max-width: 24rem; height: 8px; margin: .3em 0; }
.xent-evaluation table { color: inherit; border-collapse: collapse; margin: .6em 0;
  font-size: .875em; }
.xent-evaluation caption { text-align: left; font-weight: 600; padding: .2em 0; }
.xent-evaluation th, .xent-evaluation td { padding: .15em .8em .15em 0; text-align: right;
  background: none; }
.xent-evaluation th:first-child { text-align: left; font-weight: 400; }
.xent-evaluation thead th { opacity: .7; font-weight: 400; border-bottom: 1px solid; }
"""


def fragment(e: Evaluation) -> str:
    """Return the headline, what it is compared with, and the table per class, as HTML."""
    s = e.summary
    parts = [
        f"<style>{STYLE}</style>",
        f'<div class="xent-evaluation"><div class="of">{html_text(e.name)}: '
        f"{counted(s.num_rows)} scored</div>",
        f'<div><span class="score">{html_number(e.log_loss)}</span> {UNITS[e.unit]}'
        f"{' a label decision' if s.kind == 'labels' else ''}"
        f' <span class="of">{_interval(e)}</span></div>',
        _bar(e),
        _facts(e),
    ]
    said = [f"{s.num_impossible:,} impossible: the truth had probability 0"] * bool(
        s.num_impossible
    )
    said += [f"{s.num_missing:,} left out, with missing values"] * bool(s.num_missing)
    said += e.warnings
    if said:
        parts.append(
            "<ul>" + "".join(f"<li>{html_text(text, 400)}</li>" for text in said) + "</ul>"
        )
    parts.append(_classes(e))
    parts.append(_worst(e))
    return "".join(parts) + "</div>"


def _interval(e: Evaluation) -> str:
    if not e.summary.num_rows:
        return ""
    return html_text(f"{level_text(e.interval.level)} interval: {interval_text(e.interval)}", 200)


def _bar(e: Evaluation) -> str:
    """The loss as a part of what always predicting the class frequencies would lose."""
    known = e.frequency_log_loss
    if not (0 < known < math.inf and math.isfinite(e.log_loss)):
        return ""
    longest = max(known, e.log_loss)
    title = f"{number(e.log_loss)} of {number(known)}, which the class frequencies lose"
    rectangle = '<rect width="{:.2f}%" height="8" fill="{}"{}/>'
    return (
        f'<svg role="img" aria-label="{title}"><title>{title}</title>'
        + rectangle.format(100 * known / longest, "currentColor", ' opacity=".18"')
        + rectangle.format(100 * e.log_loss / longest, "#3b82c4", "")
        + "</svg>"
    )


def _facts(e: Evaluation) -> str:
    s = e.summary
    facts = [("perplexity", html_number(e.perplexity))]
    if s.num_impossible:
        facts.append(("without impossible rows", html_number(e.finite_log_loss)))
    if s.kind != "log_probs":
        facts += [
            ("class frequencies lose", html_number(e.frequency_log_loss)),
            ("skill", percent(e.skill)),
            ("accuracy", percent(e.accuracy)),
            ("Brier score", html_number(e.brier)),
        ]
    if s.sum_size:
        facts.append(("bits per byte", html_number(e.bits_per_byte)))
    cells = (f"<div><span>{name}</span>{value}</div>" for name, value in facts)
    return f'<div class="facts">{"".join(cells)}</div>'


def _classes(e: Evaluation) -> str:
    found = e.classes
    if not found:
        return ""
    shown = largest(found, lambda c: c.share_of_loss, MAX_CLASSES)
    labels = e.summary.kind == "labels"
    first, second, last = ("label", "true", "right") if labels else ("class", "rows", "found")
    head = (first, second, "mean p", "log loss", "share of loss", last)
    rows = [
        (
            html_text(c.name),
            f"{c.count:,}",
            html_number(c.mean_probability, 3),
            html_number(c.log_loss),
            percent(c.share_of_loss),
            percent(c.accuracy),
        )
        for c in shown
    ]
    more = len(found) - len(shown)
    caption = f"{len(shown)} that cost most, of {len(found):,}" if more else ""
    return html_table(head, rows, caption)


def _worst(e: Evaluation) -> str:
    worst = e.worst[:MAX_WORST]
    if not worst:
        return ""
    classes = "target" in worst[0]
    head = ("row", "log loss", *(("truth", "predicted") if classes else ()))
    rows = [
        (
            html_text(str(w["row"])),
            html_number(w["log_loss"]),
            *((html_text(w["target"]), html_text(w["predicted"])) if classes else ()),
        )
        for w in worst
    ]
    return html_table(head, rows, "most surprising rows")


def html_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], caption: str) -> str:
    """Return a table of cells that are HTML already."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = [
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    ]
    said = f"<caption>{caption}</caption>" if caption else ""
    return f"<table>{said}<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def html_number(value: float, digits: int = 4) -> str:
    """Return a number as HTML."""
    return "∞" if value == math.inf else number(value, digits)


def html_text(value: str, longest: int = LONGEST) -> str:
    """Return text of the data as HTML: escaped, printable, not endless."""
    value = value if len(value) <= longest else value[:longest] + "…"
    return escape("".join(c if c.isprintable() else "\ufffd" for c in value))
