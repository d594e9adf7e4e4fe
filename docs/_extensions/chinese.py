"""Search finds Chinese words among the English ones, though nothing stands between them.

A clause of Chinese is one word to the English search, which finds it by any three of its signs;
most words have two. So every sign, and every two that follow each other, are words as well.
"""

import re
from itertools import pairwise

from sphinx.search.en import SearchEnglish

HAN = re.compile(r"[\u3400-\u9fff]+")


class SearchEnglishAndChinese(SearchEnglish):
    """English, with the signs and the pairs of signs of Chinese.

    >>> SearchEnglishAndChinese({}).split("KL 散度, a")
    ['KL', '散度', 'a', '散', '度', '散度']
    """

    lang = "en-zh"  # language_name stays: it names the stemmer of the search in the browser

    def split(self, input):
        words = super().split(input)
        for clause in HAN.findall(input):
            words += clause
            words += map("".join, pairwise(clause))
        return words


def setup(app):
    app.add_search_language(SearchEnglishAndChinese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
