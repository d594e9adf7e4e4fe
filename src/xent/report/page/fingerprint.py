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

__all__ = ["fingerprint_of", "fingerprint_of_comparison"]

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


def _lines(
    found: Iterable[tuple[str, str]],
    options: Mapping[str, Any] | None,
    digested: tuple[str, str],
    date: str,
) -> Lines:
    lines = [("f_version", version("xent")), *found]
    if options:
        lines.append(("f_options", shlex.join(_words(options))))
    name, text = digested
    lines.append((name, hashlib.sha256(text.encode()).hexdigest()))
    if date:
        lines.append(("f_date", date))
    return tuple(lines)


def _words(options: Mapping[str, Any]) -> list[str]:
    """Return options as they are typed.

    >>> _words({"sum_tolerance": 0.01, "name": ("a", "b c"), "json": True})
    ['--sum-tolerance', '0.01', '--name', 'a', '--name', 'b c', '--json']
    """
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words += [flag] if one is True else [flag, str(one)]
    return words
