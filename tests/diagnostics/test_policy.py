import asyncio
import os
import subprocess
import sys
import threading
import timeit

import numpy as np
import pytest

from xent.diagnostics import policy, soft_targets, targets
from xent.diagnostics.policy import active, checks, muted
from xent.diagnostics.probabilities import check_log_probabilities, check_probabilities
from xent.diagnostics.rules import RULES
from xent.diagnostics.shapes import check_same_shape
from xent.errors import XentTypeError, XentValueError


def in_a_new_python(level):
    code = "from xent.diagnostics.policy import active; print(active())"
    environment = {**os.environ, "XENT_CHECKS": level}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )


def test_blocks_nest_and_end():
    assert active() == "fast"
    with checks("off"):
        assert active() == "off"
        with checks(silence=["D04"]):
            assert active() == "off"
            with checks("full", silence=["D06"]):
                assert active() == "full"
                assert muted("D04")
                assert muted("D06")
        assert not muted("D04")
    assert active() == "fast"


def test_a_block_ends_when_it_raises():
    with pytest.raises(ZeroDivisionError), checks("off"):
        1 / 0
    assert active() == "fast"


def test_it_decorates_a_function():
    @checks("off")
    def inside():
        return active()

    assert (inside(), inside(), active()) == ("off", "off", "fast")


def test_a_thread_and_a_task_keep_their_own_level():
    seen = {}

    async def task(name, level, first, second):
        with checks(level):
            first.set()
            await second.wait()
            seen[name] = active()

    async def both():
        a, b = asyncio.Event(), asyncio.Event()
        await asyncio.gather(task("a", "off", a, b), task("b", "full", b, a))

    asyncio.run(both())
    with checks("off"):
        # an empty context, whatever Python's own default for new threads is
        thread = threading.Thread(target=lambda: seen.update(thread=outside()))
        thread.start()
        thread.join()
    assert seen == {"a": "off", "b": "full", "thread": "fast"}


def outside():
    import contextvars

    return contextvars.Context().run(active)


@pytest.mark.parametrize("level", ["on", "FAST", ""])
def test_an_unknown_level_is_refused_at_the_call(level):
    with pytest.raises(XentValueError, match=r"level must be one of .*'fast'.*, got"):
        checks(level)


def test_an_unknown_code_is_refused():
    with pytest.raises(XentValueError, match=r"silence must hold codes of rules .*, got 'D99'"):
        checks(silence=["D04", "D99"])


def test_a_text_is_no_list_of_codes():
    with pytest.raises(XentTypeError, match=r"write silence=\['D04'\]"):
        checks(silence="D04")


@pytest.mark.parametrize(("level", "expected"), [("off", "off"), ("full", "full"), ("", "fast")])
def test_the_environment_sets_the_default(level, expected):
    assert in_a_new_python(level).stdout.split() == [expected]


def test_a_wrong_environment_is_named():
    assert "XENT_CHECKS must be one of" in in_a_new_python("loud").stderr


def test_off_leaves_what_protects_memory_or_is_free():
    with checks("off"):
        soft_targets.check_distribution_target(np.array([[2.0, 3.0]]))
        soft_targets.check_unit_interval(np.array([5.0]))
        targets.check_one_hot(np.array([[1, 1]]))
        check_probabilities(np.array([[2.0, 3.0]]))
        check_log_probabilities(np.array([[2.0, 3.0]]))
        with pytest.raises(XentValueError, match="D01"):
            targets.raise_target_out_of_range(np.array([5]), 2, None)
        with pytest.raises(XentTypeError, match="D16"):
            targets.check_index_dtype(np.array([1.0]), 2)
        with pytest.raises(XentValueError, match="D15"):
            check_same_shape("p", (2,), "q", (3,))
        with pytest.raises(XentValueError, match="D02"):
            targets.nothing_to_average(rows=0)


def test_asking_for_the_level_is_cheap():
    seconds = min(timeit.repeat(active, number=1000, repeat=200)) / 1000
    assert seconds < 1e-6  # 50 ns here


def test_every_code_that_a_message_uses_is_a_rule():
    folder = os.path.dirname(policy.__file__)
    used = set()
    for name in os.listdir(folder):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                used.update(part[:3] for part in file.read().split('code="')[1:])
    assert used <= RULES.keys()
    # D24 and D33 belong to tensors, D30 to units, D34 to evaluations
    assert RULES.keys() - used == {"D24", "D30", "D33", "D34"}
