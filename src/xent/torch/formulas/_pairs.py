"""Two softmaxes of logits, and how far apart they are: right for nearly equal ones.

With p = softmax(x / temperature) and q = softmax(y / temperature), d_j = log p_j - log q_j is
not the difference of two logarithms where p and q are near: delta_j = x_j - y_j less what it
is at the arg max of q, over the temperature, and

    d_j = delta_j - log1p(sum_k q_k (exp(delta_k) - 1))
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch.formulas._precision import own_dtype, two_difference, wide_dtype

__all__ = ["Pair", "look", "result_of"]


class Pair(NamedTuple):
    p: Tensor
    q: Tensor
    d: Tensor  # log p - log q
    difference: Tensor  # q - p
    delta: Tensor  # d up to a number of the row's own
    wider: bool  # than the result


def result_of(x: Tensor, y: Tensor) -> torch.dtype:
    return torch.promote_types(own_dtype(x.dtype), own_dtype(y.dtype))


def look(x: Tensor, y: Tensor, temperature: float) -> Pair:
    own, wide = result_of(x, y), torch.promote_types(wide_dtype(x), wide_dtype(y))
    x, y = x.to(wide), y.to(wide)
    p, most_x, log_x = _softmax(x, temperature)
    q, most_y, log_y = _softmax(y, temperature)
    raw, lost = two_difference(x, y) if wide == own else (x - y, None)
    # a class that neither has is no difference; other rows with nan have nan in p or in q
    raw = torch.where(raw.isnan(), 0.0, raw)

    top = y.detach().argmax(dim=-1, keepdim=True)
    p_top, q_top = p.gather(-1, top), q.gather(-1, top)
    # exp(delta) summed over q is q_M / p_M; near 1 its logarithm is that of the sum
    quotient = q_top.detach() / p_top.detach()
    near = (quotient - 1).abs() <= 0.5
    quotient = torch.where(near, q_top / torch.where(near, p_top, 1.0), 1.0)
    base = torch.where(near, raw.gather(-1, top), most_x - most_y)
    delta = raw - base
    if lost is not None:
        delta = delta + torch.where(near, lost - lost.gather(-1, top), lost)
    # divided last, so that nearly equal logits are subtracted without an error
    delta = _tempered(delta, temperature)
    moderate = delta <= 1
    growth = torch.where(
        moderate,
        q * torch.expm1(torch.where(moderate, delta, 0.0)),
        p * quotient - q,  # q_k exp(delta_k), whose factors may be 0 and infinite
    )
    growth = torch.where(near, growth.sum(dim=-1, keepdim=True), 0.0)
    d = delta - torch.where(near, torch.log1p(growth), log_x - log_y)
    return Pair(p, q, d, _difference(p, q, d), delta, wide != own)


def _softmax(x: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the probabilities, max x, and log sum exp((x - max x) / temperature)."""
    most = x.detach().amax(dim=-1, keepdim=True)
    e = torch.exp(_tempered(x - most, temperature))
    total = e.sum(dim=-1, keepdim=True)
    return e / total, most, torch.log(total)


def _tempered(x: Tensor, temperature: float) -> Tensor:
    return x if temperature == 1 else x / temperature


def _difference(p: Tensor, q: Tensor, d: Tensor) -> Tensor:
    """Return q - p, which is not subtracted: p expm1(-d) for d >= 0, and -q expm1(d)."""
    up = d >= 0
    # not abs, whose derivative at 0 is 0
    return torch.where(up, p, -q) * torch.expm1(-torch.where(up, d, -d))
