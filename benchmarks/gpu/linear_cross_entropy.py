"""Linear cross-entropy on a GPU: checked, timed and measured against what else there is.

    python benchmarks/gpu/linear_cross_entropy.py                    # 8192 x 4096 x 128256
    python benchmarks/gpu/linear_cross_entropy.py --rows 2048 4096 8192
    python benchmarks/gpu/linear_cross_entropy.py --sweep            # heights of the two blocks
    TRITON_INTERPRET=1 python benchmarks/gpu/linear_cross_entropy.py --smoke   # without a GPU

A step is forward and backward of the mean loss of bfloat16 operands. Every implementation is
compared with float64 on some of its rows first. Times are of the device, by events, of one
step after the other ("hot") and with the L2 overwritten between steps ("cold"). Memory is the
peak of a step beside operands and gradients, as the allocator counts it. The error of the
weight's gradient is given in units of that of one product of all rows with 16-bit operands.
"""

import argparse
import importlib
import itertools
import statistics
import sys
from pathlib import Path

import torch
from torch.nn import functional as TORCH

sys.path.insert(0, str(Path(__file__).parents[1]))

from _harness import RESULTS, keep, parser

from xent.torch import functional as F
from xent.torch._linear.plan import Need
from xent.torch._linear.softmax import call as softmax
from xent.torch._linear.softmax import tall_plan

SHAPE = (8192, 4096, 128256)  # rows, features, classes: Llama 3
SMALL = (32, 16, 200)
BUDGETS = {"default": None, "2.4 GB": 2_400_000_000, "1.6 GB": 1_600_000_000,
           "1.05 GB": 1_050_000_000, "0.3 GB": 300_000_000}  # fmt: skip
CHECKED = 64  # rows whose gradient of the hidden state is compared
CLASSES = 512  # classes whose gradient of the weight is compared
CHUNK = 4096  # rows, of those that take a number


# What is compared ---------------------------------------------------------------------------


def by_xent(memory=None):
    def loss(hidden, weight, target):
        return F.linear_softmax_cross_entropy(
            hidden, weight, target, memory=memory, implementation="triton"
        )

    return loss


def of_logits(hidden, weight, target):
    return TORCH.cross_entropy(TORCH.linear(hidden, weight), target)


def by_torch_chunks(hidden, weight, target):
    options = torch.nn.LinearCrossEntropyOptions()
    return TORCH.linear_cross_entropy(hidden, weight, target, options=options)


def by_liger(**options):
    module = importlib.import_module("liger_kernel.transformers")
    loss = module.LigerFusedLinearCrossEntropyLoss(**options)
    return lambda hidden, weight, target: loss(weight, hidden, target)


def by_quack():
    module = importlib.import_module("quack.linear_cross_entropy")
    return lambda hidden, weight, target: module.chunked_linear_cross_entropy(
        hidden, weight, target, chunk_size=CHUNK
    )


def by_cce(name):
    module = importlib.import_module("cut_cross_entropy")
    return lambda hidden, weight, target: module.linear_cross_entropy(
        hidden, weight, target, impl=name
    )


def implementations(*, smoke):
    """Yield names and makers of (hidden, weight, target) -> loss."""
    budgets = {"default": None, "20 kB": 20_000} if smoke else BUDGETS
    for name, memory in budgets.items():
        yield f"xent, {name}", lambda memory=memory: by_xent(memory)
    yield "logits, torch", lambda: of_logits
    if hasattr(TORCH, "linear_cross_entropy"):
        yield "torch, chunked", lambda: by_torch_chunks
    if smoke:
        return
    yield "logits, torch.compile", lambda: torch.compile(of_logits)
    yield "liger", by_liger
    # 16 times as many rows as its own choice: 4096 of 8192
    yield "liger, 4096 rows", lambda: by_liger(chunk_mem_const=16)
    yield "liger, float32 sums", lambda: by_liger(accum_dtype=torch.float32)
    yield "quack", by_quack
    yield "cce", lambda: by_cce("cce")
    yield "cce_exact", lambda: by_cce("cce_exact")


# Inputs, and what is right ------------------------------------------------------------------


