"""What a fit found, and what it gains on the rows that it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xent.evaluation.plain import flag_of, number_of, refuse, text_of, texts_of, whole_of

__all__ = ["LARGE", "Fit"]

METHODS = ("vector", "shift", "temperature")
LARGE = 2.0**511  # no mean of losses is larger, and its square is a double


@dataclass(frozen=True)
class Fit:
    """Parameters fitted to rows, and what they gain on these rows, in nats.

    `parameters` has "scale" (one number, or one a class) and "bias" (one a class; -inf for a
    class that was never true). `loss_before` and `loss` are means over the rows that were not
    impossible. A family of p parameters gains about p / (2 n) on rows of a calibrated model,
    which is `optimism`, and loses as much on fresh rows.
    """

    method: str
    parameters: dict[str, tuple[float, ...]]
    loss: float
    loss_before: float
    num_parameters: int
    effective_rows: float  # sum(w)**2 / sum(w**2)
    num_impossible: int = 0
    separated: bool = False  # no finite fit is best
    converged: bool = True
    notes: tuple[str, ...] = ()

    @property
    def gain(self) -> float:
        """Nats a row that the fit saves on the rows it was fitted to."""
        return self.loss_before - self.loss

    @property
    def optimism(self) -> float:
        """What a calibrated model would seem to gain too: p / (2 n) nats (Wilks)."""
        return self.num_parameters / (2 * self.effective_rows)

    @property
    def note(self) -> str:
        """What is remarkable about the fit, or nothing."""
        return "; ".join(self.notes)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Fit:
        """Return the fit of the plain values that `dataclasses.asdict` gave."""
        if state["method"] not in METHODS:
            raise refuse("method", state["method"], f"one of {METHODS}")
        parameters = {
            text_of(name, "parameter"): tuple(number_of(x, name) for x in values)
            for name, values in state["parameters"].items()
        }
        checked: dict[str, Any] = {"parameters": parameters}
        checked |= {n: number_of(state[n], n, -LARGE, LARGE) for n in ("loss", "loss_before")}
        checked["effective_rows"] = number_of(state["effective_rows"], "effective_rows", 0.5, LARGE)
        checked |= {n: whole_of(state[n], n) for n in ("num_parameters", "num_impossible")}
        checked |= {n: flag_of(state[n], n) for n in ("separated", "converged")}
        return cls(**{**state, **checked, "notes": texts_of(state["notes"], "notes")})
