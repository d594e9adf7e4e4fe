"""The rules that look at every row's loss: D19, D25, D27."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.assignment import cheapest_assignment
from xent.diagnostics.warn import note_once, warn_once
from xent.diagnostics.where import share

__all__ = [
    "concentration",
    "label_losses",
    "log_probabilities",
    "permuted_columns",
    "warn_impossible",
]

_ROWS_FOR_CONCENTRATION = 1000
_ROWS_A_CLASS = 20
_MOST_CLASSES = 200
_LEAST_LOG = float(np.log(1e-15))  # an impossible row must not decide a permutation alone


def log_probabilities(output: NDArray[Any], *, are_logits: bool) -> NDArray[np.float64]:
    """Return the log-probabilities of rows along the last axis, in float64."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if not are_logits:
            return np.log(output.astype(np.float64))
        x: NDArray[np.float64] = output.astype(np.float64)
        x -= x.max(axis=-1, keepdims=True)
        x -= np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return x


def label_losses(
    output: NDArray[Any], target: NDArray[Any], *, are_logits: bool
) -> NDArray[np.float64]:
    """Return -y log p - (1 - y) log(1 - p) of every label, a term of coefficient 0 skipped."""
    y, x = target.astype(np.float64), output.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if are_logits:
            yes, no = np.logaddexp(0.0, -x), np.logaddexp(0.0, x)
        else:
            yes, no = -np.log(x), -np.log1p(-x)
        loss: NDArray[np.float64] = np.where(y == 0, 0.0, y * yes) + np.where(
            y == 1, 0.0, (1 - y) * no
        )
    return loss


def warn_impossible(nll: NDArray[np.float64], rows: NDArray[np.intp]) -> None:
    """Warn D27 of rows whose loss is infinite."""
    impossible = np.isposinf(nll)
    count = int(impossible.sum())
    if count:
        where = int(rows[np.argmax(impossible)])
        warn_once(
            f"{share(count, nll.size, 'rows')} give probability 0 to what is true, so the mean is "
            f"infinite; first: row {where}. If these zeros are rounded, pass logits or "
            'log-probabilities; to bound the loss, ask for a clip by name: zero="clip:1e-15".',
            code="D27",
            index=where,
            value=count,
        )


def concentration(nll: NDArray[np.float64], rows: NDArray[np.intp]) -> None:
    """Note D19 if the 1 % of the rows that cost most make half of the loss or more.

    Parameters
    ----------
    nll : array, shape (n,)
        The loss of each row, in nats.
    rows : array of int, shape (n,)
        Their places in the model's output.
    """
    finite = np.isfinite(nll)
    nll, rows = nll[finite], rows[finite]
    total = float(nll.sum())
    if len(nll) < _ROWS_FOR_CONCENTRATION or not total > 0:
        return
    top = len(nll) // 100
    order = np.argsort(nll)[::-1]
    part = float(nll[order[:top]].sum()) / total
    if part < 0.5:
        return
    worst = ", ".join(f"{rows[i]} ({nll[i]:.3g})" for i in order[:10])
    note_once(
        f"the {top:,} rows that cost most (1 %) make {part:.0%} of the loss: wrong labels, or a "
        f"model that is too sure. Look at rows {worst} (their losses in nats).",
        code="D19",
        index=int(rows[order[0]]),
        value=part,
    )


def permuted_columns(
    log_probs: NDArray[np.float64], target: NDArray[Any], classes: Sequence[Any] | None
) -> None:
    """Warn D25 if the columns in another order would halve the loss.

    Looks for the order of the columns under which the loss is least, an assignment of
    columns to classes. Needs 20 rows a class on average, and 200 classes at most.

    Parameters
    ----------
    log_probs : array, shape (n, K)
    target : integer array, shape (n,)
    classes : sequence, optional
        Names of the columns.
    """
    n, num_classes = log_probs.shape
    if not 2 <= num_classes <= _MOST_CLASSES or n < _ROWS_A_CLASS * num_classes:
        return
    cost = np.zeros((num_classes, num_classes))
    np.add.at(cost, target, -np.maximum(log_probs, _LEAST_LOG))
    if not np.isfinite(cost).all():
        return
    column = cheapest_assignment(cost)
    now = float(np.trace(cost)) / n
    best = float(cost[np.arange(num_classes), column].sum()) / n
    seen = np.bincount(target, minlength=num_classes) > 0
    moved = np.flatnonzero(seen & (column != np.arange(num_classes)))
    if not len(moved) or best > 0.5 * now:
        return
    names = (
        [repr(c) for c in classes] if classes is not None else list(map(str, range(num_classes)))
    )
    shown = ", ".join(f"column {column[c]} fits class {names[c]}" for c in moved[:5])
    more = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
    warn_once(
        f"{shown}{more}: with the columns in that order the mean loss would be {best:.4g} instead "
        f"of {now:.4g} nats ({share(len(moved), num_classes, 'classes')} move). The columns look "
        f"permuted: reorder them with model_output[:, {column.tolist()}], or name the classes in "
        "the order of the columns.",
        code="D25",
        index=int(moved[0]),
        value=int(column[moved[0]]),
    )
