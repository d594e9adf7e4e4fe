"""The command `xent`: arguments in, calls out; nothing is computed here."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["INTERRUPTED", "main"]

INTERRUPTED = 130  # as a shell has it: 128 and the number of the signal
# what takes most of a command's first second
READS = ("xent.evaluation", "pyarrow")
LOADS = {
    "compare": (*READS, "xent.evaluation.comparison"),
    "evaluate": READS,
    "recalibrate": READS,
    "merge": READS[:1],
}


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = _loaded_and_run()
    except KeyboardInterrupt:  # outside what catches it
        code = INTERRUPTED
    if code == INTERRUPTED:
        # what was open is closed by now, but a library's thread may be in the middle of
        # something, and Python ending under it would abort the process
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    raise SystemExit(code)


def _loaded_and_run() -> int:
    try:
        with _left_at_once():
            from xent.cli.app import run

            loads = LOADS.get(" ".join(sys.argv[1:2]), ())
            if READS[-1] in loads and not _is_one_parquet_file(sys.argv[1:]):
                loads = (*loads, "duckdb")
            for name in loads:
                with contextlib.suppress(ImportError):  # who needs it says so
                    importlib.import_module(name)
    except ImportError as error:
        print(
            f"xent: the command needs {error.name}, which is missing\n"
            '  fix: pip install "xent[evaluate]"',
            file=sys.stderr,
        )
        return 2
    return run(sys.argv[1:])


def _is_one_parquet_file(arguments: list[str]) -> bool:
    """Whether the rows come from what Arrow reads by itself."""
    command, path = [*arguments, "", ""][:2]
    return (
        command == "evaluate"
        and path.lower().endswith((".parquet", ".pq"))
        and not any(sign in path for sign in "*?[")
        and not any(a.partition("=")[0] == "--sql" for a in arguments)
    )


@contextlib.contextmanager
def _left_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process while modules load.

    There is nothing to tidy up yet, and a KeyboardInterrupt would be printed as a traceback, or
    be lost: Python ignores what is raised in the callbacks of its import system, and DuckDB
    takes it for a library that is broken.
    """

    def leave(*_: Any) -> None:
        os._exit(INTERRUPTED)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # ignored by a shell's &, or somebody else's
        return
    signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
