"""State files: what is written is read, any split merges to the whole, the rest is refused."""

import dataclasses
import itertools
import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xent.errors import MergeError, SourceError
from xent.evaluation import Summary, evaluate, load_state, merge_states, save_state
from xent.evaluation import state as states
from xent.evaluation.result import Evaluation


def predictions(seed, rows, classes=3):
    rng = np.random.default_rng(seed)
    logits = rng.integers(-3, 4, size=(rows, classes)) * rng.choice([1, 10], size=(rows, 1))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p[rng.random(rows) < 0.05, 0] = 0
    p /= p.sum(axis=1, keepdims=True)
    return rng.integers(classes, size=rows), p, rng.integers(0, 5, size=rows) / 4


@pytest.fixture
def path(tmp_path):
    target, p, _ = predictions(0, 50)
    save_state(evaluate((target, p), unit="bit"), tmp_path / "a.xent")
    return tmp_path / "a.xent"


def test_what_is_written_is_read(path):
    target, p, _ = predictions(0, 50)
    e, found = evaluate((target, p), unit="bit"), load_state(path)
    assert found == dataclasses.replace(e, summary=e.summary.in_part("arrays"))
    assert states.to_text(found) == path.read_text()
    assert path.read_text().startswith('xent-state 1\n{"summary":{')


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(2, 300),
    st.lists(st.integers(1, 300), max_size=5),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_any_split_in_any_order_merges_to_the_whole(seed, rows, cuts, random, weighted):
    target, p, weight = predictions(seed, rows)
    weight[0] = 1
    columns = {"target": target, "probs": p, **({"weight": weight + 0.25} if weighted else {})}
    chosen = {"weight": "weight" if weighted else None}
    whole = evaluate(columns, **chosen).summary.without_rows().to_json()
    edges = sorted({0, rows, *(c % rows for c in cuts)})
    parts = [
        evaluate({n: v[a:b] for n, v in columns.items()}, **chosen)
        for a, b in itertools.pairwise(edges)
    ]
    parts = [dataclasses.replace(e, name=f"part {k}") for k, e in enumerate(parts)]
    random.shuffle(parts)
    # as a tree of any shape, through text each time
    while len(parts) > 1:
        a, b = (states.from_text(states.to_text(parts.pop())) for _ in range(2))
        parts.insert(random.randrange(len(parts) + 1), a + b)
    assert parts[0].summary.without_rows().to_json() == whole


def test_merged_rows_are_called_by_their_file(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        target, p, _ = predictions(seed, 40)
        e = dataclasses.replace(evaluate((target, p)), name=f"{name}.parquet")
        save_state(e, tmp_path / name)
    merged = merge_states([tmp_path / "a", tmp_path / "b"])
    assert {str(w["row"]).partition(":")[0] for w in merged.worst} == {"a.parquet", "b.parquet"}
    assert merged == load_state(tmp_path / "a") + load_state(tmp_path / "b")


# what is refused, and with which words


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.99, 0.9999])
def test_a_truncated_file(path, share):
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    with pytest.raises(MergeError, match=r"a\.xent (is truncated|must be a state file)"):
        load_state(path)


def test_every_changed_byte_is_noticed(path):
    text = path.read_bytes()
    for at in range(0, len(text), 101):
        path.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
        with pytest.raises(MergeError):
            load_state(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"PAR1\x15\x04\xff", "bytes that are no text"),
        (b"label,p_0\n1,0.5\n", "begins with 'label,p_0"),
        (b'{"version":1}', "a bare summary"),
        (b"xent-state 99\n{}\n", "version 1 of the format, got 99; read it with the version"),
        (b"xent-state 0\n{}\n", "version 1 of the format, got 0; write it again"),
    ],
)
def test_a_foreign_file(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(MergeError, match=message):
        load_state(tmp_path / "x")


def test_no_file(tmp_path):
    with pytest.raises(SourceError, match="cannot be read: no such file"):
        load_state(tmp_path / "x")
    with pytest.raises(MergeError, match="got none"):
        merge_states([])


def test_a_summary_of_another_version_names_the_file(path):
    body = path.read_text().rpartition("sha256")[0]
    head, line, _ = body.split("\n", 2)
    state = json.loads(line)
    state["summary"]["version"] = 99
    body = f"{head}\n{json.dumps(state)}\n"
    path.write_text(f"{body}sha256 {states._digest(body)}\n")
    with pytest.raises(MergeError, match=r"a\.xent: summary must have version \d+, got 99"):
        load_state(path)


@pytest.mark.parametrize(
    "held",
    [
        "3",
        "[]",
        "{",
        "[" * 200_000,
        {"row_terms": {"vector": None}},
        {"row_terms": {"vector": None, "shift": None, "note": "", "sampled": {"later": 1}}},
        {"unit": "byte"},
        {"level": 95},
    ],
    ids=lambda held: str(held)[:20],
)
def test_what_is_no_evaluation_is_refused_whatever_its_checksum_says(path, held):
    head, line, _ = path.read_text().split("\n", 2)
    text = held if isinstance(held, str) else json.dumps({**json.loads(line), **held})
    body = f"{head}\n{text}\n"
    path.write_text(f"{body}sha256 {states._digest(body)}\n")
    with pytest.raises(MergeError, match=r"a\.xent must hold an evaluation, got"):
        load_state(path)


@pytest.mark.filterwarnings("ignore:D31")  # the clip decides much of the loss
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zero": "clip:1e-9"}, "same clip to be added, got 0.0 and 1e-09"),
        ({"classes": ["a", "b", "c"]}, r"classes .*\('0', '1', '2'\) and \('a', 'b', 'c'\)"),
        ({"weight": "w"}, "same weighted to be added, got False and True"),
        ({"ignore": -1}, "same ignore to be added, got None and '-1'"),
    ],
)
def test_states_of_other_settings(tmp_path, options, message):
    target, p, _ = predictions(3, 30)
    columns = {"target": target, "probs": p}
    save_state(evaluate(columns), tmp_path / "a")
    if "weight" in options:
        columns["w"] = np.ones(30)
    save_state(evaluate(columns, target="target", probs="probs", **options), tmp_path / "b")
    with pytest.raises(MergeError, match=message) as raised:
        merge_states([tmp_path / "a", tmp_path / "b"])
    assert f"{tmp_path / 'b'} does not belong to {tmp_path / 'a'}" in str(raised.value)


def test_many_classes_are_not_all_told():
    names = tuple(map(str, range(1000)))
    a = Summary(kind="classes", classes=names)
    b = Summary(kind="classes", classes=(*names[:-1], "x"))
    with pytest.raises(MergeError, match="got '999' and 'x' at position 999;"):
        a + b


def test_a_part_is_not_counted_twice(path):
    with pytest.raises(MergeError, match="its rows would count twice"):
        merge_states([path, path])


def test_a_state_is_whole_or_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_state(Evaluation(Summary()), tmp_path / "a.xent")
    assert os.listdir(tmp_path) == []


def test_a_long_name_and_any_letters(tmp_path):
    e = dataclasses.replace(evaluate(([0], [[0.5, 0.5]])), name='猫 "\n' * 200)
    save_state(e, tmp_path / "a")
    assert load_state(tmp_path / "a").name == e.name
