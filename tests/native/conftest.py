"""The inline C++ functions, compiled as the kernels are, for each instruction set there is."""

import ctypes
import os
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from xent import kernels

NATIVE = Path(__file__).parents[2] / "native"
FLAGS = ["-std=c++17", "-O3", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math"]
LEVELS = {
    "baseline": [],
    "v3": ["-march=x86-64-v3"],
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}


class Probe:
    """Functions over arrays: ``probe("exp_float", x)``."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))

    def __call__(self, name, *arrays, dtype=None):
        arrays = [np.ascontiguousarray(array) for array in arrays]
        result = np.empty(arrays[0].shape, arrays[0].dtype if dtype is None else dtype)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*arrays, result)]
        getattr(self.library, name)(*pointers, ctypes.c_int64(result.size))
        return result


def levels_here():
    """Return the instruction sets that the module in use could have chosen here."""
    best = kernels.instruction_set().removeprefix("x86-64-")
    return list(LEVELS)[: list(LEVELS).index(best) + 1]


@pytest.fixture(scope="session", params=list(LEVELS))
def probe(request, tmp_path_factory):
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None or platform.system() == "Windows":
        pytest.skip("needs a C++ compiler with the options of GCC")
    if request.param not in levels_here():
        pytest.skip(f"{request.param} is above {kernels.instruction_set()}, which is in use")
    path = tmp_path_factory.mktemp("probe") / f"{request.param}.so"
    source = Path(__file__).with_name("probe.cpp")
    options = [*FLAGS, *LEVELS[request.param], f"-DXENT_ISA={request.param}", f"-I{NATIVE}"]
    subprocess.run(
        [compiler, *options, "-shared", "-fPIC", str(source), "-o", str(path)],
        check=True,
        timeout=300,
    )
    return Probe(path)
