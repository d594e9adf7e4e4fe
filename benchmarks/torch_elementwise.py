"""Losses of single elements and of rows, forward and backward, against torch.nn.functional.

Terms and sums are in float64. `distillation_loss` has no twin in torch: its rival is what people
write, and loses its digits where the pair is close.
"""

import numpy as np
import torch
from _harness import compare, parser
from _targets import report

from xent.torch import functional as F

TORCH = torch.nn.functional
SHAPES = {"1,000,000 x 10": (1_000_000, 10), "2048 x 32000": (2048, 32000), "64 x 10": (64, 10)}


def log_probs(shape):
    return torch.log_softmax(torch.randn(shape) * 2, 1)


# name -> input, target, options
CASES = {
    "binary_cross_entropy": (lambda s: torch.rand(s), lambda s: torch.rand(s), {}),
    "kl_div": (log_probs, lambda s: log_probs(s).exp(), {"reduction": "batchmean"}),
    "nll_loss": (log_probs, lambda s: torch.randint(0, s[1], s[:1]), {}),
    "mse_loss": (torch.randn, torch.randn, {}),
}


def step(loss, x, target, **options):
    x = x.clone().requires_grad_()

    def run():
        x.grad = None
        value = loss(x, target, **options)
        value.backward()
        return value.item(), x.grad

    return run


def distilled_by_torch(student, teacher):
    terms = TORCH.kl_div(
        torch.log_softmax(student / 2, 1), torch.log_softmax(teacher / 2, 1), log_target=True,
        reduction="batchmean",
    )  # fmt: skip
    return 4 * terms


def agrees(result, expected):
    (loss, gradient), (right, wanted) = result, expected
    close = torch.allclose(gradient, wanted, rtol=1e-3, atol=1e-4 * wanted.abs().max().item())
    return np.isclose(loss, right, rtol=1e-4) and close


def main():
    options = parser(__doc__).parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    for workload, shape in SHAPES.items():
        rounds = options.rounds if shape[0] > 64 else options.rounds * 100
        for name, (make, aim, named) in CASES.items():
            x, target = make(shape), aim(shape)
            pair = {
                "xent": step(getattr(F, name), x, target, **named),
                "torch": step(getattr(TORCH, name), x, target, **named),
            }
            run(f"{name} {workload}", pair, rounds, options)
        x, teacher = torch.randn(shape), torch.randn(shape)
        pair = {
            "xent": step(F.distillation_loss, x, teacher, temperature=2.0),
            "torch": step(distilled_by_torch, x, teacher),
        }
        run(f"distillation_loss {workload}", pair, rounds, options)


def run(workload, pair, rounds, options):
    rows = compare(
        "torch_elementwise", pair, rounds, workload=workload, same=agrees, results=options.results
    )
    report(rows, {})


if __name__ == "__main__":
    main()
