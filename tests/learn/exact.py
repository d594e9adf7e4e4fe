"""The measures in 50 digits: what the pages must show."""

from mpmath import log, mp, mpf

mp.dps = 50
NATS = {"nat": mpf(1), "bit": log(2)}


def information(p, unit="nat"):
    return -log(mpf(p)) / NATS[unit]


def entropy(p, unit="nat"):
    return sum(-mpf(x) * log(mpf(x)) for x in p if x > 0) / NATS[unit]


def cross_entropy(p, q, unit="nat"):
    return sum(-mpf(x) * log(mpf(y)) for x, y in zip(p, q, strict=True) if x > 0) / NATS[unit]


def divergence(p, q, unit="nat"):
    return cross_entropy(p, q, unit) - entropy(p, unit)
