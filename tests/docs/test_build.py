"""The pages as they are built: no warning, every link leads somewhere, search needs no network."""

import pages
import pytest

# the search of pages that are opened from a disk, and pages where each must be found
SEARCHES = {
    "perplexity": ["reference/measures.html", "howto/perplexity-of-batches-averaged.html"],
    "ignore_index": ["howto/loss-is-nan-with-ignore-index.html"],
    "cross_entropy": ["reference/losses.html"],
    "交叉熵": ["zh/article.html", "zh/start.html", "zh/howto/why-cross-entropy-and-not-mse.html"],
    "概率": ["zh/article.html"],
    "标签平滑 损失": ["zh/howto/label-smoothing-ignore-index-weight.html"],
    "显存不足": ["zh/howto/cross-entropy-out-of-memory.html"],
    "困惑度": ["zh/howto/perplexity-of-batches-averaged.html"],
    "掩码 梯度": ["zh/howto/nan-gradient-with-masked-logits.html"],
    "损失 负数": ["zh/howto/cross-entropy-loss-negative.html"],
    "熵": ["zh/article.html"],
    "16.118": ["howto/bceloss-is-100.html", "zh/howto/bceloss-is-100.html"],
    "loss 0.693": ["howto/is-my-cross-entropy-loss-good.html"],
}


def test_every_link_inside_leads_somewhere(built, tool):
    assert tool("links").faults(built) == []


def test_every_page_can_be_reached(built, tool):
    links = tool("links")
    front, reached = built / "index.html", set()
    waiting = [front]
    while waiting:
        path = waiting.pop()
        if path in reached or path.suffix != ".html":
            continue
        reached.add(path)
        for link in links.read(path).links:
            if not links.outside(link):
                waiting.append((path.parent / link.partition("#")[0]).resolve())
    sources = {path for path in pages.DOCS.rglob("*.md") if "_generated" not in path.parts}
    expected = {built / path.relative_to(pages.DOCS).with_suffix(".html") for path in sources}
    assert expected - reached == set()


@pytest.mark.parametrize("asked", SEARCHES)
def test_search_finds_with_no_network(visitor, built, asked):
    with visitor() as page:
        page.goto((built / "search.html").as_uri() + f"?q={asked}")
        page.wait_for_function("document.querySelector('#search-results .search-summary')"
                               "?.innerText.startsWith('Search finished')")  # fmt: skip
        found = page.eval_on_selector_all(
            "#search-results li a", "links => links.map(a => a.href.split(/[#?]/)[0])"
        )
        # under a page that is found, not under a function, stands the place that has the words
        excerpts = page.eval_on_selector_all(
            "#search-results li:has(p.context)",
            "items => items.map(i => [i.querySelector('a').href.split(/[#?]/)[0],"
            " i.querySelector('p.context').innerText])",
        )
    for name in SEARCHES[asked]:
        assert (built / name).as_uri() in found
    shown = dict(excerpts)
    assert len(shown) >= 1
    for text in shown.values():
        assert 10 < len(text) < 400
        assert "<" not in text or "</" not in text
    longest = max(asked.split(), key=len)
    told = [text for text in shown.values() if longest.lower() in text.lower()]
    assert len(told) >= 0.7 * len(shown)
    assert set(shown) <= set(found)


def test_chinese_pages_say_that_they_are_chinese(built):
    for path in pages.DOCS.rglob("*.md"):
        if "_generated" in path.parts:
            continue
        name = path.relative_to(pages.DOCS)
        lang = "zh-CN" if name.parts[0] == "zh" else "en"
        head = (built / name.with_suffix(".html")).read_text(encoding="utf-8")[:200]
        assert f'lang="{lang}"' in head, name
    # and each says which of its words are of the other language
    front = (built / "index.html").read_text(encoding="utf-8")
    assert '<p lang="zh-CN">中文' in front
    assert '<a lang="zh-CN" class="reference internal" href="zh/article.html">文章' in front
    article = (built / "zh" / "article.html").read_text(encoding="utf-8")
    assert '<ul lang="en"' in article
    assert 'lang="en">English' in article


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_no_page_is_wider_than_its_window(visitor, built, width, scheme):
    wide = []
    with visitor(width, scheme) as page:
        for path in sorted(built.rglob("*.html")):
            page.goto(path.as_uri())
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(path.name)
    assert wide == []


def test_a_formula_is_drawn_by_the_browser(visitor, built):
    with visitor() as page:
        page.goto((built / "index.html").as_uri())
        box = page.locator("math").first.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 20


def test_the_button_copies_what_is_typed(visitor, built):
    with visitor() as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto((built / "index.html").as_uri())
        page.locator(".highlight").first.hover()
        page.locator("button.copybtn").first.click()
        text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("import numpy as np\nimport xent\n")
    assert text.rstrip().endswith("print(loss, gradient)")


def test_the_front_page(tmp_path):
    (tmp_path / "examples").symlink_to(pages.ROOT / "examples")
    pages.run_page("index.md", tmp_path, least=5)
