"""What `check_partition_invariance` hands back: the ways to merge parts, and the page."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from xent.errors import XentValueError
from xent.torch.partition._weights import Evidence

__all__ = ["MERGED_TOTALS", "PartitionReport", "Way"]

MERGED_TOTALS = "merged as totals"
_WIDTH = 88
_REMEDY = 'Ask the loss for reduction="total", add the totals and take the mean once.'


@dataclass(frozen=True)
class Way:
    """One way to merge the losses of parts.

    Attributes
    ----------
    name : str
        "averaged", "added", "weighted by ..." or "merged as totals".
    value : float
        What it gives.
    whole : float
        The loss of the whole batch.
    gradient_apart : float or None
        The norm of the difference of the gradients, relative to the gradient of the whole.
    rtol : float
        What still counts as the same.
    """

    name: str
    value: float
    whole: float
    gradient_apart: float | None
    rtol: float

    @property
    def agrees(self) -> bool:
        """Whether value and, if compared, gradient are those of the whole batch."""
        if self.value != self.whole:  # infinities may be the same
            bound = self.rtol * max(abs(self.value), abs(self.whole))
            if not abs(self.value - self.whole) <= bound < math.inf:
                return False
        return self.gradient_apart is None or self.gradient_apart <= 10 * self.rtol


@dataclass(frozen=True)
class PartitionReport:
    """Whether the parts of a batch, merged as training merges them, give the whole.

    Attributes
    ----------
    whole : float
        Loss of the whole batch.
    sizes, losses : tuple
        Rows and loss of each part.
    used : str
        The way that `ok` is about: "averaged", "added" or "merged as totals".
    ways : tuple of Way
        Every way that was tried.
    evidence : Evidence or None
        Where none of them gives the whole: whether any weights could.
    """

    whole: float
    sizes: tuple[int, ...]
    losses: tuple[float, ...]
    used: str
    ways: tuple[Way, ...]
    evidence: Evidence | None

    @property
    def ok(self) -> bool:
        """Whether the way that training merges parts gives the loss of the whole batch."""
        return next(way for way in self.ways if way.name == self.used).agrees

    @property
    def kind(self) -> str:
        """ "total", "sum", "mean", "weighted mean", "dependent" or "unknown"."""
        agreeing = [way.name for way in self.ways if way.agrees]
        if self.used == MERGED_TOTALS:
            return "total" if agreeing else "dependent"
        if any(name != "added" for name in agreeing):
            return "mean"
        if agreeing:
            return "sum"
        return self.evidence.kind if self.evidence else "unknown"

    def raise_if_wrong(self) -> None:
        """Raise XentValueError with code D24, and the page as its text, unless `ok`."""
        if not self.ok:
            value = next(way.value for way in self.ways if way.name == self.used)
            raise XentValueError(str(self).removeprefix("D24: "), code="D24", value=value)

    def __str__(self) -> str:
        verdict = textwrap.wrap(self._verdict(), _WIDTH, subsequent_indent="  ")
        sizes = "/".join(f"{size:,}" for size in self.sizes)
        losses = "/".join(f"{loss:.4g}" for loss in self.losses)
        width = max(len(way.name) for way in self.ways)
        table = [
            f"{way.name:<{width}}  {way.value:>9.4g}   {_apart(way)}".rstrip() for way in self.ways
        ]
        return "\n".join([*verdict, "", f"split {sizes}, with losses {losses}", *table])

    def _verdict(self) -> str:
        used = next(way for way in self.ways if way.name == self.used)
        if self.ok:
            text = f"D24: right. The parts {self.used} give the loss of the whole batch"
            text += "." if used.gradient_apart is None else ", and its gradient."
            if self.used == "averaged" and self._alike():
                text += " All parts have the same loss, so that any weights would: try other rows."
            elif self.used == "averaged":
                text += " For parts of other sizes, or with other numbers of ignored targets, "
                text += "they may not: pass the smallest part that training can meet."
            return text
        text = f"D24: wrong. The parts {self.used} give {used.value:.4g} against {self.whole:.4g} "
        text += "for the whole batch"
        others = [way.name for way in self.ways if way.agrees]
        if self.kind == "mean":
            text += ": a mean of means. " if self.used == "averaged" else ", which is a mean. "
            text += f"{_capital(others[0])} they give the whole. {_REMEDY}"
        elif self.kind == "sum":
            text += ": the loss is a sum. Added, the parts give the whole; divide by the weight "
            text += 'of the whole step, or ask for reduction="total".'
        elif self.evidence is not None and self.evidence.kind == "weighted mean":
            sizes = "/".join(map(str, self.evidence.sizes))
            shares = "/".join(f"{100 * share:.3g}" for share in self.evidence.shares)
            text += ", which is a mean with other weights than those known here (class weights?): "
            text += f"cut {sizes}, the parts count {shares} %. {_REMEDY} To have it confirmed, "
            text += "pass weight_of=."
        elif self.kind == "dependent":
            text += ", and no weights would give it: rows see each other (batch norm in training "
            text += "mode, negatives within the batch), or the mean goes through another function "
            text += "(a perplexity). Splitting the batch changes what is learnt."
        else:
            text += ", and the other ways that were tried do not give it either. Pass weight_of=, "
            text += "the weight of a part, or other rows, whose losses tell more."
        return text

    def _alike(self) -> bool:
        low, high = min(self.losses), max(self.losses)
        return high - low <= self.ways[0].rtol * max(abs(low), abs(high))


def _apart(way: Way) -> str:
    if way.agrees:
        return "the whole"
    if not math.isfinite(way.value):
        return "a part has no loss" if math.isnan(way.value) else ""
    text = f"{100 * (way.value - way.whole) / abs(way.whole):+.3g} %" if way.whole else ""
    if way.gradient_apart is not None:
        text += f", gradient off by {100 * way.gradient_apart:.3g} %"
    return text.removeprefix(", ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
