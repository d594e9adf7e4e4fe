"""`xent merge`: the parts of a run print what the run prints."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xent.cli.app

DIGITS = Path(__file__).parents[2] / "examples" / "digits.parquet"


@pytest.fixture
def xent_(capsys):
    """Run the command in this process: its code, output and errors."""

    def run(*arguments):
        code = xent.cli.app.run([str(a) for a in arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture
def states(xent_, tmp_path):
    """Three parts of the digits, each with its state."""
    table = pq.read_table(DIGITS)
    found = []
    for k, (a, b) in enumerate([(0, 1000), (1000, 1001), (1001, 1797)]):
        pq.write_table(table.slice(a, b - a), tmp_path / f"part-{k}.parquet")
        found.append(tmp_path / f"{k}.xent")
        code, _, _ = xent_("evaluate", tmp_path / f"part-{k}.parquet", "--state", found[-1])
        assert code == 0
    return found


def numbers_of(text):
    numbers = json.loads(text)
    for row in numbers.pop("worst"):
        del row["row"]
    # which rows tell, and sums of them do not
    numbers.pop("row_decomposition", None)
    return {n: v for n, v in numbers.items() if n not in ("source", "note")}


def test_merged_states_print_the_numbers_of_one_run(xent_, states):
    _, whole, _ = xent_("evaluate", DIGITS, "--json")
    code, merged, err = xent_("merge", *reversed(states), "--json")
    assert (code, err) == (0, "")
    assert numbers_of(merged) == numbers_of(whole)
    rows = [w["row"] for w in json.loads(merged)["worst"]]
    assert all(str(row).count("part-") == 1 for row in rows)


def test_several_files_print_the_numbers_of_one_run(xent_, states):
    files = [s.parent / f"part-{k}.parquet" for k, s in enumerate(states)]
    _, whole, _ = xent_("evaluate", DIGITS, "--json")
    _, found, _ = xent_("evaluate", *files, "--json")
    assert numbers_of(found) == numbers_of(whole)


def test_a_merged_state_merges_further(xent_, states, tmp_path):
    some, output = tmp_path / "some.xent", tmp_path / "page.txt"
    code, out, _ = xent_("merge", *states[:2], "--state", some, "--output", output)
    assert (code, out) == (0, "")
    assert output.read_text().startswith("2 parts: 1,001 rows scored")
    _, nested, _ = xent_("merge", some, states[2], "--json")
    _, flat, _ = xent_("merge", *states, "--json")
    assert nested == flat


def test_a_part_without_rows_adds_nothing(xent_, states, tmp_path):
    empty, state, table = tmp_path / "empty.parquet", tmp_path / "empty.xent", tmp_path / "a.txt"
    pq.write_table(pq.read_table(DIGITS).slice(0, 0), empty)
    code, out, err = xent_("evaluate", empty, "--state", state, "--output", table)
    assert (code, out) == (0, "")
    assert err.startswith(f"xent: no rows in {empty}: {state} adds nothing")
    assert not table.exists()
    _, flat, _ = xent_("merge", *states, "--json")
    for order in ([state, *states], [*states, state], [states[0], state, *states[1:]]):
        _, merged, _ = xent_("merge", *order, "--json")
        for name, value in json.loads(flat).items():
            if name != "source":
                assert json.loads(merged)[name] == value
    # a tree of merges may have a branch without rows
    branch = tmp_path / "branch.xent"
    code, out, err = xent_("merge", state, state, "--state", branch)
    assert (code, out) == (0, "")
    assert "no rows in 2 parts" in err
    code, out, _ = xent_("merge", branch, states[1])
    assert code == 0
    assert "1 row scored" in out


@pytest.mark.parametrize(
    ("columns", "options", "counts", "why"),
    [
        (
            {"label": [-1] * 20}, ["--ignore", "-1"], {"num_ignored": 20},
            "20 ignored (ignore=-1) and 0 with missing values",
        ),
        (
            {"p_3": [None] * 20}, ["--nan", "exclude"], {"num_missing": 20},
            "0 ignored (ignore=None) and 20 with missing values",
        ),
        ({"w": [0.0] * 20}, ["--weight", "w"], {"num_rows": 20}, "20 of weight 0"),
    ],
)  # fmt: skip
def test_a_part_of_which_no_row_counts_adds_its_counts_alone(
    xent_, tmp_path, columns, options, counts, why
):
    table = pq.read_table(DIGITS)
    table = table.append_column("w", pa.array([1.0, 2.0, 0.5] * 599))
    table = table.append_column("site", pa.array(["north", "south", "south"] * 599))
    part = table.slice(0, 20)
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        part = part.set_column(at, name, pa.array(values, table.schema.field(at).type))
    parts = {"none": part, "a": table.slice(20, 480), "b": table.slice(500)}
    pq.write_table(pa.concat_tables([part, table.slice(20)]), tmp_path / "whole.parquet")
    paths = {name: tmp_path / f"{name}.xent" for name in parts}
    for name, rows in parts.items():
        pq.write_table(rows, tmp_path / f"{name}.parquet")
        code, out, err = xent_(
            "evaluate", tmp_path / f"{name}.parquet", *options, "--state", paths[name],
            "--output", tmp_path / f"{name}.txt", "--by", "site",
        )  # fmt: skip
        assert (code, out) == (0, ""), err
    none = tmp_path / "none.parquet"
    assert not (tmp_path / "none.txt").exists()
    _, _, err = xent_("evaluate", none, *options, "--state", paths["none"], "--by", "site")
    assert err == (
        f"xent: no rows to score in {none}, {why}: {paths['none']} adds these counts alone to "
        "other states, and nothing else is written\n"
    )
    _, whole, _ = xent_("evaluate", tmp_path / "whole.parquet", *options, "--json", "--by", "site")
    for order in (["none", "a", "b"], ["a", "none", "b"], ["b", "a", "none"]):
        code, merged, err = xent_("merge", *(paths[name] for name in order), "--json")
        assert (code, err) == (0, "")
        found, expected = numbers_of(merged), numbers_of(whole)
        if "missing_rows" in found:
            assert len(found.pop("missing_rows")) == len(expected.pop("missing_rows"))
        assert found == expected
        assert {name: found[name] for name in counts} == counts | (
            {"num_rows": 1797} if "num_rows" in counts else {}
        )
    # nothing but such parts is refused as one such file is
    _, _, refused = xent_("evaluate", none, *options, "--by", "site")
    code, _, err = xent_("merge", paths["none"])
    assert code == 2
    assert err.replace("weights must", "weight 'w' must") == refused


def test_a_pattern_of_states_is_the_files_that_match(xent_, states, tmp_path):
    _, named, _ = xent_("merge", *states, "--json")
    code, matched, err = xent_("merge", tmp_path / "*.xent", "--json")
    assert (code, err) == (0, "")
    assert matched == named
    code, _, err = xent_("merge", tmp_path / "s*.xent")
    assert code == 2
    assert f"states must match a file, got the pattern '{tmp_path}/s*.xent'" in err
    assert f"in {tmp_path}: the nearest are 2.xent, 1.xent, 0.xent" in err
    # what a pattern finds is not written over: a second run would count it beside its parts
    code, _, err = xent_("merge", tmp_path / "*.xent", "--state", states[0])
    assert code == 2
    assert "output must be a file of its own" in err


def test_no_rows_are_refused_where_there_is_no_state_to_write(xent_, tmp_path):
    empty, state = tmp_path / "empty.parquet", tmp_path / "empty.xent"
    pq.write_table(pq.read_table(DIGITS).slice(0, 0), empty)
    code, _, err = xent_("evaluate", empty)
    assert (code, err) == (2, f"xent: D02: {empty} must have rows, got none\n")
    xent_("evaluate", empty, "--state", state)
    code, _, err = xent_("merge", state, state)
    assert (code, err) == (2, "xent: D02: 2 parts must have rows, got none\n")


def test_a_gate_and_another_unit(xent_, states):
    code, out, err = xent_("merge", *states, "--unit", "bit", "--fail-if", "log_loss>0.1")
    assert code == 1
    assert "bits" in out
    assert err.startswith("xent: log_loss>0.1 holds: log_loss is 0.5")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "states must be given"),
        (["no.xent"], "state 'no.xent' cannot be read: no such file"),
        ([DIGITS], "must be a state file, got bytes that are no text"),
    ],
)
def test_bad_input_is_one_line_and_a_hint(xent_, arguments, message):
    code, out, err = xent_("merge", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) <= 2


def test_a_state_of_other_settings(xent_, states, tmp_path):
    other = tmp_path / "other.xent"
    xent_("evaluate", tmp_path / "part-0.parquet", "--zero", "clip:1e-9", "--state", other)
    code, _, err = xent_("merge", states[1], other)
    assert code == 2
    assert "must have the same clip to be added, got 0.0 and 1e-09" in err
    assert "hint: evaluate both parts with the same options" in err


def test_the_master_needs_the_engine(xent_):
    code, _, err = xent_("evaluate", DIGITS, "--master", "local[2]")
    assert code == 2
    assert "master must come with --engine spark" in err


def test_a_page_of_the_parts(xent_, states, tmp_path):
    pytest.importorskip("jinja2")
    page = tmp_path / "page.html"
    code, _, _ = xent_("merge", *states, "--report", page)
    assert code == 0
    assert "part-2.parquet:" in page.read_text(encoding="utf-8")


def test_other_units_need_one_that_is_said(xent_, states, tmp_path):
    other = tmp_path / "other.xent"
    xent_("evaluate", tmp_path / "part-0.parquet", "--unit", "bit", "--state", other)
    code, _, err = xent_("merge", states[1], other)
    assert code == 2
    assert "must have the same unit, got 'nat' and 'bit'" in err
    code, out, _ = xent_("merge", states[1], other, "--unit", "ban", "--level", "0.9", "--json")
    assert (code, json.loads(out)["unit"]) == (0, "ban")


def gone(*_):
    raise KeyboardInterrupt  # as a reader that has gone, without a pipe


@pytest.mark.parametrize("command", ["evaluate", "merge"])
def test_files_are_written_though_nobody_reads_the_table(
    xent_, states, tmp_path, monkeypatch, command
):
    monkeypatch.setattr("xent.cli.output.show", gone)
    state, page = tmp_path / "all.xent", tmp_path / "page.html"
    sources = states if command == "merge" else [DIGITS]
    xent_(command, *sources, "--state", state, "--report", page)
    assert state.exists()
    assert page.exists()


def test_no_file_is_written_twice_or_over_what_is_read(xent_, states, tmp_path):
    part, one = tmp_path / "part-0.parquet", tmp_path / "one"
    before = [path.read_bytes() for path in (part, *states)]
    for arguments in (
        ("evaluate", part, "--state", part),
        ("evaluate", tmp_path / "part-*.parquet", "--report", part),
        ("evaluate", part, "--output", one, "--state", one),
        ("merge", *states, "--output", states[1]),
        ("merge", *states, "--report", states[0], "--state", states[1]),
        ("merge", *states, "--state", one, "--report", tmp_path / "." / "one"),
        ("compare", part, DIGITS, "--output", one, "--report", one),
        ("compare", part, DIGITS, "--report", part),
        ("recalibrate", part, "--apply", part, "-o", one.with_suffix(".csv"), "--to",
         one.with_suffix(".csv")),
    ):  # fmt: skip
        code, _, err = xent_(*arguments)
        assert code == 2
        assert "must be a file of its own" in err
    assert [path.read_bytes() for path in (part, *states)] == before
    assert not one.exists()
    # the sums of several states may take the place of one of them
    elsewhere = tmp_path / "." / states[0].name
    assert xent_("merge", *states, "--state", elsewhere)[0] == 0
    assert states[0].read_bytes() != before[1]
    code, _, _ = xent_("evaluate", part, "--output", "/dev/null", "--state", "/dev/null")
    assert code == 0
