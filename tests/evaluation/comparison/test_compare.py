"""The numbers of a comparison: against `evaluate`, SciPy and plain arithmetic."""

import math

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from xent import kl_divergence
from xent.errors import SourceError, XentValueError
from xent.evaluation import compare, evaluate
from xent.report.page import html_page

CLASSES = 4


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def rng():
    return np.random.default_rng(314)


@pytest.fixture
def y(rng):
    return rng.integers(CLASSES, size=600)


@pytest.fixture
def p(rng, y):
    return softmax(rng.normal(size=(600, CLASSES)) + 2 * np.eye(CLASSES)[y])


@pytest.fixture
def q(rng, y):
    return softmax(rng.normal(size=(600, CLASSES)) + np.eye(CLASSES)[y])


def losses(p, y):
    return -np.log(p[np.arange(len(y)), y])


def test_each_model_is_what_evaluate_says(y, p, q, rng):
    w = rng.random(600)
    for weight in (None, w):
        c = compare((y, p), (y, q), weight=weight)
        for model, predictions in zip(c.models, (p, q), strict=True):
            alone = evaluate((y, predictions), weight=weight)
            assert model.log_loss == alone.log_loss
            assert model.perplexity == pytest.approx(alone.perplexity, rel=1e-15)
            assert model.accuracy == alone.accuracy
            assert_allclose(model.interval.low, alone.interval.low, rtol=1e-13)
            assert_allclose(model.interval.high, alone.interval.high, rtol=1e-13)
        assert_allclose(c.difference, c.models[0].log_loss - c.models[1].log_loss, rtol=1e-13)


def test_summaries_are_those_of_evaluate(y, p, q):
    c = compare((y, p), (y, q))
    for summary, predictions in zip(c.summaries, (p, q), strict=True):
        assert summary.evidence.low == tuple(predictions.min(axis=0))
        assert sum(summary.evidence.confusion) == 600
        assert summary.to_json() == evaluate((y, predictions)).summary.to_json()


def test_the_difference_and_its_test_are_those_of_paired_rows(y, p, q):
    a, b = losses(p, y), losses(q, y)
    c = compare((y, p), (y, q), interval="t", level=0.9)
    expected = stats.ttest_rel(a, b)
    low, high = expected.confidence_interval(0.9)
    assert_allclose(c.difference, (a - b).mean(), rtol=1e-12)
    assert_allclose([c.interval.low, c.interval.high], [low, high], rtol=1e-10)
    assert_allclose(c.p_value, expected.pvalue, rtol=1e-8)
    assert_allclose(c.correlation, np.corrcoef(a, b)[0, 1], rtol=1e-10)
    hall, wider = compare((y, p), (y, q), interval="hall"), compare((y, p), (y, q))
    assert wider.interval.method == "wider"
    t = compare((y, p), (y, q), interval="t")
    assert wider.interval.low == min(hall.interval.low, t.interval.low)
    assert wider.interval.high == max(hall.interval.high, t.interval.high)
    assert wider.p_value == max(hall.p_value, t.p_value)


def test_a_nearly_constant_difference_has_a_short_interval(rng):
    # steps of 2**-45, so that losses and their differences are doubles without rounding
    steps = rng.integers(1000, size=(2, 500)) * 2.0**-45
    b = 1.0 + rng.integers(1000, size=500) / 1024 + steps[0]
    d = 0.25 + steps[1]
    for sign in (1, -1):
        c = compare({"log_prob": -(b + sign * d)}, {"log_prob": -b}, interval="t")
        half = stats.t.ppf(0.975, 499) * stats.sem(steps[1])
        assert c.difference == sign * (0.25 + steps[1].mean())
        # the ends are rounded: 2**-54 of them, that is 1e-5 of the width
        assert_allclose(c.interval.high - c.interval.low, 2 * half, rtol=1e-4)


def test_equal_differences_do_not_tell_how_others_would_be():
    found = compare(([1, 1], [0.5, 0.5]), ([1, 1], [0.6, 0.6]), names=["a", "b"])
    assert found.interval.low == found.interval.high == found.difference > 0
    assert math.isnan(found.p_value)
    assert "neither is shown to be better" in str(found)
    assert "is better than" not in html_page(found)
    assert found.notes == (
        "a and b differ by the same in all of 2 rows, which does not tell how much they would in "
        "others",
    )
    # a model beside itself does differ by nothing, and one row is another matter
    for count, p in ((2, 1.0), (1, math.nan)):
        same = compare(([1] * count, [0.5] * count), ([1] * count, [0.5] * count))
        assert_allclose(same.p_value, p)
        assert same.notes == ()


