"""What chapter 9 shows of a judged file, as HTML: every name of the data is text."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from xent.errors import UnavailableError
from xent.evaluation import Evaluation
from xent.learn.catalog import Lang
from xent.learn.code import STYLE
from xent.learn.html import message_html, words, wrong_html
from xent.learn.judge import Judged
from xent.learn.numbers import shown
from xent.learn.pictures.animals import Say
from xent.learn.upload import as_path

__all__ = [
    "commands",
    "folded",
    "framed",
    "headline",
    "options_of",
    "printed",
    "report",
    "selectors",
    "whose",
]

KINDS = ("probs", "logits", "log_probs")
FRAME_HEIGHT = 640  # pixels; the report scrolls in it


def selectors(columns: Sequence[str], say: Say) -> dict[str, Any]:
    """Return the controls for what can be said about the columns."""
    import marimo as mo

    inferred = say("inferred")

    def choice(key: str, options: Mapping[str, str]) -> Any:
        first = next(iter(options))
        return mo.ui.dropdown(dict(options), value=first, label=say(key))

    named = {inferred: "", **{column: column for column in columns if column != inferred}}
    return {
        "target": choice("target", named),
        "predictions": mo.ui.multiselect(list(columns), label=say("predictions")),
        "kind": choice("kind", {say(kind): kind for kind in KINDS}),
        "task": choice("task", {inferred: "", say("class"): "class", say("multi"): "multi"}),
        "zero": choice("zero", {say("zero_inf"): "", say("zero_clip"): "clip:1e-15"}),
        "nan": choice("nan", {say("nan_raise"): "", say("nan_exclude"): "exclude"}),
        "unit": choice("unit", {say("nat"): "", say("bit"): "bit"}),
    }


def options_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `evaluate` that were chosen, and no others.

    >>> options_of({"target": "y", "predictions": ["p"], "kind": "logits", "unit": ""})
    {'target': 'y', 'logits': 'p'}
    """
    found = {k: v for k, v in asked.items() if k not in ("predictions", "kind") and v}
    columns = asked.get("predictions") or []
    if columns:
        found[asked["kind"]] = columns[0] if len(columns) == 1 else list(columns)
    return found


def commands(name: str, options: Mapping[str, Any]) -> str:
    """Return the same evaluation as a line of a shell and as lines of Python.

    >>> print(commands("my file.csv", {"target": "y", "probs": ["p_a", "p_b"]}))
    # in a terminal
    xent evaluate 'my file.csv' --target y --probs p_a,p_b
    # in Python
    from xent.evaluation import evaluate
    evaluate('my file.csv', target='y', probs=['p_a', 'p_b'])
    """
    words = ["xent", "evaluate", as_path(name)]
    for option, value in options.items():
        written = value if isinstance(value, str) else ",".join(value)
        named = f"--{option.replace('_', '-')}"
        words += [f"{named}={written}"] if written.startswith("-") else [named, written]
    # columns of a list are parted by commas: a name that has one can be said in Python only
    lists = [value for value in options.values() if not isinstance(value, str)]
    in_shell = not any("," in column for columns in lists for column in columns)
    shell = f"# in a terminal\n{shlex.join(words)}\n" if in_shell else ""
    arguments = "".join(f", {option}={value!r}" for option, value in options.items())
    return (
        f"{shell}# in Python\nfrom xent.evaluation import evaluate\nevaluate({name!r}{arguments})"
    )


def whose(judged: Judged, say: Say) -> str:
    """Return the line that says that this is the reader's own file."""
    return f'<div class="x-say" data-yours="">{escape(say("yours", name=judged.name))}</div>'


def headline(judged: Judged, say: Say, lang: Lang = "en") -> str:
    """Return how the file was read and how sure the number is, or what is wrong with it."""
    e = judged.evaluation
    if e is None:
        return wrong_html(say("broken", name=judged.name), judged.message, lang)
    rows, found = f"{e.num_rows:,}", e.interval
    if math.isfinite(found.low) and math.isfinite(found.high):
        told = say(
            "interval", rows=rows, level=f"{100 * found.level:g}", low=shown(found.low),
            high=shown(found.high), unit=say(e.unit),
        )  # fmt: skip
    else:
        told = say("no_interval", rows=rows, why=words(found.note, lang) or say("no_spread"))
    notes = [*e.warnings, *(str(hint) for hint in e.hints if hint.severity != "warning")]
    listed = "".join(f"<li>{message_html(_short(note), lang)}</li>" for note in notes)
    return (
        '<h2 style="margin:0 0 .5rem;font-size:1.3rem;font-weight:650">'
        f"{escape(say('verdict'))}</h2>"
        f'<p data-read-as="" style="margin:0 0 .5rem;color:var(--x-muted)">'
        f"{escape(say('read_as'))}{escape(words(_short(e.note), lang))}</p>"
        f'<p data-interval="" style="margin:0;max-width:44rem">{escape(told)}</p>'
        + (
            f'<div class="x-say" style="margin-top:.9rem" data-notes=""><b>{escape(say("notes"))}'
            f'</b><ul style="margin:.2rem 0 0;padding-left:1.1rem">{listed}</ul></div>'
            if notes
            else ""
        )
    )


def report(evaluation: Evaluation, lang: Lang) -> str:
    """Return the whole page of an evaluation, or the words that say what it needs."""
    from xent.report.page import html_page

    try:
        return html_page(evaluation, lang=lang)
    except UnavailableError as error:
        return f"<!doctype html><title>xent</title><p>{escape(str(error))}</p>"


def folded(parts: Mapping[str, str], say: Say, *, opened: bool = True) -> str:
    """Return parts that unfold under their names; the first is open where that is asked for."""
    return "".join(
        f'<details data-part="{key}"{" open" if opened and i == 0 else ""} style="margin:.9rem 0">'
        f'<summary style="cursor:pointer;font-weight:650;margin-bottom:.6rem">'
        f"{escape(say(f'tab_{key}'))}</summary>{html}</details>"
        for i, (key, html) in enumerate(parts.items())
    )


def framed(page: str, title: str) -> str:
    """Return a page inside of this one; nothing in it can reach what is around it.

    The script of the page writes it into the frame, in the theme that the reader has.
    """
    return (
        f'<iframe title="{escape(title)}" sandbox="allow-scripts" '
        f'data-report="{escape(page)}" style="display:block;width:100%;height:{FRAME_HEIGHT}px;'
        'border:1px solid var(--x-edge);border-radius:8px;background:var(--x-paper)"></iframe>'
    )


def printed(text: str, label: str) -> str:
    """Return what a terminal shows; it can be scrolled by keys."""
    return (
        f'<pre data-printed="" lang="en" tabindex="0" role="region" aria-label="{escape(label)}" '
        f'style="{STYLE}">{escape(text)}</pre>'
    )


def _short(text: str, most: int = 600) -> str:
    return text if len(text) <= most else text[:most] + "…"
