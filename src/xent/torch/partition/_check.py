"""`check_partition_invariance`: does a batch that is split still give the loss of the whole?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from xent.errors import XentTypeError, XentValueError
from xent.torch.partition._batches import cut, num_rows, weights_in
from xent.torch.partition._report import MERGED_TOTALS, PartitionReport, Way
from xent.torch.partition._weights import Evidence, weights_behind
from xent.total import Total, merge

__all__ = ["PartitionReport", "check_partition_invariance"]

_SHARES = (6, 3, 1)
_RTOL = {torch.float64: 1e-10, torch.float32: 1e-5}
_MERGES = {"mean": "averaged", "sum": "added"}


def check_partition_invariance(
    loss_fn: Callable[[Any], Any],
    batch: Any,
    *,
    parts: Sequence[int] | None = None,
    merge: str = "mean",
    parameters: Iterable[Tensor] | None = None,
    weight_of: Callable[[Any], Any] | None = None,
    ignore_index: int = -100,
    rtol: float | None = None,
) -> PartitionReport:
    r"""Return whether parts of a batch, merged, give the loss of the whole batch; rule D24.

    A mean over tokens, taken in each micro-batch or on each rank and averaged again, is a
    mean of means, in which a token of a short part weighs more than one of a long part.
    Nothing raises, and the model that comes out is another one. This evaluates `loss_fn`
    on the whole batch and on uneven parts, merges the parts in every way that makes sense,
    and says which one gives the whole.

    Parameters
    ----------
    loss_fn : callable
        From a batch, or a part of it, to the loss: a 0-dimensional tensor, a float, or a
        `Total`. It must give the same value when it is called again: put dropout into
        evaluation mode.
    batch : tensor, or tuple, list or dict of tensors, nested
        Cut along dimension 0 of every tensor. Other values are handed on as they are.
    parts : sequence of int, optional
        Number of rows of each part, as training would cut this batch. Default three
        parts of about 60, 30 and 10 %.
    merge : {"mean", "sum"}, default "mean"
        What training does with the losses of the parts: "mean" for gradient accumulation
        that divides by the number of parts, and for data-parallel training; "sum" for
        parts that go backward as they are. Totals are merged.
    parameters : iterable of Tensor, optional
        Compare the gradients of these, too.
    weight_of : callable, optional
        From a part to its weight, if the denominator is not found in the batch: with class
        weights ``lambda part: weight[part["labels"]].sum()``.
    ignore_index : int, default -100
        Integers of this value in the batch do not count.
    rtol : float, optional
        By which value and merged value may differ, relative to the larger; ten times that
        for the norm of the gradients. Default 1e-10 for a float64 loss, 1e-5 for float32
        and Python's numbers, 1e-2 for half precision.

    Returns
    -------
    PartitionReport
        Its `ok` says whether merging gives the whole; it prints as a page;
        `raise_if_wrong` raises D24, for use in a test. Like `xent.audit`, the check does
        not raise for what it finds.

    Raises
    ------
    XentTypeError
        If the loss is no number and no `Total`, or the batch holds something else than
        tensors, or the loss has no gradient where `parameters` are given.
    XentValueError
        If `parts` do not add up to the batch, the tensors have different numbers of rows,
        or the loss of the whole batch is nan, or not the same twice.

    Notes
    -----
    *Kinds.* "total" and "sum" merge as they are. "mean" needs weights, of which the report
    names those that give the whole: the rows, targets that are not ignored, a mask, weights
    of rows, or `weight_of`. "weighted mean": there are such weights, none of the known
    ones; the report says how much each part counts. "dependent": no weights give the
    whole, because rows see each other (batch norm in training mode, negatives within the
    batch), or because the mean goes through another function, as a perplexity does.

    *Cost.* As many calls of `loss_fn` as there are parts, and two; five more if no known
    way gives the whole. Batch norm in training mode moves its running statistics.

    See Also
    --------
    xent.torch.Total : the remedy.
    xent.audit : everything that one model output and its targets show.

    Examples
    --------
    Three sequences, the last of which is mostly padding. Averaging the means of two parts
    is not the mean over tokens:

    >>> import torch
    >>> from xent.torch import check_partition_invariance
    >>> logits = torch.tensor([[4.0, 0.0], [0.0, 0.0], [4.0, 0.0]]).repeat_interleave(4, 0)
    >>> labels = torch.tensor([[0, 0, 0, 0], [0, 0, 0, 0], [1, -100, -100, -100]])
    >>> batch = {"logits": logits.view(3, 4, 2), "labels": labels}
    >>> def loss_fn(batch):
    ...     logits, labels = batch["logits"].flatten(0, 1), batch["labels"].flatten()
    ...     return torch.nn.functional.cross_entropy(logits, labels)
    >>> report = check_partition_invariance(loss_fn, batch, parts=(2, 1))
    >>> report.ok, report.kind
    (False, 'mean')
    >>> print(report)
    D24: wrong. The parts averaged give 2.187 against 0.7626 for the whole batch: a mean of
      means. Weighted by batch['labels'] != -100 they give the whole. Ask the loss for
      reduction="total", add the totals and take the mean once.
    <BLANKLINE>
    split 2/1, with losses 0.3556/4.018
    averaged                                        2.187   +187 %
    weighted by rows                                1.576   +107 %
    weighted by batch['labels'] != -100            0.7626   the whole
    weighted by batch['labels'][:, 1:] != -100     0.3556   -53.4 %
    added                                           4.374   +474 %
    """
    if merge not in _MERGES:
        raise XentValueError(f"merge must be one of {tuple(_MERGES)}, got {merge!r}", value=merge)
    sizes = _sizes(num_rows(batch), parts)
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    cuts = [cut(batch, end - size, end) for size, end in zip(sizes, ends, strict=True)]
    tensors = None if parameters is None else [p for p in parameters if p.requires_grad]

    with torch.set_grad_enabled(tensors is not None):
        whole = _call(loss_fn, batch)
        tolerance = _tolerance(whole) if rtol is None else rtol
        _check_a_number(_number(whole), _number(_call(loss_fn, batch)), tolerance)
        losses = [_call(loss_fn, part) for part in cuts]
    weights: dict[str, list[float]] = {}
    if not isinstance(whole, Total):
        weights = {"rows": [float(size) for size in sizes]}
        named = dict(weights_in(batch, ignore_index))
        if weight_of is not None:
            named["weight_of"] = weight_of
        weights |= {name: [float(of(part)) for part in cuts] for name, of in named.items()}
    ways = _ways(whole, losses, weights, tensors, tolerance)
    behind = None
    if not any(way.agrees for way in ways) and not isinstance(whole, Total):
        with torch.no_grad():
            behind = _evidence(loss_fn, batch, _number(whole), tolerance)
    return PartitionReport(
        whole=_number(whole),
        sizes=tuple(sizes),
        losses=tuple(_number(loss) for loss in losses),
        used=MERGED_TOTALS if isinstance(whole, Total) else _MERGES[merge],
        ways=tuple(ways),
        evidence=behind,
    )


def _sizes(rows: int, parts: Sequence[int] | None) -> list[int]:
    if parts is None:
        if rows < 3:
            raise XentValueError(
                f"batch must have at least 3 rows to be split unevenly, got {rows}", value=rows
            )
        small = max(rows * _SHARES[2] // sum(_SHARES), 1)
        middle = max(rows * _SHARES[1] // sum(_SHARES), 1)
        return [rows - middle - small, middle, small]
    sizes = list(parts)
    if len(sizes) < 2 or min(sizes) < 1 or sum(sizes) != rows:
        raise XentValueError(
            f"parts must be two or more numbers of rows that add up to the {rows} rows of the "
            f"batch, got {tuple(sizes)}",
            value=tuple(sizes),
        )
    return sizes


def _call(loss_fn: Callable[[Any], Any], part: Any) -> Any:
    loss = loss_fn(part)
    if isinstance(loss, Total):
        return loss
    if isinstance(loss, (int, float)) or (isinstance(loss, Tensor) and loss.ndim == 0):
        return loss
    what = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
    raise XentTypeError(
        f"loss_fn must return one number or a Total, got {what}; for a loss of every row ask "
        'for reduction="total"',
        value=what,
    )


def _number(loss: Any) -> float:
    loss = loss.mean() if isinstance(loss, Total) else loss
    return float(loss.detach() if isinstance(loss, Tensor) else loss)


def _tolerance(loss: Any) -> float:
    if isinstance(loss, Total):
        loss = loss.sum
    dtype = loss.dtype if isinstance(loss, Tensor) else torch.float32
    return _RTOL.get(dtype, 1e-2)


def _check_a_number(first: float, second: float, rtol: float) -> None:
    if math.isnan(first):
        raise XentValueError(
            "loss_fn must give a number for the whole batch, to compare with, got nan; see what "
            "xent.audit says of it",
            code="D24",
            value=first,
        )
    if abs(first - second) > rtol * max(abs(first), abs(second)):
        raise XentValueError(
            f"loss_fn must give the same loss for the same batch, got {first:.7g} and then "
            f"{second:.7g}; call model.eval(), or seed what is random",
            code="D24",
            value=second,
        )


def _ways(
    whole: Any,
    losses: list[Any],
    weights: dict[str, list[float]],
    tensors: list[Tensor] | None,
    rtol: float,
) -> list[Way]:
    """Return every way to merge the parts, with its value and how far its gradient is off."""
    if isinstance(whole, Total):
        merged = merge(losses)
        ways = [(MERGED_TOTALS, _number(merged), [merged.mean()] if tensors else [], [1.0])]
    else:
        values = [_number(loss) for loss in losses]
        shares = {"averaged": [1 / len(losses)] * len(losses)}
        for name, each in weights.items():
            if total := sum(each):
                shares[f"weighted by {name}"] = [w / total for w in each]
        shares["added"] = [1.0] * len(losses)
        ways = [(name, _combined(c, values), losses, c) for name, c in shares.items()]
    found = []
    of_whole = None if tensors is None else _gradient(whole, tensors)
    of_parts: dict[int, Tensor] = {}
    for name, value, terms, coefficients in ways:
        apart = None
        if of_whole is not None and tensors is not None:
            for term in terms:
                if id(term) not in of_parts:
                    of_parts[id(term)] = _gradient(term, tensors)
            pairs = zip(coefficients, (of_parts[id(term)] for term in terms), strict=True)
            mix = sum((c * g for c, g in pairs if c), torch.zeros_like(of_whole))
            apart = float((mix - of_whole).norm() / of_whole.norm())
        found.append(Way(name, value, _number(whole), apart, rtol))
    return found


def _combined(coefficients: list[float], values: list[float]) -> float:
    # a part without weight may well be nan: the mean of nothing
    return sum(c * v for c, v in zip(coefficients, values, strict=True) if c)


def _gradient(loss: Any, tensors: list[Tensor]) -> Tensor:
    loss = loss.mean() if isinstance(loss, Total) else loss
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        raise XentTypeError(
            "loss_fn must return a loss with a gradient where parameters are given, got "
            f"{loss!r}; leave out .item() and .detach()"
        )
    gradients = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
    flat = [
        torch.zeros_like(p) if g is None else g for p, g in zip(tensors, gradients, strict=True)
    ]
    return torch.cat([g.detach().double().cpu().flatten() for g in flat])


def _evidence(loss_fn: Callable[[Any], Any], batch: Any, whole: float, rtol: float) -> Evidence:
    rows = num_rows(batch)
    a, b = max(rows // 2, 1), max(rows // 2, 1) + max(rows // 3, 1)
    if b >= rows:
        return Evidence("unknown")

    def loss_of(start: int, stop: int) -> float:
        return _number(_call(loss_fn, cut(batch, start, stop)))

    return weights_behind(
        first=loss_of(0, a),
        second=loss_of(a, b),
        third=loss_of(b, rows),
        first_two=loss_of(0, b),
        last_two=loss_of(a, rows),
        whole=whole,
        sizes=(a, b - a, rows - b),
        rtol=rtol,
    )
