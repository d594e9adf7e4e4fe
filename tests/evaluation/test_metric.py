"""A metric that is fed batch by batch, on one process or on several, is one evaluation."""

import copy
import itertools
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranks import said_by

from xent.errors import MergeError, XentTypeError, XentValueError
from xent.evaluation import Metric, Summary, evaluate

RANKS = Path(__file__).with_name("metric_on_ranks.py")


def predictions(seed, rows, classes=4):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes)) * 3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return rng.integers(classes, size=rows), p / p.sum(axis=1, keepdims=True), logits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 100), max_size=6), st.booleans())
def test_any_batches_are_one_evaluation(seed, cuts, weighted):
    target, p, _ = predictions(seed, 100)
    weight = np.arange(1, 101) / 8
    metric = Metric()
    for a, b in itertools.pairwise([0, *sorted(cuts), 100]):
        metric.update(p[a:b], target[a:b], weight[a:b] if weighted else None)
    columns = {"target": target, "probs": p, "weight": weight}
    whole = evaluate(columns, weight="weight" if weighted else None)
    assert metric.summary() == whole.summary
    assert metric.compute().log_loss == whole.log_loss


def test_every_kind_of_prediction():
    target, p, logits = predictions(1, 60)
    by_hand = -np.log(p[np.arange(60), target]).mean()
    for given_, preds in (("probs", p), ("logits", logits), ("log_probs", np.log(p))):
        metric = Metric(given_)
        metric.update(preds, target)
        assert metric.compute().log_loss == pytest.approx(by_hand, rel=1e-13)
    binary = Metric(unit="bit")
    binary.update(p[:, 0], (target == 0) * 1)
    assert binary.summary() == evaluate(((target == 0) * 1, p[:, 0])).summary
    labels = Metric("logits", task="multi")
    labels.update(logits, (logits > 1) * 1)
    whole = evaluate(labels=(logits > 1) * 1, logits=logits, task="multi")
    assert labels.summary() == whole.summary


def test_positions_in_a_text_are_rows():
    target, _, logits = predictions(2, 60)
    metric = Metric("logits", ignore=-100)
    target[::7] = -100
    metric.update(logits.reshape(5, 12, 4), target.reshape(5, 12))
    whole = evaluate({"target": target, "logits": logits}, logits="logits", ignore=-100)
    assert metric.summary() == whole.summary


def test_tensors_are_read_with_their_graph():
    torch = pytest.importorskip("torch")
    target, _, logits = predictions(3, 20)
    metric = Metric("logits")
    metric.update(
        torch.tensor(logits, dtype=torch.float32, requires_grad=True), torch.tensor(target)
    )
    assert metric.summary() == evaluate(target=target, logits=np.float32(logits)).summary
    rounded = torch.tensor(logits, dtype=torch.bfloat16)
    metric.reset()
    metric.update(rounded, torch.tensor(target))
    assert metric.summary() == evaluate(target=target, logits=rounded.float().numpy()).summary


def test_bfloat16_of_jax():
    jnp = pytest.importorskip("jax.numpy")
    target, _, logits = predictions(3, 20)
    rounded = jnp.asarray(logits, dtype=jnp.bfloat16)
    metric = Metric("logits")
    metric.update(rounded, jnp.asarray(target))
    widened = np.asarray(rounded.astype(jnp.float32))
    assert metric.summary() == evaluate(target=target, logits=widened).summary


def test_merging_copying_and_checkpoints():
    target, p, _ = predictions(4, 90)
    parts = []
    for a, b in ((0, 10), (10, 10), (10, 90)):
        parts.append(Metric())
        parts[-1].update(p[a:b], target[a:b])
    whole = evaluate((target, p)).summary.without_rows()
    assert parts[0].merge_state(parts[1:]).summary().without_rows() == whole
    copied = pickle.loads(pickle.dumps(copy.deepcopy(parts[0])))
    copied.update(p[:5], target[:5])
    assert copied.summary().num_rows == 95
    resumed = Metric()
    resumed.load_state_dict(parts[0].state_dict())
    assert resumed.summary() == parts[0].summary()
    resumed.reset()
    assert resumed.summary() == Summary()


def test_a_call_gives_the_batch_and_keeps_the_sum():
    target, p, _ = predictions(5, 30)
    metric = Metric(unit="bit")
    assert metric(p[:10], target[:10]).num_rows == 10
    assert (
        metric(p[10:], target[10:]).log_loss == evaluate((target[10:], p[10:]), unit="bit").log_loss
    )
    assert metric.compute().num_rows == 30


def test_rows_are_called_by_their_id():
    target, p, _ = predictions(6, 300)
    names = np.array([f"img_{k}" for k in range(300)])
    metric = Metric()
    for a in range(0, 300, 32):
        metric.update(p[a : a + 32], target[a : a + 32], id=names[a : a + 32])
    backwards = Metric()
    backwards.update(p[::-1], target[::-1], id=names[::-1])
    assert metric.summary() == backwards.summary()
    nll = -np.log(p[np.arange(300), target])
    assert metric.compute().worst[0]["row"] == names[nll.argmax()]
    with pytest.raises(XentValueError, match="id must come with every batch"):
        metric.update(p, target)


