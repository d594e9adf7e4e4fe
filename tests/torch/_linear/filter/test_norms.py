"""Bounds of norms against the norms in float64: never on the wrong side, and not far off."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.torch._linear.filter import norms
from xent.torch._linear.filter.leading import Rest

DTYPES = [torch.float32, torch.float64]


def matrices():
    """Matrices whose norms are hard: tall, flat, of one direction, huge, vanishing, 0."""
    draw = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    yield "tall", normal(300, 7)
    yield "flat", normal(9, 1500)
    yield "one direction", normal(50, 1) @ normal(1, 20)
    yield "equal", torch.full((64, 33), 0.1, dtype=torch.float64)
    yield "of one sign", normal(2100, 40).abs()
    yield "huge", normal(40, 30) * 1e7
    yield "squares that vanish", normal(40, 30) * 1e-25
    yield "nothing", torch.zeros(5, 4, dtype=torch.float64)
    yield "one number", torch.full((1, 1), 3.0, dtype=torch.float64)


CASES = dict(matrices())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_norms_are_on_the_safe_side(name, dtype):
    matrix = CASES[name].to(dtype)
    exact = matrix.double()
    # of squares that vanished nothing is known but how small they were
    lost = math.sqrt(matrix.numel() * torch.finfo(dtype).tiny)
    close = 1 + 2e-4 + 1e-9
    columns, whole = exact.norm(dim=0), float(exact.norm())
    found = norms.columns_above(matrix)
    assert (found >= columns).all()
    assert (found <= columns * close + 2 * lost).all()
    below = norms.norm_below(matrix)
    assert below <= whole
    assert below >= whole / close - 2 * lost


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_a_bound_of_the_largest_singular_value(name, dtype):
    matrix = CASES[name].to(dtype)
    largest = float(torch.linalg.matrix_norm(matrix.double(), 2))
    found = norms.spectral_above(matrix)
    size = min(matrix.shape)
    # a sixteenth power was taken, whose trace counts all directions; parts add up
    most = size ** (1 / 32) * math.sqrt(-(-matrix.shape[1] // 1024)) * 1.1
    assert largest * (1 - 1e-12) <= found
    assert found <= largest * most + 10 * size * torch.finfo(dtype).tiny ** 0.25


@pytest.mark.parametrize("dtype", [*DTYPES, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_a_rest_is_bounded_and_adds_up(name, dtype):
    matrix = CASES[name].to(dtype)
    rest = Rest(matrix)
    exact = matrix.double() - rest.rows.double() @ rest.directions.double()
    parts = torch.cat(list(rest.parts()))
    some = torch.arange(0, len(matrix), 2)
    # the order of sums may differ with the shape of a product
    ulp = 4 * torch.finfo(rest.wide).eps * matrix.double().norm()
    torch.testing.assert_close(rest.at(some), parts[some], rtol=0, atol=float(ulp))
    for each in (exact, parts.double()):
        assert (norms.rows_above(rest) >= each.norm(dim=1)).all()
        largest = float(torch.linalg.matrix_norm(each, 2))
        for width in (3, 512, 1024):
            assert norms.spectral_above_rest(rest, width) >= largest * (1 - 1e-12)


def test_a_rest_lacks_the_directions_that_carry_most():
    draw = torch.Generator().manual_seed(1)
    small = torch.randn(500, 30, generator=draw)
    matrix = small + 5 + 20 * torch.randn(500, 1, generator=draw) * small[:1]
    rest = Rest(matrix)
    largest = float(torch.linalg.matrix_norm(small, 2))
    assert float(torch.linalg.matrix_norm(matrix, 2)) > 50 * largest
    assert norms.spectral_above_rest(rest) < 1.5 * largest
    assert 0.5 * largest < rest.guess < 1.5 * largest


@settings(deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**30), st.floats(-20, 8),
    st.sampled_from(DTYPES),
)  # fmt: skip
def test_bounds_of_any_matrix(rows, columns, seed, power, dtype):
    draw = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, columns, generator=draw, dtype=torch.float64)
    matrix *= 10 ** (power * torch.rand(columns, generator=draw, dtype=torch.float64))
    matrix = matrix.to(dtype)
    exact = matrix.double()
    assert (norms.columns_above(matrix) >= exact.norm(dim=0)).all()
    assert norms.norm_below(matrix) <= float(exact.norm())
    largest = float(torch.linalg.matrix_norm(exact, 2)) * (1 - 1e-12)
    assert norms.spectral_above(matrix) >= largest
    rest = Rest(matrix)
    left = exact - rest.rows.double() @ rest.directions.double()
    assert norms.spectral_above_rest(rest) >= float(torch.linalg.matrix_norm(left, 2)) * (1 - 1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_has_no_finite_bound(bad):
    matrix = torch.ones(6, 5)
    matrix[2, 3] = bad
    assert not norms.columns_above(matrix).isfinite().all()
    for found in (norms.norm_below(matrix), norms.spectral_above(matrix)):
        assert not math.isfinite(found)
    rest = Rest(matrix)
    assert not norms.rows_above(rest).isfinite().all()
    assert not math.isfinite(norms.spectral_above_rest(rest))
