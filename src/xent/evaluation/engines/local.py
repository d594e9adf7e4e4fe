"""The engine of one machine: batches one after the other, scored by all its cores."""

from __future__ import annotations

from collections.abc import Callable

from xent.evaluation.batches import num_rows
from xent.evaluation.options import Options
from xent.evaluation.parts import PartsSource
from xent.evaluation.plan import Plan
from xent.evaluation.scoring import Scorer
from xent.evaluation.sources import Source, ahead, open_source
from xent.evaluation.summary import Summary
from xent.evaluation.tables import ArraySource

__all__ = ["open_source", "score"]


def score(
    source: Source,
    plan: Plan,
    options: Options,
    progress: Callable[[int, int | None], None] | None = None,
) -> Summary:
    """Return the summary of all rows of a source."""
    scorer = Scorer(plan, options)
    seen = 0
    stream = source.batches(plan.needed)
    for batch in stream if isinstance(source, ArraySource) else ahead(stream):
        scorer.add(batch, seen)
        seen += num_rows(batch)
        if progress is not None:
            progress(seen, source.num_rows)
    summary = scorer.summary()
    return summary.with_rows(source.called) if isinstance(source, PartsSource) else summary
