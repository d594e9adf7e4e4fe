"""`xent compare` on the examples: tables, JSON, gates, errors."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

import xent.cli.app

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGITS = EXAMPLES / "digits.parquet"
BAYES = EXAMPLES / "digits_naive_bayes.parquet"
CLIPPED = ("--zero", "clip:1e-15")


@pytest.fixture
def xent_(capsys):
    """Run the command in this process: its code, output and errors."""

    def run(*arguments):
        code = xent.cli.app.run([str(a) for a in arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture(scope="module")
def digits():
    """Truth and probabilities of both models, as NumPy has them."""
    tables = [pq.read_table(path) for path in (DIGITS, BAYES)]
    probs = [np.stack([t[f"p_{j}"].to_numpy() for j in range(10)], 1) for t in tables]
    return tables[0]["label"].to_numpy(), [p.astype(np.float64) for p in probs]


def test_a_table(xent_, digits):
    y, (a, b) = digits
    with np.errstate(divide="ignore"):
        losses = [-np.log(p[np.arange(len(y)), y]) for p in (a, b)]
    common = np.isfinite(losses[1])
    impossible = int((~common).sum())
    right_a, right_b = (p.argmax(1) == y for p in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    # rows are numbered from 0
    evidence = np.cumsum(losses[1] - losses[0])
    first = int(np.flatnonzero(evidence >= np.log(20))[0])
    mcnemar = stats.binomtest(only_a, only_a + only_b).pvalue
    code, out, err = xent_("compare", DIGITS, BAYES)
    assert (code, err) == (0, "")
    for text in (
        f"2 models on {len(y):,} rows, paired row by row",
        "target: label; 10 classes from p_0 ... p_9",
        "A  digits.parquet",
        f"B: {impossible} rows impossible (the truth had probability 0); without them "
        f"{losses[1][common].mean():.3f} nats",
        f"-inf: {impossible} rows impossible for B alone",
        f"on the {common.sum():,} rows possible for both",
        f"{(losses[0] - losses[1])[common].mean():.3f} nats",
        f"McNemar's p {mcnemar:.2g}",
        f"{only_a}, {only_b}",
        "first at 20",
        "KL(A || B)",
        "impossible A, B",
    ):
        assert text in out
    assert re.search(rf"against B .* row {first}$", out, re.M)
    assert max(map(len, out.splitlines())) <= 120


def test_json_has_every_number(xent_, digits):
    code, out, _ = xent_(
        "compare", DIGITS, BAYES, "--zero", "clip:1e-15", "--unit", "bit", "--json"
    )
    numbers = json.loads(out)
    assert code == 0
    y, both = digits
    losses = [-np.log2(np.maximum(p[np.arange(len(y)), y], 1e-15)) for p in both]
    d = losses[0] - losses[1]
    assert numbers["difference"] == pytest.approx(d.mean(), rel=1e-12)
    assert numbers["wins_b"] == int((d > 0).sum())
    # of a skewed difference Hall's interval is another than Student's, but not by much
    low, high = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    assert numbers["difference_low"] == pytest.approx(low, rel=0.1)
    assert numbers["difference_high"] == pytest.approx(high, rel=0.1)
    assert [row["name"] for row in numbers["classes"]] == [str(j) for j in range(10)]
    assert set(numbers["kl_ab"]["percentiles"]) >= {"0.1", "1", "5", "50", "95", "99", "99.9"}
    assert [m["name"] for m in numbers["models"]] == [
        "digits.parquet",
        "digits_naive_bayes.parquet",
    ]


def test_what_llama_cpp_prints_is_there(xent_, digits):
    """Every number of llama-perplexity --kl-divergence; an interval where that has an error."""
    _, out, _ = xent_("compare", BAYES, DIGITS, *CLIPPED, "--json")
    numbers = json.loads(out)
    for model in numbers["models"]:
        assert {"perplexity", "perplexity_low", "perplexity_high"} <= set(model)
    for name in ("perplexity_ratio", "perplexity_difference", "difference", "same_top"):
        assert numbers[f"{name}_low"] <= numbers[name] <= numbers[f"{name}_high"]
    y, both = digits
    losses = [-np.log(np.maximum(p[np.arange(len(y)), y], 1e-15)) for p in both]
    assert numbers["correlation"] == pytest.approx(np.corrcoef(*losses)[0, 1], rel=1e-9)
    for name in ("kl_ab", "kl_ba", "truth"):
        spread = numbers[name]
        assert spread["mean_low"] <= spread["mean"] <= spread["mean_high"]
        percentiles = list(spread["percentiles"].values())
        assert [spread["min"], *percentiles, spread["max"]] == sorted(
            [spread["min"], *percentiles, spread["max"]]
        )
        assert spread["root_mean_square"] >= abs(spread["mean"])
    assert numbers["kl_ab"]["min"] >= 0


def test_gates(xent_):
    code, _, err = xent_("compare", DIGITS, BAYES, "--fail-if", "difference>0")
    assert (code, err) == (0, "")
    code, _, err = xent_("compare", BAYES, DIGITS, "--fail-if", "difference>0")
    assert code == 1
    assert "difference>0 holds: difference is inf" in err
    code, _, err = xent_("compare", BAYES, DIGITS, "--fail-if", "loss>0")
    assert code == 2
    assert "fail_if must name a number" in err


def test_several_models_in_one_file(xent_, digits, tmp_path):
    first, second = pq.read_table(DIGITS), pq.read_table(BAYES)
    both = first.rename_columns(["label", *(f"lr_{j}" for j in range(10))])
    for j in range(10):
        both = both.append_column(f"nb_{j}", second[f"p_{j}"])
    pq.write_table(both, tmp_path / "both.parquet")
    code, out, err = xent_(
        "compare", tmp_path / "both.parquet", "--probs", "lr_*", "--probs", "nb_*",
        "--name", "regression", "--name", "bayes", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    numbers = json.loads(out)
    assert (numbers["a"], numbers["b"]) == ("regression", "bayes")
    y, (_, bayes) = digits
    assert numbers["num_common"] == np.count_nonzero(bayes[np.arange(len(y)), y])
    _, expected, _ = xent_("compare", DIGITS, BAYES, "--json")
    assert numbers["finite_difference"] == json.loads(expected)["finite_difference"]


def test_three_files(xent_, tmp_path):
    code, out, _ = xent_("compare", DIGITS, BAYES, DIGITS, "--zero", "clip:1e-9")
    assert code == 0
    assert "A  digits.parquet (1)" in out
    assert "C  digits.parquet (3)" in out
    assert "Holm among all 3 pairs" in out


def sites(folder, models="ab"):
    """A file of each model, with a key, a slice and a cluster beside a truth of no known name."""
    rng = np.random.default_rng(3)
    animal, site = rng.integers(2, size=120), rng.integers(3, size=120)
    paths = []
    for model in models:
        p = rng.beta(2, 2, size=120)
        columns = {"id": np.arange(120), "site": site, "user": site * 10 + animal % 5}
        columns |= {"animal": animal, "p_0": 1 - p, "p_1": p}
        paths.append(folder / f"{model}.parquet")
        pq.write_table(pa.table(columns), paths[-1])
    return paths


def test_what_pairs_slices_and_clusters_rows_is_no_truth(xent_, tmp_path):
    beside = ("--key", "id", "--by", "site", "--cluster", "user", "--json")
    code, found, _ = xent_("compare", *sites(tmp_path), *beside)
    _, named, _ = xent_("compare", *sites(tmp_path), *beside, "--target", "animal")
    assert code == 0
    assert json.loads(found) == json.loads(named)
    # without them the truth is one of four
    code, _, error = xent_("compare", *sites(tmp_path))
    assert code == 2
    assert "candidates: site, user, animal" in error
    # a slice of the truth is still one
    for path in (paths := sites(tmp_path)):
        table = pq.read_table(path)
        names = ["label" if n == "animal" else n for n in table.column_names]
        pq.write_table(table.rename_columns(names), path)
    assert xent_("compare", *paths, "--by", "label")[0] == 0


def test_slices_of_several_models_are_shown(xent_, tmp_path):
    asked = ("--target", "animal", "--by", "site")
    paths = sites(tmp_path, "abc")
    code, out, _ = xent_("compare", *paths, *asked)
    assert code == 0
    _, text, _ = xent_("compare", *paths, *asked, "--json")
    lines = [line.split() for line in out.splitlines()]
    for letter, pair in zip("BC", json.loads(text)["pairs"], strict=True):
        head = next(i for i, w in enumerate(lines) if w[:1] == ["site"] and w[4:5] == [letter])
        assert lines[head][3:8] == ["A", letter, "A", "-", letter]
        for line, row in zip(lines[head + 1 :], pair["slices"], strict=False):
            assert [line[0], line[1]] == [row["name"], str(row["num_rows"])]
            assert float(line[4]) == pytest.approx(row["log_loss_a"], rel=1e-3)
            assert float(line[5]) == pytest.approx(row["log_loss_b"], rel=1e-3)


def test_an_output_file(xent_, tmp_path):
    path = tmp_path / "comparison.txt"
    code, out, _ = xent_("compare", DIGITS, BAYES, "--output", path)
    assert (code, out) == (0, "")
    assert path.read_text().startswith("2 models on 1,797 rows")


def test_errors_are_a_line_and_a_hint(xent_, tmp_path):
    short = tmp_path / "short.parquet"
    pq.write_table(pq.read_table(BAYES).slice(7), short)
    code, out, err = xent_("compare", DIGITS, short)
    assert (code, out) == (2, "")
    assert "must have the same rows, got 1,797 in" in err
    assert "hint: to pair them by a column that names the rows, say --key" in err
    code, _, err = xent_("compare", DIGITS)
    assert code == 2
    assert "compare needs two models or more, got 1" in err
    assert 'repeat --probs: --probs "a_*" --probs "b_*"' in err


def test_a_block_of_half_a_row_is_refused(xent_):
    code, _, err = xent_("compare", DIGITS, BAYES, "--block", "2.5")
    assert code == 2
    assert "block must be a whole number, got '2.5'" in err
