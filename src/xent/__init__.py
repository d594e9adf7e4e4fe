"""Cross-entropy done exactly: measured, differentiated, judged and explained.

    H(p, q) = - sum_i p_i log q_i  =  H(p) + KL(p || q)

Losses take logits or probabilities and a target; measures take distributions, the truth
`p` first; `evaluate` takes files of predictions. NumPy is all that importing needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xent import kernels
from xent.diagnostics.policy import checks
from xent.information import (
    binary_entropy,
    conditional_entropy,
    cross_entropy,
    entropy,
    entropy_from_counts,
    js_divergence,
    kl_divergence,
    mutual_information,
    perplexity,
    self_information,
)
from xent.kernels import empty_cache, set_num_threads
from xent.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    gradient_and_hessian,
    half_squared_error,
    log_sigmoid,
    log_softmax,
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    value_and_grad,
)
from xent.total import Total, merge

if TYPE_CHECKING:
    from xent.diagnostics.audit import audit
    from xent.diagnostics.known_values import explain
    from xent.evaluation import compare, evaluate
    from xent.evaluation.recalibration import recalibrate

__version__ = "0.1.0"

__all__ = [
    "Total",
    "audit",
    "binary_cross_entropy",
    "binary_entropy",
    "categorical_cross_entropy",
    "checks",
    "compare",
    "conditional_entropy",
    "cross_entropy",
    "empty_cache",
    "entropy",
    "entropy_from_counts",
    "evaluate",
    "explain",
    "gradient_and_hessian",
    "half_squared_error",
    "js_divergence",
    "kernels",
    "kl_divergence",
    "log_sigmoid",
    "log_softmax",
    "merge",
    "mutual_information",
    "perplexity",
    "recalibrate",
    "self_information",
    "set_num_threads",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "value_and_grad",
]

# what a training loop never calls is imported when it is asked for
_ON_DEMAND = {
    "audit": "xent.diagnostics.audit",
    "compare": "xent.evaluation.comparison",
    "evaluate": "xent.evaluation",
    "explain": "xent.diagnostics.known_values",
    "recalibrate": "xent.evaluation.recalibration",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_ON_DEMAND[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
