"""What the conftests of the Triton tests share: the interpreter on a CPU, or a GPU.

The interpreter must be chosen before triton is imported, and other tests may have imported it
without: so these tests are collected only where TRITON_INTERPRET=1 is set or there is a GPU,
and tests/kernels/test_triton.py runs them in processes of their own.
"""

import os

import numpy as np
import pytest
import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
IGNORED = [] if INTERPRETED or torch.cuda.is_available() else ["test_*.py"]


@pytest.fixture
def device():
    return torch.device("cpu" if INTERPRETED else "cuda")


@pytest.fixture(autouse=True)
def _quiet():
    """Let the interpreter, which computes with NumPy, meet inf - inf without a word."""
    with np.errstate(all="ignore"):
        yield
