"""Newton's method with bounds, on functions whose minima are known."""

import numpy as np
import pytest

from xent.evaluation.recalibration.newton import Derivatives, minimise

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
