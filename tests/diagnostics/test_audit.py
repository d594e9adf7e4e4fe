import warnings

import numpy as np
import pytest

from xent.diagnostics.audit import audit
from xent.diagnostics.policy import active
from xent.errors import XentValueError

CLASSES = 4
SOFTMAX, SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"
CATEGORICAL, BINARY = "categorical_cross_entropy", "binary_cross_entropy"


def softmax(x):
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


@pytest.fixture
def target(rng):
    return rng.integers(CLASSES, size=2000)


@pytest.fixture
def logits(rng, target):
    logits = rng.normal(size=(2000, CLASSES))
    logits[np.arange(2000), target] += 4
    return logits


def codes(page):
    return [(finding.severity, finding.code) for finding in page.findings]


def only(page):
    (finding,) = page.findings
    return finding


# What is right ----------------------------------------------------------------


def test_a_good_model_has_no_findings(logits, target):
    page = audit(logits, target)
    assert (page.loss, page.inferred, page.rows, page.classes) == (SOFTMAX, True, 2000, CLASSES)
    assert page.findings == ()
    assert page.ok
    nll = -np.log(softmax(logits))[np.arange(2000), target]
    assert page.mean == pytest.approx(nll.mean(), rel=1e-12)
    text = str(page)
    assert text.startswith(f"audit of {SOFTMAX} (inferred from the shapes and the row sums)\n2,000")
    assert f"{nll.mean():.4g} nats" in text
    assert text.endswith("nothing found")


@pytest.mark.parametrize(
    "make",
    [
        lambda z, y: (softmax(z), y, -1, CATEGORICAL),
        lambda z, y: (softmax(z), np.eye(CLASSES)[y], -1, CATEGORICAL),
        lambda z, y: (softmax(z).T, y, 0, CATEGORICAL),
        lambda z, y: (z, np.eye(CLASSES, dtype=int)[y], -1, SOFTMAX),
        lambda z, y: (z.reshape(20, 100, -1), y.reshape(20, 100), -1, SOFTMAX),
        lambda z, y: (np.moveaxis(z.reshape(20, 100, -1), -1, 1), y.reshape(20, 100), 1, SOFTMAX),
    ],
)
def test_every_form_of_the_same_gives_the_same(logits, target, make):
    output, truth, axis, loss = make(logits, target)
    page = audit(output, truth, axis=axis)
    assert (page.loss, page.findings) == (loss, ())
    assert page.mean == pytest.approx(audit(logits, target).mean, rel=1e-12)


@pytest.mark.parametrize("as_logits", [True, False])
def test_independent_labels(rng, as_logits):
    labels = rng.integers(2, size=(500, 3))
    scores = (2 * labels - 1) * 2 + rng.normal(size=labels.shape)
    p = 1 / (1 + np.exp(-scores))
    page = audit(scores if as_logits else p, labels)
    assert (page.loss, page.findings) == (SIGMOID if as_logits else BINARY, ())
    loss = -np.where(labels == 1, np.log(p), np.log(1 - p))
    assert page.mean == pytest.approx(loss.mean(), rel=1e-9)
    assert "500 rows, 3 labels" in str(page)


# Errors, which it does not raise ----------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda z, y: (z, y + 1), "D01"),
        (lambda z, y: (z, y[:0]), "D14"),
        (lambda z, y: (z[:0], y[:0]), "D02"),
        (lambda z, y: (z, y.astype(float)), "D16"),
        (lambda z, y: (z, softmax(z) * 2), "D08"),
        (lambda z, y: (np.where(z > 4, np.nan, z), y), "D07"),
        (lambda z, y: ([["a"]], [0]), "D07"),
    ],
)
def test_errors_are_findings(logits, target, change, code):
    page = audit(*change(logits, target), loss=SOFTMAX)
    finding = only(page)
    assert (finding.severity, finding.code) == ("error", code)
    assert page.mean is None
    assert not page.ok
    assert "1 error\n\nerror " + code in str(page)


@pytest.mark.parametrize(
    ("output", "target", "loss", "code"),
    [
        (np.zeros((3, 1)), np.zeros(3), SIGMOID, "D15"),
        (np.zeros(3), np.array([0, 2, 1]), SIGMOID, "D08"),
        (np.array([0.5, 1.5]), np.array([0, 1]), BINARY, "D07"),
        (np.array([[0.5, 0.4]]), np.array([1]), CATEGORICAL, "D07"),
        (np.log([[0.5, 0.5]]), np.array([1]), CATEGORICAL, "D10"),
        (np.array([[5.0, 3.0]]), np.array([1]), CATEGORICAL, "D29"),
        (np.zeros((2, 3)), np.array([[1, 1, 0], [0, 1, 0]]), SOFTMAX, "D17"),
        (np.zeros((2, 3, 4)), np.zeros((2, 4), int), SOFTMAX, "D14"),
    ],
)
def test_more_errors(output, target, loss, code):
    finding = only(audit(output, target, loss=loss))
    assert (finding.severity, finding.code) == ("error", code)


def test_everything_ignored(logits):
    finding = only(audit(logits, np.full(2000, -100), ignore_index=-100))
    assert finding.code == "D02"
    assert "all 2,000 targets equal ignore_index=-100" in finding.message


def test_ignored_rows_do_not_count(logits, target):
    some = np.where(np.arange(2000) % 2, target, -100)
    page = audit(logits, some, ignore_index=-100)
    assert page.findings == ()
    assert page.mean == pytest.approx(audit(logits[1::2], target[1::2]).mean, rel=1e-12)


