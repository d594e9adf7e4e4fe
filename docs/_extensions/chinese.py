"""Chinese pages say that they are Chinese, and search finds Chinese words.

Nothing stands between the words of Chinese. So every sign, and every two that follow each other,
are words of the index; and what is asked is split in the same way, so that a page is found which
has all pairs of it.
"""

import re
from itertools import pairwise

from docutils import nodes
from sphinx.search.en import SearchEnglish

HAN = re.compile(r"[\u3400-\u9fff]+")

# the words of a question, in the browser: what is no sign of Chinese is split as Sphinx splits it
SPLIT = r"""
const pairs = (clause) =>
  clause.length < 2 ? [clause] : [...clause.slice(1)].map((sign, i) => clause[i] + sign);
var splitQuery = (query) =>
  query
    .split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu)
    .flatMap((part) => part.split(/([\u3400-\u9fff]+)/))
    .filter((part) => part)
    .flatMap((part) => (/^[\u3400-\u9fff]/.test(part) ? pairs(part) : [part]));
"""


class SearchEnglishAndChinese(SearchEnglish):
    """English, with the signs and the pairs of signs of Chinese.

    >>> SearchEnglishAndChinese({}).split("KL 散度是, a")
    ['KL', 'a', '散', '度', '是', '散度', '度是']
    """

    lang = "en-zh"  # language_name stays: it names the stemmer of the search in the browser
    js_splitter_code = SPLIT

    def split(self, input):
        words = super().split(HAN.sub(" ", input))
        for clause in HAN.findall(input):
            words += clause
            words += map("".join, pairwise(clause))
        return words


def mark_emphasis(app, doctree, docname):
    """Emphasis of Chinese has a class, since that of a Latin letter in it is italic."""
    for node in doctree.findall(nodes.emphasis):
        if HAN.search(node.astext()):
            node["classes"].append("han")


def say_language(app, pagename, templatename, context, doctree):
    if pagename.startswith("zh/"):
        context["language"] = "zh-CN"


def setup(app):
    app.add_search_language(SearchEnglishAndChinese)
    app.connect("doctree-resolved", mark_emphasis)
    app.connect("html-page-context", say_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
