"""Entropy of the softmax of logits: with M the arg max and a_j = (x_M - x_j) / temperature,

    H = log1p(tau) + sum_{j != M} p_j a_j                no term is negative
    dH / dx_j = p_j (a_j - sum_{k != M} p_k a_k) / temperature

which is -p_j (log p_j + H), without the logarithms that meet there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xent.torch.formulas._precision import own_dtype, wide_dtype
from xent.torch.formulas._softmax import Softmax, softmax

__all__ = ["SoftmaxEntropy", "entropy"]


def entropy(row: Softmax) -> Tensor:
    """Return -sum_j p_j log p_j of rows that were looked at, (..., 1)."""
    p, behind = _behind(row)
    return row.small + (p * behind).sum(dim=-1, keepdim=True)


@dataclass(frozen=True)
class SoftmaxEntropy:
    """The entropy as a closed form."""

    temperature: float = 1.0

    def rows(self, logits: Sequence[Tensor]) -> Tensor:
        return entropy(self._look(logits[0])).squeeze(-1).to(own_dtype(logits[0].dtype))

    def gradient(
        self, logits: Sequence[Tensor], scale: Tensor, wanted: Sequence[bool]
    ) -> list[Tensor]:
        (x,) = logits
        slopes = _slopes(self._look(x)) * (scale.unsqueeze(-1) / self.temperature)
        return [slopes.to(x.dtype)]

    def both(self, logits: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
        own, row = own_dtype(logits[0].dtype), self._look(logits[0])
        rows = entropy(row).squeeze(-1).to(own)
        return [rows, (_slopes(row) / self.temperature).to(own)] if wanted[0] else [rows]

    def _look(self, x: Tensor) -> Softmax:
        # elements wide as well: a_j multiplies the rounding of a denormal p_j
        wide = wide_dtype(x)
        return softmax(x.to(wide), wide, self.temperature)


def _slopes(row: Softmax) -> Tensor:
    """Return p_j (a_j - sum_k p_k a_k), wide."""
    p, behind = _behind(row)
    mean = (p * behind).sum(dim=-1, keepdim=True)
    return torch.where(row.is_top, row.p_top, p) * (behind - mean)


def _behind(row: Softmax) -> tuple[Tensor, Tensor]:
    """Return p_j and a_j, wide; both 0 at M, and where a class cannot happen."""
    wide = row.odds.dtype
    possible = ~row.is_top & (row.below != torch.inf)
    behind = row.below.to(wide) + (row.at_top - row.second)
    p = row.e.to(wide) * (row.ratio / (1 + row.odds))
    return torch.where(possible, p, 0.0), torch.where(possible, behind, 0.0)
