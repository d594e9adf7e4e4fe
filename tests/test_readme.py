"""What README.md and README.zh.md show is what comes out: blocks, tables, pictures, links."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from pages import BLOCKS, ROOT, run_page

from xent.learn.palette import COLOURS

NAMES = ["README.md", "README.zh.md"]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
SCIPY = (ROOT / "docs" / "migrate" / "scipy.md").read_text(encoding="utf-8")
LANGUAGE = {"README.md": "en", "README.zh.md": "zh"}


def made(table):
    return subprocess.run(
        [sys.executable, "tools/readme.py", table],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip


def between(text, mark):
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", text, re.S)
    assert found, mark
    return found[1]


def test_its_blocks(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run_page("../README.md", tmp_path, least=14)


def test_both_languages_show_the_same_blocks_numbers_and_sections():
    english, chinese = (TEXTS[name] for name in NAMES)
    assert BLOCKS.findall(english) == BLOCKS.findall(chinese)
    for pattern in (
        r"^ {4}(make \w+|pip .*)",
        r"^(##) ",
        r"^(- )",
        r"!\[[^]]*\]\(([^)]*)\.(?:en|zh)\.png\)",
    ):
        assert re.findall(pattern, english, re.M) == re.findall(pattern, chinese, re.M), pattern
        assert re.findall(pattern, english, re.M)
    tables = [
        re.findall(r"[\d.,]+ (?:ms|µs|x)\b", between(text, "speed")) for text in (english, chinese)
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_its_table_is_what_the_program_makes_of_the_measurements(name):
    table = {"README.md": "speed", "README.zh.md": "speed.zh"}[name]
    shown = between(TEXTS[name], "speed")
    assert shown == made(table)
    assert re.search(r"threads|线程", shown)
    assert re.search(r"\d{4}-\d\d-\d\d", shown)


def test_the_table_of_divergences():
    # what the peer loses depends on the processor's logarithm; what is exact does not
    assert without_peer(between(SCIPY, "kl")) == without_peer(made("kl"))


def without_peer(table):
    rows = [line.split("|") for line in table.splitlines()]
    assert all(len(row) == 6 for row in rows)
    return [row[:3] + row[4:] for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_links_and_pictures_lead_somewhere(name):
    links = re.findall(r"\]\(([^)#:]+)\)", TEXTS[name])
    assert len(links) > 15
    for link in links:
        assert (ROOT / link).is_file(), link
    pictures = [link for link in links if link.endswith(".png")]
    assert len(pictures) == 2
    for picture in pictures:
        assert f".{LANGUAGE[name]}." in picture
        content = (ROOT / picture).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 150_000


@pytest.mark.parametrize("name", NAMES)
def test_its_picture_of_learning_has_the_colours_of_the_pages(name):
    image = pytest.importorskip("PIL.Image")
    picture = image.open(ROOT / "docs" / "pictures" / f"learn.{LANGUAGE[name]}.png")
    pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    for meaning in ("p", "q", "gap"):
        light, _ = COLOURS[meaning]
        colour = [int(light[i : i + 2], 16) for i in (1, 3, 5)]
        # a picture has 256 colours, each near one of the page's
        there = np.abs(pixels - colour).max(axis=1) <= 8
        assert there.sum() > 500, meaning


@pytest.mark.parametrize("name", NAMES)
def test_extras_and_targets_that_it_names_exist(name):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"'\.\[(\w+)\]'", TEXTS[name]):
        assert re.search(rf"^{extra} = \[", project, re.M), extra
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", TEXTS[name]):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_it_is_plain():
    """Two screens and a half: what is longer belongs to docs/."""
    assert len(TEXTS["README.md"].splitlines()) < 160
