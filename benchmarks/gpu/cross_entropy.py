"""Cross-entropy on a GPU: checked and timed against what else there is, beside the floor.

    python benchmarks/gpu/cross_entropy.py            # every workload, about five minutes
    python benchmarks/gpu/cross_entropy.py --sweep    # the sizes that _layout.py chooses from

Every implementation is compared with PyTorch in float32 on part of the rows before it is timed.
Times are those of the device, from replayed CUDA graphs (eager autograd where a capture fails,
and the row says so), over enough copies of the logits that the cache holds none of them. The
floor is one read and one write of the logits at the rate of a copy, measured here and now.
"""

import itertools
import statistics
import sys
from pathlib import Path

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))

from _harness import RESULTS, keep, parser, table

from xent.kernels.triton import faults
from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.kernels.triton._layout import Blocks

HALF, SINGLE = torch.bfloat16, torch.float32
# (shape, axis of the classes, dtype)
WORKLOADS = [
    ((8192, 128256), 1, HALF),  # Llama 3
    ((8192, 128256), 1, SINGLE),
    ((8192, 32000), 1, HALF),
    ((8192, 50257), 1, HALF),  # GPT-2: rows that begin at odd addresses
    ((65536, 1000), 1, SINGLE),
    ((65536, 1000), 1, HALF),
    ((1_048_576, 10), 1, SINGLE),
    ((8, 21, 512, 512), 1, SINGLE),  # segmentation
    ((8, 150, 512, 512), 1, HALF),
]
CACHE = 256e6  # bytes to rotate among: more than any L2


def by_xent(logits, target, axis):
    from xent.torch import functional as F

    return F.cross_entropy(logits, target)


def by_torch(logits, target, axis):
    return functional.cross_entropy(logits, target)


def implementations(axis, logits):
    """Yield names and functions of (logits, target, axis) -> loss; only what is installed."""
    yield "torch", by_torch
    yield "torch.compile", torch.compile(by_torch)
    yield "xent", by_xent
    if axis == 1 and logits.ndim == 2:
        try:
            from liger_kernel.transformers.functional import liger_cross_entropy
        except ImportError as missing:
            print(f"  liger: {missing}")
        else:
            # it writes its gradient over the logits, which are then no longer random
            yield "liger", lambda logits, target, axis: liger_cross_entropy(logits, target)
        try:
            from quack import cross_entropy
        except ImportError as missing:
            print(f"  quack: {missing}")
        else:
            yield (
                "quack",
                lambda logits, target, axis: cross_entropy(logits, target, reduction="mean"),
            )


def draw(shape, axis, dtype):
    logits = torch.randn(shape, device="cuda", dtype=dtype) * 3
    rows = shape[:axis] + shape[axis + 1 :]
    return logits.requires_grad_(), torch.randint(shape[axis], rows, device="cuda")


def is_right(run, shape, axis, dtype):
    """Compare loss and gradient of a few rows with PyTorch in float32."""
    small = (min(shape[0], 64), *shape[1:]) if axis else shape
    logits, target = draw(small, axis, dtype)
    exact = logits.detach().float().requires_grad_()
    expected = functional.cross_entropy(exact, target)
    expected.backward()
    given = logits.detach().clone().requires_grad_()
    loss = run(given, target, axis)
    loss.backward()
    largest = exact.grad.abs().max()
    error = (given.grad.float() - exact.grad).abs().max() / largest
    bound = 2 * torch.finfo(dtype).eps if dtype is not SINGLE else 1e-3
    close = abs(loss.float() - expected) <= 2 * bound * abs(expected)
    return bool(close) and float(error) <= bound


def graph_of(step):
    """Return a function that runs `step` on the device, and whether it is a captured graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            step()
    except RuntimeError:
        torch.cuda.synchronize()
        return step, False
    return graph.replay, True


def milliseconds(steps, rounds):
    """Time a step of each of several buffers in turn; return one time for each round."""
    times = []
    for _ in range(rounds + 2):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for step in steps:
            step()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / len(steps))
    return times[2:]


def measure(shape, axis, dtype, options):
    nbytes = torch.Size(shape).numel() * dtype.itemsize
    buffers = [draw(shape, axis, dtype) for _ in range(max(1, min(8, int(CACHE // nbytes))))]
    copied = torch.empty_like(buffers[0][0])
    floor = milliseconds([lambda x=x: copied.copy_(x.detach()) for x, _ in buffers], options.rounds)
    rows = [result("a copy of the logits", floor, nbytes, floor, captured=False)]
    for name, run in implementations(axis, buffers[0][0]):
        torch.cuda.empty_cache()
        try:
            if not is_right(run, shape, axis, dtype):
                rows.append({"implementation": name, "result": "wrong"})
                continue
            steps, captured = [], True
            for logits, target in buffers:

                def step(logits=logits, target=target, run=run):
                    logits.grad = None
                    run(logits, target, axis).backward()

                replay, is_graph = graph_of(step)
                steps.append(replay)
                captured &= is_graph
            times = milliseconds(steps, options.rounds)
        except torch.OutOfMemoryError:
            rows.append({"implementation": name, "result": "out of memory"})
            continue
        rows.append(result(name, times, nbytes, floor, captured=captured))
        for logits, _ in buffers:
            logits.grad = None
    faults.raise_pending("cuda", wait=True)
    return rows


def result(name, times, nbytes, floor, *, captured):
    low, median, high = statistics.quantiles(times, n=4)
    return {
        "implementation": name,
        "result": "right",
        "milliseconds": median,
        "quartiles_ms": [low, high],
        "speedup": statistics.median(floor) / median,  # of the copy: 1 is the floor
        "GB/s": 2 * nbytes / 1e6 / median,
        "captured": captured,
    }


def sweep(options):
    """Time the kernel alone over sizes of its programs, on the workload that it is for."""
    shape, axis, dtype = (8192, 128256), 1, HALF
    logits, target = draw(shape, axis, dtype)
    out = torch.empty_like(logits)
    for warps, step_bytes, stages, registers in itertools.product(
        (8, 16, 32), (8192, 16384, 32768), (1, 2, 3, 4), (None, 64)
    ):
        blocks = Blocks(1, step_bytes // dtype.itemsize, warps, stages, registers)
        kernel.blocks_for = lambda *_, blocks=blocks: blocks

        def step():
            kernel.score(logits.detach(), axis=axis, target=target, want_gradient=True, out=out)

        try:
            step()
            median = statistics.median(milliseconds([step], options.rounds))
        except Exception as refused:  # too much shared memory, or too few registers
            print(blocks, type(refused).__name__)
            continue
        print(f"{blocks}  {median:.3f} ms", flush=True)


def main():
    arguments = parser(__doc__)
    arguments.add_argument("--sweep", action="store_true", help="time sizes of programs instead")
    options = arguments.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this needs a CUDA device")
    if options.sweep:
        sweep(options)
        return
    facts = {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    for shape, axis, dtype in WORKLOADS:
        workload = f"{' x '.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
        rows = measure(shape, axis, dtype, options)
        rows = [{"name": "gpu", "workload": workload, **row, **facts} for row in rows]
        print(table("gpu", workload, [r for r in rows if r["result"] == "right"]), flush=True)
        for row in rows:
            if row["result"] != "right":
                print(f"  {row['implementation']}: {row['result']}")
        if options.results is not None:
            keep(RESULTS / "gpu_cross_entropy.jsonl", rows, options.rounds)


if __name__ == "__main__":
    main()
