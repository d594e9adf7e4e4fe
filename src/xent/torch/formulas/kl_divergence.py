"""KL divergence between the softmaxes of two rows of logits, right for nearly equal ones.

With p = softmax(x / temperature), q = softmax(y / temperature), d_j = log p_j - log q_j,

    KL(p || q) = sum_j q_j - p_j + p_j d_j = sum_j p_j h(d_j),   h(d) = d + exp(-d) - 1 >= 0
    dKL / dy_j = (q_j - p_j) / temperature = -q_j (exp(d_j) - 1) / temperature
    dKL / dx_j = p_j (a_j - sum_k p_k a_k) / temperature,   a_j = d_j - d_M, M the arg max of p
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xent.torch.formulas._pairs import Pair, look, result_of

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
        return _divergence(look(x, y, self.temperature)).squeeze(-1).to(result_of(x, y))

    def gradient(
        self, logits: Sequence[Tensor], scale: Tensor, wanted: Sequence[bool]
    ) -> list[Tensor]:
        x, y = logits
        found = self._slopes(look(x, y, self.temperature), x, wanted)
        rate = scale.unsqueeze(-1) / self.temperature
        dtypes = [each.dtype for each, want in zip(logits, wanted, strict=True) if want]
        return [(each * rate).to(dtype) for each, dtype in zip(found, dtypes, strict=True)]

    def both(self, logits: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
        x, y = logits
        own, pair = result_of(x, y), look(x, y, self.temperature)
        slopes = self._slopes(pair, logits[0], wanted)
        rows = _divergence(pair).squeeze(-1)
        return [rows.to(own), *((each / self.temperature).to(own) for each in slopes)]

    def _slopes(self, pair: Pair, x: Tensor, wanted: Sequence[bool]) -> list[Tensor]:
        """Return the gradients by the tempered x and y, wide."""
        first = [self._of_first(x, pair)] if wanted[0] else []
        return first + ([pair.difference] if wanted[1] else [])

    def _of_first(self, x: Tensor, pair: Pair) -> Tensor:
        """Return p_j (d_j - KL), from differences of logits alone."""
        top = x.detach().argmax(dim=-1, keepdim=True)
        a = pair.delta - pair.delta.gather(-1, top)
        a = torch.where(pair.p == 0, 0.0, a)  # 0 log 0
        return pair.p * (a - (pair.p * a).sum(dim=-1, keepdim=True))


def _divergence(pair: Pair) -> Tensor:
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
