"""Jensen-Shannon divergence between the softmaxes of two rows of logits, right for near ones.

With p = softmax(x / temperature), q = softmax(y / temperature), m = (p + q) / 2, d_j = log p_j
- log q_j and s_j = (p_j - q_j) / (p_j + q_j) = tanh(d_j / 2),

    JS = KL(p || m) / 2 + KL(q || m) / 2 = sum_j m_j B(s_j) / 2
    B(s) = (1 + s) log(1 + s) + (1 - s) log(1 - s) = s^2 + s^4 / 6 + s^6 / 15 + ... >= 0
    dJS / dx_j = p_j (a_j - sum_k p_k a_k) / (2 temperature),   a_j = log(p_j / m_j)
    dJS / dy_j = q_j (b_j - sum_k q_k b_k) / (2 temperature),   b_j = log(q_j / m_j)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xent.torch.formulas._pairs import Pair, look, result_of

__all__ = ["JensenShannon"]

_LOG_2 = math.log(2)
_FAR = 700.0  # nats beyond which exp is nothing beside 1


@dataclass(frozen=True)
class JensenShannon:
    """The divergence of softmax(x / temperature) and softmax(y / temperature), as a closed form."""

    temperature: float = 1.0

    def rows(self, logits: Sequence[Tensor]) -> Tensor:
        x, y = logits
        return _divergence(look(x, y, self.temperature)).to(result_of(x, y))

    def gradient(
        self, logits: Sequence[Tensor], scale: Tensor, wanted: Sequence[bool]
    ) -> list[Tensor]:
        x, y = logits
        slopes = _slopes(look(x, y, self.temperature), logits, wanted)
        rate = scale.unsqueeze(-1) / (2 * self.temperature)
        dtypes = [each.dtype for each, want in zip(logits, wanted, strict=True) if want]
        return [(each * rate).to(dtype) for each, dtype in zip(slopes, dtypes, strict=True)]

    def both(self, logits: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
        x, y = logits
        own, pair = result_of(x, y), look(x, y, self.temperature)
        slopes = _slopes(pair, logits, wanted)
        found = [(each / (2 * self.temperature)).to(own) for each in slopes]
        return [_divergence(pair).to(own), *found]


def _slopes(pair: Pair, logits: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
    sides = [(pair.p, -pair.d, logits[0]), (pair.q, pair.d, logits[1])]
    return [_slope(*side) for side, want in zip(sides, wanted, strict=True) if want]


def _slope(p: Tensor, d: Tensor, x: Tensor) -> Tensor:
    """Return p_j (l_j - sum_k p_k l_k), l the log of p over the mean, d = log(other) - log p."""
    d = d.clamp(-_FAR, _FAR)
    top = x.detach().argmax(dim=-1, keepdim=True)
    # where the two have little in common, the logarithms are log 2 less something tiny
    origin = _LOG_2 * (d.detach().gather(-1, top).abs() > 1).to(d.dtype)
    log_ratio = _log_of_mean(d, origin)
    above = log_ratio - log_ratio.gather(-1, top)
    return p * (above - (p * above).sum(dim=-1, keepdim=True))


def _log_of_mean(d: Tensor, origin: Tensor) -> Tensor:
    """Return -log((1 + exp(d)) / 2) - origin, where small not the difference of two logarithms."""
    near = d.abs() <= 1
    half = torch.where(near, d, 0.0) / 2
    close = half + torch.log1p(torch.sinh(half).square()) / 2
    far = torch.logaddexp(d, torch.zeros_like(d))
    return torch.where(near, -close - origin, (_LOG_2 - origin) - far)


def _divergence(pair: Pair) -> Tensor:
    a = pair.d.abs().clamp(max=_FAR)
    less, e = torch.expm1(-a), torch.exp(-a)
    total = 2 + less  # (p + q) / the larger of the two
    s = -less / total
    z = s.square()
    series = torch.zeros_like(z)
    for k in range(10, 0, -1):
        series = series * z + 1 / (k * (2 * k - 1))
    b = torch.where(a <= 0.35, series * z, 2 * torch.log1p(s) - 2 * a * e / total)
    larger = torch.where(pair.d >= 0, pair.p, pair.q)
    return (larger * total * b / 4).sum(dim=-1)
