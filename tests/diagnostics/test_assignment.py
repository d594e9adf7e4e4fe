import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from xent.diagnostics.assignment import cheapest_assignment


@pytest.mark.parametrize("n", range(1, 7))
def test_it_is_the_cheapest_of_all_permutations(rng, n):
    for _ in range(20):
        cost = rng.normal(size=(n, n))
        rows = np.arange(n)
        least = min(cost[rows, list(p)].sum() for p in itertools.permutations(range(n)))
        column = cheapest_assignment(cost)
        assert sorted(column) == list(range(n))
        assert cost[rows, column].sum() == pytest.approx(least, abs=1e-12)


@pytest.mark.parametrize("n", [20, 61, 200])
@pytest.mark.parametrize("kind", ["normal", "ties", "large"])
def test_it_costs_what_scipy_finds(rng, n, kind):
    cost = rng.normal(size=(n, n))
    cost = {"normal": cost, "ties": np.round(cost), "large": np.exp(20 * cost)}[kind]
    column = cheapest_assignment(cost)
    assert sorted(column) == list(range(n))
    expected = cost[linear_sum_assignment(cost)].sum()
    assert cost[np.arange(n), column].sum() == pytest.approx(expected, rel=1e-12, abs=1e-10)
