"""xent.kernels.explain of tensors."""

import torch

import xent.torch  # which makes itself known
from xent import kernels


def reasons(tensor, operation="softmax_cross_entropy"):
    return kernels.explain(operation, tensor)


def test_a_cpu_tensor_is_served_by_the_native_kernels():
    choice = reasons(torch.zeros(2, 3, dtype=torch.bfloat16))
    assert choice.implementation == "cpu"
    assert choice.reasons[-1].endswith("bfloat16 is read in place")
    assert "threads" in choice.reasons[-1] or "1 thread)" in choice.reasons[-1]
    assert choice.reasons[0].startswith("triton: ")
    assert "copied first" in reasons(torch.zeros(4, 6)[:, ::2]).reasons[-1]


def test_other_devices_operations_and_kinds_are_served_by_the_formulas():
    meta = reasons(torch.zeros(2, 3, device="meta"))
    assert meta.implementation == "formulas"
    assert meta.reasons[0] == "cpu: meta is another device"
    assert reasons(torch.zeros(3), "kl_divergence").implementation == "formulas"

    class Mine(torch.Tensor):
        pass

    assert "not for a Mine" in reasons(torch.zeros(2, 3).as_subclass(Mine)).reasons[0]


def test_the_implementation_that_explain_names_is_the_one_that_serves():
    x, y = torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64)
    xent.torch.functional.cross_entropy(x, y, implementation=reasons(x).implementation)


def test_a_transform_is_served_by_the_formulas():
    seen = []

    def loss(x):
        seen.append(reasons(x))
        return x.sum()

    torch.func.grad(loss)(torch.zeros(2, 3))
    assert seen[0].implementation == "formulas"
    assert "transform" in seen[0].reasons[0]
