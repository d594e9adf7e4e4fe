import pytest
import torch
from interpreted import IGNORED, _quiet, device  # noqa: F401

collect_ignore_glob = IGNORED


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
