"""What the library says of a visitor's file is Chinese on a Chinese page."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn.uploads import BROKEN

import xent
from xent.learn.chinese import LONGEST, in_chinese
from xent.learn.judge import judge
from xent.learn.page import message_html, words
from xent.learn.texts.messages import MESSAGES

PLACE = re.compile(r"\{\w+\}|\((?:s|es)\)")
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
    "could not convert string", "magic bytes", "too small to be", "malformed JSON", "sniffing",
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
        assert re.search(r"[\u4e00-\u9fff]", chinese) or chinese == "logit", english


@pytest.mark.parametrize(("name", "contents", "english"), BROKEN, ids=lambda v: repr(v)[:40])
def test_a_broken_file_is_told_in_chinese(name, contents, english):
    judged = judge(name, contents)
    found = in_chinese(judged.message)
    assert found is not None, judged.message
    told = "；".join(found)
    assert FOREIGN not in told
    # names, commands and options aside
    assert not re.search(r"([a-z]+ ){3}[a-z]+", re.sub(r'xent evaluate \S+|--sql ".*"', "", told))
    assert "原文" not in message_html(judged.message, "zh")


CELLS = st.sampled_from(["", "0", "1", "2", "0.5", "nan", "inf", "-1", "cat", '"', "é", "1e400"])
HEADS = st.sampled_from(
    [["y", "p_0", "p_1"], ["y_0", "y_1", "p_0", "p_1"], ["label", "logit"], ["logprob"], ["a", "b"]]
)


@settings(max_examples=100, deadline=None)
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


@settings(max_examples=100, deadline=None)
@given(OPTIONS)
def test_whatever_is_chosen_of_the_columns_is_told_in_chinese(options):
    kinds = [kind for kind in ("probs", "logits", "log_probs") if kind in options]
    for kind in kinds[1:]:
        del options[kind]  # one of them is chosen
    rows = b"y,p_0,p_1,word\n0,0.5,0.5,a\n1,0.25,0.75,b\n1,,0.5,c\n0,0.5,0.5,\n0,1,0,d\n"
    judged = judge("a.csv", rows, **options)
    note = judged.evaluation.note if judged.evaluation else judged.message
    assert in_chinese(note), note


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
