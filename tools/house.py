"""Draw the house from the code: `python tools/house.py` prints an SVG and a table.

Rooms, their order and their imports are read with the functions of tests/test_architecture.py,
which hold the walls; so the drawing shows what is tested. docs/_extensions/generated.py writes it
where docs/architecture.md includes it.
"""

import ast
import html
import importlib.util
import math
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NATIVE = "native"


@dataclass(frozen=True)
class Room:
    """A room: what it is for, how large it is, and how often it imports from which others."""

    name: str
    subject: str
    files: int
    lines: int
    imports: dict[str, int]


def walls():
    """Return the test of the walls as a module."""
    path = ROOT / "tests" / "test_architecture.py"
    spec = importlib.util.spec_from_file_location("walls", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rooms():
    """Return the rooms that exist, from the top down; the C++ sources are the ground."""
    test = walls()
    order = [room for level in test.ROOMS for room in sorted(level) if room != "_native"]
    files = {room: [] for room in order}
    for path in test.sources():
        room = test.module_of(path)[1] if len(test.module_of(path)) > 1 else None
        if room in files:
            files[room].append(path)
    return [room_of(test, name, paths) for name, paths in files.items() if paths] + [ground()]


def room_of(test, name, paths):
    imports = Counter()
    for path in paths:
        imports.update({target for target in map(place, test.imported(path)) if target != name})
    front = next((path for path in paths if path.parent.name == name), paths[0])
    if front.parent.name == name:
        front = front.parent / "__init__.py"
    folder = "/" if front.name == "__init__.py" else ".py"
    return Room(name + folder, subject(front), len(paths), sum(map(lines, paths)), dict(imports))


def place(module):
    """Return the room of a module of xent, by its name as a tuple."""
    return NATIVE if module[1:2] == ("_native",) else module[1] if len(module) > 1 else "xent"


def ground():
    paths = [path for path in (ROOT / "native").iterdir() if path.suffix in (".hpp", ".cpp")]
    text = "The kernels in C++: plain loops that the compiler vectorises, once an instruction set."
    return Room(f"{NATIVE}/", text, len(paths), sum(map(lines, paths)), {})


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def subject(path):
    """Return the first sentence of the docstring of a file."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return " ".join(doc.partition("\n\n")[0].split())


def bare(room):
    return room.name.rstrip("/").removesuffix(".py")


# the drawing ------------------------------------------------------------------------------

WIDTH, BOX, FLOOR, GAP, LETTERS = 760, 500, 54, 12, 80


def drawing(house):
    tops = {bare(room): i * (FLOOR + GAP) + 4 for i, room in enumerate(house)}
    height = len(house) * (FLOOR + GAP)
    label = "The rooms from the top down; arrows are imports, and all of them point down."
    parts = [
        f'<svg class="house" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">',
        '<defs><marker id="tip" viewBox="0 0 6 6" refX="5.5" refY="3" markerWidth="5" '
        'markerHeight="5" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs>',
    ]
    for room in house:
        parts.append(f'<g class="room"><title>{html.escape(tip(room))}</title>')
        parts += floor(room, tops[bare(room)])
        parts += [
            arrow(bare(room), target, count, tops)
            for target, count in sorted(room.imports.items(), key=lambda item: tops[item[0]])
        ]
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"])


def floor(room, top):
    size = f"{room.files} {'file' if room.files == 1 else 'files'}, {room.lines:,} lines"
    about = textwrap.shorten(room.subject.replace("`", ""), LETTERS, placeholder=" ...")
    yield f'<rect x="1" y="{top}" width="{BOX}" height="{FLOOR}" rx="4"/>'
    yield f'<text class="name" x="14" y="{top + 23}">{html.escape(room.name)}</text>'
    yield f'<text class="size" x="{BOX - 12}" y="{top + 23}">{size}</text>'
    yield f'<text class="about" x="14" y="{top + 42}">{html.escape(about)}</text>'


def arrow(name, target, count, tops):
    """Return an arc at the right of the floors, the wider the more files import."""
    start, end = tops[name] + FLOOR * 0.7, tops[target] + FLOOR * 0.3
    out = BOX + 1 + 18 + (end - start) * 0.4
    wide = 0.8 + 0.5 * math.log2(count)
    curve = f"M{BOX + 1} {start:.0f}C{out:.0f} {start:.0f} {out:.0f} {end:.0f} {BOX + 2} {end:.0f}"
    return f'<path class="import" d="{curve}" stroke-width="{wide:.1f}" marker-end="url(#tip)"/>'


def tip(room):
    used = ", ".join(f"{name} ({count})" for name, count in sorted(room.imports.items()))
    return f"{room.name} imports {used}" if used else f"{room.name} imports nothing of xent"


def table(house):
    rows = ["| room | subject | files | lines | imports, with the number of files that do |"]
    rows.append("|---|---|--:|--:|---|")
    order = [bare(room) for room in house]
    for room in house:
        used = sorted(room.imports.items(), key=lambda item: order.index(item[0]))
        names = ", ".join(f"{name} {count}" for name, count in used) or "none"
        rows.append(f"| `{room.name}` | {room.subject} | {room.files} | {room.lines:,} | {names} |")
    return "\n".join(rows)


def page():
    house = rooms()
    picture = f'<div class="house-frame">\n{drawing(house)}\n</div>'
    return f"```{{raw}} html\n{picture}\n```\n\n{table(house)}"


if __name__ == "__main__":
    print(page())
