"""The losses in 50-digit arithmetic, one row at a time, and errors in units of the last place.

Arrays of `mpf` are NumPy arrays of objects: the equations read as in losses/reference.py.
Equal logits have equal exponentials, so a long row of few different values is cheap.
"""

from typing import Any, NamedTuple

import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 50

in_50_digits = np.frompyfunc(mp.mpf, 1, 1)
exp = np.frompyfunc(mp.exp, 1, 1)
log1p = np.frompyfunc(mp.log1p, 1, 1)


class Softmax(NamedTuple):
    p: Any
    not_p: Any
    log_p: Any


def softmax(logits):
    """Probabilities of one row, their complements and their logarithms.

    The row holds floats, or numbers of 50 digits.
    """
    values, place, count = np.unique(logits, return_inverse=True, return_counts=True)
    x = values if values.dtype == object else in_50_digits(values.astype(np.float64))
    e = exp(x - x[-1])
    count[-1] -= 1  # one of the largest is set apart
    tau = sum(count.astype(object) * e, mp.mpf(0))
    p = e / (1 + tau)
    not_p = 1 - p
    not_p[-1] = (count[-1] + sum(count[:-1].astype(object) * e[:-1], mp.mpf(0))) / (1 + tau)
    log_p = -mp.log1p(tau) - (x[-1] - x)
    return Softmax(p[place], not_p[place], log_p[place])


def mass(target, num_classes, label_smoothing=0.0, weight=None):
    """s_j = w_j ((1 - eps) [j = y] + eps / C), without rounding."""
    eps = mp.mpf(label_smoothing)
    s = np.full(num_classes, eps / num_classes, dtype=object)
    s[target] += 1 - eps
    return s if weight is None else s * in_50_digits(weight)


class Changed(NamedTuple):
    logits: Any
    slope: Any  # their derivative


def changed(logits, softcap=None, temperature=1.0, class_mask=None):
    """Return what the options make of the logits of one row."""
    mask = np.ones(len(logits), bool) if class_mask is None else np.asarray(class_mask, bool)
    x = in_50_digits(np.where(mask, logits, 0).astype(np.float64))
    slope = np.full(len(x), mp.mpf(1), dtype=object)
    if softcap is not None:
        cap = mp.mpf(softcap)
        slope = np.frompyfunc(lambda v: mp.sech(v / cap) ** 2, 1, 1)(x)
        x = np.frompyfunc(lambda v: cap * mp.tanh(v / cap), 1, 1)(x)
    t = mp.mpf(temperature)
    return Changed(np.where(mask, x / t, -mp.inf), np.where(mask, slope / t, mp.mpf(0)))


class Scored(NamedTuple):
    nll: Any
    gradient: Any
    terms: Any  # the sum of the magnitudes of the gradient's two terms
    hessian: Any


def softmax_cross_entropy(logits, s):
    p, not_p, log_p = softmax(logits)
    others = s.sum() - s
    nll = sum((-a * b for a, b in zip(s, log_p, strict=True) if a), mp.mpf(0))
    return Scored(nll, p * others - s * not_p, p * others + s * not_p, s.sum() * p * not_p)


class Sigmoid(NamedTuple):
    p: Any  # sigmoid(z)
    not_p: Any  # sigmoid(-z)
    cost: Any  # -log sigmoid(z)
    not_cost: Any  # -log sigmoid(-z)


def sigmoid(logits):
    z = in_50_digits(np.asarray(logits, np.float64))
    e = exp(-abs(z))
    likely, unlikely = 1 / (1 + e), e / (1 + e)
    small, large = log1p(e), abs(z) + log1p(e)
    up = np.asarray(z >= 0, bool)
    return Sigmoid(
        np.where(up, likely, unlikely),
        np.where(up, unlikely, likely),
        np.where(up, small, large),
        np.where(up, large, small),
    )


def sigmoid_cross_entropy(logits, target, pos_weight=1.0, label_smoothing=0.0):
    q = sigmoid(logits)
    smoothing = mp.mpf(label_smoothing)
    y = (1 - smoothing) * in_50_digits(np.asarray(target, np.float64)) + smoothing / 2
    positive, negative = mp.mpf(pos_weight) * y, 1 - y
    up, down = negative * q.p, positive * q.not_p
    return Scored(
        positive * q.cost + negative * q.not_cost,
        up - down,
        up + down,
        (positive + negative) * q.p * q.not_p,
    )


class Places(NamedTuple):
    """The digits of a binary format: the exponent of its smallest normal number, and bits."""

    minexp: int
    nmant: int


BFLOAT16 = Places(-126, 7)


def ulps(actual, exact, of=None, places=None):
    """Return the largest error of `actual`, in ulp of `of` (of `exact` where not given).

    The ulp is that of the dtype of `actual`, or of `places`; below its normal numbers it is
    the spacing of the denormal ones. NaN counts as infinitely wrong.
    """
    actual = np.asarray(actual)
    info = np.finfo(actual.dtype) if places is None else places
    seen = {}  # entries of equal logits share one mpf
    of = exact if of is None else of
    entries = zip(np.ravel(actual), np.ravel(exact), np.ravel(of), strict=True)
    for a, e, scale in entries:
        if (key := (float(a), id(e))) not in seen:
            seen[key] = _error(float(a), e, scale, info)
    return max(seen.values())


def _error(actual, exact, scale, info):
    if actual != actual:
        return np.inf
    exponent = int(mp.frexp(scale)[1]) - 1 if scale else info.minexp
    unit = mp.ldexp(1, int(max(exponent, info.minexp)) - info.nmant)
    return float(abs(mp.mpf(actual) - exact) / unit)
