"""State files: the sums of one part of the predictions, to be merged with the others'.

A state file is UTF-8 text of three lines:

    xent-state 1                       what this is, and the version of the format
    {"name": ..., "summary": {...}}    what was evaluated, how it was read, and the sums
    sha256 0f3a...                     of all bytes before this line

The sums are written to the last bit, and settings that decide what they mean are among
them (`Summary` refuses to add others). A file without its last line is truncated.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from xent.errors import MergeError, SourceError
from xent.evaluation.files import write_text
from xent.evaluation.intervals.means import as_level
from xent.evaluation.plain import text_of, told, whole_of
from xent.evaluation.reading.paths import expanded
from xent.evaluation.recalibration.terms import RowTerms
from xent.evaluation.result import Evaluation
from xent.evaluation.summary.summary import Summary
from xent.units import Unit, nats_per

__all__ = ["FORMAT", "from_text", "load_state", "merge_states", "save_state", "to_text"]

FORMAT = 1
MAGIC = "xent-state"
HINT = "; write it again with xent evaluate --state"


def to_text(evaluation: Evaluation) -> str:
    """Return an evaluation as the text of a state file; its rows carry its name."""
    summary = evaluation.summary.in_part(evaluation.name)
    beside = {f.name: getattr(evaluation, f.name) for f in fields(evaluation)}
    # the summary is JSON already
    beside["summary"] = None
    beside["row_terms"] = evaluation.row_terms and evaluation.row_terms.to_state()
    state = json.dumps(beside, separators=(",", ":"), ensure_ascii=False)
    state = state.replace('"summary":null', f'"summary":{summary.to_json()}')
    body = f"{MAGIC} {FORMAT}\n{state}\n"
    return f"{body}sha256 {_digest(body)}\n"


def from_text(text: str, name: str = "text") -> Evaluation:
    """Return the evaluation that `to_text` wrote; `name` is what errors call the text.

    Raises
    ------
    MergeError
        If the text is no state, is truncated or changed, or of another version.
    """
    first = text.partition("\n")[0]
    found = re.fullmatch(rf"{MAGIC} (\d+)", first)
    if found is None:
        raise MergeError(f"{name} must be a state file, {_foreign(text)}{HINT}")
    if int(found[1]) != FORMAT:
        older = int(found[1]) < FORMAT
        hint = HINT if older else "; read it with the version of xent that wrote it, or a newer one"
        raise MergeError(
            f"{name} must have version {FORMAT} of the format, got {found[1]}{hint}",
            value=int(found[1]),
        )
    body, sha, digest = text.rpartition("sha256 ")
    if not sha or not body.endswith("\n") or not re.fullmatch(r"[0-9a-f]{64}\n", digest):
        raise MergeError(
            f"{name} is truncated: it ends after {len(text.encode())} bytes without its "
            f"checksum{HINT}"
        )
    if digest.strip() != _digest(body):
        raise MergeError(
            f"{name} was changed after it was written: its checksum must be {digest[:12]}..., got "
            f"{_digest(body)[:12]}...{HINT}"
        )
    try:
        return _evaluation(json.loads(body.split("\n", 2)[1]))
    except MergeError:
        raise
    # a checksum tells of damage, not of who wrote the text
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise MergeError(f"{name} must hold an evaluation, got {told(error)}{HINT}") from error


def _evaluation(state: dict[str, Any]) -> Evaluation:
    """Return the evaluation whose values these are."""
    summary = Summary.from_state(state.pop("summary"))
    known = {f.name for f in fields(Evaluation)}
    terms = state.get("row_terms")
    state["row_terms"] = None if terms is None else RowTerms.from_state(terms)
    for name in ("name", "note"):
        text_of(state[name], name)
    whole_of(state["parts"], "parts", least=1)
    nats_per(state["unit"])
    as_level(state["level"])
    return Evaluation(summary, **{n: v for n, v in state.items() if n in known})


def save_state(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write an evaluation to a state file, which is whole or not there.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate` returned for one part of the rows.
    path : path
        Where to write; a file that is there is replaced at once.

    See Also
    --------
    load_state : read it again.
    merge_states : what the parts are together.
    """
    write_text(os.fspath(path), to_text(evaluation))


