"""Write the reference of the command from the command itself: `python tools/command_page.py`.

What is printed is MyST Markdown; docs/_extensions/generated.py writes it where the page
docs/reference/command.md includes it. Every option is a target of its own, `xent evaluate --by`.
"""

import inspect
import re
import types
import typing

NAMES = {str: "TEXT", float: "NUMBER", int: "NUMBER"}


def page():
    from xent.cli.app import app

    names = [name for name in app if not name.startswith("-")]
    return "\n".join(line for name in names for line in command(name, app[name]))


def command(name, app):
    summary, _, rest = inspect.cleandoc(app.help).partition("\n\n")
    arguments = list(app.assemble_argument_collection())
    options = [argument for argument in arguments if argument.names[0].startswith("-")]
    places = [argument for argument in arguments if argument not in options]
    usage = " ".join(["xent", name, "[OPTIONS]", *(usage_of(place) for place in places)])
    yield from ["```{eval-rst}", f".. program:: xent {name}", "```", ""]
    yield from [f"## xent {name}", "", "```text", usage, "```", "", escaped(summary), ""]
    if rest:
        yield from [escaped(rest), ""]
    yield "```{eval-rst}"
    yield f".. program:: xent {name}"
    for place in places:
        yield from ["", f"**{place.names[0]}** ", f"   {escaped(place.parameter.help)}"]
    for option in options:
        value = value_of(option)
        names = (f"{name} {value}".strip() for name in option.names)
        yield from ["", f".. option:: {', '.join(names)}"]
        yield from ["", f"   {escaped(sentence(option))}"]
    yield from ["```", ""]


def usage_of(place):
    many = place.field_info.kind is inspect.Parameter.VAR_POSITIONAL
    return f"[{place.names[0]}...]" if many else f"[{place.names[0]}]"


def value_of(option):
    """Return what stands behind an option: its choices or its kind; nothing for a flag."""
    choices = option.get_choices()
    if choices:
        return "{" + ",".join(choices) + "}"
    kinds = [kind for kind in alternatives(option.hint) if kind not in (type(None), Ellipsis)]
    return "" if kinds == [bool] else NAMES[kinds[0]]


def alternatives(hint):
    if typing.get_origin(hint) in (typing.Union, types.UnionType, tuple):
        return [kind for part in typing.get_args(hint) for kind in alternatives(part)]
    return [hint]


def sentence(option):
    """Return the help of an option, with its default where the help does not tell it."""
    text = option.parameter.help
    default = option.field_info.default
    if default in (None, False, (), inspect.Parameter.empty) or "default" in text:
        return text
    return f"{text} Default: {default}."


def escaped(text):
    """Return text as Markdown and as reStructuredText: no markup but options, as code."""
    text = re.sub(r"([\\*`_|<>])", r"\\\1", text)
    return re.sub(r"(?<![\w-])(--[a-z-]+)", r"``\1``", text)


if __name__ == "__main__":
    print(page())
