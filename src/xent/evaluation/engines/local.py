"""The engine of one machine: batches one after the other, scored by all its cores."""

from __future__ import annotations

import contextlib
import operator
import re
import threading
from collections.abc import Callable, Iterator
from functools import reduce

from xent import _native
from xent.errors import XentValueError
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.parts import PartsSource
from xent.evaluation.reading.plan import Plan
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.sources import ahead, open_source
from xent.evaluation.reading.tables import ArraySource
from xent.evaluation.sample import RowSample, RowSampler, Scored, sampler_of
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.summary import Summary

__all__ = ["open_source", "score"]

Progress = Callable[[int, int | None], None]


def score(
    source: Source,
    plan: Plan,
    options: Options,
    progress: Progress | None = None,
) -> Scored:
    """Return the summary of all rows of a source, and a sample of them."""
    if isinstance(source, PartsSource):
        try:
            found = _score(source, plan, options, progress)
            return found._replace(summary=found.summary.with_rows(source.called))
        except XentValueError as error:
            raise _in_its_file(error, source) from None
    return _score(source, plan, options, progress)


def _score(source: Source, plan: Plan, options: Options, progress: Progress | None) -> Scored:
    def told(seen: int) -> None:
        if progress is not None:
            progress(seen, source.num_rows)

    stream = source.batches(plan.needed)
    read = not isinstance(source, ArraySource)
    # sums by group are Python's, which runs one thread at a time
    grouped = bool(plan.by or plan.cluster or plan.id) or options.method == "bootstrap"
    if read and not grouped and _native.num_threads() > 1:
        with contextlib.closing(ahead(stream)) as batches:
            return _Together(batches, plan, options).score(told)
    scorer, sampler = Scorer(plan, options), sampler_of(plan, options)
    seen = 0
    for batch in ahead(stream) if read else stream:
        scored = scorer.add(batch, seen)
        if sampler is not None:
            sampler.add(scored)
        seen += num_rows(batch)
        told(seen)
    return Scored(scorer.summary(), None if sampler is None else sampler.sample())


class _Together:
    """Two scorers that take turns at the batches of one stream.

    While one prepares its batch, or waits for the last of its threads, the other's rows keep the
    cores busy; two cores need no other threads. What the scorers add up to together does not
    depend on which took what.
    """

    def __init__(self, batches: Iterator[Batch], plan: Plan, options: Options) -> None:
        self._batches = batches
        self._settings = plan, options
        self._threads = 1 if _native.num_threads() == 2 else 0  # of each
        self._lock = threading.Lock()
        self._taken = self._scored = 0  # rows
        self._stopped = False
        self._summaries: list[Summary] = []
        self._samples: list[RowSample] = []
        self._failures: list[tuple[int, BaseException]] = []  # and the row where it happened

    def score(self, told: Callable[[int], None]) -> Scored:
        helper = threading.Thread(target=self._work, name="xent-scorer")
        try:
            helper.start()
            self._work(told)
        finally:
            self._stopped = True
            if helper.is_alive():
                helper.join()
        if self._failures:
            # the batches before it were all scored, so that no row before is at fault
            raise min(self._failures, key=lambda failure: failure[0])[1]
        told(self._scored)
        sample = reduce(operator.add, self._samples) if self._samples else None
        return Scored(sum(self._summaries, Summary()), sample)

    def _work(self, told: Callable[[int], None] | None = None) -> None:
        scorer: Scorer | None = None
        sampler: RowSampler | None = None
        first = rows = 0
        try:
            while True:
                with self._lock:
                    self._scored += rows
                    first = self._taken
                    batch = None if self._stopped else next(self._batches, None)
                    if batch is None:
                        break
                    rows = num_rows(batch)
                    self._taken += rows
                if told is not None:
                    told(self._scored)
                if scorer is None:
                    scorer = Scorer(*self._settings, threads=self._threads)
                    sampler = sampler_of(*self._settings, threads=self._threads)
                scored = scorer.add(batch, first)
                if sampler is not None:
                    sampler.add(scored)
            if scorer is not None:
                self._summaries.append(scorer.summary())
            if sampler is not None:
                self._samples.append(sampler.sample())
        except BaseException as error:
            self._stopped = True
            self._failures.append((first, error))


def _in_its_file(error: XentValueError, source: PartsSource) -> XentValueError:
    """The same error, with the row's file and its number there."""
    if not isinstance(error.index, int):
        return error
    row = re.compile(rf"\brow {error.index}\b")
    error.args = (row.sub(f"row {source.called(error.index)}", str(error)),)
    return error
