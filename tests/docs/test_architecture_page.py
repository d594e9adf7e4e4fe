"""The architecture page: files that it names exist, and the drawing is of the code."""

import re
import subprocess

import pages
import pytest
import test_architecture as walls

PAGE = pages.text_of("architecture.md")
FOLDERS = "benchmarks|docs|examples|native|src|tests|tools"


@pytest.fixture(scope="module")
def house(tool):
    return tool("house")


def test_every_file_it_names_exists():
    named = set(re.findall(rf"`((?:{FOLDERS})/[^`]*)`", PAGE))
    assert len(named) > 50
    assert [name for name in sorted(named) if not (pages.ROOT / name).exists()] == []


def test_every_function_and_command_it_names_exists():
    import xent
    from xent.losses._derivatives import has_derivatives

    assert callable(has_derivatives)
    assert callable(xent.kernels.explain)
    makefile = (pages.ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", PAGE):
        assert re.search(rf"^{target}:", makefile, re.M)


def test_every_room_is_drawn_with_its_size(house):
    rooms = {house.bare(room): room for room in house.rooms()}
    folders = {path.name for path in walls.SRC.iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(rooms)
    assert {"total", "units", "errors", "native"} <= set(rooms)
    # counted in another way: by the tools of the system
    for name in ("losses", "torch"):
        files = list((walls.SRC / name).rglob("*.py"))
        counted = subprocess.run(
            ["wc", "-l", *files], capture_output=True, text=True, check=True
        ).stdout.split()[-2]
        assert (rooms[name].files, rooms[name].lines) == (len(files), int(counted))


def test_an_import_is_an_arrow_down(house):
    rooms, arrows = house.rooms(), 0
    order = [house.bare(room) for room in rooms]
    for room in rooms:
        for target, count in room.imports.items():
            assert order.index(target) > order.index(house.bare(room))
            assert count > 0
            arrows += 1
    assert house.drawing(rooms).count('class="import"') == arrows
    # one that everybody can look up
    losses = next(room for room in rooms if room.name == "losses/")
    files = list((walls.SRC / "losses").rglob("*.py"))
    using = sum("from xent.kernels" in path.read_text(encoding="utf-8") for path in files)
    assert losses.imports["kernels"] == using


def test_the_drawing_follows_the_code(house, tmp_path, monkeypatch):
    source = tmp_path / "xent"
    for name, text in {
        "losses/__init__.py": '"""Losses, two of them."""\nfrom xent.errors import X\n',
        "errors.py": '"""Errors."""\n',
    }.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    test = house.walls()
    monkeypatch.setattr(test, "SRC", source)
    monkeypatch.setattr(house, "walls", lambda: test)
    losses, errors, _ = house.rooms()
    assert (losses.name, losses.subject, losses.lines) == ("losses/", "Losses, two of them.", 2)
    assert losses.imports == {"errors": 1}
    assert (errors.name, errors.imports) == ("errors.py", {})
