"""The article: run, the same in both languages, with pictures that the program draws."""

import importlib.util
import re

import pytest
from pages import BLOCKS, DOCS, ROOT, run_page, text_of

PAGES = ["article.md", "zh/article.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page(page, tmp_path):
    pytest.importorskip("torch")
    run_page(page, tmp_path, least=60)


def test_both_languages_run_the_same_code_and_show_the_same_numbers():
    english, chinese = (BLOCKS.findall(text_of(page)) for page in PAGES)
    assert english == chinese
    assert len(english) > 20
    # and the same formulas, pictures and sections, in one order
    formulas = [re.findall(r"^\$\$(.+)\$\$$", text_of(page), re.M) for page in PAGES]
    assert formulas[0] == formulas[1]
    assert len(formulas[0]) >= 10
    for pattern in (r"pictures/(\w+)\.(?:zh\.)?svg", r"^## (\d)", r"(https://[^)]+)"):
        of_each = [re.findall(pattern, text_of(page), re.M) for page in PAGES]
        assert of_each[0] == of_each[1]
        assert of_each[0]


def test_numbers_in_the_text_are_numbers_that_were_printed():
    """Of more than two digits: those are results and no assumptions."""
    for page in PAGES:
        text = text_of(page)
        printed = " ".join(block for _, block in BLOCKS.findall(text))
        prose = re.sub(r"\(http[^)]+\)", "", BLOCKS.sub("", text))
        # what the article adds up itself is checked in tests/information/test_article.py
        prose = prose.replace("0.804", "").replace("1.61", "").replace("0.36", "")
        numbers = set(re.findall(r"\d\.\d{3,}", prose))
        assert numbers
        for number in numbers:
            assert number in printed, f"{page}: {number}"


def test_code_has_no_words_that_would_need_translation():
    for _, block in BLOCKS.findall(text_of(PAGES[0])):
        assert "#" not in block


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    here = (DOCS / page).parent
    for link in re.findall(r"\]\(([^)#:]+)\)", text_of(page)):
        assert (here / link).resolve().is_file(), link


def test_its_pictures_are_those_that_the_program_draws():
    matplotlib = pytest.importorskip("matplotlib")
    path = ROOT / "tools" / "article_pictures.py"
    spec = importlib.util.spec_from_file_location("article_pictures", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for name in tool.PICTURES:
        for page, file in zip(PAGES, (f"{name}.svg", f"{name}.zh.svg"), strict=True):
            shown = (DOCS / "pictures" / file).read_text(encoding="utf-8")
            assert f"pictures/{file})" in text_of(page)
            assert len(shown) < 60_000
            if f"Matplotlib v{matplotlib.__version__}," in shown:
                # another version draws the same a little differently
                again = tool.drawn(name, chinese=file.endswith(".zh.svg"))
                assert shown == again, f"{file}: run tools/article_pictures.py"
