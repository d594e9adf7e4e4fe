"""Log loss where scikit-learn is in use: its signatures, its conventions, the right numbers.

Importing this room loads neither scikit-learn nor matplotlib; what needs one of them
imports it when it is called.
"""

from __future__ import annotations

from xent.sklearn._display import XentDisplay
from xent.sklearn._log_loss import d2_log_loss_score, log_loss
from xent.sklearn._scorers import LogLossScorer, d2_log_loss_scorer, neg_log_loss_scorer

__all__ = [
    "LogLossScorer",
    "XentDisplay",
    "d2_log_loss_score",
    "d2_log_loss_scorer",
    "log_loss",
    "neg_log_loss_scorer",
]
