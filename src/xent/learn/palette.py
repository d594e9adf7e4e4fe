"""The colours: one for each meaning, light and dark, the same in every picture and every word.

`p` is the truth, `q` the model, `gap` what lies between them (KL divergence); `good` and `bad`
judge; `a` to `d` tell events or classes apart. A colour NAME has the classes `fill-NAME`,
`soft-NAME` (a pale fill), `line-NAME`, `dash-NAME` and `text-NAME`.
"""

from __future__ import annotations

import re

__all__ = ["COLOURS", "page_variables", "picture_style", "standalone"]

# name: (light, dark); what is drawn together is told apart with every kind of eye, by its
# lightness where not by its hue: tests/learn/test_palette.py
COLOURS = {
    "paper": ("#fdfdfc", "#14161a"),
    "card": ("#f5f6f7", "#1c2025"),
    "ink": ("#1a1d21", "#e8eaed"),
    "muted": ("#5a616b", "#a3aab4"),
    "rule": ("#8b939d", "#6f7782"),
    "grid": ("#e4e7ea", "#2a2f36"),
    "edge": ("#dfe2e6", "#2e333a"),
    "p": ("#1f5fa8", "#7fb4ee"),
    "q": ("#b34a12", "#f29660"),
    "gap": ("#4a1466", "#ead6ff"),
    "good": ("#1f7a3f", "#b4f0bd"),
    "bad": ("#8f0f12", "#ff6f80"),
    "a": ("#05443f", "#9cebe0"),
    "b": ("#8a6400", "#d9a43a"),
    "c": ("#b80a95", "#ee6fbf"),
    "d": ("#4b5768", "#a9b6c8"),
}
MEANINGS = ("p", "q", "gap", "good", "bad", "a", "b", "c", "d", "ink", "muted", "paper")

FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "PingFang SC", '
    '"Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif'
)


def page_variables() -> str:
    """Return the colours as CSS variables: light, and dark where <html data-theme="dark">."""
    both = []
    for which, selector in enumerate((":root", ':root[data-theme="dark"]')):
        colours = "".join(f"--x-{name}:{pair[which]};" for name, pair in COLOURS.items())
        scheme = ("light", "dark")[which]
        both.append(f"{selector}{{color-scheme:{scheme};{colours}}}")
    return "\n".join(both)


def picture_style() -> str:
    """Return the looks of everything that `svg.py` draws, with the colours as variables."""
    rules = [
        f".picture{{font:13px/1.4 {FONT};font-variant-numeric:tabular-nums}}",
        ".picture text{fill:var(--x-ink)}",
        ".picture .tick{fill:var(--x-muted);font-size:12px}",
        ".picture .label{fill:var(--x-muted)}",
        ".picture .strong{font-weight:650}",
        ".picture .big{font-size:18px;font-weight:650}",
        ".picture .mid{text-anchor:middle}",
        ".picture .end{text-anchor:end}",
        ".picture .halo{paint-order:stroke;stroke:var(--x-paper);stroke-width:4px;"
        "stroke-linejoin:round}",
        ".picture .grid{stroke:var(--x-grid)}",
        ".picture .rule{stroke:var(--x-rule)}",
        ".picture .dashed{stroke-dasharray:4 4}",
        ".picture .grip{fill:transparent}",
        ".picture .knob{stroke:var(--x-paper);stroke-width:2}",
    ]
    for name in MEANINGS:
        colour = f"var(--x-{name})"
        rules += [
            f".picture .fill-{name}{{fill:{colour}}}",
            f".picture .soft-{name}{{fill:{colour};fill-opacity:.2}}",
            f".picture .line-{name}{{stroke:{colour};stroke-width:2.25;fill:none}}",
            f".picture .dash-{name}{{stroke:{colour};stroke-width:1.5;stroke-dasharray:4 4;"
            "fill:none}",
            f".picture .text-{name}{{fill:{colour};font-weight:600}}",
        ]
    return "\n".join(rules)


def standalone(svg: str) -> str:
    """Return a picture as a file of its own: light, on paper, with its colours written in it."""
    style = re.sub(r"var\(--x-(\w+)\)", lambda m: COLOURS[m[1]][0], picture_style())
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    paper = f'<rect width="100%" height="100%" fill="{COLOURS["paper"][0]}"/>'
    head, body = svg.split(">", 1)
    return f'{head} width="{width}" height="{height}"><style>{style}</style>{paper}{body}'
