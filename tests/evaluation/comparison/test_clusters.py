"""Clustered comparisons: every interval and test comes from the clusters."""

import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from xent.evaluation import compare
from xent.evaluation.comparison import clustered
from xent.evaluation.comparison.clustered import GroupedClusters
from xent.kernels.cpu.row_keys import integer_keys
from xent.report.chinese import in_chinese

GROUPS, EACH = 60, 20


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def documents(rng):
    """Rows of a document are alike: what is hard, which model is right."""
    site = np.repeat(np.arange(GROUPS), EACH)
    y = rng.integers(0, 3, GROUPS * EACH)
    models = []
    for strength in (1.2, 1.0):
        skill = strength + rng.normal(0, 1, GROUPS)[site]
        z = rng.normal(size=(len(y), 3)) + skill[:, None] * np.eye(3)[y]
        e = np.exp(z)
        models.append(e / e.sum(axis=1, keepdims=True))
    return y, *models, site


def robust(score, cluster):
    """Mean and CR1 error, by plain arithmetic."""
    mean = score.mean()
    sums = np.array([(score - mean)[cluster == c].sum() for c in np.unique(cluster)])
    count = len(sums)
    return mean, math.sqrt(count / (count - 1) * (sums**2).sum()) / len(score), count


def test_shares_have_the_robust_error(documents):
    y, p, q, site = documents
    c = compare((y, p), (y, q), cluster=site, level=0.9)
    a, b = (-np.log(m[np.arange(len(y)), y]) for m in (p, q))
    for interval, score in (
        (c.win_interval, (b < a) + 0.5 * (a == b)),
        (c.same_top_interval, p.argmax(1) == q.argmax(1)),
    ):
        share, error, count = robust(score.astype(float), site)
        n, z = share * (1 - share) / error**2, stats.t.ppf(0.95, count - 1)
        half = z * math.sqrt(share * (1 - share) / n + (z / n / 2) ** 2)
        ends = [(share + z * z / (2 * n) + side) / (1 + z * z / n) for side in (-half, half)]
        assert (interval.low, interval.high) == pytest.approx(ends, rel=1e-10)
    free = compare((y, p), (y, q), level=0.9)
    # rows of a document are worth less than as many rows
    assert c.win_interval.high - c.win_interval.low > 1.5 * (
        free.win_interval.high - free.win_interval.low
    )


def test_accuracy_is_tested_by_cluster(documents):
    y, p, q, site = documents
    c = compare((y, p), (y, q), cluster=site, interval="t")
    d = (p.argmax(1) == y).astype(float) - (q.argmax(1) == y)
    mean, error, count = robust(d, site)
    expected = 2 * stats.t.sf(abs(mean) / error, count - 1)
    assert c.accuracy.p_value == pytest.approx(expected, rel=1e-9)
    free = compare((y, p), (y, q))
    assert c.accuracy.mcnemar_p_value == free.accuracy.p_value == free.accuracy.mcnemar_p_value
    numbers = c.to_dict()
    assert numbers["accuracy_p_value"] == c.accuracy.p_value
    assert numbers["mcnemar_p_value"] == free.accuracy.p_value
    assert f"p by cluster {c.accuracy.p_value:.2g}" in str(c)
    assert "McNemar" not in str(c)


def test_the_test_of_accuracy_has_the_weights_of_the_difference(documents, rng):
    """A weight of 3 is the row three times, within its cluster."""
    y, p, q, site = documents
    w = rng.integers(1, 4, len(y))
    weighted = compare((y, p), (y, q), cluster=site, weight=w).accuracy
    y, p, q, site = (np.repeat(of, w, axis=0) for of in (y, p, q, site))
    repeated = compare((y, p), (y, q), cluster=site).accuracy
    assert weighted.difference == repeated.difference
    assert weighted.p_value == repeated.p_value


@pytest.mark.parametrize("weighted", [False, True])
def test_divergences_have_the_robust_error(documents, rng, weighted):
    y, p, q, site = documents
    w = rng.uniform(0.5, 2, len(y)) if weighted else None
    c = compare((y, p), (y, q), cluster=site, weight=w)
    kl = (p * np.log(p / q)).sum(axis=1)
    v = np.ones(len(y)) if w is None else w
    mean = np.average(kl, weights=v)
    sums = np.array([(v * (kl - mean))[site == g].sum() for g in range(GROUPS)])
    error = math.sqrt(GROUPS / (GROUPS - 1) * (sums**2).sum()) / v.sum()
    wide = (c.a_from_b.interval.high - c.a_from_b.interval.low) / 2
    # Hall's interval is skewed, and about as wide as Student's
    assert wide == pytest.approx(error * stats.t.ppf(0.975, GROUPS - 1), rel=0.1)
    assert c.a_from_b.interval.low < mean < c.a_from_b.interval.high


