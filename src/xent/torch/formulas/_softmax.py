"""A row of logits seen from its most likely class, without a subtraction of near equals.

With M the arg max, m the maximum of the other classes and S the sum of exp(x_k - m) over
them, everything follows from the odds of "not M", tau = S exp(m - x_M) <= C - 1:

    -log p_M = log1p(tau)                       "small"
    lse - m  = x_M - m + log1p(tau)             "large", for tau <= 1
             = log S + log1p(1 / tau)           and above
    -log p_j = (lse - m) + (m - x_j)            for j != M; no term is negative

m and the place of M are constants of autograd. What automatic differentiation makes of
these lines subtracts no near equals either: d large / d x_M is 1 / (1 + tau) or
1 - tau / (1 + tau) >= 1/2, each where it is right.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch.formulas._precision import difference, two_difference, wide_dtype
from xent.torch.formulas._shared import classes_of

__all__ = ["Softmax", "capped", "capped_slopes", "softmax"]


class Softmax(NamedTuple):
    """Rows have a last axis of length 1 here, and are wide; elements are in their own dtype."""

    top: Tensor  # M, int64
    is_top: Tensor  # elements: True at M
    below: Tensor  # elements: m - x_j; inf at M, which is no element of the others
    e: Tensor  # elements: exp(x_j - m); 0 at M
    at_top: Tensor  # x_M
    second: Tensor  # m
    ratio: Tensor  # exp(m - x_M)
    odds: Tensor  # tau
    small: Tensor  # -log p_M
    large: Tensor  # lse - m

    @property
    def lse(self) -> Tensor:
        return torch.where(self.odds > 1, self.second + self.large, self.at_top + self.small)

    @property
    def p_top(self) -> Tensor:
        return 1 / (1 + self.odds)

    @property
    def not_top(self) -> Tensor:
        """1 - p_M."""
        return self.odds / (1 + self.odds)

    @property
    def p_others(self) -> Tensor:
        """Elements: p_j; 0 at M."""
        return self.e * (self.ratio / (1 + self.odds)).to(self.e.dtype)


def softmax(x: Tensor, own: torch.dtype, temperature: float = 1.0) -> Softmax:
    """Look at ``x / temperature``, classes last, whose elements are to be of dtype `own`."""
    wide = wide_dtype(x)
    top = x.detach().argmax(dim=-1, keepdim=True)
    is_top = classes_of(x) == top
    at_top = x.gather(-1, top)
    # infinitely likely: a GradScaler must see it, in the gradient of M too
    at_top = at_top + torch.where(at_top.detach() == torch.inf, torch.nan, 0.0)

    others = torch.where(is_top, -torch.inf, x)
    second = others.detach().amax(dim=-1, keepdim=True)
    # nothing beside M can happen; any other finite m would do
    second = torch.where(second == -torch.inf, at_top.detach(), second)

    delta, lost = difference(others, second, own)
    gap, gap_lost = two_difference(at_top.to(wide), second.to(wide))
    if temperature != 1:
        delta, lost = delta / temperature, lost / temperature
        gap, gap_lost = gap / temperature, gap_lost / temperature
        at_top, second = at_top / temperature, second / temperature
    at_top, second = at_top.to(wide), second.to(wide)
    e = torch.exp(delta)
    e = e + e * lost
    total = e.sum(dim=-1, keepdim=True, dtype=wide)  # S
    # the ratio may be denormal where S times it is not: its root keeps the digits
    root = torch.exp(-0.5 * gap)
    root = root - root * (0.5 * gap_lost)

    odds = total * root * root
    small = torch.log1p(odds)
    likely_others = odds > 1
    some_odds = torch.where(likely_others, odds, 1.0)
    some_total = torch.where(likely_others, total, 1.0)
    large = torch.where(
        likely_others, torch.log(some_total) + torch.log1p(1 / some_odds), gap + small
    )
    return Softmax(top, is_top, -delta, e, at_top, second, root * root, odds, small, large)


def capped(x: Tensor, softcap: float) -> Tensor:
    """Return softcap * tanh(x / softcap), one precision up where there is one."""
    sign, e, not_e = _folded(x, softcap)
    return softcap * sign * (not_e / (1 + e))


def capped_slopes(x: Tensor, softcap: float) -> tuple[Tensor, Tensor]:
    """Return the first and the second derivative of `capped`."""
    sign, e, not_e = _folded(x, softcap)
    slope = 4 * e / (1 + e) ** 2  # 1 - tanh^2, which cancels
    return slope, -2 / softcap * sign * (not_e / (1 + e)) * slope


def _folded(x: Tensor, softcap: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sign of z = x / softcap, exp(-2 |z|), and 1 minus it."""
    z = x.to(wide_dtype(x)) / softcap
    # not abs, whose derivative at 0 is 0
    sign = torch.where(z < 0, -1.0, 1.0).to(z.dtype)
    a = sign * z
    e = torch.exp(-2 * a)
    # torch differentiates expm1 as expm1 + 1, which cancels where e is small
    small = a < 0.25
    return sign, e, torch.where(small, -torch.expm1(-2 * torch.where(small, a, 0.0)), 1 - e)
