"""Photograph the two pages of the README: `python tools/pictures.py [report] [learn]`.

The report of examples/digits.parquet and a chapter of `xent learn`, each in English and Chinese, by
a headless Chromium, into docs/pictures/. Needs "evaluate", "learn", Playwright and Pillow.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
LANGUAGES = ("en", "zh")
LARGEST = 150_000  # bytes a picture
CHAPTER = "divergence"
WIDTH = 1120
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
XENT = [sys.executable, "-m", "xent.cli"]


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def learning() -> Iterator[str]:
    """Serve the pages, and yield their address."""
    with tempfile.TemporaryDirectory(prefix="xent-home-") as home:
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home}
        with subprocess.Popen(
            [*XENT, "learn", "--no-browser"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home, env=environment,
        ) as process:  # fmt: skip
            said, found = "", None
            while not found and (line := process.stdout.readline()):
                said += line
                found = re.search(r"http://[\d.]+:\d+", said)
            if not found:
                raise SystemExit(f"the server did not start: {said}")
            try:
                yield found[0]
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)


def small(png: bytes) -> bytes:
    """Return the picture with 128 colours, which charts and text can do with."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def keep(name: str, png: bytes) -> None:
    made = small(png)
    if len(made) > LARGEST:
        raise SystemExit(f"{name} is {len(made):,} bytes, more than {LARGEST:,}")
    (FOLDER / name).write_bytes(made)
    print(f"docs/pictures/{name}: {len(made):,} bytes")


def top(page: Any, last: Any) -> bytes:
    """Photograph from the top of the page to the end of an element, light."""
    box = last.bounding_box()
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + 24}
    return page.screenshot(clip=clip)


def report(chromium: Any) -> None:
    """The score, and where the loss comes from."""
    for lang in LANGUAGES:
        with tempfile.TemporaryDirectory(prefix="xent-report-") as folder:
            page_file = Path(folder) / "page.html"
            command = [*XENT, "evaluate", "examples/digits.parquet", "--report", str(page_file)]
            command += ["--lang", lang, "--output", str(Path(folder) / "table.txt")]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            page = chromium.new_page(viewport={"width": WIDTH, "height": 1400})
            page.goto(page_file.as_uri())
            keep(
                f"report.{lang}.png",
                top(page, page.locator("section:has(.picker) svg.chart").first),
            )
            page.close()


def learn(chromium: Any) -> None:
    """A chapter with its picture and controls."""
    with learning() as address:
        for lang in LANGUAGES:
            page = chromium.new_page(viewport={"width": WIDTH, "height": 1400})
            page.goto(f"{address}/{lang}/{CHAPTER}/")
            stage = page.locator("[data-stage]").first
            stage.wait_for(timeout=120_000)
            page.wait_for_timeout(1500)
            keep(f"learn.{lang}.png", top(page, stage.locator("svg").last))
            page.close()


if __name__ == "__main__":
    with browser() as chromium:
        for name in sys.argv[1:] or ["report", "learn"]:
            {"report": report, "learn": learn}[name](chromium)
