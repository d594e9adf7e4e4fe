"""`value_and_grad` and `gradient_and_hessian`: a loss and its derivatives in one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from xent.errors import XentValueError

__all__ = ["Evaluated", "gradient_and_hessian", "has_derivatives", "value_and_grad"]


class Evaluated(NamedTuple):
    """A loss, reduced as asked, and the derivatives that were asked for."""

    value: Any
    gradient: Any = None
    hessian: Any = None


class Evaluate(Protocol):
    """The one implementation behind a loss and its derivatives."""

    def __call__(
        self,
        scores: Any,
        target: Any,
        /,
        *,
        want_gradient: bool = ...,
        want_hessian: bool = ...,
        out: Any = ...,
        **options: Any,
    ) -> Evaluated: ...


_EVALUATE: dict[Callable[..., Any], Evaluate] = {}


def has_derivatives(evaluate: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what evaluates a loss together with its derivatives."""

    def register(loss: Callable[..., Any]) -> Callable[..., Any]:
        _EVALUATE[loss] = evaluate
        evaluate.__qualname__ = loss.__qualname__  # an unknown option is told by this name
        return loss

    return register


def _evaluate(loss: Callable[..., Any]) -> Evaluate:
    try:
        return _EVALUATE[loss]
    except (KeyError, TypeError):
        names = ", ".join(f"xent.{known.__name__}" for known in _EVALUATE)
        raise XentValueError(
            f"loss must be one of {names}; got {getattr(loss, '__name__', loss)!r}. Pass the "
            "function itself, not its result.",
            value=loss,
        ) from None


def value_and_grad(loss: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Return a function that computes `loss` and its gradient in one fused pass.

    Parameters
    ----------
    loss : function
        One of the losses: `softmax_cross_entropy`, `sigmoid_cross_entropy`,
        `categorical_cross_entropy`, `binary_cross_entropy`, `half_squared_error`.

    Returns
    -------
    function
        It takes the arguments of the loss, and ``out=``, an array for the gradient, and
        returns ``(value, gradient)``. The gradient is with respect to the first argument,
        and has its shape and dtype. With ``reduction="none"`` or ``"total"`` it is the
        gradient of the sum.

    Raises
    ------
    XentValueError
        If `loss` is none of them; if `out` does not fit.

    Notes
    -----
    *Memory.* The gradient is the only array of the size of the input that is allocated,
    and with `out` none is. `out` may be the first argument itself, which is overwritten;
    beyond that it must share no memory with any argument.
    When a call raises, `out` may hold anything.

    See Also
    --------
    gradient_and_hessian : the first two derivatives, as boosting wants them.

    References
    ----------
    .. [1] A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, 2008: a value and
       its gradient in one pass.

    Examples
    --------
    The gradient of the softmax loss is the prediction minus the truth:

    >>> import numpy as np
    >>> import xent
    >>> loss_and_grad = xent.value_and_grad(xent.softmax_cross_entropy)
    >>> loss, gradient = loss_and_grad(np.array([0.0, 0.0]), 1)
    >>> round(loss, 4), gradient
    (0.6931, array([ 0.5, -0.5]))
    """
    evaluate = _evaluate(loss)

    def loss_and_gradient(
        scores: Any, target: Any, /, *, out: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        evaluated = evaluate(scores, target, want_gradient=True, out=out, **options)
        return evaluated.value, evaluated.gradient

    return loss_and_gradient


def gradient_and_hessian(loss: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Return a function that computes the gradient and the diagonal of the Hessian of `loss`.

    Parameters
    ----------
    loss : function
        One of the losses, as for `value_and_grad`.

    Returns
    -------
    function
        It takes the arguments of the loss, and ``out=`` for the gradient, and returns
        ``(gradient, hessian)``, both with the shape and dtype of the first argument.
        The diagonal is exact. Gradient boosting libraries use it, or an upper bound such
        as ``2 * hessian``, for each score by itself.

    Raises
    ------
    XentValueError
        If `loss` is none of them; if `out` does not fit.

    Notes
    -----
    Of the sigmoid loss, :math:`p - y` and :math:`p (1 - p)`; of the softmax loss,
    :math:`p_j - y_j` and :math:`p_j (1 - p_j)`, whose other entries, :math:`-p_j p_k`, are left
    out.

    See Also
    --------
    value_and_grad : the value and the gradient.

    References
    ----------
    .. [1] J. Friedman, T. Hastie and R. Tibshirani, "Additive Logistic Regression: a Statistical
       View of Boosting", Annals of Statistics 28, 2000.

    Examples
    --------
    The Hessian of the sigmoid loss is p (1 - p), whatever the label:

    >>> import numpy as np
    >>> import xent
    >>> derivatives = xent.gradient_and_hessian(xent.sigmoid_cross_entropy)
    >>> derivatives(np.array([0.0, 0.0]), np.array([0, 1]), reduction="sum")
    (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """
    evaluate = _evaluate(loss)

    def gradient_and_diagonal(
        scores: Any, target: Any, /, *, out: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        evaluated = evaluate(
            scores, target, want_gradient=True, want_hessian=True, out=out, **options
        )
        return evaluated.gradient, evaluated.hessian

    return gradient_and_diagonal
