"""Entropy of the distribution that counts are a sample of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.diagnostics.counts import undersampled
from xent.diagnostics.dtypes import as_numpy
from xent.errors import XentTypeError, XentValueError
from xent.information import _estimators
from xent.information._validation import check_axis
from xent.units import nats_per

__all__ = ["ESTIMATORS", "EntropyEstimate", "entropy_from_counts"]

ESTIMATORS = (*_estimators.FREQUENTIST, "dirichlet", "nsb")


class EntropyEstimate(NamedTuple):
    """An estimate of an entropy and its standard deviation, in one unit."""

    value: Any
    sd: Any


def entropy_from_counts(
    counts: Any,
    *,
    estimator: str = "plug-in",
    classes: int | None = None,
    alpha: float = 1.0,
    axis: int = -1,
    unit: str = "nat",
) -> EntropyEstimate:
    r"""Return an estimate of the entropy of the distribution behind counts, in nats.

    The frequencies of a sample are more uneven than the probabilities behind them, so their
    entropy, the plug-in estimate, is too low, by about :math:`(K - 1) / 2N` nats for N
    observations of K classes. The estimators differ in how they make up for it:

    ==============  =========  =============================================================
    estimator       classes    what it does
    ==============  =========  =============================================================
    "plug-in"       seen       entropy of the frequencies
    "miller-madow"  seen       plus (K - 1) / 2N of the classes seen [1]_
    "grassberger"   seen       a digamma series in place of the logarithm, the 2003 form [2]_
    "chao-shen"     unknown    weighs by the chance to be seen, for many unseen classes [3]_
    "james-stein"   `classes`  frequencies shrunk towards equal ones [4]_
    "dirichlet"     `classes`  posterior mean under a Dirichlet(`alpha`) prior [5]_
    "nsb"           `classes`  the same under a prior that is flat in the entropy itself [6]_
    ==============  =========  =============================================================

    Parameters
    ----------
    counts : array_like of whole numbers, shape ``(..., C, ...)``
        How often each class was seen. Classes seen never count for `classes` only.
    estimator : str, default "plug-in"
        One of the table. "nsb" is the most accurate where few observations meet a known
        number of classes, "chao-shen" where that number is not known.
    classes : int, optional
        The number of classes that could have been seen; by default all in `counts`, zeros
        included.
    alpha : float, default 1.0
        The concentration of the "dirichlet" prior: 1 Laplace, 1/2 Jeffreys, 1/K Perks.
    axis : int, default -1
        The axis of the classes.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.

    Returns
    -------
    EntropyEstimate
        A named tuple ``(value, sd)`` of floats, or of float64 arrays of the shape of
        `counts` without `axis`. ``sd`` is the posterior standard deviation for "dirichlet"
        and "nsb", the jackknife over observations for the others, the standard error of a mean
        for "grassberger" (nan for one observation).

    Raises
    ------
    XentValueError
        If counts are negative, not whole or not finite, all of them are 0 (D02), or an option
        is out of range.

    Warns
    -----
    MisuseWarning
        D28, once a line of code: the plug-in estimate of counts that are too few for it.

    Notes
    -----
    The work grows with the number of distinct counts, not of classes. "nsb" integrates over
    the concentration by a rule that converges exponentially, 2,049 points.

    See Also
    --------
    entropy : of probabilities that are known.

    References
    ----------
    .. [1] G. Miller, "Note on the bias of information estimates", 1955.
    .. [2] P. Grassberger, "Entropy Estimates from Insufficient Samplings", 2003,
       arXiv:physics/0307138.
    .. [3] A. Chao and T.-J. Shen, "Nonparametric estimation of Shannon's index of diversity
       when there are unseen species in sample", 2003.
    .. [4] J. Hausser and K. Strimmer, "Entropy inference and the James-Stein estimator", 2009.
    .. [5] D. Wolpert and D. Wolf, "Estimating functions of probability distributions from a
       finite set of samples", 1995.
    .. [6] I. Nemenman, F. Shafee and W. Bialek, "Entropy and inference, revisited", 2002.

    Examples
    --------
    Nine throws of a die that never showed a six; the entropy of a fair one is 1.792:

    >>> from xent.information import entropy_from_counts
    >>> counts = [1, 2, 3, 2, 1, 0]
    >>> for estimator in ("miller-madow", "nsb"):
    ...     value, sd = entropy_from_counts(counts, estimator=estimator)
    ...     print(f"{estimator}: {value:.3f} +- {sd:.3f}")
    miller-madow: 1.745 +- 0.321
    nsb: 1.633 +- 0.135
    """
    nats = nats_per(unit)
    if estimator not in ESTIMATORS:
        raise XentValueError(
            f"estimator must be one of {ESTIMATORS}, got {estimator!r}", value=estimator
        )
    if not alpha > 0 or not np.isfinite(alpha):
        raise XentValueError(f"alpha must be positive and finite, got {alpha!r}", value=alpha)
    rows = _as_rows(counts, axis)
    total = rows.shape[-1] if classes is None else classes
    seen = int(np.count_nonzero(rows, axis=-1).max(initial=0))
    if not isinstance(total, (int, np.integer)) or total < seen:
        raise XentValueError(
            f"classes must be a whole number, at least the {seen} that were seen, got {classes!r}",
            value=classes,
        )
    if estimator == "plug-in" and rows.size:
        undersampled(rows)
    results = [
        _estimate(*_counts_of_counts(row), float(total), estimator, alpha)
        for row in rows.reshape(-1, rows.shape[-1])
    ]
    value, sd = np.array(results, np.float64).reshape(-1, 2).T / nats
    shape = rows.shape[:-1]
    if not shape:
        return EntropyEstimate(float(value[0]), float(sd[0]))
    return EntropyEstimate(value.reshape(shape), sd.reshape(shape))


def _as_rows(counts: Any, axis: int) -> npt.NDArray[np.float64]:
    """Return counts with the classes last, or say which of them is none."""
    try:
        array = as_numpy(counts)
    except ValueError as error:
        raise XentTypeError(f"counts must be an array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise XentTypeError(f"counts must be whole numbers, got dtype {array.dtype}")
    rows = np.moveaxis(array, check_axis("counts", array.shape, axis), -1).astype(np.float64)
    wrong = ~((rows >= 0) & (rows == np.floor(rows)) & np.isfinite(rows))
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        are_probabilities = bool(((rows >= 0) & (rows <= 1)).all())
        hint = "; for probabilities call entropy" if are_probabilities else ""
        raise XentValueError(
            f"counts must be whole numbers >= 0, got {rows[index]:.4g} at {index} "
            f"({int(wrong.sum()):,} of {wrong.size:,} are wrong){hint}",
            code="D29",
            index=index,
            value=rows[index].item(),
        )
    empty = ~rows.any(axis=-1)
    if empty.any():
        index = tuple(int(i) for i in np.argwhere(empty)[0]) if empty.ndim else ()
        place = f"row {index} is" if index else "all of them are"
        raise XentValueError(
            f"counts must hold at least one observation, but {place} 0", code="D02", index=index
        )
    totals = np.atleast_1d(rows.sum(axis=-1))
    if (totals > 2.0**53).any():
        raise XentValueError(
            f"counts must sum to at most 2**53, beyond which float64 tells no neighbours apart, "
            f"got a sum of {totals.max():.4g}; divide them all by the same whole number",
            value=float(totals.max()),
        )
    return rows


def _counts_of_counts(
    row: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    n, f = np.unique(row[row > 0], return_counts=True)
    return n, f.astype(np.float64)


def _estimate(
    n: npt.NDArray[np.float64],
    f: npt.NDArray[np.float64],
    classes: float,
    estimator: str,
    alpha: float,
) -> tuple[float, float]:
    if estimator == "nsb":
        return _estimators.nsb(n, f, classes)
    if estimator == "dirichlet":
        mean, variance = _estimators.dirichlet(n, f, classes, alpha)
        return float(mean), float(np.sqrt(variance))
    formula = _estimators.FREQUENTIST[estimator]
    if estimator == "grassberger":
        return formula(n, f, classes), _estimators.grassberger_sd(n, f)
    return formula(n, f, classes), _estimators.jackknife_sd(formula, n, f, classes)
