"""The modules: torch's classes and state, our numbers, and what torch lacks by keyword."""

import copy
import inspect
import io
import pickle
import sys
import warnings

import pytest
import torch

import xent
from xent.errors import XentValueError
from xent.torch import functional as F
from xent.torch import modules
from xent.torch.total import Total

FUNCTIONS = {
    "BCELoss": F.binary_cross_entropy,
    "BCEWithLogitsLoss": F.binary_cross_entropy_with_logits,
    "CrossEntropyLoss": F.cross_entropy,
    "KLDivLoss": F.kl_div,
    "MSELoss": F.mse_loss,
    "NLLLoss": F.nll_loss,
}
NAMES = list(FUNCTIONS)
each = pytest.mark.parametrize("name", NAMES)


def test_the_others_have_tests_of_their_own():
    # tests/torch/_linear/test_module.py: it has a layer, and other arguments
    assert set(modules.__all__) - set(NAMES) == {"LinearCrossEntropyLoss"}


@pytest.fixture(autouse=True)
def _silence():
    with xent.checks(silence=["D33"]):
        yield


def ours(name, *args, **kwargs):
    return getattr(modules, name)(*args, **kwargs)


def theirs(name, *args, **kwargs):
    return getattr(torch.nn, name)(*args, **kwargs)


def arguments(name):
    x, z = torch.randn(4, 3), torch.randn(4, 3)
    return {
        "BCELoss": (x.sigmoid(), z.sigmoid()),
        "BCEWithLogitsLoss": (x, z.sigmoid()),
        "CrossEntropyLoss": (x, z.argmax(1)),
        "KLDivLoss": (x.log_softmax(1), z.softmax(1)),
        "MSELoss": (x, z),
        "NLLLoss": (x.log_softmax(1), z.argmax(1)),
    }[name]


def weights(name):
    """Options that are tensors, and so in the state dict."""
    if name in ("CrossEntropyLoss", "NLLLoss"):
        return {"weight": torch.tensor([1.0, 2.0, 0.5])}
    if name == "BCELoss":
        return {"weight": torch.tensor([1.0, 2.0, 0.5])}
    if name == "BCEWithLogitsLoss":
        return {"weight": torch.rand(3), "pos_weight": torch.tensor([1.0, 2.0, 0.5])}
    return {}


@each
def test_it_is_torchs_class_with_torchs_constructor(name):
    assert isinstance(ours(name), getattr(torch.nn, name))
    mine = list(inspect.signature(getattr(modules, name)).parameters.values())
    torchs = list(inspect.signature(getattr(torch.nn, name)).parameters.values())
    assert [(p.name, p.default) for p in mine[: len(torchs)]] == [
        (p.name, p.default) for p in torchs
    ]
    assert all(p.kind is p.KEYWORD_ONLY for p in mine[len(torchs) :])


@each
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
def test_as_torchs_module(name, reduction):
    options = weights(name)
    inputs = arguments(name)
    expected = theirs(name, reduction=reduction, **options)(*inputs)
    torch.testing.assert_close(ours(name, reduction=reduction, **options)(*inputs), expected)


@each
def test_it_hands_every_option_to_the_function(name):
    inputs, options = arguments(name), weights(name)
    expected = FUNCTIONS[name](*inputs, **options, reduction="total")
    total = ours(name, **options, reduction="total")(*inputs)
    assert isinstance(total, Total)
    assert float(total.mean()) == float(expected.mean())


@each
def test_the_constructor_of_old(name):
    with pytest.warns(UserWarning, match="size_average and reduce args"):
        assert ours(name, size_average=False).reduction == "sum"


@each
def test_state_dicts_are_exchanged(name):
    options = weights(name)
    blank = {key: torch.ones_like(value) for key, value in options.items()}
    for source, sink in ((ours, theirs), (theirs, ours)):
        full, empty = source(name, **options), sink(name, **blank)
        empty.load_state_dict(full.state_dict(), strict=True)
        for key, value in options.items():
            assert torch.equal(getattr(empty, key), value)


