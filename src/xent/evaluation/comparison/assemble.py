"""From the sums of models and pairs to the numbers of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from xent.evaluation.comparison.clustered import GroupedClusters, RowScores, moments_of_clusters
from xent.evaluation.comparison.divergence import Distances
from xent.evaluation.comparison.intervals import (
    anytime_interval,
    difference_interval,
    difference_p_value,
    t_interval,
)
from xent.evaluation.comparison.pairs import PairState
from xent.evaluation.comparison.result import GroupRow, Pair
from xent.evaluation.comparison.several import holm
from xent.evaluation.comparison.sums import Group, Moments, PairSums, moments
from xent.evaluation.comparison.wins import Accuracy, wilson_interval
from xent.evaluation.exact import ratio
from xent.evaluation.groups.slices import Value
from xent.evaluation.intervals.clusters import centred
from xent.evaluation.intervals.means import Interval, no_interval
from xent.units import Unit, nats_per, perplexity_of

__all__ = ["Settings", "pair_of", "scaled"]


@dataclass(frozen=True)
class Settings:
    """What all numbers of a comparison have in common."""

    unit: Unit
    level: float
    method: str  # "wider", "hall" or "t"
    decisions: int  # losses of a row are divided by: its labels, or 1
    classes: tuple[str, ...]
    slices: tuple[Value, ...]

    @property
    def factor(self) -> float:
        """What a loss of a row in nats is multiplied by."""
        return 1 / (nats_per(self.unit) * self.decisions)


def pair_of(name_a: str, name_b: str, state: PairState, settings: Settings) -> Pair:
    """Return the comparison of two models."""
    level, factor = settings.level, settings.factor
    (whole,) = state.all.groups()
    only_a, only_b, both = whole.impossible
    finite = (whole.difference / settings.decisions) / nats_per(settings.unit)
    m, method = _moments(state, whole), settings.method
    interval = difference_interval(m, level, method)
    nats = scaled(interval, 1 / settings.decisions)
    per_byte, per_byte_interval = _per_byte(state, whole, settings, method)
    perplexities = _perplexity_difference(state, whole, settings, nats)
    clear = not (only_a or only_b or both)
    pair: dict[str, Any] = {
        "a": name_a,
        "b": name_b,
        "unit": settings.unit,
        "num_rows": whole.num_rows,
        "num_common": whole.num_common,
        "only_a_impossible": only_a,
        "only_b_impossible": only_b,
        "both_impossible": both,
        "difference": finite if clear else _infinite(only_a, only_b, both),
        "finite_difference": finite,
        "interval": scaled(interval, factor),
        "anytime_interval": (
            scaled(anytime_interval(m, level), factor)
            if state.evidence is not None and state.clusters is None
            else None
        ),
        "p_value": difference_p_value(m, method),
        "adjusted_p_value": math.nan,
        "num_clusters": m.num_rows if state.clusters is not None else None,
        "perplexity_ratio": perplexity_of(whole.difference / settings.decisions),
        "perplexity_ratio_interval": nats.exp(),
        "perplexity_difference": perplexities[0],
        "perplexity_difference_interval": perplexities[1],
        "bits_per_byte_difference": per_byte,
        "bits_per_byte_interval": per_byte_interval,
        "correlation": _correlation(state, whole),
        "autocorrelation": (
            state.neighbours.correlation(whole.moments.variance)
            if state.neighbours is not None
            else math.nan
        ),
        "wins": state.wins,
        "win_interval": (
            state.scores.share_interval("wins", level)
            if state.scores is not None
            else state.wins.interval(level)
        ),
        "accuracy": _accuracy(state, method),
    }
    if state.evidence is not None:
        pair["evidence"] = state.evidence.results(name_a, name_b)
    if state.distances is not None:
        pair |= _distances(state.distances, state.scores, level, 1 / nats_per(settings.unit))
    if state.classes is not None:
        # a row has one decision in the line of each label, and all of them in that of its slice
        one = 1 / nats_per(settings.unit)
        pair["classes"] = _table(
            settings.classes, state.classes, state.class_clusters, settings, one
        )
    if state.slices is not None and settings.slices:
        # not in the order in which values turned up, which is that of the rows; and values of
        # rows that are left out have none
        names = [", ".join(value) for value in settings.slices]
        table = _table(names, state.slices, state.slice_clusters, settings, settings.factor)
        rows = sorted(zip(settings.slices, table, strict=True), key=itemgetter(0))
        pair["slices"] = tuple(row for _, row in rows if row.num_rows)
    return Pair(**pair)


def scaled(interval: Interval, factor: float) -> Interval:
    """Return an interval in another unit."""
    return interval if factor == 1 else interval.scaled(factor)


def _moments(state: PairState, whole: Group) -> Moments:
    """What the difference's interval is made of: rows, or clusters of them."""
    if state.clusters is None:
        return whole.moments
    return moments_of_clusters(state.clusters)


