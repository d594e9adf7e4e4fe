"""`audit`: every rule that applies to a model's output and its targets, on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xent.diagnostics import averaging, history, logits, pairs, policy, probabilities, targets
from xent.diagnostics.audit_rows import (
    concentration,
    label_losses,
    log_probabilities,
    permuted_columns,
    warn_impossible,
)
from xent.diagnostics.dtypes import check_numbers
from xent.diagnostics.findings import Audit, Finding
from xent.diagnostics.known_values import Explanation, explain
from xent.diagnostics.labels import check_label_order
from xent.diagnostics.shapes import check_axis, check_same_shape, check_vector
from xent.diagnostics.tensors import as_array
from xent.diagnostics.tokens import check_shift, end_never_learnt
from xent.diagnostics.warn import listening
from xent.errors import XentTypeError, XentValueError

__all__ = ["LOSSES", "audit"]

LOSSES = (
    "softmax_cross_entropy",
    "sigmoid_cross_entropy",
    "categorical_cross_entropy",
    "binary_cross_entropy",
)
_SEVERITIES = ("error", "warning", "note")


def audit(
    model_output: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    loss: str | None = None,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    classes: Sequence[Any] | None = None,
    tokens: ArrayLike | None = None,
    end_token: int | None = None,
    losses: ArrayLike | None = None,
) -> Audit:
    """Return what every rule that applies says about a model's output and its targets.

    Meant for one batch or one validation set, by hand or in a test: it looks at every
    row, which the checks inside the losses do not, and it never raises for what it finds.

    Parameters
    ----------
    model_output : array or tensor, floating
        Logits or probabilities, with a class axis; or a value for each independent label. A
        torch tensor may need a gradient, be bfloat16, and lie on any device.
    target : array or tensor
        Class indices, or an array of the shape of `model_output`.
    axis : int, default -1
        The class axis.
    loss : str, optional
        The loss that these are passed to: "softmax_cross_entropy",
        "sigmoid_cross_entropy" (logits), "categorical_cross_entropy" or
        "binary_cross_entropy" (probabilities). Without it, the shapes and the row sums
        decide, and the page says so.
    weight : array of shape (C,), optional
        Class weights, as the loss gets them. The mean on the page is unweighted.
    ignore_index : int, optional
        Rows with this target do not count.
    classes : sequence, optional
        Names of the classes in the order of the columns, for messages and rule D26.
    tokens : integer array of the shape of `target`, optional
        What went into a language model, for rule D22: whether the labels are shifted once.
        With ``next_token_cross_entropy(logits, tokens)`` the audit is of ``logits[:, :-1]``
        with the targets ``tokens[:, 1:]`` and the tokens ``tokens[:, :-1]``.
    end_token : int, optional
        The token that ends a text: with `tokens` and `ignore_index`, rule D23.
    losses : sequence of float, optional
        The unweighted mean loss of each training step in nats, from the first on, for rules
        D11 to D13. Empty if the model was not trained yet: then its loss on this batch is
        the first one.

    Returns
    -------
    Audit
        Its `findings` have `code`, `severity` ("error", "warning" or "note") and
        `message`; it prints as a page.

    Raises
    ------
    XentValueError
        If `loss` is unknown: an audit of another loss would mislead.

    Notes
    -----
    *Memory.* Two float64 copies of `model_output`.

    See Also
    --------
    xent.checks : which of the rules run inside the losses.
    xent.evaluate : the numbers, rather than the mistakes.
    xent.torch.check_partition_invariance : the one rule that needs the loss function, D24.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> probs = rng.dirichlet(np.ones(3), size=6)
    >>> page = audit(probs, np.array([1, 2, 3, 1, 2, 3]), loss="softmax_cross_entropy")
    >>> [(finding.code, finding.severity) for finding in page.findings]
    [('D01', 'error'), ('D04', 'warning')]
    """
    if loss is not None and loss not in LOSSES:
        raise XentValueError(f"loss must be one of {LOSSES}, got {loss!r}", value=loss)
    output, output_dtype = as_array(model_output)
    truth, truth_dtype = as_array(target)
    run_losses = None if losses is None else history.check_losses(losses)
    chosen = loss or _infer(output, truth, axis)
    run = _Run(output, truth, axis, chosen, ignore_index, (output_dtype, truth_dtype))
    with policy.checks("full"), listening() as heard:
        run.attempt(check_numbers, output, name="model_output", code="D07")
        if not run.errors:
            run.look_at_target(None if weight is None else as_array(weight)[0])
        if tokens is not None:
            run.look_at_tokens(as_array(tokens)[0], end_token)
        if not run.errors or {e.code for e in run.errors} <= {"D01", "D02", "D08", "D17", "D22"}:
            run.look_at_output()
        # sorted as text, so that sorting may well be where the order comes from
        if classes is not None and list(classes) == sorted(classes, key=str):
            check_label_order(classes)
        mean = None if run.in_the_way else run.look_at_rows(classes)
        explained = None if mean is None else explain(mean, **run.baselines())
        if run_losses is not None and explained is not None:
            run.look_at_losses(run_losses, explained)
    findings = [Finding(e.code or "", "error", _text(e), e.index, e.value) for e in run.errors]
    findings += [Finding(w.code or "", kind, _text(w), w.index, w.value) for kind, w in heard]
    findings.sort(key=lambda finding: (_SEVERITIES.index(finding.severity), finding.code))
    num_classes = output.shape[axis] if run.has_axis else 1
    return Audit(
        loss=chosen,
        inferred=loss is None,
        rows=output.size // num_classes if num_classes else 0,
        classes=num_classes,
        mean=mean,
        explanation="" if explained is None else str(explained),
        findings=tuple(findings),
    )


class _Run:
    """One audit under way: the arrays, and the errors so far."""

    def __init__(
        self,
        output: NDArray[Any],
        target: NDArray[Any],
        axis: int,
        loss: str,
        ignore_index: int | None,
        dtypes: tuple[str | None, str | None],  # where NumPy has none for them
    ) -> None:
        self.output, self.target, self.axis, self.loss = output, target, axis, loss
        self.output_dtype, self.target_dtype = dtypes
        self.ignore_index = ignore_index
        self.errors: list[XentValueError | XentTypeError] = []
        self.has_axis = -output.ndim <= axis < output.ndim
        self.are_labels = loss in ("sigmoid_cross_entropy", "binary_cross_entropy")
        self.are_logits = loss in ("softmax_cross_entropy", "sigmoid_cross_entropy")

    @property
    def in_the_way(self) -> bool:
        """Whether an error stands in the way of a mean; labels in a wrong place do not."""
        return any(error.code != "D22" for error in self.errors)

    def attempt(self, check: Callable[..., Any], *args: Any, **options: Any) -> bool:
        """Run a check that raises; return whether it did not."""
        try:
            check(*args, **options)
        except (XentValueError, XentTypeError) as error:
            self.errors.append(error)
            return False
        return True

    def look_at_target(self, weight: ArrayLike | None) -> None:
        """Shapes, dtypes and values: D01, D02, D08, D14 to D17, D20."""
        output, target = self.output, self.target
        if self.are_labels:
            names = ("model_output", output.shape, "target", target.shape)
            if not self.attempt(check_same_shape, *names):
                return
            if not target.size:
                self.attempt(averaging.nothing_to_average, rows=0)
            elif self.attempt(targets.check_unit_interval, target) and self.has_axis:
                targets.hint_single_label(target, self.axis)
            return
        shapes = (output.shape, target.shape, self.axis)
        if not self.attempt(check_axis, *shapes, axis_given=True, name="model_output"):
            return
        num_classes = output.shape[self.axis]
        if weight is not None:
            meaning = f"one weight for each of the {num_classes:,} classes"
            self.attempt(check_vector, "weight", np.shape(weight), (num_classes,), meaning)
        if target.shape == output.shape:
            if not target.size:
                self.attempt(averaging.nothing_to_average, rows=0)
                return
            if target.dtype.kind in "iub":
                self.attempt(targets.check_one_hot, target, self.axis)
            else:
                check, dtype = targets.check_distribution_target, self.target_dtype
                self.attempt(check, target, self.axis, dtype=dtype)
            return
        if self.attempt(targets.check_index_dtype, target, num_classes):
            self._look_at_indices(num_classes, weighted=weight is not None)

    def _look_at_indices(self, num_classes: int, *, weighted: bool) -> None:
        kept = self.target[self._counting()]
        if not kept.size:
            self.attempt(
                averaging.nothing_to_average,
                rows=self.target.size,
                ignored=self.target.size,
                ignore_index=self.ignore_index,
            )
        elif kept.min() < 0 or kept.max() >= num_classes:
            place = (self.target, num_classes, self.ignore_index)
            self.attempt(targets.raise_target_out_of_range, *place)
            return
        averaging.nearly_empty(kept=kept.size, rows=self.target.size, loss="audit", calls=1)
        if weighted:
            averaging.weights_cancel(self.target, ignore_index=self.ignore_index)

    def look_at_tokens(self, tokens: NDArray[Any], end_token: int | None) -> None:
        """Where the labels stand beside the tokens: D22, D23."""
        shapes = ("tokens", tokens.shape, "target", self.target.shape)
        if not self.attempt(check_same_shape, *shapes) or tokens.ndim == 0:
            return
        ignored = self.ignore_index
        self.attempt(check_shift, tokens, self.target, shifts=False, ignore_index=ignored)
        if end_token is not None and ignored is not None:
            end_never_learnt(tokens, self.target, end=end_token, ignore_index=ignored, shifts=False)

    def look_at_losses(self, losses: NDArray[np.float64], now: Explanation) -> None:
        """How training began, and where it stands: D11, D12, D13."""
        classes = now.classes or 0
        history.initial_loss(float(losses[0]) if len(losses) else now.nats, classes)
        history.look_at_losses(losses, classes, now.frequencies)

    def look_at_output(self) -> None:
        """Logits and probabilities: D04 to D07, D09, D10, D18, D29."""
        output, axis = self.output, self.axis
        if not output.size or not output.ndim:
            return
        label_axis = None if self.are_labels else axis
        if self.are_logits:
            missing = np.isnan(output) | np.isposinf(output)
            if missing.any():
                place = (output, missing, label_axis, "model_output", "logits")
                self.attempt(probabilities.raise_missing, *place)
                return
            dtype = self.output_dtype
            logits.look(output, label_axis, loss=self.loss, evidence=logits.Evidence(), dtype=dtype)
            logits.note_half_precision(output, dtype)
            return
        name = "model_output"
        check = probabilities.check_probabilities
        fine = self.attempt(check, output, axis=label_axis, name=name, dtype=self.output_dtype)
        if fine and self.target.shape == output.shape and not self.are_labels:
            pairs.swapped_arguments(self.target, output, axis=axis, names=("target", name))

    def look_at_rows(self, classes: Sequence[Any] | None) -> float | None:
        """Return the mean loss in nats, after D19, D25 and D27."""
        if not self.output.ndim:
            return None
        if self.are_labels:
            nll = label_losses(self.output, self.target, are_logits=self.are_logits)
            rows = np.arange(nll.size)
            nll = nll.ravel()
        else:
            moved = np.moveaxis(self.output, self.axis, -1)
            log_probs = log_probabilities(
                moved.reshape(-1, moved.shape[-1]), are_logits=self.are_logits
            )
            if self.target.shape == self.output.shape:
                truth = np.moveaxis(self.target, self.axis, -1).reshape(log_probs.shape)
                with np.errstate(invalid="ignore"):
                    terms = np.where(truth == 0, 0.0, -truth * log_probs)
                nll, rows = terms.sum(axis=-1), np.arange(len(terms))
            else:
                rows = np.flatnonzero(self._counting().ravel())
                truth = self.target.ravel()[rows].astype(np.intp)
                nll = -log_probs[rows, truth]
                permuted_columns(log_probs[rows], truth, classes)
        warn_impossible(nll, rows)
        concentration(nll, rows)
        return float(np.mean(nll)) if nll.size else None

    def baselines(self) -> dict[str, Any]:
        """Return what `explain` needs to know about the classes."""
        if self.are_labels:
            return {"classes": 2}
        num_classes = self.output.shape[self.axis]
        if self.target.shape == self.output.shape:
            others = tuple(i for i in range(self.target.ndim) if i != self.axis % self.target.ndim)
            return {"class_frequencies": self.target.sum(axis=others, dtype=np.float64)}
        kept = self.target[self._counting()].ravel().astype(np.intp)
        return {"class_frequencies": np.bincount(kept, minlength=num_classes)}

    def _counting(self) -> NDArray[np.bool_]:
        if self.ignore_index is None:
            return np.ones(self.target.shape, bool)
        counting: NDArray[np.bool_] = self.target != self.ignore_index
        return counting


def _infer(output: NDArray[Any], target: NDArray[Any], axis: int) -> str:
    """Return the loss that the shapes and, of most rows, the sums speak for."""
    if output.dtype.kind not in "iufb" or not output.size:
        return "softmax_cross_entropy"
    in_range = bool(output.min() >= 0 and output.max() <= 1)
    has_classes = -output.ndim <= axis < output.ndim and output.shape[axis] > 1
    if (
        output.shape == target.shape
        and target.dtype.kind in "iufb"
        and not (has_classes and _most_sum_to_one(target, axis))
    ):
        return "binary_cross_entropy" if in_range else "sigmoid_cross_entropy"
    if has_classes and output.min() >= 0 and _most_sum_to_one(output, axis):
        return "categorical_cross_entropy"
    return "softmax_cross_entropy"


def _most_sum_to_one(rows: NDArray[Any], axis: int) -> bool:
    sums = rows.sum(axis=axis, dtype=np.float64)
    return bool(np.mean(np.abs(sums - 1) <= 1e-2) > 0.5)


def _text(problem: Exception) -> str:
    """Return the message without its code, which a finding carries by itself."""
    return str(problem).removeprefix(f"{getattr(problem, 'code', None)}: ")
