"""New axes of matplotlib, which need not be installed."""

from __future__ import annotations

from typing import Any

from xent.errors import UnavailableError

__all__ = ["new_axes"]


def new_axes(rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None) -> Any:
    """Return axes in a new figure of a size in inches; an array of them where they are several.

    Raises
    ------
    UnavailableError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UnavailableError(
            'plots need matplotlib, which is not installed; pip install "xent[plot]"'
        ) from None
    _, axes = plt.subplots(rows, columns, layout="constrained", figsize=size)
    return axes
