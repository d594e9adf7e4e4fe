"""The measures' kernels on every instruction set that this processor has."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import xent._native as native
from xent.information import cross_entropy, entropy, kl_divergence, reference
# a processor without the set asked for falls back to a lower one
levels = ["baseline", "x86-64-v3", "x86-64-v4"]
assert native.isa() in levels[: 1 + ["baseline", "v3", "v4"].index({isa!r})]
rng = np.random.default_rng(0)
for shape, axis in [((50, 10), -1), ((20, 100), -1), ((5, 1500), -1), ((3, 7, 70), 1)]:
    for dtype in (np.float32, np.float64):
        p, q = (rng.gamma(0.3, size=shape) + 1e-30 for _ in range(2))
        p, q = ((x / x.sum(axis, keepdims=True)).astype(dtype) for x in (p, q))
        last = [np.moveaxis(x, axis, -1) for x in (p, q)]
        # n terms of one sign, and the rounding of the result
        rtol = shape[axis] * 2.3e-16 + np.finfo(dtype).eps
        np.testing.assert_allclose(entropy(p, axis=axis), reference.entropy(last[0]), rtol=rtol)
        h = reference.cross_entropy(*last)
        np.testing.assert_allclose(cross_entropy(p, q, axis=axis), h, rtol=rtol)
        sums = [x.sum(-1, dtype=np.float64) for x in last]
        kl = reference.kl_divergence(*last) - sums[0] + sums[1]
        # the definition subtracts: what it loses is a share of the cross-entropy
        atol = shape[axis] * 2.3e-16 * h.max()
        np.testing.assert_allclose(kl_divergence(p, q, axis=axis), kl, rtol=rtol, atol=atol)
# close together no instruction set loses digits: sum of p t^2 / 2 (1 - t / 3)
p, t = np.full(10, 0.1), 1e-6 * np.array([1.0, -1.0] * 5)
np.testing.assert_allclose(kl_divergence(p, p * (1 + t)), 5e-13, rtol=1e-9)
"""


@pytest.mark.parametrize("isa", ["baseline", "v3", "v4"])
def test_every_instruction_set_gives_the_definition(isa):
    subprocess.run(
        [sys.executable, "-c", PROGRAM.format(isa=isa)],
        env={**os.environ, "XENT_ISA": isa},
        check=True,
        timeout=120,
    )
