"""Predictions in, numbers out: log loss with its references, in sums that merge."""

from xent.evaluation.api import evaluate
from xent.evaluation.comparison import Comparison, compare
from xent.evaluation.metric import Metric
from xent.evaluation.result import Evaluation
from xent.evaluation.state import load_state, merge_states, save_state
from xent.evaluation.summary.summary import ClassSums, Summary, Surprise

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
