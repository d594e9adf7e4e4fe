"""Labels that are none, and labels that a row names twice: D01."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor

from xent.errors import XentValueError
from xent.torch._linear.sigmoid.positives import Ordered, Positives

__all__ = ["faulty_rows", "refuse_faults"]


def faulty_rows(ordered: Ordered) -> Tensor:
    """Return which rows name a label that is none, or one twice, without asking the device."""
    fault = (ordered.label >= ordered.labels).float()
    fault[1:] = torch.maximum(fault[1:], ordered.repeats.float())
    found = torch.zeros(ordered.rows, device=fault.device)
    return found.scatter_reduce_(0, ordered.row, fault, "amax") > 0


def refuse_faults(positives: Positives, ordered: Ordered) -> None:
    """Raise D01 where a label is none, or is named twice in a row."""
    label, labels = positives.label, positives.labels
    if not len(label):
        return
    if int(ordered.label[-1]) >= labels:
        wrong = label >= labels
        _raise(
            positives,
            int(wrong.nonzero()[0]),
            f"labels below {labels:,}, one for each row of linear_weight",
            int(wrong.sum()),
            f"The largest is {int(label.max()):,}.",
        )
    if bool(ordered.repeats.any()):
        twice = int(ordered.repeats.nonzero()[0])
        again = (label == ordered.label[twice]) & (positives.row == ordered.row[twice])
        hint = ""
        if int(label.max()) <= 1:
            hint = (
                " The only labels are 0 and 1: if target holds them for every label, pass "
                "target.bool()."
            )
        _raise(
            positives,
            int(again.nonzero()[1]),
            "each label of a row once",
            int(ordered.repeats.sum()),
            f"Each is true or false, and cannot be true twice.{hint}",
        )


def _raise(positives: Positives, at: int, requirement: str, count: int, fix: str) -> NoReturn:
    row, value = int(positives.row[at]), int(positives.label[at])
    raise XentValueError(
        f"target must hold {requirement}, but {count:,} of {len(positives.label):,} entries do "
        f"not; first: label {value:,} in row {row:,}. {fix}",
        code="D01",
        index=(row,),
        value=value,
    )
