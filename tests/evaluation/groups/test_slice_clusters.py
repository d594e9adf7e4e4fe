"""Intervals of slices beside clusters: from sums that merge, few of them, in any order."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from xent.errors import MergeError
from xent.evaluation import compare, evaluate
from xent.evaluation.groups import SliceClusters
from xent.evaluation.groups.slice_clusters import MOST_CELLS, MOST_SLICES, SliceClusterTally
from xent.evaluation.intervals.means import cluster_interval, hall_interval
from xent.kernels.cpu.row_keys import integer_keys

ROWS = 3000


def tally(site, keys, nll, weight, *parts):
    found = SliceClusterTally("user")
    for part in parts:
        values, place = np.unique(site[part], return_inverse=True)
        values = [(str(v),) for v in values]
        of = None if weight is None else weight[part]
        found.add(values, place, keys[part], nll[part], of)
    return found.state()


def rows(seed, sites, users, weighted=False):
    rng = np.random.default_rng(seed)
    site, keys = rng.integers(sites, size=ROWS), integer_keys(rng.integers(users, size=ROWS))
    weight = rng.integers(0, 3, ROWS) / 3 if weighted else None
    return site, keys, rng.exponential(size=ROWS), weight


# slices of which each number keeps another number of clusters, and too many of them
@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 99),
    st.sampled_from([1, 5, 8, 9, 60, 128, 129, 300]),
    st.sampled_from([12, 300, 5000]),
    st.lists(st.integers(0, ROWS), max_size=4),
    st.booleans(),
)
def test_no_split_or_order_is_seen(seed, sites, users, cuts, weighted):
    data = rows(seed, sites, users, weighted)
    whole = tally(*data, slice(None))
    parts = np.split(np.random.default_rng(seed).permutation(ROWS), sorted(cuts))
    assert tally(*data, *parts) == whole
    merged = SliceClusters("user")
    for part in parts:
        merged = tally(*data, part) + merged
    assert merged == whole
    assert list(merged.of) == list(whole.of) == sorted(whole.of)
    assert sum(one.num_clusters for one in whole.of.values()) <= MOST_CELLS
    assert whole.too_many == (sites > MOST_SLICES)
    assert bool(whole.of) != whole.too_many
    assert SliceClusters.from_state(json.loads(json.dumps(whole.to_state()))) == whole


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sites, users, buckets", [(3, 50, None), (3, 900, 512), (100, 400, 16)])
def test_an_interval_is_that_of_the_clusters_sums(sites, users, buckets, weighted):
    site, keys, nll, weight = rows(1, sites, users, weighted)
    found = tally(site, keys, nll, weight, slice(None))
    w = np.ones(ROWS) if weight is None else weight
    for value, one in found.of.items():
        of = (site == int(value[0])) & (w > 0)
        key = keys[of]
        assert one.folded == (buckets is not None and len(np.unique(key)) > buckets)
        if one.folded:
            key = key % np.uint64(buckets)
        there = np.unique(key)
        sums = [[v[of][key == k].sum() for k in there] for v in (w * nll, w)]
        expected = cluster_interval(*sums)
        got = found.interval(value, 0.95)
        assert one.num_clusters == len(there)
        assert [got.low, got.high] == pytest.approx([expected.low, expected.high], rel=1e-9)
        halved = found.interval(value, 0.95, scale=2)
        assert 2 * halved.high == pytest.approx(got.high, rel=1e-12)
        assert ("taken together in" in got.note) == one.folded


# slices that keep as many clusters as there may be, without and with many digits
@pytest.mark.parametrize("sites", [2, 128])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_size_of_a_state_is_bounded(sites, weighted):
    rng = np.random.default_rng(0)
    count = 200_000
    site, keys = rng.integers(sites, size=count), integer_keys(rng.integers(10_000, size=count))
    weight = rng.lognormal(0, 1.5, count) if weighted else None
    state = tally(site, keys, rng.exponential(size=count), weight, slice(None)).to_state()
    assert len(json.dumps(state)) < 30_000 * (1 + weighted)


def test_clusters_of_other_columns_do_not_add():
    with pytest.raises(MergeError, match="same column"):
        SliceClusters("a") + SliceClusters("b")
    assert SliceClusters("a").__add__(1) is NotImplemented


# evaluate and compare, with everything that goes together ----------------------------


@pytest.fixture(scope="module")
def columns():
    """Rows of users whose logits are off together; sites of many users, of few, of one row."""
    rng = np.random.default_rng(31)
    user = rng.integers(0, 70, ROWS)
    off = rng.normal(0, 1, 70)[user]
    site = rng.choice(["north", "south", "west"], ROWS, p=[0.6, 0.39, 0.01])
    site[user < 5] = "five"
    site[7] = "one"
    y = (rng.random((ROWS, 3)) < 1 / (1 + np.exp(-off[:, None]))).astype(int)
    p, q = rng.uniform(0.1, 0.9, (2, ROWS, 3))
    w = rng.exponential(size=ROWS) * (rng.random(ROWS) < 0.9)
    return {"y": y, "p": p, "q": q, "w": w, "user": user, "site": site, "row": np.arange(ROWS)}


def losses(columns, model, labels):
    """Of each row, and how many things it predicts."""
    y, p = columns["y"], columns[model]
    nll = -np.log(np.where(y == 1, p, 1 - p))
    return (nll.sum(axis=1), 3) if labels else (nll[:, 0], 1)


def moments_by_hand(x, w, group):
    """CR1's moments of a weighted mean of groups, in float64."""
    there = np.unique(group[w > 0])
    mean = np.average(x, weights=w)
    u = np.array([(w * (x - mean))[group == g].sum() for g in there]) * len(there) / w.sum()
    return len(there), mean, (u**2).mean(), (u**3).mean()


