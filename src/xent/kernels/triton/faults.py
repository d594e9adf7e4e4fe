"""Bad targets on a GPU: found by the kernels, told at the next natural synchronisation.

A kernel that meets a class index outside [0, C) gives its row NaN and leaves the place in a
small buffer on the device, one for each device. The buffer is copied to the host behind the
kernel, asynchronously; nobody waits for it. `raise_pending` tells what has arrived. There is
no device-side assert, which would end the process's use of the device.
"""

from __future__ import annotations

from typing import Any

import torch

from xent.errors import XentValueError

__all__ = ["buffer", "note", "raise_pending"]

NONE = 2**63 - 1
VALUES = 2**24  # see _rows.py


class _Device:
    """What is known of one device: the buffer, and a copy of it that is on its way."""

    def __init__(self, device: torch.device) -> None:
        # the first fault as row and value, how many there are, the number of classes
        self.found = torch.tensor([NONE, 0, 0], dtype=torch.int64, device=device)
        self.copy = torch.empty(3, dtype=torch.int64, pin_memory=device.type == "cuda")
        self.event: Any = None
        self.operation = ""


_devices: dict[torch.device, _Device] = {}


def buffer(device: torch.device) -> torch.Tensor:
    """Return the buffer that a kernel on `device` leaves its faults in.

    It is made by the first call. Where that one is captured into a CUDA graph, which nothing
    can be copied from, the faults of its replays are not told: warm up first, as always.
    """
    if device not in _devices and _capturing(device):
        return torch.zeros(3, dtype=torch.int64, device=device)
    return _state(device).found


def note(operation: str, device: torch.device) -> None:
    """Send the buffer to the host, behind the kernel of `operation` that was just launched.

    Does nothing while a copy is on its way, since the buffer keeps what it holds, and while
    a CUDA graph is captured: what a replay finds is told after the next call outside it.
    """
    if _capturing(device):
        return
    state = _state(device)
    if device.type != "cuda":
        state.operation = operation
        return
    if state.event is not None and not state.event.query():
        return
    if state.event is not None and int(state.copy[1]):
        return  # arrived, and not told yet
    state.operation = operation
    state.copy.copy_(state.found, non_blocking=True)
    state.event = torch.cuda.Event()
    state.event.record(torch.cuda.current_stream(device))


def raise_pending(device: torch.device | str, *, wait: bool = False) -> None:
    """Raise D01 if a kernel on `device` has met a bad target and the host has heard of it.

    Parameters
    ----------
    device : torch.device or str
    wait : bool, default False
        Synchronise with the device, so that every kernel launched so far has been heard of.
        Otherwise nothing is waited for. While a CUDA graph is captured nothing is told.

    Raises
    ------
    XentValueError
        D01; `index` is the row, counted as in ``target.reshape(-1)``, and `value` the target,
        clipped to 24 bits. It is raised once.
    """
    device = _with_index(torch.device(device))
    state = _devices.get(device)
    if state is None or _capturing(device):
        return
    if wait or device.type != "cuda":
        key, count, num_classes = state.found.tolist()
    elif state.event is not None and state.event.query():
        key, count, num_classes = state.copy.tolist()
    else:
        return
    if not count:
        return
    state.event = None
    state.found.copy_(torch.tensor([NONE, 0, 0]))
    row, value = divmod(key, VALUES)
    value -= VALUES // 2
    clipped = value in (-VALUES // 2, VALUES // 2 - 1)
    bound = f" (or {'less' if value < 0 else 'more'})" if clipped else ""
    raise XentValueError(
        f"{state.operation}: target must be in [0, {num_classes}) or ignore_index, but "
        f"{count:,} {'is' if count == 1 else 'are'} not; first: row {row} has {value}{bound}. "
        "Their losses are NaN. This was found on the device, by this call or one before it.",
        code="D01",
        index=row,
        value=value,
    )


def _state(device: torch.device) -> _Device:
    device = _with_index(device)
    if device not in _devices:
        _devices[device] = _Device(device)
    return _devices[device]


def _with_index(device: torch.device) -> torch.device:
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _capturing(device: torch.device) -> bool:
    return device.type == "cuda" and bool(torch.cuda.is_current_stream_capturing())
