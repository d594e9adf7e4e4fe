"""Clusters: exact sums of each, folded once there are many, whatever the split."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError
from xent.evaluation.groups import Clusters
from xent.evaluation.groups.clusters import MAX_CLUSTERS, SAMPLED, ClusterTally, KeyedSums
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
    there = keys if weight is None else keys[weight > 0]
    assert whole.folded == (len(np.unique(there)) > MAX_CLUSTERS)
    assert whole.num_clusters <= MAX_CLUSTERS
    parts = np.split(rng.permutation(5000), sorted(cuts))
    assert tally(keys, nll, weight, *parts) == whole
    merged = Clusters("user")
    for part in parts:
        merged = tally(keys, nll, weight, part) + merged
    assert merged == whole
    assert Clusters.from_state(json.loads(json.dumps(whole.to_state()))) == whole


@pytest.mark.parametrize("users", [30, 3000])
def test_rows_of_no_weight_are_no_rows(users):
    keys, nll, weight = rows(2, 5000, users, weighted=True)
    assert (weight == 0).any()
    kept = weight > 0
    found = tally(keys, nll, weight, slice(None))
    assert found == tally(keys[kept], nll[kept], weight[kept], slice(None))
    assert sum(count for count, *_ in found.sums.of.values()) == kept.sum()


def test_sums_of_several_columns_are_those_of_each():
    keys, nll, weight = rows(4, 3000, 2000, weighted=True)
    there, codes = np.unique(keys, return_inverse=True)
    both = KeyedSums.of_rows(there, codes, [None, nll, weight])
    assert both.folded
    for place, column in enumerate([np.ones(3000), nll, weight]):
        alone = KeyedSums.of_rows(there, codes, [column])
        assert {key: (sums[0], sums[1 + place]) for key, sums in both.of.items()} == alone.of
    # keys that no row has are not there, and do not count where keys are taken together
    few = codes < 1000
    found = KeyedSums.of_rows(there, codes[few], [nll[few]])
    assert not found.folded
    assert list(found.of) == there[:1000].tolist()


def test_many_clusters_say_what_their_rows_do():
    keys, nll, _ = rows(5, 6000, 2**60)
    found = tally(keys, nll, None, slice(None))
    assert found.folded
    alone = cluster_interval(nll, np.ones(6000))
    got = found.interval(0.95)
    # an error that 1024 groups show is right to 1 / sqrt(2 * 1024)
    assert got.high - got.low == pytest.approx(alone.high - alone.low, rel=3 / 2**5.5)


def test_notes():
    def note(users):
        return tally(integer_keys(users), np.arange(len(users)) / 7, None, slice(None)).note

    assert note(np.arange(60) // 2) == ""
    assert note(np.append(np.arange(60) // 2, 99)) == "1 of 31 clusters has one row"
    assert note(np.append(np.arange(60) // 2, [98, 99])) == "2 of 32 clusters have one row"
    assert note(np.arange(30)) == "all 30 clusters have one row"
    # 0 to 2999 have two rows, 3000 to 5999 one
    several = note(np.append(np.arange(6000), np.arange(3000)))
    found = re.fullmatch(
        r"more than 1024 clusters, taken together in \d+; (\d+) of 256 clusters drawn from them "
        "have one row", several
    )  # fmt: skip
    # four standard deviations of a fair draw
    assert abs(int(found[1]) - 128) < 4 * 8
    assert note(np.arange(9000)).endswith("; all 256 clusters drawn from them have one row")
    assert "row" not in note(np.arange(6000) // 2)
    few = tally(integer_keys([1, 2, 2]), np.array([0.1, 0.2, 0.4]), None, slice(None))
    assert few.interval(0.95).note == "only 2 clusters; 1 of 2 clusters has one row"


@pytest.mark.parametrize("users", [1100, 4000])
def test_rows_of_the_least_keys_are_counted_one_by_one(users):
    keys, nll, _ = rows(6, 5000, users)
    there, counts = np.unique(keys, return_counts=True)
    # the halves have rows of the same users, and the first of them is not folded at first
    found = tally(keys, nll, None, slice(0, 900), slice(900, 5000))
    assert found.folded
    assert found.sums.known_rows == counts[:SAMPLED].tolist()
    assert list(found.sums.sample) == there[:SAMPLED].tolist()
    assert found.num_single == np.count_nonzero(counts[:SAMPLED] == 1)


def test_clusters_of_other_columns_do_not_add():
    with pytest.raises(MergeError, match="same column"):
        Clusters("a") + Clusters("b")
    assert Clusters("a").__add__(1) is NotImplemented
