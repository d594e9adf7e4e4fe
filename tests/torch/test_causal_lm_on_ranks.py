"""A transformer that is replicated or sharded learns from uneven parts what one process would."""

from pathlib import Path

import numpy as np
import pytest
from ranks import said_by

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    program = Path(__file__).with_name("causal_lm_on_ranks.py")
    return said_by(program, 2, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("how", ["replicated", "sharded"])
def test_uneven_parts_are_the_whole_batch(ranks, how):
    for rank in ranks:
        found, whole = rank[how], rank["whole"]
        assert found["loss"] == pytest.approx(whole["loss"], rel=1e-13)
        assert found["gradients"].keys() == whole["gradients"].keys()
        for name, expected in whole["gradients"].items():
            np.testing.assert_allclose(found["gradients"][name], expected, rtol=0, atol=1e-14)


def test_a_head_in_parts_is_refused_outside_of_its_forward(ranks):
    for rank in ranks:
        assert "must be whole on this rank, got a DTensor. Shard" in rank["refused"]
