"""What every test file may rely on: one seed, warnings that are told again, one browser."""

import os

import numpy as np
import pytest
import required
from hypothesis import settings

from xent.diagnostics import logits, warn

# the same examples on every run, so that what was green stays green; who wants to find more asks
# for others: XENT_EXPLORE=1. A busy machine is no failure, so there is no deadline
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("XENT_EXPLORE") else "same")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let tests that share a server, a browser or Spark run in one process."""
    from together import Together

    return Together(config, log)


@pytest.fixture
def rng():
    return np.random.default_rng(20181)


@pytest.fixture(autouse=True)
def _tell_again():
    warn.forget()
    logits.forget()


@pytest.fixture(scope="session")
def chromium():
    """Return a real browser without a window: one, as Playwright runs once in a process."""
    path = required.browser()
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
