"""Softmax cross-entropy of rows of which only some classes were seen.

What is kept of the classes seen so far is a few numbers for each row, and two such states of
disjoint classes merge into that of both: the classes may come in blocks, in any order, and
from several processes. With M the arg max so far, a_j = x_M - x_j and s_j = w_j t_j,

    odds   = sum_{j != M} exp(-a_j)           terms = sum_j exp(-a_j) a_j
    spread = sum_j s_j a_j                    mass  = sum_j s_j

and once all classes were seen

    lse     = x_M + log1p(odds)
    loss    = mass log1p(odds) + spread  [+ z lse^2]      no term is negative
    entropy = log1p(odds) + terms / (1 + odds)
    grad_j  = p_j mass - s_j  [+ 2 z lse p_j]             j != M, where p_j <= 1/2
    grad_M  = p_M (mass - s_M) - s_M odds / (1 + odds)    [+ 2 z lse p_M]

Where s_M is most of the mass, mass - s_M would cancel: the class with the largest s_j, the
peak, is kept apart from the sum of all others. A class of s_j that is not the peak has at
most half of the mass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas._precision import difference, own_dtype, two_difference, wide_dtype
from xent.torch.formulas._rows import look, rows_counted
from xent.torch.formulas._softmax import Softmax, capped, capped_slopes

__all__ = [
    "SliceRows",
    "SliceState",
    "SoftmaxSlice",
    "empty_state",
    "gradient_",
    "merge",
    "rows_of",
    "scan",
]

# elements that are computed at once, whose temporaries take 40 bytes each: they are to fit into
# a cache, and on other devices to be long enough to pay for their launches
_PIECE = 1 << 16
_PIECE_OF_DEVICES = 1 << 22
_NOWHERE = torch.iinfo(torch.int64).max


@dataclass(slots=True, eq=False)
class SoftmaxSlice:
    """What the rows of a block are asked for, of which it holds classes [first, first + n).

    Attributes
    ----------
    task : SoftmaxTask
        With ``axis=1``. Its `target` counts all classes; its `soft_target`, `class_weight` and
        `class_mask` are those of the classes in the block. A row of `ignore_index` or of
        weight 0 is skipped; nothing else is made of `sample_weight`. No row is skipped for its
        class, which may be in another slice: who has all class weights says it by these.
    first : int
        The first class of the block.
    num_classes : int
        Of the whole row. A row whose target is none of them is NaN.
    choices : int or Tensor
        The number of classes that label smoothing spreads over: `num_classes`, or those that
        `class_mask` allows, an int or (N, 1).
    """

    task: SoftmaxTask
    first: int
    num_classes: int
    choices: int | Tensor

    def kept(self) -> Tensor | None:
        """Return which rows are not skipped, (N,); None where none is."""
        return rows_counted(self.task)


class SliceState(NamedTuple):
    """What is kept of the classes seen, each (N,): two int64, the rest float64.

    The logits are those after cap, temperature and mask. Of no class, or of such as cannot
    happen, top is -inf and arg -1; the peak of no class is -1.
    """

    top: Tensor  # the largest logit
    arg: Tensor  # its class, the first of equal ones
    odds: Tensor  # sum of exp(x_j - top) over the other classes
    terms: Tensor  # sum of exp(x_j - top) (top - x_j)
    spread: Tensor  # sum of s_j (top - x_j); inf where a class with mass cannot happen
    mass: Tensor  # sum of s_j
    peak: Tensor  # the class with the largest s_j, the first of equal ones
    at_peak: Tensor  # its s_j
    but_peak: Tensor  # the sum of the others


class SliceRows(NamedTuple):
    """What rows are like once all of their classes were seen, each (N,), before any weight."""

    nll: Tensor  # the loss: smoothing, class weights and z-loss are in it
    lse: Tensor
    entropy: Tensor
    hit: Tensor


def empty_state(num_rows: int, like: Tensor) -> SliceState:
    """Return the state of no class, on the device of `like`."""
    zero = like.new_zeros(num_rows, dtype=wide_dtype(like))
    none = torch.full_like(zero, -1, dtype=torch.int64)
    top = torch.full_like(zero, -torch.inf)
    return SliceState(top, none, zero, zero, zero, zero, none, zero, zero)


def merge(a: SliceState, b: SliceState) -> SliceState:
    """Return the state of the classes of both, which must be disjoint.

    It is commutative, and associative up to rounding; of the classes of no class it changes
    nothing.
    """
    a_is_top = (a.top > b.top) | ((a.top == b.top) & (_place(a.arg) <= _place(b.arg)))
    high, low = _sorted(a_is_top, a, b)
    a_is_peak = (a.at_peak > b.at_peak) | (
        (a.at_peak == b.at_peak) & (_place(a.peak) <= _place(b.peak))
    )
    peak, off_peak = _sorted(a_is_peak, a, b)

    gap, lost = two_difference(high.top, low.top)
    impossible = low.top == -torch.inf  # there may be mass on it all the same
    # exp(-gap) may be denormal where what it is multiplied with is large
    root = torch.exp(-0.5 * gap)
    root = torch.where(impossible, 0.0, root - root * (0.5 * lost))
    others = 1 + low.odds
    gap = torch.where(impossible, torch.inf, gap)
    grown = torch.where(impossible, 0.0, others * gap)
    behind = torch.where(low.mass == 0, 0.0, low.mass * gap)
    return SliceState(
        torch.maximum(a.top, b.top),  # NaN if either is
        high.arg,
        high.odds + others * root * root,
        high.terms + (low.terms + grown) * root * root,
        high.spread + (low.spread + behind),
        a.mass + b.mass,
        peak.peak,
        peak.at_peak,
        peak.but_peak + (off_peak.but_peak + off_peak.at_peak),
    )


def _place(index: Tensor) -> Tensor:
    """Return the class, or a place behind all classes for none."""
    return torch.where(index < 0, _NOWHERE, index)


def _sorted(a_first: Tensor, a: SliceState, b: SliceState) -> tuple[SliceState, SliceState]:
    pairs = list(zip(a, b, strict=True))
    first = SliceState(*(torch.where(a_first, x, y) for x, y in pairs))
    return first, SliceState(*(torch.where(a_first, y, x) for x, y in pairs))


def scan(block: Tensor, part: SoftmaxSlice, state: SliceState | None = None) -> SliceState:
    """Return `state` with the classes of `block`, (N, n), added to it."""
    found = empty_state(len(block), block)
    if block.numel():
        pieces = [_scanned(x, piece) for x, piece, _ in _pieces(block, part)]
        found = SliceState(*map(torch.cat, zip(*pieces, strict=True)))
    return found if state is None else merge(state, found)


def rows_of(state: SliceState, part: SoftmaxSlice) -> SliceRows:
    """Return what the rows are like, from the state of all of their classes.

    A row in which no class can happen is NaN, as is one with a logit of +inf. Skipped rows
    have 0, 0, 0 and False. A distribution is hit where the arg max has its largest s_j.
    """
    log_odds = torch.log1p(state.odds)
    unknown = torch.where(state.top.isfinite(), 0.0, torch.nan)
    lse = state.top + log_odds + unknown
    nll = state.mass * log_odds + state.spread + unknown
    if part.task.z_loss:
        nll = nll + part.task.z_loss * lse**2
    entropy = log_odds + state.terms / (1 + state.odds) + unknown
    target = state.peak if part.task.target is None else part.task.target
    hit = state.arg == target
    kept = part.kept()
    if kept is not None:
        nll, lse, entropy = (torch.where(kept, each, 0.0) for each in (nll, lse, entropy))
        hit = hit & kept
    return SliceRows(nll, lse, entropy, hit)


def gradient_(block: Tensor, part: SoftmaxSlice, state: SliceState, row_scale: Tensor) -> None:
    """Turn the logits of a block into the gradient of ``sum(row_scale * nll)``, in place.

    `state` is that of all classes. Skipped rows, those of scale 0 and masked classes get
    exactly 0.
    """
    for x, piece, rows in _pieces(block, part):
        of_rows = SliceState(*(each[rows] for each in state))
        x.copy_(_slopes(x, piece, of_rows, row_scale[rows]))


def _pieces(block: Tensor, part: SoftmaxSlice) -> Iterator[tuple[Tensor, SoftmaxSlice, slice]]:
    """Yield some rows at a time, with what they are asked for."""
    size = _PIECE if block.is_cpu else _PIECE_OF_DEVICES
    step = max(1, size // max(1, block.shape[1]))
    for start in range(0, len(block), step):
        rows = slice(start, start + step)
        yield block[rows], _of_rows(part, rows), rows


def _of_rows(part: SoftmaxSlice, rows: slice) -> SoftmaxSlice:
    task, choices = part.task, part.choices
    mask = task.class_mask
    if mask is not None and mask.ndim == 2 and len(mask) > 1:
        mask = mask[rows]
    if isinstance(choices, Tensor) and choices.ndim == 2 and len(choices) > 1:
        choices = choices[rows]
    task = replace(
        task,
        target=None if task.target is None else task.target[rows],
        soft_target=None if task.soft_target is None else task.soft_target[rows],
        sample_weight=None if task.sample_weight is None else task.sample_weight[rows],
        class_mask=mask,
    )
    return replace(part, task=task, choices=choices)


# One piece ----------------------------------------------------------------------------------


def _scanned(x: Tensor, part: SoftmaxSlice) -> SliceState:
    # a slice has but some of the class weights, and rows are not looked at for them
    row = look(x, replace(part.task, class_weight=None))
    view, s = row.softmax, _mass_on(x, part)
    peak, at_peak, but_peak = _split(s, view.odds.dtype)
    mass = at_peak + but_peak
    possible = ~(view.at_top == -torch.inf)  # NaN as well: it is to stay in its row
    gap = view.at_top - view.second
    found = (
        view.at_top,
        torch.where(possible, view.top + part.first, -1),
        torch.where(possible, view.odds, 0.0),
        torch.where(possible, _terms(view, gap), 0.0),
        torch.where(possible, _spread(view, s, gap), torch.where(mass == 0, 0.0, torch.inf)),
        mass,
        peak + part.first,
        at_peak,
        but_peak,
    )
    state = SliceState(*(each.squeeze(-1) for each in found))
    kept = part.kept()
    if kept is None:
        return state
    none = empty_state(len(x), x)
    return SliceState(*(torch.where(kept, a, b) for a, b in zip(state, none, strict=True)))


def _split(s: Tensor, wide: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return the class with the most mass, its mass and that of all others."""
    peak = s.argmax(dim=-1, keepdim=True)
    is_peak = torch.arange(s.shape[-1], device=s.device) == peak
    others = torch.where(is_peak, 0.0, s).sum(dim=-1, keepdim=True, dtype=wide)
    return peak, s.gather(-1, peak).to(wide), others


