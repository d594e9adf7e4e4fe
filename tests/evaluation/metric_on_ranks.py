"""One rank of a run over several processes: `metric_on_ranks.py RANK RANKS STORE`.

Prints, as JSON, what each scenario gives on this rank; test_metric.py starts all ranks and
judges. All rows in one process are scored here too, from the same seeds.
"""

import json
import sys

import torch
import torch.distributed as dist

from xent.errors import XentValueError
from xent.evaluation import Metric

CLASSES = 3


def rows_of(rank, rows):
    draw = torch.Generator().manual_seed(rank)
    logits = 3 * torch.randn(rows, CLASSES, generator=draw)
    return logits, torch.randint(CLASSES, (rows,), generator=draw)


def bits(evaluation):
    return evaluation.summary.without_rows().to_json()


def scenario(rank, ranks, count_of, **options):
    metric, whole = Metric("logits", **options), Metric("logits", sync=False, **options)
    for r in range(ranks):
        logits, target = rows_of(r, count_of(r))
        if options.get("task") == "multi":
            target = (logits > 1).long()
        whole.update(logits, target)
        if r == rank:
            for a in range(0, len(logits), 7):
                metric.update(logits[a : a + 7], target[a : a + 7])
    return metric, {"summary": bits(metric.compute()), "whole": bits(whole.compute())}


def main():
    rank, ranks, store = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    dist.init_process_group("gloo", store=dist.FileStore(store, ranks), rank=rank, world_size=ranks)
    metric, uneven = scenario(rank, ranks, lambda r: 5 * 3**r)
    said = {
        "uneven": uneven,
        "called": sorted({str(w["row"]).partition(":")[0] for w in metric.compute().worst}),
        "one_empty": scenario(rank, ranks, lambda r: 20 * (r != 1))[1],
        "labels": scenario(rank, ranks, lambda r: 4 + r, task="multi")[1],
    }
    metric.sync = False
    said["alone"], said["own_rows"] = metric.compute().num_rows, 5 * 3**rank
    try:
        Metric().compute()
    except XentValueError as error:
        said["all_empty"] = str(error)
    other = Metric("logits", zero="inf" if rank == 0 else "clip:1e-9")
    other.update(*rows_of(rank, 5))
    try:
        other.compute()
    except XentValueError as error:
        said["other_settings"] = str(error)
    dist.destroy_process_group()
    print(json.dumps(said))


if __name__ == "__main__":  # pytest looks into every file for examples
    main()
