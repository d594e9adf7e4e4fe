"""Cells against a plain reference; they are the same for every split, order and thread count."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent.kernels
from xent.errors import MergeError
from xent.evaluation import Summary, evaluate
from xent.evaluation.exact import ONE
from xent.evaluation.summary.cell_tally import Tally
from xent.evaluation.summary.cells import (
    ALL_LABELS,
    NUM_CELLS,
    TOP_LABEL,
    Cells,
    cell_logits,
    cell_odds,
    cell_of,
)
from xent.kernels.cpu.cell_ranges import halves

# made-up predictions look as wrong as they are
pytestmark = pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
SETTINGS = settings(max_examples=25, deadline=None)
UNIT = 2**64


def weight_units(weight):
    """A weight in units of 2**-64, from its 32 leading bits, ties away from zero."""
    mantissa, exponent = np.frexp(min(weight, 2.0**40))
    kept = int(np.floor(mantissa * 2**32 + 0.5))
    shift = int(exponent) - 32 + 64
    return kept << shift if shift >= 0 else kept >> -shift


def reference(columns, outcomes, weight=None):
    """Zeros and ones of each group as lists of Python integers, a row at a time."""
    counts = []
    for q, came_true in zip(columns, outcomes, strict=True):
        cells = [[0] * NUM_CELLS, [0] * NUM_CELLS]
        for i, cell in enumerate(cell_of(np.asarray(q, dtype=np.float64))):
            cells[int(came_true[i])][cell] += 1 if weight is None else weight_units(weight[i])
        counts.append(cells)
    return counts


def units(cells):
    """The same of cells: rows, or units of weight."""
    tally = cells.tally
    ranges, low = tally.kept[:2]
    kept = low.astype(object)
    if tally.is_weighted:
        low, high = halves(tally.kept)
        kept = high.astype(object) * UNIT + low
    whole = np.zeros((len(ranges), tally.shape[-1]), dtype=object)
    for line, part, (begin, end) in zip(
        whole, np.split(kept, np.cumsum(np.diff(ranges))[:-1]), ranges, strict=True
    ):
        line[begin:end] = part
    return whole.reshape(tally.shape).tolist()


def predictions(seed, rows, classes, dtype=np.float64):
    """Easy, hard, certain and impossible predictions; every quarter of them are ties."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, classes)) * rng.choice([0.1, 1, 30], size=(rows, 1))
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p[rng.random(rows) < 0.1, 0] = 0
    certain = rng.random(rows) < 0.1
    p[certain] = np.eye(classes)[rng.integers(classes, size=certain.sum())]
    p /= p.sum(axis=1, keepdims=True)
    p[rng.random(rows) < 0.25] = 1 / classes
    return rng.integers(classes, size=rows), p.astype(dtype), rng.integers(0, 9, size=rows) / 8


