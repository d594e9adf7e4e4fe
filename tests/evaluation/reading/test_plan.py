"""What is inferred from the columns of a table, and what is not guessed."""

import numpy as np
import pyarrow as pa
import pytest

from xent.errors import SourceError, XentValueError
from xent.evaluation import evaluate
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import make_plan
from xent.evaluation.reading.tables import ArraySource, ArrowSource

FLOAT, INT = [0.25, 0.75], [0, 1]
LOGIT = [-1.5, 2.5]


def plan(columns, **options):
    source = ArraySource(columns)
    return make_plan(source.fields, source.head(10), Options(**options))


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"label": INT, "p_0": FLOAT, "p_1": FLOAT}, "target: label; 2 classes from p_0, p_1"),
        ({"y": INT, "p0": FLOAT, "p1": FLOAT}, "target: y; 2 classes from p0, p1"),
        ({"y": INT, "p[0]": FLOAT, "p[1]": FLOAT}, "target: y; 2 classes from p[0], p[1]"),
        (
            {"target": INT, "logit_0": LOGIT, "logit_1": LOGIT},
            "target: target; 2 classes from logit_0, logit_1 (logits)",
        ),
        (
            {"animal": ["cat", "dog"], "cat": FLOAT, "dog": FLOAT},
            "target: animal; 2 classes from cat, dog",
        ),
        (
            {"id": INT, "label": INT, "score": FLOAT},
            "target: label; probabilities of class 1 from score",
        ),
        (
            {"y": INT, "prob": FLOAT, "noise": FLOAT},
            "target: y; probabilities of class 1 from prob",
        ),
        ({"y": INT, "logit": LOGIT}, "target: y; logits of class 1 from logit"),
        (
            {"label": INT, "probs": [[0.5, 0.5]] * 2},
            "target: label; 2 classes from probs (a list of probabilities)",
        ),
        (
            {"logprob": [-1.0, -2.0], "token": INT},
            "log-probabilities of what happened from logprob",
        ),
        (
            {"y_a": INT, "y_b": [1, 1], "p_b": FLOAT, "p_a": FLOAT},
            "labels: y_b, y_a; 2 labels from p_b, p_a",
        ),
        (
            {"y_a": [1, 0], "y_b": [0, 1], "p_a": [0.25, 0.5], "p_b": [0.75, 0.5]},
            "target: the one 1 among y_a, y_b; 2 classes from p_a, p_b",
        ),
        # a match may be lost, and a loss may stand beside what made it
        (
            {"y": INT, "win": FLOAT, "draw": FLOAT, "loss": FLOAT},
            "target: y (positions of the classes); 3 classes from win, draw, loss",
        ),
        ({"y": INT, "p": FLOAT, "loss": FLOAT}, "target: y; probabilities of class 1 from p"),
        ({"y_true": INT, "y_pred": FLOAT}, "target: y_true; probabilities of class 1 from y_pred"),
    ],
)
def test_what_is_inferred(columns, note):
    assert plan(columns).note.removesuffix(" (probabilities)") == note


def test_lists_that_are_no_predictions_do_not_take_their_place():
    rows = {"label": pa.array(INT), "p": pa.array(FLOAT)}
    words, numbers = pa.array([["a"], ["b", "c"]]), pa.array([[0.5, -0.5], [2.0, 1.0]])
    distributions = pa.array([[0.25, 0.75], [0.5, 0.5]])

    def note(**more):
        source = ArrowSource(pa.table({**rows, **more}), "table")
        return make_plan(source.fields, source.head(10), Options(target="label")).note

    assert note(tokens=words, letters=pa.array([[["a"]], [["b"]]])).endswith("from p")
    assert note(embedding=numbers).endswith("from p")
    assert "from said (a list of" in note(said=distributions)
    del rows["p"]
    assert "from scores (a list of" in note(scores=numbers)


def test_every_inference_has_an_option():
    columns = {"a": INT, "b": INT, "u": FLOAT, "v": FLOAT, "w": FLOAT}
    said = plan(columns, target="b", probs=["v", "u"], classes=["x", "y"], weight="w")
    assert (said.target, said.columns, said.classes) == ("b", ("v", "u"), ("x", "y"))
    assert said.weight == "w"
    assert said.needed == ["v", "u", "b", "w"]
    assert plan(columns, target="a", logits="u").prediction == "binary_logit"
    labels = plan(columns, labels="a,b", probs="u,v", task="multi")
    assert (labels.kind, labels.outcomes) == ("labels", ("a", "b"))


def test_positions_of_named_classes_are_told():
    note = plan({"y": INT, "p_cat": FLOAT, "p_dog": FLOAT}).note
    assert note.startswith("target: y (positions of the classes); 2 classes")


def test_true_and_false_are_classes_of_these_names(tmp_path):
    p = [0.75, 0.5, 0.125]
    rows = {"label": [True, False, True], "p_True": p, "p_False": [1 - x for x in p]}
    expected = evaluate((rows["label"], p)).log_loss
    path = tmp_path / "rows.csv"
    lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
    path.write_text("\n".join(lines))
    for source in (rows, pa.table(rows), str(path), {**rows, "label": [1, 0, 1]}):
        found = evaluate(source)
        assert (found.log_loss, found.summary.classes) == (expected, ("True", "False"))
        assert "positions" not in found.note


