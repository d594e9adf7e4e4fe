"""Labels of language models: shifted twice or not at all (D22), the end never learnt (D23)."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.diagnostics.warn import warn_once
from xent.errors import XentValueError

__all__ = ["check_shift", "end_never_learnt"]

_MOST = 0.95  # of the labels, that agree with the tokens
_LABELS_NEEDED = 16


def check_shift(tokens: Any, labels: Any, *, shifts: bool, ignore_index: int | None = None) -> None:
    """Raise D22 if the labels do not stand where the loss takes them from.

    Labels are *aligned* where ``labels == tokens`` and *shifted* where
    ``labels[:, :-1] == tokens[:, 1:]``: at least 95 % of the labels that count, and 16 of
    them. A loss that shifts needs them aligned, one that does not needs them shifted once.
    Text that repeats one token is both, and is let pass; so are labels that are neither.

    Parameters
    ----------
    tokens, labels : integer array, shape ``(..., T)``
        What goes into the model, and what is to come out.
    shifts : bool
        Whether the loss compares position t with the label at t + 1.
    ignore_index : int, optional
        Labels that do not count.

    Examples
    --------
    >>> import numpy as np
    >>> tokens = np.arange(40).reshape(2, 20)
    >>> check_shift(tokens, tokens, shifts=True)
    >>> check_shift(tokens, tokens, shifts=False)
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D22: labels equal the tokens that go into the model (100 % of
    40): this loss does not shift, so the model would learn to copy its input. Use
    next_token_cross_entropy(logits, tokens), which shifts, or shift the labels:
    labels[:, :-1] = tokens[:, 1:].
    """
    tokens, labels = np.asarray(tokens), np.asarray(labels)
    counts = np.ones(labels.shape, bool) if ignore_index is None else labels != ignore_index
    aligned, num_aligned = _share(labels == tokens, counts)
    shifted, num_shifted = _share(labels[..., :-1] == tokens[..., 1:], counts[..., :-1])
    if shifts and shifted >= _MOST > aligned:
        raise XentValueError(
            f"labels already are the tokens shifted by one ({_percent(shifted)} of "
            f"{num_shifted:,}): this loss shifts them again, so the model would learn the token "
            "after the next. Use token_cross_entropy(logits, labels), which does not shift, or "
            "pass labels that stand where their tokens stand.",
            code="D22",
            value=shifted,
        )
    twice, num_twice = _share(labels[..., :-2] == tokens[..., 2:], counts[..., :-2])
    if not shifts and twice >= _MOST > max(aligned, shifted):
        raise XentValueError(
            f"labels are the tokens two places on ({_percent(twice)} of {num_twice:,}): they were "
            "shifted twice, so the model would learn the token after the next. Shift in one place "
            "only: next_token_cross_entropy(logits, tokens) is one.",
            code="D22",
            value=twice,
        )
    if not shifts and aligned >= _MOST > shifted:
        raise XentValueError(
            f"labels equal the tokens that go into the model ({_percent(aligned)} of "
            f"{num_aligned:,}): this loss does not shift, so the model would learn to copy its "
            "input. Use next_token_cross_entropy(logits, tokens), which shifts, or shift the "
            "labels: labels[:, :-1] = tokens[:, 1:].",
            code="D22",
            value=aligned,
        )


def end_never_learnt(
    tokens: Any, labels: Any, *, end: int, ignore_index: int, shifts: bool
) -> None:
    """Warn D23 if the token that ends a text occurs, and every label at it is ignored.

    So it comes out where padding has the same token as the end and is masked by it: the
    model never learns to stop.

    Parameters
    ----------
    tokens, labels : integer array, shape ``(..., T)``
    end : int
        The token, often called EOS.
    ignore_index : int
        Labels that do not count.
    shifts : bool
        Whether the label of a token stands where the token stands, or one place before.
    """
    tokens, labels = np.asarray(tokens), np.asarray(labels)
    if not shifts:
        tokens, labels = tokens[..., 1:], labels[..., :-1]
    ends = tokens == end
    count = int(ends.sum())
    if not count or not (labels != ignore_index).any() or (labels[ends] != ignore_index).any():
        return
    where = tuple(int(i) for i in np.argwhere(ends)[0])
    warn_once(
        f"token {end}, which ends a text, occurs {count:,} times, first at "
        f"{list(where)}, and every label at it is {ignore_index}: the model never learns to stop. "
        "If padding has the same token, mask by the lengths (the attention mask), not by the "
        "token.",
        code="D23",
        index=where,
        value=count,
    )


def _share(same: Any, counts: Any) -> tuple[float, int]:
    """Return which share of what counts is the same, 0 where that is too little to tell."""
    count = int(counts.sum())
    return (float(same[counts].mean()) if count >= _LABELS_NEEDED else 0.0), count


def _percent(share: float) -> str:
    # never a false 100 %
    return f"{100 * share:.3g} %" if share == 1 or share < 0.999 else "over 99.9 %"
