"""`xent explain`: what a loss value means, or the code of a rule."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from xent.cli.options import OK, Text, option, whole

__all__ = ["explain"]


def explain(
    value: Annotated[
        float | str,
        Parameter(help="A loss, such as 0.6931, or the code of a rule, such as D04."),
    ],
    /,
    *,
    classes: Annotated[int | None, whole("Number of classes.")] = None,
    frequencies: Annotated[
        Text, option('Frequencies of the classes, or their counts: "0.9,0.1".')
    ] = None,
    unit: Annotated[Literal["nat", "bit", "ban"], option("Unit of the value.")] = "nat",
) -> int:
    """Say what a loss means, such as ln 2, or what a rule is about, such as D04."""
    from xent.cli.values import number_list
    from xent.diagnostics.known_values import explain as explain_

    if isinstance(value, str):
        print(explain_(value))
        return OK
    print(
        explain_(
            value,
            classes=classes,
            class_frequencies=number_list("frequencies", frequencies),
            unit=unit,
        )
    )
    return OK
