"""Predictions in, numbers out: log loss with its references, in sums that merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xent.evaluation.api import evaluate
from xent.evaluation.metric import Metric
from xent.evaluation.result import Evaluation
from xent.evaluation.state import load_state, merge_states, save_state
from xent.evaluation.summary.summary import ClassSums, Summary, Surprise

if TYPE_CHECKING:
    from xent.evaluation.comparison import Comparison, compare

__all__ = [
    "ClassSums",
    "Comparison",
    "Evaluation",
    "Metric",
    "Summary",
    "Surprise",
    "compare",
    "evaluate",
    "load_state",
    "merge_states",
    "save_state",
]


def __getattr__(name: str) -> Any:
    # who evaluates does not wait for what compares
    if name not in ("Comparison", "compare"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from xent.evaluation import comparison

    value = getattr(comparison, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
