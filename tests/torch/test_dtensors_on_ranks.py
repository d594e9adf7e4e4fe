"""Losses of DTensors, whose rows or classes several processes share."""

from pathlib import Path

import pytest
import torch.distributed as dist
from ranks import said_by

RANK = Path(__file__).with_name("dtensors_on_ranks.py")


@pytest.mark.skipif(not dist.is_available(), reason="this torch has no torch.distributed")
def test_a_loss_of_shared_tensors_is_that_of_the_whole(tmp_path):
    for said in said_by(RANK, 2, tmp_path):
        assert len(said) == 30
        # six rows, each a few roundings of float64
        assert {name: far for name, far in said.items() if not max(far) < 1e-14} == {}
