"""Measures of distributions: what an event tells, what is left open, what a model costs.

`reference` holds their definitions as equations; the functions here are fast, exact,
checked, and serve any array library.
"""

from xent.information._counts import EntropyEstimate, entropy_from_counts
from xent.information._divergence import cross_entropy, js_divergence, kl_divergence
from xent.information._entropy import binary_entropy, entropy, perplexity, self_information
from xent.information._joint import conditional_entropy, mutual_information
from xent.information.plots import plot_binary_entropy, plot_self_information

__all__ = [
    "EntropyEstimate",
    "binary_entropy",
    "conditional_entropy",
    "cross_entropy",
    "entropy",
    "entropy_from_counts",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
    "perplexity",
    "plot_binary_entropy",
    "plot_self_information",
    "self_information",
]
