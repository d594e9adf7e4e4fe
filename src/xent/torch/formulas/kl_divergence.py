"""KL divergence between the softmaxes of two rows of logits, right for nearly equal ones.

With p = softmax(x / temperature), q = softmax(y / temperature), d_j = log p_j - log q_j,

    KL(p || q) = sum_j q_j - p_j + p_j d_j = sum_j p_j h(d_j),   h(d) = d + exp(-d) - 1 >= 0
    dKL / dy_j = (q_j - p_j) / temperature = -q_j (exp(d_j) - 1) / temperature
    dKL / dx_j = p_j (a_j - sum_k p_k a_k) / temperature,   a_j = d_j - d_M, M the arg max of p

Where p and q are near, d is not the difference of two logarithms: delta_j = x_j - y_j less
what it is at the arg max of q, over the temperature, and

    d_j = delta_j - log1p(sum_k q_k (exp(delta_k) - 1))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch.formulas._precision import own_dtype, two_difference, wide_dtype

__all__ = ["KLDivergence"]

# h(d) = d^2 (1/2! - d/3! + d^2/4! - ...) for small d: up to where, and with how many terms.
# Above, d + expm1(-d) loses 2 / d ulp, which does not show where the result is narrower.
_SERIES = {False: (0.25, 12), True: (1e-3, 4)}


@dataclass(frozen=True)
class KLDivergence:
    """KL(softmax(x / temperature) || softmax(y / temperature)) as a closed form of x and y."""

    temperature: float = 1.0

    def rows(self, logits: Sequence[Tensor]) -> Tensor:
        x, y = logits
        return _divergence(self._look(x, y)).squeeze(-1).to(_own(x, y))

    def gradient(
        self, logits: Sequence[Tensor], scale: Tensor, wanted: Sequence[bool]
    ) -> list[Tensor]:
        found = self._slopes(self._look(*logits), logits[0], wanted)
        rate = scale.unsqueeze(-1) / self.temperature
        dtypes = [each.dtype for each, want in zip(logits, wanted, strict=True) if want]
        return [(each * rate).to(dtype) for each, dtype in zip(found, dtypes, strict=True)]

    def both(self, logits: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
        own, pair = _own(*logits), self._look(*logits)
        slopes = self._slopes(pair, logits[0], wanted)
        rows = _divergence(pair).squeeze(-1)
        return [rows.to(own), *((each / self.temperature).to(own) for each in slopes)]

    def _slopes(self, pair: _Pair, x: Tensor, wanted: Sequence[bool]) -> list[Tensor]:
        """Return the gradients by the tempered x and y, wide."""
        first = [self._of_first(x, pair)] if wanted[0] else []
        return first + ([pair.difference] if wanted[1] else [])

    def _look(self, x: Tensor, y: Tensor) -> _Pair:
        own, wide = _own(x, y), torch.promote_types(wide_dtype(x), wide_dtype(y))
        x, y = x.to(wide), y.to(wide)
        p, most_x, log_x = self._softmax(x)
        q, most_y, log_y = self._softmax(y)
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
        delta = self._tempered(delta)
        moderate = delta <= 1
        growth = torch.where(
            moderate,
            q * torch.expm1(torch.where(moderate, delta, 0.0)),
            p * quotient - q,  # q_k exp(delta_k), whose factors may be 0 and infinite
        )
        growth = torch.where(near, growth.sum(dim=-1, keepdim=True), 0.0)
        d = delta - torch.where(near, torch.log1p(growth), log_x - log_y)
        return _Pair(p, d, _difference(p, q, d), delta, wide != own)

    def _of_first(self, x: Tensor, pair: _Pair) -> Tensor:
        """Return p_j (d_j - KL), from differences of logits alone."""
        top = x.detach().argmax(dim=-1, keepdim=True)
        a = pair.delta - pair.delta.gather(-1, top)
        a = torch.where(pair.p == 0, 0.0, a)  # 0 log 0
        return pair.p * (a - (pair.p * a).sum(dim=-1, keepdim=True))

    def _softmax(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the probabilities, max x, and log sum exp((x - max x) / temperature)."""
        most = x.detach().amax(dim=-1, keepdim=True)
        e = torch.exp(self._tempered(x - most))
        total = e.sum(dim=-1, keepdim=True)
        return e / total, most, torch.log(total)

    def _tempered(self, x: Tensor) -> Tensor:
        return x if self.temperature == 1 else x / self.temperature


class _Pair(NamedTuple):
    p: Tensor
    d: Tensor  # log p - log q
    difference: Tensor  # q - p
    delta: Tensor  # d up to a number of the row's own
    wider: bool  # than the result


def _own(x: Tensor, y: Tensor) -> torch.dtype:
    return torch.promote_types(own_dtype(x.dtype), own_dtype(y.dtype))


def _difference(p: Tensor, q: Tensor, d: Tensor) -> Tensor:
    """Return q - p, which is not subtracted: p expm1(-d) for d >= 0, and -q expm1(d)."""
    up = d >= 0
    # not abs, whose derivative at 0 is 0
    return torch.where(up, p, -q) * torch.expm1(-torch.where(up, d, -d))


def _divergence(pair: _Pair) -> Tensor:
    """Return sum_j q_j - p_j + p_j d_j, (..., 1); no term is negative."""
    p, d = pair.p, pair.d
    most, terms = _SERIES[pair.wider]
    small = d.abs() <= most
    near = torch.where(small, d, 0.0)
    coefficients = [(-1) ** k / math.factorial(k) for k in range(2, 2 + terms)]
    series = near * coefficients[-1]
    for coefficient in reversed(coefficients[1:-1]):
        series = (series + coefficient) * near
    series = (series + coefficients[0]) * near * near
    # where p_j is not 0, d_j is above -1500
    each = torch.where(small, p * series, pair.difference + p * d.clamp(min=-1e4))
    # a class that p has, however little, and q has not
    each = torch.where(d == torch.inf, torch.inf, each)
    return each.sum(dim=-1, keepdim=True)
