import pytest

from xent.diagnostics.shapes import check_axis, check_same_shape, check_vector
from xent.errors import XentValueError


@pytest.mark.parametrize(
    ("logits", "target", "axis"),
    [
        ((2, 3), (2,), -1),
        ((3,), (), -1),  # one sample
        ((2, 3, 4), (2, 3), -1),
        ((2, 3, 4), (2, 4), 1),
        ((2, 3, 4), (2, 4), -2),
        ((4, 4), (4,), -1),  # square: the default is trusted
        ((2, 4, 4), (2, 4), -1),
        ((2, 3), (2, 3), -1),  # a distribution
        ((0, 3), (0,), -1),
    ],
)
def test_shapes_that_fit(logits, target, axis):
    check_axis(logits, target, axis, axis_given=False)


@pytest.mark.parametrize(
    ("logits", "target", "axis", "given", "message"),
    [
        ((2, 3, 4), (2, 4), -1, False, r"With axis=1 the shapes fit: pass axis=1\.$"),
        ((2, 3, 4), (2, 3), 1, True, r"With axis=-1 .*did you mean axis=-1\?$"),
        ((4, 4, 3), (4, 3), -1, False, r"axis=0 and axis=1 both fit: pass the one"),
        ((5, 10), (5, 1), -1, False, r"Drop the axis of size 1: target\[:, 0\]\.$"),
        ((5, 10), (1, 5), -1, False, r"Drop the axis of size 1: target\[0, :\]\.$"),
        ((5, 10), (5, 7), -1, False, r"has 7 entries along axis=-1 and the logits have 10"),
        ((5, 10), (6,), -1, False, r"need target of shape \(5,\), got \(6,\)\. Pass one class"),
        ((5, 10), (5,), 2, True, r"axis must be in \[-2, 2\) for logits of shape \(5, 10\), got 2"),
        ((), (), -1, False, r"logits must have a class axis, got a single number"),
    ],
)
def test_an_axis_that_does_not_fit(logits, target, axis, given, message):
    with pytest.raises(XentValueError, match=message) as caught:
        check_axis(logits, target, axis, axis_given=given)
    assert caught.value.code == "D14"


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((64, 1), (64,), r"a 64 x 64 loss would result\. Use logits\[:, 0\] or target\[:, None\]"),
        ((64,), (64, 1), r"a 64 x 64 loss would result\. Use target\[:, 0\] or logits\[:, None\]"),
        ((1, 3), (3,), r"a 1 x 3 loss would result\. Use logits\[0, :\] or target\[None, :\]"),
        ((5, 3), (3,), r"a 5 x 3 loss would result\. If that is meant.*broadcast_to\(target, "),
        ((5, 3), (3, 5), r"one looks transposed: use target\.T"),
        ((5, 3), (4, 3), r"logits \(5, 3\) and target \(4, 3\).*one target for each prediction"),
        ((5,), (), r"a 5 loss would result"),
    ],
)
def test_pairs_never_broadcast(a, b, message):
    check_same_shape("logits", a, "target", a)
    with pytest.raises(XentValueError, match=message) as caught:
        check_same_shape("logits", a, "target", b)
    assert (caught.value.code, caught.value.value) == ("D15", b)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((9,), r"weight must have shape \(10,\), one for each class, got \(9,\)\.$"),
        ((), r"Repeat it: np\.full\(\(10,\), weight\)"),
        ((10, 1), r"weight\.reshape\(\(10,\)\)"),
    ],
)
def test_vectors_of_weights(shape, message):
    check_vector("weight", (10,), (10,), "one for each class")
    with pytest.raises(XentValueError, match=message) as caught:
        check_vector("weight", shape, (10,), "one for each class")
    assert caught.value.code == "D15"
