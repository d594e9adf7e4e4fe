"""The losses of `torch.nn.functional`, exact, and what it lacks.

>>> from xent.torch import functional as F
"""

from xent.torch.functional._binary_cross_entropy import binary_cross_entropy
from xent.torch.functional._binary_cross_entropy_with_logits import (
    binary_cross_entropy_with_logits,
)
from xent.torch.functional._cross_entropy import (
    CrossEntropyStats,
    cross_entropy,
    cross_entropy_with_stats,
)
from xent.torch.functional._distillation import distillation_loss
from xent.torch.functional._entropy import softmax_entropy
from xent.torch.functional._kl_div import kl_div
from xent.torch.functional._linear_cross_entropy import linear_cross_entropy
from xent.torch.functional._linear_cross_entropy_stats import LinearCrossEntropyStats
from xent.torch.functional._linear_kl_divergence import linear_kl_divergence
from xent.torch.functional._linear_sigmoid_cross_entropy import linear_sigmoid_cross_entropy
from xent.torch.functional._linear_softmax_cross_entropy import (
    linear_softmax_cross_entropy,
    linear_softmax_cross_entropy_with_stats,
)
from xent.torch.functional._mse_loss import mse_loss
from xent.torch.functional._nll_loss import nll_loss
from xent.torch.functional._tokens import next_token_cross_entropy, token_cross_entropy

__all__ = [
    "CrossEntropyStats",
    "LinearCrossEntropyStats",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "cross_entropy_with_stats",
    "distillation_loss",
    "kl_div",
    "linear_cross_entropy",
    "linear_kl_divergence",
    "linear_sigmoid_cross_entropy",
    "linear_softmax_cross_entropy",
    "linear_softmax_cross_entropy_with_stats",
    "mse_loss",
    "next_token_cross_entropy",
    "nll_loss",
    "softmax_entropy",
    "token_cross_entropy",
]
