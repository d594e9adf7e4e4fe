"""The interval beside the log loss: which method, in which unit, of any split of the rows."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError, XentTypeError, XentValueError
from xent.evaluation import Summary, evaluate
from xent.evaluation.reading.options import Options

ROWS = 400


def data(seed=0):
    rng = np.random.default_rng(seed)
    p = rng.random(ROWS)
    return {
        "label": (rng.random(ROWS) < p).astype(int),
        "p": p,
        "user": rng.integers(0, 40, ROWS),
        "row": np.arange(ROWS),
        "w": rng.integers(1, 4, ROWS) / 2,
    }


METHODS = [
    {},
    {"cluster": "user"},
    {"interval": "bootstrap"},
    {"interval": "bootstrap", "id": "row"},
    {"interval": "bootstrap", "cluster": "user"},
]


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_a_method_is_chosen_and_has_the_loss_inside(options):
    e = evaluate(data(), target="label", probs="p", **options)
    interval = e.interval
    assert interval.method == options.get("interval", "cluster" if options else "hall")
    assert interval.low < e.log_loss < interval.high
    assert interval.level == 0.95
    # rows are independent here, so all say about the same
    plain = evaluate(data(), target="label", probs="p").interval
    assert interval.high - interval.low == pytest.approx(plain.high - plain.low, rel=0.4)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("options", METHODS, ids=str)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 9), cuts=st.lists(st.integers(1, ROWS - 1), min_size=1, max_size=3))
def test_no_split_or_order_is_seen(options, weight, seed, cuts):
    columns = data(seed)
    options = {"target": "label", "probs": "p", "weight": weight, "by": "user", **options}
    whole = evaluate(columns, **options).summary
    parts = np.split(np.random.default_rng(seed).permutation(ROWS), sorted(set(cuts)))
    merged = Summary()
    for part in parts:
        merged = merged + evaluate({n: v[part] for n, v in columns.items()}, **options).summary
    assert merged.slices == whole.slices
    assert merged.clusters == whole.clusters
    assert merged.replicates == whole.replicates
    assert Summary.from_json(merged.to_json()) == merged


def test_units_and_level():
    nats = evaluate(data(), target="label", probs="p", level=0.9)
    bits = evaluate(data(), target="label", probs="p", level=0.9, unit="bit")
    assert bits.interval.low == pytest.approx(nats.interval.low / math.log(2), rel=1e-15)
    assert nats.perplexity_interval == nats.interval.exp() == bits.perplexity_interval
    assert "90 % interval" in str(nats)
    assert nats.to_dict()["interval"]["level"] == 0.9


def test_labels_have_the_interval_of_a_decision():
    rng = np.random.default_rng(3)
    truth, p = rng.integers(0, 2, (ROWS, 4)), rng.random((ROWS, 4))
    e = evaluate(labels=truth, probs=p, task="multi")
    nll = -np.log(np.where(truth == 1, p, 1 - p)).mean(axis=1)
    error = nll.std(ddof=1) / math.sqrt(ROWS)
    assert e.interval.high - e.interval.low == pytest.approx(2 * 1.96 * error, rel=0.05)
    drawn = evaluate(labels=truth, probs=p, task="multi", interval="bootstrap").interval
    clusters = evaluate(labels=truth, probs=p, task="multi", cluster=np.arange(ROWS)).interval
    assert drawn.high - drawn.low == pytest.approx(2 * 1.96 * error, rel=0.3)
    assert [clusters.low, clusters.high] == pytest.approx([e.interval.low, e.interval.high])
    assert clusters.note == "all 400 clusters have one row"


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_an_infinite_loss_has_no_interval_and_says_so(options):
    columns = data()
    columns["p"][7], columns["label"][7] = 0.0, 1
    e = evaluate(columns, target="label", probs="p", **options)
    assert not e.interval
    assert e.interval.note == "1 row impossible: the loss is infinite"
    assert re.search("95 % interval  +none .*1 row impossible", str(e))


def test_one_row_and_equal_losses():
    one = evaluate(([1], [0.25])).interval
    assert (bool(one), one.note) == (False, "one row has no spread to judge by")
    same = evaluate(([1, 0, 1], [0.5, 0.5, 0.5]))
    assert same.interval.low == same.interval.high == same.log_loss
    assert same.interval.note == "all 3 losses are equal"


def test_clusters_of_text_and_few_of_them():
    columns = data() | {"user": np.array(["ann", "bob", "eve", "joe"])[data()["user"] % 4]}
    e = evaluate(columns, target="label", probs="p", cluster="user")
    assert "(by cluster; only 4 clusters)" in str(e)


def test_states_of_other_options_do_not_add():
    plain, by, drawn = (
        evaluate(data(), target="label", probs="p", **options).summary
        for options in ({}, {"by": "user"}, {"interval": "bootstrap"})
    )
    for a, b in ((plain, by), (by, plain), (plain, drawn)):
        with pytest.raises(MergeError, match="must both have"):
            a + b
    assert Summary() + by == by


@pytest.mark.parametrize(
    "options, message",
    [
        ({"interval": "wald"}, "interval must be one of"),
        ({"interval": "cluster"}, "must come with a cluster"),
        ({"interval": "hall", "cluster": "user"}, "must come without a cluster"),
        ({"interval": "bootstrap", "replicates": 38}, "from 39 .for level 0.95. to 10000, got 38"),
        ({"interval": "bootstrap", "replicates": 20_000}, "replicates must be from 39"),
        ({"interval": "bootstrap", "replicates": 150, "level": 0.99}, "from 199"),
        ({"level": 95}, "0.95 is 95 %"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(XentValueError, match=message):
        evaluate(data(), target="label", probs="p", **options)


def test_replicates_are_whole():
    with pytest.raises(XentTypeError, match=r"replicates must be a whole number, got 2\.5"):
        Options(interval="bootstrap", replicates=2.5)
    for replicates, level in ((39, 0.95), (199, 0.99), (3, 0.5)):
        Options(interval="bootstrap", replicates=replicates, level=level)
