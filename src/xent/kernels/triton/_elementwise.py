"""Kernels over all elements or rows at once: a gradient's scale, weights, bad targets."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
import triton
import triton.language as tl

from xent.kernels.triton._rows import read_target, read_weights, times_class_weight


@triton.jit
def scale_kernel(
    gradient,  # [n]
    factor,  # [1]
    out,  # [n], may be the gradient
    n,
    BLOCK: tl.constexpr,
    IN_PLACE: tl.constexpr,
):
    by = tl.load(factor)
    # nobody waited to see it: in the usual case, where it is 1, nothing is read or written
    if not (IN_PLACE and by == 1.0):
        index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
        g = tl.load(gradient + index, mask=index < n)
        wide = tl.float64 if g.dtype == tl.float64 else tl.float32
        scaled = g.to(wide) * by.to(wide)
        tl.store(out + index, scaled.to(g.dtype), mask=index < n)


@triton.jit
def weight_kernel(
    target,  # [n] int64, or None
    class_weight,  # [C] or None
    sample_weight,  # [n] or None
    parts,  # [programs] float64 out
    n,
    num_classes,
    ignore_index,
    HAS_IGNORE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    w, kept = read_weights(sample_weight, index, index < n)
    if target is not None:
        y = tl.load(target + index, mask=kept, other=0)
        if HAS_IGNORE:
            kept = kept & (y != ignore_index)
        w = times_class_weight(w, class_weight, tl.where(kept & (y < num_classes), y, -1))
    tl.store(parts + tl.program_id(0), tl.sum(tl.where(kept, w, 0.0), axis=0))


@triton.jit
def target_kernel(
    target,  # [n] int64
    sample_weight,  # [n] or None
    faults,  # [3] int64
    n,
    num_classes,
    ignore_index,
    HAS_IGNORE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    _, kept = read_weights(sample_weight, rows, rows < n)
    read_target(target, faults, rows, kept, num_classes, ignore_index, HAS_IGNORE)