def draw(shape, kind, device):
    """Return operands whose logits are random, or as those of a trained model.

    Trained: most of a row's mass is on its target, some on a few hundred common classes.
    """
    rows, features, classes = shape
    make = torch.Generator(device).manual_seed(0)
    new = {"generator": make, "device": device}
    weight = torch.randn(classes, features, **new) / features**0.5
    hidden = torch.randn(rows, features, **new)
    target = torch.randint(classes, (rows,), **new)
    if kind == "trained":
        common = max(1, classes // 400)
        often = torch.rand(rows, **new) < 0.7
        target = torch.where(often, target % common, target)
        # margins from 0 to about 20 nats: a hidden state points to its class
        sure = torch.rand(rows, 1, **new) * 20
        weight[:common] *= 1.5
        norm = weight[target].norm(dim=1, keepdim=True) ** 2
        hidden = hidden + sure * weight[target] / norm
    leaves = (each.to(torch.bfloat16).requires_grad_() for each in (hidden, weight))
    return (*leaves, target)


class Exact:
    """Loss and gradients in float64: of all rows a part of the classes, of some rows all."""

    def __init__(self, hidden, weight, target):
        hidden, weight = hidden.detach(), weight.detach()
        count = len(hidden)
        self.rows = torch.arange(0, count, max(1, count // CHECKED), device=hidden.device)
        self.classes = torch.cat([target[:CLASSES], target.new_tensor(range(8))]).unique()
        new = {"dtype": torch.float64, "device": hidden.device}
        self.d_weight = torch.zeros(len(self.classes), hidden.shape[1], **new)
        one = torch.zeros_like(self.d_weight, dtype=torch.float32)
        self.loss = torch.zeros((), **new)
        parts = []
        wide = weight.double() if weight.numel() < 1 << 20 else None
        for begin in range(0, count, 64):
            some = slice(begin, begin + 64)
            x, y = hidden[some], target[some]
            p = self._logits(x, weight, wide).log_softmax(dim=1)
            self.loss -= p.gather(1, y[:, None]).sum() / count
            p.exp_()
            p[torch.arange(len(y), device=y.device), y] -= 1
            p /= count
            g = p[:, self.classes]
            self.d_weight += g.t() @ x.double()
            # what one product of all rows in 16 bits would give
            one += g.to(hidden.dtype).float().t() @ x.float()
            mine = (self.rows >= begin) & (self.rows < begin + 64)
            for row in self.rows[mine].tolist():
                parts.append(self._down(p[row - begin], weight, wide))
        self.d_hidden = torch.stack(parts)
        self.one_error = self._error(one.to(hidden.dtype), self.d_weight)

    @staticmethod
    def _logits(x, weight, wide):
        if wide is not None:
            return x.double() @ wide.t()
        x = x.double()
        return torch.cat([x @ part.double().t() for part in weight.split(8192)], dim=1)

    @staticmethod
    def _down(p, weight, wide):
        if wide is not None:
            return p @ wide
        pairs = zip(p.split(8192), weight.split(8192), strict=True)
        return sum(a @ part.double() for a, part in pairs)

    @staticmethod
    def _error(found, exact):
        return float((found.double() - exact).norm() / exact.norm())

    def errors(self, loss, d_hidden, d_weight):
        """Return relative errors of the loss and of both gradients."""
        return (
            abs(float(loss) / float(self.loss) - 1),
            self._error(d_hidden[self.rows], self.d_hidden),
            self._error(d_weight[self.classes], self.d_weight),
        )


# Time and memory ----------------------------------------------------------------------------


def step(loss, hidden, weight, target):
    def run():
        hidden.grad = weight.grad = None
        value = loss(hidden, weight, target)
        value.backward()
        return value.detach()

    return run


def products(hidden, weight, _):
    """Return a step of nothing but its three products, into tensors that are there."""
    x, w = hidden.detach(), weight.detach()
    d_hidden, d_weight = torch.empty_like(x), torch.empty_like(w)
    logits = x.new_empty(len(x), len(w))

    def run():
        torch.mm(x, w.t(), out=logits)
        torch.mm(logits, w, out=d_hidden)
        torch.mm(logits.t(), x, out=d_weight)

    return run


def milliseconds(run, rounds, flush):
    """Return the times of steps; `flush` is called before each, outside of the time."""
    times = []
    for turn in range(rounds + 3):
        if flush is not None:
            flush()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        if turn >= 3:
            times.append(begin.elapsed_time(end))
    return times


def peak_of(run, hidden, weight):
    """Return bytes of a step at its peak beside operands and gradients, and what stays."""
    run()
    hidden.grad = weight.grad = None
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    value = run()
    torch.cuda.synchronize()
    gradients = sum(each.grad.numel() * each.grad.element_size() for each in (hidden, weight))
    stays = torch.cuda.memory_allocated() - before - gradients
    del value
    return torch.cuda.max_memory_allocated() - before - gradients, stays


def measure(shape, kind, options):
    device = "cpu" if options.smoke else "cuda"
    hidden, weight, target = draw(shape, kind, device)
    exact = Exact(hidden, weight, target)
    flops = 6 * shape[0] * shape[1] * shape[2]
    scratch = None if options.smoke else torch.empty(256 << 20, dtype=torch.int8, device=device)
    rows = []
    for name, make in implementations(smoke=options.smoke):
        row = {"implementation": name}
        try:
            run = step(make(), hidden, weight, target)
            loss, d_hidden, d_weight = exact.errors(run(), hidden.grad, weight.grad)
            row |= {"loss_error": loss, "hidden_error": d_hidden,
                    "weight_error_of_one_product": d_weight / exact.one_error}  # fmt: skip
            right = loss <= 2.0**-5 and max(d_hidden, d_weight) <= 0.1
            row["result"] = "right" if right else "wrong"
            if right and not options.smoke:
                row |= timed(run, options.rounds, scratch, flops)
                peak, stays = peak_of(run, hidden, weight)
                row |= {"extra_bytes": peak, "kept_bytes": stays}
        except torch.OutOfMemoryError:
            row["result"] = "out of memory"
        except Exception as refused:  # not installed, or not for this GPU: said, and left out
            row["result"] = f"{type(refused).__name__}: {refused}"[:200]
        hidden.grad = weight.grad = None
        rows.append(row)
    if not options.smoke:
        torch.cuda.empty_cache()
        bare = timed(products(hidden, weight, target), options.rounds, scratch, flops)
        rows.append({"implementation": "three bare products", "result": "right", **bare})
    return rows


def timed(run, rounds, scratch, flops):
    hot = milliseconds(run, rounds, None)
    cold = milliseconds(run, rounds, scratch.zero_)
    low, median, high = statistics.quantiles(hot, n=4)
    return {
        "milliseconds": median,
        "quartiles_ms": [low, high],
        "cold_ms": statistics.median(cold),
        "TFLOP/s": flops / median / 1e9,
    }


def sweep(shape, options):
    """Time heights of the two blocks, beside what the plan thinks of them."""
    hidden, weight, target = draw(shape, "random", "cuda")
    need = Need(*shape, torch.bfloat16, "cuda")
    for rows, scored in itertools.product(
        (512, 1024, 1664, 2048, 4096, 8192), (128, 256, 512, 1024)
    ):
        sums = "one product" if rows >= shape[0] else "float32"
        plan = tall_plan._plan(need, min(rows, shape[0]), scored, sums)
        softmax.plan_tall = lambda *_, plan=plan: plan
        run = step(by_xent(), hidden, weight, target)
        median = statistics.median(milliseconds(run, options.rounds, None))
        thought = tall_plan._seconds(plan, need) * 1e3
        print(f"{rows:5} {scored:5} {median:8.2f} ms, products {thought:.2f}", flush=True)


def main():
    arguments: argparse.ArgumentParser = parser(__doc__)
    arguments.add_argument("--rows", type=int, nargs="+", default=[SHAPE[0]])
    arguments.add_argument("--sweep", action="store_true", help="time heights of blocks instead")
    arguments.add_argument("--smoke", action="store_true", help="tiny, by the interpreter")
    options = arguments.parse_args()
    if not (options.smoke or torch.cuda.is_available()):
        sys.exit("this needs a CUDA device, or --smoke")
    if options.sweep:
        sweep(SHAPE, options)
        return
    where = "smoke" if options.smoke else torch.cuda.get_device_name()
    facts = {"gpu": where, "cuda": torch.version.cuda}
    shapes = [SMALL] if options.smoke else [(rows, *SHAPE[1:]) for rows in options.rows]
    for shape, kind in itertools.product(shapes, ("random", "trained")):
        workload = f"{' x '.join(map(str, shape))} bfloat16, {kind} logits"
        rows = measure(shape, kind, options)
        rows = [{"name": "gpu", "workload": workload, **row, **facts} for row in rows]
        show(workload, rows)
        if options.results is not None and not options.smoke:
            keep(RESULTS / "gpu_linear_cross_entropy.jsonl", rows, options.rounds)


def show(workload, rows):
    print(workload)
    for row in rows:
        line = f"  {row['implementation']:24}"
        if row["result"] != "right":
            print(line, row["result"])
            continue
        if "milliseconds" in row:
            line += f"{row['milliseconds']:8.2f} ms {row['cold_ms']:8.2f} cold"
        if "extra_bytes" in row:
            line += f"{row['extra_bytes'] / 1e9:7.2f} GB, {row['kept_bytes'] / 1e9:.2f} kept"
        if "loss_error" in row:
            line += (
                f"  errors: loss {row['loss_error']:.1e}, hidden {row['hidden_error']:.1e}, "
                f"weight {row['weight_error_of_one_product']:.2f} of one product"
            )
        print(line, flush=True)


if __name__ == "__main__":
    main()
