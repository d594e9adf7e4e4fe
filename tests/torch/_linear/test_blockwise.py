"""Map over blocks of rows and add up: the same numbers as at once, to any order, in a block."""

import pytest
import torch
from live_memory import Watch
from torch.utils.checkpoint import checkpoint

from xent.torch._linear.blockwise import BlockFunction, Products, blockwise

N, D, V = 7, 3, 4


class Example(BlockFunction):
    """Everything there can be: rows and sums, integers, masks, None, a product, an unused x."""

    row_outputs = 2

    def __call__(self, rows, shared):
        x, kept, index, nothing, y = rows
        w, _unused, b = shared
        assert nothing is None
        z = torch.tanh(x @ w.t() + b) * kept.unsqueeze(1)
        picked = z.gather(1, index.unsqueeze(1)).squeeze(1) * y
        return (picked, z.exp()), (z.sum(), Products(((z, x), (z * z, x))), z.square().sum(dim=0))


def arguments(count=N, **like):
    like = {"dtype": torch.float64, "requires_grad": True, **like}
    x, y = torch.randn(count, D, **like), torch.randn(count, **like)
    kept, index = torch.arange(count) % 3 != 1, torch.arange(count) % V
    w, b = torch.randn(V, D, **like), torch.randn(V, **like)
    unused = torch.randn(2, **like)
    return x, y, w, b, unused, kept, index


def by_blocks(block, x, y, w, b, unused, kept, index):
    rows, sums = blockwise(Example(), (x, kept, index, None, y), (w, unused, b), block)
    return (*rows, *sums)


def at_once(x, y, w, b, unused, kept, index):
    rows, sums = Example()((x, kept, index, None, y), (w, unused, b))
    return (*rows, *(each.value() if isinstance(each, Products) else each for each in sums))


def total(outputs):
    """One number that all outputs enter, none of them linearly, with bounded derivatives."""
    weights = [torch.linspace(1, 2, each.numel()).view_as(each) for each in outputs]
    return sum((w / (1 + each**2)).sum() for w, each in zip(weights, outputs, strict=True))


@pytest.mark.parametrize("count", [0, 1, 6, 7])
@pytest.mark.parametrize("block", [1, 3, 100])
def test_values_and_derivatives_of_three_orders_are_those_at_once(block, count):
    values = arguments(count)
    found, right = by_blocks(block, *values), at_once(*values)
    for _ in range(3):
        torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)
        found, right = (
            torch.autograd.grad(
                total(each),
                values[:5],
                create_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            for each in (found, right)
        )
    torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)


def test_finite_differences_agree_in_every_mode():
    *values, kept, index = arguments()

    def f(*values):
        return by_blocks(3, *values, kept, index)

    assert torch.autograd.gradcheck(
        f, values, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True
    )
    assert torch.autograd.gradgradcheck(
        f, values, check_fwd_over_rev=True, check_rev_over_rev=True, check_batched_grad=True
    )


def test_the_transforms_of_torch_func_compose():
    *values, kept, index = (each.detach() for each in arguments())
    x, y, w, b, unused = values

    def both(function):
        def f(x, w):
            return total(function(x, y, w, b, unused, kept, index))

        nested = torch.func.jacfwd(torch.func.jacrev(torch.func.grad(f, 1)), 1)
        return (
            torch.func.grad(f, (0, 1))(x, w),
            torch.func.jvp(f, (x, w), (x, w)),
            torch.func.hessian(f, (0, 1))(x, w),
            torch.func.jacrev(torch.func.jacfwd(f))(x, w),
            nested(x, w),
            torch.func.vmap(torch.func.grad(f), (None, 0))(x, torch.stack([w, 2 * w])),
            torch.func.vmap(f, (1, None))(torch.stack([x, 2 * x], 1), w),
        )

    found = both(lambda *a: by_blocks(3, *a))
    torch.testing.assert_close(found, both(at_once), rtol=1e-12, atol=1e-12)


def test_some_outputs_and_some_arguments_are_enough():
    *values, kept, index = arguments()
    for output in range(5):
        for argument in range(5):
            found, right = (
                torch.autograd.grad(
                    f(*values, kept, index)[output].sum(), values[argument],
                    allow_unused=True, materialize_grads=True,
                )
                for f in (lambda *a: by_blocks(2, *a), at_once)
            )  # fmt: skip
            torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)


class Square(BlockFunction):
    row_outputs = 0

    def __call__(self, rows, shared):
        (a, b), (c, d) = rows, shared
        return (), ((a * b).sum(dim=0) * c * d,)


