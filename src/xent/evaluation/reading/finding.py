"""Predictions and truth found among columns that nobody named."""

from __future__ import annotations

import math
from typing import Any

from xent.errors import SourceError
from xent.evaluation.reading.batches import Batch, Field
from xent.evaluation.reading.names import grouped, match_suffixes, nearest

__all__ = ["TARGETS", "find_predictions", "find_truth"]

Names = tuple[str, ...]

TARGETS: Names = (
    "target",
    "label",
    "y",
    "y_true",
    "labels",
    "class",
    "truth",
    "true_label",
    "outcome",
)
PROBS: Names = (
    "p",
    "prob",
    "probs",
    "proba",
    "probability",
    "probabilities",
    "q",
    "y_prob",
    "y_proba",
)
PROBS += ("pred", "prediction", "predictions", "y_pred", "pred_prob", "pred_proba", "p_hat")
LOGITS: Names = ("logit", "logits", "z")
LOG_PROBS: Names = ("log_prob", "log_probs", "logprob", "logprobs", "logp", "log_likelihood")
LOSSES: Names = (
    "loss",
    "losses",
    "log_loss",
    "logloss",
    "nll",
    "neg_log_prob",
    "neg_log_likelihood",
    "ce",
    "bce",
    "cross_entropy",
    "surprisal",
)
OUTCOMES: Names = (
    "y",
    "label",
    "labels",
    "target",
    "is",
    "true",
    "truth",
    "outcome",
    "y_true",
    "has",
)
KINDS = {"int": "whole numbers", "bool": "truth values", "text": "text"}
LISTS = 16  # that are looked at
IGNORED_NAMES: Names = ("row", "id", "index", "weight", "weights", "fold")


def find_predictions(fields: list[Field], names: list[str], head: Batch) -> tuple[str, list[str]]:
    """Return the predictions among columns that nobody named: their kind and their names."""
    lists = [f.name for f in fields if f.kind == "list"]
    for kind, known in (("logits", LOGITS), ("probs", PROBS)):
        named = [n for n in lists if n.lower() in known]
        if len(named) == 1:
            return kind, named
    if len(lists) == 1 and _are_distributions(head[lists[0]]):
        return "probs", lists
    # a column with a stray word in it is read as text: reading it tells where the word is,
    # leaving the column out would score the others
    nearly = _nearly_numbers(fields, head)
    numbers = [f.name for f in fields if f.kind == "float" or f.name in nearly]
    # probabilities of exactly 0 and 1 may be read as whole numbers
    exact = {f.name for f in fields if f.kind in ("int", "bool")} | set(numbers)
    whole = [f.name for f in fields if f.name in exact]
    for candidates in (numbers, whole):
        groups = grouped(candidates)
        for kind, known in (("probs", PROBS), ("logits", LOGITS)):
            found = [groups[stem] for stem in known if stem in groups]
            if len(found) == 1:
                return kind, found[0]
    for kind, known in (("probs", PROBS), ("logits", LOGITS), ("log_probs", LOG_PROBS)):
        named = [n for n in numbers if n.lower() in known]
        if len(named) == 1:
            return kind, named
    if len(lists) == 1:
        return "probs", lists
    outcomes = {n for stem, found in grouped(numbers).items() if stem in OUTCOMES for n in found}
    rest = [n for n in numbers if n not in outcomes and n.lower() not in IGNORED_NAMES]
    rest = [n for n in rest if n.lower() not in TARGETS] or rest
    # one class of several may be called loss, as of a match
    if len(rest) == 1 and rest[0].lower() in LOSSES:
        raise _is_a_loss(rest[0])
    if rest:
        return "probs", rest
    raise _no_prediction(fields, names)


def _no_prediction(fields: list[Field], names: list[str]) -> SourceError:
    """Return the error, with what the column that is called a prediction holds, if one is."""
    called = [f for f in fields if f.name.lower() in {*PROBS, *LOGITS, *LOG_PROBS}]
    what = "name the columns with probs, logits or log_probs"
    if called:
        name, kind = called[0].name, called[0].kind
        what = f"{name!r} holds {KINDS.get(kind, 'values of no kind, or of several')}"
        if kind in ("int", "bool"):
            what += f"; say probs={name} if they are probabilities all the same"
        else:
            what += f"; say probs={name} to be told which is no number"
    else:
        what += f"; {nearest('p_', names)}"
    return SourceError(
        f"no column looks like a prediction: {what}", value=called[0].name if called else None
    )


def _is_a_loss(name: str) -> SourceError:
    """Return the error that the only numbers are losses by their name: no probabilities."""
    return SourceError(
        f"no column looks like a prediction: {name!r} is called a loss; if it is -log of the "
        f'probability of the truth, say sql="select -{name} as log_prob from source"; say '
        f"probs={name} if it is a probability all the same",
        value=name,
    )


def _are_distributions(column: Any) -> bool:
    """Whether the first lists of a column sum to 1, and are no embeddings."""
    lists = [v for v in column[:LISTS].tolist() if v and not any(x is None for x in v)]
    return bool(lists) and all(min(v) >= 0 and abs(math.fsum(v) - 1) < 0.01 for v in lists)


def _nearly_numbers(fields: list[Field], head: Batch) -> set[str]:
    """Text columns with the name of a prediction that are to hold numbers, by their looks."""
    stems = {*PROBS, *LOGITS, *LOG_PROBS}
    named = {f.name for f in fields if f.name.lower() in stems}
    named |= {
        n for s, found in grouped(f.name for f in fields).items() if s in stems for n in found
    }
    # one of p_0, p_1, ... among numbers is one of them, whatever it holds
    numbered = {f.name for f in fields if f.name[-1:].isdigit() and f.name in named}
    among_numbers = any(f.kind == "float" for f in fields if f.name in numbered)
    nearly = set()
    for field in fields:
        if field.kind == "text" and field.name in named:
            values = [v for v in head[field.name].tolist() if v is not None]
            mostly = values and 2 * sum(map(_is_number, values)) > len(values)
            if mostly or (among_numbers and field.name in numbered):
                nearly.add(field.name)
    return nearly


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))  # or a number with a decimal comma
    except ValueError:
        return False
    return True


def find_truth(
    rest: list[Field], columns: list[str], count: int, task: str | None
) -> tuple[str | None, list[str]]:
    """Return the target column, or the outcome columns, among those not yet used."""
    exact = [f.name for f in rest if f.kind in ("int", "float", "bool")]
    groups = grouped(exact)
    outcomes = [groups[stem] for stem in OUTCOMES if len(groups.get(stem, ())) == count > 1]
    scalars = [f.name for f in rest if f.kind in ("int", "bool", "text", "float")]
    # dates are classes too; what else is called so is no reason to take another column
    scalars += [f.name for f in rest if f.kind == "other"]
    lower = {n.lower(): n for n in reversed(scalars)}
    named = [lower[n] for n in TARGETS if n in lower]
    if task == "multi" or not named:
        paired = match_suffixes([n for n in exact if n not in columns], columns)
        if len(outcomes) == 1:
            return None, outcomes[0]
        if paired and count > 1:
            return None, paired
    if named:
        return named[0], []
    likely = [f.name for f in rest if f.kind in ("int", "bool", "text")]
    likely = [n for n in likely if n.lower() not in IGNORED_NAMES]
    if len(likely) == 1:
        return likely[0], []
    shown = ", ".join(likely[:8]) if likely else "none is left"
    raise SourceError(
        "the column of the true class must be named: use target (or labels, for one column of "
        f"0 and 1 each); candidates: {shown}"
    )
