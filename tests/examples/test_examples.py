"""The programs in examples/ run, for a few steps, and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(program, *arguments):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / program), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_classifier_is_trained_with_either_loss():
    lines = run("train_digits.py", "--epochs", 5).splitlines()
    table = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert set(table) == {"torch", "xent"}
    for loss, _, test_loss, accuracy, _ in table.values():
        assert float(loss) < 0.3
        assert float(test_loss) < 0.4
        assert float(accuracy.rstrip("%")) > 90
    assert float(table["xent"][0]) == pytest.approx(float(table["torch"][0]), rel=1e-2)


def test_training_to_convergence_is_measured_and_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    out, figure = tmp_path / "runs.jsonl", tmp_path / "figure.png"
    options = ["--every", 2, "--out", out, "--figure", figure, "--width", 20]
    run("softmax_collapse.py", "--steps", 4, *options)
    names = ["torch float32", "xent float32", "torch float64 loss"]
    again = run("softmax_collapse.py", "--steps", 2, "--losses", names[1], *options)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    steps = {name: [r["step"] for r in rows if r["run"] == name and "step" in r] for name in names}
    assert steps == {names[0]: [0, 2, 4], names[1]: [0, 2], names[2]: [0, 2, 4]}
    facts = [row["facts"] for row in rows if "facts" in row]
    assert len(facts) == 3
    assert {"commit", "date", "machine", "versions", "seed"} <= facts[0].keys()
    # the runs start as one
    assert len({round(r["loss"], 5) for r in rows if r.get("step") == 0}) == 1
    assert "test accuracy" in again
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_results_that_are_kept_are_those_of_the_readme(tmp_path):
    pytest.importorskip("matplotlib")
    run("softmax_collapse.py", "--figure-only", "--figure", tmp_path / "figure.png")
    assert (EXAMPLES / "softmax_collapse.png").stat().st_size < 100_000
    lines = (EXAMPLES / "results" / "softmax_collapse.jsonl").read_text().splitlines()
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = [row for row in map(json.loads, lines) if "step" in row]
    for name, label in {
        "torch float32": "torch, float32",
        "xent float32": "xent, float32",
        "torch float64 loss": "torch, loss in float64",
    }.items():
        last = [row for row in rows if row["run"] == name][-1]
        digits, exponent = f"{last['exact_loss']:.1e}".split("e")
        loss = f"{digits}e{int(exponent)}"
        line = f"| {label} | {last['step']:,} | {loss} | {last['rows_of_loss_0']:.1%} | "
        assert f"{line}{last['test_accuracy']:.1%} |" in readme
