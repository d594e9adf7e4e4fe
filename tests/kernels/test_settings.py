"""Which implementation serves a call, as `xent.kernels` tells it."""

import numpy as np
import pytest

import xent
from xent import kernels
from xent.errors import XentTypeError, XentValueError
from xent.kernels.choice import OPERATIONS


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    xent.set_num_threads(None)


def test_what_is_refused_is_not_said_to_be_converted():
    assert "refused" in kernels.explain("softmax", np.zeros(3, complex)).reasons[-1]
    assert "refused" in kernels.explain("softmax", np.array(["a"])).reasons[-1]
    assert "other order" in kernels.explain("softmax", np.zeros(3, ">f4")).reasons[-1]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_served_and_says_how(operation):
    choice = kernels.explain(operation)
    assert (choice.operation, choice.implementation) == (operation, "cpu")
    assert choice.reasons[-1].startswith(f"cpu: chosen ({kernels.instruction_set()}, ")
    assert str(choice).splitlines()[0] == f"{operation}: cpu"
    assert len(str(choice).splitlines()) == 1 + len(choice.reasons)


def test_the_operations_are_public_functions():
    # a measure that is not there yet has no kernel to be chosen either
    missing = {name for name in OPERATIONS if not hasattr(xent, name)}
    assert missing <= {"entropy", "cross_entropy", "kl_divergence"}


def test_the_number_of_threads_is_that_of_now():
    xent.set_num_threads(1)
    assert ", 1 thread)" in kernels.explain("softmax").reasons[-1]
    xent.set_num_threads(3)
    assert ", 3 threads)" in kernels.explain("softmax").reasons[-1]


@pytest.mark.parametrize("operation, array, how", [
    ("softmax", np.zeros((2, 3), np.float32), "float32 is read in place"),
    ("softmax", np.zeros((2, 3), np.float16), "float16 is read in place"),
    ("softmax", np.zeros((2, 3), np.int64), "int64 is converted first"),
    ("categorical_cross_entropy", np.zeros((2, 3), np.float16), "float16 is converted first"),
    ("softmax", np.zeros((2, 3)).T, "float64 is copied first, because it is not C-contiguous"),
])  # fmt: skip
def test_how_an_array_is_read(operation, array, how):
    assert kernels.explain(operation, array).reasons[-1].endswith(how)


def test_what_is_read_in_place_gives_what_a_copy_gives():
    x = np.random.default_rng(0).normal(size=(30, 20))
    np.testing.assert_array_equal(xent.softmax(x.T), xent.softmax(np.ascontiguousarray(x.T)))
    np.testing.assert_array_equal(xent.softmax(x[::2]), xent.softmax(x[::2].copy()))


def test_an_unknown_operation_is_refused_with_the_known_ones():
    with pytest.raises(XentValueError, match=r"must be one of softmax_cross_entropy, .*'hinge'"):
        kernels.explain("hinge")


@pytest.mark.parametrize("count", [2.5, "2"])
def test_threads_are_whole(count):
    with pytest.raises(XentTypeError, match="count must be an integer, or None, got"):
        xent.set_num_threads(count)
    xent.set_num_threads(np.int64(2))
    assert kernels.num_threads() == 2
