"""Summaries form a commutative monoid, and no split of the rows can be seen in them."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError
from xent.evaluation import Summary, evaluate
from xent.evaluation.exact import exact
from xent.evaluation.packed import pack_columns
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import make_plan
from xent.evaluation.reading.tables import ArraySource
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.cell_tally import Tally
from xent.evaluation.summary.summary import VERSION
from xent.evaluation.summary.surprise import NUM_SURPRISES, SurpriseCells

SETTINGS = settings(max_examples=25, deadline=None)


def predictions(seed, rows, classes, dtype=np.float32):
    """Rows with easy and hard, impossible and missing outcomes, and many exact ties."""
    rng = np.random.default_rng(seed)
    logits = rng.integers(-3, 4, size=(rows, classes)) * rng.choice([1, 10], size=(rows, 1))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p[rng.random(rows) < 0.05, 0] = 0
    p /= p.sum(axis=1, keepdims=True)
    p[rng.random(rows) < 0.05, 0] = np.nan
    target = rng.integers(classes, size=rows)
    return target, p.astype(dtype), rng.integers(0, 5, size=rows) / 4


def score(parts, *, wide=False, weighted=False, **options):
    """The summary of batches of (first row, target, probs, weight), as one scorer's or many."""
    options = {"nan": "exclude", "weight": "weight" if weighted else None, **options}
    options = Options(target="target", probs="p_*" if wide else "probs", **options)
    summaries = []
    for first, target, p, weight in parts:
        arrays = {"target": target, "weight": weight, "probs": p}
        if wide:
            del arrays["probs"]
            arrays |= {f"p_{j}": np.ascontiguousarray(p[:, j]) for j in range(p.shape[1])}
        source = ArraySource(arrays)
        scorer = Scorer(make_plan(source.fields, source.head(9), options), options)
        for batch in source.batches(list(arrays)):
            scorer.add(batch, first)
        summaries.append(scorer.summary())
    return sum(summaries, Summary())


def split(cuts, target, p, weight):
    edges = [0, *sorted(cuts), len(target)]
    return [(a, target[a:b], p[a:b], weight[a:b]) for a, b in itertools.pairwise(edges) if b > a]


@SETTINGS
@given(
    st.integers(0, 2**32),
    st.integers(1, 400),
    st.sampled_from([2, 3, 9, 70]),
    st.lists(st.integers(0, 400), max_size=4),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.sampled_from(["inf", "clip:1e-3"]),
)
def test_any_split_in_any_order_gives_the_same_bits(
    seed, rows, classes, cuts, random, weighted, zero
):
    data = predictions(seed, rows, classes)
    whole = score([(0, *data)], weighted=weighted, zero=zero)
    parts = split([c % rows for c in cuts], *data)
    random.shuffle(parts)
    assert score(parts, weighted=weighted, zero=zero) == whole


@SETTINGS
@given(st.integers(0, 2**32), st.integers(1, 200), st.sampled_from([2, 3, 17]))
def test_columns_and_a_list_give_the_same_bits(seed, rows, classes):
    data = predictions(seed, rows, classes)
    assert score([(0, *data)], wide=True) == score([(0, *data)])


def test_float32_and_float64_of_the_same_numbers_give_the_same_bits():
    target, p, weight = predictions(1, 300, 4)
    narrow = score([(0, target, p, weight)])
    assert score([(0, target, p.astype(np.float64), weight)]) == narrow


def test_merging_is_a_commutative_monoid():
    a, b, c = (score([(k, *predictions(k, 50 + k, 3))]) for k in range(3))
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Summary() == a == Summary() + a


def test_a_summary_is_json_and_back():
    summary = score([(0, *predictions(3, 200, 3))], weighted=True)
    assert Summary.from_json(summary.to_json()) == summary
    assert Summary.from_json(Summary().to_json()) == Summary()


