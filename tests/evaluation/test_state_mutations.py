"""A state may come from anyone: what loads can be used, and all else is refused in a line."""

import itertools
import random
import tracemalloc
import zlib

import numpy as np
import pytest
import state_mutations as mutations

from xent.errors import MergeError
from xent.evaluation import evaluate, packed
from xent.evaluation import state as states

STATES = mutations.seeds()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_changed_is_refused_or_can_be_used(seed):
    draw = random.Random(seed)
    refused = sum(
        mutations.tried(mutations.to_text(mutations.mutated(STATES[seed], draw))) for _ in range(40)
    )
    # some values are of no consequence: a note, the name of a row
    assert 20 <= refused < 40


@pytest.mark.parametrize("state", STATES)
def test_what_is_not_changed_is_not_refused(state):
    assert not mutations.tried(mutations.to_text(state))


# the clip decides much of the loss, and the largest weights fit into no cell
@pytest.mark.filterwarnings("ignore:D31", "ignore:weights must be")
@pytest.mark.parametrize("scale", [2.0**-30, 1.0, 2.0**30])
@pytest.mark.parametrize("rows", [1, 2, 50])
def test_no_state_of_true_rows_is_refused(rows, scale):
    # weights of all digits and over a large range, or 0; probabilities a little above 1; clipped,
    # impossible and missing rows; one row; every row wrong or right
    rng = np.random.default_rng(rows)
    p = rng.dirichlet(np.full(3, 0.1), size=rows) * 1.00005
    p[rng.random(rows) < 0.2] = [1.00005, 0, 0]
    p[rng.random(rows) < 0.1] = np.nan
    p[0] = [1.00005, 0, 0]
    weight = scale * rng.lognormal(0, 4, rows) * (rng.random(rows) < 0.9)
    weight[0] = scale / 3
    site, user = rng.integers(3, size=rows), rng.integers(5, size=rows)
    target, labels = rng.integers(3, size=rows), rng.integers(2, size=(rows, 3))
    target[0] = labels[0] = 0
    forms = [
        {"target": target, "probs": p},
        {"target": target % 2, "probs": np.minimum(p[:, 0], 1)},
        {"labels": labels, "probs": np.minimum(p, 1), "task": "multi"},
        {"target": target, "logits": 300 * rng.standard_normal((rows, 70))},
    ]
    more = [
        {"by": site, "cluster": user},
        {"weight": weight, "by": site, "zero": "clip:1e-6"},
        {"weight": weight, "interval": "bootstrap", "replicates": 40},
    ]
    for form, asked in itertools.product(forms, more):
        found = evaluate(**form, **asked, nan="exclude")
        both = states.from_text(states.to_text(found)) + found
        assert states.from_text(states.to_text(both)).summary == both.summary


def bomb(text):
    """Return text of a few kB that says it holds a column of 2**24 numbers."""
    numbers = mutations.packed_numbers(text)
    if numbers is None or not text.count(":"):
        return None
    head = "0:8" if text.count(":") == 2 else "8"
    # NumPy fills 128 MiB with zeros that zlib makes 130 kB of
    return f"{head}:{BOMB}"


BOMB = packed._to_letters(zlib.compress(bytes(8 << 24), 9))


@pytest.mark.parametrize("state", STATES)
def test_no_column_asks_for_more_memory_than_its_sums_need(state):
    found = 0
    for path in mutations.places(state):
        if not path:
            continue
        changed = mutations.copy.deepcopy(state)
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        value = bomb(holder[path[-1]]) if isinstance(holder[path[-1]], str) else None
        if value is None:
            continue
        found += 1
        holder[path[-1]] = value
        text = mutations.to_text(changed)
        tracemalloc.start()
        with pytest.raises(MergeError):
            states.from_text(text)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # the text itself some times over, for its JSON and its letters
        assert peak < 16 << 20, (path, peak)
    assert found >= 4


def test_groups_that_are_only_said_have_no_cells():
    state = mutations.copy.deepcopy(STATES[0])
    state["summary"]["cells"]["groups"] = [f"{k}" for k in range(1 << 16)]
    with pytest.raises(MergeError, match="65536 groups are more than 2049"):
        states.from_text(mutations.to_text(state))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("kind", "class", "kind must be one of .*, got 'class'"),
        ("clip", "0.5", "clip must be a number from 0 to 1, got '0.5'"),
        ("clip", float("nan"), "clip must be a number from 0 to 1, got nan"),
        ("weighted", 0, "weighted must be true or false, got 0"),
        ("weighted", True, "must be 4 columns, got 2"),
        ("ignore", 3, "ignore must be text, got 3"),
        ("classes", ["a", "a", "b"], "classes must be different from one another"),
        ("classes", ["a", 1, "b"], "classes must be text, got 1"),
        ("num_rows", 61, "num_rows is 61, and their weight is another"),
        ("num_correct", 2**60, "num_correct must be a whole number from 0 to"),
        ("sum_weight", "-1p0", "sum_weight must not be negative"),
        ("sum_nll", "1p0", "losses of the classes do not add up to sum_nll"),
        ("sum_nll", "1" * 5000 + "p0", "no sum has 5000 digits"),
        ("worst", [["nan", 1, 0, 0]], "loss of a row must be a number"),
        (
            "worst",
            [["0x1p0", 1, 0, 3]],
            "class of a row must be .* from -1 to 2, got 3",
        ),
        ("impossible_rows", [1.5], "impossible_rows must be a whole number"),
    ],
)
def test_a_refusal_names_what_is_wrong(path, value, said):
    state = mutations.copy.deepcopy(STATES[0])
    state["summary"][path] = value
    with pytest.raises(MergeError, match=said):
        states.from_text(mutations.to_text(state))


def test_counts_of_likeliest_classes_are_of_the_classes():
    state = mutations.copy.deepcopy(STATES[6])
    state["summary"]["evidence"][4][0] = 71
    with pytest.raises(MergeError, match="likeliest classes must be of the 70 classes, got 71"):
        states.from_text(mutations.to_text(state))
