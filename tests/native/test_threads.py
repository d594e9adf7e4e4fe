"""The workers: same results for any number of them, from any thread, and after a fork."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import xent
from xent import kernels
from xent.errors import XentValueError

has_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    xent.set_num_threads(None)


def problem(rows=20_000, classes=40, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (rows, classes)).astype(np.float32)
    return logits, rng.integers(0, classes, rows)


softmax_step = xent.value_and_grad(xent.softmax_cross_entropy)
sigmoid_step = xent.value_and_grad(xent.sigmoid_cross_entropy)


def everything(logits, target):
    """Return what every kernel makes of it, as bytes."""
    one_hot = (target[:, None] == np.arange(logits.shape[1])).astype(np.float32)
    probs = xent.softmax(logits.astype(np.float64))
    middle = logits.reshape(8, -1, logits.shape[1]).transpose(0, 2, 1).copy()
    results = [
        *softmax_step(logits, target),
        *softmax_step(logits, target, weight=np.arange(1.0, logits.shape[1] + 1)),
        *softmax_step(logits, one_hot, label_smoothing=0.1),
        *softmax_step(middle, target.reshape(8, -1), axis=1),
        *sigmoid_step(logits, one_hot),
        xent.categorical_cross_entropy(probs, target),
        xent.log_softmax(logits),
        xent.sigmoid(logits),
    ]
    return [np.asarray(result).tobytes() for result in results]


def test_no_result_depends_on_the_number_of_threads():
    logits, target = problem()
    xent.set_num_threads(1)
    alone = everything(logits, target)
    for count in (2, 3, 8):
        xent.set_num_threads(count)
        assert kernels.num_threads() == count
        assert everything(logits, target) == alone


def test_fewer_threads_than_before_and_more_again():
    logits, target = problem()
    right = everything(logits, target)
    for count in (8, 2, 1, 5, 3, 8):
        xent.set_num_threads(count)
        assert everything(logits, target) == right


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of Linux")
def test_a_call_may_have_a_count_of_its_own():
    program = """
import os, numpy as np, xent
from xent.kernels.cpu import softmax_cross_entropy as kernel
logits, target = np.zeros((20_000, 40), np.float32), np.zeros(20_000, np.int64)
threads = lambda: len(os.listdir("/proc/self/task"))
xent.set_num_threads(3)
before = threads()
kernel.score(logits, axis=1, target=target, threads=1)
assert threads() == before, "workers were started"
kernel.score(logits, axis=1, target=target, threads=2)
assert threads() == before + 1, threads() - before
kernel.score(logits, axis=1, target=target)
assert threads() == before + 2, threads() - before
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)


def test_calls_from_several_python_threads_at_once():
    problems = [problem(seed=seed) for seed in range(4)]
    right = [everything(*p) for p in problems]
    xent.set_num_threads(3)
    barrier = threading.Barrier(4)

    def work(i):
        barrier.wait(timeout=300)
        return [everything(*problems[i]) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        for i, results in enumerate(pool.map(work, range(4))):
            assert all(result == right[i] for result in results)


def in_a_child(seed):
    xent.set_num_threads(3)
    return everything(*problem(seed=seed))


@has_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # where JAX is loaded
def test_a_forked_pool_computes_after_its_parent_used_the_workers():
    # as the workers of a data loader do
    xent.set_num_threads(3)
    right = [everything(*problem(seed=seed)) for seed in range(4)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(in_a_child, range(4), timeout=120)) == right
    assert everything(*problem(seed=0)) == right[0]  # and the parent goes on


@has_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # where JAX is loaded
def test_a_fork_in_the_middle_of_another_threads_call():
    logits, target = problem()
    xent.set_num_threads(3)
    right = softmax_step(logits, target)[0]
    stop = threading.Event()

    def keep_busy():
        while not stop.is_set():
            softmax_step(logits, target)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(10):
            child = context.Process(target=exit_with_result, args=(logits, target, right))
            child.start()
            child.join(timeout=300)
            assert child.exitcode == 0
    finally:
        stop.set()
        busy.join()


def exit_with_result(logits, target, right):
    os._exit(0 if softmax_step(logits, target)[0] == right else 3)


@pytest.mark.parametrize("count", [0, -1, -100])
def test_a_count_below_one_is_refused(count):
    before = kernels.num_threads()
    with pytest.raises(XentValueError, match=f"at least 1, or None, got {count}") as caught:
        xent.set_num_threads(count)
    assert caught.value.value == count
    assert kernels.num_threads() == before


def test_none_brings_the_default_back():
    default = kernels.num_threads()
    xent.set_num_threads(default + 3)
    assert kernels.num_threads() == default + 3
    xent.set_num_threads(None)
    assert kernels.num_threads() == default


@pytest.mark.parametrize("text, count", [("3", 3), ("1", 1), ("", None), ("0", None), ("x", None)])
def test_the_environment_names_the_default(text, count):
    program = """if True:
        import os, xent
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        print(xent.kernels.num_threads(), cpus)
        xent.set_num_threads(7)
        print(xent.kernels.num_threads(), 7)
        xent.set_num_threads(None)
        print(xent.kernels.num_threads(), cpus)
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "XENT_NUM_THREADS": text},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (first, cpus), (second, seven), (third, _) = map(str.split, done.stdout.splitlines())
    default = cpus if count is None else str(count)
    assert (first, second, third) == (default, seven, default)


def printed_in_a_tight_place(program):
    """Return what a process prints that may map `room` more bytes after calling tighten(room)."""
    tighten = """if True:
        import resource
        def tighten(room):
            with open("/proc/self/statm") as file:
                size = int(file.read().split()[0]) * resource.getpagesize()
            limit = resource.RLIM_INFINITY if room is None else size + room
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        import numpy as np, xent
        xent.set_num_threads(4)
    """
    lines = [tighten, "if True:", program]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")


@linux
def test_memory_that_a_worker_does_not_get_is_an_error_and_not_the_end():
    # half rows are converted into memory of their own: 36 MB a thread, where 8 are left. More
    # than 32 MiB, below which glibc may keep what the first call gave back and serve it again
    program = """
        logits, target = np.zeros((4, 9_000_000), np.float16), np.zeros(4, int)
        right = xent.softmax_cross_entropy(logits, target)
        xent.empty_cache()
        tighten(8_000_000)
        for _ in range(3):
            try:
                xent.softmax_cross_entropy(logits, target)
            except MemoryError:
                print("MemoryError")
        tighten(None)
        print(xent.softmax_cross_entropy(logits, target) == right)
    """
    assert printed_in_a_tight_place(program) == ["MemoryError"] * 3 + ["True"]


@linux
def test_threads_that_the_system_refuses_are_done_without():
    program = """
        logits, target = np.zeros((40_000, 10), np.float32), np.zeros(40_000, int)
        tighten(1_000_000)
        print(round(xent.softmax_cross_entropy(logits, target), 4))
        tighten(None)
        print(round(xent.softmax_cross_entropy(logits, target), 4))
    """
    assert printed_in_a_tight_place(program) == ["2.3026", "2.3026"]
