"""A log loss that is a number with a cause: ln K, the entropy of the labels, a clip."""

from __future__ import annotations

import math

from xent.diagnostics.known_values import SAME, values_at
from xent.evaluation.summary.summary import Summary

__all__ = ["known_value"]

FREQUENCIES = "what always saying the class frequencies loses"
# smaller than any loss of a guess: a good model's, which has no name
LEAST = 0.01
ORDINARY = math.log(1000) * (1 - SAME)  # of a language model, in nats a token


def known_value(s: Summary) -> tuple[str, str] | None:
    """Return which number with a cause the log loss is, to four digits, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.evaluation import evaluate
    >>> says = 0.5 + 0.001 * np.cos(np.arange(400))
    >>> found, _ = known_value(evaluate((np.arange(400) % 2, says)).summary)
    >>> print(found[:84])
    the log loss is 0.6932 nats, ln 2 to four digits: what always saying the class frequ
    """
    loss = s.log_loss
    if not LEAST < loss < math.inf:
        return None
    of_labels = s.frequency_log_loss if s.classes else math.nan
    if abs(loss - of_labels) <= SAME * of_labels:
        name, cause = "the entropy of the labels", FREQUENCIES
        if s.kind == "classes" and abs(of_labels - s.uniform_log_loss) <= SAME * of_labels:
            name, cause = f"ln {s.num_classes}", f"{cause}, which are equal"
    else:
        # a language model's ordinary losses are near some number of a few classes
        if s.kind == "log_probs" and loss < ORDINARY:
            return None
        known = values_at(loss, {"classes": s.num_classes, "labels": 2}.get(s.kind))
        if not known:
            return None
        name, cause = known[0].name, known[0].meaning
    return (
        f"the log loss is {loss:.4g} nats, {name} to four digits: {cause}",
        "a coincidence is rare: see whether the model was trained, and read by these columns; "
        f"`xent explain {loss:.4g}` has the other causes",
    )
