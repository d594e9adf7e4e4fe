"""What a value of a loss means, or the code of a rule: `explain(0.6931, classes=2)`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.rules import Rule, is_code, rule
from xent.diagnostics.value_table import KnownValue, check_classes, known_values
from xent.errors import XentTypeError, XentValueError
from xent.units import Unit, nats_per, perplexity_of

__all__ = ["SAME", "Explanation", "KnownValue", "explain", "known_values", "values_at"]

SAME = 2e-4  # four digits of a loss that somebody typed


@dataclass(frozen=True)
class Explanation:
    """A loss in the units and against the baselines that give it a meaning; prints as text.

    Attributes
    ----------
    nats, bits : float
        The loss.
    probability : float
        Geometric mean of the probability that the truth got, exp(-nats).
    perplexity : float
        exp(nats): as uncertain as among so many equally likely classes.
    classes : int or None
    uniform : float or None
        What guessing uniformly costs, ln(classes), in nats.
    frequencies : float or None
        What the class frequencies cost as the only prediction: their entropy, in nats.
    skill : float or None
        1 - loss / baseline, the baseline being `frequencies`, else `uniform`; 0 is no
        better than it, 1 is perfect.
    known : tuple of KnownValue
        The values with a name that this one is equal to, to four digits.
    notes : tuple of str
        What else is to be said.
    """

    nats: float
    bits: float
    probability: float
    perplexity: float
    classes: int | None
    uniform: float | None
    frequencies: float | None
    skill: float | None
    known: tuple[KnownValue, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.nats:.4g} nats = {_bits(self.bits)}"]
        if 0 <= self.nats < math.inf:
            lines.append(
                f"geometric mean probability of the truth {self.probability:.3g}, perplexity "
                f"{self.perplexity:.4g}"
            )
        if self.uniform is not None:
            lines.append(
                f"uniform guessing among {self.classes:,} classes costs {self.uniform:.4g}"
            )
        if self.frequencies is not None:
            lines.append(f"always guessing the class frequencies costs {self.frequencies:.4g}")
        if self.skill is not None:
            lines.append(f"skill {_skill(self.skill)}")
        lines += [f"{known.name} = {known.value:.4g}: {known.meaning}" for known in self.known]
        return "\n".join([*lines, *self.notes])


@overload
def explain(value: str) -> Rule: ...


@overload
def explain(
    value: float,
    *,
    classes: int | None = None,
    class_frequencies: Sequence[float] | Any = None,
    unit: Unit = "nat",
) -> Explanation: ...


def explain(
    value: float | str,
    *,
    classes: int | None = None,
    class_frequencies: Sequence[float] | Any = None,
    unit: Unit = "nat",
) -> Explanation | Rule:
    """Return what a mean cross-entropy of this value says about a model, or what a rule is about.

    Parameters
    ----------
    value : float or str
        A mean loss per sample, in `unit`; or the code of a rule, as warnings and errors have
        it: "D04".
    classes : int, optional
        Number of classes; follows from `class_frequencies` where those are given.
    class_frequencies : sequence of float, optional
        How often each class is true: counts, or shares.
    unit : {"nat", "bit", "ban"}
        Unit of `value`.

    Returns
    -------
    Explanation or Rule
        Prints as text. All values of an explanation are in nats, whatever the unit of `value`.

    Raises
    ------
    XentValueError
        If `classes` is less than 1 or not the number of frequencies, if frequencies are
        negative, not finite or all zero, if `unit` is unknown, or if no rule has the code.
    XentTypeError
        If `value` is neither a number nor a code, or `classes` not an integer.

    See Also
    --------
    known_values : the table of values that have a name.
    xent.evaluate : where there are predictions, and not their loss alone.

    References
    ----------
    .. [1] C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27, 1948:
       entropy, which is what the best constant prediction costs.
    .. [2] F. Jelinek, R. L. Mercer, L. R. Bahl and J. K. Baker, "Perplexity: a measure of the
       difficulty of speech recognition tasks", J. Acoust. Soc. Am. 62, 1977.
    .. [3] I. Goodfellow and others, "Generative adversarial nets", NeurIPS 2014: the loss at the
       equilibrium.

    Examples
    --------
    >>> print(explain(0.6931, classes=2))
    0.6931 nats = 1 bit
    geometric mean probability of the truth 0.5, perplexity 2
    uniform guessing among 2 classes costs 0.6931
    skill about 0
    ln 2 = 0.6931: a coin flip between two classes: no model, or one that has not learnt yet;
    each term of a GAN's discriminator loss at its equilibrium

    >>> print(explain(0.655, class_frequencies=[500] * 10))
    0.655 nats = 0.945 bits
    geometric mean probability of the truth 0.519, perplexity 1.925
    uniform guessing among 10 classes costs 2.303
    always guessing the class frequencies costs 2.303
    skill 0.716

    >>> print(explain("D33"))
    D33, warning: the mean of a divergence divides by the number of classes too
    reduction="mean" of torch's kl_div is the mean over elements: K times too small for K classes,
    and so are its gradients.
    Fix: reduction="batchmean", or distillation_loss for two sets of logits.
    """
    if isinstance(value, str) and is_code(value):
        return rule(value)
    factor = nats_per(unit)
    try:
        nats = float(value) * factor
    except (TypeError, ValueError):
        raise XentTypeError(
            f"value must be a number, the loss, or the code of a rule such as D04, got {value!r}",
            value=value,
        ) from None
    shares = None if class_frequencies is None else _shares(class_frequencies)
    num_classes = _num_classes(classes, shares)
    uniform = None if num_classes is None else math.log(num_classes)
    entropy = None if shares is None else _entropy(shares)
    baseline = uniform if entropy is None else entropy
    skill = None
    if baseline and math.isfinite(nats) and nats >= 0:
        skill = 1 - nats / baseline
    return Explanation(
        nats=nats,
        bits=nats / nats_per("bit"),
        probability=math.exp(-nats) if nats >= 0 else math.nan,
        perplexity=perplexity_of(nats),
        classes=num_classes,
        uniform=uniform,
        frequencies=entropy,
        skill=skill,
        known=values_at(nats, num_classes),
        notes=tuple(_notes(nats, uniform, entropy)),
    )


def values_at(nats: float, classes: int | None = None) -> tuple[KnownValue, ...]:
    """Return the known values that a loss is equal to, to four digits.

    >>> [known.name for known in values_at(2.3026, classes=10)]
    ['ln 10']
    """
    if not math.isfinite(nats):
        return ()
    # ln 10.5 is nobody's loss, and every float is near the logarithm of some large integer
    return tuple(k for k in known_values(classes) if abs(k.value - nats) <= SAME * k.value)


def _notes(nats: float, uniform: float | None, entropy: float | None) -> Iterable[str]:
    if math.isnan(nats):
        yield (
            "NaN: a mean of no rows (all of them ignored?), or a row with NaN or infinite logits"
        )
    elif nats == math.inf:
        yield "infinite: at least one row gave probability 0 to what is true"
    elif nats < 0:
        yield (
            "negative: no cross-entropy of class labels is; look for targets outside [0, 1], "
            "arguments in the wrong order, or the log of a density"
        )
    elif nats == 0:
        yield "zero: every row sure and right, or rounded to it; look for the target in the inputs"
    elif uniform is not None and nats > uniform * (1 + SAME):
        yield (
            f"worse than uniform guessing by {nats - uniform:.3g} nats: sure and wrong somewhere, "
            "classes in another order, or logits too large"
        )
    elif entropy is not None and nats > entropy * (1 + SAME):
        yield f"worse than the class frequencies alone by {nats - entropy:.3g} nats"


def _shares(frequencies: Any) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.asarray(frequencies, np.float64)
    if shares.ndim != 1 or not shares.size:
        raise XentValueError(
            "class_frequencies must be one number for each class, got an array of shape "
            f"{shares.shape}",
            value=shares.shape,
        )
    bad = ~(np.isfinite(shares) & (shares >= 0))
    if bad.any():
        index = int(np.argmax(bad))
        raise XentValueError(
            "class_frequencies must be finite and not negative, got "
            f"class_frequencies[{index}] = {shares[index]:g}",
            index=index,
            value=float(shares[index]),
        )
    if not shares.sum() > 0:
        raise XentValueError("class_frequencies must not all be 0", value=0.0)
    shares = shares / shares.sum()
    return shares


def _entropy(shares: NDArray[np.float64]) -> float:
    positive = shares[shares > 0]
    # adding 0 makes the -0.0 of a sure thing a plain 0
    return float(-(positive @ np.log(positive))) + 0.0


def _num_classes(classes: int | None, shares: Any) -> int | None:
    if classes is None:
        return None if shares is None else len(shares)
    classes = check_classes(classes)
    if shares is not None and len(shares) != classes:
        raise XentValueError(
            f"classes and class_frequencies disagree: {classes} and {len(shares)} classes; leave "
            "classes out",
            value=classes,
        )
    return classes


def _bits(bits: float) -> str:
    text = f"{bits:.3g}"
    return f"{text} bit" if text == "1" else f"{text} bits"


def _skill(skill: float) -> str:
    text = f"{skill:.3f}"
    return "about 0" if float(text) == 0 and skill else text
