"""A run on several processes starts what is slow to start once."""

import os
import subprocess
import sys
from pathlib import Path

import together

HERE = Path(__file__).parent
HOOK = """
def pytest_xdist_make_scheduler(config, log):
    import sys
    sys.path.insert(0, {folder!r})
    from together import Together
    return Together(config, log)
"""
TESTS = """
import os, time
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    time.sleep(0.05)  # so that one process cannot be done before the other begins
    with open({file!r}, "a") as told:
        told.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_groups_are_of_files_that_exist():
    for start in together.GROUPS:
        assert (HERE.parent / start).exists(), start
    assert together.group("tests/learn/a/test_b.py::test_c[d/e::f]") == "learn"
    assert together.group("tests/test_total.py::test_c") == "tests/test_total.py"


def test_a_group_and_a_file_run_in_one_process(tmp_path):
    (tmp_path / "conftest.py").write_text(HOOK.format(folder=str(HERE)), encoding="utf-8")
    names = ["tests/learn/test_a.py", "tests/learn/b/test_b.py", "tests/test_c.py", "test_d.py"]
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        told = str(file.with_suffix(".told"))
        file.write_text(TESTS.format(file=told), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n2", "--dist", "loadfile"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", tmp_path],
        cwd=tmp_path, env={k: v for k, v in os.environ.items() if "XDIST" not in k},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ran = [set((tmp_path / name).with_suffix(".told").read_text().split()) for name in names]
    assert [len(workers) for workers in ran] == [1, 1, 1, 1]
    assert ran[0] == ran[1]
    # both processes had work, so that one for all of it is not what this saw
    assert len(set().union(*ran)) == 2
