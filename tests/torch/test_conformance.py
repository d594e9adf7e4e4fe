"""The drop-ins on torch's own samples: as torch in float64, closer to it in lower precision.

The samples are those with which torch tests its operators and modules. What torch says in
float64 is the reference of float32, bfloat16 and float16: no element may be further from it
than torch's own, plus an ulp. The losses of logits promise four, of the terms of the
gradient, which meet where the target is a distribution: hence of its largest entry.
"""

import warnings

import pytest
import torch

import xent
from xent.torch import functional as F
from xent.torch import modules

pytest.importorskip("expecttest", reason="torch's samples need expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_modules import module_db

pytestmark = pytest.mark.filterwarnings(
    "ignore:reduction. 'mean' divides:UserWarning",
    "ignore:size_average and reduce args:UserWarning",
    "ignore:Using a target size:UserWarning",
    "ignore:linear_cross_entropy. ``options`` ignored:UserWarning",
)

NAMES = [
    "cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy",
    "kl_div",
    "nll_loss",
    "mse_loss",
    "linear_cross_entropy",
]
OPERATORS = {
    op.name.removeprefix("nn.functional."): op
    for op in op_db
    if op.name.removeprefix("nn.functional.") in NAMES
}
OF_LOGITS = [*NAMES[:2], "linear_cross_entropy"]
MODULES = {
    info.name.removeprefix("nn."): info
    for info in module_db
    if info.name.removeprefix("nn.") in modules.__all__
    # its layer is drawn by chance: see tests/torch/_linear/test_module.py
    and info.name != "nn.LinearCrossEntropyLoss"
}
LOW = [torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def _say_nothing():
    with xent.checks("off"):
        yield


def samples(name, dtype):
    torch.manual_seed(20181)
    return list(OPERATORS[name].sample_inputs("cpu", dtype, requires_grad=True))


def evaluated(loss, sample, dtype=None):
    """Value and gradients, of the inputs in `dtype` where that is given."""

    def fresh(argument):
        if not isinstance(argument, torch.Tensor):
            return argument
        tensor = argument.detach()
        if dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(dtype)
        return tensor.clone().requires_grad_(argument.requires_grad)

    arguments = [fresh(argument) for argument in (sample.input, *sample.args)]
    options = {key: fresh(argument) for key, argument in sample.kwargs.items()}
    if dtype is not None:
        options.pop("options", None)  # how a linear loss is cut: not of another dtype
    value = loss(*arguments, **options)
    leaves = [a for a in arguments if isinstance(a, torch.Tensor) and a.requires_grad]
    return value, torch.autograd.grad(value.sum(), leaves)


@pytest.mark.parametrize("name", NAMES)
def test_every_operator_has_samples(name):
    assert len(samples(name, torch.float64)) > 5


@pytest.mark.parametrize("name", NAMES)
def test_as_torch_in_float64(name):
    for sample in samples(name, torch.float64):
        theirs, their_gradients = evaluated(getattr(torch.nn.functional, name), sample)
        ours, gradients = evaluated(getattr(F, name), sample)
        for actual, expected in zip((ours, *gradients), (theirs, *their_gradients), strict=True):
            torch.testing.assert_close(
                actual, expected, rtol=1e-13, atol=1e-14, equal_nan=True, check_stride=False
            )


@pytest.mark.parametrize("dtype", LOW, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_no_further_from_float64_than_torch(name, dtype):
    for sample in samples(name, dtype):
        exact, exact_gradients = evaluated(
            getattr(torch.nn.functional, name), sample, torch.float64
        )
        theirs, their_gradients = evaluated(getattr(torch.nn.functional, name), sample)
        ours, gradients = evaluated(getattr(F, name), sample)
        for actual, torchs, expected in zip(
            (ours, *gradients), (theirs, *their_gradients), (exact, *exact_gradients), strict=True
        ):
            assert actual.dtype == torchs.dtype
            assert actual.shape == torchs.shape
            assert_no_further(actual, torchs, expected, name in OF_LOGITS)


def assert_no_further(actual, torchs, expected, of_logits):
    info = torch.finfo(actual.dtype)
    scale = expected.abs()
    if of_logits and scale.numel():
        scale = 4 * scale.nan_to_num(posinf=0.0).max()
    allowed = (torchs.double() - expected).abs() + info.eps * scale + info.tiny
    same = (actual.double() == expected) | (actual.isnan() & expected.isnan())
    assert (same | ((actual.double() - expected).abs() <= allowed)).all()


def evaluated_module(kind, sample):
    """Value and gradients of a module that is made and called as torch's sample says."""
    made = kind(*sample.constructor_input.args, **sample.constructor_input.kwargs)
    arguments = [
        a.detach().clone().requires_grad_(a.requires_grad) for a in sample.forward_input.args
    ]
    value = made(*arguments, **sample.forward_input.kwargs)
    leaves = [a for a in arguments if a.requires_grad]
    return value, torch.autograd.grad(value.sum(), leaves)


@pytest.mark.parametrize("name", MODULES)
def test_modules_as_torchs_in_float64(name):
    torch.manual_seed(20181)
    options = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": True}
    found = MODULES[name].module_inputs_func(MODULES[name], **options)
    assert len(found) > 5
    for sample in found:
        theirs, their_gradients = evaluated_module(getattr(torch.nn, name), sample)
        ours, gradients = evaluated_module(getattr(modules, name), sample)
        for actual, expected in zip((ours, *gradients), (theirs, *their_gradients), strict=True):
            torch.testing.assert_close(
                actual, expected, rtol=1e-13, atol=1e-14, equal_nan=True, check_stride=False
            )


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_what_torchs_modules_refuse_ours_refuse(name):
    torch.manual_seed(20181)
    options = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": True}
    found = MODULES[name].module_error_inputs_func(MODULES[name], **options)
    assert found
    for error in found:
        if error.error_regex.startswith("Expected floating point type for target"):
            continue  # one-hot targets of integers are taken
        sample = error.module_error_input
        for kind in (getattr(torch.nn, name), getattr(modules, name)):
            with pytest.raises((ValueError, TypeError, RuntimeError, IndexError)):
                evaluated_module(kind, sample)
