"""The memory of results that are gone serves the next ones, up to a limit."""

import gc
import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import xent
from xent import kernels
from xent.errors import XentValueError

MIB = 1 << 20
DEFAULT_LIMIT = 1 << 30


@pytest.fixture(autouse=True)
def _fresh_cache():
    gc.collect()
    kernels.set_cache_limit(DEFAULT_LIMIT)
    kernels.empty_cache()
    yield
    kernels.set_cache_limit(DEFAULT_LIMIT)
    kernels.empty_cache()


def result(mib, fill=0.0):
    """Return a float32 result of so many MiB, in memory of the cache."""
    logits = np.full((mib * MIB // 4 // 1024, 1024), fill, np.float32)
    return xent.sigmoid(logits)


def pointer(array):
    return array.ctypes.data


def test_the_next_result_of_the_size_gets_the_memory_of_the_last():
    first = result(8)
    where = pointer(first)
    del first
    assert 8 * MIB <= kernels.cached_bytes() <= 11 * MIB
    assert pointer(result(8)) == where


def test_results_that_live_never_share_memory():
    alive = [result(2, fill) for fill in range(6)]
    assert len({pointer(a) for a in alive}) == 6
    for fill, array in enumerate(alive):
        np.testing.assert_array_equal(array, xent.sigmoid(np.float32(fill)))


def test_a_view_keeps_the_memory_of_its_result():
    view = result(4, 1.0)[3:5]
    assert kernels.cached_bytes() == 0
    others = [result(4, -9.0) for _ in range(3)]
    np.testing.assert_array_equal(view, xent.sigmoid(np.float32(1)))
    del view, others
    assert kernels.cached_bytes() > 0


def test_every_result_is_aligned():
    for mib in (1, 3, 8):
        assert pointer(result(mib)) % 64 == 0


def test_small_results_are_not_kept():
    small = xent.sigmoid(np.zeros(1000, np.float32))
    del small
    assert kernels.cached_bytes() == 0


def test_a_buffer_much_larger_than_asked_for_is_left_alone():
    large = result(64)
    where = pointer(large)
    del large
    small = result(8)
    assert pointer(small) != where
    assert kernels.cached_bytes() >= 64 * MIB


def test_the_limit_holds_and_the_oldest_goes_first():
    kernels.set_cache_limit(24 * MIB)
    alive = [result(8, fill) for fill in range(4)]
    where = [pointer(a) for a in alive]
    while alive:
        del alive[0]
        assert kernels.cached_bytes() <= 24 * MIB
    # two of eight MiB and their headers fit; the ones that were given back last
    kept = {pointer(a) for a in [result(8), result(8)]}
    assert kept == set(where[2:])


def test_what_is_larger_than_the_limit_is_not_kept():
    kernels.set_cache_limit(4 * MIB)
    small = result(2)
    del small
    kept = kernels.cached_bytes()
    assert kept > 0
    large = result(8)
    del large
    assert kernels.cached_bytes() == kept  # and did not push out what fits


def test_a_lower_limit_takes_effect_at_once():
    array = result(8)
    del array
    assert kernels.cached_bytes() > 0
    kernels.set_cache_limit(MIB)
    assert kernels.cached_bytes() == 0
    kernels.set_cache_limit(0)
    array = result(8)
    del array
    assert kernels.cached_bytes() == 0


def test_a_negative_limit_is_refused():
    with pytest.raises(XentValueError, match="num_bytes must be at least 0, got -1"):
        kernels.set_cache_limit(-1)


def test_results_survive_an_emptied_cache():
    array = result(8, 2.0)
    kernels.empty_cache()
    np.testing.assert_array_equal(array, xent.sigmoid(np.float32(2)))
    del array
    assert kernels.cached_bytes() > 0
    xent.empty_cache()
    assert kernels.cached_bytes() == 0


def test_results_may_be_collected_on_another_thread():
    arrays = [result(2, fill) for fill in range(16)]

    def collect():
        while True:
            try:
                arrays.pop()
            except IndexError:
                return

    threads = [threading.Thread(target=collect) for _ in range(4)]
    for thread in threads:
        thread.start()
    mine = [result(2, -1.0) for _ in range(16)]
    for thread in threads:
        thread.join()
    for array in mine:
        np.testing.assert_array_equal(array, xent.sigmoid(np.float32(-1)))
    del array, mine
    assert kernels.cached_bytes() >= 16 * 2 * MIB


def child_uses_and_collects(inherited, fill):
    np.testing.assert_array_equal(inherited, xent.sigmoid(np.float32(fill)))
    before = kernels.cached_bytes()
    del inherited
    for _ in range(5):
        np.testing.assert_array_equal(result(8, 3.0), xent.sigmoid(np.float32(3)))
    assert kernels.cached_bytes() >= before > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # where JAX is loaded
def test_a_forked_child_inherits_results_and_cache():
    kept = result(8)
    alive = result(8, 1.0)
    del kept
    child = multiprocessing.get_context("fork").Process(
        target=child_uses_and_collects, args=(alive, 1.0)
    )
    child.start()
    child.join(timeout=300)
    assert child.exitcode == 0
    np.testing.assert_array_equal(alive, xent.sigmoid(np.float32(1)))


def run(program, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_end_of_the_process_is_clean_with_results_alive():
    run("""if True:
        import atexit, threading, numpy as np, xent
        alive = [xent.sigmoid(np.zeros(1 << 22, np.float32)) for _ in range(3)]
        gone = xent.sigmoid(np.zeros(1 << 22, np.float32)); del gone
        cycle = [xent.softmax(np.zeros((1 << 12, 1 << 10)))]; cycle.append(cycle)
        atexit.register(lambda: xent.sigmoid(np.zeros(1 << 22, np.float32)).sum())
        threading.local().kept = xent.sigmoid(np.zeros(1 << 22, np.float32))
        xent.kept = alive[0]
    """)


def test_the_environment_names_the_limit():
    program = """if True:
        import numpy as np, xent
        array = xent.sigmoid(np.zeros(1 << 20, np.float32)); del array
        print(xent.kernels.cached_bytes())
    """
    assert run(program, XENT_CACHE_BYTES="0") == "0\n"
    assert int(run(program, XENT_CACHE_BYTES=str(32 * MIB))) >= 4 * MIB
