# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Rows of class targets: who is ahead of the target, and what a row comes to once it is read."""

import triton
import triton.language as tl

from xent.kernels.triton._rows import (
    gradient_factor,
    one_thread_a_row,
    times_class_weight,
    write_cost,
    write_statistics,
)
from xent.kernels.triton._scalars import entropy_of, lse_above, scalars


@triton.jit
def count_rows(sample, class_weight, y, kept, HAS_Z: tl.constexpr, HAS_HIT: tl.constexpr):
    """Return what each row counts, which rows are read, and their class (-1 of others).

    A class of weight 0 has no loss, but it has a z-loss, and statistics: for these it is read.
    """
    counted = times_class_weight(sample, class_weight, y)
    if class_weight is not None and not HAS_Z and not HAS_HIT:
        kept = kept & (counted != 0)
        y = tl.where(kept, y, -1)
    return counted, kept, y


@triton.jit
def hush(g, raw, silent):
    """Return gradient and logits of a block: 0 in silent rows, read for statistics alone.

    What such a row holds may be NaN. `silent` is None where no row is.
    """
    if silent is not None:
        g = tl.where(silent[:, None], 0.0, g)
        raw = tl.where(silent[:, None], 0.0, raw)
    return g, raw


@triton.jit
def any_ahead(x, cols, x_y, y):
    """Return 1 for a row in which a class is ahead of y, larger or as large and before it."""
    before = (x == x_y[:, None]) & (cols[None, :] < y[:, None])
    return tl.max(((x > x_y[:, None]) | before).to(tl.int32), axis=1)


@triton.jit
def finish_rows(
    nll, weight, plain, lse, entropy, hit,  # where to; None where nobody asks
    m, total, x_y, spread, right,  # what was found by reading the rows
    rows, counted, sample, gradient_scale, row_scale, z_loss, HAS_Z: tl.constexpr,
):  # fmt: skip
    """Write the numbers of each row; return its gradient at y, and that of the others over e."""
    m, total, x_y = one_thread_a_row(m), one_thread_a_row(total), one_thread_a_row(x_y)
    loss, p, not_p, factor = scalars(m, total, x_y)
    log_sum = None
    uncertainty = None
    if HAS_Z or lse is not None or entropy is not None:
        above, log_sum = lse_above(m, total, x_y, loss)
    if entropy is not None:
        uncertainty = entropy_of(p, not_p, loss, above, factor, spread)
    write_statistics(plain, lse, entropy, hit, rows, loss, log_sum, uncertainty, right)
    cost = counted * loss
    if HAS_Z or hit is not None:
        # a class of weight 0 may be impossible, and 0 inf is no number
        cost = tl.where(counted == 0, 0.0, cost)
    write_cost(nll, weight, rows, cost, counted, sample, log_sum, z_loss, HAS_Z)

    scale = gradient_factor(counted, rows, gradient_scale, row_scale)
    scale = tl.where(rows.bad, float("nan"), scale)
    at_y = -not_p * scale
    of_others = scale
    if HAS_Z:
        z_scale = gradient_factor(sample, rows, gradient_scale, row_scale)
        z_scale *= tl.where(rows.kept, 2.0 * z_loss * log_sum, 0.0)
        at_y += p * z_scale
        of_others += z_scale
    return at_y, factor * of_others
