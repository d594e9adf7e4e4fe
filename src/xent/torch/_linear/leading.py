"""A matrix without its leading directions, which are few and carry much of its norm.

The rows of a language model's head share a mean, and the frequency of their tokens lies along
some direction. Beside such directions ``B`` a matrix is ``W = (W B) B^T + rest``, whatever B
is: a product with the first part costs next to nothing, and the rest is what bounds are of.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from xent.torch._linear.plan import PART
from xent.torch._ops.results import computed_in

__all__ = ["Rest"]

_DIRECTIONS = 4
_ROUNDS = 3  # of subspace iteration: any directions serve, good ones serve better


class Rest:
    """``matrix - rows @ directions.T``, made a part at a time and never whole.

    Attributes
    ----------
    matrix : Tensor, shape (V, D)
    rows : Tensor, shape (V, k)
    directions : Tensor, shape (D, k)
    guess : float
        About the largest singular value of the rest, or more; no bound.
    """

    def __init__(self, matrix: Tensor, directions: int = _DIRECTIONS) -> None:
        self.matrix = matrix
        self.wide = computed_in(matrix.dtype)
        features = matrix.shape[1]
        draw = torch.Generator().manual_seed(0)
        start = torch.randn(features, min(directions, features), generator=draw)
        found = start.to(matrix.device, self.wide)
        sizes = found.new_zeros(1)
        for _ in range(_ROUNDS):
            found = self._there_and_back(torch.linalg.qr(found).Q)
            sizes = found.norm(dim=0)
        self.guess = float(sizes.min().sqrt()) if sizes.numel() else 0.0
        self.directions = torch.linalg.qr(found).Q
        self.rows = torch.cat([part.to(self.wide) @ self.directions for part in matrix.split(PART)])

    def at(self, rows: Tensor) -> Tensor:
        """Return these rows of the rest."""
        part = self.matrix.index_select(0, rows).to(self.wide)
        return part.addmm_(self.rows.index_select(0, rows), self.directions.t(), alpha=-1)

    def parts(self, features: slice = slice(None)) -> Iterator[Tensor]:
        """Yield the rest, some rows with these features at a time."""
        directions = self.directions[features].t()
        for part, rows in zip(self.matrix.split(PART), self.rows.split(PART), strict=True):
            yield torch.addmm(part[:, features].to(self.wide), rows, directions, alpha=-1)

    def _there_and_back(self, vectors: Tensor) -> Tensor:
        """Return ``matrix.T @ matrix @ vectors``."""
        sums = torch.zeros_like(vectors)
        for part in self.matrix.split(PART):
            part = part.to(self.wide)
            sums += part.t() @ (part @ vectors)
        return sums
