"""The check of links sees what is wrong, and lets pass what is right."""

import pytest

RIGHT = """<html><head><link rel="stylesheet" href="style.css"></head><body>
<h1 id="top">a</h1><a href="#top">a</a><a href="sub/b.html#here">b</a><a href="https://x.org/y">c</a>
<img src="data:image/png;base64,AA"><a href="mailto:a@b.c">d</a></body></html>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.html").write_text('<p id="here"><a href="../a.html">back</a>')
    (tmp_path / "style.css").write_text("p { color: red; background: url(data:,) }")
    (tmp_path / "a.html").write_text(RIGHT)
    return tmp_path


def test_nothing_is_wrong_with_what_is_right(site, tool):
    assert tool("links").faults(site) == []


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ('<a href="c.html">', "c.html: no such file"),
        ('<a href="sub/b.html#there">', "sub/b.html#there: no such anchor"),
        ('<a href="#bottom">', "#bottom: no such anchor"),
        ('<a href="sub/">', "sub/: a folder; files opened from a disk have no index"),
        ('<a href="file:///a">', "file:///a: a scheme that is no place in a folder"),
        ('<img src="c.png">', "c.png: no such file"),
        ('<script src="https://cdn.org/x.js"></script>', "loads https://cdn.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.org/x.css">', "loads //fonts.org/x.css"),
        ("<style>@import 'https://fonts.org/x.css';</style>", "loads https://fonts.org/x.css"),
        ('<p style="background: url(https://x.org/p.png)">', "loads https://x.org/p.png"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(site, tool, markup, fault):
    (site / "a.html").write_text(RIGHT + markup)
    assert tool("links").faults(site) == [f"a.html: {fault}"]


def test_a_style_sheet_that_fetches_is_told(site, tool):
    (site / "style.css").write_text("@font-face { src: url('https://fonts.org/f.woff2') }")
    assert tool("links").faults(site) == ["style.css: loads https://fonts.org/f.woff2"]
