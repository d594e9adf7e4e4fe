"""Compiles the kernels for a Hopper GPU on a machine that has none, and prints what came out.

A line a kernel: its name, the bytes of registers that were spilled, and the width in bits of
the widest load and store of global memory. Run by tests/kernels/test_triton.py in a process of
its own, with neither the interpreter nor a driver.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver
from triton.runtime.jit import MockTensor

from xent.kernels.triton import sigmoid_cross_entropy, softmax_cross_entropy

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"


class Hopper:
    """What triton asks of a driver before it compiles."""

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device=0):
        return 0


class Compiled:
    """A kernel that is compiled where it would be launched."""

    def __init__(self, kernel):
        self.kernel = kernel

    def __getitem__(self, grid):
        def compile_it(*arguments, **options):
            given = [MockTensor(a.dtype) if torch.is_tensor(a) else a for a in arguments]
            binary = self.kernel.warmup(*given, grid=grid, **options).asm["cubin"]
            print(self.kernel.__name__, *facts(binary))

        return compile_it


def facts(binary):
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        usage = run("cuobjdump", "-res-usage", file.name)
        code = run("nvdisasm", "-c", file.name)
    spilled = re.search(r"STACK:(\d+)", usage).group(1)
    widest = [
        max(int(bits) for bits in re.findall(rf"(?:{names})[.A-Z]*\.(\d+)", code) or [32])
        for names in ("LDG|LDGSTS", "STG")
    ]
    return spilled, *widest


def run(tool, *arguments):
    return subprocess.run(
        [TOOLS / tool, *arguments], capture_output=True, text=True, check=True
    ).stdout


def softmax(shape, dtype, axis=1, **options):
    logits = torch.empty(shape, dtype=dtype)
    target = torch.zeros(shape[:axis] + shape[axis + 1 :], dtype=torch.int64)
    softmax_cross_entropy.score(
        logits, axis=axis, target=target, ignore_index=-100, gradient_scale=torch.ones(1),
        want_gradient=True, **options,
    )  # fmt: skip


def main():
    driver.set_active(Hopper())
    for module, names in {
        softmax_cross_entropy: ("class_tile_kernel", "class_long_kernel", "soft_kernel"),
        sigmoid_cross_entropy: ("sigmoid_kernel",),
    }.items():
        for name in names:
            setattr(module, name, Compiled(getattr(module, name)))
    softmax((64, 128256), torch.bfloat16)
    softmax((64, 32000), torch.bfloat16)
    softmax((64, 128256), torch.float32)
    softmax((64, 128256), torch.float32, out=torch.empty((64, 128256), dtype=torch.bfloat16))
    softmax((64, 1000), torch.float32, out=torch.empty((64, 1000), dtype=torch.bfloat16))
    softmax((64, 1000), torch.bfloat16)
    softmax((64, 1000), torch.float32)
    softmax((2, 21, 64, 64), torch.bfloat16)
    softmax((64, 1000), torch.bfloat16, label_smoothing=0.1)
    nodes = torch.zeros(4096, dtype=torch.bfloat16)
    sigmoid_cross_entropy.score(nodes, nodes, want_total=True, want_gradient=True)


if __name__ == "__main__":
    main()
