"""A walk at random through each chapter: the numbers agree wherever it leads."""

import random

import pytest
from learn.walks import INSIDE, Walk

from xent.learn.catalog import written

STEPS = 12


@pytest.mark.parametrize("slug", [c.slug for c in written()])
def test_numbers_agree_on_a_walk(chapter, slug):
    walk = Walk(chapter(slug), slug, random.Random(slug)).arrive()
    for _ in range(STEPS):
        walk.step(INSIDE)