@SETTINGS
@given(
    st.integers(0, 2**32),
    st.integers(1, 300),
    st.sampled_from([3, 4, 11]),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_classes_against_the_reference(seed, rows, classes, dtype, weighted):
    target, p, weight = predictions(seed, rows, classes, dtype)
    weight[0] = 1
    given_weight = {"weight": weight} if weighted else {}
    cells = evaluate(target=target, probs=p, classes=range(classes), **given_weight).summary.cells
    chosen = p.argmax(axis=1)
    columns = [*p.T, p[np.arange(rows), chosen]]
    outcomes = [*(target == j for j in range(classes)), chosen == target]
    assert units(cells) == reference(columns, outcomes, weight if weighted else None)
    assert cells.groups == (*map(str, range(classes)), TOP_LABEL)


@SETTINGS
@given(st.integers(0, 2**32), st.integers(1, 300), st.booleans())
def test_two_classes_in_two_columns_and_in_one(seed, rows, weighted):
    target, p, weight = predictions(seed, rows, 2)
    weight[0] = 1
    given_weight = {"weight": weight} if weighted else {}
    options = {"classes": ["no", "yes"], **given_weight}
    two = evaluate(target=target, probs=p, **options).summary.cells
    one = evaluate(target=target, probs=p[:, 1], **options).summary.cells
    assert units(one) == reference([p[:, 1]], [target == 1], weight if weighted else None)
    # a probability of 1e-20 is 0 where it is known as 1 less the other, and its row impossible
    assert two.tally == one.tally
    assert one.groups == ("yes",)


@SETTINGS
@given(st.integers(0, 2**32), st.integers(1, 200), st.booleans())
def test_labels_against_the_reference(seed, rows, weighted):
    rng = np.random.default_rng(seed)
    p = rng.choice([0, 1e-9, 0.25, 0.5, 0.9, 1], size=(rows, 4))
    truth = rng.integers(2, size=(rows, 4))
    weight = rng.integers(1, 9, size=rows) / 8
    given_weight = {"weight": weight} if weighted else {}
    cells = evaluate(labels=truth, probs=p, task="multi", **given_weight).summary.cells
    assert units(cells) == reference(p.T, truth.T, weight if weighted else None)
    assert len(cells.groups) == 4


def test_logits_are_in_the_cells_of_their_probabilities():
    rng = np.random.default_rng(0)
    z, target = rng.normal(size=(5000, 5)) * 3, rng.integers(5, size=5000)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    a = evaluate(target=target, logits=z).summary.cells
    b = evaluate(target=target, probs=p).summary.cells
    # but for rounding at a border
    assert np.abs(a.tally.values() - b.tally.values()).sum() <= 4
    one = evaluate(target=target % 2, logits=z[:, 0]).summary.cells
    other = evaluate(target=target % 2, probs=1 / (1 + np.exp(-z[:, 0]))).summary.cells
    assert np.abs(one.tally.values() - other.tally.values()).sum() <= 4


@pytest.mark.parametrize("classes", [2, 3, 5, 6, 9, 11, 17])
def test_equal_logits_meet_in_one_cell_whatever_the_class(classes):
    # the odds 1 / (K - 1) may be a border, and p_y is computed in another way than the others
    target = np.arange(900) % classes
    cells = evaluate(target=target, logits=np.zeros((900, classes))).summary.cells
    zeros, ones = cells.weights()
    for group in range(len(cells.groups)):
        assert np.count_nonzero(zeros[group] + ones[group]) == 1


def test_logits_of_a_thousand_are_at_the_ends():
    z = np.array([[1000.0, -1000.0, 0.0], [-1000.0, 0.0, 1000.0]])
    zeros, ones = evaluate(target=[0, 2], logits=z).summary.cells.weights()
    assert ones[0, -1] == ones[2, -1] == 1
    assert zeros[0, 0] == zeros[2, 0] == 1
    assert zeros[1, 0] == 2


def test_cells_are_where_their_borders_say():
    edges = cell_odds()
    rng = np.random.default_rng(1)
    q = rng.random(5000) ** rng.integers(1, 20, size=5000)
    odds, cell = q / (1 - q), cell_of(q)
    inside = (odds > edges[0]) & (odds < edges[-1])
    assert ((edges[cell] <= odds * (1 + 2**-41)) & (odds < edges[cell + 1]))[inside].all()
    logits = cell_logits()
    assert (np.diff(logits) > 0).all()
    assert (np.exp(logits) > edges[:-1]).all()
    assert (np.exp(logits) < edges[1:]).all()
    # log(17/16), the widest cell
    assert np.diff(np.log(edges)).max() < 0.0607


@pytest.mark.parametrize("weight", [1e-9, 1 / 3, 1.0, 2.0**31, 2.0**35, 1e12, 1e30])
def test_weights_keep_32_bits(weight):
    cells = evaluate(target=[1, 1], probs=[0.5, 0.5], weight=[weight, weight]).summary.cells
    assert units(cells)[0][1][512] == 2 * weight_units(weight)
    if weight < 2**40:
        np.testing.assert_allclose(cells.weights()[1][0, 512], 2 * weight, rtol=2**-32)


def test_weights_of_one_are_no_weights():
    target, p, _ = predictions(7, 200, 3)
    plain = evaluate(target=target, probs=p).summary
    weighted = evaluate(target=target, probs=p, weight=np.ones(200)).summary
    assert weighted.cells == plain.cells
    assert weighted.surprise == plain.surprise
    assert weighted.tempering == plain.tempering


def test_more_than_2048_groups_are_one():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(20, 2049))
    cells = evaluate(target=rng.integers(2049, size=20), logits=z).summary.cells
    assert cells.groups == (TOP_LABEL,)
    assert cells.tally.values().sum() == 20
    truth = rng.integers(2, size=(5, 2049))
    labels = evaluate(labels=truth, logits=z[:5], task="multi").summary.cells
    assert labels.groups == (ALL_LABELS,)
    assert labels.tally.values().sum() == 5 * 2049


def test_rows_that_are_not_scored_are_not_counted():
    target = [0, 1, -100, 1]
    p = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.5, 0.0], [np.nan, 0.5, 0.5]]
    cells = evaluate(target=target, probs=p, ignore=-100, nan="exclude").summary.cells
    assert cells.tally.values().sum(axis=(1, 2)).tolist() == [2, 2, 2, 2]


def parts_of(cuts, arrays):
    edges = [0, *sorted(cuts), len(arrays["target"])]
    return [{n: v[a:b] for n, v in arrays.items()} for a, b in itertools.pairwise(edges) if b > a]


