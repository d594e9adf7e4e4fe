"""Sentences are recognised whatever stands in their places, and at no more than a few readings."""

import subprocess
import sys

import pytest

from xent.report.chinese import LONGEST, Template, in_chinese


@pytest.mark.parametrize(
    ("english", "text", "values"),
    [
        ("as it is", "as it is", {}),
        ("as it is", "as it is.", None),
        ("as it is", "so as it is", None),
        ("{a} of {b}", "x of y", {"a": "x", "b": "y"}),
        # a place holds something, and ends where what follows comes first
        ("{a} of {b}", " of y", None),
        ("{a} of {b}", "x of ", None),
        ("{a} of {b}", "x of y of z", {"a": "x", "b": "y of z"}),
        ("{a} of {b} end", "x of y end end", {"a": "x", "b": "y end"}),
        # what follows may hold numbers: then words that look like it are passed over
        ("{a} in row {n} ({n_seen} seen)", "x in row y in row 3 (5 seen)",
         {"a": "x in row y", "n": "3", "n_seen": "5"}),
        ("{n} row(s) of {a}", "1 row of x", {"n": "1", "a": "x"}),
        ("{n} row(s) of {a}", "1,024 rows of x", {"n": "1,024", "a": "x"}),
        ("{n} row(s) of {a}", "many rows of x", None),
        ("{n} class(es)", "-1 classes", {"n": "-1"}),
        ("{a}.{b}", "x.y\nz", {"a": "x", "b": "y\nz"}),
    ],
)  # fmt: skip
def test_places_of_a_sentence(english, text, values):
    assert Template(english).values(text) == values


def test_a_name_made_of_our_words_is_read_at_once():
    names = ("x fits class y, ", "; ", ", got x in row 1", "class a, b: ", " and 1 more", "( such")
    sentences = (
        "the columns look permuted: the column of {0} fits class {0}, {0} fits class {0}, "
        "{0} fits class {0} X",
        "target {0} must be one of the classes {0}, got {0} in row 1 (2 such rows X",
        "the log loss is {0} nats, {0} to four digits: {0}",
    )
    texts = [s.format(name * 40)[:LONGEST] for s in sentences for name in names]
    # one pattern for a whole sentence would go on for years; a process can be ended
    program = "import sys; from xent.report.chinese import in_chinese\n"
    program += "for text in sys.argv[1:]: in_chinese(text)"
    subprocess.run([sys.executable, "-c", program, *texts], check=True, timeout=300)


def test_a_name_with_a_comma_is_told_whole():
    told = in_chinese("columns a, b and c")
    assert told == ("列 a, b and c",)
