"""softmax, log_softmax, sigmoid and log_sigmoid on a CPU. See native/softmax_maps.kernel.cpp."""

from __future__ import annotations

from xent._native import log_sigmoid, log_softmax, sigmoid, softmax

__all__ = ["log_sigmoid", "log_softmax", "sigmoid", "softmax"]
