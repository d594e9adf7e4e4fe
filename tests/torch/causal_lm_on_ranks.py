"""One rank of a run over several processes: `causal_lm_on_ranks.py RANK RANKS STORE`.

Prints, as JSON, the loss and the gradients that a transformer gets on uneven parts of a
batch, replicated and sharded; test_causal_lm_on_ranks.py starts all ranks and judges. The
whole batch in one process is computed here too, from the same seed.
"""

import copy
import datetime
import json
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoModelForCausalLM, LlamaConfig

from xent.torch.causal_lm import CausalLMLoss, causal_lm_loss

V, ROWS = 31, 5


def model_of():
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(
        LlamaConfig(
            vocab_size=V, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, tie_word_embeddings=True,
        )
    ).double()  # fmt: skip


def batch_of(rows):
    """Rows of which the first has one label, and each has more than the one before."""
    tokens = torch.randint(V, (ROWS, 7), generator=torch.Generator().manual_seed(1))
    labels = torch.where(torch.arange(7) < 5 - torch.arange(ROWS)[:, None], -100, tokens)
    return {"input_ids": tokens[rows], "labels": labels[rows]}


def by_name(module, full=lambda gradient: gradient):
    return {
        name.split("model.", 1)[1]: full(p.grad).tolist() for name, p in module.named_parameters()
    }


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
    mine = batch_of(slice(0, 1) if rank == 0 else slice(1, ROWS))
    model = model_of()

    whole = CausalLMLoss(copy.deepcopy(model))
    loss = whole(batch_of(slice(None)))
    loss.backward()
    found = {"whole": {"loss": loss.item(), "gradients": by_name(whole)}}

    replicated = DistributedDataParallel(CausalLMLoss(copy.deepcopy(model), reduction="total"))
    loss = replicated(mine).all_reduce().mean()
    loss.backward()
    found["replicated"] = {"loss": loss.item(), "gradients": by_name(replicated.module)}

    sharded = CausalLMLoss(copy.deepcopy(model), reduction="total")
    mesh = init_device_mesh("cpu", (ranks,))
    for layer in sharded.model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    loss = sharded(mine).all_reduce().mean()
    loss.backward()
    gradients = by_name(sharded, lambda gradient: gradient.full_tensor())
    found["sharded"] = {"loss": loss.item(), "gradients": gradients}
    try:
        causal_lm_loss(sharded.model, mine)
    except TypeError as error:
        found["refused"] = str(error)
    print(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
