"""The Triton kernels, by the interpreter on a CPU tensor or compiled on a GPU.

The interpreter must be chosen before triton is imported, and other tests may have imported it
without: so these tests are collected only where TRITON_INTERPRET=1 is set or there is a GPU,
and tests/kernels/test_triton.py runs them in processes of their own.
"""

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


@pytest.fixture(autouse=True)
def _poison(monkeypatch):
    """Fill new memory with NaN, so that an output that a kernel forgot is seen."""

    def poisoned(empty):
        def make(*args, **options):
            out = empty(*args, **options)
            return out.fill_(float("nan")) if out.is_floating_point() else out

        return make

    monkeypatch.setattr(torch, "empty", poisoned(torch.empty))
    monkeypatch.setattr(torch, "empty_like", poisoned(torch.empty_like))
