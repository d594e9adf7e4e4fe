"""What the tests of the measures rely on: one seed, and warnings that are told again."""

import numpy as np
import pytest

from xent.diagnostics.warn import forget


@pytest.fixture
def rng():
    return np.random.default_rng(20180125)


@pytest.fixture(autouse=True)
def _tell_again():
    forget()
