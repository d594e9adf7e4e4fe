"""Lines of Python that readers copy give what is written behind them."""

import numpy as np
import pytest

import xent
from xent.learn.numbers import shown
from xent.learn.pictures.adversarial import losses
from xent.learn.pictures.pitfalls import (
    baselines,
    class_weights,
    code,
    double_softmax,
    float32_cliff,
    mean_of_means,
    smoothing_floor,
)
from xent.learn.pictures.squared_error import slopes


def results(lines):
    """Run lines as a reader would, and return what was said of them and what they gave."""
    names = {"np": np, "xent": xent}
    told, given = [], []
    with xent.checks("off"):
        for line in lines.split("\n"):
            statement, _, comment = line.partition("  # ")
            if comment:
                told.append(comment)
                given.append(shown(float(np.asarray(eval(statement, names)).item())))
            else:
                exec(line, names)
    return told, given


@pytest.mark.parametrize(
    "lines",
    [
        *(code.of_twice(double_softmax.compute(k, [s])) for k in (2, 10) for s in (6.0, 0.0, -2.5)),
        *(
            code.of_cliff(float32_cliff.compute([z], y))
            for z in (-3.5, 16.0, 16.5, 20.0)
            for y in (0, 1)
        ),
        code.of_means(mean_of_means.compute((900, 2.0), (100, 6.0))),
        code.of_weights(class_weights.compute(5, 10.0, 0.9, 0.3)),
        code.of_weights(class_weights.compute(7, 2.5, 0.99, 0.05)),
        code.of_smoothing(smoothing_floor.compute(0.1, 10, [0.0])),
        code.of_smoothing(smoothing_floor.compute(0.0, 2, [0.0])),
        code.of_baselines(baselines.judge(0.69, [900, 100])),
        code.of_baselines(baselines.judge(0.69, [1234567, 10**14])),
        *(slopes.code_of(slopes.compute([z], y), y) for z in (-8.0, 0.7) for y in (0, 1)),
        *(losses.code_of(losses.generator([z])) for z in (-5.0, 0.0, 3.3)),
    ],
)
def test_lines_to_copy_give_what_they_say(lines):
    told, given = results(lines)
    assert told
    assert told == given


def test_no_line_is_longer_than_a_screen():
    assert code.of_baselines(baselines.judge(0.5, [1] * 13)) == ""
    assert code.of_baselines(baselines.judge(0.5, [5, 0])) == ""  # there is no skill to show
    lines = code.of_weights(class_weights.compute(50, 98.5, 0.95, 0.35)).split("\n")
    assert max(map(len, lines)) < 90