@pytest.mark.parametrize("options", [{}, {"weight": "w"}, {"unit": "bit", "level": 0.8}], ids=str)
@pytest.mark.parametrize("clusters", [None, 12, 200, 3000])
@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_the_interval_of_a_model_is_that_of_evaluate(rng, clusters, options, kind):
    names = [f"{model}_{label}" for model in "pq" for label in "ab"]
    rows = {name: rng.random(4000) for name in names}
    rows |= {name: rng.integers(2, size=4000) for name in ("y_a", "y_b")}
    rows["w"] = rng.exponential(size=4000) * (rng.random(4000) > 0.3)
    if kind == "labels":
        models = [{"probs": "p_*"}, {"probs": "q_*"}]
        options = {**options, "labels": "y_*", "task": "multi"}
    else:
        models = [{"probs": "p_a"}, {"probs": "q_a"}]
        options = {**options, "target": "y_a"}
    if clusters is not None:
        rows["user"] = np.array([f"user {k}" for k in rng.integers(clusters, size=4000)])
        options = {**options, "cluster": "user"}
    found = compare(rows, each=models, **options)
    for model, said in zip(found.models, models, strict=True):
        expected = evaluate(rows, **options, **said)
        assert model.interval == expected.interval
        assert model.perplexity_interval == expected.perplexity_interval
        assert (model.interval.method == "cluster") == (clusters is not None)
    assert found.num_clusters == (clusters and min(clusters, found.num_clusters))


@pytest.mark.parametrize("weighted", [False, True])
def test_differences_of_any_size_that_are_equal_are_no_evidence(rng, weighted):
    weight = {"weight": rng.exponential(size=50)} if weighted else {}
    for a, b in 10.0 ** rng.uniform(-9, 1, size=(8, 2)):
        rows = {name: np.full(50, -loss) for name, loss in (("a", a), ("b", b))}
        models = [{"log_probs": name} for name in rows]
        found = compare(rows | weight, each=models, weight="weight" if weighted else None)
        assert math.isnan(found.p_value), (a, b)
        # weights times losses are rounded
        difference = pytest.approx(a - b, abs=2**-50 * (a + b))
        assert found.interval.low == found.interval.high == difference == found.difference
        assert "differ by the same in all of 50 rows" in found.notes[-1 - weighted]
        assert "is better than" not in html_page(found)
        for model in found.models:
            assert model.interval.low == model.interval.high
            assert model.interval.high == pytest.approx(model.log_loss, rel=2**-50, abs=0)


def test_differences_so_small_that_their_cubes_are_no_doubles():
    a, b = np.array([1, 2, 3, 4]) * 1e-110, np.array([3, 3, 1, 1]) * 1e-110
    small = compare({"lp": -a}, {"lp": -b}, log_probs="lp")
    large = compare({"lp": -a * 1e110}, {"lp": -b * 1e110}, log_probs="lp", interval="t")
    assert small.p_value == pytest.approx(large.p_value, rel=1e-9)
    assert small.interval.high == pytest.approx(large.interval.high * 1e-110, rel=1e-9)


def test_rows_that_are_left_out_need_no_cluster_and_make_no_slice():
    rows = {
        "y": [0, 1, -1, 1], "p": [0.2, 0.7, 0.5, 0.6], "q": [0.4, 0.5, 0.5, 0.9],
        "site": np.array(["a", "b", "c", "a"]), "user": np.array(["u", "v", None, "u"], object),
    }  # fmt: skip
    models = [{"probs": "p"}, {"probs": "q"}]
    found = compare(rows, each=models, target="y", ignore=-1, by="site", cluster="user")
    assert found.num_clusters == 2
    assert [(row.name, row.num_rows) for row in found.slices] == [("a", 2), ("b", 1)]
    rows["y"] = [0, 1, 0, 1]
    with pytest.raises(XentValueError, match=r"cluster column 'user' .* in row 2"):
        compare(rows, each=models, target="y", cluster="user")


