"""`Total` of tensors: what was split and merged is the whole, in value and gradient."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ranks import said_by
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.nn import functional

import xent
from xent.errors import MergeError, XentValueError
from xent.torch.total import Total, _packed

RANK = Path(__file__).with_name("total_on_ranks.py")
EPS = 2.0**-52


def total_of(model, x, target):
    return Total(functional.cross_entropy(model(x), target, reduction="sum"), len(x), len(x))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return torch.nn.Linear(4, 3).double()


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return torch.randn(30, 4, dtype=torch.float64), torch.randint(3, (30,))


# One process ------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(30,), (29, 1), (0, 30), (13, 4, 1, 12)])
@pytest.mark.parametrize(
    "merge", [xent.merge, lambda parts: sum(parts, xent.Total()), lambda parts: sum(parts, Total())]
)
def test_uneven_micro_batches_are_the_whole_batch(model, batch, sizes, merge):
    expected = functional.cross_entropy(model(batch[0]), batch[1])
    want = torch.autograd.grad(expected, tuple(model.parameters()))
    parts = [
        total_of(model, x, y)
        for x, y in zip(*(tensor.split(sizes) for tensor in batch), strict=True)
    ]
    total = merge(parts)
    assert type(total) is Total
    assert total.count == 30
    found = torch.autograd.grad(total.mean(), tuple(model.parameters()))
    torch.testing.assert_close(total.mean(), expected, rtol=30 * EPS, atol=0)
    torch.testing.assert_close(found, want, rtol=0, atol=30 * EPS)


def test_each_part_may_go_backward_alone_with_the_denominator_of_the_step(model, batch):
    functional.cross_entropy(model(batch[0]), batch[1]).backward()
    want = [p.grad for p in model.parameters()]
    model.zero_grad()
    for x, y in zip(*(tensor.split((25, 5)) for tensor in batch), strict=True):
        total_of(model, x, y).mean(over=30).backward()
    found = [p.grad for p in model.parameters()]
    torch.testing.assert_close(found, want, rtol=0, atol=30 * EPS)


@pytest.mark.parametrize("weight", [0, 0.0, torch.tensor(0.0), torch.tensor(0)])
def test_the_mean_of_nothing_is_nan_and_leaves_other_gradients_alone(weight):
    x = torch.ones(2, requires_grad=True)
    mean = Total((x * 0).sum(), weight, 0).mean()
    assert torch.isnan(mean)
    mean.backward()
    assert x.grad.tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weight", [3.0, torch.tensor(3.0), torch.tensor(3.0).double()])
def test_the_mean_has_the_dtype_of_the_sum(dtype, weight):
    mean = Total(torch.tensor(1.0, dtype=dtype), weight, 3).mean()
    assert mean.dtype == dtype
    assert mean.item() == pytest.approx(1 / 3, rel=torch.finfo(dtype).eps)


def test_a_weight_may_have_a_gradient():
    weight = torch.tensor(4.0, requires_grad=True)
    Total(torch.tensor(6.0), weight, 4).mean().backward()
    assert weight.grad.item() == -6 / 16


def test_units_convert_and_do_not_mix():
    in_bits = Total(torch.tensor(math.log(2), dtype=torch.float64), 1.0, 1).to("bit")
    assert type(in_bits) is Total
    assert in_bits.sum.item() == pytest.approx(1, rel=2 * EPS)
    with pytest.raises(MergeError, match="D30"):
        in_bits + Total(torch.tensor(1.0), 1.0, 1)


def test_detach_cuts_the_graph_and_item_leaves_torch():
    x = torch.tensor(2.0, requires_grad=True)
    total = Total(x * 3, x * 1, torch.tensor(2))
    assert total.sum.requires_grad
    assert not total.detach().sum.requires_grad
    assert not total.detach().weight.requires_grad
    assert total.item() == xent.Total(6.0, 2.0, 2)
    assert type(total.item()) is xent.Total
    assert isinstance(total.item().count, int)


def test_without_a_process_group_all_reduce_is_the_total_itself():
    total = Total(torch.tensor(6.0), 3.0, 3)
    assert total.all_reduce() is total
    with pytest.raises(XentValueError, match=r"gradient must be one of \('mean', 'sum'\).*'avg'"):
        total.all_reduce(gradient="avg")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_nothing_waits_for_a_device(device):
    # a fake tensor has no value: whatever asks for one raises
    with FakeTensorMode():
        sum_ = torch.ones((), device=device)
        count = torch.ones((), device=device, dtype=torch.int64)
        total = Total(sum_, count.double(), count) + Total(sum_ * 2, 3.0, 3) + Total()
        assert total.mean().device.type == device
        total.to("bit").detach().mean(over=count)
        assert _packed(total, total.sum.device).device.type == device
        with pytest.raises(DataDependentOutputException):
            total.item()


def make(x):
    return Total(x.sum(), x.new_full((), len(x)), torch.tensor(len(x)))


def test_totals_pass_through_the_transforms_of_torch():
    x = torch.randn(3, 4)
    compiled = torch.compile(lambda x: make(x) + Total(), fullgraph=True, backend="eager")
    assert compiled(x[0]).item() == make(x[0]).item()
    mapped = torch.func.vmap(make)(x)
    assert type(mapped) is Total
    assert mapped.sum.tolist() == [make(row).sum.item() for row in x]

    class Model(torch.nn.Module):
        def forward(self, x):
            return Total(x.sum(), 4.0, 4, "bit")

    exported = torch.export.export(Model(), (x[0],)).module()(x[0])
    assert exported.item() == Total(x[0].sum(), 4.0, 4, "bit").item()
    assert torch.func.grad(lambda x: make(x).mean())(x[0]).tolist() == [0.25] * 4


# Several processes ------------------------------------------------------------


@pytest.fixture(scope="module", params=[2, 4])
def ranks(request, tmp_path_factory):
    """Return what each rank printed."""
    return said_by(RANK, request.param, tmp_path_factory.mktemp("ranks"))


def assert_same_gradient(found, want):
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=100 * EPS)


def test_data_parallel_training_is_one_process_with_the_whole_batch(ranks):
    for rank in ranks:
        assert rank["data parallel"]["mean"] == ranks[0]["data parallel"]["mean"]
        assert rank["data parallel"]["mean"] == pytest.approx(rank["whole"]["mean"], rel=100 * EPS)
        assert rank["data parallel"]["count"] == rank["whole"]["count"]
        assert_same_gradient(rank["data parallel"]["gradient"], rank["whole"]["gradient"])


def test_a_mean_a_rank_would_be_another_gradient(ranks):
    # or the test above could not fail: ranks have 2, 6, 18 ... rows
    for rank in ranks:
        largest = max(np.abs(g).max() for g in rank["whole"]["gradient"])
        apart = [
            np.abs(np.subtract(a, b)).max()
            for a, b in zip(rank["mean of means"], rank["whole"]["gradient"], strict=True)
        ]
        assert max(apart) > 0.1 * largest


@pytest.mark.parametrize("how", ["accumulated", "summed", "fully sharded"])
def test_other_ways_to_train_on_ranks_are_the_whole_batch(ranks, how):
    for rank in ranks:
        assert_same_gradient(rank[how], rank["whole"]["gradient"])


def test_all_reduce_compiles_without_a_graph_break(ranks):
    for rank in ranks:
        assert rank["compiled"]["mean"] == pytest.approx(rank["whole"]["mean"], rel=100 * EPS)
        assert_same_gradient(rank["compiled"]["gradient"], rank["whole"]["gradient"])


def test_edges_on_ranks(ranks):
    for index, rank in enumerate(ranks):
        edges = rank["edges"]
        assert edges["without rows"] == 1.5
        assert edges["infinite"] == math.inf
        assert math.isnan(edges["nothing"])
        assert edges["gradient of nothing"] == [0, 0, 0]
        assert edges["many"] == 2**53 - 1
        expected = "rank 0 is in the group" if not index else f"but rank {index} is not in it"
        assert expected in edges["refused"]