def test_names_that_python_takes_for_numbers_are_names():
    found = evaluate({"label": [0, 1], "p_1_0": FLOAT, "p_1_1": FLOAT[::-1]}, sum_tolerance=0.9)
    assert found.summary.classes == ("1_0", "1_1")
    assert "positions" in found.note


def test_columns_may_be_a_pattern():
    columns = {"y": INT, **{f"model_{j}": FLOAT for j in range(3)}}
    assert plan(columns, probs="model_*").classes == ("0", "1", "2")


def test_labels_that_sum_to_one_by_chance_are_labels_where_probabilities_do_not():
    columns = {"y_a": [1, 0], "y_b": [0, 1], "p_a": [0.5, 0.5], "p_b": [0.9, 0.9]}
    assert plan(columns).kind == "labels"
    assert plan(columns, task="class").kind == "classes"


@pytest.mark.parametrize(
    ("columns", "options", "error", "message"),
    [
        (
            {"y": INT, "z": INT, "p_0": FLOAT, "p_1": FLOAT},
            {"probs": "p_*", "target": "x"},
            SourceError,
            "target must name a column",
        ),
        (
            {"a": INT, "b": INT, "p_0": FLOAT, "p_1": FLOAT},
            {},
            SourceError,
            "must be named: use target .*candidates: a, b",
        ),
        ({"a": INT, "b": INT}, {}, SourceError, "no column looks like a prediction"),
        ({"y": INT, "p": INT}, {}, SourceError, "'p' holds whole numbers; say probs=p if they"),
        ({"y": INT, "loss": FLOAT}, {}, SourceError, "'loss' is called a loss; if it is -log of"),
        ({"NLL": FLOAT}, {}, SourceError, "prediction: 'NLL' is called a loss"),
        ({"y": INT, "p": ["x", "0.5"]}, {}, SourceError, "'p' holds text; say probs=p to be told"),
        (
            {"y": INT, "p_0": FLOAT, "p_1": FLOAT},
            {"probs": "p_0,p_0"},
            XentValueError,
            "each column once, got 'p_0' twice",
        ),
        (
            {"y": INT, "p": FLOAT},
            {"classes": ["a", "b", "c"]},
            XentValueError,
            "about two classes, got 3",
        ),
        (
            {"lp_0": FLOAT, "lp_1": FLOAT},
            {"log_probs": "lp_*"},
            XentValueError,
            "log_probs must be one column",
        ),
        (
            {"y_a": INT, "y_b": INT, "p_a": FLOAT},
            {"labels": "y_*", "probs": "p_a", "task": "multi"},
            XentValueError,
            "one column for each of the 1 predictions, got 2",
        ),
    ],
)
def test_what_is_not_guessed(columns, options, error, message):
    with pytest.raises(error, match=message):
        plan(columns, **options)


def test_labels_are_paired_with_predictions_by_name():
    truth = {"y_even": [0, 1], "y_odd": [1, 1]}
    columns = {**truth, "p_odd": FLOAT, "p_even": FLOAT}
    assert plan(columns, task="multi").outcomes == ("y_odd", "y_even")


def test_duplicate_classes_are_refused():
    columns = {"y": np.array(INT), "p_1": FLOAT, "p 1": FLOAT}
    with pytest.raises(XentValueError, match="classes must be different, got '1' twice"):
        plan(columns)


def test_a_column_of_words_among_numbered_predictions_is_an_error():
    words = np.array(["a", "b"])
    with pytest.raises(SourceError, match="column 'p_0' must hold numbers, got 'a' in row 0"):
        evaluate({"label": INT, "p_0": words, "p_1": FLOAT})
    # by its name it might be anything: the label that was predicted
    assert plan({"label": INT, "p_name": words, "p_1": FLOAT}).columns == ("p_1",)


def test_a_decimal_comma_is_told():
    commas = {"label": INT, "p_0": np.array(["0,5", ",5"]), "p_1": np.array(["0,5", "0,5"])}
    with pytest.raises(SourceError, match=r"got '0,5' in row 0; a decimal comma\? .*read_csv"):
        evaluate(commas)


@pytest.mark.parametrize("missing", [False, True])
def test_one_hot_outcomes_of_a_list_are_classes(missing):
    one_hot, several = np.eye(3)[[0, 2, 1, 0]], np.array([[1, 1, 0]] * 4)
    probs = np.array([[0.5, 0.25, 0.25]] * 4)
    if missing:
        probs[1, 1] = np.nan
    columns = {f"label_{j}": one_hot[:, j].astype(int) for j in range(3)}
    found = plan({**columns, "p": probs})
    assert found.note.startswith("target: the one 1 among label_0, label_1, label_2; 3 classes")
    apart = {f"p_{j}": probs[:, j] for j in range(3)}
    assert plan({**columns, **apart}).kind == "classes"
    columns = {f"label_{j}": several[:, j] for j in range(3)}
    assert plan({**columns, "p": probs}).kind == "labels"
    assert plan({**columns, **apart}).kind == "labels"


def test_slices_by_what_looks_like_the_truth_leave_no_other_column_to_be_it():
    """`--by label` made a truth of whatever else held whole numbers, without a word."""
    columns = {"label": INT, "group": INT, "p_0": FLOAT, "p_1": FLOAT}
    with pytest.raises(SourceError, match="say target='label' or target='group'"):
        plan(columns, by="label")
    assert plan(columns, by="label", target="label").target == "label"
    assert plan(columns, by="label", target="group").target == "group"
    assert plan({"label": INT, "y": INT, "p": FLOAT}, by="label").target == "y"
