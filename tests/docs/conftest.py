"""The built pages, once for all tests, and the programs of tools/ as modules."""

import importlib.util
import os
import re
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path

import pytest
import required

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(r"^(.+?) (\w+:\w+) -?\d+ (\S+) .*$", re.M)


@pytest.fixture(scope="session")
def tool():
    """Return a function from a name to a program as a module."""

    def tool(name, folder="tools"):
        spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / folder / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return tool


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return the folder of the pages, built as `make docs` builds them.

    Files that ask for it are of the group "docs": one worker builds, and runs all of them.
    XENT_DOCS names a folder in which `make docs` has just built them, with the same options.
    """
    if ready := os.environ.get("XENT_DOCS"):
        assert (ROOT / ready / "objects.inv").is_file(), f"{ready} has no pages: make docs"
        return ROOT / ready
    for package in ("sphinx", "furo", "myst_parser", "numpydoc", "sphinx_copybutton"):
        required.need_package(package, "docs")
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [
            sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--nitpicky",
            "--keep-going", "--quiet", ROOT / "docs", folder,
        ],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="session")
def inventory(built):
    """Return what is documented, by kind and name: where it is."""
    packed = (built / "objects.inv").read_bytes().split(b"zlib.\n", 1)[1]
    found = {}
    for name, kind, place in ENTRY.findall(zlib.decompress(packed).decode("utf-8")):
        found.setdefault(kind, {})[name] = place.replace("$", name)
    return found


@pytest.fixture
def visitor(chromium, built):
    """Open pages of the folder; a complaint on the console or a request that leaves fails."""
    told, left = [], []

    @contextmanager
    def visitor(width=1280, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )

        def only_inside(route):
            if route.request.url.startswith((built.as_uri(), "data:")):
                route.continue_()
            else:
                left.append(route.request.url)
                route.abort()

        context.route("**/*", only_inside)
        page = context.new_page()
        page.on("console", lambda message: told.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: told.append(f"{page.url}: {error}"))
        yield page
        context.close()
        assert told == []
        assert left == []

    return visitor
