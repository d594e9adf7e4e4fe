"""A Display in scikit-learn's convention: a log loss in its parts, and where it is reliable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xent.errors import XentValueError
from xent.evaluation import Evaluation, evaluate
from xent.evaluation.numbers import UNITS, number
from xent.evaluation.reading.names import class_values, same_number
from xent.information.figures import new_axes
from xent.report.figures import plot_reliability, plot_waterfall
from xent.sklearn._scorers import predicted
from xent.sklearn._task import read_task

__all__ = ["XentDisplay"]

KINDS = ("both", "reliability", "waterfall")


class XentDisplay:
    """The log loss of a classifier in two figures: its parts, and its reliability diagram.

    Made by `from_estimator` or `from_predictions`, as the displays of scikit-learn are.

    Parameters
    ----------
    evaluation : Evaluation
        What is drawn; every number is in it.
    name : str, optional
        Of the model, for the title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes, or array of two of them for ``kind="both"``
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    log_loss : the number alone.
    xent.evaluate : the evaluation, from files and tables too.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from xent.sklearn import XentDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:300], y[:300])
    >>> display = XentDisplay.from_estimator(model, X[300:], y[300:], kind="reliability")
    >>> display.ax_.get_title()[:22]
    'Pipeline: log loss 0.0'
    """

    def __init__(self, evaluation: Evaluation, *, name: str | None = None) -> None:
        self.evaluation = evaluation
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        zero: str = "inf",
        kind: str = "both",
        group: str | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> XentDisplay:
        """Draw what a fitted classifier predicts for X against what y says.

        Parameters
        ----------
        estimator : fitted classifier with `predict_proba`
            A pipeline or a search too. Its `classes_` name the columns.
        X : array-like, shape ``(n, features)``
        y : array-like, shape ``(n,)``
        sample_weight, zero, kind, group, ax
            As for `from_predictions`.
        name : str, optional
            Default: the name of the estimator's class.

        Returns
        -------
        XentDisplay
        """
        y_proba, labels = predicted(estimator, X)
        return cls.from_predictions(
            y,
            y_proba,
            sample_weight=sample_weight,
            labels=labels,
            zero=zero,
            kind=kind,
            group=group,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any = None,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        zero: str = "inf",
        kind: str = "both",
        group: str | None = None,
        name: str | None = None,
        ax: Any = None,
        y_pred: Any = None,
    ) -> XentDisplay:
        """Draw predicted probabilities against what happened.

        Parameters
        ----------
        y_true, y_proba, sample_weight, labels, y_pred
            As for `log_loss`.
        zero : {"inf", "clip:EPS"}, default "inf"
            What a probability of 0 for the truth costs. Where the loss is infinite, as that of
            random forests often is, the waterfall is of the other rows, and says so:
            "clip:1e-15" gives it one of all.
        kind : {"both", "reliability", "waterfall"}, default "both"
        group : str, optional
            The class of the reliability diagram. Default: the second of two classes, else
            the predicted class, whichever it is.
        name : str, optional
            Of the model, for the title.
        ax : matplotlib.axes.Axes, or two of them for ``kind="both"``, optional
            Where to draw; by default a new figure.

        Returns
        -------
        XentDisplay
        """
        _check_kind(kind)
        task = read_task(y_true, y_proba, y_pred, sample_weight, labels)
        classes = [str(c) for c in task.labelled.classes]
        target: Any = task.labelled.positions
        values = classes if same_number(classes) else class_values(classes)
        if values is not None:
            target = np.array(values)[target]
        evaluation = evaluate(
            target=target,
            probs=task.probs,
            weight=task.weight,
            classes=classes,
            sum_tolerance=task.tolerance,
            zero=zero,
        )
        display = cls(evaluation, name=name)
        return display.plot(kind=kind, group=group, ax=ax)

    def plot(
        self,
        *,
        kind: str = "both",
        group: str | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> XentDisplay:
        """Draw the display once more; parameters as for `from_predictions`.

        Returns
        -------
        XentDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        UnavailableError
            If matplotlib is not installed.
        """
        _check_kind(kind)
        title = self._title(self.name if name is None else name)
        if kind != "both":
            self.ax_ = self._draw(kind, group, ax)
            self.figure_ = self.ax_.figure
            self._entitle(self.ax_, kind, title)
            return self
        axes = _two_axes(ax)
        for one, each in zip(axes, ("waterfall", "reliability"), strict=True):
            self._draw(each, group, one)
        self.ax_, self.figure_ = axes, axes[0].figure
        self._entitle(axes[0], kind, title)
        return self

    def _entitle(self, ax: Any, kind: str, title: str) -> None:
        # a waterfall has the rows that it leaves out for its title
        is_part = kind != "reliability" and self.evaluation.num_impossible
        ax.set_title(f"{title}\n{ax.get_title()}" if is_part else title)

    def _draw(self, kind: str, group: str | None, ax: Any) -> Any:
        if kind == "waterfall":
            return plot_waterfall(self.evaluation, ax)
        return plot_reliability(self.evaluation, ax, name=group)

    def _title(self, name: str | None) -> str:
        loss = f"log loss {number(self.evaluation.log_loss)} {UNITS[self.evaluation.unit]}"
        return f"{name}: {loss}" if name else loss

    def __repr__(self) -> str:
        return f"<XentDisplay {self._title(self.name)}>"


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise XentValueError(f"kind must be one of {KINDS}, got {kind!r}", value=kind)


def _two_axes(ax: Any) -> Any:
    if ax is None:
        return new_axes(1, 2, size=(11, 4.6))
    if not isinstance(ax, (Sequence, np.ndarray)) or len(ax) != 2:
        raise XentValueError(
            'ax must be two axes for kind="both", got one; say kind="reliability" or "waterfall"'
        )
    return np.asarray(ax)
