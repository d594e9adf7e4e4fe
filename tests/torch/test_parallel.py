"""A vocabulary that several processes share is the vocabulary of one, in value and gradient."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from ranks import said_by
from torch.testing import assert_close

from xent.errors import XentTypeError, XentValueError
from xent.torch import functional as F
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas.softmax_cross_entropy import gradient, rows
from xent.torch.parallel import (
    vocab_parallel_cross_entropy,
    vocab_parallel_linear_softmax_cross_entropy,
)

RANK = Path(__file__).with_name("parallel_on_ranks.py")
ROWS, FEATURES, CLASSES = 11, 6, 24
NEAR = {"rtol": 1e-13, "atol": 1e-13}


# Several processes ------------------------------------------------------------


@pytest.fixture(scope="module", params=[2, 4])
def ranks(request, tmp_path_factory):
    """Return what each rank printed."""
    return said_by(RANK, request.param, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("kind", ["float64", "blocks", "logits", "formulas"])
def test_every_option_is_that_of_one_process(ranks, kind):
    assert len(ranks[0][kind]) >= 14
    for rank in ranks:
        for name, said in rank[kind].items():
            found, whole = said["ranks"], said["whole"]
            np.testing.assert_allclose(found["loss"], whole["loss"], err_msg=name, **NEAR)
            assert len(found["gradients"]) == len(whole["gradients"])
            for mine, expected in zip(found["gradients"], whole["gradients"], strict=True):
                np.testing.assert_allclose(mine, expected, err_msg=name, **NEAR)
            assert found["bits"] == ranks[0][kind][name]["ranks"]["bits"]
            assert found["dtype"] == "torch.float64"
            assert found.get("count") == whole.get("count")
            np.testing.assert_allclose(found.get("weight", 1), whole.get("weight", 1), **NEAR)


def test_the_scenarios_differ(ranks):
    # or the test above would say little
    losses = {
        str(np.ravel(said["ranks"]["loss"])[0])
        for name, said in ranks[0]["float64"].items()
        if name not in ("plain", "sum", "rows", "total", "all skipped")
    }
    assert len(losses) == len(ranks[0]["float64"]) - 5
    assert math.isnan(ranks[0]["float64"]["all skipped"]["ranks"]["loss"])
    for rank in ranks:
        for each in rank["float64"]["all skipped"]["ranks"]["gradients"]:
            assert not np.any(each)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fewer_bits_cost_their_roundings(ranks, dtype):
    # with u a rounding of float32, a logit is off by at most D u sum |h w|, and a loss by twice
    # as much and 4 ulp; so is each term of a gradient, whose magnitudes sum to 2 over a row
    u, upstream = 2.0**-24, 1.5
    for rank in ranks:
        size = rank[dtype]["magnitudes"]
        found, whole = rank[dtype]["ranks"], rank[dtype]["whole"]
        off = 2 * FEATURES * u * size["logit"]
        assert found["dtype"] == "torch.float32"
        assert found["loss"] == pytest.approx(whole["loss"], abs=off + 8 * u * whole["loss"])
        assert found["bits"] == ranks[0][dtype]["ranks"]["bits"]
        # bfloat16 rounds a gradient once; hidden's twice on the way, where units multiply it
        once = 2.0**-9 if dtype == "bfloat16" else 0.0
        bounds = [
            2 * upstream / ROWS * size["weight"] * (off + (8 + CLASSES) * u + 3 * once),
            upstream * size["hidden"] * (off + (8 + ROWS) * u + once),
        ]
        for mine, expected, bound in zip(
            found["gradients"], whole["gradients"], bounds, strict=True
        ):
            np.testing.assert_allclose(mine, expected, rtol=0, atol=bound)


def test_rows_that_are_sure_keep_their_digits_on_any_rank(ranks):
    for rank in ranks:
        said = rank["confident"]
        start, stop = rank["mine"]
        margins, target = torch.tensor(said["margins"]), torch.tensor(said["target"])
        logits = torch.zeros(len(target), CLASSES)
        logits[torch.arange(len(target)), target] = margins
        # exact to 5 ulp of float64, so of float32
        task = SoftmaxTask(axis=1, target=target)
        nll = rows(logits.double(), task)
        slopes = gradient(logits.double(), task, torch.ones(len(target)))
        four_ulp = {"rtol": 4 * 2.0**-23, "atol": 4 * 2.0**-149}
        assert (nll > 0).all()
        np.testing.assert_allclose(said["loss"], nll, **four_ulp)
        np.testing.assert_allclose(
            np.reshape(said["of logits"], (len(target), stop - start)),
            slopes[:, start:stop],
            **four_ulp,
        )
        np.testing.assert_allclose(said["of hidden"], slopes, **four_ulp)


def test_a_kept_graph_gives_the_same_gradients_twice(ranks):
    for rank in ranks:
        data = rank["kept graph"]
        for first, second in zip(*data["found"], strict=True):
            np.testing.assert_array_equal(first, second)
        for found, whole in zip(data["found"][0], data["whole"], strict=True):
            np.testing.assert_allclose(found, whole, **NEAR)


def test_parts_of_the_gradient_of_hidden_add_up(ranks):
    for rank in ranks:
        parts = rank["parts of hidden"]
        np.testing.assert_allclose(parts["added"], parts["whole"], **NEAR)
        assert np.abs(np.subtract(parts["part"], parts["whole"])).max() > 1e-3


def test_what_needs_no_gradient_has_none(ranks):
    for rank in ranks:
        frozen = rank["frozen"]
        assert frozen["needs"] is False
        assert frozen["loss"][0] == pytest.approx(frozen["loss"][1], rel=1e-13)
        np.testing.assert_allclose(*frozen["of head"], **NEAR)


def test_two_halves_of_a_vocabulary_times_two_parts_of_a_batch(ranks):
    if len(ranks) < 4:
        return
    for rank in ranks:
        both = rank["two by two"]
        assert both["loss"][0] == pytest.approx(both["loss"][1], rel=1e-13)
        assert both["count"][0] == both["count"][1]
        for found, whole in zip(*both["gradients"], strict=True):
            np.testing.assert_allclose(found, whole, **NEAR)


REFUSED = {
    "other targets": r"target must be the same on every rank .* ranks 0 and \d of the group",
    "other options": r"whatever else the call is told .* ranks 0 and 1",
    "other rows": r"the number of rows must be the same on every rank .* ranks 0 and 1",
    "outside": r"D01: target must be in \[0, 24\) .* first: target\[5\] = 24",
    "second order": r"second derivatives .* are not computed",
    "transform": r"computed in eager mode alone",
    "no memory": r"memory must be at least",
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_rank_hears_what_is_wrong(ranks, name):
    assert {rank["refusals"][name] for rank in ranks} == {ranks[0]["refusals"][name]}
    assert re.search(REFUSED[name], ranks[0]["refusals"][name])


def test_a_process_that_is_not_in_the_group_hears_so(ranks):
    for index, rank in enumerate(ranks[1:], start=1):
        assert f"rank {index} is not in it" in rank["refusals"]["not in the group"]


# One process ------------------------------------------------------------------


@pytest.fixture
def call():
    torch.manual_seed(0)
    hidden = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    head = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    return hidden, head, torch.randint(7, (2, 3))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "total"])
def test_a_process_alone_is_a_group(call, reduction):
    hidden, head, target = call
    found = vocab_parallel_linear_softmax_cross_entropy(*call, reduction=reduction)
    whole = F.linear_softmax_cross_entropy(*call, reduction=reduction)
    logits = (hidden @ head.T).detach().requires_grad_()
    direct = vocab_parallel_cross_entropy(logits, target, reduction=reduction)
    if reduction == "total":
        assert found.count == whole.count == direct.count == 6
        found, whole, direct = found.sum, whole.sum, direct.sum
    assert found.shape == whole.shape
    assert_close(found, whole, **NEAR)
    assert_close(direct, whole, **NEAR)
    mine = torch.autograd.grad(found.sum(), (hidden, head))
    theirs = torch.autograd.grad(whole.sum(), (hidden, head))
    assert_close(mine, theirs, **NEAR)
    (of_logits,) = torch.autograd.grad(direct.sum(), logits)
    assert_close(of_logits @ head.detach(), theirs[0], **NEAR)


def test_a_row_whose_class_weighs_nothing_is_not_read(call):
    hidden, head, _ = (each.detach() for each in call)
    target, weight = torch.tensor([[0, 1, 2], [1, 3, 0]]), torch.rand(7).double()
    weight[1] = 0
    dirty = torch.where((target == 1).unsqueeze(-1), torch.nan, hidden)
    found = []
    for each in (hidden, dirty):
        for loss in (F.linear_softmax_cross_entropy, vocab_parallel_linear_softmax_cross_entropy):
            leaves = each.clone().requires_grad_(), head.clone().requires_grad_()
            value = loss(*leaves, target, weight=weight)
            found.append([value.detach(), *torch.autograd.grad(value, leaves)])
        logits = (each @ head.T).requires_grad_()
        value = vocab_parallel_cross_entropy(logits, target, weight=weight)
        (slopes,) = torch.autograd.grad(value, logits)
        found.append([value.detach(), slopes @ head, found[0][2]])
    for each in found[1:]:
        assert_close(each, found[0], **NEAR)


def test_there_may_be_no_rows(call):
    hidden, head, target = (each.detach() for each in call)
    loss = vocab_parallel_linear_softmax_cross_entropy
    assert math.isnan(loss(hidden[:0], head, target[:0]))
    assert loss(hidden[:0], head, target[:0], on_empty="zero") == 0
    with pytest.raises(XentValueError, match="D02"):
        loss(hidden[:0], head, target[:0], on_empty="raise")


def test_autocast_is_that_of_a_linear_layer(call):
    hidden, head, target = (each.float() if each.is_floating_point() else each for each in call)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = vocab_parallel_linear_softmax_cross_entropy(hidden, head, target)
    narrow = vocab_parallel_linear_softmax_cross_entropy(hidden.bfloat16(), head.bfloat16(), target)
    assert found.dtype == torch.float32
    assert found == narrow


# torch's compiler looks at the gradient of what comes back
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
def test_torch_compile_leaves_the_graph_and_comes_back(call):
    @torch.compile(backend="eager")
    def step(hidden, head, target):
        return 2 * vocab_parallel_linear_softmax_cross_entropy(hidden, head, target)

    assert_close(step(*call), 2 * vocab_parallel_linear_softmax_cross_entropy(*call))


def test_bad_arguments_name_themselves(call):
    hidden, head, target = call
    loss = vocab_parallel_linear_softmax_cross_entropy
    with pytest.raises(XentValueError, match=r"target must have the shape of the rows, \(2, 3\)"):
        loss(hidden, head, target[:1])
    with pytest.raises(XentValueError, match="weight must not need a gradient"):
        loss(hidden, head, target, weight=torch.ones(7, requires_grad=True))
    with pytest.raises(XentTypeError, match="hidden must be a Tensor"):
        loss(hidden.detach().numpy(), head, target)
    with pytest.raises(XentValueError, match="logits must have their classes last"):
        vocab_parallel_cross_entropy(torch.tensor(0.0), target)
    with pytest.raises(XentTypeError, match="linear_weight must be this rank's own tensor"):
        loss(hidden, head.detach().as_subclass(Odd), target)


class Odd(torch.Tensor):
    """Some other kind of tensor."""
