"""What docs/start shows is what comes out, and each page ends in three steps that exist."""

import re
import shutil

import pytest
from pages import BLOCKS, DOCS, ROOT, run_page, text_of

PAGES = {"train": ["torch", "sklearn"], "judge": ["duckdb", "rich"], "learn": ["rich"]}


@pytest.mark.parametrize("page", PAGES)
def test_the_page(page, tmp_path, monkeypatch):
    for needed in PAGES[page]:
        pytest.importorskip(needed)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run_page(f"start/{page}.md", tmp_path, least=7)


@pytest.mark.parametrize("page", PAGES)
def test_it_is_short_and_has_three_next_steps_that_exist(page):
    text = text_of(f"start/{page}.md")
    # five minutes: about 200 words a minute, blocks left out
    assert len(re.sub(r"```.*?```", "", text, flags=re.S).split()) < 600
    steps = text.split("## Next\n")[1]
    assert [line[:2] for line in steps.strip().splitlines()] == ["1.", "2.", "3."]
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) >= 3
    for link in links:
        assert (DOCS / "start" / link).resolve().is_file(), link


def test_the_chinese_page_has_the_blocks_of_all_three_and_the_numbers_of_their_texts():
    # which have run there
    english = [text_of(f"start/{page}.md") for page in PAGES]
    chinese = text_of("zh/start.md")
    assert BLOCKS.findall(chinese) == [block for text in english for block in BLOCKS.findall(text)]
    told = [
        re.findall(r"\d\.\d{4}|\d\d\.\d %", BLOCKS.sub("", text))
        for text in (chinese, "".join(english))
    ]
    assert told[0] == told[1]
    assert told[0]
    for link in re.findall(r"\]\(([^)#]+)\)", chinese):
        assert (DOCS / "zh" / link).resolve().is_file(), link


def test_the_numbers_in_the_text_of_judging_are_those_that_it_shows():
    text = text_of("start/judge.md")
    shown, told = text.split("## Read it from the top")
    for number in ("0.0738", "0.0518", "0.1350", "88.8 %", "0.0171", "0.0160", "297"):
        assert number in told
        assert number in shown or number[:-1] in shown
    assert "37.3 %" in shown
    assert "37 % and 63 %" in told


def test_the_pages_to_play_with_are_as_many_as_it_says():
    from xent.learn.catalog import CHAPTERS

    assert len(CHAPTERS) == 9
    assert "opens nine chapters" in text_of("start/learn.md")
