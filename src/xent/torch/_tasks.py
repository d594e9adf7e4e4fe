"""What a loss on tensors is asked for, once its arguments are checked.

A task holds everything but the logits. The autograd function, the custom operators, the
kernels and the formulas in torch operations all take the same one. Nobody changes it; a
frozen dataclass would say so at three microseconds a call, which a batch of 64 rows notices.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["SigmoidTask", "SoftmaxTask"]


@dataclass(slots=True, eq=False)
class SoftmaxTask:
    """Softmax cross-entropy of one row of logits x against a target distribution t.

    The logits become ``x' = softcap * tanh(x / softcap) / temperature``, and -inf where
    ``class_mask`` is False; a loss is ``-sum_j w_j t_j log softmax(x')_j + z_loss * lse^2``,
    times the row's ``sample_weight``, with ``lse = log sum_k exp(x'_k)``.

    Attributes
    ----------
    axis : int
        Of the classes, in [0, ndim).
    target : Tensor or None
        int64, the shape of the logits without `axis`.
    soft_target : Tensor or None
        Or the shape of the logits, floating: a distribution for each row.
    class_weight : Tensor or None
        Shape (C,).
    sample_weight : Tensor or None
        The shape of the logits without `axis`. A row of weight 0 is skipped, whatever it
        holds.
    class_mask : Tensor or None
        bool, shape (C,) or one that broadcasts to the logits: True where a class may be
        chosen. Label smoothing spreads over these only.
    ignore_index : int or None
        Rows whose `target` is this are skipped.
    label_smoothing : float
        ``t`` becomes ``(1 - label_smoothing) t + label_smoothing / C``.
    z_loss, softcap, temperature : float, float or None, float
        See above.
    """

    axis: int
    target: Tensor | None = None
    soft_target: Tensor | None = None
    class_weight: Tensor | None = None
    sample_weight: Tensor | None = None
    class_mask: Tensor | None = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    softcap: float | None = None
    temperature: float = 1.0

    def tensors(self) -> dict[str, Tensor | None]:
        """Return all tensors of the task, by the names of the arguments that they are."""
        return {
            "target": self.target if self.soft_target is None else self.soft_target,
            "weight": self.class_weight,
            "sample_weight": self.sample_weight,
            "class_mask": self.class_mask,
        }


@dataclass(slots=True, eq=False)
class SigmoidTask:
    """Sigmoid cross-entropy of each logit z against its label y.

    A loss is ``weight * (pos_weight * y * softplus(-z) + (1 - y) * softplus(z))``.

    Attributes
    ----------
    target : Tensor
        The shape of the logits; floating, bool or integers.
    pos_weight, weight : Tensor or None
        Any shape that broadcasts to the logits.
    """

    target: Tensor
    pos_weight: Tensor | None = None
    weight: Tensor | None = None

    def tensors(self) -> dict[str, Tensor | None]:
        """Return all tensors of the task, by the names of the arguments that they are."""
        return {"target": self.target, "pos_weight": self.pos_weight, "weight": self.weight}
