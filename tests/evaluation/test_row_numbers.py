"""How many rows were scored, left out, impossible or clipped, in one place each."""

import numpy as np
import pytest

from xent.evaluation import evaluate

NAMES = ("num_rows", "num_ignored", "num_missing", "num_impossible", "num_clipped")
TARGET = [0, 1, 1, 9, 1, 0]
PROBS = [0.5, np.nan, 0.0, 0.5, 0.25, 1.0]


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
@pytest.mark.parametrize(
    ("zero", "counts"), [("inf", (4, 1, 1, 2, 0)), ("clip:1e-6", (4, 1, 1, 0, 2))]
)
def test_counts_are_properties_and_numbers(zero, counts):
    result = evaluate((TARGET, PROBS), classes=[0, 1], ignore=9, nan="exclude", zero=zero)
    assert tuple(getattr(result, name) for name in NAMES) == counts
    assert tuple(result.to_dict()[name] for name in NAMES) == counts
    both = result + result
    assert tuple(getattr(both, name) for name in NAMES) == tuple(2 * n for n in counts)


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
def test_a_row_with_several_clipped_labels_counts_once():
    labels, probs = [[1, 1], [0, 1]], [[0.0, 0.0], [0.5, 0.5]]
    assert evaluate(labels=labels, probs=probs, task="multi", zero="clip:1e-9").num_clipped == 1
