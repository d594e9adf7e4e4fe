"""From the losses of a batch to what was asked for: "mean", "sum", "none" or "total"."""

from __future__ import annotations

from typing import Any

from xent.diagnostics.averaging import ON_EMPTY, nothing_to_average
from xent.errors import XentValueError
from xent.kernels.cpu.scored import Scored
from xent.total import Total

__all__ = ["REDUCTIONS", "check_reduction", "reduce_scored"]

REDUCTIONS = ("mean", "sum", "none", "total")


def check_reduction(reduction: str, on_empty: str) -> None:
    if reduction not in REDUCTIONS:
        raise XentValueError(
            f"reduction must be one of {REDUCTIONS}, got {reduction!r}", value=reduction
        )
    if on_empty not in ON_EMPTY:
        raise XentValueError(
            f"on_empty must be one of {ON_EMPTY}, got {on_empty!r}", value=on_empty
        )


def reduce_scored(
    scored: Scored, reduction: str, on_empty: str, rows: int, ignore_index: int | None
) -> Any:
    if reduction == "none":
        assert scored.nll is not None
        return scored.nll[()]
    if reduction == "sum":
        return scored.sum
    if reduction == "total":
        return Total(scored.sum, scored.weight, scored.count)
    if scored.weight == 0:
        ignored = rows - scored.count
        return nothing_to_average(
            rows=rows,
            ignored=ignored,
            ignore_index=ignore_index,
            zero_weight=rows - ignored,
            on_empty=on_empty,
        )
    return scored.sum / scored.weight
