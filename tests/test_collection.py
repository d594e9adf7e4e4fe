"""The tests themselves: every process of a run must find the same ones.

pytest-xdist stops a run, before its first test, where two of its processes collect different
names, so a name may not depend on the hour, on the order of a set or on a random number.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def collecting(*arguments, seed=1, folder=HERE.parent):
    """A process that prints the names of all tests, with another order of its sets."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0"]
    return subprocess.Popen(
        [*command, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def names(process):
    printed = process.communicate()[0]
    assert process.returncode == 0, printed[-2000:]
    # the last line tells how long it took
    return [line for line in printed.splitlines() if "::" in line]


def is_whole(config):
    """Whether this process was asked for all tests, as `make test` is."""
    asked = [(config.rootpath / name).resolve() for name in config.args]
    narrowed = config.option.keyword or config.option.markexpr or config.option.deselect
    return not narrowed and asked == [HERE, HERE.parent / "src" / "xent"]


def test_every_process_collects_the_same_tests(request):
    if is_whole(request.config):
        # This process collected them before its first test: at another hour, and with an
        # order of its sets that Python drew. So one more collection shows it.
        first = [item.nodeid for item in request.session.items]
        second = names(collecting(seed=2))
    else:
        processes = [collecting(seed=1)]
        # an archive holds the hour in steps of two seconds
        time.sleep(2.1)
        processes.append(collecting(seed=2))
        first, second = map(names, processes)
    assert first == second
    assert any(Path(__file__).name in line for line in first)


CHANGING = """
import time
import pytest

@pytest.mark.parametrize("name", {named})
def test_it(name):
    pass
"""


@pytest.mark.parametrize("named", ["[str(time.time())]", "set('abcdefgh')", "'ab'"])
def test_names_that_change_are_seen(tmp_path, named):
    (tmp_path / "test_made_up.py").write_text(CHANGING.format(named=named), encoding="utf-8")
    first, second = [names(collecting("-o", "addopts=", folder=tmp_path, seed=s)) for s in (1, 2)]
    assert len(first) >= 1
    assert (first == second) == (named == "'ab'")
