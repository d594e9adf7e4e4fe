r"""Gradient products that leave out columns of a block, under a certificate.

The gradient G of a block of logits is nearly nothing in most columns, once a model is
trained: classes that no row of the block takes for likely. Leaving out the columns S changes

    gradient of the hidden states, G W     by  G_S W_S,    at most ||G_S|| ||W_S||_2
                                                           and sum_c ||g_c|| ||w_c||
    gradient of the weight, G^T X          by  G_S^T X,    at most ||g_c|| ||X||_2 in row c

in the Frobenius norm, with ||.||_2 the largest singular value. W stands here for what is left
of the weight beside a few leading directions, whose products are never left out.

Rows of the hidden states' gradient belong to one block, which is certified while it is
there, or made up for. A row of the weight's gradient has parts from all blocks, whose errors
add up; the norm that they are held against is known at the end. So each block may spend its
share of what the norm so far allows, that norm is taken again after 1, 2, 4, ... blocks, and
the last word is spoken by the whole: if that fails, nothing is certified, and the caller
computes that gradient again.

The bounds are of what is left out. Rounding is beside them, as without a filter.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch._linear.filter.leading import Rest
from xent.torch._linear.filter.norms import (
    columns_above,
    norm_below,
    rows_above,
    spectral_above,
    spectral_above_rest,
)
from xent.torch._linear.plan import PART, Plan
from xent.torch._linear.products import Operands, Sums, Wanted
from xent.torch._ops.results import computed_in

__all__ = ["Filtered"]

_MOST = 0.8  # of the columns: to gather more of them costs what it saves
_WIDTHS = (PART // 16, PART // 8, PART // 4, PART // 2, PART)
_SIZES = 2048  # eight to an octave, of all that float32 holds
_ROUNDED = 1 + 1e-9  # sums in float64


class Filtered:
    """Products of one walk that leave out columns.

    Attributes
    ----------
    error : float
        Bound on the relative error of the gradients that `finish` and `add` returned.
    left_out : tuple of float
        Shares of the products for hidden states and weight that were not computed.
    """

    def __init__(
        self,
        products: Sums,
        operands: Operands,
        wanted: Wanted,
        plan: Plan,
        tolerance: float,
    ) -> None:
        self.products = products
        self.tolerance = tolerance
        self.classes = operands.weight.shape[0]
        self.wide = computed_in(operands.weight.dtype)
        self.of_hidden: _HiddenCertificate | None = None
        self.of_weight: _WeightCertificate | None = None
        if wanted.hidden:
            self.of_hidden = _HiddenCertificate(Rest(operands.weight), tolerance, plan)
        if wanted.weight:
            self.of_weight = _WeightCertificate(operands.weight, tolerance, plan.blocks)
        self.error = 0.0
        self._skipped = [0, 0]
        self._rows = 0

    def logits(self, hidden: Tensor) -> Tensor:
        return self.products.logits(hidden)

    def add(self, block: Tensor, hidden: Tensor) -> Tensor | None:
        """Add the gradients of a block of logits; return that of its hidden states."""
        self.products.add_bias(block)
        if self.of_hidden is None and self.of_weight is None:
            return None
        self._rows += len(block)
        columns = _Columns(columns_above(block))
        hides = None if self.of_hidden is None else self.of_hidden.choose(columns)
        drops = None
        if self.of_weight is not None:
            drops = self.of_weight.choose(columns, hidden.to(self.wide))
            if drops is None:
                self.products.add_weight(block, hidden)
        d_hidden = None
        if self.of_hidden is not None:
            if hides is None:
                d_hidden = self.products.hidden_gradient(block)
            else:
                d_hidden = self.of_hidden.rest.leading_product(block)
        self._multiply_kept(block, hidden, d_hidden, hides, drops)
        self._certify(block, hidden, columns, d_hidden, hides, drops)
        return d_hidden

    def finish(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of weight and bias; None for what cannot be certified."""
        d_weight, d_bias = self.products.finish()
        if self.of_hidden is not None:
            self.error = self.of_hidden.bound()
        if self.of_weight is not None:
            error = self.of_weight.bound(self.products.weight_sum())
            if error is None:
                return None, d_bias
            self.error = max(self.error, error)
        return d_weight, d_bias

    @property
    def left_out(self) -> tuple[float, float]:
        whole = max(1, self._rows * self.classes)
        return self._skipped[0] / whole, self._skipped[1] / whole

    def _multiply_kept(
        self,
        block: Tensor,
        hidden: Tensor,
        d_hidden: Tensor | None,
        hides: Choice | None,
        drops: Choice | None,
    ) -> None:
        """Add the products of the columns that were not left out, each gathered once."""
        if hides is None or drops is None:
            if hides is not None:
                self._multiply(block, hidden, ~hides.mask, d_hidden, False)
            if drops is not None:
                self._multiply(block, hidden, ~drops.mask, None, True)
            return
        self._multiply(block, hidden, ~(hides.mask | drops.mask), d_hidden, True)
        self._multiply(block, hidden, drops.mask & ~hides.mask, d_hidden, False)
        self._multiply(block, hidden, hides.mask & ~drops.mask, None, True)

    def _multiply(
        self,
        block: Tensor,
        hidden: Tensor,
        mask: Tensor,
        d_hidden: Tensor | None,
        weight: bool,
    ) -> None:
        """Add the products of these columns to the gradients."""
        wide = hidden.to(self.wide) if weight else None
        for some in mask.nonzero().squeeze(1).split(PART):
            gradient = block.index_select(1, some)
            if d_hidden is not None:
                assert self.of_hidden is not None
                d_hidden.addmm_(gradient, self.of_hidden.rest.at(some))
            if wide is not None:
                self.products.weight_sum().index_add_(0, some, gradient.t() @ wide)

    def _certify(
        self,
        block: Tensor,
        hidden: Tensor,
        columns: _Columns,
        d_hidden: Tensor | None,
        hides: Choice | None,
        drops: Choice | None,
    ) -> None:
        """Make up for what was left out, where that turns out to be too much."""
        if self.of_hidden is not None:
            assert d_hidden is not None
            if self.of_hidden.accepts(d_hidden, columns, hides):
                self._skipped[0] += len(block) * (0 if hides is None else hides.classes)
            else:
                assert hides is not None
                self._multiply(block, hidden, hides.mask, d_hidden, False)
                self.of_hidden.accepts(d_hidden, columns, None)
        if self.of_weight is not None:
            if self.of_weight.accepts(self.products.weight_sum(), columns, drops):
                self._skipped[1] += len(block) * (0 if drops is None else drops.classes)
            elif drops is not None:
                self._multiply(block, hidden, drops.mask, None, True)


