"""Pieces and threads: each element once, one result for any number of threads, forks."""

import multiprocessing
import sys

import pytest
import torch

from xent.torch import functional as F
from xent.torch._ops import pieces
from xent.torch._ops.pieces import for_each_piece


@pytest.fixture
def threads():
    """Set the number of torch's threads, and set it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(1_000_003),
        torch.zeros(3, 100_001),
        torch.zeros(100_001, 3).T,
        torch.zeros(2, 40_000, 3)[:, ::2],
        torch.zeros(()),
        torch.zeros(0, 4),
    ],
    ids=lambda t: str(tuple(t.shape)),
)
def test_each_element_is_reached_once(tensor, number, threads):
    threads(number)
    seen = torch.zeros_like(tensor)

    def work(piece, missing, mark):
        assert missing is None
        mark += 1
        return piece.numel()

    sizes = for_each_piece(work, tensor, None, seen)
    assert sum(sizes) == tensor.numel()
    assert (seen == 1).all()


def test_nothing_depends_on_the_number_of_threads(threads):
    probs, labels = torch.rand(1_000_003), torch.rand(1_000_003)

    def run():
        x = probs.clone().requires_grad_()
        loss = F.binary_cross_entropy(x, labels)
        loss.backward()
        return loss.detach(), x.grad

    threads(1)
    loss, gradient = run()
    for number in (2, 3, 7):
        threads(number)
        again, same = run()
        assert torch.equal(again, loss)
        assert torch.equal(same, gradient)


def test_an_error_in_another_thread_is_raised(threads):
    threads(4)

    def work(piece):
        if piece[0] > 0:
            raise ValueError("the last piece")

    values = torch.zeros(1 << 20)
    values[-(1 << 15)] = 1.0
    with pytest.raises(ValueError, match="the last piece"):
        for_each_piece(work, values)


def test_in_inference_mode(threads):
    threads(3)
    with torch.inference_mode():
        x = torch.rand(1 << 19)
        losses = F.mse_loss(x, torch.zeros_like(x), reduction="none")
    torch.testing.assert_close(losses, x.square())


def sums_of_a_child(queue, values):
    torch.set_num_threads(2)
    # pieces alone: torch's own threads do not survive a fork
    queue.put([total.item() for total in for_each_piece(torch.sum, values)])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # where JAX is loaded
def test_a_fork_has_threads_of_its_own(threads):
    threads(2)
    values = torch.rand(1 << 19)
    expected = [total.item() for total in for_each_piece(torch.sum, values)]
    assert pieces._pool is not None
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=sums_of_a_child, args=(queue, values), daemon=True)
    child.start()
    child.join(60)
    child.kill()
    assert child.exitcode == 0
    assert queue.get() == expected
