"""One rank of a run over several processes: `parallel_on_ranks.py RANK RANKS STORE`.

Prints, as JSON, what each scenario gives on this rank and what one process gives, which is
computed here too, from the same seed; test_parallel.py starts all ranks and judges.
"""

import datetime
import json
import sys
import zlib

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from xent.errors import UnavailableError, XentValueError
from xent.torch import functional as F
from xent.torch._linear.ranks import call as engine
from xent.torch.parallel import (
    vocab_parallel_cross_entropy,
    vocab_parallel_linear_softmax_cross_entropy,
)

INF = torch.inf
ROWS, FEATURES, CLASSES = 11, 6, 24
# one rank has no class in the runs of four
SIZES = {2: (15, 9), 4: (9, 0, 13, 2)}
ABOUT_CLASSES = ("weight", "class_mask", "linear_bias")


def draw(name):
    """Inputs of a scenario: the same on every rank."""
    torch.manual_seed(zlib.crc32(name.encode()))
    data = {
        "hidden": torch.randn(ROWS, FEATURES, dtype=torch.float64),
        "linear_weight": torch.randn(CLASSES, FEATURES, dtype=torch.float64),
        "linear_bias": torch.randn(CLASSES, dtype=torch.float64),
        "target": torch.randint(CLASSES, (ROWS,)),
        "weight": (torch.rand(CLASSES, dtype=torch.float64) + 0.5)
        * (torch.arange(CLASSES) % 5 > 0),
        "sample_weight": torch.rand(ROWS, dtype=torch.float64) + 0.5,
    }
    data["soft"] = torch.softmax(torch.randn(ROWS, CLASSES, dtype=torch.float64), -1)
    data["class_mask"] = torch.rand(CLASSES) < 0.7
    data["class_mask"][data["target"]] = True
    return data


def scenarios(ranks):
    """What each is called with beside hidden and weight; names are taken from the drawing."""
    last = sum(SIZES[ranks][:-1])
    return {
        "plain": {},
        "sum": {"reduction": "sum"},
        "rows": {"reduction": "none"},
        "total": {"reduction": "total", "weight": ..., "sample_weight": ...},
        "weighted": {"linear_bias": ..., "weight": ..., "sample_weight": ...},
        "weighted and smoothed": {"weight": ..., "label_smoothing": 0.2, "sample_weight": ...},
        "rows skipped": {"ignore_index": ..., "sample_weight": "some 0"},
        "all skipped": {"ignore_index": "all"},
        "reshaped": {"linear_bias": ..., "z_loss": 0.1, "softcap": 3.0, "temperature": 0.7},
        "masked": {"class_mask": ..., "label_smoothing": 0.1, "z_loss": 0.01, "weight": ...},
        "masked by row": {"class_mask": "rows", "label_smoothing": 0.1, "weight": ...},
        "masked on a rank": {"class_mask": last, "label_smoothing": 0.1, "target": last},
        "impossible on a rank": {"linear_bias": last, "target": last},
        "distributions": {"target": "soft"},
        "distributions and more": {
            "target": "soft", "weight": ..., "label_smoothing": 0.1, "reduction": "none",
            "sample_weight": "some 0", "linear_bias": ...,
        },
    }  # fmt: skip


def arguments(name, options):
    data = draw(name)
    given = {"target": data["target"]}
    for option, value in options.items():
        given[option] = data.get(option) if value is ... else value
    if options.get("target") == "soft":
        given["target"] = data["soft"]
    elif "target" in options:  # classes below
        given["target"] = data["target"] % options["target"]
    if "ignore_index" in options:
        given["ignore_index"] = -100
        given["target"] = data["target"].clone()
        given["target"][:: 1 if options["ignore_index"] == "all" else 3] = -100
    if options.get("sample_weight") == "some 0":
        given["sample_weight"] = data["sample_weight"] * (torch.arange(ROWS) % 4 != 0)
    if options.get("class_mask") == "rows":
        given["class_mask"] = torch.rand(ROWS, CLASSES) < 0.7
        given["class_mask"][torch.arange(ROWS), data["target"]] = True
    elif isinstance(options.get("class_mask"), int):
        given["class_mask"] = torch.arange(CLASSES) < options["class_mask"]
    if isinstance(options.get("linear_bias"), int):
        impossible = torch.arange(CLASSES) >= options["linear_bias"]
        given["linear_bias"] = torch.where(impossible, -INF, data["linear_bias"])
    return data["hidden"], data["linear_weight"], given


