"""The learning half of the article: every number and claim of it."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import xent

CAT, FROG, MOUSE = 0, 1, 2

# one picture of a frog
SINGLE_TARGET = np.array([0, 1, 0])
SINGLE_PROBS = np.array([0.3, 0.6, 0.1])

# one picture of a frog and a mouse
MULTI_TARGET = np.array([0, 1, 1])
MULTI_PROBS = np.array([0.1, 0.7, 0.8])

# each number below is one logarithm, and at most two additions
NEARLY = 4 * np.finfo(float).eps


def logits_of(probs):
    return np.log(probs / (1 - probs))


# Mean squared error, which it starts from -------------------------------------


def test_half_the_mean_squared_error_divides_by_2m():
    y, prediction = np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.5, 2.0, 2.0, 2.0])
    loss = xent.half_squared_error(prediction, y)
    assert loss == ((y - prediction) ** 2).sum() / (2 * 4)


# One class a picture ----------------------------------------------------------


@pytest.mark.parametrize("target", [FROG, SINGLE_TARGET, SINGLE_TARGET.astype(float)])
def test_the_picture_of_a_frog_costs_minus_log_of_its_probability(target):
    loss = xent.categorical_cross_entropy(SINGLE_PROBS, target)
    assert_allclose(loss, -math.log(0.6), rtol=NEARLY)
    assert round(loss, 2) == 0.51


@pytest.mark.parametrize("target", [FROG, SINGLE_TARGET, SINGLE_TARGET.astype(float)])
def test_the_same_from_logits_whose_softmax_these_probabilities_are(target):
    loss = xent.softmax_cross_entropy(np.log(SINGLE_PROBS), target)
    assert_allclose(loss, -math.log(0.6), rtol=NEARLY)


def test_only_the_true_class_counts():
    others_swapped = SINGLE_PROBS[[2, 1, 0]]
    assert xent.categorical_cross_entropy(others_swapped, FROG) == (
        xent.categorical_cross_entropy(SINGLE_PROBS, FROG)
    )


def test_a_batch_of_single_pictures_is_divided_by_m():
    probs = np.array([[0.3, 0.6, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    target = np.array([FROG, CAT, MOUSE])
    by_hand = -(math.log(0.6) + math.log(0.5) + math.log(0.8)) / 3
    assert_allclose(xent.categorical_cross_entropy(probs, target), by_hand, rtol=NEARLY)
    assert_allclose(xent.softmax_cross_entropy(np.log(probs), target), by_hand, rtol=NEARLY)


# Several classes a picture ----------------------------------------------------


def test_each_node_of_the_frog_and_mouse_picture_is_scored_by_itself():
    by_hand = [-math.log(0.9), -math.log(0.7), -math.log(0.8)]
    from_probs = xent.binary_cross_entropy(MULTI_PROBS, MULTI_TARGET, reduction="none")
    assert_allclose(from_probs, by_hand, rtol=NEARLY)
    from_logits = xent.sigmoid_cross_entropy(logits_of(MULTI_PROBS), MULTI_TARGET, reduction="none")
    # the logits are rounded: log(p / (1-p)) to 1 ulp of 2.2 at most
    assert_allclose(from_logits, by_hand, rtol=2 * NEARLY)


@pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
def test_the_picture_is_the_sum_of_its_nodes(reduction):
    by_hand = -math.log(0.9) - math.log(0.7) - math.log(0.8)
    options = {"axis": -1, "reduction": reduction}
    loss = xent.binary_cross_entropy(MULTI_PROBS, MULTI_TARGET, **options)
    assert_allclose(loss, by_hand, rtol=NEARLY)
    loss = xent.sigmoid_cross_entropy(logits_of(MULTI_PROBS), MULTI_TARGET, **options)
    assert_allclose(loss, by_hand, rtol=NEARLY)
    assert round(float(loss), 4) == 0.6852


def test_a_batch_of_such_pictures_is_the_sum_over_nodes_and_pictures():
    probs = np.array([MULTI_PROBS, [0.9, 0.5, 0.4]])
    target = np.array([MULTI_TARGET, [1, 0, 0]])
    hits = np.where(target == 1, probs, 1 - probs)
    by_hand = -sum(math.log(p) for p in hits.ravel())
    for loss, scores in [
        (xent.binary_cross_entropy, probs),
        (xent.sigmoid_cross_entropy, logits_of(probs)),
    ]:
        assert_allclose(loss(scores, target, reduction="sum"), by_hand, rtol=NEARLY)
        # "mean" with samples divides by the pictures, without by the nodes
        assert_allclose(loss(scores, target, axis=-1), by_hand / 2, rtol=NEARLY)
        assert_allclose(loss(scores, target), by_hand / 6, rtol=NEARLY)


def test_the_nodes_of_a_sigmoid_do_not_sum_to_one_and_do_not_need_to():
    assert MULTI_PROBS.sum() != 1
    with pytest.raises(ValueError, match="D07"):
        xent.categorical_cross_entropy(MULTI_PROBS, FROG)


def test_n_hot_targets_are_no_single_class():
    with pytest.raises(ValueError, match=r"D17.*sigmoid_cross_entropy"):
        xent.softmax_cross_entropy(MULTI_PROBS, MULTI_TARGET)


def test_two_classes_of_a_softmax_are_one_node_of_a_sigmoid():
    z = np.array([0.0, 1.5, -3.0])
    pairs = np.stack([np.zeros(3), z], axis=-1)
    for label in (0, 1):
        target = np.full(3, label)
        assert_allclose(
            xent.softmax_cross_entropy(pairs, target, reduction="none"),
            xent.sigmoid_cross_entropy(z, target, reduction="none"),
            rtol=NEARLY,
        )
