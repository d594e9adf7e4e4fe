"""What bad predictions get: the argument, the requirement, what came, where, how many, the fix."""

import numpy as np
import pytest

from xent.errors import MisuseWarning, SourceError, XentTypeError, XentValueError
from xent.evaluation import evaluate

HALF = np.full((4, 2), 0.5)
THIRDS = np.full((4, 3), 1 / 3)


def refused(message, *args, code=None, index=None, error=XentValueError, **options):
    with pytest.raises(error, match=message) as caught:
        evaluate(*args, **options)
    assert caught.value.code == code
    if index is not None:
        assert caught.value.index == index


# targets


@pytest.mark.parametrize(
    ("target", "message", "index"),
    [
        (
            [1, 2, 3, 1],
            r"must be in \[0, 3\), got 3 in row 2 \(1 such row.*1-based, from 1 to 3",
            2,
        ),
        ([0, -1, 2, -1], r"got -1 in row 1 \(2 such rows.*ignore=-1", 1),
        ([0, 255, 2, 1], r"got 255 in row 1 .*ignore=255", 1),
        ([0, 1, 2, 7], r"got 7 in row 3 .*name the classes", 3),
    ],
)
def test_a_target_out_of_range(target, message, index):
    refused(message, (target, THIRDS), code="D01", index=index)


def test_targets_that_count_from_zero_where_classes_count_from_one():
    refused(
        "got 0 in row 0.*0-based, from 0 to 2", ([0, 1, 2, 0], THIRDS), classes="1..3", code="D01"
    )


def test_one_based_targets_are_scored_with_their_names():
    result = evaluate(([1, 2, 3, 1], THIRDS), classes="1..3")
    assert [row.count for row in result.classes] == [2, 1, 1]


def test_a_label_that_is_no_class_names_the_nearest():
    refused(
        "must hold classes, got 'dgo' in row 1 .*the nearest is dog",
        (["cat", "dgo", "cat", "dog"], HALF),
        classes=["cat", "dog"],
        code="D01",
        index=1,
    )


def test_text_labels_of_a_list_need_the_order_of_its_values():
    labels, probs = np.array(["1", "2", "10"]), np.full((3, 3), 1 / 3)
    refused('"10" comes before "2"', (labels, probs), code="D26", index=2)
    named = evaluate((labels, probs), classes=["1", "2", "10"])
    assert [row.name for row in named.classes] == ["1", "2", "10"]


def test_a_target_that_is_a_probability():
    refused("must hold whole numbers, got 0.5 in row 1", ([1.0, 0.5], [0.2, 0.3]), index=1)


def test_text_targets_of_one_probability_need_names():
    refused("must hold classes, got 'no' in row 0", (["no", "yes"], [0.2, 0.3]), code="D01")
    assert evaluate((["no", "yes"], [0.2, 0.3]), classes=["no", "yes"]).classes[1].count == 1
    # the column says which of them it is of, where it does
    for column, classes in (("p_spam", "ham,spam"), ("p_ham", "spam,ham"), ("p", "ham,spam")):
        table = {"y": ["ham", "spam", "ham"], column: [0.2, 0.3, 0.4]}
        fix = f"{column!r} is the probability of as the second: classes='{classes}'$"
        refused(fix, table, code="D01")
        assert [row.name for row in evaluate(table, classes=classes).classes] == classes.split(",")


# predictions


def test_logits_given_as_probabilities():
    logits = np.array([[0.2, 0.8], [2.0, -3.0]])
    message = r"must be in \[0, 1\], got 2 in row 1 of probs\[0\] \(1 such row .*say logits"
    refused(message, ([0, 1], logits), code="D07", index=1)


def test_log_probabilities_given_as_probabilities():
    refused("these are log-probabilities", ([0, 1, 0, 1], np.log(HALF)), code="D10", index=0)


def test_percentages_given_as_probabilities():
    refused("these are percentages", ([0, 1, 0, 1], 100 * HALF), code="D07")


def test_probabilities_given_as_logits():
    message = "logits must be unnormalised, got probabilities: all values of the first 4 rows"
    refused(message, target=[0, 1, 0, 1], logits=HALF, code="D04")


def test_probabilities_of_one_class_given_as_logits():
    p = np.linspace(0.01, 0.99, 300)
    refused("got what looks like probabilities", target=np.arange(300) % 2, logits=p, code="D06")


def test_positive_log_probabilities():
    refused(
        "log-probabilities must be <= 0, got 0.5 in row 1.*say probs",
        log_probs=[-1, 0.5],
        code="D10",
    )


def test_a_positive_infinite_logit():
    logits = np.array([[0.0, 1.0], [np.inf, 0.0]])
    refused(r"below \+inf, got inf in row 1", target=[0, 1], logits=logits, index=1)


def test_rows_that_do_not_sum_to_one():
    p = THIRDS.copy()
    p[2, 0] = 0.3
    refused(r"sum to 1 .* got 0.9667 in row 2 \(1 such row", ([0, 1, 2, 0], p), code="D07", index=2)


