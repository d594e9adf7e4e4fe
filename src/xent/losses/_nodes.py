"""What a batch of independent nodes is divided by: by itself, or sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.losses._arguments import as_weights, skipped_by

__all__ = ["Nodes"]


@dataclass(frozen=True)
class Nodes:
    """The denominator of a mean over nodes (no axis) or over samples (an axis)."""

    weight: float
    count: int
    units: int  # nodes or samples, those that do not count included
    sample_weight: NDArray[np.float64] | None

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        axis: int | None,
        label_axis: int,
        label_weight: NDArray[np.float64] | None,
        sample_weight: Any,
        ignored: NDArray[np.bool_] | None,
    ) -> Nodes:
        if axis is None:
            sample_weight = as_weights(sample_weight, "sample_weight", shape, "one for each node")
            units_shape = shape
        else:
            units_shape = shape[:axis] + shape[axis + 1 :]
            sample_weight = as_weights(
                sample_weight, "sample_weight", units_shape, "one for each sample"
            )
        units = int(np.prod(units_shape, dtype=np.int64))
        node_weight = label_weight if axis is None else None
        if sample_weight is None and ignored is None and node_weight is None:
            return cls(float(units), units, units, None)
        kept: NDArray[Any] = np.ones(units_shape)
        if ignored is not None:
            kept = np.logical_not(ignored if axis is None else ignored.all(axis=axis))
        weights = kept.astype(np.float64)
        if sample_weight is not None:
            weights = weights * sample_weight
        if node_weight is not None:
            along = [1] * len(shape)
            along[label_axis] = -1
            weights = weights * node_weight.reshape(along)
        return cls(float(weights.sum()), int(np.count_nonzero(kept)), units, sample_weight)

    def counted(self, labels: NDArray[Any], axis: int | None, ignore_index: int | None) -> Any:
        """Return the labels with 0 where the weight of the sample is 0: nobody looks at those."""
        skipped = skipped_by(self.sample_weight)
        if skipped is None:
            return labels
        if axis is not None:
            skipped = np.expand_dims(skipped, axis)
        if ignore_index is not None:
            skipped = skipped & (labels != ignore_index)
        return np.where(skipped, labels.dtype.type(0), labels)
