"""What the library says of a visitor's file is Chinese on a Chinese page."""

import ast
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn.uploads import BROKEN, NAMES

import xent
from xent.evaluation import evaluate
from xent.learn.html import message_html, words
from xent.learn.judge import judge
from xent.report.chinese import LONGEST, in_chinese
from xent.report.messages import MESSAGES

PLACE = re.compile(r"\{\w+\}|\((?:s|es)\)")
# words that follow each other, names, commands and options aside
ENGLISH = re.compile(r"([a-z]+ ){2}[a-z]+")
CODE = re.compile(r'xent evaluate \S+|--sql ".*"|`.*?`|[a-z]+=\S+')
FOREIGN = "读取程序的原话"  # what DuckDB says, where it is not known


def literals(folder):
    """Every text of the code, a \0 where something is filled in."""
    for path in sorted(folder.rglob("*.py")):
        if "texts" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) else "\0" for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


# said by DuckDB and zipfile, by what counts things, or put together of pieces
ELSEWHERE = (
    "could not convert string", "magic bytes", "too small to be", "JSON", "sniffing",
    "such row", "class", "label", "row", "must unpack", "at most", "Bad CRC-32",
)  # fmt: skip


def test_every_sentence_is_one_that_the_library_says():
    root = Path(xent.__file__).parent
    told = "\n".join(
        t
        for room in ("evaluation", "learn", "losses", "diagnostics")
        for t in literals(root / room)
    )
    for english, _ in MESSAGES:
        if any(word in english for word in ELSEWHERE):
            continue
        # ": " and ", got" part what is said in two places
        for piece in PLACE.split(english):
            for part in re.split(r", got|: | \(|\)|, ", piece):
                assert part.strip(" ,;.") in told, (english, part)


def test_both_languages_have_the_same_places():
    for english, chinese in MESSAGES:
        here, there = (set(re.findall(r"\{\w+\}", text)) for text in (english, chinese))
        assert there <= here, english
        assert re.search(r"[\u4e00-\u9fff]", chinese) or chinese in ("logit", " ln {n} "), english


@pytest.mark.parametrize(("name", "contents", "english"), BROKEN, ids=NAMES)
def test_a_broken_file_is_told_in_chinese(name, contents, english):
    judged = judge(name, contents)
    found = in_chinese(judged.message)
    assert found is not None, judged.message
    told = "；".join(found)
    assert FOREIGN not in told
    assert not ENGLISH.search(CODE.sub("", told))
    assert "原文" not in message_html(judged.message, "zh")


CELLS = st.sampled_from(["", "0", "1", "2", "0.5", "nan", "inf", "-1", "cat", '"', "é", "1e400"])
HEADS = st.sampled_from(
    [["y", "p_0", "p_1"], ["y_0", "y_1", "p_0", "p_1"], ["label", "logit"], ["logprob"], ["a", "b"]]
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(HEADS, st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_whatever_the_cells_are_it_is_told_in_chinese(head, rows):
    text = "\n".join(",".join(row) for row in [head, *rows])
    judged = judge("a.csv", text.encode())
    note = judged.evaluation.note if judged.evaluation else judged.message
    assert in_chinese(note), note


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "target": st.sampled_from(["y", "p_0", "word"]),
        "probs": st.sampled_from(["y", ["p_0", "p_1"], ["p_0", "p_1", "y"], ["word", "p_0"]]),
        "logits": st.sampled_from(["p_0", ["p_0", "p_1"]]),
        "log_probs": st.sampled_from(["p_0", ["p_0", "p_1"]]),
        "task": st.sampled_from(["class", "multi"]),
        "zero": st.just("clip:1e-15"),
        "nan": st.just("exclude"),
        "unit": st.just("bit"),
    },
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(OPTIONS)
def test_whatever_is_chosen_of_the_columns_is_told_in_chinese(options):
    kinds = [kind for kind in ("probs", "logits", "log_probs") if kind in options]
    for kind in kinds[1:]:
        del options[kind]  # one of them is chosen
    rows = b"y,p_0,p_1,word\n0,0.5,0.5,a\n1,0.25,0.75,b\n1,,0.5,c\n0,0.5,0.5,\n0,1,0,d\n"
    judged = judge("a.csv", rows, **options)
    note = judged.evaluation.note if judged.evaluation else judged.message
    assert in_chinese(note), note


def odd_predictions():
    """Targets and predictions that look wrong, and the rule that says so."""
    rng = np.random.default_rng(0)
    y, y3 = rng.integers(0, 2, 400), rng.integers(0, 3, 400)
    good, good3 = np.where(y, 0.9, 0.1), np.eye(3)[y3] * 0.8 + 0.2 / 3
    again = np.exp(np.eye(3)[y3] * 0.999)
    rare = np.arange(400) % 8 == 0
    many = rng.integers(0, 2, 5000)
    sure = np.where(many, 0.9999, 0.0001) - 1e-6 * rng.random(5000)
    yield "D12", y, np.full(400, 0.25)
    yield "D12", y, rng.random(400)
    yield "D31", y, np.where(rng.random(400) < 0.3, 1 - good, good) ** 4
    yield "D04", y3, again / again.sum(axis=1, keepdims=True)
    yield "D25", y, np.column_stack([good, 1 - good])
    yield "D25", y3, good3[:, [1, 0, 2]]
    yield "D13", y, 0.5 + 1e-4 * np.cos(np.arange(400))
    yield "D31", y, np.where(rare, np.where(y, 1e-15, 0.9), good)
    yield "D19", many, np.where(np.arange(5000) % 200 == 0, np.where(many, 1e-30, 0.99), sure)
    yield "D27", y, np.where(rare, 1 - y, y).astype(float)
    yield "D34", np.where(y3 == 2, 0, y3), good3
    yield "D34", y3, np.where(np.eye(3)[np.where(y3 == 2, 0, y3)], 0.8, 0.1)


@pytest.mark.parametrize(
    ("code", "target", "probs"), [*odd_predictions()], ids=lambda v: str(v)[:4]
)
def test_hints_are_chinese_too(code, target, probs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [str(hint) for hint in evaluate((target, probs)).hints]
    assert any(hint.startswith(code) for hint in found), found
    for hint in found:
        lines = in_chinese(hint)
        assert lines, hint
        assert not ENGLISH.search(CODE.sub("", "；".join(lines))), lines


def test_a_clip_that_decides_is_told_in_chinese():
    rows = b"y,p\n" + b"1,0.5\n" * 50 + b"0,0\n1,0\n" * 20
    (warning,) = judge("a.csv", rows, zero="clip:1e-15").evaluation.warnings
    assert in_chinese(warning)[0].startswith("D31：损失的 9")


def test_names_may_look_like_sentences():
    hostile = "x; is a column missing?"
    judged = judge("a.csv", f'"{hostile}",p\n1,0.5\n0,1.5\n'.encode(), target=hostile)
    assert in_chinese(judged.message)[0].startswith("D07：概率（列 p）")
    assert (
        in_chinese(f"target: {hostile}; probabilities of class 1 from p")[-1] == "类别 1 的概率：p"
    )
    assert in_chinese("a" * (LONGEST + 1)) is None


def test_what_is_not_known_is_told_as_it_is_and_said_to_be_english():
    assert in_chinese("what nobody says") is None
    assert words("what nobody says", "zh") == "what nobody says"
    assert message_html("<b>; no", "zh") == '原文（英文）：<span lang="en">&lt;b&gt;<br>no</span>'
    assert message_html("<b>; no", "en") == "&lt;b&gt;<br>no"
