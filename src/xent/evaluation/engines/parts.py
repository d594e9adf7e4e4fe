"""What workers of an engine do: rows to a state, states to one. States travel as text, and beside
them, where terms need rows, a sample of these.

A worker hands back what it could not score as a state too, so that the caller gets the error
of the first partition, in its own words, rather than a traceback out of an engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from xent import errors
from xent.errors import MergeError, UnavailableError, XentTypeError, XentValueError
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.sample import RowSample, Scored, sampler_of
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.summary import Summary

__all__ = ["Part", "arrow_batches", "merge_parts", "missing_package", "score_part", "scored_of"]

FAN_IN = 16  # states that one worker merges


class Part(NamedTuple):
    """What a partition comes to, as text and bytes: no sample where nothing asks for one."""

    state: str
    sample: bytes = b""


def arrow_batches(batches: Iterable[Any]) -> Iterator[Batch]:
    """Yield Arrow record batches or tables as batches."""
    for batch in batches:
        chunks = batch.to_batches() if hasattr(batch, "to_batches") else [batch]
        for chunk in chunks:
            yield {name: chunk.column(i) for i, name in enumerate(chunk.schema.names)}


def score_part(batches: Iterable[Batch], plan: Plan, options: Options, part: int = 0) -> Part:
    """Return the state of a partition (-1: it has no number); its rows have no numbers that
    anyone knows."""
    try:
        scorer, sampler = Scorer(plan, options), sampler_of(plan, options)
        seen = 0
        for batch in batches:
            if num_rows(batch):
                scored = scorer.add(batch, seen)
                if sampler is not None:
                    sampler.add(scored)
                seen += num_rows(batch)
        # a partition without rows has nothing to add
        summary = scorer.summary().without_numbers() if seen else Summary()
        sample = b"" if sampler is None else sampler.sample().to_bytes()
        return Part(summary.to_json(), sample)
    except (XentValueError, XentTypeError) as error:
        place = error.index if isinstance(error.index, int) else None
        told = {"class": type(error).__name__, "code": error.code, "index": place}
        return Part(json.dumps({"part": part, "error": {**told, "message": str(error)}}))


def merge_parts(parts: Iterable[Part]) -> Part:
    """Return several partitions as one; of errors that of the first partition."""
    merged, failed = Summary(), []
    sample: RowSample | None = None
    for state, bytes_of in parts:
        if state.startswith('{"part":'):
            failed.append(state)
        elif not failed:
            merged += Summary.from_json(state)
            if bytes_of:
                more = RowSample.from_bytes(bytes_of)
                sample = more if sample is None else sample + more
    if failed:
        return Part(min(failed, key=lambda state: (json.loads(state)["part"], state)))
    return Part(merged.to_json(), b"" if sample is None else sample.to_bytes())


def scored_of(parts: Iterable[Part]) -> Scored:
    """Return what all partitions are together, or raise what a worker met."""
    try:
        state, sample = merge_parts(parts)
        if not state.startswith('{"part":'):
            return Scored(
                Summary.from_json(state), RowSample.from_bytes(sample) if sample else None
            )
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