def test_several_errors_come_first_and_all_of_them(logits, target):
    page = audit(softmax(logits), target + 1, loss=SOFTMAX, weight=np.ones(3))
    assert codes(page) == [("error", "D01"), ("error", "D15")]
    assert [f.index for f in page.findings if f.code == "D01"] == [int(np.argmax(target == 3))]


# Warnings and notes -----------------------------------------------------------


def test_probabilities_given_as_logits(logits, target):
    assert codes(audit(softmax(logits), target, loss=SOFTMAX)) == [("warning", "D04")]


def test_log_probabilities_given_as_logits(logits, target):
    assert codes(audit(np.log(softmax(logits)), target)) == [("note", "D05")]


def test_sigmoids_given_as_logits(rng):
    labels = rng.integers(2, size=(500, 3))
    assert codes(audit(rng.uniform(size=(500, 3)), labels, loss=SIGMOID)) == [("warning", "D06")]


def test_swapped(rng):
    p, q = np.eye(3)[rng.integers(3, size=50)], rng.dirichlet(np.ones(3), size=50)
    page = audit(p, q, loss=CATEGORICAL)
    assert codes(page) == [("warning", "D09"), ("warning", "D27")]
    assert page.mean == np.inf


def test_impossible_rows(logits, target):
    logits[7, target[7]] = logits[9, target[9]] = -np.inf
    finding = only(audit(logits, target))
    assert (finding.code, finding.index, finding.value) == ("D27", 7, 2)
    assert "2 of 2,000 rows give probability 0" in finding.message


def test_half_precision_and_weights_that_cancel(logits):
    page = audit(logits.astype(np.float16), np.zeros(2000, int), weight=np.ones(CLASSES))
    assert {("note", "D18"), ("note", "D20")} <= set(codes(page))


def test_single_labels_under_sigmoids(logits, target):
    page = audit(logits, np.eye(CLASSES)[target], loss=SIGMOID)
    assert ("note", "D17") in codes(page)


def test_a_sorted_order_of_numbers_as_text(logits, target):
    assert codes(audit(logits, target, classes=["1", "10", "2", "3"])) == [("warning", "D26")]
    assert codes(audit(logits, target, classes=["1", "2", "3", "10"])) == []


# D19, D25 ---------------------------------------------------------------------


def test_few_rows_that_make_the_loss(rng, target):
    logits = np.zeros((2000, CLASSES))
    logits[np.arange(2000), target] = 12.0
    wrong = rng.choice(2000, size=20, replace=False)
    logits[wrong] = -logits[wrong]
    finding = only(audit(logits, target))
    assert (finding.severity, finding.code) == ("note", "D19")
    assert finding.index in wrong
    assert finding.value > 0.99
    assert "the 20 rows that cost most (1 %) make 100% of the loss" in finding.message


def test_and_an_even_spread_does_not(logits, target):
    assert audit(logits, target).findings == ()
    assert audit(logits[:999], target[:999]).findings == ()


@pytest.mark.parametrize("names", [None, ["cat", "dog", "eel", "fox"]])
def test_permuted_columns(logits, target, names):
    finding = only(audit(logits[:, [1, 2, 0, 3]], target, classes=names))
    assert (finding.severity, finding.code) == ("warning", "D25")
    name = "'cat'" if names else "0"
    assert f"column 2 fits class {name}, column 0 fits class" in finding.message
    assert "(3 of 4 classes move)" in finding.message
    assert f"would be {audit(logits, target).mean:.4g} instead of" in finding.message
    # and the fix is one
    assert "model_output[:, [2, 0, 1, 3]]" in finding.message
    assert audit(logits[:, [1, 2, 0, 3]][:, [2, 0, 1, 3]], target).findings == ()


@pytest.mark.parametrize("num_classes", [2, 10, 50])
def test_a_poor_model_is_not_called_permuted(rng, num_classes):
    for _ in range(20):
        target = rng.integers(num_classes, size=20 * num_classes)
        logits = rng.normal(size=(len(target), num_classes))
        assert "D25" not in [code for _, code in codes(audit(logits, target))]


def test_too_few_rows_or_too_many_classes_are_left_alone(rng, logits, target):
    permuted = logits[:, [1, 2, 0, 3]]
    assert audit(permuted[:79], target[:79]).findings == ()
    target = np.arange(201).repeat(20)
    logits = np.roll(10 * np.eye(201)[target], 1, axis=1)
    assert audit(logits, target).findings == ()


# Manners ----------------------------------------------------------------------


def test_it_never_warns_and_leaves_the_level_alone(logits, target):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert codes(audit(softmax(logits), target, loss=SOFTMAX)) == [("warning", "D04")]
    assert active() == "fast"


def test_it_leaves_its_arguments_alone(logits, target):
    before = logits.copy(), target.copy()
    audit(logits, target)
    np.testing.assert_array_equal(logits, before[0])
    np.testing.assert_array_equal(target, before[1])


def test_lines_of_the_page_fit_a_terminal(logits, target):
    page = audit(softmax(logits), target + 1, loss=SOFTMAX, weight=np.ones(3))
    assert max(map(len, str(page).splitlines())) <= 100


def test_an_unknown_loss_is_refused():
    with pytest.raises(XentValueError, match=r"loss must be one of .*, got 'hinge'"):
        audit(np.zeros((1, 2)), [0], loss="hinge")


@pytest.mark.parametrize("output", [0.0, [], [[]], [0.5], [[0.5]], [True]], ids=str)
@pytest.mark.parametrize("target", [0, [], [[]], [0], [[0]], ["a"], [None]], ids=str)
@pytest.mark.parametrize("loss", [None, SOFTMAX, SIGMOID, CATEGORICAL, BINARY])
def test_odd_shapes_and_dtypes_never_raise(output, target, loss):
    assert str(audit(output, np.array(target), loss=loss))
