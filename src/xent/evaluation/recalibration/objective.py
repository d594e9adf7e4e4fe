"""The log loss of scores that are scaled and shifted, with its derivatives.

    eta_ij = scale_j z_ij + bias_j        L = sum_i w_i (logsumexp(eta_i) - eta_iy) / sum_i w_i

convex in the scales and biases, since eta is linear in them. With p = softmax(eta),

    dL/dbias_j  = mean (p_ij - [y_i = j])
    dL/dscale_j = mean z_ij (p_ij - [y_i = j])      summed over j where all classes share a scale

A score of -inf stays -inf whatever the parameters: its class cannot happen in that row.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ratio
from xent.evaluation.recalibration.newton import Derivatives, Vector
from xent.kernels.cpu.log_loss import LogLoss
from xent.kernels.cpu.scaled_softmax import scaled_softmax

__all__ = ["Matrix", "Objective", "Scale", "exact_loss"]

Matrix = npt.NDArray[np.float64]
Scale = Literal["none", "common", "class"]

BLOCK = 1 << 15  # scores looked at together, so that what is made of them stays in the cache
# up to so many classes one pass of the kernel is faster than products of matrices; and NumPy's
# library for these keeps its threads waiting for the next product in a loop, on the cores where
# others could work
FEW_CLASSES = 64


class Objective:
    """The log loss of rows as a function of (scales, biases).

    `scale` "none" is a scale of 1, "common" one of all classes, "class" one a class; `gauge`
    numbers the groups of classes whose biases are only known up to a constant, which the
    Hessian then holds at mean 0. Without `biases` there is only the common scale.
    """

    def __init__(
        self,
        log_probs: Matrix,  # (N, K)
        target: npt.NDArray[np.int64],
        weight: Vector,
        *,
        scale: Scale = "common",
        biases: bool = True,
        gauge: npt.NDArray[np.int64] | None = None,
    ) -> None:
        # a class a row: what is done for each row is then done for many of them at once
        self._scores = z = np.ascontiguousarray(log_probs.T)
        self._dead = np.isneginf(z) if np.isneginf(z.min()) else None
        # what multiplies a probability of 0 must be finite
        self._z = z if self._dead is None else np.where(self._dead, 0.0, z)
        self.target = target
        self.weight = weight
        self._share = weight / weight.sum()
        self._scale, self._biases = scale, biases
        self.num_classes = classes = log_probs.shape[1]
        self.num_scales = {"none": 0, "common": 1, "class": classes}[scale]
        self.size = self.num_scales + (classes if biases else 0)
        self._frequency = np.bincount(target, self._share, classes)
        true = self._z[target, np.arange(len(target))]
        self._true_scores = np.bincount(target, self._share * true, classes)
        groups = np.zeros(classes, dtype=np.int64) if gauge is None else gauge
        same = groups[:, None] == groups
        self._gauge = same / same.sum(axis=1)

    def parts(self, point: Vector) -> tuple[Vector, Vector]:
        """Return the scales, one or one a class, and the biases of a point."""
        scales = point[: self.num_scales] if self.num_scales else np.ones(1)
        return scales, (point[self.num_scales :] if self._biases else np.zeros(1))

    def scores(self, point: Vector, rows: slice) -> Matrix:
        """Return eta of some rows, (K, rows)."""
        scales, biases = self.parts(point)
        eta = self._z[:, rows] * scales[:, None]
        eta += biases[:, None]
        if self._dead is not None:
            eta[self._dead[:, rows]] = -np.inf
        return eta

    def blocks(self, scores: int = BLOCK) -> list[slice]:
        """All rows, some at a time."""
        step = max(64, scores // self.num_classes)
        return [slice(i, i + step) for i in range(0, len(self.target), step)]

    def true(self, scores: Matrix, rows: slice) -> Vector:
        """Return the scores of the truths of some rows."""
        target = self.target[rows]
        found: Vector = scores[target, np.arange(len(target))]
        return found

    def __call__(self, point: Vector) -> Derivatives:
        """Return value, gradient and Hessian."""
        if self.num_classes <= FEW_CLASSES and self._scale != "class":
            return self._of_few(point)
        return self._of_many(point)

    def _of_few(self, point: Vector) -> Derivatives:
        """The derivatives by the kernel, for one scale of all classes or none."""
        (scale,), biases = self.parts(point)
        sums = scaled_softmax(
            self._scores,
            self.target,
            self._share,
            scale=scale,
            bias=np.zeros(self.num_classes) + biases,
            of_scale=self._scale == "common",
            of_biases=self._biases,
        )
        first, crossed = np.stack([sums.probs, sums.scored]), np.stack([sums.probs, sums.crossed])
        return self._assembled(sums.loss, sums.spread, first, crossed, sums.pairs)

    def _of_many(self, point: Vector) -> Derivatives:
        """The derivatives by products of matrices."""
        k, wide = self.num_classes, self._scale == "class"
        value, spread = 0.0, 0.0
        sums, crossed = np.zeros((2, k)), np.zeros((2, k))
        square = np.zeros((self.size, self.size) if wide else (k, k))
        for rows in self.blocks():
            share, z = self._share[rows], self._z[:, rows]
            eta = self.scores(point, rows)
            top = eta.max(axis=0)
            true = self.true(eta, rows)
            p = np.exp(np.subtract(eta, top, out=eta), out=eta)
            total = p.sum(axis=0)
            p /= total
            value += float(share @ (top - true + np.log(total)))
            shared = p * share
            sums[0] += shared.sum(axis=1)
            if self._scale == "none":
                square += p @ shared.T
                continue
            scored = p * z
            sums[1] += scored @ share
            if wide:
                both = np.concatenate([scored, p])
                square += both @ (both * share).T
                crossed[0] += (scored * z) @ share
                continue
            around = z - scored.sum(axis=0)
            moved = shared * around
            spread += float(np.vdot(moved, around))
            crossed[1] += moved.sum(axis=1)
            if self._biases:
                square += p @ shared.T
        return self._assembled(value, spread, sums, crossed, square)

    def _assembled(
        self, value: float, spread: float, sums: Matrix, crossed: Matrix, square: Matrix
    ) -> Derivatives:
        of_bias = sums[0] - self._frequency
        bias_terms = sums[0] + self._frequency
        if self._scale == "none":
            return Derivatives(value, of_bias, self._of_biases(sums[0], square), bias_terms)
        of_scale = sums[1] - self._true_scores
        scale_terms = np.abs(sums[1]) + np.abs(self._true_scores)
        if self._scale == "class":
            k = self.num_classes
            hessian = -square
            own = np.arange(k)
            hessian[own, own] += crossed[0]
            hessian[own, k + own] += sums[1]
            hessian[k + own, own] += sums[1]
            hessian[k + own, k + own] += sums[0]
            hessian[k:, k:] += self._gauge
            gradient = np.concatenate([of_scale, of_bias])
            return Derivatives(value, gradient, hessian, np.concatenate([scale_terms, bias_terms]))
        gradient, terms = np.array([of_scale.sum()]), np.array([scale_terms.sum()])
        hessian = np.array([[spread]])
        if self._biases:
            gradient, terms = np.append(gradient, of_bias), np.append(terms, bias_terms)
            corner = self._of_biases(sums[0], square)
            hessian = np.block([[hessian, crossed[1][None]], [crossed[1][:, None], corner]])
        return Derivatives(value, gradient, hessian, terms)

    def _of_biases(self, mean: Vector, square: Matrix) -> Matrix:
        corner: Matrix = np.diag(mean) - square + self._gauge
        return corner


def exact_loss(objective: Objective, point: Vector) -> float:
    """The log loss at a point, its sum exact."""
    sums = LogLoss("class_logits", objective.num_classes, tolerance=0.0)
    for rows in objective.blocks(BLOCK * 8):
        columns = list(objective.scores(point, rows))
        sums.add(columns, target=objective.target[rows], weight=objective.weight[rows])
    totals = sums.sums()
    return ratio(totals["nll"], totals["weight"])
