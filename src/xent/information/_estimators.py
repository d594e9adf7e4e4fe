"""Estimators of the entropy from counts: one function each, counts of counts in, nats out.

``n`` are the distinct positive counts, ``f`` how many classes have each of them, so that the
work grows with the number of distinct counts and not with the number of classes. N is the
number of observations, K the number of classes that could have been seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.information._special import digamma, log_rising, trigamma

__all__ = ["FREQUENTIST", "dirichlet", "grassberger_sd", "jackknife_sd", "nsb"]

Float = npt.NDArray[np.float64]
Estimator = Callable[[Float, Float, float], float]


def plug_in(n: Float, f: Float, classes: float) -> float:
    """-sum p log p of the frequencies p = n / N: too low by about (K - 1) / 2N."""
    p = n / np.sum(f * n)
    return float(-np.sum(f * p * np.log(p))) + 0.0


def miller_madow(n: Float, f: Float, classes: float) -> float:
    """Plug-in + (classes seen - 1) / 2N: the first term of its bias taken back."""
    return plug_in(n, f, classes) + float((f.sum() - 1) / (2 * np.sum(f * n)))


def grassberger(n: Float, f: Float, classes: float) -> float:
    """log N - (1/N) sum n G(n), G(n) = psi(n) + (-1)^n (psi((n+1)/2) - psi(n/2)) / 2 (2003)."""
    total = np.sum(f * n)
    return float(np.log(total) - np.sum(f * n * _grassberger_log(n)) / total)


def _grassberger_log(n: Float) -> Float:
    sign = np.where(n % 2 == 0, 1.0, -1.0)
    return digamma(n) + 0.5 * sign * (digamma((n + 1) / 2) - digamma(n / 2))


def grassberger_sd(n: Float, f: Float) -> float:
    """The standard error of a mean of G(n) over observations.

    Not the jackknife: G is a staircase, G(2m) = G(2m + 1), and leaving out one observation
    sees either none of a step or all of it.
    """
    total = float(np.sum(f * n))
    if total < 2:
        return float("nan")
    weight, g = f * n / total, _grassberger_log(n)
    spread = np.sum(weight * (g - np.sum(weight * g)) ** 2)
    return float(np.sqrt(spread / total))


def chao_shen(n: Float, f: Float, classes: float) -> float:
    """-sum C p log(C p) / (1 - (1 - C p)^N): frequencies shrunk to the coverage C, each term
    divided by the probability that its class is seen at all (Horvitz and Thompson)."""
    total = np.sum(f * n)
    singletons = float(np.sum(f[n == 1]))
    # every class seen once: a coverage of 0 would say nothing at all
    if singletons == total:
        singletons -= 1
    p = (1 - singletons / total) * n / total
    with np.errstate(divide="ignore"):
        seen = -np.expm1(total * np.log1p(-p))
    return float(-np.sum(f * p * np.log(p) / seen)) + 0.0


def james_stein(n: Float, f: Float, classes: float) -> float:
    """Plug-in of the frequencies shrunk towards 1/K by the amount that the data ask for."""
    total = np.sum(f * n)
    p, target = n / total, 1 / classes
    unseen = classes - f.sum()
    distance = np.sum(f * (target - p) ** 2) + unseen * target**2
    if total == 1 or distance == 0:
        shrinkage = 1.0
    else:
        shrinkage = min(1.0, max(0.0, (1 - np.sum(f * p * p)) / ((total - 1) * distance)))
    shrunk = shrinkage * target + (1 - shrinkage) * p
    floor = shrinkage * target
    rest = -unseen * floor * np.log(floor) if unseen and floor > 0 else 0.0
    return float(-np.sum(f * shrunk * np.log(shrunk)) + rest) + 0.0


FREQUENTIST: dict[str, Estimator] = {
    "plug-in": plug_in,
    "miller-madow": miller_madow,
    "grassberger": grassberger,
    "chao-shen": chao_shen,
    "james-stein": james_stein,
}


def jackknife_sd(estimator: Estimator, n: Float, f: Float, classes: float) -> float:
    """The standard deviation by leaving out each observation once; nan for one observation."""
    total = float(np.sum(f * n))
    if total < 2:
        return float("nan")
    values, weights = [], []
    for count, classes_with_it in zip(n, f, strict=True):
        # all observations of all classes with this count leave the same counts behind
        fewer_n, fewer_f = _without_one(n, f, count)
        values.append(estimator(fewer_n, fewer_f, classes))
        weights.append(count * classes_with_it)
    mean = np.average(values, weights=weights)
    squares = np.sum(np.asarray(weights) * (np.asarray(values) - mean) ** 2)
    return float(np.sqrt((total - 1) / total * squares))


def _without_one(n: Float, f: Float, count: float) -> tuple[Float, Float]:
    table = dict(zip(n.tolist(), f.tolist(), strict=True))
    table[count] -= 1
    if count > 1:
        table[count - 1] = table.get(count - 1, 0) + 1
    kept = [(k, v) for k, v in table.items() if v]
    return np.array([k for k, _ in kept]), np.array([v for _, v in kept])


def dirichlet(n: Float, f: Float, classes: float, alpha: Any) -> tuple[Float, Float]:
    """Mean and variance of the entropy under a Dirichlet(alpha) prior and these counts.

    Wolpert and Wolf (1995), the second moment rearranged so that no large terms cancel. With
    a = n + alpha, A = sum a, <.> the mean with weights a / A, g(x) = (x + 1) psi'(x + 1):

        E[H] = psi(A + 1) - <psi(a + 1)>
        Var[H] = (<(psi(a + 1) - <psi(a + 1)>)^2> + <g(a)> - g(A)) / (A + 1)

    For an array of alphas, arrays.
    """
    alpha = np.asarray(alpha, np.float64)[..., None]
    n, f = np.append(n, 0.0), np.append(f, classes - f.sum())  # with the classes never seen
    a = n + alpha
    total = np.sum(f * a, axis=-1)
    share = f * a / total[..., None]
    psi = digamma(a + 1)
    centre = np.sum(share * psi, axis=-1)
    spread = np.sum(share * (psi - centre[..., None]) ** 2, axis=-1)
    own = np.sum(share * (a + 1) * trigamma(a + 1), axis=-1)
    variance = (spread + own - (total + 1) * trigamma(total + 1)) / (total + 1)
    return digamma(total + 1) - centre, np.maximum(variance, 0.0)


def nsb(n: Float, f: Float, classes: float) -> tuple[float, float]:
    """Mean and standard deviation under the prior of Nemenman, Shafee and Bialek (2002).

    A mixture of Dirichlet(beta) priors whose expected entropies are spread evenly over
    [0, log K]. The integral over beta runs over log beta, where the integrand falls off
    exponentially on both sides, so that equal steps converge faster than any power.
    """
    if classes == 1:
        return 0.0, 0.0
    low, high = -80.0, 80.0
    while True:
        log_beta = np.linspace(low, high, 2049)
        log_density = _log_posterior(log_beta, n, f, classes)
        # as far as a value counts in double precision, and one step more
        inside = np.flatnonzero(log_density > log_density.max() - 45)
        first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(log_beta) - 1)
        if last - first > len(log_beta) // 2:
            break
        low, high = log_beta[first], log_beta[last]
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean, variance = dirichlet(n, f, classes, np.exp(log_beta))
    value = float(np.sum(weight * mean))
    return value, float(np.sqrt(np.sum(weight * (variance + (mean - value) ** 2))))


def _log_posterior(log_beta: Float, n: Float, f: Float, classes: float) -> Float:
    beta = np.exp(log_beta)
    evidence = np.sum(f * log_rising(beta[:, None], n), axis=-1)
    evidence -= log_rising(classes * beta, np.sum(f * n))
    return np.asarray(evidence + np.log(_prior(beta, classes)) + log_beta)


def _prior(beta: Float, classes: float) -> Float:
    """The derivative of the expected entropy, K psi'(K beta + 1) - psi'(beta + 1)."""
    # for a large beta the two are nearly equal: their series, subtracted on paper
    inverse = 1 / np.maximum(beta, 100.0)
    ratio = 1 / classes
    series = (
        (1 - ratio) / 2
        - (1 - ratio**2) / 6 * inverse
        + (1 - ratio**4) / 30 * inverse**3
        - (1 - ratio**6) / 42 * inverse**5
        + (1 - ratio**8) / 30 * inverse**7
    )
    near = np.minimum(beta, 100.0)
    plain = classes * trigamma(classes * near + 1) - trigamma(near + 1)
    return np.where(beta > 100.0, series * inverse**2, plain)
