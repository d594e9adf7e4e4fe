"""What the library says of predictions, and of files that it cannot judge, in Chinese.

Each entry is the English sentence and the Chinese one, both with {places}. A place takes any
text, one whose name begins with n whole numbers only; one whose name ends with _ holds a
sentence of this list itself. "row(s)" is one row or several. What is wrong and what to do are
sentences of their own: `chinese.in_chinese` parts them at "; ".
"""

from __future__ import annotations

from xent.report.messages.files import OF_FILES
from xent.report.messages.numbers import OF_NUMBERS
from xent.report.messages.predictions import OF_PREDICTIONS
from xent.report.messages.rows import OF_ROWS

__all__ = ["MESSAGES"]

MESSAGES: tuple[tuple[str, str], ...] = (
    *OF_ROWS,
    *OF_FILES,
    *OF_PREDICTIONS,
    *OF_NUMBERS,
    # parts of sentences, which would take anything
    ("class {names}", "类别 {names} "),
    ("classes {names}", "类别 {names} "),
    ("label {names}", "标签 {names} "),
    ("labels {names}", "标签 {names} "),
)  # fmt: skip