ASKED = {
    "nothing more": {},
    "clusters": {"cluster": np.arange(200_000) % 3000},
    "128 slices of clusters": {
        "cluster": np.arange(200_000) % 3001,
        "by": np.arange(200_000) % 128,
    },
    "1000 slices": {"by": np.arange(200_000) % 1000},
    "2000 replicates": {"interval": "bootstrap", "replicates": 2000},
}


# weights without digits to speak of, with all, and over a factor of a million
@pytest.mark.parametrize("weights", ["none", "uniform", "log-normal"])
@pytest.mark.parametrize("classes, asked", [*((3, asked) for asked in ASKED), (20, "1000 slices")])
def test_the_size_of_a_summary_is_bounded(classes, asked, weights):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(classes, 0.3), size=200_000)
    target = rng.integers(classes, size=200_000)
    drawn = {"uniform": rng.random(200_000), "log-normal": rng.lognormal(0, 1.5, 200_000)}
    weight = {} if weights == "none" else {"weight": drawn[weights]}
    text = evaluate(target=target, probs=p, **weight, **ASKED[asked]).summary.to_json()
    assert len(text) < most_bytes(classes, asked, weighted=weights != "none")


@pytest.mark.parametrize("weighted", [False, True])
def test_the_size_is_bounded_where_no_cell_is_empty(weighted):
    rng = np.random.default_rng(0)
    logits = 10 ** rng.uniform(-1, 1.5, (200_000, 1)) * rng.standard_normal((200_000, 20))
    target = rng.integers(20, size=200_000)
    weight = {"weight": rng.random(200_000)} if weighted else {}
    summary = evaluate(target=target, logits=logits, **weight).summary
    zeros, ones = summary.cells.weights()
    assert (zeros + ones > 0).mean() > 0.7
    assert len(summary.to_json()) < most_bytes(20, "nothing more", weighted=weighted)


def most_bytes(classes, asked, *, weighted):
    """As `Summary` and docs/scale.md say."""
    slices = int(asked.split()[0]) if "slices" in asked else 0
    replicates = 2000 if "repl" in asked else 0
    of_weights = 12_000 * classes + (100 + 11 * classes) * slices + 60 * replicates
    of_both = 30_000 * (1 + weighted) * ("slices of clusters" in asked)
    return 100_000 + 8_000 * classes + of_weights * weighted + of_both


@pytest.mark.parametrize(
    "change", [{"classes": ("a", "b", "c")}, {"clip": 1e-15}, {"kind": "labels"}]
)
def test_summaries_of_other_settings_do_not_merge(change):
    summary = score([(0, *predictions(3, 20, 3))])
    name = next(iter(change))
    with pytest.raises(MergeError, match=f"must have the same {name}"):
        summary + dataclasses.replace(summary, **change)


def test_text_of_another_version_is_refused():
    text = Summary().to_json().replace(f'"version":{VERSION}', '"version":99')
    with pytest.raises(MergeError, match=f"version {VERSION}, got 99"):
        Summary.from_json(text)
    with pytest.raises(MergeError, match="must be a summary"):
        Summary.from_json("[1]")


def test_the_most_surprising_rows_break_ties_by_row():
    target, p = np.zeros(500, int), np.full((500, 2), 0.5)
    assert [s.row for s in evaluate((target, p)).summary.worst[:3]] == [0, 1, 2]


def test_exact_sums_of_known_rows():
    summary = evaluate(([0, 1, 1], [[0.5, 0.5], [0.75, 0.25], [0.75, 0.25]])).summary
    assert summary.sum_nll == exact(np.log(2)) + 2 * exact(np.log(4))
    assert summary.by_class[1].probability == exact(1.0)
    assert (summary.num_correct, summary.by_class[1].num_true) == (1, 2)


PROGRAM = """
import numpy as np
from xent.evaluation import evaluate
rng = np.random.default_rng(0)
logits = rng.normal(size=(3000, 11)) * 8
p = np.exp(logits - logits.max(axis=1, keepdims=True)); p /= p.sum(axis=1, keepdims=True)
y = rng.integers(11, size=3000)
print(evaluate((y, p)).summary.to_json())
print(evaluate(target=y, logits=logits).summary.to_json())
print(evaluate(target=y % 2, logits=logits[:, 0]).summary.to_json())
print(evaluate(labels=(logits > 1) * 1, probs=p, task="multi").summary.to_json())
"""


