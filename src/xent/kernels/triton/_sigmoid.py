"""The kernel of sigmoid cross-entropy: a block of nodes a program.

    loss      v y softplus(-z) + (1 - y) softplus(z)
    gradient  (1 - y) sigmoid(z) - v y sigmoid(-z)        never sigmoid(z) - y

with one e = exp(-|z|) for all of them. A term whose coefficient is 0 is skipped, not
multiplied: 0 * inf would be NaN.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
import triton
import triton.language as tl

from xent.kernels.triton._exact import exp_element, log1p_unit, number


@triton.jit
def node_weight(weight, node, inside, inner, labels, dtype: tl.constexpr, SHAPE: tl.constexpr):
    """Return the weight of each node: SHAPE 0 for one each, 1 for one of all, 2 for labels."""
    if SHAPE == 0:
        w = tl.load(weight + node, mask=inside, other=0.0)
    elif SHAPE == 1:
        w = tl.load(weight + tl.zeros_like(node))
    else:
        w = tl.load(weight + node // inner % labels, mask=inside, other=0.0)
    return w.to(dtype)


@triton.jit
def sigmoid_kernel(
    logits,  # [n]
    target,  # [n], any real dtype
    pos_weight,  # or None
    weight,  # or None
    node_scale,  # [n] or None: multiplies the gradient of each node
    gradient_scale,  # [1] or None
    nll,  # [n] out, or None
    parts,  # [programs] float64 out, or None: sums of the losses
    gradient,  # [n] out, or None; may be the logits
    n,
    pos_inner,
    pos_labels,
    weight_inner,
    weight_labels,
    factor: tl.float64,  # multiplies the gradient
    BLOCK: tl.constexpr,
    HALF: tl.constexpr,
    WIDE: tl.constexpr,
    POS_SHAPE: tl.constexpr,
    WEIGHT_SHAPE: tl.constexpr,
):
    program = tl.program_id(0).to(tl.int64) if WIDE else tl.program_id(0)
    node = program * BLOCK + tl.arange(0, BLOCK)
    inside = node < n
    z = tl.load(logits + node, mask=inside, other=0.0)
    if HALF:
        z = z.to(tl.float32)
    T: tl.constexpr = z.dtype
    y = tl.load(target + node, mask=inside, other=0)
    # 1 - y of a wider label is taken before it is rounded
    y = y if y.dtype == tl.float64 else y.to(T)
    negative = (1.0 - y).to(T)
    positive = y.to(T)
    if pos_weight is not None:
        positive *= node_weight(pos_weight, node, inside, pos_inner, pos_labels, T, POS_SHAPE)
    counts = inside
    if weight is not None:
        w = node_weight(weight, node, inside, weight_inner, weight_labels, T, WEIGHT_SHAPE)
        # a node of weight 0 is 0, whatever it holds
        counts = counts & (w != 0)

    magnitude = tl.abs(z)
    e = exp_element(-magnitude, HALF)
    if nll is not None or parts is not None:
        tail = log1p_unit(e)
        up = positive * (tl.where(z < 0, magnitude, 0.0) + tail)
        down = negative * (tl.where(z > 0, magnitude, 0.0) + tail)
        loss = tl.where(positive == 0, 0.0, up) + tl.where(negative == 0, 0.0, down)
        if weight is not None:
            loss *= w
        loss = tl.where(counts, loss, 0.0)
        if nll is not None:
            tl.store(nll + node, loss, mask=inside)
        if parts is not None:
            tl.store(parts + program, tl.sum(loss.to(tl.float64), axis=0))
    if gradient is not None:
        one = tl.full((BLOCK,), 1.0, T)
        likely = one / (1.0 + e) if tl.float64 == T else tl.div_rn(one, 1.0 + e)
        unlikely = e * likely
        g = negative * tl.where(z < 0, unlikely, likely)
        g -= positive * tl.where(z < 0, likely, unlikely)
        by = number(factor, tl.float64)
        if gradient_scale is not None:
            by *= tl.load(gradient_scale).to(tl.float64)
        g *= by.to(T)
        if weight is not None:
            g *= w
        if node_scale is not None:
            g *= tl.load(node_scale + node, mask=inside, other=0.0).to(T)
        g = tl.where(counts, g, 0.0)
        tl.store(gradient + node, g.to(gradient.dtype.element_ty), mask=inside)
