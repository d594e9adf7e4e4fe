"""One thing that looks wrong or would help, as it is shown."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Hint"]


class Hint(NamedTuple):
    """One thing that looks wrong or would help.

    Attributes
    ----------
    code : str
        The rule, as `xent.audit` and warnings have it.
    severity : {"warning", "note"}
        Very likely not what was meant; or worth knowing.
    found : str
        A sentence with the numbers.
    fix : str
        What to do.
    """

    code: str
    severity: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.code}: {self.found}; {self.fix}"
