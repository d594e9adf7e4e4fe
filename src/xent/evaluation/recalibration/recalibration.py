"""Recalibration: a fitted correction of predictions, which applies to others and is JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.reading.names import repeated
from xent.evaluation.reading.tables import array_of
from xent.evaluation.recalibration.given import check_rows, scores_of_rows
from xent.evaluation.recalibration.isotonic import Curve, normalised
from xent.evaluation.recalibration.objective import Matrix
from xent.evaluation.recalibration.prepared import log_softmax

__all__ = ["METHODS", "Recalibration", "Training"]

METHODS = ("temperature", "vector", "isotonic", "shift")


@dataclass(frozen=True)
class Training:
    """What a recalibration was fitted to; losses in nats a row, or a label decision."""

    name: str
    num_rows: int
    num_impossible: int
    fingerprint: str  # of the rows, whatever their order
    log_loss_before: float  # of the rows that were not impossible
    log_loss: float
    num_parameters: int
    optimism: float  # p / (2 n); nan where no formula gives it
    truth: tuple[str, ...] = ()  # the columns that held it
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recalibration:
    r"""Predictions corrected as they should have been on the rows of a fit.

    Classes, with scores z (log-probabilities or logits) and one scale or one a class:

    .. math::
        q'_j \propto \exp(\beta_j z_j + b_j)

    Labels, with s the log-odds of label j: its log-odds become :math:`\beta_j s + b_j`.
    "isotonic" maps the log-odds of each class or label through a rising curve instead.

    A probability of 0 stays 0, except through isotonic curves. Classes that were never true
    in the fit keep the probability that they have, since nothing was learnt about them: the
    others share the rest. (An isotonic curve of such a class is level, at 1 / (2n + 2).)

    Parameters
    ----------
    kind : {"classes", "labels"}
    classes : tuple of str
        In the order of the predictions; others must have the same, in any order.
    method : {"temperature", "vector", "isotonic", "shift"}
    scale : tuple of float
        One, or one a class.
    bias : tuple of float
        One a class; -inf for a class that was never true.
    curves : tuple of Curve
        For "isotonic": of class 1 of two, or of each class or label.
    training : Training
        What it was fitted to.

    See Also
    --------
    xent.recalibrate : fits one.

    Examples
    --------
    >>> import xent
    >>> overconfident = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]
    >>> r = xent.recalibrate(([0, 0, 1, 1], overconfident), method="temperature")
    >>> r.temperature > 1
    True
    >>> r.apply([[0.9, 0.1]]).round(3)
    array([[0.75, 0.25]])
    """

    kind: str
    classes: tuple[str, ...]
    method: str
    scale: tuple[float, ...]
    bias: tuple[float, ...]
    training: Training
    curves: tuple[Curve, ...] = ()

    @property
    def temperature(self) -> float:
        """1 / scale: above 1 the predictions were too sure. nan where there is no one scale."""
        if self.method == "isotonic" or len(self.scale) != 1:
            return math.nan
        return 1 / self.scale[0] if self.scale[0] else math.inf

    def apply(
        self, predictions: Any, *, given: str = "probs", sum_tolerance: float = 1e-4
    ) -> npt.NDArray[np.float64]:
        """Return predictions recalibrated, of the same shape and kind.

        Parameters
        ----------
        predictions : array, shape ``(N, K)``, or ``(N,)`` of class 1 of two
            In the order of `classes`.
        given : {"probs", "logits"}
            What they are. Recalibrated logits of classes are log-probabilities.
        sum_tolerance : float, default 1e-4
            How far a row of probabilities of classes may sum from 1.

        Raises
        ------
        XentTypeError
            For what holds no numbers.
        XentValueError
            For another shape than that of the fit, and for rows that are no distribution:
            probabilities outside [0, 1] or with another sum than 1, logits that are nan, +inf
            or (of classes) all -inf.
        """
        if given not in ("probs", "logits"):
            raise XentValueError(f"given must be 'probs' or 'logits', got {given!r}", value=given)
        values = array_of("predictions", predictions)
        if values.dtype.kind not in "biuf":
            raise XentTypeError(f"predictions must be numbers, got dtype {values.dtype}")
        values = values.astype(np.float64)
        single = values.ndim == 1
        if single and (self.kind != "classes" or len(self.classes) != 2) and len(self.classes) > 1:
            raise XentValueError(
                f"predictions must have shape (N, {len(self.classes)}), got {values.shape}"
            )
        if single:
            values = values[:, None]
        elif values.ndim != 2 or values.shape[1] != len(self.classes):
            raise XentValueError(
                f"predictions must have shape (N, {len(self.classes)}), got {values.shape}; "
                f"the recalibration is of the classes {', '.join(self.classes[:8])}",
                value=values.shape,
            )
        odds = self.kind == "labels"
        check_rows(values, given, odds=odds, single=single, sum_tolerance=sum_tolerance)
        scores = scores_of_rows(values, given, odds=odds, single=single)
        found = self.log_odds(scores) if odds else self.log_probs(scores)
        if self.kind == "classes" and single:
            found = found[:, 1:] if given == "probs" else found[:, 1:] - found[:, :1]
        if given == "probs":
            found = _sigmoid(found) if odds else np.exp(found)
        result: npt.NDArray[np.float64] = found[:, 0] if single else found
        return result

    def log_probs(self, scores: Matrix) -> Matrix:
        """Return log-probabilities of rows of scores of classes, (N, K) in their order."""
        z: Matrix = log_softmax(scores)
        if self.curves:
            return normalised(self.curves, z)
        bias = np.array(self.bias)
        seen = np.isfinite(bias)
        if seen.all():
            return log_softmax(self._scaled(z, slice(None)))
        found: Matrix = z.copy()
        share = _logsumexp(z[:, seen])
        some = np.flatnonzero(np.isfinite(share[:, 0]))
        fitted = log_softmax(self._scaled(z[some][:, seen], seen))
        found[np.ix_(some, np.flatnonzero(seen))] = fitted + share[some]
        return found

    def log_odds(self, log_odds: Matrix) -> Matrix:
        """Return recalibrated log-odds of labels, (N, K) in their order."""
        if self.curves:
            p = np.stack([c(log_odds[:, j]) for j, c in enumerate(self.curves)], axis=1)
            odds: Matrix = np.log(p) - np.log1p(-p)
            return odds
        return self._scaled(log_odds, slice(None))

    def order(self, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return where each of the recalibration's classes is among `classes`.

        Raises
        ------
        XentValueError
            Where `classes` are not the same.
        """
        place = {name: j for j, name in enumerate(classes)}
        missing = [name for name in self.classes if name not in place]
        extra = [name for name in classes if name not in set(self.classes)]
        if missing or extra or repeated(classes):
            what = "labels" if self.kind == "labels" else "classes"
            difference = "; ".join(
                f"{text} {', '.join(names[:5])}" + (" ..." if len(names) > 5 else "")
                for text, names in (("without", missing), ("and also", extra))
                if names
            ).replace("; ", " ")
            raise XentValueError(
                f"predictions must be of the {len(self.classes)} {what} that the recalibration was "
                f"fitted to, got {len(classes)} {what} {difference}; name them in the order of "
                "the columns with classes",
                value=list(classes),
            )
        return np.array([place[name] for name in self.classes], dtype=np.int64)

    def to_json(self) -> str:
        """Return JSON text, exact to the last bit."""
        from xent.evaluation.recalibration.state import to_json

        return to_json(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for machines."""
        return {**asdict(self), "temperature": self.temperature}

    @classmethod
    def from_json(cls, text: str, name: str = "text") -> Recalibration:
        """Return the recalibration that `to_json` wrote; `name` says where the text is from.

        Raises
        ------
        SourceError
            If the text is none, or of a version that this one cannot read.
        """
        from xent.evaluation.recalibration.state import from_json

        return from_json(text, name)

    def __str__(self) -> str:
        from xent.evaluation.recalibration.text import render

        return render(self)

    def _scaled(self, scores: Matrix, chosen: Any) -> Matrix:
        scale = np.array(self.scale)
        scale = scale[chosen] if len(scale) > 1 else scale
        certain = np.isinf(scores)
        if not certain.any():
            plain: Matrix = scores * scale + np.array(self.bias)[chosen]
            return plain
        moved = np.where(certain, 0.0, scores) * scale + np.array(self.bias)[chosen]
        return np.where(certain, scores, moved)


def _logsumexp(z: Matrix) -> Matrix:
    top = z.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Matrix = top + np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    return np.where(np.isneginf(top), -np.inf, found)


def _sigmoid(s: Matrix) -> Matrix:
    found: Matrix = np.exp(-np.logaddexp(0.0, -s))
    return found