def test_rounded_rows_may_be_allowed():
    p = np.full((1, 3), 0.333)
    refused("got 0.999 in row 0.*allow more with sum_tolerance", ([0], p), code="D07")
    assert evaluate(([0], p), sum_tolerance=0.01).num_rows == 1


def test_labels_given_as_classes():
    p = np.full((8, 3), 0.9)
    refused("are task='multi'", (np.zeros(8, int), p), code="D07")


def test_several_labels_in_a_task_of_one_class():
    labels = [[1, 0], [1, 1]]
    refused(
        "must be 1 in each row, got 2 in row 1",
        labels=labels,
        probs=HALF[:2],
        task="class",
        code="D17",
        index=1,
    )


def test_a_label_that_is_neither_0_nor_1():
    refused(
        "must hold 0 and 1, got 2 in row 1",
        labels=[[1, 0], [2, 1]],
        probs=HALF[:2],
        task="multi",
        code="D08",
    )


# missing values, emptiness


def test_missing_values_are_an_error_until_they_are_excluded():
    p = HALF.copy()
    p[[1, 3], 0] = np.nan
    data = ([0, 1, 0, 1], p)
    refused(r"got nan in row 1 of probs\[0\] \(2 such rows.*nan='exclude'", data, index=1)
    result = evaluate(data, nan="exclude")
    assert (result.num_rows, result.summary.num_missing) == (2, 2)
    assert result.summary.missing_rows == (1, 3)
    assert "2 left out, with missing values: rows 1, 3" in str(result)


def test_missing_targets_are_missing_values():
    refused("a missing value in row 1", ([0, np.nan], HALF[:2]), index=1)
    assert evaluate(([0, np.nan], HALF[:2]), nan="exclude").num_rows == 1


def test_ignored_rows_are_counted():
    result = evaluate(([0, -100, 1, -100], HALF), ignore=-100)
    assert (result.num_rows, result.summary.num_ignored) == (2, 2)
    assert "2 ignored" in str(result)


def test_text_may_be_ignored():
    assert evaluate((["a", "?", "b", "a"], HALF), classes="a,b", ignore="?").num_rows == 3


def test_nothing_to_score():
    refused("must have rows, got none", ([], np.zeros((0, 2))), code="D02", error=SourceError)
    refused(r"got 4 ignored \(ignore=7\)", ([7] * 4, HALF), ignore=7, code="D02")
    refused("positive in some row", ([0] * 4, HALF), weight=[0.0] * 4, code="D02")


# weights and options


@pytest.mark.parametrize(("weight", "shown"), [([1, -1, 1, 1], "-1"), ([1, np.inf, 1, 1], "inf")])
def test_weights_out_of_range(weight, shown):
    refused(f"finite and >= 0, got {shown} in row 1", ([0] * 4, HALF), weight=weight, index=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "byte"}, "unit must be one of"),
        ({"zero": "clip:0"}, 'zero must be "inf"'),
        ({"zero": "clip"}, 'zero must be "inf"'),
        ({"task": "binary"}, "task must be one of"),
        ({"nan": "drop"}, "nan must be one of"),
        ({"sum_tolerance": 1.0}, "sum_tolerance must be in"),
        ({"classes": ["a", "a"]}, "classes must be different, got 'a' twice"),
        ({"classes": ["a", "b", "c"]}, "classes must name the 2 columns probs in order, got 3"),
        ({"task": "multi"}, "one column of 0 and 1 for each label"),
        ({"bytes": [1, 2, 3, 4]}, "bytes is for log-probabilities"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(XentValueError, match=message):
        evaluate(([0] * 4, HALF), **options)


def test_arrays_of_other_lengths_and_kinds():
    refused("must have as many rows", ([0, 1], HALF))
    refused("must have 1 or 2 dimensions", ([0, 1], np.zeros((2, 2, 2))))
    refused("rows that differ", ([0, 1], [[0.5], [0.5, 0.5]]))
    refused("source must be a path", 7, error=XentTypeError)
    refused("source must be given")
    refused("predictions must be given once", target=[0], probs=[0.5], logits=[0.5])


def test_a_loss_that_the_clip_decided_is_a_warning():
    p = [[1.0, 0.0], [0.1, 0.9]]
    with pytest.warns(MisuseWarning, match="100% of the loss comes from 1 rows|D31"):
        result = evaluate(([1, 1], p), zero="clip:1e-15")
    assert result.warnings
    assert "warning D31" in str(result)


def test_options_and_arrays_of_wrong_types():
    pair = ([0] * 4, HALF)
    refused("classes must be a list of names, got 3", pair, classes=3, error=XentTypeError)
    refused("sum_tolerance must be a number", pair, sum_tolerance="x", error=XentTypeError)
    masked = np.ma.masked_array(HALF, [[True, False]] * 4)
    refused("probs must not be masked", ([0] * 4, masked), error=XentTypeError)
    assert evaluate(([0] * 4, np.ma.masked_array(HALF, False))).log_loss == np.log(2)
