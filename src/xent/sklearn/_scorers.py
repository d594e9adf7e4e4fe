"""Scorers for cross-validation and searches that know every class of the estimator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from xent.errors import XentTypeError, XentValueError
from xent.sklearn._log_loss import d2_log_loss_score, log_loss

__all__ = ["LogLossScorer", "d2_log_loss_scorer", "neg_log_loss_scorer", "predicted"]

_SCORES: dict[str, tuple[Callable[..., float], int]] = {
    "neg_log_loss": (log_loss, -1),
    "d2_log_loss_score": (d2_log_loss_score, 1),
}


class LogLossScorer:
    """A scorer, called as ``scorer(estimator, X, y_true)``; greater is better.

    Like those of `sklearn.metrics.make_scorer`, for `cross_val_score`, `GridSearchCV` and
    wherever `scoring=` is an argument. It passes ``estimator.classes_`` as the labels, so a
    fold without some class is scored, where scikit-learn's "neg_log_loss" fails and the
    fold becomes nan.

    Parameters
    ----------
    score : {"neg_log_loss", "d2_log_loss_score"}
    zero : {"inf", "clip:EPS", "sklearn"}, default "inf"
        As for `log_loss`. With "inf", a model that gives probability 0 to what happens in a
        fold scores -inf there, as random forests do; a search then ranks it last.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from xent.sklearn import neg_log_loss_scorer
    >>> model = LogisticRegression(max_iter=1000)
    >>> scores = cross_val_score(model, *load_iris(return_X_y=True), scoring=neg_log_loss_scorer)
    >>> bool((scores > -0.3).all())
    True
    """

    def __init__(self, score: str = "neg_log_loss", *, zero: str = "inf") -> None:
        if score not in _SCORES:
            raise XentValueError(f"score must be one of {tuple(_SCORES)}, got {score!r}")
        self.score = score
        self.zero = zero
        self._requests: dict[str, bool | str | None] = {"sample_weight": None}

    def __call__(self, estimator: Any, X: Any, y_true: Any, sample_weight: Any = None) -> float:
        y_proba, labels = predicted(estimator, X)
        function, sign = _SCORES[self.score]
        value = function(
            y_true, y_proba, sample_weight=sample_weight, labels=labels, zero=self.zero
        )
        return sign * value

    def set_score_request(self, *, sample_weight: bool | str | None = None) -> LogLossScorer:
        """Say whether sample weights are passed on, as scikit-learn's metadata routing asks."""
        self._requests = {"sample_weight": sample_weight}
        return self

    def get_metadata_routing(self) -> Any:
        """Return what is requested, for scikit-learn's metadata routing."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=self)
        for name, alias in self._requests.items():
            request.score.add_request(param=name, alias=alias)
        return request

    def __sklearn_clone__(self) -> LogLossScorer:
        return copy.copy(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LogLossScorer) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.score, self.zero))

    def __repr__(self) -> str:
        zero = "" if self.zero == "inf" else f", zero={self.zero!r}"
        return f"LogLossScorer({self.score!r}{zero})"


def predicted(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the probabilities that a fitted estimator predicts, and its classes."""
    if not hasattr(estimator, "predict_proba"):
        raise XentTypeError(
            f"estimator must have predict_proba, got {type(estimator).__name__}; a classifier of "
            "decision values gets one from sklearn.calibration.CalibratedClassifierCV"
        )
    y_proba = estimator.predict_proba(X)
    if isinstance(y_proba, list):
        raise XentTypeError(
            f"estimator must predict one target, got {len(y_proba)} outputs from "
            f"{type(estimator).__name__}; score each by itself"
        )
    return y_proba, getattr(estimator, "classes_", None)


neg_log_loss_scorer = LogLossScorer("neg_log_loss")
d2_log_loss_scorer = LogLossScorer("d2_log_loss_score")
