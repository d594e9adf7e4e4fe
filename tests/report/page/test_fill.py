"""The page as text: the same bytes, every value escaped, small, with nothing from elsewhere."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_up_pages import HOSTILE, full_page, hostile_page

from xent.errors import UnavailableError, XentValueError
from xent.evaluation import evaluate
from xent.report.page import html_page, page_of, render, texts
from xent.report.page.model import Page
from xent.report.page.texts import TEXTS

VOID = {"meta", "link", "br", "img", "input"}


class Reader(HTMLParser):
    """What a page is made of: its elements, their attributes, its texts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.texts, self.scripts = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        (self.scripts if where in ("script", "style") else self.texts).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_same_numbers_are_the_same_bytes():
    assert render(full_page()) == render(full_page())
    source = ([1, 0, 1], [0.9, 0.2, 0.6])
    assert html_page(evaluate(source)) == html_page(evaluate(source))
    # a part more or less is another page
    assert html_page(evaluate(source), date="2026-11-23") != html_page(evaluate(source))
    assert "2026-11-23" in html_page(evaluate(source), date="2026-11-23")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("page", [full_page(), hostile_page()], ids=["full", "hostile"])
def test_a_page_is_well_formed_and_small(page, lang):
    text = render(page, lang)
    assert len(text.encode()) < 300_000
    reader = Reader(text)
    assert reader.all("html") == [{"lang": {"en": "en", "zh": "zh-Hans"}[lang]}]
    idents = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(set(idents)) == len(idents)
    for name in ("aria-labelledby", "aria-describedby", "for"):
        for _, attributes in reader.elements:
            assert set(attributes.get(name, "").split()) <= set(idents)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_text_is_escaped_our_own_too(lang):
    # a share below 0.1 %, a p-value below 0.0001
    sure = evaluate(Path(__file__).parents[3] / "examples" / "digits.parquet")
    pages = [render(made, lang) for made in (full_page(), hostile_page(), page_of(sure))]
    assert any("&lt; 0." in text for text in pages)
    for text in pages:
        body = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
        assert re.findall(r"<(?![a-zA-Z/!]).{20}|&(?!#?\w+;).{20}", body) == []


def test_nothing_is_inline_but_what_the_policy_names():
    text = render(hostile_page())
    reader = Reader(text)
    policy = next(a["content"] for a in reader.all("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, part in (("style", "style-src"), ("script", "script-src")):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{part} 'sha256-{digest}'" in policy
    for _, attributes in reader.elements:
        assert not {n for n in attributes if n == "style" or n.startswith("on") or n == "src"}
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in text.replace("url(#stripes)", "")


def test_the_script_is_small():
    script = re.findall(r"<script>(.*?)</script>", render(full_page()), re.DOTALL)[0]
    assert len(script.encode()) < 10_000


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_hostile_names_stay_text(lang):
    text = render(hostile_page(200), lang)
    reader = Reader(text)
    assert [a.get("type") for a in reader.all("script")] == ["application/json", None]
    assert reader.all("img") == []
    shown = "\n".join(reader.texts)
    for name in HOSTILE:
        if name.isprintable() and len(name) < 90 and name != HOSTILE[2]:
            assert name in shown
    assert "\x00" not in text
    assert "\u202e" not in text
    text.encode("utf-8")  # half of a surrogate pair would raise
    assert "x" * 1001 not in shown


def test_the_numbers_are_json_that_no_parser_mistakes():
    text = render(replace(full_page(), numbers={"a": HOSTILE, "b": float("inf")}))
    data = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', text)
    assert len(data) == 1
    assert not set("<>&\u2028\u2029") & set(data[0])
    read = json.loads(data[0])
    assert read["b"] == "Infinity"
    assert read["a"][:4] == list(HOSTILE[:4])


def test_many_classes_are_cut_and_said_to_be():
    text = render(hostile_page(1000))
    assert "of 1,000." in text
    data = json.loads(re.findall(r'id="numbers">(.*?)</script>', text)[0])
    assert len(data["classes"]) < 1000
    assert data["shortened_from"] == {"classes": 1000}


def test_what_there_is_no_data_for_has_no_section():
    reader = Reader(render(Page(name="a", kind="classes", unit="nat", num_rows=0)))
    assert reader.all("section") == []
    everything = Reader(render(full_page()))
    assert len(everything.all("section")) == 12
    assert Reader(render(replace(full_page(), temperature=None))).all("section") == (
        everything.all("section")
    )
    for field in ("surprise", "worst", "comparison", "classes", "score"):
        fewer = Reader(render(replace(full_page(), **{field: None})))
        assert len(fewer.all("section")) == 11, field


def test_every_picture_and_table_has_a_name():
    reader = Reader(render(full_page()))
    pictures = [a for a in reader.all("svg") if a.get("role") == "img"]
    assert len(pictures) == 7
    assert all(a["aria-labelledby"] and a["aria-describedby"] for a in pictures)
    assert all("aria-hidden" in a or "role" in a or "viewbox" in a for a in reader.all("svg"))
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert {a.get("scope") for a in reader.all("th")} == {"col", "row"}
    assert [name for name, _ in reader.elements if name == "h1"] == ["h1"]


def test_both_languages_have_every_text():
    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert chinese, key
        places = [set(re.findall(r"{\w+}", text)) for text in (english, chinese)]
        assert places[0] == places[1], key
        # Chinese has its own punctuation
        assert not re.search("[\u4e00-\u9fff][,:;?!()]|[,:;?!()][\u4e00-\u9fff]", chinese), key


def test_every_text_is_on_some_page():
    folder = Path(texts.__file__).parents[1]
    files = [p for p in folder.rglob("*") if p.suffix in (".py", ".j2", ".js")]
    written = "".join(p.read_text("utf-8") for p in files if not p.name.startswith("texts"))
    # f"d_{kind}" names texts by what they begin with
    begun = tuple(re.findall(r'f"([a-z]+_){', written))
    unused = [k for k in TEXTS if not re.search(f"[\"']{k}[\"']", written)]
    assert [k for k in unused if not k.startswith(begun)] == []


def test_an_unknown_language():
    with pytest.raises(XentValueError, match="lang must be one of"):
        render(full_page(), "fr")


def test_without_jinja(monkeypatch):
    monkeypatch.setattr("xent.report.page.fill.find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r'pip install "xent\[evaluate\]"'):
        render(full_page())


def test_an_evaluation_of_every_kind_has_a_page():
    sources = (
        {"source": ([0, 1, 1], [[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]])},
        {"source": ([1, 0, 1], [0.9, 0.2, 0.6]), "unit": "bit"},
        {"source": ([[1, 0], [0, 1]], [[0.9, 0.2], [0.3, 0.6]]), "task": "multi"},
    )
    for options in sources:
        e = evaluate(options.pop("source"), **options)
        page = page_of(e)
        assert page.score.log_loss == e.log_loss
        Reader(html_page(e))
        Reader(html_page(e, lang="zh"))
