"""Tensors of other libraries as arrays, without importing any of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_array"]


def as_array(values: Any) -> tuple[NDArray[Any], str | None]:
    """Return an array of the values, and the dtype that they had where NumPy has none for it.

    A torch tensor may need a gradient, lie on any device, be strided in any way, and be
    bfloat16, which becomes float32. Anything else goes through `np.asarray`.

    >>> as_array([1.0, 2.0])
    (array([1., 2.]), None)
    """
    if not hasattr(values, "detach"):
        array = np.asarray(values)
        if array.dtype.name == "bfloat16":  # of ml_dtypes, as JAX has it
            return array.astype(np.float32), "bfloat16"
        return array, None
    values = values.detach()
    name = None
    if str(values.dtype) == "torch.bfloat16":
        values, name = values.float(), "bfloat16"
    # what is lazily negated is not in memory yet
    return np.asarray(values.cpu().resolve_neg().numpy()), name