def mine_of(given, mine):
    """Return the arguments of this rank."""
    out = dict(given)
    for name in ABOUT_CLASSES:
        if name in out:
            out[name] = out[name][..., mine]
    if out["target"].is_floating_point():
        out["target"] = out["target"][:, mine]
    return out


def cast(given, dtype):
    return {
        name: value.to(dtype) if name in ("linear_bias",) else value
        for name, value in given.items()
    }


def leaves_of(hidden, weight, given):
    given = dict(given)
    leaves = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
    if "linear_bias" in given:
        given["linear_bias"] = given["linear_bias"].clone().requires_grad_()
        leaves.append(given["linear_bias"])
    return leaves, given


def outcome(loss, leaves, slope):
    """Value and gradients, with some upstream gradient."""
    extra = {}
    if not isinstance(loss, torch.Tensor):
        extra = {"weight": float(loss.weight), "count": int(loss.count)}
        loss = loss.mean()
    torch.manual_seed(7)
    upstream = torch.rand(loss.shape, dtype=torch.float64).to(loss.dtype) + 0.5
    gradients = torch.autograd.grad(loss, leaves, upstream if slope else torch.ones_like(loss))
    return {
        "loss": loss.detach().double().tolist(),
        "dtype": str(loss.dtype),
        "bits": repr(loss.detach().double().tolist()),
        "gradients": [g.double().tolist() for g in gradients],
        **extra,
    }


def both(name, options, mine, dtype=torch.float64, **more):
    """Return what the ranks and what one process say to the same call."""
    hidden, weight, given = arguments(name, options)
    hidden, weight, given = hidden.to(dtype), weight.to(dtype), cast(given, dtype)
    leaves, own = leaves_of(hidden, weight[mine], mine_of(given, mine))
    loss = vocab_parallel_linear_softmax_cross_entropy(leaves[0], leaves[1], **own, **more)
    found = outcome(loss, leaves, slope=True)
    # the same numbers, in float64
    leaves, own = leaves_of(hidden.double(), weight.double(), cast(given, torch.float64))
    loss = F.linear_softmax_cross_entropy(*leaves[:2], **own)
    whole = outcome(loss, leaves, slope=True)
    whole["gradients"][1:] = [part_of(g, mine) for g in whole["gradients"][1:]]
    return {"ranks": found, "whole": whole}


def part_of(gradient, mine):
    return torch.tensor(gradient, dtype=torch.float64)[mine].tolist()


def by_formulas(options, mine):
    """As on a device, where no kernel serves slices."""
    native, engine._is_native = engine._is_native, lambda block: False
    try:
        return {name: both(name, each, mine) for name, each in options.items()}
    finally:
        engine._is_native = native


def of_logits(name, options, mine):
    hidden, weight, given = arguments(name, options)
    bias = given.pop("linear_bias", torch.zeros(CLASSES).double())
    logits = hidden @ weight.T + bias
    leaf = logits[:, mine].clone().requires_grad_()
    own = mine_of(given, mine)
    found = outcome(vocab_parallel_cross_entropy(leaf, **own), [leaf], slope=True)
    leaf = logits.clone().requires_grad_()
    eye = torch.eye(CLASSES, dtype=torch.float64)
    whole = outcome(F.linear_softmax_cross_entropy(leaf, eye, **given), [leaf], slope=True)
    columns = torch.tensor(whole["gradients"][0], dtype=torch.float64)[:, mine]
    whole["gradients"] = [columns.tolist()]
    return {"ranks": found, "whole": whole}


