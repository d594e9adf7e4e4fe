"""Options that several commands have: one name, one type, one sentence of help each."""

from __future__ import annotations

from typing import Annotated, Literal

from xent.cli.options import Text, option

__all__ = [
    "Bytes",
    "Classes",
    "FailIf",
    "Ignore",
    "Json",
    "Labels",
    "Lang",
    "Level",
    "LogProbs",
    "Logits",
    "Nan",
    "Output",
    "Probs",
    "Report",
    "SumTolerance",
    "Target",
    "Task",
    "UnitOfLosses",
    "Weight",
    "Zero",
]

# what is read -------------------------------------------------------------------------

Target = Annotated[Text, option("Column of the true class.")]
Probs = Annotated[Text, option('Columns of probabilities: "p_*", "a,b" or one column.')]
Logits = Annotated[Text, option("Columns of logits instead.")]
LogProbs = Annotated[
    Text, option("Column of log-probabilities of what happened (language models).")
]
Labels = Annotated[Text, option("Columns of 0 and 1, one for each prediction.")]
Task = Annotated[
    Literal["class", "multi"] | None,
    option("class: exactly one class is true; multi: each label is true or false by itself."),
]
Classes = Annotated[
    Text, option('Names of the classes in the order of the predictions: "cat,dog" or "1..10".')
]
Weight = Annotated[Text, option("Column of row weights.")]
Bytes = Annotated[Text, option("Column of bytes of text, for bits per byte.")]
Ignore = Annotated[Text, option("Leave out rows with this target.")]
Nan = Annotated[
    Literal["raise", "exclude"], option("Rows with missing values: an error, or left out.")
]
SumTolerance = Annotated[
    float, option("How far a row of probabilities may sum from 1 (default 0.0001).")
]

# what is computed ---------------------------------------------------------------------

Zero = Annotated[
    str, option('What probability 0 of the truth costs: "inf" (default) or "clip:1e-15".')
]
UnitOfLosses = Annotated[Literal["nat", "bit", "ban"], option("Unit of the losses.")]
Level = Annotated[float, option("Confidence of the intervals (default 0.95).")]

# where it goes ------------------------------------------------------------------------

Json = Annotated[bool, option("Print JSON for machines instead of the table.")]
Output = Annotated[Text, option("Write to this file instead of standard output.")]
Report = Annotated[Text, option("Write a self-contained HTML page to this file.")]
Lang = Annotated[Literal["en", "zh"], option("Language of the page.")]
FailIf = Annotated[
    tuple[str, ...],
    option('Exit with code 1 where a condition holds: "log_loss>0.4". May be repeated.'),
]
