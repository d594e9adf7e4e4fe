"""Measures of two distributions, p the truth and q the model, in that order."""

from __future__ import annotations

from typing import Any

from xent.information import _formulas
from xent.information._call import measure_pair
from xent.kernels.cpu import measures as kernels

__all__ = ["cross_entropy", "js_divergence", "kl_divergence"]


def cross_entropy(
    p: Any,
    q: Any,
    *,
    axis: int = -1,
    unit: str = "nat",
    given: str | tuple[str, str] = "probs",
    normalize: bool = False,
) -> Any:
    r"""Return the cross-entropy of the model q under the truth p, in nats.

    The self-information to expect when :math:`q` is believed and :math:`p` happens:

    .. math:: H(p, q) = -\sum_i p_i \log q_i = H(p) + \mathrm{KL}(p \,\|\, q) .

    This is the measure between two distributions. The loss of a classifier, from logits and
    the true classes, is `xent.softmax_cross_entropy`.

    Parameters
    ----------
    p : array_like, floating, shape ``(..., C, ...)``
        The truth: distributions along `axis`.
    q : array_like, floating, the same shape
        The model. One of the two may be a single distribution of shape ``(C,)`` that stands
        against a batch; nothing else is broadcast.
    axis : int, default -1
        The axis of the classes.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What both hold, or what `p` and what `q` holds: ``given=("probs", "logits")``.
    normalize : bool, default False
        Divide by the sums first.

    Returns
    -------
    cross_entropy : array, the shape of `p` without `axis`
        At least the entropy of `p`; inf where `q` excludes what happens. float32 if both
        are float32 or narrower, else float64.

    Raises
    ------
    XentValueError
        If a row is no distribution (D07, D10 in log space, D29 for counts), the shapes
        differ, or class indices or logits came instead of distributions (D15, D07: the
        message names the loss that is meant).

    Warns
    -----
    MisuseWarning
        D27, once a line of code: q is 0 where p is not. The value is inf; the message has
        the number of such entries and the first.

    Notes
    -----
    *Precision.* Computed in float64 for NumPy arrays and rounded once. From logits nothing is
    subtracted that could cancel: a model that is sure and right keeps its tiny cross-entropy.

    *Edges.* 0 log 0 = 0, also in the gradient.

    See Also
    --------
    kl_divergence : the part of it that a better model can save; the same gradient in q.
    entropy : the part that no model can.
    xent.softmax_cross_entropy : the loss of logits and class targets, with reductions.

    References
    ----------
    .. [1] I. J. Good, "Rational Decisions", 1952.

    Examples
    --------
    The truth is a frog; the model says cat 0.3, frog 0.6, mouse 0.1, and pays -log 0.6:

    >>> from xent.information import cross_entropy
    >>> print(cross_entropy([0, 1, 0], [0.3, 0.6, 0.1]).round(4))
    0.5108
    """
    return measure_pair(
        p,
        q,
        kernel=kernels.cross_entropy,
        formula=_formulas.cross_entropy,
        axis=axis,
        unit=unit,
        given=given,
        normalize=normalize,
    )


