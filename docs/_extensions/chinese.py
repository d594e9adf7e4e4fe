"""Chinese pages say that they are Chinese, and search finds Chinese words, and numbers.

Nothing stands between the words of Chinese. So every sign, and every two that follow each other,
are words of the index; and what is asked is split in the same way, so that a page is found which
has all pairs of it. A number such as 0.693, for which people search when a loss stands still on it,
is a word too.
"""

import re
from itertools import pairwise

from docutils import nodes
from sphinx.search.en import SearchEnglish

HAN = re.compile(r"[\u3400-\u9fff]+")
CHINESE = "zh-CN"
# a name in the list of pages, and the tag before it
CHINESE_NAME = re.compile(r"(<a|<span)([^<>]*>[^<>]*[\u3400-\u9fff])")
NUMBER = re.compile(r"(?<![\w.])\d{1,3}\.\d{1,4}(?![\w.]*\d)")

# the words of a question, in the browser: what is none of these is split as Sphinx splits it
SPLIT = r"""
var splitQuery = (() => {
  const han = /^[\u3400-\u9fff]/;
  const word =
    /\d+\.\d+|[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{L}\p{N}_\p{Emoji_Presentation}])+/gu;
  const pairs = (clause) =>
    clause.length < 2 ? [clause] : [...clause.slice(1)].map((sign, i) => clause[i] + sign);
  return (query) =>
    (query.match(word) ?? []).flatMap((part) => (han.test(part) ? pairs(part) : [part]));
})();
"""


class SearchEnglishAndChinese(SearchEnglish):
    """English, with numbers, and with the signs and the pairs of signs of Chinese.

    >>> SearchEnglishAndChinese({}).split("KL 散度是 0.69")
    ['KL', '0', '69', '0.69', '散', '度', '是', '散度', '度是']
    """

    lang = "en-zh"  # language_name stays: it names the stemmer of the search in the browser
    js_splitter_code = SPLIT

    def split(self, input):
        words = super().split(HAN.sub(" ", input))
        words += NUMBER.findall(input)
        for clause in HAN.findall(input):
            words += clause
            words += map("".join, pairwise(clause))
        return words


def mark_emphasis(app, doctree, docname):
    """Emphasis of Chinese has a class, since that of a Latin letter in it is italic."""
    for node in doctree.findall(nodes.emphasis):
        if HAN.search(node.astext()):
            node["classes"].append("han")


def mark_other_language(app, doctree, docname):
    """What a page says in the other language is marked, so that it is read out in its own voice."""
    in_chinese = docname.startswith("zh/")
    for text in doctree.findall(nodes.Text):
        if isinstance(text.parent, (nodes.literal, nodes.literal_block, nodes.raw)):
            continue
        if in_chinese and text.startswith("English"):
            text.parent["classes"].append("language-en")
        elif not in_chinese and HAN.search(text):
            text.parent["classes"].append(f"language-{CHINESE}")


def say_language(app, pagename, templatename, context, doctree):
    tree = context.get("furo_navigation_tree", "")
    if pagename.startswith("zh/"):
        context["language"] = CHINESE
        # the list of pages is in English, whatever the page
        tree = re.sub(r'<(ul|p class="caption")', r'<\1 lang="en"', tree)
    context["furo_navigation_tree"] = CHINESE_NAME.sub(rf'\1 lang="{CHINESE}"\2', tree)


def setup(app):
    app.add_search_language(SearchEnglishAndChinese)
    app.connect("doctree-resolved", mark_emphasis)
    app.connect("doctree-resolved", mark_other_language)
    # after the theme has made its list of pages
    app.connect("html-page-context", say_language, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