class Choice(NamedTuple):
    """Columns to leave out."""

    mask: Tensor  # (V,), True where
    classes: int  # how many
    cost: float  # bound on the norm of what that changes


class _Columns:
    """The columns of a block by their norms, in steps of an eighth of an octave."""

    def __init__(self, norms: Tensor) -> None:
        self.norms = norms
        self.total = float(norms.square().sum().sqrt())
        if math.isfinite(self.total):
            # floats that are not negative are in the order of their bits
            self.sizes = norms.float().view(torch.int32) >> 20
            self.counts = torch.bincount(self.sizes, minlength=_SIZES).cumsum(0)
            self.squares = self.sums(norms.square())

    def sums(self, each: Tensor) -> Tensor:
        """Return the sums over all columns up to each size."""
        return torch.bincount(self.sizes, weights=each, minlength=_SIZES).cumsum(0)

    def smallest(self, costs: Tensor, allowance: float) -> Choice | None:
        """Return as many of the smallest columns as the allowance pays for; None if too few."""
        sizes = int((costs * _ROUNDED <= allowance).sum())
        count = int(self.counts[sizes - 1]) if sizes else 0
        if count < (1 - _MOST) * len(self.norms):
            return None
        return Choice(self.sizes < sizes, count, float(costs[sizes - 1]) * _ROUNDED)


