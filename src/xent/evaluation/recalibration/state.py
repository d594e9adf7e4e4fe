"""A Recalibration as JSON text, and back, checked."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict, fields
from typing import Any

from xent.errors import SourceError
from xent.evaluation.reading.names import repeated
from xent.evaluation.recalibration.isotonic import Curve
from xent.evaluation.recalibration.recalibration import METHODS, Recalibration, Training

__all__ = ["VERSION", "from_json", "to_json"]

FORMAT, VERSION = "xent recalibration", 1


def to_json(recalibration: Recalibration) -> str:
    """Return JSON text; numbers are exact, -inf and nan are null."""
    r = recalibration
    state = {
        "format": FORMAT,
        "version": VERSION,
        "kind": r.kind,
        "classes": list(r.classes),
        "method": r.method,
        "scale": list(r.scale),
        "bias": [_number(b) for b in r.bias],
        "curves": [
            {"logits": list(c.logits), "probabilities": list(c.probabilities)} for c in r.curves
        ],
        "training": {n: _number(v) for n, v in asdict(r.training).items()},
    }
    return json.dumps(state, indent=1, allow_nan=False)


def from_json(text: str, name: str = "text") -> Recalibration:
    """Return the recalibration that `to_json` wrote; `name` is where the text is from.

    Raises
    ------
    SourceError
        Where the text is something else, of another version, or changed so that it is wrong.
    """
    try:
        state = json.loads(text)
    except ValueError as error:
        raise SourceError(
            f"{name} must be JSON of a recalibration, got text that is none ({error}); write it "
            "with xent recalibrate TRAIN -o FILE"
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        kind = "summary" if isinstance(state, dict) and "sum_nll" in state else "other JSON"
        raise SourceError(
            f"{name} must be JSON of a recalibration, got {kind}; write it with "
            "xent recalibrate TRAIN -o FILE"
        )
    if state.get("version") != VERSION:
        raise SourceError(
            f"{name} must have version {VERSION}, got {state.get('version')!r}; fit it again with "
            "this version of xent",
            value=state.get("version"),
        )
    try:
        found = _read(state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{name} is no whole recalibration: {_what(error)}") from None
    wrong = _wrong(found)
    if wrong:
        raise SourceError(f"{name} is no whole recalibration: {wrong}")
    return found


def _read(state: dict[str, Any]) -> Recalibration:
    training = {f.name: state["training"][f.name] for f in fields(Training)}
    for name in ("log_loss_before", "log_loss", "optimism"):
        training[name] = math.nan if training[name] is None else float(training[name])
    for name in ("notes", "truth"):
        training[name] = tuple(map(str, training[name]))
    return Recalibration(
        kind=state["kind"],
        classes=tuple(map(str, state["classes"])),
        method=state["method"],
        scale=tuple(map(float, state["scale"])),
        bias=tuple(-math.inf if b is None else float(b) for b in state["bias"]),
        training=Training(**training),
        curves=tuple(
            Curve(tuple(map(float, c["logits"])), tuple(map(float, c["probabilities"])))
            for c in state["curves"]
        ),
    )


def _wrong(r: Recalibration) -> str:
    """What the numbers of a recalibration may not be, or nothing."""
    count = len(r.classes)
    if r.kind not in ("classes", "labels"):
        return f"kind must be classes or labels, got {r.kind!r}"
    if r.method not in METHODS:
        return f"method must be one of {METHODS}, got {r.method!r}"
    if not count or repeated(r.classes):
        return "classes must be different names"
    if r.method == "isotonic":
        curves = 1 if r.kind == "classes" and count == 2 else count
        if len(r.curves) != curves or r.scale or r.bias:
            return f"it must have {curves} curves, got {len(r.curves)}"
        return next((what for what in map(_wrong_curve, r.curves) if what), "")
    if len(r.scale) not in (1, count) or not all(0 <= s < math.inf for s in r.scale):
        return f"scale must be 1 or {count} numbers of 0 or more"
    if len(r.bias) != count or any(math.isnan(b) or b == math.inf for b in r.bias):
        return f"bias must be {count} numbers"
    if r.kind == "labels" and any(map(math.isinf, r.bias)):
        return "biases of labels must be finite"
    return ""


def _wrong_curve(curve: Curve) -> str:
    x, p = curve
    if not x or len(x) != len(p) or any(map(math.isnan, x)):
        return "a curve must have as many probabilities as logits"
    if any(b <= a for a, b in itertools.pairwise(x)):
        return "logits of a curve must rise"
    if any(b < a for a, b in itertools.pairwise(p)) or not 0 < p[0] <= p[-1] < 1:
        return "probabilities of a curve must rise between 0 and 1"
    return ""


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def _what(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
