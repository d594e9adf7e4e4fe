"""Every test begins with nothing said, nothing counted, and one seed."""

import numpy as np
import pytest

from xent.diagnostics import averaging, logits, sampling, warn


@pytest.fixture
def rng():
    return np.random.default_rng(20181)


@pytest.fixture(autouse=True)
def fresh():
    for module in (averaging, logits, sampling, warn):
        module.forget()