def test_units_are_of_losses_and_divergences(y, p, q):
    nats, bits = compare((y, p), (y, q)), compare((y, p), (y, q), unit="bit")
    two = math.log(2)
    for get in (
        lambda c: c.difference,
        lambda c: c.interval.high,
        lambda c: c.a_from_b.mean,
        lambda c: c.a_from_b.percentiles[50],
        lambda c: c.classes[0].difference,
        lambda c: c.models[0].interval.low,
    ):
        assert_allclose(get(bits), get(nats) / two, rtol=1e-14)
    for same in ("perplexity_ratio", "p_value", "win_rate", "perplexity_difference", "truth"):
        assert getattr(bits, same) == getattr(nats, same)
    assert bits.evidence == nats.evidence  # natural logarithms, said so


def test_tables_add_up(y, p, q, rng):
    by = rng.choice(["red", "blue", "green"], size=600)
    w = rng.random(600)
    for weight in (None, w):
        c = compare((y, p), (y, q), by=by, weight=weight)
        for table, group in ((c.classes, y.astype(str)), (c.slices, by)):
            assert_allclose(sum(r.contribution for r in table), c.difference, rtol=1e-13)
            assert_allclose(sum(r.share for r in table), 1, rtol=1e-15)
            assert sum(r.num_rows for r in table) == 600
            for r in table:
                of = group == r.name
                v = np.ones(600) if weight is None else weight
                d = losses(p, y) - losses(q, y)
                assert_allclose(r.difference, np.average(d[of], weights=v[of]), rtol=1e-11)
                assert_allclose(r.difference * r.share, r.contribution, rtol=1e-13)
    assert [r.name for r in c.slices] == ["blue", "green", "red"]
    assert "fewer than 30 rows" not in str(c)
    few = compare((y, p), (y, q), by=np.where(np.arange(600) < 29, "a few", "many"))
    assert [line for line in str(few).splitlines() if "a few" in line and "fewer than 30" in line]


def test_a_difference_is_miscalibration_and_resolution(y, p, q, rng):
    c = compare((y, p), (y, q), unit="bit")
    first, second = c.decompositions
    assert first.to_dict() == evaluate((y, p), unit="bit").decomposition[0].to_dict()
    assert first.uncertainty.value == second.uncertainty.value
    by_parts = first.miscalibration.value - second.miscalibration.value
    by_parts -= first.resolution.value - second.resolution.value
    assert_allclose(by_parts, c.difference, rtol=1e-12)
    numbers = c.to_dict()
    assert_allclose(
        numbers["miscalibration_difference"] - numbers["resolution_difference"], c.difference
    )
    assert "- resolution" in str(c)
    # rows that one model lacks are in the sums of the other
    hole = np.where(np.arange(600)[:, None] == 3, np.nan, q)
    assert compare((y, p), (y, hole), nan="exclude").decompositions == ()
    assert compare((y, p), (y, q), weight=rng.random(600)).decompositions == ()
    assert compare({"log_prob": -losses(p, y)}, {"log_prob": -losses(q, y)}).decompositions == ()


def test_divergences_and_the_truth(y, p, q):
    c = compare((y, p), (y, q))
    forth, back = kl_divergence(p, q), kl_divergence(q, p)
    truth = p[np.arange(600), y] - q[np.arange(600), y]
    for found, expected in ((c.a_from_b, forth), (c.b_from_a, back), (c.truth, truth)):
        assert_allclose(found.mean, expected.mean(), rtol=1e-12)
        assert_allclose([found.low, found.high], [expected.min(), expected.max()], rtol=1e-12)
        assert_allclose(found.root_mean_square, np.sqrt((expected**2).mean()), rtol=1e-12)
        for percent, value in found.percentiles.items():
            inverted = np.percentile(expected, percent, method="inverted_cdf")
            assert_allclose(value, inverted, rtol=1e-12, atol=1e-15)
    assert c.same_top == (p.argmax(1) == q.argmax(1)).mean()
    assert c.accuracy.difference == pytest.approx(
        (p.argmax(1) == y).mean() - (q.argmax(1) == y).mean()
    )


def test_close_models_keep_their_digits(rng, y, p):
    # what plain sums of p log(p / q) lose entirely at 1e-9
    tilt = rng.normal(size=p.shape)
    q = p * (1 + 1e-9 * (tilt - (p * tilt).sum(1, keepdims=True)))
    c = compare((y, p), (y, q), sum_tolerance=1e-6)
    expected = 0.5 * (p * (1 - q / p) ** 2).sum(1)
    assert c.a_from_b.low >= 0
    # q / p is rounded: 1e-16 of 1e-9, twice
    assert_allclose(c.a_from_b.mean, expected.mean(), rtol=1e-5)
    assert_allclose(c.truth.high, (p - q)[np.arange(600), y].max(), rtol=1e-6)


