"""Counts and weights in cells: integers that add exactly, packed into text."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Tally"]

Units = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Tally:
    """Rows in cells, or their weight; adding is exact, so tallies have no order.

    Parameters
    ----------
    low : array of uint64
        Rows in each cell where `high` is None, else the lower half of weights.
    high : array of uint64, optional
        Upper half of weights in units of 2**-64: a weight is high + low * 2**-64.

    Examples
    --------
    >>> rows = Tally(np.array([1, 2], dtype=np.uint64))
    >>> (rows + rows).values()
    array([2., 4.])
    """

    low: Units
    high: Units | None = None

    @property
    def is_weighted(self) -> bool:
        return self.high is not None

    def _halves(self) -> tuple[Units, Units]:
        # a row weighs 1, which is one unit of the upper half
        return (np.zeros_like(self.low), self.low) if self.high is None else (self.low, self.high)

    def __add__(self, other: object) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        if self.high is None and other.high is None:
            return Tally(self.low + other.low)
        (a, a_high), (b, b_high) = self._halves(), other._halves()
        low = a + b
        return Tally(low, a_high + b_high + (low < a))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tally):
            return NotImplemented
        return all(map(np.array_equal, self._halves(), other._halves()))

    __hash__ = None  # type: ignore[assignment]

    def values(self) -> npt.NDArray[np.float64]:
        """Return rows, or weights, as float64."""
        low, high = self._halves()
        return high.astype(np.float64) + np.ldexp(low.astype(np.float64), -64)

    def to_state(self) -> list[str]:
        """Return the tally as text: one for counts, two for weights."""
        halves = (self.low,) if self.high is None else self._halves()
        return [_pack(half.ravel()) for half in halves]

    @classmethod
    def from_state(cls, state: list[str], shape: tuple[int, ...]) -> Tally:
        """Return the tally of this shape that `to_state` wrote."""
        return cls(*(_unpack(text).reshape(shape) for text in state))


# Seven bits a byte, the lowest first, the last byte of a number without the eighth; most cells
# are empty, and a run of zeros takes next to nothing once it is deflated. Level 6 with short
# matches left out is a sixth of level 9's time here, and as small.
def _pack(values: Units) -> str:
    large = np.flatnonzero(values >> _SEVEN)
    size = np.ones(len(values), dtype=np.int64)
    here, rest = large, values[large]
    while len(here):
        size[here] += 1
        rest = rest >> _SEVEN
        here, rest = _longer(here, rest)
    end = np.cumsum(size)
    start = end - size
    data = np.zeros(int(end[-1]) if len(end) else 0, dtype=np.uint8)
    data[start] = values & _LOWEST
    place, rest = start[large], values[large]
    while len(place):
        data[place] |= _MORE
        rest = rest >> _SEVEN
        data[place + 1] = rest & _LOWEST
        place, rest = _longer(place + 1, rest)
    deflate = zlib.compressobj(6, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    return base64.b64encode(deflate.compress(data.tobytes()) + deflate.flush()).decode()


def _longer(places: npt.NDArray[np.int64], rest: Units) -> tuple[npt.NDArray[np.int64], Units]:
    """Leave those of whose numbers there is more than seven bits."""
    more = rest > _LOWEST
    return places[more], rest[more]


def _unpack(text: str) -> Units:
    data = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    last = np.flatnonzero(data < _MORE)
    place = np.concatenate(([0], last[:-1] + 1)) if len(last) else last
    values: Units = (data[place] & np.uint8(_LOWEST)).astype(np.uint64)
    here = np.flatnonzero(data[place] >= _MORE)
    place, shift = place[here], 0
    while len(here):
        place, shift = place + 1, shift + 7
        values[here] |= (data[place].astype(np.uint64) & _LOWEST) << np.uint64(shift)
        more = data[place] >= _MORE
        here, place = here[more], place[more]
    return values


_SEVEN, _LOWEST, _MORE = np.uint64(7), np.uint64(127), np.uint8(128)
