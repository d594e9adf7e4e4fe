"""What a linear loss of 16 bits takes on a device: every allocation, counted without one."""

import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from xent.errors import XentValueError
from xent.torch._linear import tall
from xent.torch._linear.plan import Need
from xent.torch._linear.products import Operands, Wanted
from xent.torch._linear.scores import Scored
from xent.torch._linear.tall_plan import plan_tall
from xent.torch._linear.task import LinearTask
from xent.torch._tasks import SoftmaxTask

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
        (1.05 * GB, "narrow", "16 bits"),
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


def test_a_budget_without_the_sum_has_few_roundings():
    plan = plan_tall(need_of(LLAMA), int(1.05 * GB))
    ends = [end for _, end in plan.blocks_of(LLAMA[0])]
    assert len(ends) == 3
    assert ends[0] < plan.rows
    with pytest.raises(XentValueError, match="memory must be at least 1003"):
        plan_tall(need_of(LLAMA), int(0.3 * GB))


sizes = st.integers(1, 3000)


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
