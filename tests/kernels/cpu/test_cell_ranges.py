"""Tallies of occupied ranges against whole arrays: whatever is kept, nothing is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.errors import MergeError
from xent.kernels.cpu.cell_ranges import (
    CellRanges,
    add_cells,
    cell_values,
    halves,
    keep_cells,
)

LINES, CELLS = 3, 5
counts = st.one_of(st.just(0), st.integers(1, 200), st.integers(2**32 - 3, 2**40))
lines = st.lists(counts, min_size=LINES * CELLS, max_size=LINES * CELLS)


def tally(values, high=None):
    halves = (
        None if v is None else np.array(v, np.uint64).reshape(-1, CELLS) for v in (values, high)
    )
    return keep_cells(*halves)


def everything(kept):
    """Every cell as a Python integer, in units of 2**-64 where they are weights."""
    cells = [0] * (len(kept.ranges) * CELLS)
    words = [kept.low.tolist()] if kept.power is None else [w.tolist() for w in halves(kept)]
    values = (sum(w << 64 * i for i, w in enumerate(of)) for of in zip(*words, strict=True))
    for line, (begin, end) in enumerate(kept.ranges.tolist()):
        for cell in range(begin, end):
            cells[line * CELLS + cell] = next(values)
    return cells


@given(lines)
def test_ranges_are_as_short_as_can_be_and_keep_every_count(values):
    kept = tally(values)
    assert everything(kept) == values
    assert kept.low.dtype == (np.uint32 if max(values) < 2**32 else np.uint64)
    for line, (begin, end) in enumerate(kept.ranges.tolist()):
        of_line = values[line * CELLS : (line + 1) * CELLS]
        there = [cell for cell, value in enumerate(of_line) if value]
        assert (begin, end) == ((there[0], there[-1] + 1) if there else (0, 0))
    assert cell_values(kept, CELLS).ravel().tolist() == list(map(float, values))


@given(lines, lines)
def test_counts_are_added_and_widened_where_they_must_be(a, b):
    total = [x + y for x, y in zip(a, b, strict=True)]
    found = add_cells(tally(a), tally(b))
    assert everything(found) == total
    whole = tally(total)
    assert found.low.dtype == whole.low.dtype
    assert found.ranges.tolist() == whole.ranges.tolist()


@given(st.lists(st.tuples(counts, st.integers(0, 2**64 - 1)), min_size=10, max_size=10), st.data())
def test_weights_carry_between_their_halves(a, data):
    b = data.draw(st.permutations(a))
    high, low = zip(*a, strict=True)
    high_b, low_b = zip(*b, strict=True)
    found = add_cells(tally(low, high), tally(low_b, high_b))
    ours, theirs = (
        [x + (y << 64) for x, y in zip(*halves, strict=True)]
        for halves in ((low, high), (low_b, high_b))
    )
    assert everything(found) == [x + y for x, y in zip(ours, theirs, strict=True)]
    expected = [float(h) + m * 2.0**-64 for h, m in zip(high, low, strict=True)]
    assert cell_values(tally(low, high), CELLS).ravel().tolist() == expected


# few digits at any place of the 128: what most weights have
weights = st.builds(
    lambda digits, power: [(d << power) % 2**126 for d in digits],
    st.lists(st.integers(0, 2**20) | st.just(0), min_size=CELLS, max_size=CELLS),
    st.integers(0, 104),
)


def of_weights(values):
    return tally([v % 2**64 for v in values], [v >> 64 for v in values])


@given(weights, weights)
def test_weights_of_few_digits_take_one_number_and_lose_nothing(a, b):
    total = [x + y for x, y in zip(a, b, strict=True)]
    ours, theirs = of_weights(a), of_weights(b)
    assert ours.low.dtype == np.uint32
    assert ours.high is None
    found = add_cells(ours, theirs)
    assert everything(found) == everything(add_cells(theirs, ours)) == total
    # rounded as two halves are, whatever they are held in
    expected = [float(v >> 64) + v % 2**64 * 2.0**-64 for v in total]
    assert cell_values(found, CELLS).ravel().tolist() == expected
    assert found.ranges.tolist() == of_weights(total).ranges.tolist()


@given(weights, st.lists(st.integers(0, 2**33), min_size=CELLS, max_size=CELLS))
def test_a_row_that_is_counted_weighs_one(of_weight, of_rows):
    found = add_cells(of_weights(of_weight), tally(of_rows))
    assert found.power is not None
    assert everything(found) == [w + (n << 64) for w, n in zip(of_weight, of_rows, strict=True)]


def test_one_number_holds_weights_until_64_bits_are_too_few():
    most = of_weights([2**63, 0, 1, 0, 0])
    assert (most.low.dtype, most.high, most.power) == (np.uint64, None, -64)
    twice = add_cells(most, most)
    assert twice.high is not None
    assert everything(twice) == [2**64, 0, 2, 0, 0]
    far = add_cells(of_weights([1, 0, 0, 0, 0]), of_weights([2**100, 0, 0, 0, 0]))
    assert everything(far) == [2**100 + 1, 0, 0, 0, 0]


def test_a_cell_of_2_to_the_64_rows_is_refused():
    half = tally([0, 0, 2**63, 0, 0])
    with pytest.raises(MergeError, match=r"fewer than 2\*\*64"):
        add_cells(half, half)


@pytest.mark.parametrize(
    "ranges, low",
    [([[0, 3]], [1, 2]), ([[2, 1]], []), ([[-1, 1]], [1, 2]), ([[0, 1], [0, 1]], [1, 2])],
    ids=["longer", "backwards", "before", "lines"],
)
def test_cells_that_are_not_those_of_the_ranges_are_refused(ranges, low):
    odd = CellRanges(np.array(ranges, np.int32), np.array(low, np.uint32))
    with pytest.raises(ValueError, match="must"):
        add_cells(odd, tally([1, 2, 0, 0, 0]))


def test_a_range_beyond_the_last_cell_is_refused():
    with pytest.raises(ValueError, match="last cell"):
        cell_values(tally([0, 0, 0, 0, 1]), 4)
