"""What a training step allocates, in units of the logits; each case in a process of its own."""

import pytest
from peak_memory import assert_within

PROGRAM = """
import torch, xent
from xent.torch import functional as F

torch.set_num_threads(1)

x = torch.randn(2048, 8192, requires_grad=True)  # 64 MiB
y = torch.randint(0, 8192, (2048,))
# everything is loaded, also what torch imports for an upstream gradient
torch.autograd.grad(F.cross_entropy(x[:4], y[:4]), x, torch.tensor(3.0))

def forward_only():
    with torch.no_grad():
        return F.cross_entropy(x, y)

def step():
    F.cross_entropy(x, y).backward()

def scaled():
    (F.cross_entropy(x, y) * 3).backward()

def kept():
    loss = F.cross_entropy(x, y)
    return torch.autograd.grad(loss, x, torch.tensor(3.0), retain_graph=True), loss

def labels():
    F.binary_cross_entropy_with_logits(x, target).backward()

target = torch.rand_like(x)
xent.empty_cache()  # of what the calls above left in the pool of buffers
found, _ = peak_of(CASE)
print(found / (x.numel() * 4))
"""

# what may be there, with a tenth for the rest of a call
CASES = {"forward_only": 0, "step": 1, "scaled": 1, "kept": 2, "labels": 1}


@pytest.mark.parametrize("case", CASES)
def test_one_gradient_and_a_second_only_where_the_graph_is_kept(case):
    most = CASES[case]
    assert_within(PROGRAM.replace("CASE", case), most=most + 0.1, least=most - 0.1)
