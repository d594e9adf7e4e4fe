"""The rows that two summaries keep together are the first of all that both keep."""

from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.summary.kept import Surprise, most_surprising

losses = st.sampled_from([0.0, 0.5, 1.0, 2.0]) | st.floats(0, 10)
surprises = st.builds(
    Surprise, losses, st.integers(0, 9) | st.none(), st.integers(-1, 2), st.just(0)
)


def in_order(rows):
    return sorted(rows, key=lambda s: s.order)


@given(st.lists(surprises, max_size=9), st.lists(surprises, max_size=9), st.integers(1, 5))
def test_the_first_of_two_lists_are_the_first_of_all_their_rows(a, b, count):
    # a list is full, or holds all there were
    kept = [in_order(rows)[:count] for rows in (a, b)]
    assert list(most_surprising(*kept, count)) == in_order(a + b)[:count]
