"""What every test file may rely on: one seed, and warnings that are told again."""

import numpy as np
import pytest

from xent.diagnostics import logits, warn


@pytest.fixture
def rng():
    return np.random.default_rng(20181)


@pytest.fixture(autouse=True)
def _tell_again():
    warn.forget()
    logits.forget()
