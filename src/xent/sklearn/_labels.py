"""The classes of a target, and each row's position among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.numbers import counted
from xent.evaluation.reading.names import class_names, class_values, nearest, same_number
from xent.evaluation.reading.tables import as_numpy

__all__ = ["Labelled", "column_labels", "read_labels"]

Array = NDArray[Any]
_TABLE = 1 << 16  # spans of whole numbers up to this size are looked up, not searched


class Labelled(NamedTuple):
    """`positions` of the rows among `classes`, which are in the order of the columns."""

    classes: tuple[Any, ...]
    positions: NDArray[np.int64]


def read_labels(
    y_true: Any, num_columns: int, labels: Any = None, named: Sequence[str] | None = None
) -> Labelled:
    """Return the position of each row's class among the columns of the predictions.

    The classes in the order of the columns are `labels`; else the names of the columns,
    where those are the classes; else the sorted values of `y_true`, as scikit-learn has it.

    Parameters
    ----------
    y_true : array-like, shape ``(n,)``, or rows with one 1, shape ``(n, num_columns)``
    num_columns : int
        How many classes are predicted.
    labels : array-like, optional
    named : sequence of str, optional
        Names of the columns of the predictions.
    """
    if hasattr(y_true, "toarray"):
        y_true = y_true.toarray()
    y = _as_array(y_true, "y_true")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        return _one_hot(y, num_columns, labels)
    if y.ndim != 1:
        raise XentValueError(
            f"y_true must have one label a row, got shape {y.shape}", value=y.shape
        )
    y = _comparable(y, "y_true")
    if labels is not None:
        classes = _given(labels, num_columns)
        _check_same_names(classes, named)
        return Labelled(tuple(classes.tolist()), _find(y, classes))
    if named is not None:
        classes_by_name = _by_column_names(y, named)
        if classes_by_name is not None:
            return Labelled(tuple(classes_by_name.tolist()), _find(y, classes_by_name))
    classes, positions = _encode(y)
    if len(classes) != num_columns:
        categories = _categories(y_true, num_columns)
        if categories is None:
            raise _wrong_number(y, num_columns)
        classes, positions = categories, _find(y, categories)
    return Labelled(tuple(classes.tolist()), positions)


def column_labels(y_proba: Any) -> list[str] | None:
    """Return the names of a table's columns, without what all share; None where there are none.

    The names 0, 1, 2, ... of a table whose columns nobody named say nothing.
    """
    # the columns of a table of Arrow are arrays
    columns = getattr(y_proba, "column_names", getattr(y_proba, "columns", None))
    if columns is None or callable(columns) or not hasattr(columns, "__iter__"):
        return None
    names = class_names([str(c) for c in columns])
    return None if names == [str(j) for j in range(len(names))] else names


def _as_array(values: Any, name: str) -> Array:
    try:
        array: Array = as_numpy(name, values)
        return array
    except XentValueError:
        raise
    except (TypeError, ValueError) as error:
        raise XentTypeError(
            f"{name} must be an array that NumPy can read, got {type(values).__name__}: "
            f"{str(error).splitlines()[0]}"
        ) from None


def _comparable(y: Array, name: str) -> Array:
    """Return labels as whole numbers or text, which compare and sort; else raise."""
    kind = y.dtype.kind
    if kind == "O":
        values = y.tolist()
        for i, value in enumerate(values):
            # what pandas has for a missing value does not compare
            if value is None or type(value).__name__ == "NAType" or value != value:
                raise _no_label(name, value, i)
        kinds = {_kind(v) for v in values}
        if len(kinds) > 1 or None in kinds:
            shown = sorted({type(v).__name__ for v in values})
            raise XentTypeError(
                f"{name} must hold labels of one kind, numbers or text, got {', '.join(shown)}"
            )
        y = np.array(values)
        kind = y.dtype.kind
    if kind == "f":
        y = y.astype(np.float64, copy=False)
        missing = np.flatnonzero(np.isnan(y))
        if missing.size:
            raise _no_label(name, y[missing[0]].item(), int(missing[0]))
        wrong = np.flatnonzero(~((y == np.floor(y)) & (np.abs(y) < 2.0**63)))
        if wrong.size:
            i = int(wrong[0])
            raise XentValueError(
                f"{name} must hold class labels, got {y[i]} in row {i} "
                f"({counted(wrong.size, 'such row')}); probabilities as targets: "
                "xent.categorical_cross_entropy",
                index=i,
                value=float(y[i]),
            )
        kind = "i"
    if kind == "u" and y.size and y.max() > np.iinfo(np.int64).max:
        return y  # as int64 the largest would be the smallest
    if kind in "iub":
        return y.astype(np.int64, copy=False)
    if kind in "UST":
        return y.astype(str) if kind != "U" else y
    raise XentTypeError(f"{name} must hold labels, numbers or text, got dtype {y.dtype}")


def _no_label(name: str, value: Any, row: int) -> XentValueError:
    return XentValueError(
        f"{name} must have a label in each row, got {value!r} in row {row}", index=row, value=value
    )


def _kind(value: Any) -> str | None:
    if isinstance(value, (str, np.str_)):
        return "text"
    return "number" if isinstance(value, (int, float, np.number, np.bool_)) else None


def _encode(y: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the sorted distinct labels, and the position of each row's among them."""
    if y.dtype.kind == "i" and y.size:
        low, high = int(y.min()), int(y.max())
        if high - low < _TABLE:
            seen = np.flatnonzero(np.bincount(y - low if low else y))
            if len(seen) == high - low + 1:
                return seen + low, y - low if low else y
            table = np.zeros(high - low + 1, np.int64)
            table[seen] = np.arange(len(seen))
            return seen + low, table[y - low]
    classes = np.unique(y)
    return classes, np.searchsorted(classes, y).astype(np.int64, copy=False)


