"""Products of 16-bit numbers summed in float32, where torch has them and where it has not."""

import pytest
import torch

from xent.torch._linear import mixed


@pytest.mark.parametrize("shape", [(50, 7, 9), (7, 50, 9), (7, 9, 50), (1, 8, 3), (4, 0, 5)])
@pytest.mark.parametrize("part", [100, 1 << 20])
def test_parts_are_widened(shape, part, monkeypatch):
    monkeypatch.setattr(mixed, "_PART", part)
    m, k, n = shape
    draw = torch.Generator().manual_seed(0)
    a = torch.randn(m, k, generator=draw).to(torch.bfloat16)
    b = torch.randn(k, n, generator=draw).to(torch.bfloat16)
    exact = a.double() @ b.double()
    out = mixed.product(a, b, torch.full((m, n), float("nan")))
    torch.testing.assert_close(out.double(), exact, rtol=1e-5, atol=1e-6)
    assert mixed.add_product(a, b, out) is out
    torch.testing.assert_close(out.double(), 2 * exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("adds", [False, True])
def test_torch_is_asked_with_what_it_takes(adds, monkeypatch):
    # shapes and dtypes are checked where there is no device
    monkeypatch.setattr(mixed, "_adds_sums", lambda *_: adds)
    monkeypatch.setattr(mixed, "_PART", 100)
    new = torch.empty(0, dtype=torch.bfloat16, device="meta").new_empty
    for m, n in ((30, 5), (30, 1), (1, 5)):
        out = new((m, n), dtype=torch.float32)
        assert mixed.product(new((m, 8)), new((8, n)), out) is out
        assert mixed.add_product(new((m, 8)), new((8, n)), out) is out
