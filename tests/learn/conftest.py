"""One server and one browser for all pages; a page that complains or looks elsewhere fails."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/learn/" in str(item.path):
            # one server and one browser, whatever the number of workers
            item.add_marker(pytest.mark.xdist_group("learn"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of `xent learn`, as a reader starts it."""
    pytest.importorskip("marimo")
    # whatever marimo finds in or leaves at home is of no matter here
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "xent.cli", "learn", "--no-browser"]
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        cwd=home, env={**environment, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        said = ""
        while not (found := re.search(r"http://[\d.]+:\d+", said)):
            line = process.stdout.readline()
            assert line, "the server did not start: " + said
            said += line
        yield found[0]
        process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=30)
            assert "Traceback" not in rest, rest
            assert rest.endswith("stopped\n")
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.fixture(scope="session")
def chromium():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    required = os.environ.get("XENT_BROWSER") == "required"
    if path is None and not required:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    assert path is not None, "XENT_BROWSER=required, and no Chromium is installed"
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Reader:
    """Someone at a page: moves controls, reads numbers."""

    def __init__(self, page):
        self.page = page

    def stage(self, name):
        return self.page.locator(f'[data-stage="{name}"]')

    def control(self, stage, name):
        return self.stage(stage).locator(f'[data-control="{name}"]')

    def value(self, stage, control):
        """What a slider is at."""
        return float(self.control(stage, control).input_value())

    def set(self, stage, control, value):
        """Move a slider to a value; choose an option."""
        with self.answered(stage):
            if isinstance(value, str):
                self.control(stage, control).locator(f'[data-option="{value}"]').click()
            else:
                self.control(stage, control).fill(str(value))

    def press(self, stage, control, key=None):
        """Press a button, or a key on a slider."""
        with self.answered(stage):
            if key is None:
                self.control(stage, control).click()
            else:
                self.control(stage, control).press(key)

    def drag(self, stage, control, to, *, steps=4):
        """Drag a handle to a point of the picture (in its own coordinates, along its way)."""
        view = self.stage(stage).locator("svg.picture")
        knob = view.locator(f'[data-handle="{control}"]').first
        box, at = view.bounding_box(), knob.locator(".knob, rect").first.bounding_box()
        scale = box["width"] / view.evaluate("s => s.viewBox.baseVal.width")
        x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
        self.page.mouse.move(x, y)
        with self.answered(stage):
            self.page.mouse.down()
            if knob.get_attribute("data-along") == "x":
                x = box["x"] + to * scale
            else:
                y = box["y"] + to * scale
            self.page.mouse.move(x, y, steps=steps)
            self.page.mouse.up()

    @contextmanager
    def answered(self, stage):
        """Wait for the answer to the last question of a stage, and for the cells that read it."""
        before = self.stage(stage).get_attribute("data-n")
        yield
        figure = self.stage(stage).element_handle()
        self.page.wait_for_function(
            "([f, n]) => f.dataset.n !== n && f.dataset.waiting === undefined", arg=[figure, before]
        )
        self.settle()

    def settle(self):
        """Wait until no cell is running and nothing has changed for a moment."""
        self.page.wait_for_function(
            """() => new Promise(done => {
                 let timer;
                 const quiet = () => { watch.disconnect(); done(true); };
                 const watch = new MutationObserver(() => {
                   clearTimeout(timer); timer = setTimeout(quiet, 250);
                 });
                 watch.observe(document.body, {subtree: true, childList: true, attributes: true,
                   characterData: true});
                 timer = setTimeout(quiet, 250);
               })"""
        )

    def number(self, name):
        """What a card shows, with every digit."""
        return float(self.page.locator(f'[data-number="{name}"]').get_attribute("data-value"))

    def says(self, key):
        """Whether a text of `page.say` is there."""
        return self.page.locator(f'[data-say="{key}"]').count() == 1


@pytest.fixture
def chapter(chromium, server):
    """Open a chapter; what it says on the console and asks of any network fails the test."""
    told, asked, contexts = [], [], []

    def chapter(slug, lang="en", *, width=1280, scheme="light", **options):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)

        def only_here(route):
            if route.request.url.startswith((server + "/", "data:", "blob:")):
                route.continue_()
            else:
                asked.append(route.request.url)
                route.abort()

        context.route("**/*", only_here)
        loud = ("error", "warning")
        page.on("console", lambda m: told.append(m.text) if m.type in loud else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("websocket", lambda socket: asked.append(socket.url)
                if not socket.url.startswith(server.replace("http", "ws")) else None)  # fmt: skip
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error(e.blockedURI))"
        )
        page.goto(f"{server}/{lang}/{slug.replace('_', '-')}/")
        page.wait_for_selector(".x-foot")
        reader = Reader(page)
        reader.settle()
        return reader

    yield chapter
    for context in contexts:
        context.close()
    assert told == []
    assert asked == []
