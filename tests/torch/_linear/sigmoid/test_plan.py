"""Blocks of labels: what fits a budget, and what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xent.errors import XentValueError
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.sigmoid.plan import LabelNeed, plan_labels

sizes = st.integers(1, 3000)


def need_of(rows, features, labels, dtype=torch.float32, **options):
    return LabelNeed(rows=rows, features=features, labels=labels, dtype=dtype, **options)


@given(
    sizes, sizes, st.integers(1, 10**6), st.integers(1 << 10, 1 << 28), st.booleans(),
    st.booleans(), st.integers(1, 9),
)  # fmt: skip
def test_blocks_cover_everything_and_keep_to_the_budget(
    rows, features, labels, memory, narrow, skips, buffers
):
    dtype = torch.bfloat16 if narrow else torch.float32
    need = need_of(rows, features, labels, dtype, skips=skips, buffers=buffers)
    try:
        plan = plan_labels(need, memory)
    except XentValueError:
        return  # what it says is tested below
    assert plan.bytes <= memory
    assert 1 <= plan.columns <= labels
    assert 1 <= plan.rows <= rows
    assert plan.blocks == -(-labels // plan.columns) * -(-rows // plan.rows)


@given(sizes, sizes, st.integers(1, 10**6))
def test_the_least_memory_that_an_error_names_is_enough(rows, features, labels):
    need = need_of(rows, features, labels, torch.bfloat16)
    with pytest.raises(XentValueError, match="memory must be at least") as refused:
        plan_labels(need, 1)
    least, unit = str(refused.value).split("at least ")[1].split()[:2]
    # the text has a digit after the point
    plan_labels(need, bytes_of(f"{float(least) + (0.1 if unit != 'B' else 0):.1f}{unit}"))


@pytest.mark.parametrize(
    ("rows", "features", "labels"), [(256, 64, 500_000), (8192, 1024, 131_072), (1, 16, 10**6)]
)
def test_by_default_all_rows_are_there_at_once(rows, features, labels):
    plan = plan_labels(need_of(rows, features, labels))
    assert plan.rows == rows  # so each part of the weight's gradient is written once
    assert plan.bytes <= 33 << 20


def test_products():
    def products(**options):
        return plan_labels(need_of(512, 64, 10_000, **options)).products

    assert products() == 3
    assert products(late=True) == 4
    assert products(hidden=False) == products(weight=False) == 2
    assert products(hidden=False, weight=False, late=True) == 1


def test_labels_that_may_weigh_nothing_cost_a_copy_of_a_part_of_the_weight():
    plain, skips = (plan_labels(need_of(512, 64, 10_000, skips=each)) for each in (False, True))
    assert skips.bytes - plain.bytes == 4 * 64 * plain.columns


def test_no_rows_are_a_plan_too():
    assert plan_labels(need_of(0, 4, 10)).rows == 1


def test_a_plan_in_words():
    text = str(plan_labels(need_of(256, 64, 500_000)))
    assert text.startswith("123 blocks of 256 x 4,096 logits, 3 matrix products, 4.0 MiB beside")
