"""A test that cannot run is skipped, unless the machine was said to have what it needs."""

import pytest
from required import need, need_package


@pytest.fixture(autouse=True)
def _promised(monkeypatch):
    monkeypatch.setenv("XENT_REQUIRED", "chromium no_such_package")


def test_what_is_there_runs():
    need("chromium", True, "")
    need_package("pytest")


def test_what_was_not_promised_is_skipped():
    with pytest.raises(pytest.skip.Exception, match="java is not here: install it"):
        need("java", False, "install it")


def test_what_was_promised_fails():
    with pytest.raises(pytest.fail.Exception, match="names chromium, which is not here"):
        need("chromium", False, "install it")
    with pytest.raises(pytest.fail.Exception, match=r"pip install 'xent\[dev\]'"):
        need_package("no_such_package")
