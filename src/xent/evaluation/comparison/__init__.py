"""Two models or more on the same rows: which is better, by how much, and how sure that is."""

from xent.evaluation.comparison.api import compare
from xent.evaluation.comparison.result import Comparison, GroupRow, ModelRow, Pair

__all__ = ["Comparison", "GroupRow", "ModelRow", "Pair", "compare"]
