"""A matrix without its leading directions, which are few and carry much of its norm.

The rows of a language model's head share a mean, and the frequency of their tokens lies along
some direction. Beside such directions ``B`` a matrix is ``W = (W B^T) B + rest``, whatever B
is: a product with the first part costs next to nothing, and the rest is what bounds are of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from xent.torch._linear.plan import PART
from xent.torch._ops.results import computed_in

__all__ = ["Rest"]

_DIRECTIONS = 4
_ROUNDS = 3  # of subspace iteration: any directions serve, good ones serve better
_SAMPLE = 4096  # rows that it looks at


class Rest:
    """``matrix - rows @ directions``, made a part at a time and never whole.

    Attributes
    ----------
    matrix : Tensor, shape (V, D)
    rows : Tensor, shape (V, k)
    directions : Tensor, shape (k, D)
    guess : float
        About the largest singular value of the rest, or more; no bound.
    """

    def __init__(self, matrix: Tensor, directions: int = _DIRECTIONS) -> None:
        self.matrix = matrix
        self.wide = computed_in(matrix.dtype)
        self.directions, self.guess = self._leading(min(directions, matrix.shape[1]))
        self.rows = torch.cat([self._along(part.to(self.wide)) for part in matrix.split(PART)])

    def at(self, rows: Tensor) -> Tensor:
        """Return these rows of the rest."""
        part = self.matrix.index_select(0, rows).to(self.wide)
        return part.addmm_(self.rows.index_select(0, rows), self.directions, alpha=-1)

    def parts(self, features: slice = slice(None)) -> Iterator[Tensor]:
        """Yield the rest, some rows with these features at a time."""
        directions = self.directions[:, features]
        for part, rows in zip(self.matrix.split(PART), self.rows.split(PART), strict=True):
            yield torch.addmm(part[:, features].to(self.wide), rows, directions, alpha=-1)

    def leading_product(self, block: Tensor) -> Tensor:
        """Return ``block @ (matrix - rest)``."""
        # the slim side first: a product with few columns is slow
        along = self.rows.t().contiguous() @ block.t()
        return along.t() @ self.directions

    def _along(self, part: Tensor) -> Tensor:
        return torch.nn.functional.linear(part, self.directions)

    def _leading(self, count: int) -> tuple[Tensor, float]:
        """Return directions of a sample that carry much, and about what the next one would."""
        classes, features = self.matrix.shape
        sample = self.matrix[:: -(-classes // _SAMPLE)].to(self.wide)
        draw = torch.Generator().manual_seed(0)
        start = torch.randn(features, count, generator=draw)
        found = start.to(self.matrix.device, self.wide)
        sizes = found.new_ones(count)
        for _ in range(_ROUNDS):
            found = torch.linalg.qr(found).Q.t().contiguous()
            along = torch.nn.functional.linear(sample, found)
            found = (along.t() @ sample).t()
            sizes = found.norm(dim=0)
        guess = math.sqrt(float(sizes.min()) * classes / len(sample)) if count else 0.0
        return torch.linalg.qr(found).Q.t().contiguous(), guess
