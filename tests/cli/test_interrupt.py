"""Ctrl-C while a file is read: the exit code of an interruption, and nothing half-written."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xent.cli import INTERRUPTED

ROWS, FILES = 100_000, 400  # seconds of work
PATIENCE = 300.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


# a command that hears Ctrl-C also where whoever runs the tests does not, as after a shell's &; not
# by preexec_fn, which forks, and JAX warns of that once another test has loaded it
COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from xent.cli import main
"""


@pytest.fixture
def much(tmp_path):
    """A pattern of many files, which are one file by many names."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), size=ROWS)
    columns = {f"p_{j}": p[:, j] for j in range(10)}
    folder = tmp_path / "rows"
    folder.mkdir()
    pq.write_table(
        pa.table({"label": rng.integers(10, size=ROWS), **columns}), folder / "0.parquet"
    )
    for k in range(1, FILES):
        (folder / f"{k}.parquet").hardlink_to(folder / "0.parquet")
    return str(folder / "*.parquet")


def told(terminal, words, patience=PATIENCE):
    """Read what is shown on a terminal until the words are there."""
    shown, end = b"", time.monotonic() + patience
    while words not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096)
    assert words in shown, shown
    return shown


def test_an_interrupted_evaluation_leaves_nothing(much, tmp_path):
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "old.html").write_text("old")
    terminal, of_child = pty.openpty()
    command = [sys.executable, "-c", COMMAND + "main()", "evaluate", much]
    command += ["--state", outputs / "all.xent", "--report", outputs / "old.html"]
    command += ["--output", outputs / "table.txt"]
    child = subprocess.Popen(
        command, stderr=of_child, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        told(terminal, b" a second")  # the bar: rows have been read
        child.send_signal(signal.SIGINT)
        printed, _ = child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
        child.wait()
        os.close(of_child)
        after = b""
        while select.select([terminal], [], [], 0.1)[0]:
            try:
                after += os.read(terminal, 4096)
            except OSError:  # Linux: nobody is at the other end
                break
        os.close(terminal)
    assert child.returncode == INTERRUPTED
    assert printed == b""
    assert b"Traceback" not in after
    assert [p.name for p in outputs.iterdir()] == ["old.html"]
    assert (outputs / "old.html").read_text() == "old"


# says when it begins to load what the command needs
BEGIN = COMMAND + "print('loading', flush=True); main()"


@pytest.mark.parametrize("after", [0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
def test_an_interruption_while_modules_load_is_quiet(after, much):
    command = [sys.executable, "-c", BEGIN, "evaluate", much]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = subprocess.Popen(command, start_new_session=True, **pipes)
    try:
        assert child.stdout.readline() == b"loading\n"
        # wherever it is by then, what follows holds: main is entered at once
        time.sleep(after)
        child.send_signal(signal.SIGINT)
        printed, errors = child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, printed, errors) == (INTERRUPTED, b"", b"")
