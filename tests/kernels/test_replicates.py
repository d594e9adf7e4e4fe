"""Replicates of the Poisson bootstrap: draws that are Poisson(1), and sums without rounding."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xent._native as _native
from xent.evaluation.exact import ONE
from xent.kernels.cpu.replicates import ReplicateSums
from xent.kernels.cpu.row_keys import content_keys, integer_keys, text_keys

REPLICATES = 37  # neither a block nor a multiple of one


def draws_of(key, replicates=REPLICATES, seed=0):
    sums = ReplicateSums(replicates, 0, seed=seed)
    sums.add([key], [])
    return sums.totals()[0]


@given(
    st.lists(
        st.tuples(st.integers(0, 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        max_size=30,
    )
)
def test_a_sum_is_what_the_draws_add_up_to(rows):
    sums = ReplicateSums(REPLICATES, 1)
    sums.add([k for k, _ in rows], [[v for _, v in rows]])
    drawn, (sum_of,) = sums.totals()
    draws = [draws_of(k) for k, _ in rows]
    for r in range(REPLICATES):
        assert drawn[r] == sum(d[r] for d in draws)
        expected = sum(d[r] * Fraction(v) for d, (_, v) in zip(draws, rows, strict=True))
        assert Fraction(sum_of[r], ONE) == expected


def test_no_order_split_or_thread_is_seen():
    rng = np.random.default_rng(1)
    key = rng.integers(0, 2**63, 20_000).astype(np.uint64)
    values = [rng.exponential(size=20_000), rng.normal(size=20_000)]
    whole = ReplicateSums(REPLICATES, 2)
    whole.add(key, values)
    parts = ReplicateSums(REPLICATES, 2)
    before = _native.num_threads()
    _native.set_num_threads(1)
    for part in np.array_split(rng.permutation(20_000), 7):
        parts.add(key[part], [v[part] for v in values])
    _native.set_num_threads(before)
    assert whole.totals() == parts.totals()


def test_the_first_replicates_do_not_depend_on_how_many_there_are():
    assert draws_of(99, 200)[:REPLICATES] == draws_of(99)
    assert draws_of(99, 200) != draws_of(99, 200, seed=1)


def test_draws_are_poisson():
    # neighbouring keys are the hardest for a hash; 4,000,000 draws, chi-square at 1e-4
    sums = ReplicateSums(200, 1)
    counts = np.zeros(8)
    for key in range(20_000):
        one = draws_of(key, 200)
        counts += np.bincount(np.minimum(one, 7), minlength=8)
    expected = np.array([math.exp(-1) / math.factorial(k) for k in range(7)])
    expected = 4e6 * np.append(expected, 1 - expected.sum())
    assert ((counts - expected) ** 2 / expected).sum() < 29.9  # 7 degrees of freedom
    assert sums.totals()[0] == [0] * 200


def test_draws_of_neighbours_are_uncorrelated():
    draws = np.array([draws_of(key, 200) for key in range(2000)], dtype=float) - 1
    assert abs(draws.mean()) < 4 / math.sqrt(draws.size)
    for rows, columns in (((1, 0), (0, 0)), ((0, 0), (1, 0)), ((0, 0), (8, 0)), ((1, 0), (1, 0))):
        a = draws[rows[0] : 2000 - rows[1], columns[0] : 200 - columns[1]]
        b = draws[rows[1] : 2000 - rows[0], columns[1] : 200 - columns[0]]
        assert abs((a * b).mean()) < 4 / math.sqrt(a.size)


def test_what_does_not_fit():
    sums = ReplicateSums(5, 1)
    with pytest.raises(ValueError, match="length"):
        sums.add([1, 2], [[1.0]])
    with pytest.raises(ValueError, match="not finite"):
        sums.add([1], [[math.inf]])
    assert sums.totals() == ([0] * 5, [[0] * 5])


def test_keys_of_content():
    rng = np.random.default_rng(2)
    matrix = rng.random((1000, 3), dtype=np.float32)
    target = rng.integers(0, 3, 1000)
    keys = content_keys([matrix, target])
    assert len(np.unique(keys)) == 1000
    # columns or a matrix, float32 or the doubles that they are
    columns = [matrix[:, j].astype(np.float64) for j in range(3)]
    assert (keys == content_keys([*columns, target])).all()
    assert (keys != content_keys([matrix, target + 1])).all()
    assert (keys != content_keys([matrix[:, ::-1], target])).all()
    assert content_keys([np.array([0.0])]) == content_keys([np.array([-0.0])])


def test_keys_of_names():
    names = ["", "a", "b", "aaaaaaaa", "aaaaaaaaa", "Zürich", "1", "01"]
    assert len(set(text_keys(names).tolist())) == len(names)
    numbers = [0, 1, -1, 2**63 - 1, -(2**63)]
    assert (integer_keys(numbers) == text_keys([str(n) for n in numbers])).all()
    # a promise: states written on one machine are merged on another
    assert text_keys(["abc", ""]).tolist() == [16447343058199740789, 16294208416658607535]
