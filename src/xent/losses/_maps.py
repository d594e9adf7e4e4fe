"""The maps from logits to probabilities: softmax, sigmoid and their logarithms."""

from __future__ import annotations

from typing import Any

from xent.kernels.cpu import maps as kernel
from xent.losses._arguments import as_axis, as_floats

__all__ = ["log_sigmoid", "log_softmax", "sigmoid", "softmax"]


def softmax(logits: Any, *, axis: int = -1) -> Any:
    r"""Return the probabilities :math:`e^{x_j} / \sum_k e^{x_k}` of logits.

    Parameters
    ----------
    logits : array, floating
        ``-inf`` gives a class probability 0.
    axis : int, default -1
        The class axis.

    Returns
    -------
    array
        Shape and dtype of `logits`; float64 for integers.

    Raises
    ------
    XentValueError
        If there is no such axis, or it is empty.

    Notes
    -----
    Each entry is within 4 ulp. A row of only ``-inf``, or with ``+inf`` or nan, is nan.

    See Also
    --------
    log_softmax : the logarithms, which keep what rounds to 0 or 1 here.
    sigmoid : each entry by itself.

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic Interpretation of Feedforward Classification Network
       Outputs", 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import xent
    >>> xent.softmax(np.log(np.array([7.0, 2.0, 1.0])))
    array([0.7, 0.2, 0.1])
    """
    x = as_floats(logits, "logits")
    return kernel.softmax(x, as_axis(x, axis, "logits"))


def log_softmax(logits: Any, *, axis: int = -1) -> Any:
    r"""Return the log-probabilities :math:`x_j - \log \sum_k e^{x_k}` of logits.

    Parameters as for `softmax`.

    Returns
    -------
    array
        In nats, at most 0; shape and dtype of `logits`, float64 for integers. A class whose
        logit is ``-inf`` has ``-inf``.

    Raises
    ------
    XentValueError
        If there is no such axis, or it is empty.
    XentTypeError
        If `logits` are neither floating nor integers.

    Notes
    -----
    Each entry is within 4 ulp, that of an almost certain class too: it is
    :math:`-\log(1 + \tau)` of the odds :math:`\tau` of all others.

    See Also
    --------
    softmax : the probabilities.
    softmax_cross_entropy : minus one entry of it, without the others.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham, "Accurately Computing the Log-Sum-Exp
       and Softmax Functions", IMA Journal of Numerical Analysis 41, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import xent
    >>> xent.log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    x = as_floats(logits, "logits")
    return kernel.log_softmax(x, as_axis(x, axis, "logits"))


def sigmoid(logits: Any) -> Any:
    r"""Return the probabilities :math:`1 / (1 + e^{-z})` of logits, each by itself.

    Parameters
    ----------
    logits : array, floating, any shape
        :math:`z`; nan stays nan.

    Returns
    -------
    array
        Shape and dtype of `logits`; float64 for integers. From 0 at ``-inf`` to 1 at ``+inf``.

    Raises
    ------
    XentTypeError
        If `logits` are neither floating nor integers.

    Notes
    -----
    Each entry is within 4 ulp, towards 0 down to the smallest denormal; towards 1 it rounds to 1,
    which `log_sigmoid` does not lose.

    See Also
    --------
    softmax : when exactly one class is true. ``softmax([z, 0])[0]`` is ``sigmoid(z)``.
    log_sigmoid : its logarithm.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> import xent
    >>> xent.sigmoid(np.array([0.0, -100.0]))
    array([5.00000000e-01, 3.72007598e-44])
    """
    x = as_floats(logits, "logits")
    return kernel.sigmoid(x, x.ndim)[()]


def log_sigmoid(logits: Any) -> Any:
    r"""Return the log-probabilities :math:`-\log(1 + e^{-z})` of logits, each by itself.

    Parameters and errors as for `sigmoid`.

    Returns
    -------
    array
        Shape and dtype of `logits`; float64 for integers. In nats, from ``-inf`` to 0.

    Notes
    -----
    Each entry is within 4 ulp over the whole range: for large logits it is :math:`-e^{-z}` and
    not 0.

    See Also
    --------
    sigmoid : the probability.
    sigmoid_cross_entropy : minus it where the label is true, and of ``-z`` where it is false.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> import xent
    >>> xent.log_sigmoid(np.array([0.0, 100.0]))
    array([-6.93147181e-01, -3.72007598e-44])
    """
    x = as_floats(logits, "logits")
    return kernel.log_sigmoid(x, x.ndim)[()]
