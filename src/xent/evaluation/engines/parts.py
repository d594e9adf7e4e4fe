"""What workers of an engine do: rows to a state, states to one. States travel as text.

A worker hands back what it could not score as a state too, so that the caller gets the error
of the first partition, in its own words, rather than a traceback out of an engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xent import errors
from xent.errors import MergeError, UnavailableError, XentTypeError, XentValueError
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.summary import Summary

__all__ = ["arrow_batches", "merge_parts", "missing_package", "score_part", "summary_of"]

FAN_IN = 16  # states that one worker merges


def arrow_batches(batches: Iterable[Any]) -> Iterator[Batch]:
    """Yield Arrow record batches or tables as batches."""
    for batch in batches:
        chunks = batch.to_batches() if hasattr(batch, "to_batches") else [batch]
        for chunk in chunks:
            yield {name: chunk.column(i) for i, name in enumerate(chunk.schema.names)}


def score_part(batches: Iterable[Batch], plan: Plan, options: Options, part: int = 0) -> str:
    """Return the state of a partition (-1: it has no number); its rows have no numbers that
    anyone knows."""
    try:
        scorer = Scorer(plan, options)
        seen = 0
        for batch in batches:
            if num_rows(batch):
                scorer.add(batch, seen)
                seen += num_rows(batch)
        # a partition without rows has nothing to add
        summary = scorer.summary().without_numbers() if seen else Summary()
        return summary.to_json()
    except (XentValueError, XentTypeError) as error:
        place = error.index if isinstance(error.index, int) else None
        told = {"class": type(error).__name__, "code": error.code, "index": place}
        return json.dumps({"part": part, "error": {**told, "message": str(error)}})


def merge_parts(states: Iterable[str]) -> str:
    """Return several states as one; of errors that of the first partition."""
    merged, failed = Summary(), []
    for state in states:
        if state.startswith('{"part":'):
            failed.append(state)
        elif not failed:
            merged += Summary.from_json(state)
    if failed:
        return min(failed, key=lambda state: (json.loads(state)["part"], state))
    return merged.to_json()


def summary_of(states: Iterable[str]) -> Summary:
    """Return what the states of all partitions are together, or raise what a worker met."""
    try:
        state = merge_parts(states)
        if not state.startswith('{"part":'):
            return Summary.from_json(state)
    except MergeError as error:
        if "version" not in str(error):
            raise
        raise MergeError(
            f"workers must have the same version of xent as the caller: {error}", value=error.value
        ) from None
    raise _raised(json.loads(state))


def _raised(told: Mapping[str, Any]) -> Exception:
    error = told["error"]
    kind = getattr(errors, error["class"])
    where = "a partition" if told["part"] < 0 else f"partition {told['part']}"
    # the message holds the code already
    raised = kind(f"{where}: {error['message']}", index=error["index"])
    raised.code = error["code"]
    assert isinstance(raised, Exception)
    return raised


def missing_package(engine: str, error: BaseException, how: str) -> UnavailableError | None:
    """Return what to raise where a worker could not import xent or what it needs, or None."""
    text = str(error)
    for package in ("xent", "pyarrow", "numpy"):
        if f"No module named '{package}" in text:
            return UnavailableError(
                f"workers of {engine} must have {package}, got an environment without it; {how}"
            )
    return None
