"""The small pictures of the cover: one a chapter, as long and as high as its numbers are."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from xent.learn.catalog import CHAPTERS, LANGUAGES
from xent.learn.cover import cover
from xent.learn.example_files import EXAMPLES
from xent.learn.judge import judge
from xent.learn.pictures.small import DRAWN, small

HEIGHT, WIDTH = 60, 120  # of what is drawn
STEP = 0.005  # a coordinate is rounded to hundredths


def bars(slug, size):
    root = ElementTree.fromstring(small(slug))
    return [float(r.get(size)) for r in root.iter("{http://www.w3.org/2000/svg}rect")]


def test_every_chapter_has_one_that_a_screen_reader_passes_over():
    assert list(DRAWN) == [chapter.slug for chapter in CHAPTERS]
    for slug in DRAWN:
        assert 'aria-hidden="true"' in small(slug)
        assert "nan" not in small(slug)
        assert not re.search("<text|inf", small(slug))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_cover_shows_all_with_their_titles(lang):
    page = cover(lang)
    for chapter in CHAPTERS:
        assert f'href="/{lang}/{chapter.address}/"' in page
        assert chapter.title[lang] in page
        assert small(chapter.slug) in page


def test_columns_are_as_high_as_the_probabilities_of_the_article():
    assert bars("one_label", "height") == pytest.approx([18, 36, 6], abs=STEP)
    assert bars("many_labels", "height") == pytest.approx([6, 42, 48], abs=STEP)
    p_and_q = [0.7, 0.3, 0.2, 0.3, 0.1, 0.4]
    heights = [value / 0.75 * HEIGHT for value in p_and_q]
    assert bars("divergence", "height") == pytest.approx(heights, abs=STEP)


def test_the_last_is_what_the_first_example_is_made_of():
    whole = judge("a.csv", EXAMPLES["one_label.csv"]()).evaluation.decomposition[0]
    terms = [whole.uncertainty, whole.resolution, whole.miscalibration]
    sizes = [term.value for term in terms] + [whole.log_loss]
    lengths = [size / whole.uncertainty.value * WIDTH for size in sizes]
    assert bars("your_numbers", "width") == pytest.approx(lengths, abs=STEP)
