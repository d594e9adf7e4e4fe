"""The planner: what fits a budget, what a plan says it takes, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import XentTypeError, XentValueError
from xent.torch._linear.plan import Need, bytes_of, plan_blocks

sizes = st.integers(1, 3000)


def need_of(rows, features, classes, **options):
    return Need(rows=rows, features=features, classes=classes, dtype=torch.float32, **options)


@settings(deadline=None)
@given(sizes, sizes, sizes, st.integers(1 << 10, 1 << 26), st.booleans(), st.booleans())
def test_blocks_cover_all_rows_and_keep_to_the_budget(
    rows, features, classes, memory, late, narrow
):
    need = Need(
        rows=rows, features=features, classes=classes, late=late,
        dtype=torch.bfloat16 if narrow else torch.float32,
    )  # fmt: skip
    try:
        plan = plan_blocks(need, memory)
    except XentValueError:
        return  # what it says is tested below
    assert plan.bytes <= memory
    covered = plan.rows if plan.kind == "rows" else plan.columns
    whole = rows if plan.kind == "rows" else classes
    assert (plan.blocks - 1) * covered < whole <= plan.blocks * covered


@settings(deadline=None)
@given(sizes, sizes, sizes)
def test_the_least_memory_that_an_error_names_is_enough(rows, features, classes):
    need = need_of(rows, features, classes)
    with pytest.raises(XentValueError, match="memory must be at least") as refused:
        plan_blocks(need, 1)
    least, unit = str(refused.value).split("at least ")[1].split()[:2]
    # the text has a digit after the point
    plan_blocks(need, bytes_of(f"{float(least) + (0.1 if unit != 'B' else 0):.1f}{unit}"))


def test_products():
    def products(**options):
        return plan_blocks(need_of(512, 64, 1000, **options)).products

    assert products() == 3
    assert products(late=True) == 4
    assert products(hidden=False) == products(weight=False) == 2
    assert products(hidden=False, weight=False) == 1
    assert products(hidden=False, weight=False, late=True) == 1


def test_a_small_budget_takes_columns_and_a_fourth_product():
    need = need_of(2048, 512, 128256)
    assert plan_blocks(need).kind == "rows"
    tight = plan_blocks(need, 4 << 20)
    assert (tight.kind, tight.products) == ("columns", 4)
    # one row of logits is half a MiB; all rows of a class are 8 KiB
    assert plan_blocks(need, 4 << 20, columns=False).rows <= 8


def test_more_logits_than_32_bits_count():
    plan = plan_blocks(need_of(16384, 4096, 262144))
    assert plan.rows * plan.columns * 4 <= 56 << 20
    assert plan.rows * plan.blocks >= 16384


def test_the_default_for_two_known_shapes():
    for rows, features, classes in ((1024, 768, 32000), (2048, 512, 128256)):
        plan = plan_blocks(need_of(rows, features, classes))
        assert plan.kind == "rows"
        assert plan.bytes <= 64 << 20


@pytest.mark.parametrize(
    ("text", "count"),
    [("256MiB", 256 << 20), ("1.5 GB", 1_500_000_000), ("800", 800), (7, 7), (None, None)],
)
def test_memory_as_people_write_it(text, count):
    assert bytes_of(text) == count


@pytest.mark.parametrize("text", ["256 mib", "a lot", "-3MB", "0", 0, -1])
def test_memory_that_is_none(text):
    with pytest.raises(XentValueError, match="memory must be"):
        bytes_of(text)


@pytest.mark.parametrize("value", [1.5, True, torch.tensor(3)])
def test_memory_of_another_type(value):
    with pytest.raises(XentTypeError, match="memory must be bytes or a text"):
        bytes_of(value)


def test_a_plan_in_words():
    text = str(plan_blocks(need_of(1024, 768, 32000)))
    assert "3 matrix products" in text
    assert "MiB beside operands and gradients" in text
