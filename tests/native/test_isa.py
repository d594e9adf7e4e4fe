"""XENT_ISA asks for a lower instruction set than the best, and never for a higher one."""

import os
import subprocess
import sys

import pytest

ORDER = ["baseline", "x86-64-v3", "x86-64-v4"]


def in_use(asked):
    environment = {key: value for key, value in os.environ.items() if key != "XENT_ISA"}
    if asked is not None:
        environment["XENT_ISA"] = asked
    program = """if True:
        import numpy as np, xent
        print(xent.kernels.instruction_set())
        x = np.linspace(-30, 30, 3000).reshape(100, 30)
        print(xent.softmax_cross_entropy(x, np.arange(100) % 30).hex())
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    name, value = done.stdout.split()
    return name, float.fromhex(value)


@pytest.mark.parametrize("asked, most", [("baseline", 0), ("v3", 1), ("v4", 2), ("", 2), ("v9", 2)])
def test_the_lower_of_what_is_asked_for_and_what_there_is(asked, most):
    best, value = in_use(None)
    name, same_value = in_use(asked)
    assert name == ORDER[min(most, ORDER.index(best))]
    assert same_value == pytest.approx(value, rel=1e-14)
