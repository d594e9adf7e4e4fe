"""One rank of a run over several processes: `total_on_ranks.py RANK RANKS STORE`.

Prints, as JSON, what each scenario gives on this rank; test_total.py starts all ranks and
judges. The whole batch in one process is computed here too, from the same seed.
"""

import copy
import datetime
import json
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from xent.errors import XentValueError
from xent.torch.total import Total

FEATURES, CLASSES = 5, 3


def batch_of(rank):
    """Tokens are spread unevenly, and one rank has three times as many as the one before."""
    rows = 2 * 3**rank
    draw = torch.Generator().manual_seed(rank)
    x = torch.randn(rows, FEATURES, generator=draw, dtype=torch.float64)
    return x, torch.randint(CLASSES, (rows,), generator=draw)


def total_of(model, x, target):
    return Total(functional.cross_entropy(model(x), target, reduction="sum"), len(x), len(x))


def gradients(model):
    return [p.grad.tolist() for p in model.parameters()]


def reset(model):
    for p in model.parameters():
        p.grad = None


def whole_batch(model, ranks):
    parts = [batch_of(rank) for rank in range(ranks)]
    x, target = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    loss = total_of(model, x, target).mean()
    loss.backward()
    found = {"mean": loss.item(), "count": len(x), "gradient": gradients(model)}
    reset(model)
    return found


def data_parallel(model, batch):
    wrapped = DistributedDataParallel(copy.deepcopy(model))
    total = total_of(wrapped, *batch).all_reduce()
    total.mean().backward()
    return {
        "mean": total.mean().item(),
        "count": total.count.item(),
        "gradient": gradients(wrapped),
    }


def fully_sharded(model, batch):
    sharded = copy.deepcopy(model)
    fully_shard(sharded, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))
    total_of(sharded, *batch).all_reduce().mean().backward()
    return [p.grad.full_tensor().tolist() for p in sharded.parameters()]


def mean_of_means(model, batch):
    wrapped = DistributedDataParallel(copy.deepcopy(model))
    total_of(wrapped, *batch).mean().backward()
    return gradients(wrapped)


def accumulated(model, batch):
    """Micro-batches of 1 and the rest, each backward on its own with the count of the step."""
    wrapped = DistributedDataParallel(copy.deepcopy(model))
    x, target = batch
    tokens = Total(0.0, len(x), len(x)).all_reduce().weight / dist.get_world_size()
    with wrapped.no_sync():
        total_of(wrapped, x[:1], target[:1]).mean(over=tokens).backward()
    total_of(wrapped, x[1:], target[1:]).mean(over=tokens).backward()
    return gradients(wrapped)


def summed(model, batch):
    model = copy.deepcopy(model)
    total = sum([total_of(model, x, y) for x, y in zip(*map(halves, batch), strict=True)], Total())
    total.all_reduce(gradient="sum").mean().backward()
    for p in model.parameters():
        dist.all_reduce(p.grad)
    return gradients(model)


def halves(tensor):
    return tensor[:1], tensor[1:]


def compiled(model, batch):
    model = copy.deepcopy(model)

    @torch.compile(fullgraph=True, backend="aot_eager")
    def loss(x, target):
        return total_of(model, x, target).all_reduce(gradient="sum").mean()

    value = loss(*batch)
    value.backward()
    for p in model.parameters():
        dist.all_reduce(p.grad)
    return {"mean": value.item(), "gradient": gradients(model)}


def edges(rank, ranks):
    last = rank == ranks - 1
    some = torch.tensor(3.0, requires_grad=True)
    without_rows = (Total() if last else Total(some, 2.0, 2)).all_reduce()
    if not last:
        without_rows.mean().backward()

    infinite = Total(torch.tensor(float("inf") if last else 1.0), 1.0, 1).all_reduce()

    none = torch.ones(3, requires_grad=True)
    nothing = Total((none * 0).sum(), torch.tensor(0.0), 0).all_reduce().mean()
    nothing.backward()

    many = Total(torch.tensor(1.0), 1.0, 2**53 // ranks - (1 if last else 0)).all_reduce()
    return {
        "without rows": without_rows.mean().item(),
        "infinite": infinite.mean().item(),
        "nothing": nothing.item(),
        "gradient of nothing": none.grad.tolist(),
        "many": many.count.item(),
        "refused": refusal(dist.new_group([0]), rank),
    }


def refusal(group_of_rank_0, rank):
    try:
        Total(torch.tensor(1.0), 1.0, 1).all_reduce(group_of_rank_0)
    except XentValueError as error:
        return str(error)
    return f"rank {rank} is in the group"


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
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(FEATURES, 4), torch.nn.Tanh(), torch.nn.Linear(4, CLASSES)
    ).double()
    found = {"whole": whole_batch(model, ranks)}
    batch = batch_of(rank)
    found["data parallel"] = data_parallel(model, batch)
    found["fully sharded"] = fully_sharded(model, batch)
    found["mean of means"] = mean_of_means(model, batch)
    found["accumulated"] = accumulated(model, batch)
    found["summed"] = summed(model, batch)
    found["compiled"] = compiled(model, batch)
    found["edges"] = edges(rank, ranks)
    print(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
