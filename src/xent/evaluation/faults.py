"""What is wrong with predictions, in words: the requirement, what came, where, the fix."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from xent.errors import XentValueError
from xent.evaluation.exact import ONE, rounded
from xent.evaluation.numbers import counted
from xent.evaluation.reading.names import span
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan

__all__ = ["check_looks", "check_weight", "raise_fault"]

Fault = tuple[int, int, int, float]
ORDER = (
    "missing",
    "bad_weight",
    "bad_size",
    "no_class",
    "out_of_range",
    "infinite_logit",
    "wrong_sum",
)
LOOK_ROWS = 1024
WEIGHT_BITS = 340  # the cube of a weight beyond 2**340 is no double, nor that of one over it


def check_looks(plan: Plan, columns: list[Any]) -> None:
    """Raise where logits are plainly probabilities: scored twice through a softmax."""
    if not plan.prediction.endswith(("_logit", "_logits")) or len(plan.classes) < 2:
        return
    block = _block(columns, LOOK_ROWS)
    inside = block.size > 0 and bool(np.all((block >= 0) & (block <= 1)))
    if plan.prediction == "class_logits":
        if len(block) >= 4 and inside and np.all(np.abs(block.sum(axis=1) - 1) <= 1e-3):
            raise XentValueError(
                f"logits must be unnormalised, got probabilities: all values of the first "
                f"{len(block)} rows are in [0, 1] and every row sums to 1; say probs",
                code="D04",
                index=0,
                value=float(block[0, 0]),
            )
    elif block.size >= 256 and inside and not np.all((block == 0) | (block == 1)):
        raise XentValueError(
            f"logits must be unnormalised, got what looks like probabilities: all {block.size} "
            "first values are in [0, 1]; say probs",
            code="D06",
            index=0,
            value=float(block[0, 0]),
        )


def check_weight(name: str | None, total: int) -> None:
    """Raise where weights are too small or large to be cubed; the sum is in units of 2**-1074."""
    if not ONE >> WEIGHT_BITS <= total <= ONE << WEIGHT_BITS:
        raise XentValueError(
            f"weight {name!r} must sum to between 2**-{WEIGHT_BITS} and 2**{WEIGHT_BITS}, "
            f"got {rounded(total):.3g}; divide all weights by one number",
            code="D02",
        )


def raise_fault(
    plan: Plan, options: Options, faults: dict[str, Fault], columns: list[Any], seen: int
) -> NoReturn:
    """Raise for the first kind of fault that rows were found to have."""
    kind = next(k for k in ORDER if k in faults)
    count, row, column, value = faults[kind]
    where = f"in row {row}"
    if column >= 0:
        where += f" of {_column(plan, column)}"
    elif kind == "missing":
        # which of them it was is not kept
        where += " of " + " or ".join(_beside(plan))
    such = f"{counted(count, 'such row')} among the first {seen:,}"
    requirement, got, hint, code = _words(kind, plan, options, columns, value, faults[kind])
    raise XentValueError(
        f"{requirement}, got {got} {where} ({such}){'; ' + hint if hint else ''}",
        code=code,
        index=row,
        value=value,
    )


def _words(
    kind: str, plan: Plan, options: Options, columns: list[Any], value: float, fault: Fault
) -> tuple[str, str, str, str | None]:
    what = f"{'a list' if plan.width else 'columns'} {span(plan.columns)}"
    if kind == "missing":
        hint = "to leave such rows out and count them, say nan='exclude'"
        missing = "nan" if fault[2] >= 0 else "a missing value"
        return "every value must be a number", missing, hint, None
    if kind == "bad_weight":
        return f"weight {plan.weight!r} must be finite and >= 0", f"{value:g}", "", None
    if kind == "bad_size":
        return f"bytes {plan.size!r} must be finite and >= 0", f"{value:g}", "", None
    if kind == "no_class":
        top = len(plan.classes)
        hint = "name the classes in order with classes"
        return f"target {plan.target!r} must be in [0, {top})", f"{value:g}", hint, "D01"
    if kind == "infinite_logit":
        return "logits must be below +inf", "inf", "a softmax of +inf has no value", None
    if kind == "wrong_sum":
        requirement = f"probabilities must sum to 1 in each row within {options.sum_tolerance:g}"
        return requirement, _close(value), _sum_hint(plan, columns, value), "D07"
    if plan.kind == "log_probs":
        hint = "probabilities? say probs, or take their logarithm; losses? change their sign"
        return "log-probabilities must be <= 0", f"{value:g}", hint, "D10"
    hint, code = _range_hint(columns)
    return f"probabilities ({what}) must be in [0, 1]", f"{value:g}", hint, code


def _range_hint(columns: list[Any]) -> tuple[str, str]:
    block = _block(columns, 65536)
    finite = block[np.isfinite(block).all(axis=1)]
    if finite.size and finite.max() <= 0:
        total = np.exp(finite).sum(axis=1)
        if finite.shape[1] == 1 or np.all(np.abs(total - 1) < 1e-2):
            return (
                "these are log-probabilities: say logits (a softmax leaves them as they are)",
                "D10",
            )
    large = finite.size and finite.min() >= 0 and 1.5 < finite.max() <= 100
    if large and np.all(np.abs(finite.sum(axis=1) - 100) < 1):
        return "these are percentages: divide by 100 in --sql", "D07"
    return "these look like logits: say logits", "D07"


def _sum_hint(plan: Plan, columns: list[Any], value: float) -> str:
    block = _block(columns, 4096)
    if abs(value - 1) < 0.02:
        return "rounded when they were written? allow more with sum_tolerance"
    if len(block) and float(np.mean(np.abs(block.sum(axis=1) - 1) > 0.1)) > 0.5:
        return (
            "labels that are each true or false by themselves are task='multi'; "
            "else a column is missing or one too many"
        )
    return "is a column missing?"


def _block(columns: list[Any], rows: int) -> np.ndarray[Any, Any]:
    if columns[0].ndim == 2:
        return np.asarray(columns[0][:rows], dtype=np.float64)
    return np.stack([c[:rows].astype(np.float64) for c in columns], axis=1)


def _column(plan: Plan, column: int) -> str:
    if plan.width:
        return f"{plan.columns[0]}[{column}]"
    return plan.columns[column]


def _beside(plan: Plan) -> list[str]:
    """The truth, and the columns of numbers beside it."""
    truth = plan.target or span(plan.outcomes)
    return [name for name in (truth, plan.weight, plan.size) if name]


def _close(value: float) -> str:
    """A number near 1 with enough digits to see that it is not."""
    return f"{value:.4g}" if abs(value - 1) > 1e-3 else f"{value:.9g}"
