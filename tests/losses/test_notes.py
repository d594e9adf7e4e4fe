"""Rules that only speak at "full", or of samples, come through the public functions."""

import numpy as np
import pytest

import xent
from xent.errors import MisuseWarning


def test_logits_of_half_precision_are_noted(rng):
    logits = rng.normal(size=(4, 3)).astype(np.float16)
    with xent.checks("full"), pytest.warns(MisuseWarning, match="D18: the logits are float16"):
        xent.softmax_cross_entropy(logits, np.zeros(4, int))


def test_batches_that_are_nearly_empty_are_noted(rng):
    logits, target = rng.normal(size=(1000, 3)), np.full(1000, -100)
    target[7] = 1
    with xent.checks("full"):
        for _ in range(19):
            xent.softmax_cross_entropy(logits, target, ignore_index=-100)
        with pytest.warns(MisuseWarning, match="D03: under 1 % .* 1 of 1,000"):
            xent.softmax_cross_entropy(logits, target, ignore_index=-100)


@pytest.mark.parametrize("measure", [xent.cross_entropy, xent.kl_divergence])
def test_a_model_that_is_one_hot_against_a_soft_truth_looks_swapped(rng, measure):
    soft = xent.softmax(rng.normal(size=(20, 3)))
    one_hot = np.eye(3)[rng.integers(3, size=20)]
    with pytest.warns(MisuseWarning) as caught:
        assert np.isinf(measure(soft, one_hot)).all()
    assert {warning.message.code for warning in caught} == {"D09", "D27"}
