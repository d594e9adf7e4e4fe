"""The command from the shell, on the examples: output, exit codes, errors on stderr."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics

import xent.cli.app
from xent.evaluation import load_state

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGITS = EXAMPLES / "digits.parquet"


def shell(*arguments, **options):
    """Run the command as a process of its own."""
    command = [sys.executable, "-m", "xent.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def xent_(capsys):
    """Run the command in this process: its code, output and errors."""

    def run(*arguments):
        code = xent.cli.app.run([str(a) for a in arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def digits():
    table = pq.read_table(DIGITS)
    p = np.stack([table[f"p_{j}"].to_numpy() for j in range(10)], axis=1).astype(np.float64)
    return table["label"].to_numpy(), p


# the examples


def test_the_digits_from_the_shell():
    done = shell("evaluate", DIGITS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1,797 rows scored" in done.stdout
    assert "target: label; 10 classes from p_0 ... p_9 (probabilities)" in done.stdout
    assert "most surprising rows" in done.stdout


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")
def test_the_digits_are_what_scikit_learn_computes(xent_):
    code, out, _ = xent_("evaluate", DIGITS, "--json")
    numbers, (y, p) = json.loads(out), digits()
    assert code == 0
    # float32 probabilities sum to 1 within 1e-7 a row, which scikit-learn does not mind
    assert_allclose(numbers["log_loss"], metrics.log_loss(y, p), rtol=1e-13)
    assert_allclose(numbers["brier"], ((p - np.eye(10)[y]) ** 2).sum(axis=1).mean(), rtol=1e-13)
    assert numbers["accuracy"] == metrics.accuracy_score(y, p.argmax(axis=1))
    nll = -np.log(p[np.arange(len(y)), y])
    assert [w["row"] for w in numbers["worst"]] == np.argsort(-nll, kind="stable")[:10].tolist()


def test_two_classes_and_labels(xent_):
    _, out, _ = xent_("evaluate", EXAMPLES / "breast_cancer.csv", "--json")
    rows = np.loadtxt(EXAMPLES / "breast_cancer.csv", delimiter=",", skiprows=1)
    numbers = json.loads(out)
    assert_allclose(numbers["log_loss"], metrics.log_loss(rows[:, 0], rows[:, 1]), rtol=1e-13)
    brier = metrics.brier_score_loss(rows[:, 0], rows[:, 1])
    assert_allclose(numbers["brier"], brier, rtol=1e-13)

    _, out, _ = xent_("evaluate", EXAMPLES / "digit_attributes.csv", "--json")
    rows = np.loadtxt(EXAMPLES / "digit_attributes.csv", delimiter=",", skiprows=1)
    numbers = json.loads(out)
    losses = [metrics.log_loss(rows[:, j], rows[:, 4 + j]) for j in range(4)]
    assert [c["name"] for c in numbers["classes"]] == ["even", "prime", "has_loop", "above_four"]
    assert_allclose([c["log_loss"] for c in numbers["classes"]], losses, rtol=1e-13)


def test_impossible_rows_are_counted_and_infinity_is_text_in_json(xent_):
    path = EXAMPLES / "digits_naive_bayes.parquet"
    _, out, _ = xent_("evaluate", path, "--json")
    numbers = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert numbers["log_loss"] == "Infinity"
    assert numbers["num_impossible"] == len(numbers["impossible_rows"]) == 11
    code, out, _ = xent_("evaluate", path, "--zero", "clip:1e-15")
    assert code == 0
    assert "11 clipped" in out or "clipped at probability 1e-15" in out


def test_standard_input_and_a_query():
    with DIGITS.open("rb") as file:
        done = shell("evaluate", "-", "--unit", "bit", stdin=file)
    assert done.stdout.startswith("standard input: 1,797 rows")
    done = shell("evaluate", DIGITS, "--sql", "SELECT * FROM source WHERE label < 5", "--json")
    assert json.loads(done.stdout)["num_rows"] == 901


# gates and files


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        (["log_loss>0.4"], 0),
        (["log_loss > 0.39"], 1),
        (["log_loss>0.4", "accuracy<0.99"], 1),
        (["num_impossible>0"], 0),
    ],
)
def test_a_gate(xent_, conditions, code):
    flags = [part for c in conditions for part in ("--fail-if", c)]
    found, out, err = xent_("evaluate", DIGITS, *flags)
    assert found == code
    assert out
    assert bool(err) == bool(code)


def test_a_gate_says_what_it_found(xent_):
    _, _, err = xent_("evaluate", DIGITS, "--fail-if", "accuracy<0.99")
    assert err.startswith("xent: accuracy<0.99 holds: accuracy is 0.94")


def test_output_and_state_are_files(xent_, tmp_path):
    code, out, _ = xent_(
        "evaluate", DIGITS, "--json", "--output", tmp_path / "a.json", "--state", tmp_path / "s"
    )
    assert (code, out) == (0, "")
    loaded = load_state(tmp_path / "s")
    assert json.loads((tmp_path / "a.json").read_text())["log_loss"] == loaded.log_loss
    assert sorted(os.listdir(tmp_path)) == ["a.json", "s"]


# what goes wrong: one line, a hint, code 2, nothing on standard output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "no.csv"], "source must exist, got 'no.csv'"),
        (["evaluate"], "source must be given"),
        (["evaluate", DIGITS, "--target", "lable"], "the nearest is label"),
        (["evaluate", DIGITS, "--logits", "p_*"], "hint: say --probs"),
        (["evaluate", DIGITS, "--classes", "1..10"], "say --classes 0..9"),
        (["evaluate", DIGITS, "--unit", "byte"], 'Invalid value "byte"'),
        (["evaluate", DIGITS, "--nope"], "Unknown option"),
        (["evaluate", DIGITS, "--fail-if", "log_loss"], "fail_if must be a name"),
        (["evaluate", DIGITS, "--fail-if", "los>1"], "fail_if must name a number"),
        (["evaluate", DIGITS, "--output", "/no/such/folder/a"], "must be in a folder that exists"),
        (["evaluate", DIGITS, "--output", EXAMPLES], "must be a file, got the folder"),
        (["nothing"], "Unknown command"),
        (["explain", "x"], "value must be a number, the loss, or the code of a rule"),
        (["explain", "1", "--frequencies", "a"], "frequencies must be numbers"),
        (["explain", "1", "--classes", "1.5"], "classes must be a whole number, got '1.5'"),
    ],
)
def test_bad_input_is_one_line_and_a_hint(xent_, arguments, message):
    code, out, err = xent_(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("xent: ")
    assert len(err.splitlines()) <= 2
    assert "Traceback" not in err


def test_nothing_is_written_where_scoring_fails(xent_, tmp_path):
    path = tmp_path / "a.json"
    code, _, _ = xent_("evaluate", DIGITS, "--target", "p_0", "--output", path)
    assert code == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("redirected", "code", "message"),
    [
        ("evaluate {digits} >&-", 0, ""),
        ("evaluate {digits} --fail-if 'log_loss>0' >&-", 1, "log_loss>0 holds"),
        ("evaluate nothing.csv >&- 2>&-", 2, ""),
        ("evaluate - <&-", 2, "got closed standard input"),
        ("--help | true", 0, ""),
        ("evaluate {digits} | true", 0, ""),
    ],
)
def test_streams_that_are_closed(redirected, code, message):
    line = redirected.format(digits=DIGITS)
    script = f"set -o pipefail; {sys.executable} -m xent.cli {line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,p_0,p_1\n0,0.5,0.5\n1,0.5\n", "standard input:3: expected 3 fields, found 2"),
        ("PAR1 and no more", "standard input cannot be read: "),
    ],
)
def test_broken_standard_input_is_named_so(text, message):
    done = shell("evaluate", "-", input=text)
    assert done.returncode == 2
    assert done.stderr.startswith(f"xent: {message}")
    assert "xent-" not in done.stderr


def test_a_missing_extra_says_what_to_install(tmp_path):
    program = "import sys; sys.modules['cyclopts'] = None; import xent.cli; xent.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install "xent[evaluate]"' in done.stderr
    program = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from xent.cli.app import run; sys.exit(run(['evaluate', 'rows.csv']))"
    )
    (tmp_path / "rows.csv").write_text("y,p\n1,0.5\n0,0.25\n")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert 'pip install "xent[evaluate]"' in done.stderr
    assert "Traceback" not in done.stderr


# help and explain


def test_every_option_has_help(xent_):
    code, out, _ = xent_("evaluate", "--help")
    assert code == 0
    for option in ("--target", "--probs", "--sql", "--fail-if", "--zero", "--sum-tolerance"):
        assert option in out
    _, out, _ = xent_("--help")
    assert "Exit codes" in out


def test_explain(xent_):
    code, out, _ = xent_("explain", "0.6931", "--classes", "2")
    assert code == 0
    assert "coin flip" in out
    _, out, _ = xent_("explain", "1", "--unit", "bit", "--frequencies", "0.5,0.5")
    assert "coin flip" in out


def test_the_version(xent_):
    assert xent_("--version")[1].strip() == "0.1.0"


def test_what_a_column_of_losses_is_told_to_do_works(xent_, tmp_path):
    file = tmp_path / "rows.csv"
    losses = np.array([0.25, 0.125, 2.75])
    file.write_text("NLL\n" + "\n".join(map(str, losses)) + "\n", encoding="utf-8")
    code, out, error = xent_("evaluate", file)
    assert (code, out) == (2, "")
    assert "'NLL' is called a loss" in error
    query = re.search(r'say --sql "([^"]+)"', error)[1]
    code, out, error = xent_("evaluate", file, "--sql", query, "--json")
    assert (code, error) == (0, "")
    assert json.loads(out)["log_loss"] == losses.mean()
    code, _, error = xent_("evaluate", file, "--log-probs", "NLL")
    assert code == 2
    assert "D10" in error
    assert "losses? change their sign" in error
