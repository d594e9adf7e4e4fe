"""The bar of each command that reads rows: rising counts that end with all rows."""

import contextlib
import io
from pathlib import Path

import pytest

import xent.cli.app
from xent.report import progress

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGITS = str(EXAMPLES / "digits.parquet")
BAYES = str(EXAMPLES / "digits_naive_bayes.parquet")
ROWS = 1797


@pytest.fixture
def told(monkeypatch):
    """What each bar of a command was told: its name, then rows done of how many."""
    bars = []

    @contextlib.contextmanager
    def bar(name):
        calls = []
        bars.append((name, calls))
        yield lambda done, total: calls.append((done, total))

    monkeypatch.setattr(progress, "progress_bar", bar)
    return bars


@pytest.mark.parametrize(
    "command, names",
    [
        (["evaluate", DIGITS], [DIGITS]),
        (["compare", DIGITS, BAYES, "--zero", "clip:1e-15"], [f"{DIGITS}, {BAYES}"]),
        (["recalibrate", DIGITS], [DIGITS]),
        (["recalibrate", DIGITS, "--apply", BAYES], [DIGITS, BAYES]),
    ],
    ids=["evaluate", "compare", "recalibrate", "recalibrate-apply"],
)
def test_every_command_tells_how_far_it_is(told, command, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert xent.cli.app.run(command) == 0
    assert [name for name, _ in told] == names
    for _, calls in told:
        done = [rows for rows, _ in calls]
        assert done == sorted(done)
        assert calls[-1] in ((ROWS, ROWS), (ROWS, None))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("command", [["compare", DIGITS, BAYES], ["recalibrate", DIGITS]])
def test_a_bar_is_on_a_terminal_alone_and_gone_at_the_end(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    assert xent.cli.app.run(command) == 0
    assert "a second" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    assert xent.cli.app.run(command) == 0
    assert " rows, " in terminal.getvalue()
