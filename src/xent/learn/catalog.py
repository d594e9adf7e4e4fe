"""The chapters in their order: where each is found, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = [
    "CHAPTERS",
    "LANGUAGES",
    "Chapter",
    "Lang",
    "chapter_of",
    "html_lang",
    "neighbours",
    "written",
]

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = ("en", "zh")


def html_lang(lang: Lang) -> str:
    """Return the language as HTML writes it."""
    return "zh-Hans" if lang == "zh" else "en"


FILES = Path(__file__).parent / "chapters"


@dataclass(frozen=True)
class Chapter:
    """One chapter: its address, the name of its files, its title and what it answers."""

    slug: str
    title: dict[Lang, str]
    lead: dict[Lang, str]

    @property
    def file(self) -> Path:
        """The notebook; it may not be written yet."""
        return FILES / f"{self.slug}.py"

    @property
    def address(self) -> str:
        """The last part of its URL: `self-information`."""
        return self.slug.replace("_", "-")


def _chapter(slug: str, en: tuple[str, str], zh: tuple[str, str]) -> Chapter:
    return Chapter(slug, {"en": en[0], "zh": zh[0]}, {"en": en[1], "zh": zh[1]})


CHAPTERS = (
    _chapter(
        "self_information",
        ("Self-information", "How much does one event tell, and why is it a logarithm?"),
        ("自信息", "一个事件带来多少信息？为什么要取对数？"),
    ),
    _chapter(
        "entropy",
        ("Entropy", "How much is left open before anything has happened?"),
        ("熵", "事情发生之前，平均还有多少不确定？"),
    ),
    _chapter(
        "divergence",
        ("KL divergence and cross-entropy", "What does it cost to believe q while p happens?"),
        ("KL 散度与交叉熵", "真实分布是 p，却相信 q，要付出多少代价？"),
    ),
    _chapter(
        "squared_error",
        ("Squared error or cross-entropy", "Two losses start from the same mistake. Who gets out?"),
        ("平方误差还是交叉熵", "从同一个错误出发，哪个损失走得出来？"),
    ),
    _chapter(
        "one_label",
        ("One label: softmax", "Exactly one class is true: cat, frog or mouse."),
        ("单标签：softmax", "有且只有一个类别为真：猫、青蛙，还是老鼠？"),
    ),
    _chapter(
        "many_labels",
        ("Many labels: sigmoid", "Each label is true or false by itself."),
        ("多标签：sigmoid", "每个标签各自独立地为真或为假。"),
    ),
    _chapter(
        "adversarial",
        ("Adversarial training", "Why ln 2 and 2 ln 2 appear, and what saturates."),
        ("生成对抗网络（GAN）", "为什么会出现 ln 2 和 2 ln 2？饱和的又是什么？"),
    ),
    _chapter(
        "pitfalls",
        ("What goes wrong", "Seven mistakes that no error message tells."),
        ("常见的坑", "七个不会报错的错误。"),
    ),
    _chapter(
        "your_numbers",
        ("Your own numbers", "Drop a file of predictions and see it judged."),
        ("你自己的数据", "拖入一份预测结果，看看它的评判。"),
    ),
)


def chapter_of(slug: str) -> Chapter:
    """Return the chapter of this name or address.

    >>> chapter_of("self-information").title["zh"]
    '自信息'
    """
    return next(c for c in CHAPTERS if c.slug == slug.replace("-", "_"))


def written() -> tuple[Chapter, ...]:
    """Return the chapters whose notebook exists."""
    return tuple(c for c in CHAPTERS if c.file.exists())


def neighbours(slug: str) -> tuple[Chapter | None, Chapter | None]:
    """Return the chapters before and after one, of those that are written."""
    chapters = written()
    at = [c.slug for c in chapters].index(slug)
    before = chapters[at - 1] if at else None
    after = chapters[at + 1] if at + 1 < len(chapters) else None
    return before, after
