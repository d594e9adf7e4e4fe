"""One rank of a run over several processes: `dtensors_on_ranks.py RANK RANKS STORE`.

Prints, as JSON, how far the losses of DTensors are from those of the whole tensors, and their
gradients; test_dtensors_on_ranks.py starts all ranks and judges.
"""

import datetime
import json
import sys
import warnings

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from xent.torch import functional as F

N, C = 6, 6

LOSSES = {
    "classes": lambda x, t, p, w: F.cross_entropy(x, t),
    "ignored": lambda x, t, p, w: F.cross_entropy(x, t, ignore_index=2, z_loss=0.1),
    "weights": lambda x, t, p, w: F.cross_entropy(x, t, w, label_smoothing=0.1),
    "distributions": lambda x, t, p, w: F.cross_entropy(x, p),
    "rows": lambda x, t, p, w: F.cross_entropy(x, t, reduction="none").sum(),
    "labels": lambda x, t, p, w: F.binary_cross_entropy_with_logits(x, p, w),
    "probabilities": lambda x, t, p, w: F.binary_cross_entropy(x.sigmoid(), p),
    "log-probabilities": lambda x, t, p, w: F.nll_loss(x.log_softmax(1), t),
    "divergence": lambda x, t, p, w: F.kl_div(x.log_softmax(1), p, reduction="batchmean"),
    "squares": lambda x, t, p, w: F.mse_loss(x, p),
}


def whole():
    draw = torch.Generator().manual_seed(0)
    x, p = torch.randn(2, N, C, generator=draw, dtype=torch.float64)
    w = torch.rand(C, generator=draw, dtype=torch.float64) + 0.1
    return x, torch.tensor([0, 5, 2, 2, 1, 4]), p.softmax(1), w


def distances(mesh, placement, loss):
    """Return the distance of the value, and the largest of an entry of the gradient."""
    x, t, p, w = whole()
    right = x.clone().requires_grad_()
    value = loss(right, t, p, w)
    value.backward()
    of_rows = placement if placement.is_shard(0) else Replicate()
    shared = distribute_tensor(x, mesh, [placement]).requires_grad_()
    found = loss(
        shared,
        distribute_tensor(t, mesh, [of_rows]),
        distribute_tensor(p, mesh, [placement]),
        distribute_tensor(w, mesh, [Replicate()]),
    )
    found.backward()
    gradient = shared.grad.full_tensor()
    return [
        abs(found.full_tensor().item() - value.item()),
        (gradient - right.grad).abs().max().item(),
    ]


def main(rank, ranks, store):
    dist.init_process_group(
        "gloo", rank=rank, world_size=ranks, store=dist.FileStore(store, ranks),
        timeout=datetime.timedelta(seconds=300),
    )  # fmt: skip
    mesh = init_device_mesh("cpu", (ranks,))
    placements = {"everywhere": Replicate(), "rows": Shard(0), "classes": Shard(1)}
    print(json.dumps({
        f"{name} by {where}": distances(mesh, placement, loss)
        for where, placement in placements.items()
        for name, loss in LOSSES.items()
    }))  # fmt: skip
    dist.destroy_process_group()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
