"""Clusters: exact sums of each, folded once there are many, whatever the split."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError
from xent.evaluation.groups import Clusters
from xent.evaluation.groups.clusters import MAX_CLUSTERS, ClusterTally
from xent.evaluation.intervals.means import cluster_interval
from xent.kernels.cpu.row_keys import integer_keys


def tally(keys, nll, weight, *parts):
    clusters = ClusterTally("user")
    for part in parts:
        clusters.add(keys[part], nll[part], None if weight is None else weight[part])
    return clusters.state()


def rows(seed, count, users, weighted=False):
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 3, count) / 2 if weighted else None
    return integer_keys(rng.integers(0, users, count)), rng.exponential(size=count), weight


@pytest.mark.parametrize("weighted", [False, True])
def test_an_interval_is_that_of_the_clusters_sums(weighted):
    keys, nll, weight = rows(1, 900, 40, weighted)
    found = tally(keys, nll, weight, slice(None))
    w = np.ones(900) if weight is None else weight
    of = [keys == k for k in np.unique(keys)]
    expected = cluster_interval([(w * nll)[k].sum() for k in of], [w[k].sum() for k in of])
    got = found.interval(0.95)
    assert [got.low, got.high] == pytest.approx([expected.low, expected.high], rel=1e-12)
    assert found.num_clusters == 40
    halved = found.interval(0.95, scale=2)
    assert [2 * halved.low, 2 * halved.high] == pytest.approx([got.low, got.high], rel=1e-12)


# around the number where clusters are folded, and far beyond
@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 99),
    st.sampled_from([5, 1000, 1024, 1025, 1100, 4000]),
    st.lists(st.integers(0, 5000), max_size=4),
    st.booleans(),
)
def test_no_split_or_order_is_seen(seed, users, cuts, weighted):
    rng = np.random.default_rng(seed)
    keys, nll, weight = rows(seed, 5000, users, weighted)
    keys[:users] = integer_keys(np.arange(users))  # all are there
    whole = tally(keys, nll, weight, slice(None))
    assert whole.folded == (users > MAX_CLUSTERS)
    assert whole.num_clusters <= MAX_CLUSTERS
    parts = np.split(rng.permutation(5000), sorted(cuts))
    assert tally(keys, nll, weight, *parts) == whole
    merged = Clusters("user")
    for part in parts:
        merged = tally(keys, nll, weight, part) + merged
    assert merged == whole
    assert Clusters.from_state(json.loads(json.dumps(whole.to_state()))) == whole


def test_notes():
    def note(users):
        return tally(integer_keys(users), np.arange(len(users)) / 7, None, slice(None)).note

    assert note(np.arange(60) // 2) == ""
    assert note(np.append(np.arange(60) // 2, 99)) == "1 of 31 clusters has one row"
    assert note(np.append(np.arange(60) // 2, [98, 99])) == "2 of 32 clusters have one row"
    assert note(np.arange(30)) == "all 30 clusters have one row"
    assert note(np.arange(9000)).startswith("more than 1024 clusters, taken together in 10")
    few = tally(integer_keys([1, 2, 2]), np.array([0.1, 0.2, 0.4]), None, slice(None))
    assert few.interval(0.95).note == "only 2 clusters; 1 of 2 clusters has one row"


def test_clusters_of_other_columns_do_not_add():
    with pytest.raises(MergeError, match="same column"):
        Clusters("a") + Clusters("b")
    assert Clusters("a").__add__(1) is NotImplemented
