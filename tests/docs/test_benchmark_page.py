"""The benchmark page says what is in the files, and hides nothing."""

import json

import pages
import pytest

WHERE = {
    "rounds": 15, "date": "2026-01-02T00:00:00+00:00", "commit": "abc1234", "machine": "x86_64",
    "cpu": "A processor", "threads": 2, "isa": "v4", "python": "3.12", "versions": {"torch": "9"},
}  # fmt: skip


def row(implementation, milliseconds, workload="10 x 10", **more):
    quartiles = [milliseconds * 0.5, milliseconds * 2]
    return {
        "name": "softmax_cross_entropy", "workload": workload, "implementation": implementation,
        "result": "right", "milliseconds": milliseconds, "quartiles_ms": quartiles, **WHERE, **more,
    }  # fmt: skip


@pytest.fixture
def made(tool, tmp_path, monkeypatch):
    """Return a function from rows to the tool that reads them as the results of a program."""

    def made(rows, name="softmax_cross_entropy"):
        page = tool("benchmark_page")
        monkeypatch.setattr(page, "BENCHMARKS", tmp_path)
        (tmp_path / "results").mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text('"""A loss against `torch`.\n\nMore."""\n')
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "results" / f"{name}.jsonl").write_text(text)
        return page

    return made


def pairs_of(page, name="softmax_cross_entropy"):
    runs = page.results(page.BENCHMARKS / "results" / f"{name}.jsonl")
    return [pair for workload, rows in runs.items() for pair in page.pairs(name, workload, rows)]


def test_a_ratio_with_its_spread(made):
    page = made([row("xent", 2.0), row("torch", 12.0, targets={"torch": [6, 8]})])
    (pair,) = pairs_of(page)
    assert pair.ratio == 6
    # 12 / 2 of 2 * 2, and 12 * 2 of 2 / 2
    assert pair.spread == (1.5, 24.0)
    assert (pair.target, pair.verdict, pair.kind) == (6, "met", "better")
    assert "6x</tspan> torch, target 6x met" in page.page()


def test_what_missed_its_target_is_told_first(made):
    page = made([row("xent", 2.0), row("torch", 11.9, targets={"torch": [6, 8]})])
    (pair,) = pairs_of(page)
    assert (pair.verdict, pair.kind) == ("missed", "worse")
    text = page.page()
    assert "Of 1 targets 0 are met and 1 missed" in text
    missed = "- `softmax_cross_entropy`, 10 x 10: 5.95 times the speed of torch, 6 wanted"
    assert text.index("**Missed.**") < text.index(missed) < text.index("## softmax_cross_entropy")


def test_what_is_slower_than_its_rival_is_told(made):
    text = made([row("xent", 2.0), row("torch", 1.0)]).page()
    assert "faster in 0 of 1 comparisons" in text
    assert "0.5 times the speed of torch" in text.split("**Slower than the rival.**")[1]


def test_a_limit_is_no_rival(made):
    page = made([row("xent", 2.0), row("a copy of the logits", 1.0), row("torch", 4.0)])
    floor, _ = pairs_of(page)
    assert (floor.is_floor, floor.kind) == (True, "floor")
    assert "faster in 1 of 1 comparisons" in page.page()


def test_the_latest_run_of_each_workload_counts(made):
    later = {"date": "2026-01-03T00:00:00+00:00", "commit": "def5678"}
    page = made(
        [
            row("xent", 1.0), row("torch", 9.0),
            row("xent", 2.0, **later), row("torch", 8.0, **later),
            row("xent", 1.0, "old one"), row("torch", 3.0, "old one"),
        ]
    )  # fmt: skip
    assert [pair.ratio for pair in pairs_of(page)] == [4, 3]
    text = page.page()
    assert "2026-01-03 at commit def5678" in text
    assert "2026-01-02 at commit abc1234" in text


def test_a_wrong_result_has_no_time(made):
    wrong = {**row("torch", 1.0), "result": "wrong"}
    del wrong["milliseconds"], wrong["quartiles_ms"]
    page = made([row("xent", 2.0), wrong])
    assert pairs_of(page) == []
    assert "wrong result, not timed" in page.page()


def test_like_is_compared_with_like(made):
    page = made(
        [
            row("xent", 2.0), row("xent, compiled", 4.0),
            row("torch", 8.0, targets={"torch": 3}),
            row("torch, compiled", 8.0, targets={"torch": 3}),
        ]
    )  # fmt: skip
    eager, compiled = pairs_of(page)
    assert (eager.ratio, eager.target) == (4, 3)
    assert (compiled.ratio, compiled.target) == (2, None)


def test_a_limit_in_seconds_is_judged(made):
    rows = [row("xent", 4000.0, most_seconds=3.0), row("Arrow", 5000.0, most_seconds=3.0)]
    text = made(rows).page()
    assert "10 x 10: xent: 4 s, at most 3 wanted: **missed**" in text
    assert "Of 1 targets 0 are met and 1 missed" in text


def test_what_names_hold_is_no_markup(made):
    rows = [row("xent", 2.0, "a <b> x"), row("<script>", 1.0, "a <b> x")]
    text = made(rows).page()
    assert "<script>" not in text
    assert "<b>" not in text
    assert "a &lt;b&gt; x: 0.5 times the speed of &lt;script&gt;" in text


def test_programs_without_results_are_named(made, tmp_path):
    page = made([row("xent", 2.0), row("torch", 4.0)])
    (tmp_path / "other.py").write_text('"""Another loss."""\n')
    assert "- `other`: Another loss." in page.page()


def test_every_result_that_is_kept_is_on_the_page(tool):
    text = tool("benchmark_page").page()
    for path in (pages.ROOT / "benchmarks" / "results").glob("*.jsonl"):
        assert f"## {path.stem}\n" in text
        for line in path.read_text(encoding="utf-8").splitlines():
            assert json.loads(line)["workload"] in text
