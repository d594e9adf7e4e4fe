"""What an expression gives, in a few words: its value, what it raises, whether it warns.

For the tables of docs/differences.md and docs/migrate/, whose cells are computed.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
PEERS = ("torch", "scikit-learn", "scipy", "jax", "optax", "numpy")

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "torch")


class Outcome(NamedTuple):
    """The value, or the error, and the first warning."""

    value: Any = None
    error: Exception | None = None
    warning: Warning | None = None

    @property
    def words(self) -> str:
        if self.error is not None:
            code = getattr(self.error, "code", None)
            return f"{type(self.error).__name__}{f' {code}' if code else ''}"
        if self.warning is None:
            return shown(self.value)
        code = getattr(self.warning, "code", None)
        return f"{shown(self.value)}, warns{f' {code}' if code else ''}"


def outcome(code: str, names: dict[str, Any], place: str = "") -> Outcome:
    """Evaluate; each place and code is a call site of its own, since warnings come once a site."""
    import xent

    compiled = compile(code, f"<{place}: {code}>", "eval")
    # "full": every call looks, not the first twenty
    with warnings.catch_warnings(record=True) as told, xent.checks("full"):
        warnings.simplefilter("always")
        try:
            value = eval(compiled, dict(names))
        except Exception as error:
            return Outcome(error=error)
    ours = [w.message for w in told if not isinstance(w.message, DeprecationWarning)]
    return Outcome(value, None, ours[0] if ours else None)


def array_of(value: Any) -> Any:
    """Return it as NumPy; bfloat16 as float32."""
    if type(value).__module__.partition(".")[0] == "torch":
        value = value.detach()
        value = value.float() if value.dtype.itemsize == 2 else value
    return np.asarray(value)


def shown(value: Any) -> str:
    """Return four digits, a short list, or the shape of a long one."""
    if isinstance(value, (str, bool)):
        return str(value)
    array = array_of(value)
    if array.dtype == object or array.dtype.kind in "US":
        return str(value)
    if array.ndim == 0:
        return number(array[()])
    if array.size > 8:
        return "shape " + "×".join(map(str, array.shape))
    if array.ndim > 1 and array.shape[0] == 1:
        array = array[0]
    return "[" + ", ".join(number(v) for v in array.ravel()) + "]"


def number(value: Any) -> str:
    if isinstance(value, (bool, np.bool_, np.integer, int)):
        return str(value)
    text = f"{float(value) + 0.0:.4g}"  # no -0
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def names() -> dict[str, Any]:
    """Return what expressions may name, of the libraries that are installed."""
    modules = {
        "np": "numpy", "xent": "xent", "torch": "torch", "T": "torch.nn.functional",
        "F": "xent.torch.functional", "scipy": "scipy", "sklearn": "sklearn.metrics",
        "xent_sklearn": "xent.sklearn", "jax": "jax", "jnp": "jax.numpy", "optax": "optax",
    }  # fmt: skip
    found = {}
    for name, module in modules.items():
        try:
            found[name] = importlib.import_module(module)
        except ImportError:
            if module.startswith("xent"):
                raise  # only peers may be absent
    if "scipy" in found:
        importlib.import_module("scipy.stats")
        importlib.import_module("scipy.special")
    if "sklearn" in found:
        found["sklearn"] = sys.modules["sklearn"]
    return found


def versions(peers: tuple[str, ...] = PEERS) -> str:
    from importlib.metadata import version

    return ", ".join(f"{peer} {version(peer)}" for peer in peers)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])
