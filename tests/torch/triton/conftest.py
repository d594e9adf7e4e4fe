"""As tests/kernels/triton/conftest.py: the interpreter is chosen before triton is imported."""

import os

import pytest
import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
collect_ignore_glob = [] if INTERPRETED or torch.cuda.is_available() else ["test_*.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        # the interpreter computes with NumPy, which warns of inf - inf
        item.add_marker(pytest.mark.filterwarnings("ignore::RuntimeWarning"))


@pytest.fixture
def device():
    return torch.device("cpu" if INTERPRETED else "cuda")
