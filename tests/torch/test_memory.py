"""What a training step allocates, in units of the logits; each case in a process of its own."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")

PROGRAM = """
import gc, torch
from xent.torch import functional as F

torch.set_num_threads(1)

def peak_of(run):
    "Return what a call adds at its peak, in bytes, once the pool of buffers is empty."
    import xent
    xent.empty_cache()
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak is now what is in use
    before = status("VmRSS")
    result = run()
    return status("VmHWM") - before, result

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

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
found, _ = peak_of(CASE)
print(found / (x.numel() * 4))
"""

# what may be there, with a tenth for the rest of a call
CASES = {"forward_only": 0, "step": 1, "scaled": 1, "kept": 2, "labels": 1}


@pytest.mark.parametrize("case", CASES)
def test_one_gradient_and_a_second_only_where_the_graph_is_kept(case):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("CASE", case)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if "clear_refs" in done.stderr:
        pytest.skip("the peak of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    assert CASES[case] - 0.1 <= float(done.stdout) <= CASES[case] + 0.1
