"""Paths and patterns of names: which files they are, and what is there where there is none."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence

from xent.errors import SourceError
from xent.evaluation.reading.names import nearest

__all__ = ["expanded", "files_of", "is_pattern", "must_exist"]

OF_ROWS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".npz", ".gz", ".zst")


def is_pattern(path: str) -> bool:
    """Return whether a path is a pattern of names.

    >>> is_pattern("part-*.parquet"), is_pattern("part-0.parquet")
    (True, False)
    """
    return any(c in path for c in "*?[")


def files_of(path: str) -> list[str]:
    """Return the files of a path or pattern as they are spelt; of a path, the path."""
    if "://" in path or not is_pattern(path) or os.path.exists(path):
        return [path]
    found = sorted(filter(os.path.isfile, glob.glob(path, recursive=True)))
    fixed, recursive, _ = path.partition("**")
    if recursive:
        # DuckDB's ** enters no linked folder, and Python's does
        root = os.path.dirname(re.split(r"[*?[]", fixed, maxsplit=1)[0])
        found = [file for file in found if not _is_in_linked(file, root)]
    return found


def expanded(argument: str, paths: Sequence[str], endings: Sequence[str]) -> list[str]:
    """Return paths with every pattern replaced by its files, sorted; one of no file is refused."""
    found = []
    for path in paths:
        must_match(path, argument, endings)
        found += files_of(path)
    return found


def must_exist(path: str) -> None:
    """Raise where no file of predictions is there, with what is."""
    if "://" in path:
        return
    if os.path.isdir(path):
        raise SourceError(f"source must be a file, got the folder {path!r}; say '{path}/*.parquet'")
    must_match(path, "source", OF_ROWS)
    if not is_pattern(path) and not os.path.exists(path):
        raise SourceError(f"source must exist, got {path!r}{_there(path, OF_ROWS)}", value=path)


def must_match(path: str, argument: str, endings: Sequence[str]) -> None:
    """Raise where a pattern has no file, with what its folder holds."""
    if is_pattern(path) and not files_of(path):
        raise SourceError(
            f"{argument} must match a file, got the pattern {path!r}{_there(path, endings)}",
            value=path,
        )


def _there(path: str, endings: Sequence[str]) -> str:
    """What is in the folder of a path that is not there, in words; "" where that is nothing."""
    folder = os.path.dirname(path) or "."
    while is_pattern(folder):
        folder = os.path.dirname(folder) or "."
    if not os.path.isdir(folder):
        return f"; there is no folder {folder!r}"
    names = sorted(n for n in os.listdir(folder) if n.endswith(tuple(endings)))
    return f"; in {folder}: {nearest(os.path.basename(path), names)}" if names else ""


def _is_in_linked(file: str, root: str) -> bool:
    """Whether a folder on the way from a root to a file is a link."""
    straight = os.path.relpath(os.path.dirname(file) or ".", root or ".")
    return os.path.realpath(os.path.dirname(file)) != os.path.normpath(
        os.path.join(os.path.realpath(root), straight)
    )