def kl_divergence(
    p: Any,
    q: Any,
    *,
    axis: int = -1,
    unit: str = "nat",
    given: str | tuple[str, str] = "probs",
    normalize: bool = False,
) -> Any:
    r"""Return the Kullback-Leibler divergence of the model q from the truth p, in nats.

    What it costs to believe :math:`q` while :math:`p` happens:

    .. math:: \mathrm{KL}(p \,\|\, q) = \sum_i p_i \log \frac{p_i}{q_i} = H(p, q) - H(p) \ge 0 ,

    0 only where the two are equal. It is no distance: swapped, it is another number.

    Parameters
    ----------
    p : array_like, floating, shape ``(..., C, ...)``
        The truth: distributions along `axis`. (`torch.nn.functional.kl_div` takes the
        logarithm of the model first and the truth second.)
    q : array_like, floating, the same shape
        The model. One of the two may be a single distribution of shape ``(C,)`` that stands
        against a batch; nothing else is broadcast.
    axis : int, default -1
        The axis of the classes.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm.
    given : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What both hold, or what `p` and what `q` holds.
    normalize : bool, default False
        Divide by the sums first.

    Returns
    -------
    divergence : array, the shape of `p` without `axis`
        Never negative; inf where `q` excludes what happens. float32 if both are float32 or
        narrower, else float64.

    Raises
    ------
    XentValueError
        If a row is no distribution (D07, D10 in log space, D29 for counts), or the shapes
        differ (D15).

    Warns
    -----
    MisuseWarning
        D27, once a line of code: q is 0 where p is not. The value is inf; the message has
        the number of such entries and the first.

    Notes
    -----
    *Precision.* Summed as :math:`\sum_i p_i \log(p_i/q_i) - p_i + q_i`, which is the same for
    distributions and has no negative term; where p and q are close, the terms are computed
    from the difference p - q without cancellation. The relative error is below 1e-13, however
    close the two are and from whichever space they come: a sum of :math:`p \log(p/q)` loses
    every digit once they agree to eight. Rows that sum to one only to within the tolerance
    get the generalised divergence of what they hold.

    *Edges.* p = 0 contributes q, which another class takes back. The gradient in q is -p / q,
    that of the cross-entropy; the gradient in p at p = 0, which is infinite, is given as 0.

    See Also
    --------
    cross_entropy : with the entropy of `p` in it.
    js_divergence : symmetric and bounded.

    References
    ----------
    .. [1] S. Kullback and R. A. Leibler, "On Information and Sufficiency", 1951.

    Examples
    --------
    The truth is the first class, to which the model gives 0.7; it lacks -log 0.7:

    >>> from xent.information import kl_divergence
    >>> print(kl_divergence([1, 0, 0], [0.7, 0.2, 0.1]).round(4))
    0.3567

    Two models of the same ten tokens that differ in the eighth digit:

    >>> import numpy as np
    >>> p, d = np.full(10, 0.1), 1e-9 * np.array([1, -1] * 5)
    >>> print(f"{kl_divergence(p, p + d):.6g}")
    5e-17
    """
    return measure_pair(
        p,
        q,
        kernel=kernels.kl_divergence,
        formula=_formulas.kl_divergence,
        axis=axis,
        unit=unit,
        given=given,
        normalize=normalize,
    )


def js_divergence(
    p: Any,
    q: Any,
    *,
    axis: int = -1,
    unit: str = "nat",
    given: str | tuple[str, str] = "probs",
    normalize: bool = False,
) -> Any:
    r"""Return the Jensen-Shannon divergence of two distributions, in nats.

    The mean divergence of the two from their mixture :math:`m = (p + q) / 2`:

    .. math::
        \mathrm{JS}(p, q) = \tfrac12 \mathrm{KL}(p \,\|\, m) + \tfrac12 \mathrm{KL}(q \,\|\, m)
                          \in [0, \log 2] .

    Parameters
    ----------
    p, q : array_like, floating, shape ``(..., C, ...)``
        Distributions along `axis`, of one shape; or one of them of shape ``(C,)``.
    axis : int, default -1
        The axis of the classes.
    unit : {"nat", "bit", "ban"}, default "nat"
        Natural, binary or decimal logarithm; in bits the greatest value is 1.
    given : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What both hold, or what `p` and what `q` holds.
    normalize : bool, default False
        Divide by the sums first.

    Returns
    -------
    divergence : array, the shape of `p` without `axis`
        Symmetric, always finite. Its square root is a metric, which is what
        `scipy.spatial.distance.jensenshannon` returns.

    Raises
    ------
    XentValueError
        As `kl_divergence` does.

    Notes
    -----
    *Precision.* As `kl_divergence`: below 1e-13 relative, from the difference p - q rather than
    from that of p and the rounded mixture.

    See Also
    --------
    kl_divergence : where one of the two is the truth.

    References
    ----------
    .. [1] J. Lin, "Divergence Measures Based on the Shannon Entropy", 1991.

    Examples
    --------
    Two distributions without a common outcome are one bit apart:

    >>> from xent.information import js_divergence
    >>> print(js_divergence([1, 0], [0, 1], unit="bit").round(12))
    1.0
    """
    return measure_pair(
        p,
        q,
        kernel=None,
        formula=_formulas.js_divergence,
        axis=axis,
        unit=unit,
        given=given,
        normalize=normalize,
    )