def _given(labels: Any, num_columns: int) -> Array:
    classes = _comparable(_as_array(labels, "labels").reshape(-1), "labels")
    if len(classes) < 2:
        raise XentValueError(
            f"labels must name at least two classes, got {classes.tolist()}", value=classes.tolist()
        )
    if len(classes) != num_columns:
        raise XentValueError(
            f"labels must name the {num_columns} columns of y_proba in their order, got "
            f"{len(classes)} labels: {_shown(classes.tolist())}",
            value=len(classes),
        )
    distinct, counts = np.unique(classes, return_counts=True)
    if len(distinct) != len(classes):
        twice = distinct[np.argmax(counts > 1)].item()
        raise XentValueError(f"labels must be different, got {twice!r} twice", value=twice)
    return classes


def _find(y: Array, classes: Array) -> NDArray[np.int64]:
    """Return the position of each label among classes in any order, or raise."""
    if (y.dtype.kind == "U") != (classes.dtype.kind == "U"):
        raise XentTypeError(
            "y_true and labels must both be numbers or both be text, got "
            f"{y[0].item()!r} and {classes[0].item()!r}"
        )
    order = np.argsort(classes)
    place = np.searchsorted(classes, y, sorter=order)
    positions = order[np.minimum(place, len(classes) - 1)]
    wrong = np.flatnonzero(classes[positions] != y)
    if wrong.size:
        i = int(wrong[0])
        shown = [str(c) for c in classes.tolist()]
        raise XentValueError(
            f"y_true must hold the labels, got {y[i].item()!r} in row {i} "
            f"({counted(wrong.size, 'such row')}); "
            + nearest(str(y[i].item()), shown, "the labels are"),
            code="D01",
            index=i,
            value=y[i].item(),
        )
    return positions.astype(np.int64, copy=False)


def _check_same_names(classes: Array, named: Sequence[str] | None) -> None:
    """Raise where labels are the names of the columns in another order."""
    said = [str(c) for c in classes.tolist()]
    if named is not None and sorted(named) == sorted(said) and list(named) != said:
        raise XentValueError(
            f"labels must be in the order of the columns of y_proba, which are named "
            f"{_shown(list(named))}, got {_shown(said)}; leave labels out to match them by name",
            code="D25",
            value=said,
        )


def _by_column_names(y: Array, named: Sequence[str]) -> Array | None:
    """Return the classes that the columns are named after, or None where they are not."""
    same = None if y.dtype.kind == "U" else same_number(named)
    distinct = np.unique(y).tolist()
    if same is not None and int(same[0]) in distinct:
        raise XentValueError(
            "y_true must be text, or labels given, where two columns of y_proba are named after "
            f"one number, got {same[0]!r} and {same[1]!r}",
            code="D01",
            value=same,
        )
    values = list(named) if y.dtype.kind == "U" else class_values(named)
    if values is None or not set(values) & set(distinct):
        return None
    missing = [value for value in distinct if value not in values]
    if missing:
        raise XentValueError(
            f"y_true must hold classes that y_proba has a column for, got {missing[0]!r}; "
            f"{nearest(str(missing[0]), named, 'the columns are')}; say labels to name the columns",
            code="D01",
            value=missing[0],
        )
    return np.array(values)


def _categories(y_true: Any, num_columns: int) -> Array | None:
    """Return the sorted categories of a pandas Categorical if there is one for each column."""
    categories = getattr(getattr(y_true, "dtype", None), "categories", None)
    if categories is None or not hasattr(categories, "__len__") or len(categories) != num_columns:
        return None
    return np.sort(_comparable(np.asarray(categories), "y_true"))


def _one_hot(y: Array, num_columns: int, labels: Any) -> Labelled:
    if y.shape[1] != num_columns:
        raise XentValueError(
            f"y_true must have one column for each of the {num_columns} columns of y_proba, got "
            f"shape {y.shape}",
            value=y.shape,
        )
    if y.dtype.kind not in "iubf" or not np.isin(y, (0, 1)).all():
        raise XentValueError(
            "y_true of two dimensions must hold 0 and 1; probabilities as targets: "
            "xent.categorical_cross_entropy"
        )
    ones = y.sum(axis=1)
    wrong = np.flatnonzero(ones != 1)
    if wrong.size:
        i = int(wrong[0])
        raise XentValueError(
            f"y_true must have one 1 in each row, got {int(ones[i])} in row {i} "
            f"({counted(wrong.size, 'such row')}); labels that are each true or false by "
            "themselves have a loss of their own: xent.evaluate(labels=y_true, probs=y_proba, "
            'task="multi")',
            code="D17",
            index=i,
            value=int(ones[i]),
        )
    classes = np.arange(num_columns) if labels is None else _given(labels, num_columns)
    return Labelled(tuple(classes.tolist()), y.argmax(axis=1).astype(np.int64, copy=False))


def _wrong_number(y: Array, num_columns: int) -> XentValueError:
    distinct = np.unique(y).tolist()
    if len(distinct) == 1:
        got = f"only the label {distinct[0]!r}"
    else:
        got = f"{len(distinct)} labels: {_shown(distinct)}"
    return XentValueError(
        f"y_true must hold every class where labels is not given, and y_proba has "
        f"{num_columns} columns, got {got}; pass labels in the order of the columns "
        "(labels=estimator.classes_)",
        value=len(distinct),
    )


def _shown(values: list[Any]) -> str:
    return ", ".join(map(repr, values[:6])) + (" ..." if len(values) > 6 else "")
