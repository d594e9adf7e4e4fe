"""Measures of a joint table: mutual information and conditional entropy."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from xent.diagnostics import policy
from xent.diagnostics.probabilities import raise_not_probabilities
from xent.diagnostics.where import at, row_index
from xent.errors import XentValueError
from xent.information import _formulas
from xent.information._arrays import Library, as_arrays, on_host
from xent.information._call import evaluated, normalized
from xent.information._validation import check_axis, check_distribution, check_given
from xent.kernels.cpu import measures as kernels
from xent.units import nats_per

__all__ = ["conditional_entropy", "mutual_information"]


def mutual_information(
    joint: Any,
    *,
    axes: tuple[int, int] = (-2, -1),
    unit: str = "nat",
    given: str = "probs",
    normalize: bool = False,
) -> Any:
    r"""Return the mutual information of the two variables of a joint table, in nats.

    What one variable tells about the other, as much either way:

    .. math::
        I(X; Y) = \sum_{x,y} p(x, y) \log \frac{p(x, y)}{p(x)\, p(y)}
                = H(Y) - H(Y \mid X) \ge 0 ,

    0 only where the two are independent.

    Parameters
    ----------
    joint : array_like, floating, shape ``(..., X, Y)``
        Joint probabilities p(x, y); each table sums to one over both axes.
    axes : pair of int, default (-2, -1)
        The axes of the two variables. All other axes are a batch of tables.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"}, default "probs"
        What `joint` holds; logits are normalized over the whole table.
    normalize : bool, default False
        Divide each table by its sum first: for a table of counts this is the plug-in
        estimate, which is too high by about (X - 1)(Y - 1) / 2n.

    Returns
    -------
    information : array, the shape of `joint` without `axes`
        Never negative.

    Raises
    ------
    XentValueError
        If a table is no distribution (D07, D10, D29), has one axis, or `axes` are equal.

    Notes
    -----
    *Precision.* The divergence of the table from the product of its margins, term by term >= 0.
    The rounding of that product (1e-16 of it) is what limits the result for variables that are
    nearly independent: a dependence of relative size d, which gives d^2/2 nats, is right to
    about 1e-16/d, where the difference of two entropies is right to 1e-16/d^2.

    See Also
    --------
    conditional_entropy : what one variable leaves open about the other.

    References
    ----------
    .. [1] T. M. Cover and J. A. Thomas, "Elements of Information Theory", 2006, chapter 2.

    Examples
    --------
    Two coins that always agree share one bit:

    >>> from xent.information import mutual_information
    >>> print(mutual_information([[0.5, 0.0], [0.0, 0.5]], unit="bit").round(12))
    1.0
    """
    nats = nats_per(unit)
    library, table = _table(joint, axes, ("axes[0]", "axes[1]"), given, normalize)
    xp = library.xp
    rows, columns = xp.sum(table, axis=-1, keepdims=True), xp.sum(table, axis=-2, keepdims=True)
    total = xp.sum(rows, axis=-2, keepdims=True)
    # the product sums to what the table sums to, which rounding has not made exactly one
    independent = rows * columns / total
    flat = (*table.shape[:-2], -1)
    pair = (xp.reshape(table, flat), xp.reshape(independent, flat))
    if library.is_numpy:
        outcome = kernels.kl_divergence(*pair, axis=-1, tolerance=np.inf, nats=nats)
        return outcome.result.astype(library.result, copy=False)[()]

    def formula(xp: Any, p: Any, q: Any) -> Any:
        return _formulas.kl_divergence(xp, p, q, ("probs", "probs"))

    return evaluated(library, formula, pair, -1, nats)


def conditional_entropy(
    joint: Any,
    *,
    axis: int = -1,
    given_axis: int = -2,
    unit: str = "nat",
    given: str = "probs",
    normalize: bool = False,
) -> Any:
    r"""Return the entropy of one variable of a joint table given the other, in nats.

    What stays open about :math:`Y` once :math:`X` is known:

    .. math::
        H(Y \mid X) = -\sum_{x,y} p(x, y) \log \frac{p(x, y)}{p(x)} = H(X, Y) - H(X) .

    Parameters
    ----------
    joint : array_like, floating, shape ``(..., X, Y)``
        Joint probabilities p(x, y); each table sums to one over both axes.
    axis : int, default -1
        The axis of Y, whose entropy is asked for.
    given_axis : int, default -2
        The axis of X, which is known. All other axes are a batch of tables.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"}, default "probs"
        What `joint` holds; logits are normalized over the whole table.
    normalize : bool, default False
        Divide each table by its sum first.

    Returns
    -------
    entropy : array, the shape of `joint` without the two axes
        From 0, where X decides Y, to H(Y), where they are independent.

    Raises
    ------
    XentValueError
        If a table is no distribution (D07, D10, D29), has one axis, or the axes are equal.

    Notes
    -----
    *Precision.* Summed from log(p(x) / p(x, y)) >= 0, with what p(x) holds besides p(x, y) added
    up by itself: two entropies are not subtracted, and nothing else cancels.

    See Also
    --------
    mutual_information : H(Y) minus this.
    entropy : of each row by itself, which this is the mean of.

    References
    ----------
    .. [1] T. M. Cover and J. A. Thomas, "Elements of Information Theory", 2006, chapter 2.

    Examples
    --------
    It rains on half of the days, and then the paper is wrong one time in four:

    >>> from xent.information import conditional_entropy
    >>> joint = [[0.375, 0.125], [0.0, 0.5]]  # rain or not, down; the forecast, across
    >>> print(conditional_entropy(joint, unit="bit").round(4))
    0.4056
    """
    nats = nats_per(unit)
    library, table = _table(joint, (given_axis, axis), ("given_axis", "axis"), given, normalize)
    # the formula takes both axes; the classes it is told of are where they are already
    result = evaluated(library, _formulas.conditional_entropy, (table,), -1, nats)
    return result


def _table(
    joint: Any, axes: tuple[int, int], names: tuple[str, str], given: str, normalize: bool
) -> tuple[Library, Any]:
    """Return joint probabilities with the two axes last, validated, with float64 in NumPy."""
    (space,) = check_given(given, 1)
    library, (table,) = as_arrays({"joint": joint})
    shape = tuple(table.shape)
    if len(shape) < 2:
        raise XentValueError(
            f"joint must have an axis for each of two variables, got shape {shape}",
            code="D14",
            value=shape,
        )
    first, second = (check_axis("joint", shape, axis) for axis in axes)
    if first == second:
        raise XentValueError(
            f"{names[0]} and {names[1]} must be two axes, got {axes[0]} and {axes[1]} of shape "
            f"{shape}",
            code="D14",
            value=axes,
        )
    xp = library.xp
    table = xp.moveaxis(table, (first, second), (-2, -1))
    if library.is_numpy:
        table = table.astype(np.float64, copy=False)
    flat = xp.reshape(table, (*table.shape[:-2], -1))
    if normalize or space == "logits":
        flat = normalized(library, "joint", flat, space, flat.ndim - 1)
    elif space == "log_probs":
        check_distribution("joint", flat, space, -1, library.tolerance(0))
    else:
        _check_tables(table, library.tolerance(0), (first, second))
    if space != "probs":
        with np.errstate(all="ignore"):
            log_p = _formulas.to_log(xp, flat, space)
            flat = xp.exp(log_p)
    return library, xp.reshape(flat, table.shape)


def _check_tables(table: Any, tolerance: float, axes: tuple[int, int]) -> None:
    """Raise unless each table sums to one; `axes` are where its last two axes came from."""
    host = on_host(table)
    if host is None or policy.active() == "off" or not host.size:
        return
    flat = host.reshape(*host.shape[:-2], -1)
    totals = flat.sum(axis=-1)
    off = ~(np.abs(totals - 1) <= tolerance)
    if flat.min() >= -tolerance and not off.any():
        return
    conditional = bool((np.abs(host.sum(axis=-1) - 1) <= tolerance).all())
    if ((flat >= 0) & (flat <= 1)).all():
        index = tuple(int(i) for i in np.argwhere(off)[0]) if off.ndim else ()
        raise XentValueError(
            f"joint must sum to one over both variables, but {int(off.sum()):,} of {off.size:,} "
            f"tables do not; first: {at('joint', index)} sums to {float(totals[index]):.6g}. "
            + (
                "Each row sums to one, so this is p(y | x): multiply row x by p(x)."
                if conditional
                else "Divide each table by its sum, or pass normalize=True."
            ),
            code="D07",
            index=row_index(index),
            value=float(totals[index]),
        )
    try:
        raise_not_probabilities(flat, axis=-1, name="joint")
    except XentValueError as error:
        # found in a table laid out flat: told as a place in the table that came
        raise _at_home(error, host.shape, axes) from None


def _at_home(
    error: XentValueError, shape: tuple[int, ...], axes: tuple[int, int]
) -> XentValueError:
    home = [a for a in range(len(shape)) if a not in axes] + list(axes)

    def unfolded(flat: tuple[int, ...]) -> tuple[int, ...]:
        moved = (*flat[:-1], *divmod(flat[-1], shape[-1]))
        return tuple(i for _, i in sorted(zip(home, moved, strict=True)))

    def place(found: re.Match[str]) -> str:
        flat = tuple(int(i) for i in found[1].split(", "))
        return at("joint", unfolded(flat)) if len(flat) == len(shape) - 1 else found[0]

    text = str(error).removeprefix(f"{error.code}: ")
    text = re.sub(r"joint\[([\d, ]+)\]", place, text)
    flat = error.index if isinstance(error.index, tuple) else (error.index,)
    index = error.index
    if None not in flat and len(flat) == len(shape) - 1:
        index = unfolded(tuple(i for i in flat if i is not None))
    return XentValueError(text, code=error.code, index=index, value=error.value)