def test_a_model_beside_itself(y, p):
    c = compare((y, p), (y, p))
    assert c.difference == 0
    assert (c.interval.low, c.interval.high) == (0, 0)
    assert (c.p_value, c.perplexity_ratio, c.win_rate, c.same_top) == (1, 1, 0.5, 1)
    assert c.wins.ties == 600
    assert c.a_from_b.high == c.b_from_a.high == 0
    assert [e.log_e for e in c.evidence] == [0, 0]
    assert c.accuracy.p_value == 1
    assert str(c)


def test_logits_are_their_probabilities(rng, y, p):
    z = rng.normal(size=(600, CLASSES)) * 3
    one = compare({"y": y, "z": z}, (y, p), each=[{"target": "y", "logits": "z"}, {}])
    other = compare((y, softmax(z)), (y, p))
    assert_allclose(one.difference, other.difference, rtol=1e-13)
    assert_allclose(one.a_from_b.mean, other.a_from_b.mean, rtol=1e-11)
    assert_allclose(one.b_from_a.percentiles[50], other.b_from_a.percentiles[50], rtol=1e-11)


def test_divergences_of_logits_are_exact_where_they_are_close(rng, y):
    z = rng.normal(size=(600, CLASSES)) * 3
    w = z + 1e-8 * rng.normal(size=z.shape)
    z[:9, 0] = w[:5, 0] = -np.inf  # excluded by both, by the first alone
    c = compare({"y": y[9:], "z": z[9:]}, {"y": y[9:], "z": w[9:]}, target="y", logits="z")
    expected = kl_divergence(z[9:], w[9:], given="logits")
    assert_allclose(c.a_from_b.mean, expected.mean(), rtol=1e-13)
    assert 0 < c.a_from_b.high < 1e-14
    truth = np.where(y[:9] == 0, 1, y[:9])
    c = compare({"y": truth, "z": z[:9]}, {"y": truth, "z": w[:9]}, target="y", logits="z")
    assert c.a_from_b.num_infinite == 0
    assert c.b_from_a.num_infinite == 4


def test_one_probability_and_two_columns_are_the_same_model(rng):
    y, p = rng.integers(2, size=100), rng.random(100)
    c = compare((y, p), (y, np.stack([1 - p, p], axis=1)))
    # 1 - p is rounded where log1p is not
    assert_allclose(c.difference, 0, atol=1e-15)
    assert c.a_from_b.high < 1e-30
    assert c.same_top == 1


def test_classes_are_matched_by_name(y, p, q):
    names = np.array(["ant", "bee", "cow", "dog"])
    first = pa.table({"animal": names[y], **{f"p_{n}": p[:, j] for j, n in enumerate(names)}})
    order = [2, 0, 3, 1]
    second = pa.table(
        {**{f"q_{names[j]}": q[:, j] for j in order}, "animal": names[y], "id": np.arange(600)}
    )
    each = [{"probs": "p_*"}, {"probs": "q_*"}]
    c, plain = compare(first, second, each=each, target="animal"), compare((y, p), (y, q))
    assert [r.name for r in c.classes] == names.tolist()
    assert c.difference == plain.difference
    assert c.a_from_b.percentiles == plain.a_from_b.percentiles
    assert c.accuracy == plain.accuracy
    assert c.same_top == plain.same_top


def test_classes_of_a_list_are_matched_by_name(y, p, q):
    names, order = ["ant", "bee", "cow", "dog"], [2, 0, 3, 1]
    truth = np.array(names)[y]
    each = [{"classes": names}, {"classes": [names[j] for j in order]}]
    c = compare({"y": truth, "p": p}, {"y": truth, "p": q[:, order]}, each=each, target="y")
    plain = compare((y, p), (y, q))
    assert c.difference == plain.difference
    assert c.b_from_a.percentiles == plain.b_from_a.percentiles


def test_several_models_in_the_columns_of_one_source(y, p, q):
    columns = {"y": y, "p": p, "q": q}
    c = compare(columns, each=[{"probs": "p"}, {"probs": "q"}], target="y")
    assert [m.name for m in c.models] == ["p", "q"]
    assert c.difference == compare((y, p), (y, q)).difference