def narrow(mine, dtype):
    """A call in fewer bits, with the magnitudes that bound its error."""
    hidden, weight = (each.to(dtype).double() for each in arguments("plain", {})[:2])
    magnitudes = {
        "logit": (hidden.abs() @ weight.abs().T).max().item(),
        "hidden": hidden.abs().max().item(),
        "weight": weight.abs().max().item(),
    }
    return {**both("plain", {}, mine, dtype), "magnitudes": magnitudes}


def confident(mine):
    """Rows that are right by 17 to 100 nats, in float32, in each of the slices."""
    margins = torch.tensor([17.0, 40.0, 80.0, 100.0]).repeat(CLASSES)
    target = torch.arange(CLASSES).repeat_interleave(4)
    logits = torch.zeros(len(target), CLASSES)
    logits[torch.arange(len(target)), target] = margins
    leaf = logits[:, mine].clone().requires_grad_()
    loss = vocab_parallel_cross_entropy(leaf, target, reduction="none")
    (of_logits,) = torch.autograd.grad(loss.sum(), leaf)
    # features are classes, so that the logits are exact
    head = torch.eye(CLASSES)[mine].requires_grad_()
    rows = logits.clone().requires_grad_()
    linear = vocab_parallel_linear_softmax_cross_entropy(rows, head, target, reduction="sum")
    (of_hidden,) = torch.autograd.grad(linear, rows)
    return {
        "margins": margins.tolist(),
        "loss": loss.tolist(),
        "target": target.tolist(),
        "of logits": of_logits.tolist(),
        "of hidden": of_hidden.tolist(),
    }


def kept_graph(mine):
    """An upstream gradient of 2, twice, over a graph that is kept."""
    hidden, weight, given = arguments("kept graph", {})
    leaves, own = leaves_of(hidden, weight[mine], given)
    loss = vocab_parallel_linear_softmax_cross_entropy(*leaves, **own)
    twice = [
        torch.autograd.grad(2 * loss, leaves, retain_graph=True),
        torch.autograd.grad(2 * loss, leaves, retain_graph=True),
    ]
    leaves, own = leaves_of(hidden, weight, given)
    whole = torch.autograd.grad(2 * F.linear_softmax_cross_entropy(*leaves, **own), leaves)
    return {
        "found": [[g.tolist() for g in gradients] for gradients in twice],
        "whole": [whole[0].tolist(), whole[1][mine].tolist()],
    }


def parts_of_hidden(mine):
    """Gradients of hidden that nobody has added up, and their sum."""
    hidden, weight, given = arguments("plain", {})
    out = []
    for reduce_hidden_grad in (True, False):
        leaf = hidden.clone().requires_grad_()
        loss = vocab_parallel_linear_softmax_cross_entropy(
            leaf, weight[mine], **given, reduce_hidden_grad=reduce_hidden_grad
        )
        out.append(torch.autograd.grad(loss, leaf)[0])
    added = out[1].clone()
    dist.all_reduce(added)
    return {"whole": out[0].tolist(), "part": out[1].tolist(), "added": added.tolist()}


def frozen(mine):
    hidden, weight, given = arguments("plain", {})
    head, loss = weight[mine].clone().requires_grad_(), vocab_parallel_linear_softmax_cross_entropy
    (of_head,) = torch.autograd.grad(loss(hidden, head, **given), head)
    with torch.no_grad():
        value = loss(hidden, head, **given)
    leaves, own = leaves_of(hidden, weight, given)
    whole = F.linear_softmax_cross_entropy(*leaves, **own)
    _, expected = torch.autograd.grad(whole, leaves)
    return {
        "needs": value.requires_grad,
        "loss": [value.item(), whole.item()],
        "of head": [of_head.tolist(), expected[mine].tolist()],
    }


class Model(torch.nn.Module):
    """A layer that every rank has, and a head of which it has a part."""

    def __init__(self, weight):
        super().__init__()
        torch.manual_seed(3)
        self.layer = torch.nn.Linear(FEATURES, FEATURES).double()
        self.head = torch.nn.Parameter(weight)

    def forward(self, x):
        return torch.tanh(self.layer(x))


