"""Is a loss of parts a weighted mean, with whatever weights, or do rows see each other?"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Evidence", "weights_behind"]


@dataclass(frozen=True)
class Evidence:
    """What the losses of three parts and of their unions show.

    Attributes
    ----------
    kind : {"weighted mean", "dependent", "unknown"}
    sizes : tuple of int
        Rows of the three parts.
    shares : tuple of float
        How much each of them counts, for a weighted mean.
    """

    kind: str
    sizes: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()


def weights_behind(
    *,
    first: float,
    second: float,
    third: float,
    first_two: float,
    last_two: float,
    whole: float,
    sizes: tuple[int, int, int],
    rtol: float,
) -> Evidence:
    """Return the weights that explain six losses, or that there are none.

    The loss of parts 1 and 2 together lies between theirs, and where it lies says what
    they weigh against each other; the whole says so of both against part 3. That leaves
    one loss, of parts 2 and 3, to be foretold: if it comes out otherwise, there are no
    weights.
    """
    losses = [first, second, third, first_two, whole]
    if not all(map(math.isfinite, [*losses, last_two])):
        return Evidence("unknown", sizes)
    noise = rtol * max(map(abs, losses))
    try:
        foretold, shares = _foretell(losses)
        # how far rounding of each of the five moves what is foretold, and the shares
        moved = [_foretell([x + noise * (i == j) for j, x in enumerate(losses)]) for i in range(5)]
    except ZeroDivisionError:  # parts of the same loss: any weights explain it
        return Evidence("unknown", sizes)
    doubt = noise + sum(abs(value - foretold) for value, _ in moved)
    share_doubt = sum(max(abs(a - b) for a, b in zip(s, shares, strict=True)) for _, s in moved)
    outside = max(-min(shares), max(shares) - 1)
    if outside > share_doubt or abs(foretold - last_two) > doubt:
        return Evidence("dependent", sizes)
    # the one loss that was left would have to differ by more than the doubt to tell
    if doubt > 0.1 * abs(second - third):
        return Evidence("unknown", sizes)
    return Evidence("weighted mean", sizes, shares)


def _foretell(losses: list[float]) -> tuple[float, tuple[float, float, float]]:
    """Return the loss of parts 2 and 3, and the shares of all three."""
    first, second, third, first_two, whole = losses
    of_first = (first_two - second) / (first - second)  # within the first two
    of_first_two = (whole - third) / (first_two - third)  # within the whole
    a, b, c = of_first * of_first_two, (1 - of_first) * of_first_two, 1 - of_first_two
    return (b * second + c * third) / (b + c), (a, b, c)
