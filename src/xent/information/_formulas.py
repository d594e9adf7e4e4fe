"""The measures through the array API, classes along the last axis, in nats.

No sum here has terms of both signs, so nothing cancels; and no branch that is not taken
spoils a gradient: a value that would be infinite or NaN is replaced *before* it is used
(the "double where"), because 0 times an infinite derivative is NaN.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from xent.information._arrays import stop_gradient

__all__ = [
    "conditional_entropy",
    "cross_entropy",
    "entropy",
    "js_divergence",
    "kl_divergence",
    "log_sum_exp",
    "softmax",
    "to_log",
]

# atanh(s) = s + s^3 A(s^2); for |s| <= 1/5, where A is used, what is left out is below 1e-17
_ATANH = tuple(1 / (2 * k + 3) for k in range(12))
_CLOSE = 0.2


class Softmax(NamedTuple):
    p: Any  # the probabilities
    surprisal: Any  # -log p, never negative, exact for the class that dominates too
    dead: Any  # which classes have a logit of -inf


def softmax(xp: Any, logits: Any) -> Softmax:
    """Return softmax(logits) and -log of it, from the odds of all classes but the largest."""
    top = _is_at(xp, logits, xp.argmax(logits, axis=-1, keepdims=True))
    # a sum, not a maximum: the derivative belongs to one class even where two tie
    highest = xp.sum(xp.where(top, logits, xp.zeros_like(logits)), axis=-1, keepdims=True)
    undefined = highest - highest  # 0, or NaN for a row of only -inf, or with +inf or NaN
    dead = logits == -xp.inf
    below = highest - xp.where(dead, highest, logits)
    odds = xp.where(top | dead, xp.zeros_like(logits), xp.exp(-below))
    total = xp.sum(odds, axis=-1, keepdims=True)
    zero = xp.zeros_like(logits) + undefined
    p = xp.where(dead, zero, xp.exp(-below) / (1 + total))
    surprisal = xp.where(dead, zero + xp.inf, below + xp.log1p(total) + undefined)
    return Softmax(p, surprisal, dead)


def _is_at(xp: Any, like: Any, index: Any) -> Any:
    return xp.arange(like.shape[-1], dtype=index.dtype, device=_device(like)) == index


def _device(array: Any) -> Any:
    return getattr(array, "device", None) if type(array).__module__.startswith("torch") else None


def log_sum_exp(xp: Any, x: Any) -> Any:
    """Return log(sum(exp(x))) with the axis kept; -inf for a row of only -inf."""
    highest = xp.max(x, axis=-1, keepdims=True)
    shift = stop_gradient(xp.where(xp.isfinite(highest), highest, xp.zeros_like(highest)))
    return shift + xp.log(xp.sum(xp.exp(x - shift), axis=-1, keepdims=True))


def _clamped(xp: Any, p: Any) -> Any:
    """Return p with what a tolerance let through below 0 as 0; NaN stays."""
    return xp.where(p < 0, xp.zeros_like(p), p)


def to_log(xp: Any, x: Any, given: str) -> Any:
    """Return log p; of an impossible class -inf, with derivative 0."""
    if given == "log_probs":
        return x
    if given == "logits":
        return -softmax(xp, x).surprisal
    dead = x <= 0
    return xp.where(dead, xp.full_like(x, -xp.inf), xp.log(xp.where(dead, xp.ones_like(x), x)))


def _to_probs(xp: Any, x: Any, given: str) -> Any:
    if given == "probs":
        return _clamped(xp, x)
    if given == "logits":
        return softmax(xp, x).p
    dead = x == -xp.inf
    return xp.where(dead, xp.zeros_like(x), xp.exp(xp.where(dead, xp.zeros_like(x), x)))


def entropy(xp: Any, x: Any, given: str) -> Any:
    """Return -sum(p log p)."""
    if given == "logits":
        p, surprisal, dead = softmax(xp, x)
        dead = dead & (p == 0)  # a row that is NaN stays NaN
        return xp.sum(p * xp.where(dead, xp.zeros_like(p), surprisal), axis=-1)
    dead = x <= 0 if given == "probs" else x == -xp.inf
    safe = xp.where(dead, xp.ones_like(x) if given == "probs" else xp.zeros_like(x), x)
    terms = -safe * xp.log(safe) if given == "probs" else -safe * xp.exp(safe)
    return xp.sum(xp.where(dead, xp.zeros_like(x), terms), axis=-1) + 0.0


def cross_entropy(xp: Any, p: Any, q: Any, given: tuple[str, str]) -> Any:
    """Return -sum(p log q)."""
    p = _to_probs(xp, p, given[0])
    unneeded = p == 0
    if given[1] == "probs":
        q = _clamped(xp, q)
        # log 0 is taken only where p > 0: it is then infinite, and so is its derivative
        surprisal = -xp.log(xp.where(unneeded & (q == 0), xp.ones_like(q), q))
    else:
        surprisal = -q if given[1] == "log_probs" else softmax(xp, q).surprisal
        surprisal = xp.where(unneeded & (surprisal == xp.inf), xp.zeros_like(p), surprisal)
    return xp.sum(p * surprisal, axis=-1) + 0.0


def kl_divergence(xp: Any, p: Any, q: Any, given: tuple[str, str]) -> Any:
    """Return sum(p log(p / q) - p + q): equal to KL where both sum to 1, each term >= 0."""
    if given == ("probs", "probs"):
        p, q = _clamped(xp, p), _clamped(xp, q)
        p_dead, q_dead = p == 0, q == 0
        either, one = p_dead | q_dead, xp.ones_like(p)
        safe_p, safe_q = xp.where(either, one, p), xp.where(either, one, q)
        terms = _divergence(xp, safe_p, safe_q, safe_p - safe_q)
        impossible = q_dead & ~p_dead
        infinite = -p * xp.log(xp.where(impossible, q, one))  # its derivative too
        terms = xp.where(either, xp.where(impossible, infinite, q), terms)
    elif given == ("logits", "logits"):
        ratio = _log_ratio_of_logits(xp, p, q)
        return xp.sum(_terms_from_log_ratio(xp, ratio), axis=-1)
    else:
        ratio = _log_ratio(xp, to_log(xp, p, given[0]), to_log(xp, q, given[1]))
        terms = _terms_from_log_ratio(xp, ratio)
        p, q, p_dead = ratio.p, ratio.q, ratio.p_dead
    # sum(q - p) is 0 on distributions, but its derivative is not: without it the gradient in q
    # is that of the cross-entropy
    excess = xp.sum(xp.where(p_dead, xp.zeros_like(p), p), axis=-1) - xp.sum(q, axis=-1)
    return xp.sum(terms, axis=-1) + (excess - stop_gradient(excess))


def _divergence(xp: Any, p: Any, q: Any, difference: Any) -> Any:
    """Return p log(p / q) - p + q for p, q > 0, given their difference.

    With s = (p - q) / (p + q) the terms of first order cancel on paper where the two are
    close, and there are no others: (p - q) s (1 + (1 + s) s A(s^2)).
    """
    s = difference / (p + q)
    close = xp.abs(s) <= _CLOSE
    near = xp.where(close, s, xp.zeros_like(s))
    z = near * near
    tail = xp.zeros_like(z)
    for coefficient in reversed(_ATANH):
        tail = tail * z + coefficient
    closely = difference * near * (1 + (1 + near) * near * tail)
    # the ratio of the roots never overflows
    far = p * (2 * xp.log(xp.sqrt(p) / xp.sqrt(q))) - difference
    return xp.where(close, closely, far)


class _LogRatio(NamedTuple):
    d: Any  # log(p / q), 0 where either is impossible
    p: Any
    q: Any
    p_dead: Any
    q_dead: Any


def _log_ratio(xp: Any, log_p: Any, log_q: Any) -> _LogRatio:
    p_dead, q_dead = log_p == -xp.inf, log_q == -xp.inf
    zero = xp.zeros_like(log_p)
    safe_p, safe_q = xp.where(p_dead, zero, log_p), xp.where(q_dead, zero, log_q)
    d = xp.where(p_dead | q_dead, zero, safe_p - safe_q)
    p, q = xp.where(p_dead, zero, xp.exp(safe_p)), xp.where(q_dead, zero, xp.exp(safe_q))
    return _LogRatio(d, p, q, p_dead, q_dead)


def _log_ratio_of_logits(xp: Any, z_p: Any, z_q: Any) -> _LogRatio:
    """Return log softmax(z_p) - log softmax(z_q) without subtracting the two.

    With delta = z_p - z_q - (the same of one likely class), which rounding spares where the
    logits are close, it is delta - log(1 + sum(q (exp(delta) - 1))).
    """
    p, q = softmax(xp, z_p), softmax(xp, z_q)
    either, zero = p.dead | q.dead, xp.zeros_like(z_p)
    score = xp.where(either, zero - xp.inf, z_p + z_q)
    chosen = _is_at(xp, score, xp.argmax(score, axis=-1, keepdims=True)) & ~either
    difference = xp.where(either, zero, z_p) - xp.where(either, zero, z_q)

    def of_chosen(x: Any) -> Any:
        return xp.sum(xp.where(chosen, x, zero), axis=-1, keepdims=True)

    delta = xp.where(either, zero, difference - of_chosen(difference))
    # q (exp(delta) - 1), by exp(delta + log q) - q where exp(delta) might be too large
    small = xp.where(delta <= 1, delta, zero)
    exponent = delta - xp.where(either, zero, q.surprisal)
    # one class that grows by more makes a total that is far from moderate, whatever the others do
    exponent = xp.where((delta > 1) & (exponent < 1), exponent, zero + 1)
    growth = xp.where(delta <= 1, q.p * xp.expm1(small), xp.exp(exponent) - q.p)
    growth = xp.where(either, xp.where(p.dead, -q.p, zero), growth)
    total = xp.sum(growth, axis=-1, keepdims=True)
    moderate = xp.abs(total) <= 0.5
    # a distribution that differs that much needs no such care
    directly = of_chosen(xp.where(either, zero, p.surprisal) - xp.where(either, zero, q.surprisal))
    shift = xp.where(moderate, xp.log1p(xp.where(moderate, total, xp.zeros_like(total))), directly)
    d = xp.where(either, zero, delta - shift)
    # a row that is no distribution is NaN in all of it, also where another value is chosen
    undefined = 0 * xp.sum(p.p + q.p, axis=-1, keepdims=True)
    return _LogRatio(d + undefined, p.p + undefined, q.p + undefined, p.dead, q.dead)


def _terms_from_log_ratio(xp: Any, ratio: _LogRatio) -> Any:
    d, p, q, p_dead, q_dead = ratio
    terms = _divergence_in_logs(xp, d, p, q)
    infinite = 0 * p + xp.inf
    return xp.where(q_dead, xp.where(p_dead, p, infinite), xp.where(p_dead, q, terms))


def _divergence_in_logs(xp: Any, d: Any, p: Any, q: Any) -> Any:
    """Return p log(p / q) - p + q for d = log(p / q).

    p (d + exp(-d) - 1), a series where d is small; q (1 + (d - 1) exp(d)) where q is larger.
    """
    zero = xp.zeros_like(d)
    small = xp.where(xp.abs(d) <= 1, d, zero)
    series = xp.zeros_like(d)
    for k in range(20, 1, -1):  # d^2/2 (1 - d/3 (1 - d/4 (1 - ...)))
        series = small / k * (1 - series)
    near = p * small * series
    above = xp.where(d > 1, d, zero)
    below = xp.where(d < -1, d, zero)
    far = xp.where(d > 0, p * (above + xp.expm1(-above)), q * (1 + (below - 1) * xp.exp(below)))
    # "not far" rather than "near", so that NaN stays
    return xp.where(xp.abs(d) > 1, far, near + (d - d))


def js_divergence(xp: Any, p: Any, q: Any, given: tuple[str, str]) -> Any:
    """Return the mean of KL(p || m) and KL(q || m), m = (p + q) / 2."""
    if given == ("probs", "probs"):
        p, q = _clamped(xp, p), _clamped(xp, q)
        # p - m, not by subtracting the rounded m
        half, m = (p - q) / 2, (p + q) / 2
        terms = _from_mixture(xp, p, m, half) + _from_mixture(xp, q, m, -half)
        return xp.sum(terms, axis=-1) / 2
    if given == ("logits", "logits"):
        ratio = _log_ratio_of_logits(xp, p, q)
    else:
        ratio = _log_ratio(xp, to_log(xp, p, given[0]), to_log(xp, q, given[1]))
    d, p, q, p_dead, q_dead = ratio
    m, log_2 = (p + q) / 2, xp.zeros_like(p) + xp.log(xp.asarray(2.0, dtype=p.dtype))

    def of(x: Any, d: Any, dead: Any, other_dead: Any) -> Any:
        # log(x / m) = -log(1 + (exp(-d) - 1) / 2), in a form for either sign of d
        up, down = xp.where(d > 0, d, xp.zeros_like(d)), xp.where(d > 0, xp.zeros_like(d), d)
        rising = -xp.log1p(xp.expm1(-up) / 2)
        falling = down - xp.log1p(xp.expm1(down) / 2)
        from_m = xp.where(other_dead, log_2, xp.where(d > 0, rising, falling))
        terms = _divergence_in_logs(xp, xp.where(dead, xp.zeros_like(d), from_m), x, m)
        return xp.where(dead, m, terms)

    terms = of(p, d, p_dead, q_dead) + of(q, -d, q_dead, p_dead)
    return xp.sum(xp.where(p_dead & q_dead, p, terms), axis=-1) / 2


def _from_mixture(xp: Any, p: Any, m: Any, difference: Any) -> Any:
    dead, one = p == 0, xp.ones_like(p)
    safe_p, safe_m = xp.where(dead, one, p), xp.where(dead, one, m)
    terms = _divergence(xp, safe_p, safe_m, xp.where(dead, one - one, difference))
    return xp.where(dead, m, terms)


def conditional_entropy(xp: Any, joint: Any) -> Any:
    """Return sum(p log(p_x / p)) of joint tables (..., x, y): what is open about y given x."""
    p = _clamped(xp, joint)
    top = _is_at(xp, p, xp.argmax(p, axis=-1, keepdims=True))
    total = xp.sum(p, axis=-1, keepdims=True)
    # p_x - p: a sum for the class that dominates, where the difference would cancel
    others = xp.sum(xp.where(top, xp.zeros_like(p), p), axis=-1, keepdims=True)
    rest = xp.where(top, others, total - p)
    dead = p == 0
    smallest = xp.full_like(p, float(xp.finfo(p.dtype).smallest_normal))
    safe = xp.where(p < smallest, smallest, p)
    terms = xp.where(
        dead, xp.zeros_like(p), p * xp.log1p(xp.where(dead, xp.zeros_like(p), rest) / safe)
    )
    return xp.sum(terms, axis=(-2, -1))
