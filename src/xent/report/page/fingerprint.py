"""What a page was made of: version, source, options, and a digest of the numbers."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from xent.evaluation.comparison.result import Comparison
from xent.evaluation.numbers import level_text
from xent.evaluation.result import Evaluation
from xent.report.machine import plain

__all__ = ["as_typed", "fingerprint_of", "fingerprint_of_comparison"]

Lines = tuple[tuple[str, str], ...]


def fingerprint_of(e: Evaluation, options: Mapping[str, Any] | None, date: str) -> Lines:
    """Return the lines of an evaluation; the digest is of its whole state."""
    found = [("f_source", e.name)]
    if e.note:
        found.append(("f_read_as", e.note))
    found.append(("f_rows", f"{e.num_rows:,}"))
    interval = e.interval
    if interval:
        found.append(("f_interval", f"{interval.method}, {level_text(interval.level)}"))
    return _lines(found, options, ("f_state", e.summary.to_json()), date)


def fingerprint_of_comparison(
    compared: Comparison, options: Mapping[str, Any] | None, date: str
) -> Lines:
    """Return the lines of a comparison; the digest is of the numbers that it prints."""
    found = [("f_source", ", ".join(m.name for m in compared.models))]
    numbers = json.dumps(plain(compared.to_dict()), sort_keys=True)
    return _lines(found, options, ("f_numbers", numbers), date)


def as_typed(options: Mapping[str, Any]) -> str:
    """Return options as they are typed in a shell; one that is given twice comes twice.

    >>> as_typed({"probs": ("p_a", "p_b"), "fail_if": "log_loss > 1", "inner": True})
    "--probs p_a --probs p_b --fail-if 'log_loss > 1' --inner"
    """
    words = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
            continue
        several = value if isinstance(value, (list, tuple)) else (value,)
        words += [f"--{option} {shlex.quote(str(one))}" for one in several]
    return " ".join(words)


def _lines(
    found: Iterable[tuple[str, str]],
    options: Mapping[str, Any] | None,
    digested: tuple[str, str],
    date: str,
) -> Lines:
    lines = [("f_version", version("xent")), *found]
    if options:
        lines.append(("f_options", as_typed(options)))
    name, text = digested
    lines.append((name, hashlib.sha256(text.encode()).hexdigest()))
    if date:
        lines.append(("f_date", date))
    return tuple(lines)
