"""E-values: what they are, how often they are wrong, and models that are ruined."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.evaluation import compare
from xent.evaluation.comparison.evidence import EvidenceSums

INF = math.inf


def evidence(a, b, parts=1, level=0.95):
    sums = EvidenceSums(level)
    for x, y in zip(np.array_split(a, parts), np.array_split(b, parts), strict=True):
        sums.add(x, y)
    return sums.results("a", "b")


def test_evidence_is_the_running_product_of_ratios():
    rng = np.random.default_rng(3)
    p, q = rng.random(200), rng.random(200)
    against_a, against_b = evidence(-np.log(p), -np.log(q), parts=7)
    running = np.cumsum(np.log(q / p))
    # 200 additions of numbers of at most 10
    assert_allclose(against_a.log_e, running[-1], rtol=0, atol=200 * 10 * 2.0**-52)
    assert_allclose(against_a.log_e_max, max(running.max(), 0), rtol=1e-12)
    assert against_a.row_of_max == int(running.argmax())
    assert against_b.log_e == -against_a.log_e
    assert_allclose(against_b.log_e_max, (-running).max(), rtol=1e-12)
    for found, path in ((against_a, running), (against_b, -running)):
        over = np.flatnonzero(path >= math.log(20))
        assert found.crossed_at == (over[0] if over.size else -1)
        assert found.p_value == pytest.approx(math.exp(-found.log_e_max))


def test_batches_are_not_seen():
    rng = np.random.default_rng(4)
    a, b = rng.exponential(size=(2, 1000))
    assert evidence(a, b) == evidence(a, b, parts=13) == evidence(a, b, parts=1000)


def test_a_true_model_is_accused_no_more_often_than_alpha():
    rng = np.random.default_rng(6)
    runs, rows, alpha = 4000, 300, 0.05
    accused = 0
    for _ in range(runs):
        p = rng.uniform(0.05, 0.95, rows)  # the true law, looked at after every row
        q = np.clip(p + rng.choice([-0.1, 0.1], rows), 0.01, 0.99)
        y = rng.random(rows) < p
        a, b = -np.log(np.where(y, p, 1 - p)), -np.log(np.where(y, q, 1 - q))
        accused += evidence(a, b)[0].crossed_at >= 0
    # Ville's bound, and three standard errors of the simulation
    assert accused / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)
    assert accused > 0  # the bound is of use: it is nearly met


def test_a_wrong_model_is_found_out():
    rng = np.random.default_rng(7)
    y = rng.random(2000) < 0.3
    a, b = np.where(y, -np.log(0.5), -np.log(0.5)), -np.log(np.where(y, 0.3, 0.7))
    against_a, against_b = evidence(a, b)
    assert 0 < against_a.crossed_at < 200
    assert against_b.crossed_at == -1


def test_who_excludes_what_happens_is_ruined_for_good():
    a, b = np.array([0.1, INF, 0.1, 0.1]), np.array([0.2, 0.3, INF, 9.0])
    for parts in (1, 2, 4):
        against_a, against_b = evidence(a, b, parts)
        assert against_a.log_e == against_a.log_e_max == INF
        assert against_a.row_of_max == against_a.crossed_at == 1
        assert against_b.log_e == -INF
        assert against_b.log_e_max == pytest.approx(0.1)
        assert against_b.p_value == pytest.approx(math.exp(-0.1))


def test_what_is_impossible_for_both_is_no_evidence():
    a, b = np.array([1.0, INF, 2.0]), np.array([0.5, INF, 1.0])
    assert evidence(a, b)[0].log_e == 1.5


def test_no_rows_are_no_evidence():
    against_a, _ = evidence(np.array([]), np.array([]))
    assert (against_a.log_e, against_a.log_e_max, against_a.row_of_max) == (0, 0, -1)


@pytest.mark.parametrize("rows", [1, 511, 512, 513, 5000])
def test_the_path_is_thinned_to_even_steps_in_any_split(rows):
    rng = np.random.default_rng(rows)
    a, b = rng.exponential(size=(2, rows))
    found, other = evidence(a, b)
    assert len(found.path) <= 513
    assert found.path[0] == (0, 0.0)
    assert found.path[-1] == (rows, found.log_e)
    steps = np.diff([n for n, _ in found.path[:-1]])
    assert len(set(steps)) <= 1
    running = np.concatenate([[0], np.cumsum(a - b)])
    assert_allclose([v for _, v in found.path], running[[n for n, _ in found.path]], atol=1e-10)
    assert [(n, -v) for n, v in other.path] == list(found.path)
    # what is drawn does not depend on how the rows came
    for parts in (2, 7, min(rows, 100)):
        assert evidence(a, b, parts)[0].path == found.path


def test_rows_of_evidence_are_those_that_are_compared():
    target, p, q = [2, 0, 2, 1, 0], np.eye(2)[[0, 0, 0, 0, 0]] * 0.2 + 0.4, np.full((5, 2), 0.5)
    c = compare((target, p), (target, q), ignore=2)
    # rows 1, 3 and 4 of the source are compared; after the second of them B is ahead
    assert c.evidence[0].row_of_max == 1
    assert "row after row, numbered without those left out" in str(c)
    assert "numbered" not in str(compare((target[3:], p[3:]), (target[3:], q[3:])))
