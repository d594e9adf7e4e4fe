"""What a table shows where there is nothing to know, against a peer, and of any size."""

import math

import numpy as np
import pytest
from sklearn.metrics.cluster import expected_mutual_information

import xent.evaluation.groups.chance as chance
from xent.evaluation.groups.chance import expected_information


def peer(rows, columns):
    # only the totals of a table count: one that has them
    table, a, b = np.zeros((len(rows), len(columns)), np.int64), list(rows), list(columns)
    i = j = 0
    while i < len(a) and j < len(b):
        table[i, j] = step = min(a[i], b[j])
        a[i] -= step
        b[j] -= step
        i, j = i + (a[i] == 0), j + (j < len(b) and b[j] == 0)
    return expected_mutual_information(table, sum(rows))


def totals(rng, size, rows):
    cuts = np.sort(rng.choice(np.arange(1, rows), size - 1, replace=False))
    return np.diff([0, *cuts, rows]).tolist()


@pytest.mark.parametrize(("rows", "columns", "n"), [(2, 2, 10), (4, 3, 600), (300, 90, 700)])
@pytest.mark.parametrize("seed", range(3))
def test_exact_sums_are_a_peers(rows, columns, n, seed):
    rng = np.random.default_rng(seed)
    a, b = totals(rng, rows, n), totals(rng, columns, n)
    assert expected_information(a, b) == pytest.approx(peer(a, b), rel=1e-9)


@pytest.mark.parametrize(("rows", "columns", "n"), [(4, 3, 600), (300, 90, 700), (40, 30, 9000)])
def test_large_tables_are_near_it(monkeypatch, rows, columns, n):
    monkeypatch.setattr(chance, "MOST_TERMS", 0)
    rng = np.random.default_rng(0)
    a, b = totals(rng, rows, n), totals(rng, columns, n)
    assert expected_information(a, b) == pytest.approx(peer(a, b), rel=0.05)


def test_many_rows_are_what_chi_squared_says():
    found = expected_information([2_500_000] * 4, [2_000_000] * 5)
    assert found == pytest.approx(3 * 4 / 2e7, rel=1e-3)


def test_it_is_never_more_than_there_is_to_know():
    # each row a value of its own: shuffled or not, it tells everything
    assert expected_information([1] * 50, [30, 20]) == pytest.approx(
        -0.6 * math.log(0.6) - 0.4 * math.log(0.4), rel=1e-9
    )
    assert expected_information([0.5] * 50, [15, 10]) <= -0.6 * math.log(0.6) - 0.4 * math.log(0.4)
    assert expected_information([50], [30, 20]) == pytest.approx(0, abs=1e-12)
    assert expected_information([], []) == 0
