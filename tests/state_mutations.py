"""States that no evaluation wrote: what is mutated, how, and what may come of it.

Run by itself for as long as one likes, from any seed, to find what a short test does not:
python tests/state_mutations.py --seconds 600 --seed 1
"""

import argparse
import copy
import hashlib
import json
import random
import resource
import time
import traceback
import warnings

import numpy as np

from xent.errors import MergeError
from xent.evaluation import evaluate
from xent.evaluation import state as states
from xent.evaluation.packed import pack, pack_words, unpack, unpack_words

ODD = (
    None, True, False, 0, -1, 1, 2, 3, 0.5, -0.5, 1e308, 1e-320, 2**31, 2**63, 2**64, -(2**63),
    10**400, float("nan"), float("inf"), "", "x", "0p0", "1p0", "-1p0", "1p400", "0x1.8p3", "nan",
    "inf", "-inf", "classes", "labels", "log_probs", "9" * 400, "猫", "\ud800", [], {}, [1], [[]],
    ["x"], {"x": 1}, "0:1:", "1:",
)  # fmt: skip


MOST_LETTERS = 1000


def seeds():
    """Return states of evaluations of every kind: as plain values, ready to be written."""
    rng = np.random.default_rng(0)
    rows = 60
    p = rng.dirichlet([1, 1, 1], size=rows)
    p[0] = 0, 1, 0
    of = {"target": rng.integers(3, size=rows), "probs": p, "site": rng.integers(3, size=rows)}
    weighted = {**of, "w": rng.random(rows) + 0.1}
    many = rng.dirichlet(np.ones(70), size=rows)
    binary = {"target": rng.integers(2, size=rows), "probs": p[:, 0]}
    labels = {"labels": rng.integers(2, size=(rows, 3)), "probs": p}
    losses = {"log_probs": -rng.exponential(size=rows), "size": rng.integers(1, 9, size=rows)}
    evaluations = [
        evaluate(of, by="site"),
        evaluate(weighted, weight="w", by="site"),
        evaluate(weighted, weight="w", interval="bootstrap", replicates=40),
        evaluate({**binary, "user": np.arange(rows) // 3}, cluster="user"),
        evaluate(**labels, task="multi"),
        evaluate(losses, bytes="size"),
        evaluate({"target": rng.integers(70, size=rows), "probs": many}),
        evaluate({**of, "name": [f"row {k}" for k in range(rows)]}, id="name"),
        evaluate({**weighted, "user": np.arange(rows) // 3}, weight="w", by="site", cluster="user"),
    ]
    return [json.loads(states.to_text(e).split("\n")[1]) for e in evaluations]


def to_text(state):
    """Return plain values as a state file that says nothing against itself."""
    body = f"{states.MAGIC} {states.FORMAT}\n{json.dumps(state)}\n"
    digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{body}sha256 {digest}\n"


def places(value, path=()):
    """Yield the path of each value within a tree of plain values."""
    yield path
    if isinstance(value, (dict, list)):
        for key, of in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(of, (*path, key))


def mutated(state, draw):
    """Return the state with one to three changes."""
    state = copy.deepcopy(state)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        # the sums by class, cell, slice and draw are few values of many
        every = [path for path in places(state) if path]
        near = [path for path in every if len(path) < 4]
        path = draw.choice(draw.choice([every, near]))
        holder = state
        for key in path[:-1]:
            holder = holder[key]
        change(holder, path[-1], draw, state, every)
    return state


def change(holder, key, draw, state, every):
    """Change the value that is at a key of what holds it."""
    value = holder[key]
    how = draw.randrange(6)
    if how == 0:
        holder[key] = draw.choice(ODD)
    elif how == 1:
        del holder[key]
    elif how == 2:  # what stands elsewhere
        other = state
        for step in draw.choice(every):
            other = other[step]
        holder[key] = copy.deepcopy(other)
    elif isinstance(value, str):
        holder[key] = text_mutated(value, draw)
    elif isinstance(value, list) and value:
        at = draw.randrange(len(value))
        value.insert(at, copy.deepcopy(draw.choice(value)))
    elif isinstance(value, dict):
        value["later"] = 1
    elif isinstance(value, (int, float)):
        holder[key] = draw.choice([-value, value + 1, value * 2**40, float(value), str(value)])


def text_mutated(text, draw):
    """Return text that is cut, has another letter, or holds other numbers."""
    numbers = packed_numbers(text)
    if numbers and numbers[2] and draw.random() < 0.7:
        _, write, values = numbers
        at = draw.randrange(len(values))
        how = draw.randrange(5)
        if how == 0:
            values[at] = draw.choice([0, 1, 2**20, 2**63, 2**64 - 1, 1 << 1074, values[at] * 3])
        elif how == 1:
            values[at] = -values[at]
        elif how == 2:
            del values[at]
        elif how == 3:
            values.insert(at, values[at])
        else:
            values = [0] * len(values)
        try:
            return write(values)
        except (OverflowError, ValueError, TypeError):
            return text
    if not text:
        return "x"
    at = draw.randrange(len(text))
    letter = draw.choice([chr(ord(text[at]) ^ 1), "-", "0", "~", ":", ""])
    return draw.choice([text[:at], text[:at] + letter + text[at + 1 :], text + text])


def packed_numbers(text):
    """Return how packed numbers are read and written, and these; None where text holds none."""
    try:
        if text.count(":") >= 2:
            return unpack, pack, unpack(text)
        words = unpack_words(text).tolist()
        return unpack_words, lambda of: pack_words(np.array(of, np.uint64)), words
    except (ValueError, ArithmeticError):
        return None


def tried(text):
    """Load what a text holds, and use it; return whether it was refused.

    Anything but a refusal at loading is a defect: what loads adds, prints and is written.
    """
    try:
        found = states.from_text(text)
    except MergeError as error:
        if len(str(error)) > MOST_LETTERS:
            raise AssertionError("a refusal must be short enough to be read") from error
        return True
    str(found)
    json.dumps(found.to_dict())
    again = states.from_text(states.to_text(found))
    str(again + again)
    states.to_text(again + again)
    return False


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--gigabytes", type=float, default=3, help="of memory that it may take")
    options.add_argument("--save", help="the beginning of a path, for states that are defects")
    chosen = options.parse_args()
    most = int(chosen.gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    warnings.simplefilter("error")
    draw, whole, end = random.Random(chosen.seed), seeds(), time.monotonic() + chosen.seconds
    count = refused = 0
    seen = {}
    while time.monotonic() < end:
        state = mutated(draw.choice(whole), draw)
        text, began = to_text(state), time.monotonic()
        count += 1
        try:
            refused += tried(text)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-3:]
            where = " < ".join(
                f"{f.filename.rpartition('xent/')[2]}:{f.lineno}" for f in last[::-1]
            )
            what = f"{type(error).__name__}: {str(error)[:90]}  {where}"
            kind = f"{type(error).__name__} {where}"
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] == 1:
                print(count, what, flush=True)
                if chosen.save:
                    with open(f"{chosen.save}-{len(seen)}.xent", "w") as file:
                        file.write(text)
        took = time.monotonic() - began
        if took > 5:
            print(count, f"took {took:.1f} s", flush=True)
    print(f"{count} states, {refused} refused, {sum(seen.values())} defects of {len(seen)} kinds")


if __name__ == "__main__":
    main()
