"""What an audit hands back: findings, and the page they print as."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

__all__ = ["Audit", "Finding"]

_WIDTH = 88
_ORDER = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One rule that fired.

    Attributes
    ----------
    code : str
        The rule, such as "D01".
    severity : {"error", "warning", "note"}
        Whether the loss would raise, the result is very likely not what was meant, or it
        is worth knowing.
    message : str
        What was found, why it matters, and the fix.
    index, value
        Where the first offender is and what it is, or None.
    """

    code: str
    severity: str
    message: str
    index: Any = None
    value: Any = None


@dataclass(frozen=True)
class Audit:
    """The findings of `xent.audit`, and the facts they were found on; prints as a page.

    Attributes
    ----------
    loss : str
        The loss that was audited.
    inferred : bool
        Whether the shapes and the row sums decided that.
    rows, classes : int
        Size of the model's output; `classes` are labels for the sigmoid losses.
    mean : float or None
        Unweighted mean loss in nats, over the rows that count (over all labels for the
        sigmoid losses); None where an error stood in the way.
    explanation : str
        What that value means.
    findings : tuple of Finding
        Errors first.
    """

    loss: str
    inferred: bool
    rows: int
    classes: int
    mean: float | None
    explanation: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error and no warning; notes are about nothing wrong."""
        return all(finding.severity == "note" for finding in self.findings)

    def __str__(self) -> str:
        how = " (inferred from the shapes and the row sums)" if self.inferred else ""
        one, many = "class", "classes"
        if self.loss.startswith(("sigmoid", "binary")):
            one, many = "label", "labels"
        what = one if self.classes == 1 else many
        lines = [
            f"audit of {self.loss}{how}",
            f"{self.rows:,} row{'s' * (self.rows != 1)}, {self.classes:,} {what}",
            *self.explanation.splitlines(),
            "",
            self._summary(),
        ]
        for finding in self.findings:
            text = f"{finding.severity} {finding.code}: {finding.message}"
            lines += ["", *_wrapped(text)]
        return "\n".join(lines).rstrip()

    def _summary(self) -> str:
        counts = [(sum(f.severity == kind for f in self.findings), kind) for kind in _ORDER]
        found = [f"{n} {kind}{'s' * (n != 1)}" for n, kind in counts if n]
        return ", ".join(found) if found else "nothing found"


def _wrapped(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(
            paragraph, _WIDTH, subsequent_indent="  ", break_long_words=False
        ) or [""]
    return lines