def two_by_two(rank):
    """Two halves of the vocabulary times two uneven parts of the batch."""
    hidden, weight, given = arguments("two by two", {"ignore_index": ...})
    groups = {kind: dist.new_subgroups_by_enumeration(ranks)[0] for kind, ranks in {
        "vocabulary": [[0, 1], [2, 3]], "data": [[0, 2], [1, 3]],
    }.items()}  # fmt: skip
    mine = slice(0, 15) if rank % 2 == 0 else slice(15, CLASSES)
    rows = slice(0, 4) if rank < 2 else slice(4, ROWS)
    model = DistributedDataParallel(Model(weight[mine].clone()), process_group=groups["data"])
    total = vocab_parallel_linear_softmax_cross_entropy(
        model(hidden[rows]), model.module.head, given["target"][rows], ignore_index=-100,
        group=groups["vocabulary"], reduction="total",
    )  # fmt: skip
    total = total.all_reduce(groups["data"])
    total.mean().backward()
    whole = Model(weight.clone())
    loss = F.linear_softmax_cross_entropy(
        whole(hidden), whole.head, given["target"], ignore_index=-100
    )
    loss.backward()
    expected = [p.grad for p in whole.parameters()]  # the head is its first
    expected[0] = expected[0][mine]
    return {
        "loss": [total.mean().item(), loss.item()],
        "count": [total.count.item(), int((given["target"] != -100).sum())],
        "gradients": [
            [p.grad.tolist() for p in model.module.parameters()],
            [g.tolist() for g in expected],
        ],
    }


def refusals(rank, ranks, mine):
    hidden, weight, given = arguments("refusals", {})
    target, loss = given["target"], vocab_parallel_linear_softmax_cross_entropy
    own = weight[mine].clone().requires_grad_()
    other = target.clone()
    other[3] = (other[3] + (rank == ranks - 1)) % CLASSES
    outside = target.clone()
    outside[5] = CLASSES
    group = dist.new_group([0])
    calls = {
        "other targets": lambda: loss(hidden, own, other),
        "other options": lambda: loss(hidden, own, target, z_loss=0.1 * rank),
        "other rows": lambda: loss(hidden[: ROWS - rank], own, target[: ROWS - rank]),
        "outside": lambda: loss(hidden, own, outside),
        "not in the group": lambda: loss(hidden, own, target, group=group) if rank else None,
        "second order": lambda: loss(hidden, own, target).backward(create_graph=True),
        "transform": lambda: torch.func.grad(lambda h: loss(h, weight[mine], target))(hidden),
        "no memory": lambda: loss(hidden, own, target, memory=8),
    }  # fmt: skip
    return {name: said(call) for name, call in calls.items()}


def said(call):
    try:
        call()
    except (XentValueError, UnavailableError) as error:
        return str(error)
    return "nothing"


def main():
    rank, ranks, store = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=ranks,
        timeout=datetime.timedelta(seconds=300),
    )
    sizes = SIZES[ranks]
    mine = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
    all_of_them = scenarios(ranks)
    one_row_a_block = CLASSES * 8
    found = {
        "float64": {name: both(name, options, mine) for name, options in all_of_them.items()},
        "blocks": {
            name: both(name, options, mine, memory=3 * one_row_a_block)
            for name, options in all_of_them.items()
        },
        "logits": {
            name: of_logits(name, options, mine)
            for name, options in all_of_them.items()
            if name != "impossible on a rank"  # -inf times 0, in one process
        },
        "formulas": by_formulas(all_of_them, mine),
        "float32": narrow(mine, torch.float32),
        "bfloat16": narrow(mine, torch.bfloat16),
        "confident": confident(mine),
        "kept graph": kept_graph(mine),
        "parts of hidden": parts_of_hidden(mine),
        "frozen": frozen(mine),
        "refusals": refusals(rank, ranks, mine),
        "mine": [mine.start, mine.stop],
    }
    if ranks == 4:
        found["two by two"] = two_by_two(rank)
    print(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
