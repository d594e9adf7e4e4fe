"""What linear sigmoid losses take beside gradients, measured in a process of its own."""

import pytest
from peak_memory import assert_within

PROGRAM = """
import torch
from xent.torch import functional as F

torch.set_num_threads(1)

def operands(rows, features, labels, dtype):
    hidden = torch.randn(rows, features).to(dtype).requires_grad_()
    weight = torch.randn(labels, features).to(dtype).requires_grad_()
    bias = torch.randn(labels).to(dtype).requires_grad_()
    target = torch.randint(0, labels // 8, (rows, 8)) * 8 + torch.arange(8)
    return (hidden, weight, bias), target

def step(inputs, target, reduction="mean", **options):
    hidden, weight, bias = inputs
    loss = F.linear_sigmoid_cross_entropy(
        hidden, weight, target, linear_bias=bias, reduction=reduction, **options
    )
    return torch.autograd.grad(loss.sum(), inputs)

# everything is loaded, and the products have their own buffers
for dtype in (torch.float32, torch.bfloat16):
    step(*operands(64, 64, 4096, dtype))
inputs, target = operands(256, 64, 500_000, DTYPE)
if DENSE:
    target = torch.zeros(256, 500_000, dtype=torch.bool)
found, _ = peak_of(lambda: step(inputs, target, REDUCTION, memory=MEMORY))
print(found - sum(x.numel() * x.element_size() for x in inputs))
"""

MIB = 1 << 20
# the logits are 488 MiB, the gradient of a float32 weight 122
CASES = {
    ("torch.float32", "mean", None, False): 5 * MIB,
    ("torch.float32", "none", 2 * MIB, False): 2 * MIB,
    ("torch.float32", "mean", None, True): 10 * MIB,
    ("torch.bfloat16", "mean", None, False): 8 * MIB,
}
# buffers in which the products lay out their operands, and pages that an allocator keeps
BESIDE = 8 * MIB


@pytest.mark.parametrize("case", CASES, ids=str)
def test_half_a_million_labels(case):
    dtype, reduction, memory, dense = case
    program = PROGRAM.replace("DTYPE", dtype).replace("DENSE", str(dense))
    program = program.replace("REDUCTION", repr(reduction)).replace("MEMORY", str(memory))
    assert_within(program, most=CASES[case] + BESIDE)
