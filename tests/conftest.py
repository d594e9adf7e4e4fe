"""What every test file may rely on: one seed, warnings that are told again, one browser."""

import numpy as np
import pytest
import required

from xent.diagnostics import logits, warn


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
