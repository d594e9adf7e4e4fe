"""A progress bar on standard error, where a person is looking."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]

PATIENCE = 0.5  # seconds before a bar appears: most files are done by then


@contextlib.contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Yield what to call with the rows done and the number of all rows, or None off a tty."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"))
    times = (TimeElapsedColumn(), TextColumn("left"), Left(compact=True))
    bar = Progress(*columns, *times, console=Console(stderr=True), transient=True)
    task = bar.add_task(name, total=None, rows="")
    start = time.monotonic()
    started = False

    def advance(done: int, total: int | None) -> None:
        nonlocal started
        if not started and time.monotonic() - start > PATIENCE:
            bar.start()
            started = True
        if started:
            rate = done / max(time.monotonic() - start, 1e-9)
            rows = f"{done:,} rows, {rate:,.0f} a second"
            bar.update(task, completed=done, total=total, rows=rows)

    try:
        yield advance
    finally:
        if started:
            bar.stop()
