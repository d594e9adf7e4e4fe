"""On a Chinese page the messages about the data are Chinese too."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from xent.evaluation import compare, evaluate
from xent.report.page import html_page

N = 3000
RNG = np.random.default_rng(1)
P = RNG.dirichlet(np.ones(3), N)
Y = np.array([RNG.choice(3, p=p) for p in P])
Q = RNG.random(N)
T = (RNG.random(N) < Q).astype(int)
SITE = RNG.integers(0, 5, N)
SURE = np.clip(np.where(RNG.random(N) < 0.1, 1 - T, T).astype(float), 1e-7, 1 - 1e-7)
SOFTMAX_TWICE = np.exp(P) / np.exp(P).sum(axis=1, keepdims=True)
MANY = RNG.dirichlet(np.ones(7), N)


def table(probs, target, **more):
    return {"y": target, **{f"p_{c}": probs[:, c] for c in range(probs.shape[1])}, **more}


CASES = {
    "as it is": lambda: evaluate((Y, P)),
    "sums alone": lambda: evaluate((Y, P)) + evaluate((Y, P)),
    "columns permuted": lambda: evaluate(((Y + 1) % 3, P)),
    "seven columns": lambda: evaluate(
        (np.random.default_rng(0).permutation(7)[MANY.argmax(1)], MANY)
    ),
    "seventy columns": lambda: evaluate(
        (np.arange(N) % 70, 0.9 * np.eye(70)[np.arange(N) % 70 * 3 % 70] + 0.1 / 70)
    ),
    "columns reversed": lambda: evaluate((T, 1 - Q)),
    "clipped": lambda: evaluate((T, SURE)),
    "clipped here": lambda: evaluate((T, np.where(T, 0.0, Q)), zero="clip:1e-9"),
    "softmaxed twice": lambda: evaluate((Y, SOFTMAX_TWICE)),
    "always the same": lambda: evaluate((T, np.full(N, 0.5))),
    "five clusters": lambda: evaluate(table(P, Y, site=SITE), cluster="site"),
    "bootstrap": lambda: evaluate(table(P, Y, site=SITE), id="site", interval="bootstrap"),
    "impossible": lambda: evaluate((T, np.where(np.arange(N) < 5, 1.0 - T, Q))),
    "labels": lambda: evaluate(labels=np.eye(3, dtype=int)[Y], probs=P, task="multi"),
    "two models": lambda: compare((T, Q), (T, SURE)),
    "two models, weights": lambda: compare(
        {"y": T, "p": Q, "w": Q}, {"y": T, "p": np.sort(Q), "w": Q}, weight="w"
    ),
    "two models, clusters": lambda: compare(
        {"y": T, "p": Q, "c": SITE}, {"y": T, "p": SURE, "c": SITE}, cluster="c"
    ),
}


class English(HTMLParser):
    """What a page says in English."""

    def __init__(self, page):
        super().__init__()
        self.found, self._inside = [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self._inside = ("lang", "en") in attributes

    def handle_data(self, data):
        if self._inside:
            self.found.append(data)

    def handle_endtag(self, tag):
        self._inside = False


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
@pytest.mark.parametrize("name", CASES)
def test_every_message_is_chinese(name):
    page = html_page(CASES[name](), lang="zh")
    assert English(page).found == []


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
def test_a_hint_is_told_with_its_numbers():
    page = html_page(CASES["columns permuted"](), lang="zh")
    (told,) = re.findall(r"<span>(各列像是错位了[^<]*)</span>", page)
    assert "列 &#39;2&#39; 像是类别 &#39;0&#39;" in told
    assert "列 &#39;1&#39; 像是类别 &#39;2&#39;" in told
    assert "<small>请用 classes 按列的顺序写出类别</small>" in page


def test_what_has_no_words_in_chinese_is_marked_as_english(monkeypatch):
    found = evaluate((T, Q))
    monkeypatch.setattr(type(found), "warnings", property(lambda _: ("D99: all is odd; look <b>",)))
    page = html_page(found, lang="zh")
    assert '<span lang="en">All is odd</span>' in page
    assert '<small lang="en">Look &lt;b&gt;</small>' in page
    assert 'lang="en"' not in html_page(found, lang="en").partition("<body")[2]