@SETTINGS
@given(
    st.integers(0, 2**32),
    st.integers(1, 400),
    st.sampled_from([2, 3, 7]),
    st.lists(st.integers(0, 400), max_size=4),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.sampled_from(["probs", "logits"]),
)
def test_no_split_or_order_shows(seed, rows, classes, cuts, random, weighted, kind):
    target, p, weight = predictions(seed, rows, classes)
    values = p if kind == "probs" else np.log(p + 1e-30) * 3
    arrays = {"target": target, kind: values, **({"weight": weight + 0.1} if weighted else {})}
    options = {"classes": range(classes), "zero": "inf"}
    whole = evaluate(**arrays, **options).summary
    pieces = parts_of([c % rows for c in cuts], arrays)
    random.shuffle(pieces)
    merged = sum((evaluate(**a, **options).summary for a in pieces), Summary())
    assert merged.cells == whole.cells
    assert merged.surprise == whole.surprise
    assert merged.tempering == whole.tempering
    for name in ("cells", "surprise", "tempering"):
        part = getattr(whole, name)
        state = json.loads(json.dumps(part.to_state()))
        assert type(part).from_state(state) == part
    # a float sum of weights
    assert np.isclose(sum(whole.cells.tally.values()[0].ravel()), whole.sum_weight / ONE)


def test_no_thread_count_shows():
    target, p, _ = predictions(3, 30_000, 4)
    summaries = []
    for threads in (1, 3):
        xent.kernels.set_num_threads(threads)
        try:
            summaries.append(evaluate(target=target, probs=p).summary)
        finally:
            xent.kernels.set_num_threads(None)
    assert summaries[0] == summaries[1]


def test_cells_of_other_groups_do_not_merge():
    a = Cells.from_counts(("a",), np.zeros((1, NUM_CELLS)), np.ones((1, NUM_CELLS)))
    b = Cells.from_counts(("b",), np.zeros((1, NUM_CELLS)), np.ones((1, NUM_CELLS)))
    with pytest.raises(MergeError, match="same groups"):
        a + b
    assert (a + a).weights()[1].sum() == 2 * NUM_CELLS


@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300), max_size=40),
    st.booleans(),
)
def test_a_tally_is_text_and_back(values, weighted):
    low = np.array(values, dtype=np.uint64)
    tally = Tally.of(low, low[::-1].copy() if weighted else None)
    assert Tally.from_state(tally.to_state(), low.shape) == tally


def test_halves_of_weights_carry():
    half = Tally.of(np.array([2**63 + 1], dtype=np.uint64), np.array([5], dtype=np.uint64))
    total = half + half
    assert [int(half[0]) for half in halves(total.kept)] == [2, 11]
    counts = Tally.of(np.array([3], dtype=np.uint64))
    assert counts == Tally.of(np.zeros(1, np.uint64), np.array([3], dtype=np.uint64))
    assert (half + counts).values()[0] == 8.5


@SETTINGS
@given(
    st.integers(0, 2**32),
    st.sampled_from(["classes", "column", "labels"]),
    st.booleans(),
    st.sampled_from(["inf", "clip:1e-15"]),
)
def test_possible_rows_are_what_the_others_are_by_themselves(seed, form, weighted, zero):
    rng = np.random.default_rng(seed)
    p = rng.choice([0, 1e-12, 1e-9, 0.25, 0.5, 0.9, 1], size=(300, 4))
    truth = rng.integers(2, size=(300, 4))
    weight = rng.integers(0, 9, size=300) * rng.random(300) ** 8
    if form == "labels":
        lost = np.any(np.where(truth == 1, p, 1 - p) == 0, axis=1)
    else:
        lost = np.where(truth[:, 0] == 1, p[:, 0], 1 - p[:, 0]) == 0

    def cells(rows):
        given_weight = {"weight": weight[rows]} if weighted else {}
        options = {"zero": zero, **given_weight}
        if form == "labels":
            return evaluate(labels=truth[rows], probs=p[rows], task="multi", **options).summary
        q = p[rows, 0]
        q = np.stack([1 - q, q], axis=1) if form == "classes" else q
        return evaluate(target=truth[rows, 0], probs=q, classes=range(2), **options).summary

    whole, others = cells(np.full(300, True)).cells, cells(~lost).cells
    assert whole.possible() == others
    assert others.impossible is None
    parts = cells(np.arange(300) % 3 == 0) + cells(np.arange(300) % 3 > 0)
    assert parts.cells == whole
    read = Summary.from_json(parts.to_json()).cells
    assert read == whole
    assert read.possible() == others
