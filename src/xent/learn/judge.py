"""A file that somebody dropped, judged: an Evaluation, or what is wrong with it in words.

The bytes are written to a folder of their own for as long as they are read, and then removed: the
readers of `xent.evaluation` want a path. The name that came with them is only ever shown.
"""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from dataclasses import dataclass, replace
from typing import Any

from xent.errors import (
    MisuseWarning,
    SourceError,
    UnavailableError,
    XentTypeError,
    XentValueError,
)
from xent.evaluation import Evaluation, evaluate
from xent.evaluation.reading.sources import open_source
from xent.learn.upload import check_names, check_size, unpacked

__all__ = ["ENDINGS", "Judged", "judge"]

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".npz")
PACKED = (".gz", ".zst")
LONGEST_NAME = 120
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Judged:
    """What became of a file.

    Parameters
    ----------
    name : str
        What the file is called, printable and not endless.
    columns : tuple of str
        Its columns; empty where it could not be read at all.
    evaluation : Evaluation or None
    message : str
        What is wrong, in words, where there is no evaluation.
    """

    name: str
    columns: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    message: str = ""


def judge(name: str, contents: bytes, **options: Any) -> Judged:
    """Return the evaluation of a file's bytes, or what is wrong with them.

    Parameters
    ----------
    name : str
        The name of the file; its ending says how it is read.
    contents : bytes
    **options
        Those of `evaluate`; empty ones are left to it.

    Returns
    -------
    Judged
        Never raises for what the bytes or the columns are.

    Notes
    -----
    *Nothing is kept.* The folder that the bytes are read from is removed before this returns,
    and nothing is sent anywhere.

    See Also
    --------
    evaluate : reads a file of any size from its path.

    Examples
    --------
    >>> judged = judge("mine.csv", b"y,p\\n1,0.5\\n0,0.5\\n")
    >>> round(judged.evaluation.log_loss, 4), judged.columns
    (0.6931, ('y', 'p'))
    >>> judge("mine.csv", b"y,p\\n1,1.5\\n0,0.5\\n").message.partition(" (1 such")[0]
    'D07: probabilities (columns p) must be in [0, 1], got 1.5 in row 0 of p'
    """
    shown = _shown(name)
    ending = _ending(name)
    if not ending:
        known = ", ".join(ENDINGS)
        return Judged(shown, message=f"the file must be one of {known}, got {shown!r}")
    try:
        check_size(shown, len(contents))
        ending, contents = unpacked(shown, ending, contents)
    except (SourceError, UnavailableError) as error:
        return Judged(shown, message=str(error))
    with tempfile.TemporaryDirectory(prefix="xent-learn-") as folder:
        path = os.path.join(folder, "predictions" + ending)
        with open(path, "wb") as file:
            file.write(contents)
        return _judge(path, shown, {k: v for k, v in options.items() if v not in (None, "", [])})


def _judge(path: str, shown: str, options: dict[str, Any]) -> Judged:
    columns: tuple[str, ...] = ()
    try:
        found_columns = _columns(path)
        check_names(shown, found_columns)
        columns = found_columns
        # what is silenced is silenced for all threads, and put back for all
        with ONE_AT_A_TIME, warnings.catch_warnings():
            # they are among the evaluation's warnings
            warnings.simplefilter("ignore", MisuseWarning)
            found = evaluate(path, **options)
    except (XentValueError, XentTypeError, UnavailableError) as error:
        return Judged(shown, columns, message=_without(path, shown, str(error)))
    note = _without(path, shown, found.note)
    return Judged(shown, columns, replace(found, name=shown, note=note))


def _columns(path: str) -> tuple[str, ...]:
    source = open_source(path)
    try:
        return tuple(field.name for field in source.fields)
    finally:
        source.close()


def _without(path: str, shown: str, text: str) -> str:
    """Return a message about our copy as one about the file that was dropped."""
    for written in (path, repr(path)[1:-1]):
        text = text.replace(written, shown)
    return text


def _ending(name: str) -> str:
    lower = name.lower()
    packed = next((p for p in PACKED if lower.endswith(p)), "")
    bare = lower.removesuffix(packed)
    ending = next((e for e in ENDINGS if bare.endswith(e)), "")
    return ending + packed if ending and (not packed or ending != ".npz") else ""


def _shown(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2] or "file"
    base = "".join(c if c.isprintable() else "\ufffd" for c in base)
    return base if len(base) <= LONGEST_NAME else base[:LONGEST_NAME] + "…"
