"""Jensen-Shannon divergence from logits in 100 digits, and its derivatives."""

import numpy as np
import pytest
import torch
from kernels.test_softmax_divergence import WITHIN, error, exactly

from xent.torch.formulas._closed_form import rows_of
from xent.torch.formulas.js_divergence import JensenShannon


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("num_classes", [2, 5, 30])
@pytest.mark.parametrize("apart", [1e-9, 1e-7, 1e-3, 0.3, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_value_and_gradients(rng, dtype, apart, num_classes, temperature):
    x = np.concatenate([rng.normal(size=(1, num_classes)) * s for s in (0.01, 1, 20)]).astype(dtype)
    y = (x * (1 + apart * rng.normal(size=x.shape))).astype(dtype)
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    rows = rows_of(JensenShannon(temperature), a, b)
    slopes = torch.autograd.grad(rows.sum(), (a, b))
    value_within, gradient_within = WITHIN[dtype]
    representable = 1e6 * np.finfo(dtype).tiny
    for i in range(len(x)):
        exact, *exact_slopes = exactly(x[i], y[i], temperature, True)
        if exact > representable:
            assert error(rows[i].item(), exact) <= value_within
        for found, slope in zip(slopes, exact_slopes, strict=True):
            if max(abs(slope)) > representable:
                assert error(found[i].numpy(), slope) <= gradient_within


def test_nothing_in_common_costs_log_2_and_edges_have_slopes():
    x = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf], [0.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([[-torch.inf, 0.0], [0.0, -torch.inf], [0.0, -torch.inf]]).double()
    x.requires_grad_()
    rows = rows_of(JensenShannon(), x, y)
    assert rows[0].item() == pytest.approx(np.log(2), rel=1e-15)
    assert rows[1] == 0
    (slopes,) = torch.autograd.grad(rows.sum(), x)
    assert slopes.isfinite().all()
