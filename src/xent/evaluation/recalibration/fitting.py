"""A recalibration from rows: which fit a method is, for classes and for labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.exact import ratio
from xent.evaluation.recalibration.fits import fit_shift, fit_temperature, fit_vector
from xent.evaluation.recalibration.isotonic import Curve, against_rest, fit_curve
from xent.evaluation.recalibration.labels import fit_each, fit_together
from xent.evaluation.recalibration.objective import Matrix
from xent.evaluation.recalibration.prepared import in_proportion, log_softmax
from xent.evaluation.recalibration.recalibration import METHODS, Recalibration, Training
from xent.evaluation.recalibration.rows import RowSet
from xent.kernels.cpu.log_loss import LogLoss

__all__ = ["fit_recalibration"]

FITS = {"temperature": fit_temperature, "vector": fit_vector, "shift": fit_shift}


def fit_recalibration(
    rows: RowSet,
    kind: str,
    classes: Sequence[str],
    method: str,
    *,
    name: str = "rows",
    truth: Sequence[str] = (),
) -> Recalibration:
    """Return the recalibration that a method fits to rows; `truth` names the columns of it.

    Raises
    ------
    XentValueError
        Where no finite recalibration is best, or the rows hold one class only.
    """
    if method not in METHODS:
        raise XentValueError(f"method must be one of {METHODS}, got {method!r}", value=method)
    _check_outcomes(rows, kind, classes)
    if method == "isotonic":
        found = _isotonic(rows, kind, classes)
    elif kind == "labels":
        found = _labels(rows, classes, method)
    else:
        found = _classes(rows, classes, method)
    before, after = _losses(found, rows)
    training = replace(
        found.training, name=name, log_loss_before=before, log_loss=after,
        num_rows=rows.summary.num_rows, num_impossible=rows.summary.num_impossible,
        fingerprint=rows.fingerprint, truth=tuple(truth),
    )  # fmt: skip
    return replace(found, training=training)


def _check_outcomes(rows: RowSet, kind: str, classes: Sequence[str]) -> None:
    if rows.summary.num_impossible == rows.summary.num_rows:
        raise XentValueError(
            "rows must be possible to be fitted: the truth had probability 0 in all "
            f"{rows.summary.num_rows:,}; are the classes in the order of the columns?"
        )
    if kind == "classes" and (rows.truth == rows.truth[0]).all():
        raise XentValueError(
            f"rows must be of two classes at least to recalibrate, got {len(rows.truth):,} of "
            f"class {classes[int(rows.truth[0])]!r} alone",
            code="D02",
        )


def _classes(rows: RowSet, classes: Sequence[str], method: str) -> Recalibration:
    fit = FITS[method](rows.scores, rows.truth, rows.weight)
    if fit.separated:
        raise _separated(method, f"the truth of all {len(rows.truth):,} rows")
    bias = fit.parameters["bias"]
    notes = [note for note in fit.notes if "never true" not in note]
    never = [name for name, b in zip(classes, bias, strict=True) if math.isinf(b)]
    if never:
        shown = ", ".join(never[:5]) + (f" and {len(never) - 5} more" if len(never) > 5 else "")
        notes.append(f"never true, so left as predicted: {shown}")
    training = _training(fit.num_parameters, fit.optimism, notes)
    return Recalibration("classes", tuple(classes), method, fit.parameters["scale"], bias, training)


def _labels(rows: RowSet, names: Sequence[str], method: str) -> Recalibration:
    count = len(names)
    if method == "temperature":
        fit = fit_together(fit_temperature, rows.scores, rows.truth, rows.weight)
        if fit.separated:
            raise _separated(method, f"all {rows.truth.size:,} label decisions")
        training = _training(1, fit.optimism, fit.notes)
        bias = (0.0,) * count
        return Recalibration(
            "labels", tuple(names), method, fit.parameters["scale"], bias, training
        )
    fits = fit_each(FITS[method], rows.scores, rows.truth, rows.weight)
    scales, biases, notes = [], [], []
    parameters, optimism = 0, 0.0
    left: dict[str, list[str]] = {"separated": [], "always the same": []}
    for name, fit in zip(names, fits, strict=True):
        odds = fit.parameters["bias"][1] - fit.parameters["bias"][0]
        if fit.separated or not math.isfinite(odds):
            left["separated" if math.isfinite(odds) else "always the same"].append(name)
            scales.append(1.0)
            biases.append(0.0)
            continue
        scales.append(fit.parameters["scale"][0])
        biases.append(odds)
        notes += [f"{name}: {note}" for note in fit.notes]
        parameters += fit.num_parameters
        optimism += fit.optimism / count
    if not parameters:
        raise _separated(method, f"each of the {count} labels")
    notes += [f"{why}, so left as predicted: {', '.join(n)}" for why, n in left.items() if n]
    training = _training(parameters, optimism, notes)
    return Recalibration("labels", tuple(names), method, tuple(scales), tuple(biases), training)


def _isotonic(rows: RowSet, kind: str, classes: Sequence[str]) -> Recalibration:
    weight = in_proportion(rows.weight)
    effective = float(weight.sum() ** 2 / (weight**2).sum())

    def curve(logits: Matrix, outcome: npt.NDArray[np.int64]) -> Curve:
        return fit_curve(logits, outcome, weight, effective)

    if kind == "labels":
        columns = range(len(classes))
        curves = tuple(curve(rows.scores[:, j], rows.truth[:, j]) for j in columns)
    elif len(classes) == 2:
        z = rows.scores
        curves = (curve(z[:, 1] - z[:, 0], rows.truth),)
    else:
        logits = against_rest(log_softmax(rows.scores))
        curves = tuple(
            curve(logits[:, j], (rows.truth == j).astype(np.int64)) for j in range(len(classes))
        )
    levels = sum(len(set(c.probabilities)) for c in curves)
    notes = []
    if kind == "classes" and len(classes) > 2:
        notes = ["each class against the rest, then divided by the sum: a heuristic"]
    training = _training(levels, math.nan, notes)
    return Recalibration(kind, tuple(classes), "isotonic", (), (), training, curves)


def _training(num_parameters: int, optimism: float, notes: Sequence[str]) -> Training:
    return Training("", 0, 0, "", math.nan, math.nan, num_parameters, optimism, notes=tuple(notes))


def _separated(method: str, what: str) -> XentValueError:
    return XentValueError(
        f"a finite {method} must be best, got scores that separate {what}: the larger the scale, "
        "the better, without end; fit it on more rows, and not on those that the model has learnt"
    )


def _losses(found: Recalibration, rows: RowSet) -> tuple[float, float]:
    """The log loss of the rows that were not impossible, before and after; sums exact."""
    possible = np.isfinite(_kernel_loss(found, rows, rows.scores)[1])
    kept = rows.where(possible)
    scores = found.log_odds(kept.scores) if found.kind == "labels" else found.log_probs(kept.scores)
    before, _ = _kernel_loss(found, kept, kept.scores)
    after, _ = _kernel_loss(found, kept, scores)
    return before, after


def _kernel_loss(
    found: Recalibration, rows: RowSet, scores: Matrix
) -> tuple[float, npt.NDArray[np.float64]]:
    labels = found.kind == "labels"
    count = scores.shape[1]
    sums = LogLoss("label_logits" if labels else "class_logits", count, tolerance=0.0)
    nll = np.empty(len(scores))
    columns = [np.ascontiguousarray(scores[:, j]) for j in range(count)] if labels else [scores]
    truth = (
        {"labels": [np.ascontiguousarray(rows.truth[:, j], dtype=np.uint8) for j in range(count)]}
        if labels
        else {"target": rows.truth}
    )
    sums.add(columns, weight=rows.weight, row_nll=nll, **truth)
    totals = sums.sums()
    return ratio(totals["nll"], totals["weight"] * (count if labels else 1)), nll
