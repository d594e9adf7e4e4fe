"""Lines of Python as a page shows them: in the colours of the page, whatever its theme."""

from __future__ import annotations

from html import escape

__all__ = ["code_html"]

STYLE = (
    "margin:0;padding:.9rem 1rem;border-radius:8px;overflow-x:auto;background:var(--x-card);"
    "color:var(--x-ink);font:13px/1.6 ui-monospace,Menlo,Consolas,monospace"
)


def code_html(code: str, label: str) -> str:
    """Return lines of Python, what follows a # in a quieter colour; `label` says what they are.

    >>> "<code>f(1)  <span" in code_html("f(1)  # 2", "example")
    True
    """
    lines = []
    for line in code.rstrip("\n").split("\n"):
        before, mark, after = line.partition("#")
        comment = (
            f'<span style="color:var(--x-muted)">{escape(mark + after)}</span>' if mark else ""
        )
        lines.append(escape(before) + comment)
    joined = "\n".join(lines)
    # it scrolls sideways on a telephone: the keyboard must reach it
    return (
        f'<pre class="x-code" tabindex="0" role="group" aria-label="{escape(label)}" '
        f'style="{STYLE}"><code>{joined}</code></pre>'
    )
