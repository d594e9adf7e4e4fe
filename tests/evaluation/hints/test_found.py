"""Hints together: where none may be given, and how they are told."""

import warnings

import numpy as np
import pytest
from evaluation.hints.models import ROWS, calibrated, codes

from xent.errors import MisuseWarning
from xent.evaluation import Evaluation, evaluate


@pytest.mark.parametrize("classes", [2, 3, 10, 64, 65])
@pytest.mark.parametrize("sharp", [0.3, 1.0, 3.0])
def test_a_calibrated_model_gets_no_hint(classes, sharp):
    for seed in range(3):
        q, y = calibrated(classes, sharp, seed=seed)
        assert codes((y, q)) == []


def test_few_rows_get_no_hint():
    q, y = calibrated(rows=40)
    assert codes((y, q[:, [1, 2, 0, 3, 4]])) == []
    assert codes((y, np.full((40, 5), 0.2))) == []


def test_warnings_are_warned_and_notes_are_not():
    q, y = calibrated()
    with pytest.warns(MisuseWarning, match="D25: the columns look permuted"):
        result = evaluate((y, q[:, [1, 2, 0, 3, 4]]))
    assert result.warnings == [str(result.hints[0])]
    assert "  warning D25: the columns look permuted" in str(result)
    assert result.to_dict()["hints"][0]["code"] == "D25"
    random = evaluate((y, np.random.default_rng(0).dirichlet(np.ones(5), ROWS)))
    assert random.warnings == []
    assert "  worth a look\n    D12: the predictions do not rank" in str(random)


def test_hints_do_not_depend_on_how_rows_are_split():
    q, y = calibrated()
    q = q[:, [1, 2, 0, 3, 4]]
    with pytest.warns(MisuseWarning):
        whole = evaluate((y, q))
    order = np.random.default_rng(0).permutation(ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [evaluate((y[i], q[i])).summary for i in np.array_split(order, 7)]
    merged = parts[3]
    for part in parts[:3] + parts[4:]:
        merged = part + merged
    assert merged.evidence == whole.summary.evidence
    assert Evaluation(merged).hints == whole.hints
    text = merged.to_json()
    assert type(merged).from_json(text).evidence == merged.evidence


def test_evidence_is_of_the_rows_that_count():
    q, y = calibrated(3, rows=500)
    right = evaluate((y[:400], q[:400])).summary.evidence
    bad = q.copy()
    bad[400:] = [1, 0, 0]
    weight = np.where(np.arange(500) < 400, 2.0, 0.0)
    assert evaluate((y, bad), weight=weight).summary.evidence == right
    ignored = np.where(np.arange(500) < 400, y, 99)
    assert evaluate((ignored, bad), ignore=99).summary.evidence == right
    bad[400:] = np.nan
    assert evaluate((y, bad), nan="exclude").summary.evidence == right
    table = np.zeros((3, 3), int)
    np.add.at(table, (y[:400], q[:400].argmax(axis=1)), 1)
    assert (right.table == table).all()
    assert right.low == tuple(q[:400].min(axis=0))
    assert right.high == tuple(q[:400].max(axis=0))
    columns = {"y": y[:400], **{f"p_{j}": q[:400, j] for j in range(3)}}
    assert evaluate(columns).summary.evidence == right
