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


def say_language(app, pagename, templatename, context, doctree):
    if pagename.startswith("zh/"):
        context["language"] = "zh-CN"


def setup(app):
    app.add_search_language(SearchEnglishAndChinese)
    app.connect("doctree-resolved", mark_emphasis)
    app.connect("html-page-context", say_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
