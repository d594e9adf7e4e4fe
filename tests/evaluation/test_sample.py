"""Rows sampled by what they hold: the same sample from any split, and terms that it tells."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from scipy.special import log_softmax, softmax

import xent.kernels
from xent.evaluation import evaluate, sample
from xent.evaluation.engines.parts import (
    Part,
    arrow_batches,
    merge_parts,
    score_part,
    scored_of,
)
from xent.evaluation.reading import parquet as reading
from xent.evaluation.reading.batches import arrow_field
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import make_plan
from xent.evaluation.recalibration import fit_shift, fit_vector, row_terms
from xent.evaluation.sample import RowSample, RowSampler, sizes
from xent.evaluation.scoring import ScoredBatch
from xent.evaluation.state import load_state, save_state
from xent.kernels.cpu.row_keys import sample_keys
from xent.report.chinese import in_chinese
from xent.report.page import html_page

MOST, FEW = 60, 40  # rows of three classes
REUSED = [HealthCheck.function_scoped_fixture]


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(sample, "MOST_SCORES", 3 * MOST)
    monkeypatch.setattr(sample, "SAMPLE_SCORES", 3 * FEW)
    monkeypatch.setattr(sample, "LEAST_A_CLASS", 1)
    assert sizes(3) == (MOST, FEW)


def rows(rng, n, scale=2.0, spread=0.5, classes=4):
    """Scores whose classes need another scale, and to be more or less frequent."""
    z = 1.5 * rng.normal(size=(n, classes))
    p = softmax(z + np.linspace(-spread, spread, classes), axis=1)
    target = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, classes - 1)
    return target, log_softmax(scale * z, axis=1)


def batch(values, target, weight=None):
    beside = {"target": target} | ({} if weight is None else {"weight": weight})
    nll = -np.log(values[np.arange(len(target)), target])
    return ScoredBatch([values], beside, nll, values.argmax(axis=1))


def sampled(*batches, classes=3):
    sampler = RowSampler(classes)
    for each in batches:
        sampler.add(each)
    return sampler.sample()


def same(a, b):
    arrays = ("keys", "values", "target", "weight", "counts")
    return (a.num_rows, a.is_whole) == (b.num_rows, b.is_whole) and all(
        np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays
    )


@st.composite
def split_rows(draw):
    """Rows, some of them equal, impossible or of weight 0, and where they are cut."""
    n = draw(st.integers(1, 800))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.dirichlet(np.ones(3), size=n)
    target = rng.integers(3, size=n)
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], size=n) if draw(st.booleans()) else None
    values[rng.random(n) < 0.05] = [0.0, 0.5, 0.5]
    again = rng.integers(n, size=n)
    share = draw(st.sampled_from([0.0, 0.5, 0.95]))
    if share > 0.9:
        again %= draw(st.sampled_from([20, 200]))  # so many different rows, or a few more
    of = np.where(rng.random(n) < share, again, np.arange(n))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=6)))
    order = rng.permutation(n)
    of_weight = None if weight is None else weight[of]
    return (values[of], target[of], of_weight), cuts, order


def chosen(columns, at):
    with np.errstate(divide="ignore"):
        return batch(*(None if c is None else c[at] for c in columns))


@settings(max_examples=150, deadline=None, suppress_health_check=REUSED)
@given(split_rows())
def test_any_split_and_order_give_one_sample_with_exact_counts(few, case):
    columns, cuts, order = case
    n = len(order)
    whole = sampled(chosen(columns, np.arange(n)))
    edges = [0, *cuts, n]
    pieces = [order[a:b] for a, b in itertools.pairwise(edges)]
    assert same(sampled(*(chosen(columns, p) for p in pieces)), whole)
    merged = [sampled(chosen(columns, p)) for p in pieces]
    assert same(sum(merged[1:], merged[0]), whole)
    assert same(merged[-1] + sum(merged[1:-1], merged[0]), whole) or len(merged) == 1
    # what it is by definition
    values, target, weight = columns
    fine = values[np.arange(n), target] > 0
    if weight is not None:
        fine &= weight > 0
    ones = np.ones(n) if weight is None else weight
    contents = [(*values[i], target[i], ones[i]) for i in np.flatnonzero(fine)]
    different = set(contents)
    assert whole.num_rows == len(contents)
    assert whole.is_whole == (len(different) <= MOST)
    assert len(whole) == (len(different) if whole.is_whole else FEW)
    held = list(zip(*whole.values.T, whole.target, whole.weight, strict=True))
    assert [contents.count(c) for c in held] == whole.counts.tolist()
    beside = [target[fine]] + ([] if weight is None else [weight[fine]])
    keys = np.unique(sample_keys([values[fine]], beside)) if fine.any() else np.empty(0)
    assert whole.keys.tolist() == keys[: len(whole)].tolist()


def test_files_orders_and_threads_give_the_same_bits(few, rng, tmp_path, monkeypatch):
    target, scores = rows(rng, 3000, classes=3)
    probs = np.exp(scores)
    probs[:20], target[:20] = [0.0, 0.5, 0.5], 0
    weight = rng.integers(1, 4, 3000) / 2
    table = pa.table({"y": target, **{f"p_{j}": probs[:, j] for j in range(3)}, "w": weight})
    mixed = table.take(rng.permutation(3000))
    paths = [str(tmp_path / f"{k}.parquet") for k in range(4)]
    for path, part in zip(
        paths, (table, mixed, mixed.slice(0, 700), mixed.slice(700)), strict=True
    ):
        parquet.write_table(part, path)
    arrays = evaluate((target, probs), weight=weight)
    assert arrays.row_terms.sampled.num_rows == FEW
    monkeypatch.setattr(reading, "BATCH_ROWS", 256)
    try:
        for threads in (1, 2, 4):
            xent.kernels.set_num_threads(threads)
            for source in (paths[0], paths[1], paths[2:], table.to_reader(max_chunksize=100)):
                assert evaluate(source, weight="w").row_terms == arrays.row_terms
    finally:
        xent.kernels.set_num_threads(None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keys_are_of_values_not_of_types_or_layouts(rng, dtype):
    values = rng.random((999, 5)).astype(dtype)
    target = rng.integers(5, size=999)
    keys = sample_keys([values], [target])
    assert len(np.unique(keys)) == 999
    columns = [values[:, j].astype(np.float64) for j in range(5)]
    for threads in (1, 3):
        assert (keys == sample_keys(columns, [target], threads=threads)).all()
    halves = [sample_keys([values[a]], [target[a]]) for a in (slice(0, 7), slice(7, None))]
    assert (keys == np.concatenate(halves)).all()
    for other in (
        sample_keys([values[:, [1, 0, 2, 3, 4]]], [target]),
        sample_keys([values[:, ::-1]], [target]),
        sample_keys([values], [(target + 1) % 5]),
        sample_keys([values], [target, np.ones(999)]),
    ):
        assert not np.isin(other, keys).any()
    zeros = np.zeros((1, 5), dtype)
    assert sample_keys([zeros], [target[:1]]) == sample_keys([-zeros], [target[:1]])


def test_each_bit_of_a_key_depends_on_each_value(rng):
    values = np.repeat(rng.random((2000, 4)), 2, axis=0)
    target = np.zeros(4000, np.int64)
    for column in range(5):
        changed, truth = values.copy(), target.copy()
        if column < 4:
            changed[1::2, column] = np.nextafter(changed[1::2, column], 1)
        else:
            truth[1::2] = 1
        keys = sample_keys([changed], [truth])
        bits = ((keys[::2] ^ keys[1::2])[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
        # 64 shares of 2000 fair coins: 5 standard errors
        assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / math.sqrt(2000)


def closes(d):
    parts = d.uncertainty.value - d.resolution.value + d.miscalibration.value + d.remainder
    return parts == pytest.approx(d.log_loss, rel=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_what_a_sample_tells_is_within_its_own_error(monkeypatch, weighted):
    n, m = 6000, 1500
    outside = {"vector": [], "shift": []}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        target, scores = rows(rng, n)
        weight = rng.integers(1, 4, size=n) / 2 if weighted else None
        with monkeypatch.context() as patch:
            patch.setattr(sample, "MOST_SCORES", 4 * (n - 1))
            patch.setattr(sample, "SAMPLE_SCORES", 4 * m)
            e = evaluate((target, scores), logits=True, weight=weight)
        assert e.row_terms.sampled.num_rows == m
        for d, fit in zip(e.row_decomposition, (fit_vector, fit_shift), strict=True):
            whole = fit(scores, target, weight)
            assert closes(d)
            assert d.log_loss == e.log_loss
            assert d.remainder == pytest.approx(0, abs=1e-12)
            term = d.miscalibration
            # less what each is too good by: a sample of a quarter has 3/4 of its variance
            gap = (whole.gain - whole.optimism) - term.corrected
            assert term.null == pytest.approx(whole.num_parameters / (2 * d.num_rows), rel=1e-12)
            error = math.sqrt(2 * whole.gain / d.num_rows + 4 * term.null**2)
            outside[d.kind].append(gap / error)
            assert term.low <= term.corrected + 3 * error
            low, high = d.resolution.low, d.resolution.high
            assert low < d.resolution.corrected < high
    for gaps in outside.values():
        gaps = np.array(gaps)
        assert abs(gaps.mean()) < 4 / math.sqrt(len(gaps))
        assert 0.4 < np.sqrt((gaps**2).mean()) < 1.5


def test_equal_rows_are_no_sample_but_all_of_them(monkeypatch, rng):
    target, scores = rows(rng, 200)
    many = rng.integers(1, 30, size=200)
    again = np.repeat(target, many), np.repeat(scores, many, axis=0)
    monkeypatch.setattr(sample, "MOST_SCORES", 4 * 200)
    e = evaluate(again, logits=True)
    terms = e.row_terms
    assert terms.sampled is None
    for found, fit in ((terms.vector, fit_vector), (terms.shift, fit_shift)):
        direct = fit(again[1], again[0])
        assert found.gain == pytest.approx(direct.gain, rel=1e-11)
        assert found.effective_rows == pytest.approx(many.sum(), rel=1e-12)
    assert all(d.sampled == 0 and closes(d) for d in e.row_decomposition)


def test_rows_that_repeat_too_unevenly_are_not_sampled(monkeypatch):
    for seed in range(6):  # in some the content of every other row is sampled, in some it is not
        rng = np.random.default_rng(seed)
        target, scores = rows(rng, 4000)
        target[::2], scores[::2] = target[0], scores[0]
        monkeypatch.setattr(sample, "MOST_SCORES", 4 * 1000)
        monkeypatch.setattr(sample, "SAMPLE_SCORES", 4 * 800)
        e = evaluate((target, scores), logits=True)
        assert e.row_terms.fits == []
        assert "these repeat too unevenly to be sampled" in str(e)
        assert "recalibrate --method vector" in str(e)
        assert "重复的次数太不均匀" in str(in_chinese(e.row_terms_note))
    # each row twice is even
    target, scores = (np.repeat(a, 2, axis=0) for a in rows(rng, 4000))
    twice = evaluate((target, scores), logits=True)
    assert twice.row_terms.sampled.num_rows == 2 * 800
    assert twice.row_decomposition[0].num_rows == pytest.approx(800)


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
@pytest.mark.parametrize("zero", ["inf", "clip:1e-3"])
def test_impossible_and_clipped_rows(monkeypatch, rng, zero):
    target, scores = rows(rng, 4000)
    probs = np.exp(scores)
    probs[::50] = np.eye(4)[(target[::50] + 1) % 4]
    monkeypatch.setattr(sample, "MOST_SCORES", 4 * 1000)
    monkeypatch.setattr(sample, "SAMPLE_SCORES", 4 * 1000)
    e = evaluate((target, probs), zero=zero)
    vector = e.row_decomposition[0]
    # equal rows, as most of those that are clipped, are all counted
    assert vector.sampled == 1000 if zero == "inf" else 1000 < vector.sampled < 1100
    if zero == "inf":
        assert vector.remainder == math.inf
        assert e.row_terms.vector.num_impossible == 80
        kept = np.ones(4000, dtype=bool)
        kept[::50] = False
        whole = fit_vector(scores[kept], target[kept])
    else:
        assert closes(vector)
        clipped = np.log(np.maximum(probs, 1e-3))
        whole = fit_vector(clipped, target)
        lost = e.log_loss - whole.loss_before
        assert lost < -1e-4
        assert vector.remainder == pytest.approx(lost, rel=0.5)
    error = math.sqrt(2 * whole.gain / vector.num_rows)
    assert abs(vector.miscalibration.corrected - whole.gain) < 4 * error


def test_it_is_said(monkeypatch, rng, tmp_path):
    target, scores = rows(rng, 4000)
    monkeypatch.setattr(sample, "MOST_SCORES", 4 * 3999)
    monkeypatch.setattr(sample, "SAMPLE_SCORES", 4 * 1234)
    e = evaluate((target, scores), logits=True)
    assert str(e).count(" on a sample of 1,234 rows (") == 2
    assert [d["sampled"] for d in e.to_dict()["row_decomposition"]] == [1234, 1234]
    said = "Vector scaling and prior shift were fitted to a sample of 1,234 rows"
    assert said in html_page(e)
    assert "向量缩放和先验偏移是用 1,234 行样本拟合的" in html_page(e, lang="zh")
    save_state(e, tmp_path / "a.xent")
    again = load_state(tmp_path / "a.xent")
    assert again.row_terms == e.row_terms
    assert again.row_decomposition == e.row_decomposition
    assert (e + again).row_terms is None


def test_classes_too_many_for_a_sample_say_so(monkeypatch, rng):
    assert sizes(3) == (349525, 43690)
    most, few = sizes(236)
    assert most >= few >= 2360
    assert sizes(1000)[1] == 0
    monkeypatch.setattr(sample, "MOST_SCORES", 4 * 39)
    target, scores = rows(rng, 600)
    e = evaluate((target, scores), logits=True)
    assert e.row_terms.fits == []
    assert e.row_terms.note == "they need the rows again, and 600 rows of 4 classes are too many"


def test_partitions_of_an_engine_send_their_samples(few, rng):
    target, scores = rows(rng, 900, classes=3)
    table = pa.table({"y": target, **{f"logit_{j}": scores[:, j] for j in range(3)}})
    options = Options(target="y", logits="logit_*")
    batch_of = {name: table.column(name).combine_chunks() for name in table.column_names}
    plan = make_plan([arrow_field(f.name, f.type) for f in table.schema], batch_of, options)
    parts = [
        score_part(arrow_batches([table.slice(a, 150)]), plan, options, a)
        for a in range(0, 1050, 150)  # the last has no rows
    ]
    halves = [merge_parts(parts[4:]), merge_parts(parts[:4])]
    found = scored_of(halves)
    whole = scored_of([score_part(arrow_batches([table]), plan, options)])
    assert same(found.sample, whole.sample)
    assert len(found.sample) == FEW
    assert found.summary.without_rows() == whole.summary.without_rows()
    assert same(RowSample.from_bytes(found.sample.to_bytes()), found.sample)
    direct = evaluate(table, target="y", logits="logit_*").row_terms
    assert row_terms(found.sample, plan, options, found.summary) == direct
    # two classes have no terms to sample for
    assert Part("state") == ("state", b"")
