"""The losses of `torch.nn.functional`, exact, and what it lacks.

>>> from xent.torch import functional as F
"""

from xent.torch.functional._binary_cross_entropy_with_logits import (
    binary_cross_entropy_with_logits,
)
from xent.torch.functional._cross_entropy import (
    CrossEntropyStats,
    cross_entropy,
    cross_entropy_with_stats,
)

__all__ = [
    "CrossEntropyStats",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "cross_entropy_with_stats",
]
