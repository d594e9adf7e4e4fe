"""Newton's method with bounds, on functions whose minima are known."""

import numpy as np
import pytest

from xent.evaluation.recalibration.newton import Derivatives, minimise
from xent.evaluation.recalibration.objective import Objective

HESSIAN = np.array([[2.0, 1.0], [1.0, 3.0]])


def quadratic(centre, hessian=HESSIAN):
    """(x - centre)' H (x - centre) / 2 + 1"""
    calls = []

    def derivatives(x):
        calls.append(x)
        d = x - centre
        return Derivatives(1 + d @ hessian @ d / 2, hessian @ d, hessian, np.ones(len(x)))

    derivatives.calls = calls
    return derivatives


def test_a_quadratic_takes_one_step():
    f = quadratic(np.array([3.0, -2.0]))
    found = minimise(f, np.zeros(2))
    assert found.converged
    assert found.point == pytest.approx([3, -2], rel=1e-12)
    assert len(f.calls) <= 3


def test_a_bound_that_holds_moves_the_other_component():
    # along x_1 = 0 the minimum of the quadratic is at 3 + H_01 * (-2) / H_00 = 2
    found = minimise(quadratic(np.array([3.0, -2.0])), np.ones(2), np.array([False, True]))
    assert found.converged
    assert found.point == pytest.approx([2, 0], abs=1e-12)


def test_a_bound_that_does_not_hold_is_left_again():
    found = minimise(quadratic(np.array([3.0, 2.0])), np.zeros(2), np.array([True, True]))
    assert found.converged
    assert found.point == pytest.approx([3, 2], rel=1e-12)


def test_a_cut_step_that_would_lead_up_is_shortened():
    hessian = np.array([[1.0, 0.99], [0.99, 1.0]])
    found = minimise(quadratic(np.array([-5.0, 9.0]), hessian), np.array([0.5, 0.5]),
                     np.array([True, True]))  # fmt: skip
    # with x_0 at 0: x_1 = 9 + 0.99 * (-5)
    assert found.point == pytest.approx([0, 4.05], abs=1e-12)


def test_a_step_too_long_is_halved():
    def logcosh(x):
        t = np.tanh(x)
        value = np.logaddexp(x, -x)[0] - np.log(2)
        return Derivatives(value, t, np.diag(1 - t**2), np.ones(1))

    found = minimise(logcosh, np.array([2.0]))  # plain Newton diverges from 1.09 on
    assert found.converged
    assert found.point == pytest.approx([0.0], abs=1e-12)


def test_a_function_without_a_minimum_does_not_converge():
    def falling(x):
        e = np.exp(-x)
        return Derivatives(float(e[0]), -e, np.diag(e), np.ones(1))

    found = minimise(falling, np.zeros(1), max_steps=10)
    assert not found.converged
    assert found.steps == 10


@pytest.mark.parametrize("scale, biases", [("none", True), ("common", True), ("common", False)])
@pytest.mark.parametrize("impossible", [False, True])
def test_few_classes_have_the_derivatives_of_many(scale, biases, impossible):
    rng = np.random.default_rng(7)
    z, y = rng.standard_normal((3000, 10)), rng.integers(10, size=3000)
    if impossible:
        z[(rng.random(z.shape) < 0.2) & (np.arange(10) != y[:, None])] = -np.inf
    objective = Objective(z, y, rng.random(3000), scale=scale, biases=biases)
    point = rng.random(objective.size)
    few, many = objective._of_few(point), objective._of_many(point)
    # both add 30,000 terms below 10 plainly
    for a, b in zip(few, many, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)