def test_arrays_of_predictions_with_one_target(y, p, q):
    c = compare(p, q, target=y, names=["new", "old"])
    assert c.difference == compare((y, p), (y, q)).difference
    assert [m.name for m in c.models] == ["new", "old"]


# impossible rows


def test_impossible_rows_are_counted_each_way():
    y = np.array([0, 0, 1, 1, 0])
    a = np.array([0.0, 1.0, 0.0, 0.5, 0.25])  # of class 1
    b = np.array([0.5, 1.0, 0.5, 0.0, 0.75])
    c = compare((y, a), (y, b))
    assert (c.only_a_impossible, c.only_b_impossible, c.both_impossible) == (1, 1, 1)
    assert math.isnan(c.difference)
    expected = [-math.log(2), math.log(0.25) - math.log(0.75)]
    assert_allclose(c.finite_difference, np.mean(expected), rtol=1e-14)
    assert c.num_common == 2
    assert (c.wins.a, c.wins.b, c.wins.ties) == (3, 1, 1)
    assert "undefined" in str(c)


@pytest.mark.parametrize(("first", "expected"), [(0.0, math.inf), (1.0, -math.inf)])
def test_a_model_that_excludes_what_happens_is_infinitely_worse(first, expected):
    y, sure, unsure = [1, 0, 1], [0.0, 0.5, 0.5], [0.5, 0.5, 0.25]
    models = ((y, sure), (y, unsure))
    c = compare(*(models if first == 0 else models[::-1]))
    assert c.difference == expected
    assert math.isfinite(c.finite_difference)
    assert c.models[0 if first == 0 else 1].log_loss == math.inf
    assert c.evidence[0].log_e == expected


def test_a_clip_makes_them_finite():
    y, sure, unsure = [1, 0, 1], [0.0, 0.5, 0.5], [0.5, 0.5, 0.25]
    c = compare((y, sure), (y, unsure), zero="clip:1e-6")
    a, b = [-math.log(1e-6), math.log(2), math.log(2)], [math.log(2), math.log(2), math.log(4)]
    assert_allclose(c.difference, np.mean(np.subtract(a, b)), rtol=1e-14)
    assert c.notes[0].startswith("90.9 % of the loss of arrays (1) comes from 1 row ")
    # in divergences too: of the second from the first, where the first says 0
    assert_allclose(c.b_from_a.high, 0.5 * math.log(0.5 / 1e-6) + 0.5 * math.log(0.5), rtol=1e-5)


# labels


def test_labels(rng):
    y = rng.integers(2, size=(200, 3))
    p, q = rng.uniform(0.01, 0.99, (2, 200, 3))
    columns = {f"y_{j}": y[:, j] for j in range(3)}
    columns |= {f"p_{j}": p[:, j] for j in range(3)} | {f"q_{j}": q[:, j] for j in range(3)}
    c = compare(columns, labels="y_*", task="multi", each=[{"probs": "p_*"}, {"probs": "q_*"}])
    a, b = (-np.log(np.where(y == 1, m, 1 - m)) for m in (p, q))
    d = a.sum(1) - b.sum(1)
    assert_allclose(c.difference, d.mean() / 3, rtol=1e-11)
    expected = stats.ttest_1samp(d / 3, 0).confidence_interval(0.95)
    found = compare(
        columns, labels="y_*", task="multi", each=[{"probs": "p_*"}, {"probs": "q_*"}], interval="t"
    )
    assert_allclose([found.interval.low, found.interval.high], expected, rtol=1e-10)
    assert_allclose(c.evidence[0].log_e, d.sum(), rtol=1e-11)
    assert_allclose([r.difference for r in c.classes], (a - b).mean(0), rtol=1e-10)
    assert_allclose(sum(r.contribution for r in c.classes), c.difference, rtol=1e-12)
    kl = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    assert_allclose(c.a_from_b.mean, kl.sum(1).mean(), rtol=1e-11)
    right = [((m > 0.5) == y).all(1) for m in (p, q)]
    assert c.accuracy.difference == pytest.approx(right[0].mean() - right[1].mean())
    for model, m in zip(c.models, (p, q), strict=True):
        assert model.accuracy == pytest.approx(((m > 0.5) == y).mean())
    assert "label" in str(c)