def source_of(columns, model, labels):
    if labels:
        return {"labels": columns["y"], "probs": columns[model], "task": "multi"}
    return {"target": columns["y"][:, 0], "probs": columns[model][:, 0]}


@pytest.mark.parametrize("method", [None, "bootstrap"])
@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("cluster", ["user", "row", None])
def test_slices_of_evaluate_are_what_numpy_finds(columns, cluster, labels, weight, method):
    options = {"by": columns["site"], "interval": method, "unit": "bit"}
    if cluster is not None:
        options["cluster"] = columns[cluster]
    if weight is not None:
        options["weight"] = columns[weight]
    e = evaluate(**source_of(columns, "p", labels), **options)
    nll, scale = losses(columns, "p", labels)
    w = columns["w"] if weight else np.ones(ROWS)
    assert [r.value for r in e.slices] == sorted(set(columns["site"]))  # none is left out
    for r in e.slices:
        of = columns["site"] == r.value
        group = columns["user" if cluster == "user" else "row"][of]
        count, mean, second, third = moments_by_hand(nll[of], w[of], group)
        assert r.count == of.sum()
        assert r.log_loss == pytest.approx(mean / scale / math.log(2), rel=1e-12)
        assert r.num_clusters == (count if cluster == "user" else None)
        assert r.interval.method == ("cluster" if cluster == "user" else "hall")
        if count == 1:
            assert not r.interval
            assert "has no spread to judge by" in r.interval.note
            continue
        n = count
        if cluster != "user":  # Kish's number of rows, and their own moments
            v, x = w[of], nll[of] - mean
            n = v.sum() ** 2 / (v**2).sum()
            second = (v**2 * x**2).sum() / (v**2).sum()
            third = v.sum() * (v**3 * x**3).sum() / (v**2).sum() ** 2
        # Hall's cubic is tested where it is written
        expected = hall_interval(n, mean, second, third, least=0.0).scaled(1 / scale / math.log(2))
        assert r.interval.low == pytest.approx(expected.low, rel=1e-9)
        assert r.interval.high == pytest.approx(expected.high, rel=1e-9)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("cluster", ["user", "row"])
def test_slices_of_compare_are_what_numpy_finds(columns, cluster, labels, weight):
    options = {"by": columns["site"], "cluster": columns[cluster], "interval": "t"}
    truth = source_of(columns, "p", labels)
    p = truth.pop("probs")
    if weight is not None:
        options["weight"] = columns[weight]
    c = compare(p, source_of(columns, "q", labels)["probs"], **truth, **options)
    (a, scale), (b, _) = (losses(columns, m, labels) for m in "pq")
    w = columns["w"] if weight else np.ones(ROWS)
    assert [r.name for r in c.slices] == sorted(set(columns["site"][w > 0]))
    for r in c.slices:
        of = columns["site"] == r.name
        group = integer_keys(columns[cluster][of])
        if len(np.unique(group[w[of] > 0])) > 1024:
            group %= np.uint64(1024)
        count, mean, second, _ = moments_by_hand((a - b)[of], w[of], group)
        assert r.num_clusters == count
        assert r.difference == pytest.approx(mean / scale, rel=1e-10)
        if count == 1:
            assert not r.interval
            continue
        half = stats.t.ppf(0.975, count - 1) * math.sqrt(second / (count - 1)) / scale
        expected = [mean / scale - half, mean / scale + half]
        assert [r.interval.low, r.interval.high] == pytest.approx(expected, rel=1e-8)


def test_few_clusters_and_how_they_were_kept_are_shown(columns):
    options = {"by": columns["site"], "cluster": columns["user"]}
    e = evaluate(**source_of(columns, "p", False), **options)
    lines = {line.split()[0]: line for line in str(e).splitlines() if line.strip()}
    assert lines["five"].endswith("only 5 clusters")
    assert lines["one"].endswith("fewer than 30 rows; only 1 cluster")
    assert "cluster" not in lines["north"]
    assert "(intervals by cluster)" in str(e)
    many = {**options, "by": columns["user"] % 60, "cluster": columns["row"] // 2}
    e = evaluate(**source_of(columns, "p", False), **many)
    assert "(intervals by cluster, taken together in at most 32)" in str(e)
    assert e.slices[0].interval.note == (
        f"many clusters, taken together in {e.slices[0].num_clusters}"
    )


def test_too_many_slices_have_no_interval_and_say_so(columns):
    options = {"by": columns["row"] % 129, "cluster": columns["user"]}
    e = evaluate(**source_of(columns, "p", False), **options)
    assert not any(r.interval for r in e.slices)
    assert e.slices[0].interval.note == "more than 128 slices keep no sums of their clusters"
    assert "more than 128 slices keep no sums of them: no interval of a slice is known" in str(e)
    fewer = evaluate(**source_of(columns, "p", False), **{**options, "by": columns["row"] % 128})
    assert all(r.interval for r in fewer.slices)
