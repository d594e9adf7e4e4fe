"""Every text is there in both languages, with the same formulas and placeholders."""

import importlib
import re

import pytest

from xent.learn.catalog import CHAPTERS, LANGUAGES, written
from xent.learn.texts.common import COMMON

SLUGS = [chapter.slug for chapter in written()]


def formulas(text):
    """The formulas of a text, as a set: the languages may order them differently."""
    found = re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", text, flags=re.S)
    return {re.sub(r"\s+|\\text\{[^}]*\}", "", a or b) for a, b in found}


def texts_of(slug):
    return importlib.import_module(f"xent.learn.texts.{slug}").TEXTS


@pytest.mark.parametrize("slug", [*SLUGS, "common"])
def test_both_languages_say_the_same(slug):
    texts = COMMON if slug == "common" else texts_of(slug)
    for key, both in texts.items():
        assert set(both) == set(LANGUAGES), key
        en, zh = both["en"], both["zh"]
        assert en.strip(), key
        assert zh.strip(), key
        assert formulas(en) == formulas(zh), key
        assert set(re.findall(r"\[\[\w+\]\]", en)) == set(re.findall(r"\[\[\w+\]\]", zh)), key
        assert en.count("$") % 2 == 0, key
        assert not re.search(r"[一-鿿]", en) or key == "language", key


@pytest.mark.parametrize("slug", SLUGS)
def test_no_key_hides_one_that_all_chapters_share(slug):
    assert set(texts_of(slug)) & set(COMMON) == set()


@pytest.mark.parametrize("slug", SLUGS)
def test_every_chapter_has_a_picture_file(slug):
    importlib.import_module(f"xent.learn.pictures.{slug}")


def test_the_catalog_is_in_both_languages():
    for chapter in CHAPTERS:
        assert set(chapter.title) == set(chapter.lead) == set(LANGUAGES)
