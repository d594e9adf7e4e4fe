"""The bounds that docs/accuracy.md promises, read from it: page and tests agree."""

import re

from pages import text_of

ROWS = [line for line in text_of("accuracy.md").splitlines() if line.startswith("| ")]


def promised(what, place=0):
    """Return the bound of the row that begins with `what`: the first number in it, or a later one.

    In ulp, or relative where the row says so.
    """
    (row,) = [line for line in ROWS if line.startswith(f"| {what}")]
    numbers = re.findall(r"\d+(?:e-\d+)?", row.split("|", 2)[2])
    return float(numbers[place])
