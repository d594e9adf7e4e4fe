"""The losses: definitions in reference.py, public functions beside it."""

from xent.losses._binary_cross_entropy import binary_cross_entropy
from xent.losses._categorical_cross_entropy import categorical_cross_entropy
from xent.losses._derivatives import gradient_and_hessian, value_and_grad
from xent.losses._half_squared_error import half_squared_error
from xent.losses._maps import log_sigmoid, log_softmax, sigmoid, softmax
from xent.losses._sigmoid_cross_entropy import sigmoid_cross_entropy
from xent.losses._softmax_cross_entropy import softmax_cross_entropy

__all__ = [
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "gradient_and_hessian",
    "half_squared_error",
    "log_sigmoid",
    "log_softmax",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "value_and_grad",
]