def test_a_class_mask_moves_with_the_module_and_is_not_in_its_state():
    mask = torch.tensor([True, True, False])
    loss = modules.CrossEntropyLoss(class_mask=mask)
    assert list(loss.state_dict()) == []
    assert loss.to("meta").class_mask.device.type == "meta"
    loss = modules.CrossEntropyLoss(class_mask=mask)
    logits = torch.tensor([[0.0, 0.0, 9.0]])
    torch.testing.assert_close(loss(logits, torch.tensor([0])).item(), 0.6931472)
    loss.load_state_dict(torch.nn.CrossEntropyLoss().state_dict())


@each
def test_pickles_and_copies(name):
    loss = ours(name, **weights(name), on_empty="zero", reduction="sum")
    inputs = arguments(name)
    for other in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        assert type(other) is type(loss)
        assert other.on_empty == "zero"
        assert torch.equal(other(*inputs), loss(*inputs))
    file = io.BytesIO()
    torch.save(loss, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(*inputs), loss(*inputs))


class Renamed(pickle.Unpickler):
    """Reads torch's losses as ours, as a program does that moved to xent."""

    def find_class(self, module, name):
        if module == "torch.nn.modules.loss" and name in NAMES:
            module = "xent.torch.modules"
        return super().find_class(module, name)


@each
def test_pickles_of_torchs_modules_work_as_ours(name):
    torchs = theirs(name, **weights(name), reduction="sum")
    loss = Renamed(io.BytesIO(pickle.dumps(torchs))).load()
    assert type(loss) is getattr(modules, name)
    inputs = arguments(name)
    torch.testing.assert_close(loss(*inputs), torchs(*inputs))
    assert repr(loss) == repr(ours(name, reduction="sum"))
    again = pickle.loads(pickle.dumps(loss))
    assert torch.equal(again(*inputs), loss(*inputs))
    torchs.__class__ = getattr(modules, name)
    assert torch.equal(torchs(*inputs), loss(*inputs))


def test_options_that_torch_lacks():
    logits, target = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    options = {
        "z_loss": 0.1,
        "softcap": 3.0,
        "temperature": 2.0,
        "class_mask": torch.tensor([True, True, True]),
        "label_smoothing": 0.1,
    }
    rows = torch.tensor([1.0, 0.0, 2.0, 0.5])
    loss = modules.CrossEntropyLoss(**options)
    expected = F.cross_entropy(logits, target, sample_weight=rows, **options)
    assert loss(logits, target, sample_weight=rows) == expected
    assert loss(logits, target) != expected
    log_probs = logits.log_softmax(1)
    assert modules.NLLLoss()(log_probs, target, sample_weight=rows) == F.nll_loss(
        log_probs, target, sample_weight=rows
    )


@each
def test_nothing_to_average(name):
    x = torch.zeros(0, 3)
    target = torch.zeros(0, dtype=torch.int64) if name in ("CrossEntropyLoss", "NLLLoss") else x
    assert ours(name)(x, target).isnan()
    assert ours(name, on_empty="zero")(x, target) == 0
    with pytest.raises(XentValueError, match="D02"):
        ours(name, on_empty="raise")(x, target)


def test_what_is_shown():
    assert repr(modules.MSELoss()) == "MSELoss()"
    assert repr(modules.KLDivLoss(reduction="batchmean")) == "KLDivLoss(reduction='batchmean')"
    loss = modules.CrossEntropyLoss(ignore_index=0, softcap=30.0, on_empty="zero")
    assert repr(loss) == "CrossEntropyLoss(ignore_index=0, softcap=30.0, on_empty='zero')"


def test_a_warning_points_at_the_users_line():
    loss = modules.NLLLoss()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = sys._getframe().f_lineno + 1
        loss(torch.rand(4, 3), torch.tensor([0, 1, 2, 1]))
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, line)]


@each
def test_compiled(name):
    torch.compiler.reset()
    loss, inputs = ours(name, **weights(name)), arguments(name)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), loss(*inputs))