def _infinite(only_a: int, only_b: int, both: int) -> float:
    if both or (only_a and only_b):
        return math.nan  # inf - inf
    return math.inf if only_a else -math.inf


def _per_byte(
    state: PairState, whole: Group, settings: Settings, method: str
) -> tuple[float, Interval]:
    """The difference in bits for each byte, its interval that of a ratio of sums."""
    if not state.has_bytes:
        return math.nan, no_interval(settings.level, method, "bytes are not known")
    if state.clusters is not None:
        m = moments_of_clusters(state.clusters, per_byte=True)
    else:
        (m,) = moments(state.per_byte)
    bits = 1 / math.log(2)
    return m.mean * bits, difference_interval(m, settings.level, method).scaled(bits)


def _perplexity_difference(
    state: PairState, whole: Group, settings: Settings, nats: Interval
) -> tuple[float, Interval]:
    """exp(loss of A) - exp(loss of B), with the first-order error of both together."""
    none = no_interval(settings.level, "delta", "perplexities are not finite")
    if state.moments is None or not whole.common_weight:
        return math.nan, none
    weight = whole.common_weight * settings.decisions
    pa, pb = perplexity_of(ratio(whole.loss_a, weight)), perplexity_of(ratio(whole.loss_b, weight))
    difference = pa - pb
    if not (math.isfinite(pa) and math.isfinite(pb)):
        return difference, none
    if state.clusters is not None:
        sums = state.clusters.of.values()
        count = len(sums)
        _, w, a, b, _ = zip(*sums, strict=True)
        u = zip(centred(a, w), centred(b, w), strict=True)
        parts = [(pa * x - pb * y) / settings.decisions for x, y in u]
        square, number = math.fsum(v * v for v in parts) / count, float(count)
    else:
        count = whole.num_common
        va, vb = (moments(m)[0].second / settings.decisions**2 for m in state.moments)
        vd = whole.moments.second / settings.decisions**2
        number = whole.moments.n
        # var(pa x - pb y) with 2 cov(x, y) = va + vb - vd, close values not subtracted
        square = (pa - pb) * (pa * va - pb * vb) + pa * pb * vd
    m = Moments(count, number, difference, max(square, 0.0), 0.0)
    return difference, replace(t_interval(m, settings.level), method="delta")


def _correlation(state: PairState, whole: Group) -> float:
    if state.products is not None:
        return state.products.correlation()
    if state.moments is None:
        return math.nan
    va, vb = (moments(m)[0].variance for m in state.moments)
    if not (va > 0 and vb > 0):
        return math.nan
    vd = whole.moments.variance
    return max(-1.0, min(1.0, (va + vb - vd) / (2 * math.sqrt(va) * math.sqrt(vb))))


def _accuracy(state: PairState, method: str) -> Accuracy | None:
    """The accuracies, with a test by clusters where rows come in them."""
    if state.accuracy is None or state.scores is None:
        return state.accuracy
    p_value = difference_p_value(state.scores.moments("right"), method)
    return replace(state.accuracy, clustered_p_value=p_value)


def _distances(
    distances: Distances, scores: RowScores | None, level: float, factor: float
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if distances.num_tops:
        found["same_top"] = distances.same_top / distances.num_tops
        found["same_top_interval"] = (
            scores.share_interval("same", level)
            if scores is not None
            else wilson_interval(distances.same_top, distances.num_tops, level)
        )
    for field, sums, unit in (
        ("a_from_b", distances.a_from_b, factor),
        ("b_from_a", distances.b_from_a, factor),
        ("truth", distances.truth, 1.0),
    ):
        if sums.num_values:
            found[field] = sums.result(level).scaled(unit)
    return found


def _table(
    names: Sequence[str],
    sums: PairSums,
    clusters: GroupedClusters | None,
    settings: Settings,
    factor: float,
) -> tuple[GroupRow, ...]:
    """One line for each group; `factor` is what its losses in nats are multiplied by."""
    groups = sums.groups(len(names))
    total = sum(g.weight for g in groups)
    common = sum(g.common_weight for g in groups)
    of = clusters.moments(len(groups)) if clusters else [g.moments for g in groups]
    p_values = [difference_p_value(m, settings.method) for m in of]
    return tuple(
        GroupRow(
            name=name,
            num_rows=g.num_rows,
            share=ratio(g.weight, total),
            log_loss_a=ratio(g.loss_a, g.common_weight) * factor,
            log_loss_b=ratio(g.loss_b, g.common_weight) * factor,
            difference=g.difference * factor,
            interval=difference_interval(m, settings.level, settings.method).scaled(factor),
            contribution=ratio(g.loss_a - g.loss_b, common) * factor,
            only_a_impossible=g.impossible[0],
            only_b_impossible=g.impossible[1],
            p_value=p,
            adjusted_p_value=adjusted,
            num_clusters=m.num_rows if clusters else None,
        )
        for name, g, m, p, adjusted in zip(names, groups, of, p_values, holm(p_values), strict=True)
    )