# language models


@pytest.fixture
def tokens(rng):
    hard = rng.exponential(size=(40, 50)).repeat(1, axis=0) * rng.exponential(size=(40, 1))
    a = hard + 0.1 * rng.exponential(size=(40, 50))
    b = hard + 0.12 * rng.exponential(size=(40, 50))
    document = np.repeat(np.arange(40), 50)
    size = rng.integers(1, 9, size=2000)
    return a.ravel(), b.ravel(), document, size


def test_perplexity_ratio_and_bits_per_byte(tokens):
    a, b, _, size = tokens
    c = compare({"log_prob": -a, "n": size}, {"log_prob": -b}, bytes="n")
    assert c.kind == "log_probs"
    assert_allclose(c.perplexity_ratio, np.exp(a.mean() - b.mean()), rtol=1e-12)
    assert_allclose(
        [c.perplexity_ratio_interval.low, c.perplexity_ratio_interval.high],
        np.exp([c.interval.low, c.interval.high]),
        rtol=1e-14,
    )
    assert_allclose(c.perplexity_difference, np.exp(a.mean()) - np.exp(b.mean()), rtol=1e-10)
    # the delta method, by hand
    error = stats.sem(np.exp(a.mean()) * a - np.exp(b.mean()) * b)
    half = error * stats.t.ppf(0.975, 1999)
    found = c.perplexity_difference_interval
    assert_allclose((found.high - found.low) / 2, half, rtol=1e-9)
    per_byte = (a - b).sum() / size.sum() / math.log(2)
    assert_allclose(c.bits_per_byte_difference, per_byte, rtol=1e-11)
    assert_allclose(c.models[0].bits_per_byte - c.models[1].bits_per_byte, per_byte, rtol=1e-9)
    # the error of a ratio of sums
    u = (a - b) - (a - b).sum() / size.sum() * size
    # the effective number of rows is a few less, and the further end is a little further
    half = 1.96 * math.sqrt((u**2).sum()) / size.sum() / math.log(2)
    found = c.bits_per_byte_interval
    assert_allclose((found.high - found.low) / 2, half, rtol=0.01)
    assert c.same_top_interval is None
    assert "taken on trust" in str(c)


@pytest.mark.parametrize("kind", [int, str])
def test_tokens_must_be_the_same(tokens, kind):
    a, b, document, _ = tokens
    words = document.astype(kind)
    other = words.copy()
    other[[7, 99]] = kind(41)
    c = compare({"log_prob": -a, "token": words}, {"log_prob": -b, "token": words}, target="token")
    assert c.notes == ()
    with pytest.raises(SourceError, match="in 2 of 2,000 rows, first in row 7"):
        compare({"log_prob": -a, "token": words}, {"log_prob": -b, "token": other}, target="token")
    with pytest.raises(SourceError, match="target must name a column, got 'token'"):
        compare({"log_prob": -a, "token": words}, {"log_prob": -b}, target="token")


def test_tokens_of_a_document_belong_together(tokens):
    a, b, document, size = tokens
    shift = np.random.default_rng(1).exponential(size=40)[document] * 0.05
    models = {"log_prob": -a - shift, "n": size, "d": document}, {"log_prob": -b}
    plain = compare(*models, bytes="n")
    c = compare(*models, cluster="d", bytes="n")
    d = a + shift - b
    u = np.bincount(document, weights=d - d.mean())
    half = stats.t.ppf(0.975, 39) * math.sqrt(40 / 39 * (u**2).sum()) / 2000
    by_t = compare(*models, cluster="d", interval="t")
    assert_allclose(by_t.interval.high - c.difference, half, rtol=1e-10)
    assert c.interval.low <= by_t.interval.low
    assert c.interval.high >= by_t.interval.high
    assert c.num_clusters == 40
    assert c.difference == plain.difference
    assert c.interval.high - c.interval.low > 2 * (plain.interval.high - plain.interval.low)
    assert c.bits_per_byte_difference == plain.bits_per_byte_difference
    assert plain.autocorrelation == pytest.approx(
        ((d[1:] - d.mean()) * (d[:-1] - d.mean())).sum() / 1999 / d.var(ddof=1), rel=1e-9
    )
    assert "too short unless cluster" in str(plain)
    assert "cluster" not in "".join(c.notes)
    blocks = compare(*models, block=50)
    assert_allclose(blocks.interval.high, c.interval.high, rtol=1e-12)


