"""A progress bar on standard error, where a person is looking."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]

NAME = 20  # letters of a name: what a line of 80 has left for it
PATIENCE = 0.5  # seconds before a bar appears: most files are done by then


def shortened(name: str) -> str:
    """Return the end of a long name, which tells more than where it begins.

    >>> shortened("digits.parquet"), shortened("/data/2026/predictions/part-*.parquet")
    ('digits.parquet', '…ions/part-*.parquet')
    """
    return name if len(name) <= NAME else "…" + name[1 - NAME :]


@contextlib.contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Yield what to call with the rows done and the number of all rows, or None off a tty."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    # a line of 80 holds the longest of these
    names = TextColumn("{task.description}", markup=False)
    columns = (names, BarColumn(bar_width=10), TextColumn("{task.fields[rows]}"))
    left = (TextColumn("left"), Left(compact=True))
    bar = Progress(*columns, *left, console=Console(stderr=True), transient=True)
    task = bar.add_task(shortened(name), total=None, rows="")
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
