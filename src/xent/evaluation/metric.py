"""`Metric`: an evaluation that is fed batch by batch, on one process or on many."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from xent.errors import MergeError, XentTypeError, XentValueError
from xent.evaluation.reading.names import class_list
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan, make_plan
from xent.evaluation.reading.tables import ArraySource, as_numpy
from xent.evaluation.result import Evaluation
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.summary import Summary
from xent.units import Unit

__all__ = ["Metric"]

ONE_HOT_ROWS = 20  # so many rows with a single 1 of two are no chance: 1e-6
GIVEN = ("probs", "logits", "log_probs")


class Metric:
    r"""The log loss of a validation loop, in the shape of a metric of torchmetrics.

    ``update`` takes batches, ``compute`` gives the `Evaluation` of all rows so far. Where
    ``torch.distributed`` is initialised, ``compute`` merges the states of all ranks first:
    the result on every rank is that of one process with all rows, bit for bit, however the
    rows are spread, and ranks without rows count for nothing.

    Parameters
    ----------
    given : {"probs", "logits", "log_probs"}, default "probs"
        What predictions are. "probs" and "logits" are ``(N, K)``, or ``(N,)`` about class 1
        of two (with ``task="multi"``: about each label); "log_probs" is ``(N, K)`` too, a
        log-probability for each class.
    task : {"class", "multi"}, default "class"
        "class": targets are ``(N,)`` positions. "multi": targets are ``(N, K)`` of 0 and 1.
    classes, ignore, zero, unit, nan, sum_tolerance
        As in `evaluate`; `classes` may be text, "cat,dog" or "1..10", here too.
    calibration : bool, default True
        Whether to keep what the decomposition of the loss is made of: 16 kB a class, which
        ten thousand classes and more may not be worth.
    sync : bool, default True
        Whether ``compute`` merges ranks.
    group : ProcessGroup, optional
        The ranks to merge; all of them where it is not given.

    Notes
    -----
    *Shapes.* The class axis is the last one; axes before it, such as positions in a text,
    are rows too.

    *Rows.* Rows are called by their id where batches have one; else they are numbered from 0
    as this process saw them, and called "rank 1:17" where several were merged.

    *Errors.* A batch that cannot be scored raises, and may have been added in part: the
    metric then refuses to go on until ``reset()``.

    *torch* is imported by nobody here: tensors are read where they come, and processes are
    asked for only if torch is loaded.

    See Also
    --------
    evaluate : the same for a file or arrays at once.
    xent.torch.total.Total : the mean of a training loss over micro-batches and ranks.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.evaluation import Metric
    >>> metric = Metric()
    >>> metric.update(np.array([[0.5, 0.5]]), np.array([0]))
    >>> metric.update(np.array([[0.2, 0.8]]), np.array([1]))
    >>> metric.compute().log_loss  # (log 2 + log 1.25) / 2
    0.4581453659370775
    """

    def __init__(
        self,
        given: Literal["probs", "logits", "log_probs"] = "probs",
        *,
        task: Literal["class", "multi"] = "class",
        classes: Sequence[Any] | str | None = None,
        ignore: int | None = None,
        zero: str = "inf",
        unit: Unit = "nat",
        nan: Literal["raise", "exclude"] = "raise",
        sum_tolerance: float = 1e-4,
        calibration: bool = True,
        sync: bool = True,
        group: Any = None,
    ) -> None:
        if given not in GIVEN:
            raise XentValueError(f"given must be one of {GIVEN}, got {given!r}", value=given)
        self.given = given
        self.sync = sync
        self.group = group
        # a softmax leaves log-probabilities as they are
        self._said: dict[str, Any] = {
            "probs" if given == "probs" else "logits": "predictions",
            "task": task,
            "classes": class_list(classes) if isinstance(classes, str) else classes,
            "ignore": ignore,
            "zero": zero,
            "unit": unit,
            "nan": nan,
            "sum_tolerance": sum_tolerance,
            "calibration": calibration,
        }
        Options(**self._said)  # says what is wrong with them before the first batch
        self.reset()

    def reset(self) -> None:
        """Forget all rows."""
        self._merged = Summary()  # of other metrics, and of this one before it was copied
        self._scorer: Scorer | None = None
        self._shape: tuple[int, ...] | None = None
        self._rows = 0
        self._refused: str | None = None

    def update(self, preds: Any, target: Any, weight: Any = None, *, id: Any = None) -> None:
        """Add a batch.

        Parameters
        ----------
        preds : array or tensor, floating, shape ``(..., K)`` or ``(N,)``
            Predictions, as `given` says.
        target : array or tensor, integer, shape ``(...)``
            The true class of each row; for ``task="multi"`` 0 or 1 for each prediction.
        weight : array or tensor, optional, shape ``(...)``
            Weight of each row.
        id : array or sequence, optional, shape ``(...)``
            What each row is called among the most surprising ones, instead of its number.

        Raises
        ------
        XentValueError
            If shapes differ, the number of classes changes, or a row cannot be scored.
        """
        if self._refused is not None:
            raise XentValueError(
                f"metric must be reset after a batch that it refused ({self._refused})"
            )
        arrays, shape = self._columns(preds, target, weight)
        if id is not None:
            arrays["id"] = np.asarray(id).reshape(-1)
        if self._shape is not None and self._shape != shape:
            raise XentValueError(
                f"preds must have {_width(self._shape)} as the batches before, got {_width(shape)}",
                value=shape,
            )
        source = ArraySource(arrays)
        if not source.num_rows:
            return
        if self._scorer is None:
            self._scorer = Scorer(*self._plan(source, arrays))
            self._shape = shape
        for name in ("weight", "id"):
            if (name in arrays) != (getattr(self._scorer.plan, name) is not None):
                raise XentValueError(f"{name} must come with every batch, or with none")
        try:
            self._scorer.add(arrays, self._rows)
        except (XentValueError, XentTypeError) as error:
            self._refused = str(error)
            raise
        self._rows += source.num_rows

    def compute(self) -> Evaluation:
        """Return the evaluation of all rows, of all ranks where there are several.

        Raises
        ------
        XentValueError
            If no rank has rows.
        """
        summary = self.summary()
        if self.sync and _ranks(self.group) > 1:
            summary = _gathered(summary, self.group)
        if not summary.num_rows:
            raise XentValueError("metric must have rows to be computed, got none", code="D02")
        return Evaluation(summary, name="metric", unit=self._said["unit"])

    def summary(self) -> Summary:
        """Return the state of this process alone."""
        if self._refused is not None:
            raise XentValueError(
                f"metric must be reset after a batch that it refused ({self._refused})"
            )
        return self._merged if self._scorer is None else self._merged + self._scorer.summary()

    def merge_state(self, other: Metric | Summary | Iterable[Metric | Summary]) -> Metric:
        """Add the rows of other metrics (or summaries) to this one's, and return this one."""
        others = [other] if isinstance(other, (Metric, Summary)) else list(other)
        for one in others:
            if not isinstance(one, (Metric, Summary)):
                raise XentTypeError(
                    f"merge_state must get metrics or summaries, got {type(one).__name__}"
                )
            self._merged += one.summary() if isinstance(one, Metric) else one
        self.summary()  # raises where settings differ
        return self

    def __call__(self, preds: Any, target: Any, weight: Any = None) -> Evaluation:
        """Add a batch and return the evaluation of it alone."""
        self.update(preds, target, weight)
        batch = Metric(self.given, sync=False)
        batch._said = self._said
        batch.update(preds, target, weight)
        return batch.compute()

    def state_dict(self) -> dict[str, str]:
        """Return what a checkpoint keeps."""
        return {"summary": self.summary().to_json()}

    def load_state_dict(self, state: dict[str, str]) -> None:
        """Go on from a checkpoint."""
        if "summary" not in state:
            raise XentValueError(
                "state must be what state_dict() of a Metric returned, with the entry 'summary', "
                f"got the entries {sorted(map(str, state))}"
            )
        merged = Summary.from_json(state["summary"])
        self.reset()
        self._merged = merged
        self._rows = self._merged.num_rows + self._merged.num_ignored + self._merged.num_missing

    def __getstate__(self) -> dict[str, Any]:
        # the sums of the kernel are in the summary
        return {**vars(self), "_merged": self.summary(), "_scorer": None}

    def _columns(
        self, preds: Any, target: Any, weight: Any
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Return a batch as columns, and how many predictions a row has (none: about one)."""
        preds, target = _array("preds", preds), _array("target", target)
        labels = self._said["task"] == "multi"
        rows = target.shape[:-1] if labels and target.ndim > 1 else target.shape
        expected = (target.shape,) if labels else (rows, (*rows, preds.shape[-1]))
        if preds.ndim == 0 or preds.shape not in expected:
            raise XentValueError(
                f"preds must have the shape of target{'' if labels else ' and a class axis'}, got "
                f"{preds.shape} and {target.shape}",
                value=preds.shape,
            )
        if not labels and preds.shape == rows and self._shape is None:
            _refuse_one_hot(target)
        shape = preds.shape[len(rows) :]
        columns: dict[str, Any] = {"predictions": preds.reshape(-1, *shape)}
        if labels:
            outcomes = target.reshape(-1, *shape)
            if shape:
                columns |= {f"label_{j}": outcomes[:, j] for j in range(shape[0])}
            else:
                columns["label_0"] = outcomes
        else:
            columns["target"] = target.reshape(-1)
        if weight is not None:
            weight = _array("weight", weight)
            if weight.shape != rows:
                raise XentValueError(
                    f"weight must have the shape {rows} of the rows, got {weight.shape}",
                    value=weight.shape,
                )
            columns["weight"] = weight.reshape(-1)
        return columns, shape

    def _plan(self, source: ArraySource, arrays: dict[str, Any]) -> tuple[Plan, Options]:
        said = dict(self._said)
        if "target" in arrays:
            said["target"] = "target"
        else:
            said["labels"] = [name for name in arrays if name.startswith("label_")]
        said |= {name: name for name in ("weight", "id") if name in arrays}
        options = Options(**said)
        return make_plan(source.fields, source.head(0), options), options


def _array(name: str, values: Any) -> Any:
    """Anything array-like that holds numbers, as NumPy."""
    array = as_numpy(name, values)
    if array.dtype.kind not in "biuf":
        raise XentTypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    return array


def _refuse_one_hot(target: Any) -> None:
    """Raise for rows with a single 1 each, which would be read as so many rows about class 1."""
    if target.ndim < 2 or target.shape[-1] < 2 or target.size // target.shape[-1] < ONE_HOT_ROWS:
        return
    if ((target == 0) | (target == 1)).all() and (target.sum(axis=-1) == 1).all():
        raise XentValueError(
            f"target must hold one class position a row, got {target.shape} with a single 1 in "
            "every row: say target.argmax(-1); or task='multi' where each column is a label of "
            "its own",
            value=target.shape,
        )


def _width(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} predictions a row" if shape else "one prediction a row"


def _distributed() -> Any:
    """torch.distributed, where it is loaded and initialised; else None."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed


def _ranks(group: Any) -> int:
    distributed = _distributed()
    return 1 if distributed is None else int(distributed.get_world_size(group))


def _gathered(summary: Summary, group: Any) -> Summary:
    """The sum of all ranks' summaries, the same on each."""
    distributed = _distributed()
    mine = summary.in_part(f"rank {distributed.get_rank()}").to_json()
    states: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(states, mine, group=group)
    merged = Summary()
    for rank, state in enumerate(states):
        try:
            merged += Summary.from_json(state)
        except MergeError as error:
            raise MergeError(f"rank {rank} does not belong to rank 0: {error}") from None
    return merged