def _terms(view: Softmax, gap: Tensor) -> Tensor:
    below = torch.where(view.e == 0, 0.0, view.below)
    terms = (view.e * below).sum(dim=-1, keepdim=True, dtype=gap.dtype)
    return (terms + view.e.sum(dim=-1, keepdim=True, dtype=gap.dtype) * gap) * view.ratio


def _spread(view: Softmax, s: Tensor, gap: Tensor) -> Tensor:
    others = torch.where(view.is_top, 0.0, s)
    below = torch.where((view.below == torch.inf) & (others == 0), 0.0, view.below)
    spread = (others * below).sum(dim=-1, keepdim=True, dtype=gap.dtype)
    return spread + others.sum(dim=-1, keepdim=True, dtype=gap.dtype) * gap


def _slopes(x: Tensor, part: SoftmaxSlice, state: SliceState, row_scale: Tensor) -> Tensor:
    """Return the gradient of rows, of which x holds some classes, in the dtype of x."""
    task, own, kept = part.task, own_dtype(x.dtype), part.kept()
    state = SliceState(*(each.unsqueeze(-1) for each in state))
    s, x = _mass_on(x, part), x.to(own)
    if task.class_mask is not None:
        x = torch.where(task.class_mask, x, 0.0)
    z = x if task.softcap is None else capped(x, task.softcap)
    if task.temperature != 1:
        z = z.to(wide_dtype(x)) / task.temperature
    delta, lost = difference(z, state.top, own)
    e = torch.exp(delta)
    p_top = 1 / (1 + state.odds)
    p = (e + e * lost) * p_top.to(own)

    growth = 2 * task.z_loss * (state.top + torch.log1p(state.odds)) if task.z_loss else 0.0
    is_top = torch.arange(part.first, part.first + x.shape[1], device=x.device) == state.arg
    at_top = torch.where(is_top, s, 0.0).sum(dim=-1, keepdim=True, dtype=state.mass.dtype)
    others = torch.where(state.peak == state.arg, state.but_peak, state.mass - at_top)
    top = p_top * (others + growth) - at_top * (state.odds * p_top)
    slopes = torch.where(is_top, top.to(own), (state.mass + growth).to(own) * p - s)

    # infinitely likely, or nothing can happen: a GradScaler must see it
    scale = torch.where(state.top.isfinite(), row_scale.unsqueeze(-1), torch.nan).to(own)
    if task.softcap is not None:
        slopes = slopes * capped_slopes(x, task.softcap)[0].to(own)
    slopes = torch.where(scale == 0, 0.0, slopes / task.temperature * scale)
    if kept is not None:
        slopes = torch.where(kept.unsqueeze(-1), slopes, 0.0)
    if task.class_mask is not None:
        slopes = torch.where(task.class_mask, slopes, 0.0)
    return slopes


def _mass_on(x: Tensor, part: SoftmaxSlice) -> Tensor:
    """Return s of the classes in the block, (N, n), in the dtype of elements."""
    task, own = part.task, own_dtype(x.dtype)
    if task.soft_target is not None:
        s = (1 - task.label_smoothing) * task.soft_target.to(own)
    else:
        assert task.target is not None
        at = task.target.unsqueeze(-1)
        classes = torch.arange(part.first, part.first + x.shape[1], device=x.device)
        s = (classes == at).to(own) * (1 - task.label_smoothing)
        # what is no class belongs to all of the row
        s = torch.where((at >= 0) & (at < part.num_classes), s, torch.nan)
    if task.label_smoothing:
        choices = torch.as_tensor(part.choices, dtype=own, device=x.device)
        share = task.label_smoothing / choices
        if task.class_mask is not None:
            share = torch.where(task.class_mask, share, 0.0)
        s = s + share
    if task.class_weight is not None:
        s = s * task.class_weight.to(own)
    return s
