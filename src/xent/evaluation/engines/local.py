"""The engine of one machine: batches one after the other, scored by all its cores."""

from __future__ import annotations

import re
from collections.abc import Callable

from xent.errors import XentValueError
from xent.evaluation.reading.batches import num_rows
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.parts import PartsSource
from xent.evaluation.reading.plan import Plan
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.sources import ahead, open_source
from xent.evaluation.reading.tables import ArraySource
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.summary import Summary

__all__ = ["open_source", "score"]

Progress = Callable[[int, int | None], None]


def score(
    source: Source,
    plan: Plan,
    options: Options,
    progress: Progress | None = None,
) -> Summary:
    """Return the summary of all rows of a source."""
    if isinstance(source, PartsSource):
        try:
            return _score(source, plan, options, progress).with_rows(source.called)
        except XentValueError as error:
            raise _in_its_file(error, source) from None
    return _score(source, plan, options, progress)


def _score(source: Source, plan: Plan, options: Options, progress: Progress | None) -> Summary:
    scorer = Scorer(plan, options)
    seen = 0
    stream = source.batches(plan.needed)
    for batch in stream if isinstance(source, ArraySource) else ahead(stream):
        scorer.add(batch, seen)
        seen += num_rows(batch)
        if progress is not None:
            progress(seen, source.num_rows)
    return scorer.summary()


def _in_its_file(error: XentValueError, source: PartsSource) -> XentValueError:
    """The same error, with the row's file and its number there."""
    if not isinstance(error.index, int):
        return error
    row = re.compile(rf"\brow {error.index}\b")
    error.args = (row.sub(f"row {source.called(error.index)}", str(error)),)
    return error