class _HiddenCertificate:
    """What may be left out of the gradient of the hidden states, block by block."""

    def __init__(self, rest: Rest, tolerance: float, plan: Plan) -> None:
        self.rest = rest
        self.lengths = rows_above(rest)
        self.tolerance = tolerance
        self.rows_left = plan.rows * plan.blocks
        self.rows = plan.rows
        self.spectral: float | None = None
        # norm of the gradient in norms of the block's: a guess, until blocks tell
        self.gain = float(self.lengths.square().mean().sqrt())
        self.margin = 0.7
        self.errors = self.squares = 0.0

    def choose(self, columns: _Columns) -> Choice | None:
        if not math.isfinite(columns.total):
            return None
        allowance = self.tolerance / (1 + self.tolerance) * self.margin
        allowance *= self.gain * columns.total
        costs = columns.sums(columns.norms * self.lengths)
        found = columns.smallest(costs, allowance)
        if self.spectral is None:
            width = self._width(columns, costs, allowance, found)
            if width is not None:
                self.spectral = spectral_above_rest(self.rest, width)
        if self.spectral is not None and math.isfinite(self.spectral):
            costs = torch.minimum(costs, self.spectral * columns.squares.sqrt())
            found = columns.smallest(costs, allowance)
        self.rows_left -= self.rows
        return found

    def _width(
        self, columns: _Columns, costs: Tensor, allowance: float, found: Choice | None
    ) -> int | None:
        """Return from how wide parts a bound of the largest singular value pays, if it does.

        Wide parts give a good bound and take long.
        """
        classes, features = self.rest.matrix.shape
        before = found.classes if found else 0
        gains = {}
        for width in _WIDTHS:
            guess = self.rest.guess * math.sqrt(-(-features // width))
            if not math.isfinite(guess):
                return None
            best = columns.smallest(torch.minimum(costs, guess * columns.squares.sqrt()), allowance)
            saved = ((best.classes if best else 0) - before) / classes
            gains[width] = saved * self.rows_left - min(width, features)
        most = max(gains, key=lambda width: gains[width])
        return most if gains[most] > 0 else None

    def accepts(self, d_hidden: Tensor, columns: _Columns, left_out: Choice | None) -> bool:
        """Return whether the error of this block is small beside its gradient; note both."""
        norm = norm_below(d_hidden)
        error = 0.0 if left_out is None else left_out.cost
        certain = error == 0 or (
            math.isfinite(norm) and error * _ROUNDED**2 <= self.tolerance * (norm - error)
        )
        if not certain:
            self.margin /= 2
            return False
        if math.isfinite(norm):
            self.errors += error**2
            self.squares += norm**2
            if 0 < columns.total < math.inf:
                self.gain = norm / columns.total
        return True

    def bound(self) -> float:
        found = _relative(math.sqrt(self.errors), math.sqrt(self.squares), self.tolerance)
        assert found is not None, "every block was certified"
        return found


class _WeightCertificate:
    """What may be left out of the gradient of the weight, which all blocks add to."""

    def __init__(self, weight: Tensor, tolerance: float, blocks: int) -> None:
        self.tolerance = tolerance
        self.blocks = blocks
        self.seen = 0
        self.errors = weight.new_zeros(weight.shape[0], dtype=torch.float64)  # of each row
        self.spent = 0.0  # their norm
        self.norm: float | None = None  # of the gradient so far, where it is known
        self.allowed: float | None = None
        self.spectral = math.nan  # of the block's hidden states

    def choose(self, columns: _Columns, hidden: Tensor) -> Choice | None:
        self.spectral = spectral_above(hidden)
        if not math.isfinite(columns.total + self.spectral):
            return None
        if self.allowed is None:
            # as if the gradients of the rows were at right angles
            length = norm_below(hidden) / math.sqrt(len(hidden))
            self.allowed = self.tolerance / (1 + self.tolerance) * columns.total * length / 2
        share = (self.allowed - self.spent) / (self.blocks - self.seen)
        return columns.smallest(self.spectral * columns.squares.sqrt(), share)

    def accepts(self, d_weight: Tensor, columns: _Columns, left_out: Choice | None) -> bool:
        """Return whether no more than the share of the blocks so far is spent; note it."""
        self.seen += 1
        self.norm = None
        errors = self.errors
        if left_out is not None:
            errors = errors + torch.where(left_out.mask, self.spectral * columns.norms, 0.0)
        spent = float(errors.square().sum().sqrt()) * _ROUNDED
        is_last = self.seen >= self.blocks
        if is_last or self.seen & (self.seen - 1) == 0:
            self.norm = norm_below(d_weight)
            # a little is kept back for what later blocks cancel
            self.allowed = self.tolerance / (1 + self.tolerance) * self.norm
            self.allowed *= 1 / _ROUNDED if is_last else 0.9
            if left_out and not spent <= self.allowed * self.seen / self.blocks:
                self.norm = None
                return False
        self.errors, self.spent = errors, spent
        return True

    def bound(self, d_weight: Tensor) -> float | None:
        if not self.spent:
            return 0.0
        norm = norm_below(d_weight) if self.norm is None else self.norm
        return _relative(self.spent, norm, self.tolerance)


def _relative(error: float, norm: float, tolerance: float) -> float | None:
    """Return a bound on the relative error of a gradient that was found with this norm."""
    if error == 0:
        return 0.0
    if not (norm < math.inf and error * _ROUNDED <= tolerance * (norm - error)):
        return None
    return min(error / (norm - error) * _ROUNDED, tolerance)
