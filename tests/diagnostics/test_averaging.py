import math

import numpy as np
import pytest

from xent.diagnostics.averaging import nearly_empty, nothing_to_average, weights_cancel
from xent.diagnostics.policy import checks
from xent.diagnostics.warn import listening
from xent.errors import XentValueError


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"rows": 0}, "the batch has 0 rows, so"),
        (
            {"rows": 1512, "ignored": 1512, "ignore_index": -100},
            "all 1,512 targets equal ignore_index=-100, so there is nothing to average.",
        ),
        (
            {"rows": 9, "ignored": 7, "ignore_index": 0, "zero_weight": 2},
            "7 of 9 targets equal ignore_index=0 and the others have weight 0, so",
        ),
        ({"rows": 9, "zero_weight": 9}, "the weights of all 9 rows sum to 0, so"),
    ],
)
def test_nothing_to_average_says_why(facts, message):
    with pytest.raises(XentValueError) as caught:
        nothing_to_average(**facts)
    assert f"D02: {message}" in str(caught.value)
    assert (caught.value.code, caught.value.value) == ("D02", facts["rows"])


def test_or_returns_what_was_asked_for():
    assert math.isnan(nothing_to_average(rows=3, on_empty="nan"))
    assert nothing_to_average(rows=3, on_empty="zero") == 0.0
    with pytest.raises(XentValueError, match=r"on_empty must be one of .*, got 'skip'"):
        nothing_to_average(rows=3, on_empty="skip")


def calls_with(shares):
    with checks("full"), listening() as heard:
        for kept in shares:
            nearly_empty(kept=kept, rows=1000, loss="softmax_cross_entropy")
    return heard


def test_nearly_empty_needs_twenty_calls_in_a_row():
    assert not calls_with([9] * 19 + [10] + [9] * 19)


def test_nearly_empty_is_noted():
    ((kind, said),) = calls_with([9] * 20)
    assert (kind, said.code, said.value) == ("note", "D03", 0.009)
    assert "in each of the last 20 calls (now 9 of 1,000)" in str(said)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ([3], "the only row of this batch has class 3"),
        ([3, 3, -100], "all 2 rows of this batch have class 3"),
        ([3, 2], None),
        ([-100], None),
    ],
)
def test_weights_that_cancel_are_noted(target, found):
    with checks("full"), listening() as heard:
        weights_cancel(np.array(target), ignore_index=-100)
    assert [(kind, said.code) for kind, said in heard] == ([("note", "D20")] if found else [])
    if found:
        assert found in str(heard[0][1])
    with listening() as heard:
        weights_cancel(np.array(target))
    assert not heard
