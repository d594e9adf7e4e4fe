"""Norms that rounding cannot push to the wrong side.

A sum of n terms of one sign, in any order, is off by less than ``n * eps`` of itself; a
matrix product over n terms by less than ``n * eps`` of the product of the absolute values.
A square below the normal numbers may vanish. Every bound here carries these errors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xent.torch._linear.filter.leading import Rest
from xent.torch._linear.plan import PART
from xent.torch._ops.results import computed_in

__all__ = ["columns_above", "norm_below", "rows_above", "spectral_above", "spectral_above_rest"]

_ROWS = 8  # that are squared at once
_SQUARINGS = 4
_STRIPE = 128  # rows of a symmetric product that are made at a time
_ROUNDED = 1e-9  # far above the error of any sum in float64


def columns_above(block: Tensor) -> Tensor:
    """Return the norm of each column or a little more, in float64; the block is read once."""
    rows, columns = block.shape
    sums = block.new_zeros(columns, dtype=torch.float64)
    squares = block.new_empty(min(rows, _ROWS), columns)
    for part in block.split(_ROWS):
        sums += torch.mul(part, part, out=squares[: part.shape[0]]).sum(dim=0)
    eps, least = _eps(block), _least(block)
    return sums.mul_(1 + 2 * _ROWS * eps + _ROUNDED).add_(rows * least).sqrt_()


def rows_above(rest: Rest) -> Tensor:
    """Return the norm of each row or a little more, in float64."""
    found = rest.rows.new_empty(rest.rows.shape[0], dtype=torch.float64)
    terms = rest.matrix.shape[1]
    for into, part in zip(found.split(PART), rest.parts(), strict=True):
        into.copy_(torch.linalg.vector_norm(part, dim=1))
    eps, least = _eps(rest.rows), _least(rest.rows)
    found.mul_(1 + (terms + 4) * eps).add_(math.sqrt(terms * least))
    # the rest itself is rounded: by what was taken away, and found's size
    leading = torch.linalg.vector_norm(rest.rows.double(), dim=1) * float(rest.directions.norm())
    slack = 2 * (rest.rows.shape[1] + 4) * eps
    return found.mul_(1 + slack).add_(leading, alpha=slack)


def norm_below(matrix: Tensor) -> float:
    """Return the Frobenius norm or a little less; nan and inf where the matrix has them.

    One of 16 bits stands for what was rounded to it.
    """
    if not matrix.numel():
        return 0.0
    rounded = _eps(matrix) if matrix.dtype.itemsize == 2 else 0.0
    matrix = matrix.to(computed_in(matrix.dtype))
    sure: float = 1 - (matrix.shape[1] + 4) * _eps(matrix) - rounded - _ROUNDED
    return max(sure, 0.0) * math.sqrt(_mass(matrix))


def spectral_above(matrix: Tensor) -> float:
    """Return the largest singular value or more.

    With many features, the squares of the parts of 1024 add up to a bound on the whole.
    """
    squares = 0.0
    for part in matrix.split(PART, dim=1):
        if part.shape[0] < part.shape[1]:
            gram, mass, terms = part @ part.t(), _mass(part), part.shape[1]
        else:
            gram, mass, terms = part.t() @ part, _mass(part), part.shape[0]
        squares += _largest(gram, _SQUARINGS) + _slack(gram, mass, terms)
    return math.sqrt(squares) * (1 + _ROUNDED)


def spectral_above_rest(rest: Rest, width: int = PART) -> float:
    """Return the same of a rest with many rows, from parts of `width` features.

    It takes as long as half a product with so many rows.
    """
    squares, masses = 0.0, 0.0
    rows, features = rest.matrix.shape
    for first in range(0, features, width):
        size = min(width, features - first)
        gram = rest.rows.new_zeros(size, size)
        mass = 0.0
        for part in rest.parts(slice(first, first + size)):
            mass += _mass(part)
            for begin in range(0, size, _STRIPE):  # the other half is the same
                some = slice(begin, begin + _STRIPE)
                gram[some, begin:].addmm_(part[:, some].t(), part[:, begin:])
        gram = gram.triu() + gram.triu(1).t()
        squares += _largest(gram, _SQUARINGS) + _slack(gram, mass, PART + rows // PART)
        masses += mass
    taken = math.sqrt(_mass(rest.rows)) * float(rest.directions.norm())
    slack: float = 2 * (rest.rows.shape[1] + 4) * _eps(rest.rows)
    return (math.sqrt(squares) + slack * (math.sqrt(masses) + taken)) * (1 + _ROUNDED)


def _slack(gram: Tensor, mass: float, terms: int) -> float:
    """Return what the rounding of sums of so many terms adds to a Gram matrix, at most."""
    return float((terms + 4) * _eps(gram) * mass + gram.numel() * _least(gram) * terms)


def _largest(square: Tensor, squarings: int) -> float:
    """Return the largest singular value or more: the Frobenius norm of a high power tells."""
    size = square.shape[0]
    eps, least = _eps(square), _least(square)
    norm: float = math.sqrt(_mass(square)) * (1 + (size + 4) * eps) + size * math.sqrt(least)
    if not squarings or not 0 < norm < math.inf:
        return norm
    scaled = square / norm
    # of the product with its transpose it is the square, whatever rounding did to symmetry
    found = _largest(scaled @ scaled.t(), squarings - 1)
    found += (size + 8) * eps + size**2 * size * least
    return norm * math.sqrt(found) * (1 + _ROUNDED)


def _mass(matrix: Tensor) -> float:
    """Return the sum of the squares, within ``columns * eps`` of it."""
    # rows first: their sums are short, and float64 adds them up
    return float(torch.linalg.vector_norm(matrix, dim=1).double().square().sum())


def _eps(tensor: Tensor) -> float:
    return float(torch.finfo(tensor.dtype).eps)


def _least(tensor: Tensor) -> float:
    """Return the least normal number: smaller ones may have been flushed to 0."""
    return float(torch.finfo(tensor.dtype).tiny)