def test_every_instruction_set_and_thread_count_gives_the_same_bits():
    outputs = set()
    for isa, threads in (("baseline", "1"), ("v3", "2"), ("v4", "2")):
        environment = {**os.environ, "XENT_ISA": isa, "XENT_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_arrow_chunks_give_the_bits_of_arrays():
    target, p, _ = predictions(5, 300, 3)
    whole = evaluate({"target": target, "probs": p}, nan="exclude").summary
    table = pa.table({"target": target, **{f"p_{j}": p[:, j] for j in range(3)}})
    chunked = pa.concat_tables([table.slice(0, 7), table.slice(7, 100), table.slice(107)])
    assert evaluate(chunked, nan="exclude").summary == whole


def broken(state):
    """Yield what `state` is without each of its values, and with others in their place."""
    for name in state:
        rest = {n: v for n, v in state.items() if n != name}
        yield rest
        for value in (None, -1, 1.5, "x", "AAAA", [], [1], ["x"], {}, {"x": 1}):
            if value != state[name]:
                yield {**rest, name: value}
        if isinstance(state[name], dict):
            yield from ({**rest, name: inner} for inner in broken(state[name]))
    yield {**state, "unknown": 1}


@pytest.mark.parametrize("weighted", [False, True])
def test_text_that_is_broken_is_refused_as_that(weighted):
    rng = np.random.default_rng(0)
    rows = {"target": rng.integers(3, size=30), "probs": rng.dirichlet([1, 1, 1], size=30)}
    rows |= {"site": rng.integers(2, size=30)} | ({"w": rng.random(30)} if weighted else {})
    chosen = {"weight": "w"} if weighted else {}
    whole = evaluate(rows, by="site", interval="bootstrap", replicates=39, **chosen).summary
    states = list(broken(json.loads(whole.to_json())))
    refused = 0
    for state in states:
        try:
            Summary.from_json(json.dumps(state))
        except MergeError:
            refused += 1
    # others are summaries of other rows, which a checksum is for
    assert refused > 0.7 * len(states)
    for state in ({"version": VERSION}, {**json.loads(whole.to_json()), "unknown": 1}):
        with pytest.raises(MergeError, match=r"must be whole, got .*(unknown|kind)"):
            Summary.from_json(json.dumps(state))


def test_a_count_that_no_cell_holds_is_refused():
    summary = evaluate(([0, 1], [0.25, 0.5])).summary
    cells = np.zeros(NUM_SURPRISES + 1, dtype=np.uint64)
    cells[5] = 2**63
    half = dataclasses.replace(summary, surprise=SurpriseCells(Tally.of(cells)))
    with pytest.raises(MergeError, match=r"fewer than 2\*\*64 rows"):
        half + half


@pytest.mark.parametrize(
    "part, said",
    [
        ({"classes": ["0"]}, "a column has more than 1 numbers"),
        ({"by_class": {"counts": pack_columns([(1, 1, 0)], 3)}}, "of 3 classes, got 1 and 3"),
        ({"by_class": {"exact": pack_columns([(1, 1, 0)] * 3, 3)}}, "must be 2 columns, got 3"),
    ],
)
def test_sums_that_are_not_of_the_classes_are_refused(part, said):
    state = evaluate(([0, 1], [[0.5, 0.25, 0.25]] * 2)).summary.to_state()
    for name, value in part.items():
        state[name] = {**state[name], **value} if isinstance(value, dict) else value
    with pytest.raises(MergeError, match=said):
        Summary.from_state(state)


def test_text_that_is_too_deep_is_refused():
    with pytest.raises(MergeError, match="written by Summary"):
        Summary.from_json("[" * 200_000)