def load_state(path: str | os.PathLike[str]) -> Evaluation:
    """Return the evaluation in a state file.

    Raises
    ------
    SourceError
        If there is no such file.
    MergeError
        If it is no state file, is truncated or changed, or of another version; also if it
        holds what this version cannot read.
    """
    name = os.fspath(path)
    try:
        with open(name, encoding="utf-8", newline="") as file:
            text = file.read()
    except UnicodeDecodeError:
        raise MergeError(f"{name} must be a state file, got bytes that are no text{HINT}") from None
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        raise SourceError(f"state {name!r} cannot be read: {what}", value=name) from None
    try:
        return from_text(text, name)
    except MergeError as error:
        if str(error).startswith((name, "D30")):
            raise
        raise MergeError(f"{name}: {error}", value=error.value) from None


def merge_states(
    paths: Sequence[str | os.PathLike[str]],
    *,
    unit: Unit | None = None,
    level: float | None = None,
) -> Evaluation:
    """Return what the parts in several state files are together.

    Numbers are those of one evaluation of all rows, to the last bit, whatever the order.

    Parameters
    ----------
    paths : sequence of paths
        State files, as `save_state` and ``xent evaluate --state`` write them, or patterns of
        their names (``"part-*.xent"``).
    unit : {"nat", "bit", "ban"}, optional
        Unit of the losses shown; where it is not given, that of all states.
    level : float, optional
        Confidence of the intervals; where it is not given, that of all states.

    Raises
    ------
    MergeError
        If a file is no state, two states have other settings, or two are the same part.
    SourceError
        If a file is not there, or none has the names of a pattern.

    Examples
    --------
    >>> import os, tempfile
    >>> from xent.evaluation import evaluate, merge_states, save_state
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     a, b = (os.path.join(folder, name) for name in ("a.xent", "b.xent"))
    ...     save_state(evaluate(([0, 1], [[0.5, 0.5], [0.25, 0.75]])), a)
    ...     save_state(evaluate(([1], [[0.9, 0.1]])), b)
    ...     merge_states([a, b]).num_rows
    3
    """
    if not paths:
        raise MergeError("states must be given to merge, got none")
    said: dict[str, Any] = {} if unit is None else {"unit": unit}
    if level is not None:
        said["level"] = as_level(level)
    names = expanded("states", [os.fspath(path) for path in paths], (".xent",))
    merged: Evaluation | None = None
    seen: dict[str, str] = {}
    for name in names:
        part = replace(load_state(name), **said)
        once = _digest(part.summary.to_json())
        if part.summary.sum_weight and once in seen:
            raise MergeError(
                f"states must be of different rows, got the same part in {seen[once]!r} and "
                f"{name!r}: its rows would count twice; leave one out",
                value=name,
            )
        seen[once] = name
        try:
            merged = part if merged is None else _together(merged, part)
        except MergeError as error:
            raise MergeError(f"{name} does not belong to {names[0]}: {error}") from None
    assert merged is not None
    return merged


def _together(merged: Evaluation, part: Evaluation) -> Evaluation:
    for field in ("unit", "level"):
        ours, theirs = getattr(merged, field), getattr(part, field)
        if ours != theirs:
            raise MergeError(
                f"states must have the same {field}, got {ours!r} and {theirs!r}; "
                f"say which to show with {field}",
                value=theirs,
            )
    return merged + part


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _foreign(text: str) -> str:
    """What a text is that is no state."""
    if not text.strip():
        return "got an empty file"
    if text.lstrip().startswith('{"version"'):
        return "got a bare summary, as Summary.to_json() writes it"
    start: Any = text[:20]
    return f"got one that begins with {start!r}"
