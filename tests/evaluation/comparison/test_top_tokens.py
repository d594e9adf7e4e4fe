"""Language models: in how many rows the likeliest token is the same, and right."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from xent.cli.app import run
from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation import compare

ROWS = 700


@pytest.fixture
def models(rng):
    """Two models' log-probabilities of a token, and their likeliest tokens."""
    token = rng.integers(50, size=ROWS)
    tops = [np.where(rng.random(ROWS) < p, token, rng.integers(50, size=ROWS)) for p in (0.6, 0.5)]
    logs = [np.log(rng.uniform(0.05, 0.9, size=ROWS)) for _ in range(2)]
    return token, tops, logs


def tables(models, kind=int):
    token, tops, logs = models
    return [
        {"log_prob": log, "token": token.astype(kind), "top": top.astype(kind)}
        for top, log in zip(tops, logs, strict=True)
    ]


@pytest.mark.parametrize("kind", [int, str])
def test_the_share_of_the_same_token(models, kind):
    _, (a, b), _ = models
    c = compare(*tables(models, kind), predicted="top")
    same = int((a == b).sum())
    assert c.same_top == same / ROWS
    right = stats.binomtest(same, ROWS).proportion_ci(method="wilson")
    found = c.same_top_interval
    assert (found.low, found.high) == pytest.approx((right.low, right.high), rel=1e-9)
    assert f"the same likeliest token in {100 * same / ROWS:.1f} % of rows" in str(c)
    assert c.to_dict()["same_top"] == c.same_top


def test_with_the_token_that_came_there_is_an_accuracy(models):
    token, (a, b), _ = models
    c = compare(*tables(models), predicted="top", target="token")
    assert c.accuracy.a == pytest.approx(np.mean(a == token), rel=1e-15)
    assert c.accuracy.b == pytest.approx(np.mean(b == token), rel=1e-15)
    table = stats.binomtest(
        int(((a == token) & (b != token)).sum()), int(((a == token) != (b == token)).sum())
    )
    assert c.accuracy.p_value == pytest.approx(table.pvalue, rel=1e-9)


def test_rows_by_key_and_rows_left_out(models, rng):
    _, (a, b), _ = models
    first, second = tables(models)
    first["row"] = second["row"] = np.arange(ROWS)
    order = rng.permutation(ROWS)
    second = {name: values[order] for name, values in second.items()}
    second["log_prob"][:5] = np.nan
    c = compare(pa.table(first), pa.table(second), key="row", predicted="top", nan="exclude")
    kept = np.ones(ROWS, dtype=bool)
    kept[order[:5]] = False
    assert c.same_top == np.mean((a == b)[kept])


def test_one_source_with_both_models(models):
    _, (a, b), (p, q) = models
    rows = {"p": p, "q": q, "a": a, "b": b}
    each = [{"log_probs": "p", "predicted": "a"}, {"log_probs": "q", "predicted": "b"}]
    assert compare(rows, each=each).same_top == np.mean(a == b)
    only_one = [each[0], {"log_probs": "q"}]
    assert np.isnan(compare(rows, each=only_one).same_top)


def test_bad_input(models, rng):
    one, two = tables(models)
    with pytest.raises(SourceError, match="predicted must name a column, got 'best'"):
        compare(one, two, predicted="best")
    with pytest.raises(XentTypeError, match="predicted must be columns of one type"):
        compare(one, tables(models, str)[1], predicted="top")
    p = rng.dirichlet(np.ones(3), size=9)
    given = {"y": np.arange(9) % 3, "top": np.zeros(9, int), "p": p}
    with pytest.raises(XentValueError, match="predicted must come with log_probs, got it with one"):
        compare(given, given, target="y", probs="p", predicted="top")


def test_the_command(models, tmp_path, capsys):
    _, (a, b), (p, q) = models
    for name, table in zip("ab", tables(models), strict=True):
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    pq.write_table(pa.table({"p": p, "q": q, "a": a, "b": b}), tmp_path / "both.parquet")
    paths = [str(tmp_path / f"{name}.parquet") for name in ("a", "b", "both")]

    def same_top(*arguments):
        assert run(["compare", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["same_top"]

    assert same_top(*paths[:2], "--predicted", "top") == np.mean(a == b)
    of_each = ("--predicted", "top", "--predicted", "token")
    assert same_top(*paths[:2], *of_each) == np.mean(a == models[0])
    both = ("--log-probs", "p", "--log-probs", "q", "--predicted", "a", "--predicted", "b")
    assert same_top(paths[2], *both) == np.mean(a == b)
    assert run(["compare", paths[2], *both, "--predicted", "a"]) == 2
    assert "predicted must be said once, or for each of 2 models, got 3" in capsys.readouterr().err