# what is refused


def test_shapes_and_kinds():
    metric = Metric()
    metric.update(np.full((2, 2), 0.5), np.array([0, 1]))
    with pytest.raises(XentValueError, match="2 predictions a row as the batches before, got 3"):
        metric.update(np.full((2, 3), 1 / 3), np.array([0, 1]))
    with pytest.raises(XentValueError, match=r"and a class axis, got \(2, 2\) and \(3,\)"):
        metric.update(np.full((2, 2), 0.5), np.array([0, 1, 1]))
    with pytest.raises(XentValueError, match="weight must come with every batch"):
        metric.update(np.full((2, 2), 0.5), np.array([0, 1]), np.ones(2))
    with pytest.raises(XentValueError, match=r"weight must have the shape \(2,\)"):
        metric.update(np.full((2, 2), 0.5), np.array([0, 1]), np.ones(3))
    with pytest.raises(XentTypeError, match="preds must hold numbers"):
        metric.update(np.array(["a"]), np.array([0]))
    assert metric.compute().num_rows == 2  # none of them was added


def test_settings():
    with pytest.raises(XentValueError, match="given must be one of"):
        Metric("scores")
    with pytest.raises(XentValueError, match="task must be one of"):
        Metric(task="binary")
    with pytest.raises(XentValueError, match="must have rows to be computed"):
        Metric().compute()
    a, b = Metric(), Metric(zero="clip:1e-9")
    for metric in (a, b):
        metric.update(np.array([[0.5, 0.5]]), np.array([0]))
    with pytest.raises(MergeError, match="same clip"):
        a.merge_state(b)
    with pytest.raises(XentTypeError, match="metrics or summaries, got float"):
        a.merge_state([0.5])


def test_a_refused_batch_is_not_half_counted():
    metric = Metric()
    with pytest.raises(XentValueError, match=r"got 1\.5") as raised:
        metric.update(np.array([[0.5, 0.5], [1.5, -0.5]]), np.array([0, 1]))
    for call in (metric.compute, lambda: metric.update(np.array([[0.5, 0.5]]), np.array([0]))):
        with pytest.raises(XentValueError, match="must be reset after a batch") as again:
            call()
        assert str(raised.value) in str(again.value)
    metric.reset()
    metric.update(np.array([[0.5, 0.5]]), np.array([0]))
    assert metric.compute().num_rows == 1


def test_torch_is_not_imported():
    program = (
        "import sys, numpy as np; from xent.evaluation import Metric; m = Metric(); "
        "m.update(np.array([[0.5, 0.5]]), np.array([0])); m.compute(); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# several processes


@pytest.mark.parametrize("count", [2, 4])
def test_every_rank_computes_what_one_process_does(count, tmp_path):
    pytest.importorskip("torch")
    found = said_by(RANKS, count, tmp_path)
    for scenario in ("uneven", "one_empty", "labels"):
        results = {said[scenario]["summary"] for said in found}
        assert results == {found[0][scenario]["whole"]}
    for said in found:
        assert said["all_empty"].startswith("D02: metric must have rows")
        assert said["alone"] == said["own_rows"]
        assert (
            "rank 1 does not belong to rank 0: D30: summaries must have the same clip"
            in (said["other_settings"])
        )
        assert set(said["called"]) <= {f"rank {r}" for r in range(count)}
        assert len(said["called"]) > 1


@pytest.mark.parametrize("given", ["probs", "logits"])
def test_one_hot_targets_are_not_read_as_rows_about_class_1(given: str) -> None:
    rng = np.random.default_rng(0)
    preds, target = rng.dirichlet([1.0] * 4, 30), rng.integers(4, size=30)
    preds = preds if given == "probs" else 9 * preds
    with pytest.raises(XentValueError, match=r"got \(30, 4\) with a single 1 in every row: say"):
        Metric(given).update(preds, np.eye(4)[target])
    tags = (rng.random((30, 4)) < 0.5).astype(int)
    metric = Metric(given)
    metric.update(preds, tags)  # tokens of a text, each about class 1
    assert metric.compute().num_rows == 120


def test_a_checkpoint_of_something_else_is_refused_and_changes_nothing() -> None:
    metric = Metric()
    metric.update(np.array([[0.5, 0.5]]), np.array([0]))
    with pytest.raises(XentValueError, match=r"entry 'summary', got the entries \['weight'\]"):
        metric.load_state_dict({"weight": "0"})
    assert metric.compute().num_rows == 1


def test_classes_are_named_by_text_as_in_evaluate():
    target, p, _ = predictions(5, 40, classes=2)
    metric = Metric(classes="cat, dog")
    metric.update(p, target)
    assert metric.compute().summary == evaluate((target, p), classes="cat,dog").summary
