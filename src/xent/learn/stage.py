"""A picture with its controls: what is dragged or slid goes to Python, a new picture comes back.

The browser knows nothing but where the handles are and what the controls may be; every number
and every line of the picture is made here, by xent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from xent.errors import XentTypeError, XentValueError
from xent.learn.controls import Button, Choice, Control, Play, Slider, Values, as_spec
from xent.learn.palette import picture_style, standalone
from xent.learn.svg import NARROW, WIDE

__all__ = ["Adjust", "Draw", "Stage"]

ASSETS = Path(__file__).parent / "assets"

Draw = Callable[[dict[str, Any], int], str]
Adjust = Callable[[dict[str, Any], str], Values]


class Stage(anywidget.AnyWidget):
    """A picture, its handles and its controls.

    Parameters
    ----------
    name : str
        Name of the picture: of its element, for tests, and of the file that is downloaded.
    controls : sequence of Slider, Choice, Button, Play
        What can be moved; may be empty.
    draw : callable
        ``draw(values, width)`` returns the SVG of the values, as wide as WIDE or NARROW.
    adjust : callable, optional
        ``adjust(values, moved)`` returns what else changes when the control `moved` has moved,
        such as the other probabilities of a distribution.
    caption, download : str
        The line under the picture (HTML), and the words of the download button.
    words : callable
        ``words(message)`` returns what the reader is told of an error of xent.
    """

    _esm = (ASSETS / "stage.js").read_text(encoding="utf-8")
    _css = picture_style() + (ASSETS / "stage.css").read_text(encoding="utf-8")

    spec = traitlets.Dict().tag(sync=True)
    asked = traitlets.Dict().tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)

    def __init__(
        self, name: str, controls: Sequence[Control], draw: Draw, *,
        adjust: Adjust | None = None, caption: str = "", download: str = "SVG",
        words: Callable[[str], str] = str,
    ) -> None:  # fmt: skip
        self._draw, self._adjust, self._words = draw, adjust, words
        self._controls = {control.name: control for control in controls}
        self._values: dict[str, Any] = {
            c.name: c.value for c in controls if isinstance(c, (Slider, Choice))
        }
        super().__init__(
            spec={
                "name": name,
                "caption": caption,
                "download": download,
                "controls": [as_spec(c) for c in controls],
            }
        )
        self._show(0)

    @property
    def values(self) -> dict[str, Any]:
        """The value of each control, by its name."""
        return dict(self._values)

    @traitlets.observe("asked")
    def _on_asked(self, change: Any) -> None:
        asked = change["new"]
        moved = str(asked.get("moved", ""))
        control = self._controls.get(moved)
        if isinstance(control, Button):
            self._put(control.do(self.values))
        elif isinstance(control, (Slider, Choice)):
            self._put({moved: asked.get("value")})
            if self._adjust is not None:
                self._put(self._adjust(self.values, moved))
        n = asked.get("n", 0)
        self._show(n if isinstance(n, int) else 0)

    def _put(self, changes: Values) -> None:
        """Take values, each no further than its control goes: a button may add at the end."""
        for name, value in changes.items():
            control = self._controls.get(name)
            if isinstance(control, (Slider, Choice)):
                value = _allowed(control, value, self._values[name])
            self._values[name] = value

    def _show(self, n: int) -> None:
        try:
            wide, narrow = (self._draw(self.values, width) for width in (WIDE, NARROW))
            told = {"wide": wide, "narrow": narrow, "file": standalone(wide), "wrong": ""}
        except (XentValueError, XentTypeError) as error:
            told = {"wide": "", "narrow": "", "file": "", "wrong": self._words(str(error))}
        # where what plays comes to its end follows from the other controls
        until = {
            c.name: float(c.until(self.values))
            for c in self._controls.values()
            if isinstance(c, Play)
        }
        self.shown = {"n": n, "values": self.values, "until": until, **told}


def _allowed(control: Slider | Choice, value: Any, before: Any) -> Any:
    """Return a value that the control may have; what comes from a browser is not trusted."""
    if isinstance(control, Choice):
        return value if isinstance(value, str) and value in control.options else before
    if not isinstance(value, (int, float)):
        return before
    if isinstance(value, float) and not math.isfinite(value):
        return before
    # before it becomes a float: an integer may be larger than any
    return float(min(max(value, control.low), control.high))