def test_rows_written_several_times_say_nothing_more(documents):
    """Each row ten times, as a cluster of its own: as the rows once."""
    y, p, q, _ = (x[:200] for x in documents)
    once = compare((y, p), (y, q), cluster=np.arange(200))
    y, p, q = (np.repeat(x, 10, axis=0) for x in (y, p, q))
    many = compare((y, p), (y, q), cluster=np.repeat(np.arange(200), 10))
    for get in (
        lambda c: c.interval,
        lambda c: c.win_interval,
        lambda c: c.same_top_interval,
        lambda c: c.a_from_b.interval,
        lambda c: c.truth.interval,
        lambda c: c.classes[1].interval,
    ):
        found, expected = get(many), get(once)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert many.accuracy.p_value == pytest.approx(once.accuracy.p_value, rel=1e-9)


def test_shares_of_all_rows_stay_within_0_and_1(documents):
    y, p, _, site = documents
    worse = 0.5 * p + 0.5 / 3
    c = compare((y, np.eye(3)[y] * 0.94 + 0.02), (y, worse), cluster=site)
    assert c.win_rate == 0
    assert c.win_interval.low == 0
    assert 0.03 < c.win_interval.high < 0.1  # what 60 documents can say, not 1,200 rows
    one = compare((y, p), (y, worse), cluster=np.zeros(len(y), dtype=int))
    assert math.isnan(one.win_interval.low)


def test_the_win_rate_is_covered(rng):
    """95 % intervals of 200 comparisons of 30 documents: half of the rows are won."""
    covered = taken_as_independent = 0
    for _ in range(200):
        lift = np.repeat(rng.normal(0, 1, 30), 10)
        a = rng.exponential(1, 300)
        b = a * np.exp(lift + rng.normal(0, 1, 300))
        c = compare({"log_prob": -a}, {"log_prob": -b}, cluster=np.repeat(np.arange(30), 10))
        covered += c.win_interval.low <= 0.5 <= c.win_interval.high
        rows = c.wins.interval(0.95)
        taken_as_independent += rows.low <= 0.5 <= rows.high
    # binomial: 0.95 within 3.5 errors of 0.0154
    assert covered / 200 >= 0.896
    assert taken_as_independent / 200 < 0.85


def exact_moments(difference, weight, cluster):
    """The moments of a mean of clusters in fractions, each rounded once."""
    total, weights = defaultdict(Fraction), defaultdict(Fraction)
    for d, w, c in zip(difference, weight, cluster, strict=True):
        total[c] += d
        weights[c] += w
    count, whole = len(total), sum(weights.values())
    mean = sum(total.values()) / whole
    u = [count * (total[c] - mean * weights[c]) / whole for c in total]
    return count, *(
        float(m) for m in (mean, sum(v**2 for v in u) / count, sum(v**3 for v in u) / count)
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [1, 30])  # of the powers of e of the losses
def test_groups_have_the_moments_of_fractions_to_the_last_bit(rng, weighted, spread):
    rows = 2000
    group, cluster = rng.integers(5, size=rows), rng.integers(40, size=rows)
    a, b = np.exp(rng.normal(0, spread, (2, rows)))
    w = np.exp(rng.normal(0, spread, rows)) if weighted else np.ones(rows)
    keys = np.unique(integer_keys(cluster), return_inverse=True)
    grouped = GroupedClusters()
    for part in np.array_split(np.arange(rows), 3):
        columns = [w[part] if weighted else None, (w * a)[part], (w * b)[part]]
        grouped.add(group[part], (keys[0], keys[1][part]), columns)
    *found, none = grouped.moments(6)
    for g, m in enumerate(found):
        of = group == g
        difference = [
            Fraction(x) - Fraction(y) for x, y in zip((w * a)[of], (w * b)[of], strict=True)
        ]
        count, *moments = exact_moments(difference, map(Fraction, w[of]), cluster[of])
        assert (m.num_rows, m.n) == (count, count)
        assert [m.mean, m.second, m.third] == moments
    assert none.num_rows == 0
    assert math.isnan(none.mean)


def test_many_slices_keep_fewer_clusters_and_say_so(rng, monkeypatch):
    rows = 4000
    y, (p, q) = rng.integers(2, size=rows), rng.uniform(0.1, 0.9, (2, rows))
    site, user = rng.integers(20, size=rows), rng.integers(100, size=rows)
    options = {"by": site, "cluster": user, "interval": "t"}
    plain = compare((y, p), (y, q), **options)
    assert plain.notes == ()
    monkeypatch.setattr(clustered, "MOST_CELLS", 20 * 64)
    c = compare((y, p), (y, q), **options)
    assert c.notes == (
        "with 20 slices the clusters of each are taken together where they are more than 64: "
        "those of 20",
    )
    assert in_chinese(c.notes[0])
    d = np.log(np.where(y, q, 1 - q)) - np.log(np.where(y, p, 1 - p))
    key = integer_keys(user) % 64
    for row in c.slices:
        here = site == int(row.name)
        mean, error, count = robust(d[here], key[here])
        half = error * stats.t.ppf(0.975, count - 1)
        assert row.num_clusters == count <= 64
        assert [row.interval.low, row.interval.high] == pytest.approx([mean - half, mean + half])
    # a slice's numbers are as they were but for its interval
    assert [r.difference for r in c.slices] == [r.difference for r in plain.slices]
    # classes are two: they keep all
    assert c.classes == plain.classes
