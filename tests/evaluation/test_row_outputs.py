"""What LogLoss writes for each row beside its sums."""

import numpy as np
import pytest

import xent.kernels
from xent.kernels.cpu.log_loss import IGNORED, MISSING, LogLoss

ROWS = 20_011  # several chunks, and a tile that is not full


def outputs(prediction, columns, classes, **arrays):
    rows = len(columns[0])
    nll, predicted = np.full(rows, -7.0), np.full(rows, -7, dtype=np.int32)
    kernel = LogLoss(prediction, classes, tolerance=1e-4, clip=arrays.pop("clip", 0.0))
    kernel.add(columns, row_nll=nll, row_predicted=predicted, **arrays)
    return kernel.sums(), nll, predicted


def probabilities(classes, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), size=ROWS)
    return p, rng.integers(classes, size=ROWS)


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_of_class_probabilities(threads):
    p, target = probabilities(5)
    xent.kernels.set_num_threads(threads)
    try:
        sums, nll, predicted = outputs("class_probs", [p], 5, target=target)
    finally:
        xent.kernels.set_num_threads(None)
    np.testing.assert_allclose(nll, -np.log(p[np.arange(ROWS), target]), rtol=1e-15)
    np.testing.assert_array_equal(predicted, p.argmax(axis=1))
    assert (predicted == target).sum() == sums["correct"]


def test_rows_of_logits():
    p, target = probabilities(4, seed=1)
    _, nll, predicted = outputs("class_logits", [np.log(p) + 3], 4, target=target)
    np.testing.assert_allclose(nll, -np.log(p[np.arange(ROWS), target]), rtol=1e-13)
    np.testing.assert_array_equal(predicted, p.argmax(axis=1))


def test_rows_of_one_column():
    p, target = probabilities(2, seed=2)
    column = np.ascontiguousarray(p[:, 1])
    _, nll, predicted = outputs("binary_prob", [column], 2, target=target)
    np.testing.assert_allclose(nll, -np.where(target, np.log(column), np.log1p(-column)), 1e-14)
    np.testing.assert_array_equal(predicted, column > 0.5)


def test_rows_that_are_not_scored_or_impossible():
    p = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, np.nan], [0.5, 0.5], [0.5, 0.5]])
    target = np.array([1, 1, 0, IGNORED, MISSING])
    _, nll, predicted = outputs("class_probs", [p], 2, target=target)
    np.testing.assert_array_equal(nll, [-np.log(0.75), np.inf, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(predicted, [1, 0, -1, -1, -1])
    _, nll, _ = outputs("class_probs", [p], 2, target=target, clip=0.125)
    np.testing.assert_array_equal(nll[1], np.log(8))


def test_rows_of_labels_and_log_probs_predict_no_class():
    p, _ = probabilities(3, seed=3)
    labels = [(p[:, j] > 0.4).astype(np.uint8) for j in range(3)]
    _, nll, predicted = outputs("label_probs", [p], 3, labels=labels)
    truth = np.stack(labels, axis=1)
    np.testing.assert_allclose(nll, -np.log(np.where(truth, p, 1 - p)).sum(axis=1), rtol=1e-13)
    assert (predicted == -1).all()
    _, nll, predicted = outputs("log_probs", [-nll], 0)
    np.testing.assert_allclose(nll, -np.log(np.where(truth, p, 1 - p)).sum(axis=1), rtol=1e-13)
    assert (predicted == -1).all()


def test_outputs_must_have_the_length_of_the_batch():
    kernel = LogLoss("log_probs", 0, tolerance=0.0)
    with pytest.raises(ValueError, match="output"):
        kernel.add([np.zeros(3)], row_nll=np.zeros(2))