# several models


def test_several_models(rng, y, p, q):
    r = softmax(rng.normal(size=(600, CLASSES)))
    c = compare(p, q, r, target=y, names=["p", "q", "r"])
    assert [(x.a, x.b) for x in c.pairs] == [("p", "q"), ("p", "r")]
    assert [(x.a, x.b) for x in c.others] == [("q", "r")]
    assert c.best == "p"
    raw = [x.p_value for x in c.pairs]
    assert [x.adjusted_p_value for x in c.pairs] == pytest.approx(
        [max(2 * min(raw), v) if v == max(raw) else 2 * v for v in raw]
    )
    alone = compare(p, q, target=y, names=["p", "q"])
    assert c.pair("p", "q").interval == alone.interval
    assert c.pair("q", "r").difference == compare(q, r, target=y).difference
    assert "row - column" in str(c)
    with pytest.raises(AttributeError, match="several models has no 'difference'"):
        c.difference
    with pytest.raises(KeyError, match="the models are p, q, r"):
        c.pair("r", "p")


# invariance


def test_neither_batches_nor_sources_are_seen(tmp_path, y, p, q):
    import pyarrow.parquet as pq

    columns = {f"p_{j}": p[:, j] for j in range(CLASSES)}
    other = {f"p_{j}": q[:, j] for j in range(CLASSES)}
    first, second = pa.table({"y": y, **columns}), pa.table({"y": y, **other})
    pq.write_table(first, tmp_path / "a.parquet")
    pq.write_table(second, tmp_path / "b.parquet")
    names = ["a", "b"]
    expected = compare((y, p), (y, q), names=names).to_dict()
    chunked = pa.concat_tables([first.slice(i, 7) for i in range(0, 600, 7)])
    lumpy = pa.concat_tables([second.slice(i, 100) for i in range(0, 600, 100)])
    for sources in (
        (str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")),
        (first, second),
        (chunked, lumpy),
        (str(tmp_path / "a.parquet"), lumpy),
    ):
        found = compare(*sources, names=names).to_dict()
        for model in (*found["models"], *expected["models"]):
            model.pop("note", None)
        assert found == expected


@pytest.mark.parametrize("nats", [705.0, 709.7, 710.0])
def test_a_perplexity_is_as_large_as_a_double_may_be(nats):
    given = {"log_prob": np.full(3, -nats)}
    c = compare(given, {"log_prob": -np.ones(3)})
    assert c.models[0].perplexity == evaluate(given).perplexity
    assert math.isfinite(c.models[0].perplexity) == (nats < 709.78)  # log of the largest double


def test_a_loss_without_bounds_has_no_interval():
    c = compare({"log_prob": np.full(50, -1e300)}, {"log_prob": -np.ones(50)})
    assert c.difference == 1e300
    assert c.evidence[0].log_e == pytest.approx(5e301)
    assert str(c)


@pytest.mark.parametrize("block", [1.5, "3", 0])
def test_a_block_is_a_whole_number(block: object) -> None:
    with pytest.raises(XentValueError, match="block must be a whole number >= 1, got"):
        compare(([0, 1], [0.2, 0.7]), ([0, 1], [0.3, 0.6]), block=block)


def test_weights_too_small_for_their_powers_are_refused() -> None:
    target, p, q = [0, 1, 1], [0.2, 0.7, 0.6], [0.3, 0.6, 0.6]
    with pytest.raises(XentValueError, match=r"weight 'weight' must sum to between .*, got 4e-200"):
        compare((target, p), (target, q), weight=np.array([1.0, 2.0, 1.0]) * 1e-200)


def test_weights_too_large_for_their_powers_are_refused() -> None:
    target, p, q = [0, 1, 1], [0.2, 0.7, 0.6], [0.3, 0.6, 0.6]
    with pytest.raises(XentValueError, match=r"at most 1e\+60, got 1e\+200 in row 1 .1 such row "):
        compare((target, p), (target, q), weight=np.array([1.0, 1e200, 3.0]))
    large = compare((target, p), (target, q), weight=np.array([1e60, 2e59, 1e59]))
    small = compare((target, p), (target, q), weight=np.array([10.0, 2.0, 1.0]))
    assert_allclose(large.difference, small.difference, rtol=1e-14)
    assert_allclose(large.interval.low, small.interval.low, rtol=1e-9)
