"""What docs/report.md shows is what comes out; its sections are those of the page."""

import re

import matplotlib.pyplot as plt
from pages import run_page, text_of

from xent.report.page.texts import TEXTS


def test_its_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page("report.md", tmp_path, least=12)
    plt.close("all")
    assert '<html lang="zh-Hans">' in (tmp_path / "page.html").read_text("utf-8")


def test_it_names_every_section():
    named = " ".join(re.findall(r"^\| ([^|]+) \|", text_of("report.md"), re.M)).lower()
    sections = ("attention", "score", "parts", "reliability", "surprise", "temperature", "classes")
    sections += ("slices", "worst", "left_out", "models_compared", "provenance")
    for section in sections:
        assert TEXTS[section][0].lower() in named, section
