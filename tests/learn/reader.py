"""Someone at a page of `xent learn`: moves controls, reads numbers, waits for answers."""

import time
from contextlib import contextmanager

import pytest

# a picture that waits for its answer; cells that run
BUSY = "[data-waiting], .running-app-icon, .marimo-output-loading"
QUIET = """busy => new Promise(done => {
  let changed = performance.now();
  const seen = new MutationObserver(() => { changed = performance.now(); });
  seen.observe(document.body, { childList: true, subtree: true, characterData: true });
  const end = changed + 60_000;
  (function look() {
    if (document.querySelector(busy)) changed = performance.now();
    if (performance.now() - changed < 500 && performance.now() < end) setTimeout(look, 50);
    else { seen.disconnect(); done(); }
  })();
})"""


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
        knob = view.locator(f'.handle[data-handle="{control}"]')
        view.scroll_into_view_if_needed()
        box, at = view.bounding_box(), knob.locator(".knob").bounding_box()
        along = knob.get_attribute("data-along")
        scale = box["width"] / view.evaluate("s => s.viewBox.baseVal.width")
        x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
        self.page.mouse.move(x, y)
        with self.answered(stage):
            self.page.mouse.down()
            if along == "x":
                x = box["x"] + to * scale
            else:
                y = box["y"] + to * scale
            self.page.mouse.move(x, y, steps=steps)
            self.page.mouse.up()

    @contextmanager
    def answered(self, stage):
        """Wait for the answer to the last question that a stage was asked."""
        figure = self.stage(stage)
        before = figure.get_attribute("data-n")
        yield
        self._until(lambda: figure.get_attribute("data-n") != before)
        self._until(lambda: figure.get_attribute("data-waiting") is None)
        assert figure.get_attribute("data-n") != before, "nothing was asked"

    def number(self, name):
        """What a card shows, with every digit."""
        return float(self.page.locator(f'[data-number="{name}"]').get_attribute("data-value"))

    def shows(self, name, expected, rel=1e-14):
        """Wait until a card shows a number; its cell runs a moment after the picture."""
        wanted = pytest.approx(expected, rel=rel)
        self._until(lambda: self.number(name) == wanted)
        assert self.number(name) == wanted

    def says(self, key, here=True):
        """Wait until a text of `page.say` is there, or is no longer."""
        found = self.page.locator(f'[data-say="{key}"]')
        self._until(lambda: found.count() == here)
        assert found.count() == here, key

    def quiet(self):
        """Wait until nothing runs and nothing has changed for a while: whatever comes has come."""
        self.page.evaluate(QUIET, BUSY)

    def _until(self, holds, seconds=60):
        end = time.monotonic() + seconds
        while not holds() and time.monotonic() < end:
            self.page.wait_for_timeout(50)
