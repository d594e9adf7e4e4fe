"""Measures of one distribution: self-information, entropy, perplexity."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.diagnostics import policy
from xent.errors import XentValueError
from xent.information import _formulas
from xent.information._arrays import as_arrays, on_host
from xent.information._call import evaluated, measure, measure_pair
from xent.information._validation import check_axis, check_given
from xent.kernels.cpu import measures as kernels
from xent.units import nats_per

__all__ = ["binary_entropy", "entropy", "perplexity", "self_information"]


def self_information(p: Any, *, unit: str = "nat", given: str = "probs", axis: int = -1) -> Any:
    r"""Return the self-information of events of probability p, in nats.

    How much one learns from an event that had probability :math:`p`:

    .. math:: I = -\log p .

    What is certain tells nothing; the rarer an event, the more it tells; and independent
    events tell the sum of what each tells, because their probabilities multiply.

    Parameters
    ----------
    p : array_like, floating, any shape
        Probabilities in [0, 1], each by itself: they need not sum to one.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"}, default "probs"
        What `p` holds. Logits are those of distributions along `axis`.
    axis : int, default -1
        The axis of the classes; used for logits only.

    Returns
    -------
    information : array, of the library and shape of `p`
        Never negative; inf where p is 0. float32 for float32 and half precision, float64
        for float64 and everything else.

    Raises
    ------
    XentValueError
        If a value is no probability (D07) or no log-probability (D10), or an option is
        unknown.

    See Also
    --------
    entropy : the self-information to expect of a distribution.

    References
    ----------
    .. [1] C. E. Shannon, "A Mathematical Theory of Communication", 1948.

    Examples
    --------
    A fair coin that lands heads tells one bit, and one of a thousand tells about ten:

    >>> from xent.information import self_information
    >>> self_information([0.5, 1 / 1024], unit="bit")
    array([ 1., 10.])
    """
    nats = nats_per(unit)
    (space,) = check_given(given, 1)
    library, (p,) = as_arrays({"p": p})
    if space == "logits":
        axis = check_axis("p", tuple(p.shape), axis)
        return evaluated(library, _surprisal_of_logits(axis), (p,), axis, nats)
    _check_range("p", p, space, library.tolerance(0))

    def formula(xp: Any, x: Any) -> Any:
        if space == "log_probs":
            return 0.0 - xp.where(x > 0, xp.zeros_like(x), x)
        return 0.0 - xp.log(xp.where(x < 0, xp.zeros_like(x), xp.where(x > 1, 0 * x + 1, x)))

    if not p.shape:
        axis, p = 0, library.xp.reshape(p, (1,))
        return evaluated(library, formula, (p,), axis, nats)[0]
    return evaluated(library, formula, (p,), -1, nats)


def _surprisal_of_logits(axis: int) -> Any:
    # the classes come last and go back to where they were
    return lambda xp, x: xp.moveaxis(_formulas.softmax(xp, x).surprisal, -1, axis)


def _check_range(name: str, p: Any, given: str, tolerance: float) -> None:
    """Raise unless every value by itself is a probability, or the logarithm of one."""
    host = on_host(p)
    if host is None or policy.active() == "off":
        return
    high = 1 + tolerance if given == "probs" else tolerance
    wrong = host > high
    if given == "probs":
        wrong |= host < -tolerance
    wrong |= np.isnan(host)
    if not wrong.any():
        return
    index = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    what = "probabilities in [0, 1]" if given == "probs" else "log-probabilities <= 0"
    fix = ""
    if given == "probs" and np.all(host <= 0):
        fix = '; these may be log-probabilities: pass given="log_probs"'
    elif not np.isnan(host[index]):
        fix = '; these may be logits: pass given="logits"'
    raise XentValueError(
        f"{name} must hold {what}, got {place} = {host[index]:.4g} ({int(wrong.sum()):,} of "
        f"{wrong.size:,} are wrong){fix}",
        code="D07" if given == "probs" else "D10",
        index=index or None,
        value=host[index].item(),
    )


def entropy(
    p: Any, *, axis: int = -1, unit: str = "nat", given: str = "probs", normalize: bool = False
) -> Any:
    r"""Return the entropy of distributions along an axis, in nats.

    The self-information to expect when :math:`p` happens:

    .. math:: H(p) = -\sum_i p_i \log p_i , \qquad 0 \log 0 = 0 .

    It is 0 for a certain outcome and greatest, :math:`\log C`, for C equally likely ones.

    Parameters
    ----------
    p : array_like, floating, shape ``(..., C, ...)``
        Distributions along `axis`. NumPy arrays and lists, and the arrays of any library of
        the array API standard: torch and JAX differentiate through it.
    axis : int, default -1
        The axis of the classes.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"}, default "probs"
        What `p` holds.
    normalize : bool, default False
        Divide by the sums first, as scipy does unasked. Without it a row that does not sum
        to one is an error: it is more often a wrong axis, logits or counts than a wish.

    Returns
    -------
    entropy : array, the shape of `p` without `axis`
        Never negative. float32 for float32 and half precision, else float64.

    Raises
    ------
    XentValueError
        If a row is no distribution (D07, D10 in log space, D29 for counts), or an option
        is unknown. Checked in the pass that computes; on an accelerator, and inside a traced
        program, where a look at the values would stop everything, such a row gives whatever
        the formula gives.

    Notes
    -----
    *Precision.* Computed in float64 for NumPy arrays and rounded once: the relative error is
    a few ulp, because no term is negative. Other libraries compute in float64 or float32.

    *Edges.* The gradient of a term with p = 0, which is infinite, is given as 0. A class with
    a logit of -inf cannot happen; a row of only -inf is NaN.

    See Also
    --------
    binary_entropy : of the two outcomes of one probability.
    entropy_from_counts : of the distribution that counts are a sample of, bias corrected.
    cross_entropy : where q was believed while p happens.

    References
    ----------
    .. [1] C. E. Shannon, "A Mathematical Theory of Communication", 1948.

    Examples
    --------
    >>> from xent.information import entropy
    >>> print(entropy([0.25, 0.25, 0.25, 0.25], unit="bit"))
    2.0
    >>> entropy([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]]).round(4)
    array([0.8018, 0.    ])
    """
    return measure(
        p,
        kernel=kernels.entropy,
        formula=_formulas.entropy,
        axis=axis,
        unit=unit,
        given=given,
        normalize=normalize,
    )


def binary_entropy(p: Any, *, unit: str = "nat", given: str = "probs") -> Any:
    r"""Return the entropy of two outcomes, one of which has probability p, in nats.

    .. math:: H(p) = -p \log p - (1 - p) \log(1 - p) ,

    for a coin, a lottery ticket, a label that is true or false; greatest, one bit, at 1/2.

    Parameters
    ----------
    p : array_like, floating, any shape
        Probabilities in [0, 1], each by itself.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"}, default "probs"
        What `p` holds; a logit here is log(p / (1 - p)), the input of a sigmoid.

    Returns
    -------
    entropy : array, the shape of `p`
        float32 for float32 and half precision, else float64.

    Raises
    ------
    XentValueError
        If a value is no probability (D07) or no log-probability (D10), or an option is
        unknown.

    Notes
    -----
    A probability near 1 has lost the digits of 1 - p before it comes here; a logit has not.

    See Also
    --------
    entropy : of any number of outcomes, along an axis.

    References
    ----------
    .. [1] C. E. Shannon, "A Mathematical Theory of Communication", 1948.

    Examples
    --------
    A fair coin, and a lottery that one ticket in a million wins:

    >>> from xent.information import binary_entropy
    >>> binary_entropy([0.5, 1e-6], unit="bit").round(7)
    array([1.00e+00, 2.14e-05])
    """
    nats = nats_per(unit)
    (space,) = check_given(given, 1)
    library, (p,) = as_arrays({"p": p})
    if space != "logits":
        _check_range("p", p, space, library.tolerance(0))
    shape = tuple(p.shape)
    p = library.xp.reshape(p, (-1,))
    result = evaluated(library, lambda xp, x: _binary_entropy(xp, x, space), (p,), 0, nats)
    return library.xp.reshape(result, shape) if shape else result[0]


def _binary_entropy(xp: Any, x: Any, given: str) -> Any:
    zero, one = xp.zeros_like(x), xp.ones_like(x)
    if given == "logits":
        # the odds of the less likely outcome; H = log(1 + odds) + |z| odds / (1 + odds)
        size = xp.abs(x)
        odds = xp.exp(-size)
        far = xp.where(size == xp.inf, zero, size)
        return xp.log1p(odds) + far * odds / (1 + odds)
    if given == "log_probs":
        log_p = xp.where(x > 0, zero, x)
        p = xp.exp(log_p)
        other = -xp.expm1(log_p)
        inner = (log_p < 0) & (log_p > -xp.inf)
        safe = xp.where(inner, log_p, -one)
        # log(1 - p): from p where it is small, from 1 - p where that is
        small = safe < -0.7
        log_other = xp.where(
            small,
            xp.log1p(-xp.exp(xp.where(small, safe, -one))),
            xp.log(-xp.expm1(xp.where(small, -one, safe))),
        )
        terms = -p * safe - other * log_other
        return xp.where(inner, terms, xp.where(x != x, x, zero))
    p = xp.where(x < 0, zero, xp.where(x > 1, one, x))
    inner = (p > 0) & (p < 1)
    safe = xp.where(inner, p, one / 2)
    terms = -safe * xp.log(safe) - (1 - safe) * xp.log1p(-safe)
    return xp.where(inner, terms, xp.where(x != x, x, zero))


def perplexity(
    p: Any,
    q: Any = None,
    *,
    axis: int = -1,
    given: str | tuple[str, str] = "probs",
    normalize: bool = False,
) -> Any:
    r"""Return the perplexity of distributions along an axis.

    .. math:: \exp H(p), \qquad \text{or with a model } q: \quad \exp H(p, q) ,

    the number of equally likely outcomes that would leave one as uncertain. It has no unit:
    2 to the entropy in bits is the same number.

    Parameters
    ----------
    p : array_like, floating, shape ``(..., C, ...)``
        The truth, distributions along `axis`.
    q : array_like, optional
        The model, of the same shape. Without it the perplexity is that of `p` itself.
    axis : int, default -1
        The axis of the classes.
    given : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What `p` and `q` hold.
    normalize : bool, default False
        Divide by the sums first.

    Returns
    -------
    perplexity : array, the shape of `p` without `axis`
        From 1, a certain outcome, to C without a model; unbounded with one.

    Raises
    ------
    XentValueError
        As `entropy` and `cross_entropy` do.

    See Also
    --------
    entropy, cross_entropy : its logarithm.
    xent.evaluate : the perplexity of predictions of observed classes.

    References
    ----------
    .. [1] F. Jelinek, R. L. Mercer, L. R. Bahl and J. K. Baker, "Perplexity: a measure of the
       difficulty of speech recognition tasks", Journal of the Acoustical Society of America
       62, 1977.

    Examples
    --------
    >>> from xent.information import perplexity
    >>> print(perplexity([0.25, 0.25, 0.25, 0.25]))
    4.0
    """
    if q is None:
        value = measure(
            p,
            kernel=kernels.entropy,
            formula=_formulas.entropy,
            axis=axis,
            unit="nat",
            given=check_given(given, 1)[0],
            normalize=normalize,
        )
    else:
        value = measure_pair(
            p,
            q,
            kernel=kernels.cross_entropy,
            formula=_formulas.cross_entropy,
            axis=axis,
            unit="nat",
            given=given,
            normalize=normalize,
        )
    if isinstance(value, (np.ndarray, np.generic)):
        with np.errstate(over="ignore"):
            return np.exp(value)
    library, (value,) = as_arrays({"value": value})
    return library.xp.exp(value)
