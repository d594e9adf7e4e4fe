"""What a linear loss takes beside operands and gradients, measured in a process of its own."""

import pytest
from peak_memory import assert_within

PROGRAM = """
import torch
import xent
from xent.torch import functional as F

torch.set_num_threads(1)

def operands(rows, features, classes, dtype):
    hidden = torch.randn(rows, features).to(dtype).requires_grad_()
    weight = torch.randn(classes, features).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(0, classes, (rows,))

def step(hidden, weight, target, reduction="mean", **options):
    if FILTER:
        found = F.linear_softmax_cross_entropy_with_stats(
            hidden, weight, target, filter_tolerance=FILTER, **options
        )
        assert hidden.shape[0] < 512 or found.gradient_error > 0, "nothing was left out"
        return torch.autograd.grad(found.loss, (hidden, weight))
    loss = F.linear_cross_entropy(hidden, weight, target, reduction=reduction, **options)
    return torch.autograd.grad(loss.sum(), (hidden, weight))

# everything is loaded, and the products have their own buffers
step(*operands(64, 64, 4096, torch.float32))
step(*operands(64, 64, 4096, torch.bfloat16))
hidden, weight, target = operands(512, 64, 65536, DTYPE)
found, _ = peak_of(lambda: step(hidden, weight, target, REDUCTION, memory=MEMORY))
gradients = (hidden.numel() + weight.numel()) * hidden.element_size()
print(found - gradients)
"""

MIB = 1 << 20
# the logits are 128 MiB; the sums of a 16-bit weight's gradient 16 MiB
CASES = {
    ("torch.float32", "mean", None, None): 56 * MIB,
    ("torch.float32", "mean", 8 * MIB, None): 8 * MIB,
    ("torch.float32", "none", 8 * MIB, None): 8 * MIB,
    ("torch.bfloat16", "mean", 32 * MIB, None): 32 * MIB,
    ("torch.float32", "mean", 24 * MIB, 0.1): 24 * MIB,
    ("torch.bfloat16", "mean", 48 * MIB, 0.1): 48 * MIB,
}
# buffers in which the products lay out their operands, and pages that an allocator keeps
BESIDE = 8 * MIB


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_budget_is_kept(case):
    dtype, reduction, memory, tolerance = case
    program = PROGRAM.replace("DTYPE", dtype).replace("FILTER", str(tolerance))
    program = program.replace("REDUCTION", repr(reduction)).replace("MEMORY", str(memory))
    assert_within(program, most=CASES[case] + BESIDE)
