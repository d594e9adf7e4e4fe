"""The how-to pages run as printed, have their parts, and say no number they do not show."""

import re
import warnings

import pytest
from pages import BLOCKS, DOCS, run_page, text_of

FOLDERS = {"en": "howto", "zh": "zh/howto"}
PAGES, CHINESE = (
    sorted(path.stem for path in (DOCS / folder).glob("*.md") if path.stem != "index")
    for folder in FOLDERS.values()
)
PARTS = [
    "**Symptom.**",
    "**Fix.**",
    "## The code that fails",
    "## Why",
    "## The fix, with xent",
    "## How to check that it is fixed",
    "## Neighbours",
]
OPTIONAL = ("jax", "optax", "scipy", "sklearn", "torch")
LAST = {"en": PARTS[-1], "zh": "## 相关页面"}
MOST_LINES = 100
WIDEST = 88  # what the built page shows of a block without scrolling
SEEN_FIRST = 20  # lines until the fix begins to show, for who comes with a broken run


@pytest.fixture(autouse=True)
def _warnings_are_printed():
    # as a terminal prints them, less the file and the line
    hidden = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for category in hidden:
            warnings.simplefilter("ignore", category)
        warnings.showwarning = print_warning
        yield


def print_warning(message, category, *_where, **_also):
    print(f"{category.__name__}: {message}")


def text(page, language="en"):
    return text_of(f"{FOLDERS[language]}/{page}.md")


def prose(page, language="en"):
    return BLOCKS.sub("", text(page, language))


@pytest.mark.parametrize("page", PAGES)
def test_what_it_shows_is_what_comes_out(page, tmp_path):
    for library in OPTIONAL:
        if re.search(rf"^>>> (import|from) {library}\b", text(page), re.M):
            pytest.importorskip(library)
    run_page(f"howto/{page}.md", tmp_path, least=6)


@pytest.mark.parametrize("page", PAGES)
def test_it_has_its_parts_in_their_order(page):
    places = [text(page).find(f"\n{part}") for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
    assert re.match(r"# \S", text(page))


@pytest.mark.parametrize("page", PAGES)
def test_the_fix_is_in_sight(page):
    lines = text(page).splitlines()
    assert len(lines) <= MOST_LINES
    seen = "\n".join(lines[:SEEN_FIRST])
    assert "**Fix.**" in seen
    assert "\n>>> " in seen


@pytest.mark.parametrize("page", PAGES)
def test_its_python_is_seen_without_scrolling(page):
    lines = [
        line
        for kind, block in BLOCKS.findall(text(page))
        for line in block.splitlines()
        if kind == "python"
    ]
    assert max(map(len, lines)) <= WIDEST


@pytest.mark.parametrize("page", PAGES)
def test_every_number_of_its_prose_is_in_what_it_shows(page):
    # numbers with a decimal point, and of five digits or more, are results
    shown = re.sub("[,_]", "", "".join(block for _, block in BLOCKS.findall(text(page))))
    numbers = re.findall(r"(?<![\w.:])\d+\.\d+(?![\w.]*\d)|\b\d{1,3}(?:,\d{3})+\b", prose(page))
    missing = [number for number in numbers if number.replace(",", "") not in shown]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_xent_speaks_on_it(page):
    assert re.search(r"^>>> (import xent$|from xent\.)", text(page), re.M)


PAINS = {
    1: "crossentropyloss-after-softmax",
    2: "gradient-accumulation-loss-does-not-match",
    3: "bceloss-is-100",
    4: "target-is-out-of-bounds",
    5: "kldivloss-negative",
    6: "binary-or-categorical-crossentropy",
    7: "loss-is-nan-with-ignore-index",
    8: "nan-gradient-with-masked-logits",
    9: "crossentropyloss-class-weights-mean",
    10: "kldivloss-batchmean-temperature",
    11: "cross-entropy-bfloat16-float16",
    12: "perplexity-of-batches-averaged",
    13: "cross-entropy-out-of-memory",
    14: "loss-shape-n-1-and-n",
    15: "labels-shifted-twice",
    16: "is-my-cross-entropy-loss-good",
    17: "cross-entropy-loss-negative",
    18: "label-smoothing-ignore-index-weight",
    19: "expected-target-size",
    20: "expected-floating-point-type-for-target",
    21: "soft-targets-ignore-index",
    22: "log-loss-y-true-contains-only-one-label",
    23: "log-loss-column-order",
    24: "why-cross-entropy-and-not-mse",
    25: "scipy-entropy-wrong-value",
    26: "loss-rises-while-accuracy-rises",
}


def listed(language):
    """Return the pages of the index by their rank."""
    row = re.compile(r"^\| \[.+\]\(([\w-]+)\.md\) \| .+ \| (\d+) \|$", re.M)
    found = row.findall(text("index", language))
    ranks = {int(rank): page for page, rank in found}
    assert len(ranks) == len(found)
    return ranks


def test_each_mistake_has_its_page_in_the_index():
    assert listed("en") == PAINS
    assert sorted(PAINS.values()) == PAGES


BOTH = [("en", page) for page in [*PAGES, "index"]] + [("zh", page) for page in [*CHINESE, "index"]]


@pytest.mark.parametrize(("language", "page"), BOTH)
def test_its_links_resolve(language, page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", prose(page, language))
    assert links
    for link in links:
        assert (DOCS / FOLDERS[language] / link).resolve().is_file(), link


@pytest.mark.parametrize(("language", "page"), [case for case in BOTH if case[1] != "index"])
def test_its_neighbours_are_others(language, page):
    neighbours = text(page, language).partition(f"\n{LAST[language]}")[2]
    links = re.findall(r"\]\(([^)]+)\)", neighbours)
    assert 2 <= len(links) == len(set(links))
    assert f"{page}.md" not in links


def test_chinese_pages_are_in_their_index():
    ranks = listed("zh")
    assert sorted(ranks.values()) == CHINESE
    assert ranks.items() <= PAINS.items()
    assert len(CHINESE) >= 10


@pytest.mark.parametrize("page", [*CHINESE, "index"])
def test_a_chinese_page_leads_to_chinese_pages(page):
    # to English ones only where there is no other, and to its own
    english = re.findall(r"\]\(\.\./\.\./howto/([\w-]+)\.md", text(page, "zh"))
    assert page in english
    assert set(english) & set(CHINESE) <= {page}


@pytest.mark.parametrize("page", CHINESE)
def test_a_chinese_page_says_what_the_english_one_says(page):
    # its blocks, which have run there; its parts; and every number with a decimal point
    english, chinese = text(page), text(page, "zh")
    assert BLOCKS.findall(chinese) == BLOCKS.findall(english)
    assert re.findall(r"^##(?= )", chinese, re.M) == re.findall(r"^##(?= )", english, re.M)
    for part in ("**现象。**", "**改法。**", LAST["zh"]):
        assert f"\n{part}" in chinese
    numbers = [sorted(re.findall(r"\d+\.\d+", prose(page, language))) for language in FOLDERS]
    assert numbers[0] == numbers[1]
    # and they lead to each other
    assert f"*[中文](../zh/howto/{page}.md)*" in english
    assert f"*[English](../../howto/{page}.md)*" in chinese