def test_one_tensor_may_be_two_arguments():
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def f(x, w):
        return blockwise(Square(), (x, x), (w, w), 2)[1]

    assert torch.autograd.gradcheck(f, (x, w), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(f, (x, w))


class PassedOn(BlockFunction):
    row_outputs = 1

    def __call__(self, rows, shared):
        return rows, shared


def test_outputs_that_are_arguments_leave_them_alone():
    x, w = torch.randn(5, 2), torch.randn(3)
    (rows,), (added,) = blockwise(PassedOn(), (x,), (w.clone(),), 2)
    torch.testing.assert_close(added, 3 * w)  # three blocks
    rows.zero_()
    assert x.count_nonzero() == 10
    # a later block must not be added to the argument itself
    kept = w.clone()
    blockwise(PassedOn(), (x,), (kept,), 2)
    assert torch.equal(kept, w)


class Ones(BlockFunction):
    row_outputs = 0

    def __call__(self, rows, shared):
        (x,), (w,) = rows, shared
        assert x.dtype == w.dtype == torch.float32
        return (), ((x @ w).sum(dim=0),)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_of_16_bit_arguments_are_added_in_float32_and_rounded_once(dtype):
    # 3001 is no number of bfloat16, and adding ones in it ends at 256
    x, w = torch.ones(3001, 2, dtype=dtype), torch.ones(2, 1, dtype=dtype, requires_grad=True)
    ((out,),) = blockwise(Ones(), (x,), (w,), 7)[1:]
    assert out.dtype == torch.float32
    assert out.item() == 6002
    (gradient,) = torch.autograd.grad(out, w)
    assert torch.equal(gradient, torch.full((2, 1), 3001.0).to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_reach_into_a_block(dtype):
    values = arguments(dtype=torch.float32)
    right = torch.autograd.grad(total(by_blocks(3, *values)), values[:4])
    with torch.autocast("cpu", dtype):
        found = torch.autograd.grad(total(by_blocks(3, *values)), values[:4])
    for a, b in zip(found, right, strict=True):
        assert torch.equal(a, b)


def test_hooks_and_checkpoints_see_arguments_only():
    *values, kept, index = arguments()
    packed = []

    def pack(x):
        packed.append(x.shape)
        return x

    right = at_once(*values, kept, index)
    of_right = torch.autograd.grad(total(right), values[:4], create_graph=True)
    twice_right = torch.autograd.grad(total(of_right), values[:4])
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        found = by_blocks(3, *values, kept, index)
        assert set(packed) == {(N, D), (N,), (V, D), (V,), (2,)}
        of_found = torch.autograd.grad(total(found), values[:4], create_graph=True)
        twice = torch.autograd.grad(total(of_found), values[:4])
    assert not [shape for shape in packed if shape[:1] == (3,)]  # nothing of a block
    torch.testing.assert_close(of_found, of_right, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(twice, twice_right, rtol=1e-12, atol=1e-12)
    for reentrant in (False, True):
        again = checkpoint(by_blocks, 3, *values, kept, index, use_reentrant=reentrant)
        gradients = torch.autograd.grad(total(again), values[:4]) if not reentrant else None
        if gradients is None:
            total(again).backward()
            gradients = [each.grad for each in values[:4]]
        torch.testing.assert_close(gradients, of_right, rtol=1e-12, atol=1e-12)


def test_the_graph_may_be_kept_and_overwritten_arguments_are_refused():
    *values, kept, index = arguments()
    x, y, w, b, unused = values
    w = w * 1
    out = total(by_blocks(3, x, y, w, b, unused, kept, index))
    first = torch.autograd.grad(out, x, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(out, x, 2 * torch.ones_like(out))[0], 2 * first)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(out, x)
    out = total(by_blocks(3, x, y, w, b, unused, kept, index))
    with torch.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(out, x)


class Wide(BlockFunction):
    """A block of rows is a hundred times as wide inside as its arguments are."""

    row_outputs = 1

    def __call__(self, rows, shared):
        (x,), (w,) = rows, shared
        z = torch.tanh(x * w)
        return (z.square().sum(dim=1),), ()


WIDTH, BLOCK = 512, 4


def watched(order, count):
    """Return what differentiating so often takes: elements of a tensor, bytes at once."""
    x = torch.randn(count, 1, requires_grad=True)
    w = torch.randn(WIDTH, requires_grad=True)
    with Watch() as watch:
        out = blockwise(Wide(), (x,), (w,), BLOCK)[0][0].sum()
        for _ in range(order):
            out = sum(each.sum() for each in torch.autograd.grad(out, (x, w), create_graph=True))
    return watch.largest, watch.peak


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_no_order_of_differentiation_holds_more_than_a_block(order):
    largest, few = watched(order, 4 * BLOCK)
    assert largest <= BLOCK * WIDTH
    _, many = watched(order, 16 * BLOCK)
    # a few numbers for each further row; never a row of what is inside
    assert many - few <= 12 * BLOCK * 4 * 4
