"""Linear losses of 16 bits on a device, without one: every allocation, and the roundings."""

import weakref

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from xent.errors import XentValueError
from xent.torch._linear.plan import Need
from xent.torch._linear.products import Operands, Wanted
from xent.torch._linear.softmax import tall
from xent.torch._linear.softmax.scores import Scored
from xent.torch._linear.softmax.tall_plan import _evened, plan_tall
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

GB = 10**9
LLAMA = (8192, 4096, 128256)


class Ledger(TorchDispatchMode):
    """Counts the bytes of all storages that operations make, while they live."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.living = set()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = tree_leaves((args, kwargs))
        before = {each.untyped_storage()._cdata for each in given if torch.is_tensor(each)}
        result = function(*args, **(kwargs or {}))
        self.operations.append(function)
        for each in tree_leaves(result):
            if torch.is_tensor(each) and each.untyped_storage()._cdata not in before:
                self._add(each.untyped_storage())
        return result

    def _add(self, storage):
        name, count = storage._cdata, storage.nbytes()
        if name in self.living:
            return
        self.living.add(name)
        self.now += count
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._remove, name, count)

    def _remove(self, name, count):
        self.living.remove(name)
        self.now -= count


def scored(block, task, path, *, gradient, scale, row_scale, statistics, out):
    """As the kernels: three numbers a row, and the gradient where it is told."""
    rows = block.new_empty(block.shape[:1])
    return Scored(rows, block.new_empty((), dtype=torch.float64), None)


def peak_of(shape, plan, *, dropped=False, wanted=(True, True, False), given=False):
    """Return bytes beside operands and gradients, and the operations that were called."""
    rows, features, classes = shape
    new = torch.empty(0, dtype=torch.bfloat16, device="meta").new_empty
    operands = Operands(new((rows, features)), new((classes, features)), None)
    target = torch.empty(rows, dtype=torch.int64, device="meta")
    kept = torch.empty(rows, dtype=torch.int64, device="meta") if dropped else None
    buffer = new((classes, features), dtype=torch.float32) if given else None
    with Ledger() as ledger:
        found = tall.walk_tall(
            operands, LinearTask(SoftmaxTask(1, target=target)), plan, "triton", kept=kept,
            wanted=Wanted(*wanted), given=buffer,
        )  # fmt: skip
    gradients = 2 * features * (rows * wanted[0] + classes * (wanted[1] and not given))
    if plan.sums == "wide":
        gradients -= 2 * features * classes
    del found
    return ledger.peak - gradients, ledger.operations


def need_of(shape, **options):
    return Need(*shape, torch.bfloat16, "cuda", **options)


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch):
    monkeypatch.setattr(tall, "score_", scored)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize(
    ("memory", "result", "sums"),
    [
        (None, "narrow", "float32"),
        (3 * GB, "narrow", "one product"),
        (1.6 * GB, "narrow", "in place"),
        (1.05 * GB, "given", "given"),
        (0.3 * GB, "given", "given"),
        (3 * GB, "wide", "wide"),
    ],
)
def test_the_bytes_of_a_plan_are_those_that_are_allocated(memory, result, sums, dropped):
    plan = plan_tall(need_of(LLAMA), memory and int(memory), result)
    assert plan.sums == sums
    assert memory is None or plan.bytes <= memory
    taken, _ = peak_of(LLAMA, plan, dropped=dropped, given=result == "given")
    assert taken <= plan.bytes
    # what is left are hidden states that were not copied, since no row was dropped
    spare = 0 if dropped else 2 * LLAMA[1] * plan.rows + 2 * LLAMA[1] * min(plan.rows, 1024)
    assert taken >= 0.99 * plan.bytes - spare


def test_frozen_parts_take_less():
    for wanted in ((True, False, False), (False, True, False), (False, False, False)):
        need = need_of(LLAMA, hidden=wanted[0], weight=wanted[1])
        plan = plan_tall(need, 3 * GB)
        assert plan.products == 1 + sum(wanted)
        assert peak_of(LLAMA, plan, wanted=wanted)[0] <= plan.bytes


def test_nothing_is_asked_of_the_device():
    plan = plan_tall(need_of(LLAMA))
    called = {str(each) for each in peak_of(LLAMA, plan)[1]}
    assert not called & {
        "aten._local_scalar_dense.default", "aten.item.default", "aten.nonzero.default",
        "aten.is_nonzero.default", "aten.equal.default",
    }  # fmt: skip
    assert "aten.mm.dtype_out" in called
    assert "aten.addmm.dtype_out" in called


def test_the_default_blocks_hide_the_traffic_of_the_weight():
    for shape in (LLAMA, (65536, 4096, 32000), (8192, 2304, 256000), (16384, 2048, 248320)):
        assert plan_tall(need_of(shape)).rows >= 1000


def test_a_budget_without_room_for_the_sum_is_refused():
    with pytest.raises(XentValueError, match="memory must be at least 1003"):
        plan_tall(need_of(LLAMA), int(0.3 * GB))


sizes = st.integers(1, 3000)


@example(769, 39, 1, 289837, True, False)  # more rows of logits than of gradients
@given(sizes, sizes, sizes, st.integers(1 << 10, 1 << 26), st.booleans(), st.booleans())
def test_blocks_cover_all_rows_and_keep_to_the_budget(rows, features, classes, memory, h, w):
    need = need_of((rows, features, classes), hidden=h, weight=w)
    try:
        plan = plan_tall(need, memory)
    except XentValueError as refused:
        least, unit = str(refused).split("at least ")[1].split()[:2]
        power = {"B": 0, "KiB": 1, "MiB": 2, "GiB": 3}[unit]
        plan = plan_tall(need, int((float(least) + 0.1) * 1024**power) + 1)
    else:
        assert plan.bytes <= memory
    blocks = list(plan.blocks_of(rows))
    assert [begin for begin, _ in blocks] == [0, *(end for _, end in blocks[:-1])]
    assert blocks[-1][1] == rows
    assert max(end - begin for begin, end in blocks) <= plan.rows
    assert len(blocks) == plan.blocks
    assert plan.scored <= max(plan.rows, 1)


def test_a_plan_in_words():
    text = str(plan_tall(need_of(LLAMA)))
    assert "3 matrix products" in text
    assert "rows of logits at a time, the weight's gradient is summed in float32" in text


def by_formulas(block, task, path, *, gradient, scale, row_scale, statistics, out):
    """As the kernels, but the gradient is rounded to nearest, as by a GPU."""
    rows = formulas.rows(block, task)
    if gradient:
        out.copy_(formulas.gradient(block, task, torch.full_like(rows, scale)))
    return Scored(rows, rows.sum(dtype=torch.float64), None)


@pytest.mark.parametrize("sums", ["one product", "float32", "in place", "wide", "given"])
@pytest.mark.parametrize("kind", ["random", "one direction"])
def test_the_error_of_the_weight_s_gradient_does_not_grow_with_the_blocks(sums, kind, monkeypatch):
    monkeypatch.setattr(tall, "score_", by_formulas)
    shape = rows, features, classes = 2048, 64, 100
    draw = torch.Generator().manual_seed(4)
    hidden = torch.randn(rows, features, generator=draw) + 3 * (kind == "one direction")
    hidden = hidden.to(torch.bfloat16)
    weight = torch.randn(classes, features, generator=draw).to(torch.bfloat16) / 8
    target = torch.randint(0, classes // 4, (rows,), generator=draw)
    most = rows if sums == "one product" else 32
    plan = _evened(need_of(shape), most, 16, sums)
    assert plan.blocks == (1 if sums == "one product" else 64)
    buffer = torch.zeros(classes, features) if sums == "given" else None
    found = tall.walk_tall(
        Operands(hidden, weight, None), LinearTask(SoftmaxTask(1, target=target)), plan, "triton",
        kept=None, wanted=Wanted(False, True, False), scale=1.0, given=buffer,
    ).gradients.weight  # fmt: skip
    if sums == "given":
        assert found is None
        found = buffer
    wide = sums in ("wide", "given")
    assert found.dtype is (torch.float32 if wide else torch.bfloat16)
    p = (hidden.double() @ weight.double().t()).softmax(dim=1)
    p[torch.arange(rows), target] -= 1
    exact = p.t() @ hidden.double()
    # of the same 16-bit block of gradients
    one = p.to(torch.bfloat16).double().t() @ hidden.double()
    one = one if wide else one.to(torch.bfloat16).double()
    assert (found.double() - exact).norm() <= 1.02 * (one - exact).norm()
