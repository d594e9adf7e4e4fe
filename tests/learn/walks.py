"""A reader who tries everything in any order, and what must hold of a page wherever they are.

A walk is as random as its seed: the same seed takes the same steps. After each step the numbers
must come to agree with each other, and no text may show that a value was lost.
"""

import math
import re

import pytest
from learn.reader import BUSY

LN2 = math.log(2)
ODD_TEXTS = (
    "", " ", "0", "0, 0", "1", "-1, 2", "1e400, 1", "nan, inf", "1.5, 2", "9" * 400 + ", 1",
    "<b>x</b>, 1", "$x_1$, 2", "**a**, [b](c)", "[[value]], 1", "{{7*7}}", "\u202e12, 3", "\0, 1",
    "٣, ٤", "９００，１００", "900; 100", "1," * 1200, "½, 1", "None", "5, 5, 10", "900, 100",
)  # fmt: skip
NOTHING = "nothing to do here"
KEYS = ("Home", "End", "ArrowLeft", "ArrowRight", "PageUp", "PageDown")

# every text that is seen or spoken, through all shadow roots; not code, and not what was typed
TEXTS = """() => {
  const found = [];
  const spoken = ['aria-label', 'aria-valuetext', 'title', 'placeholder'];
  function look(node) {
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (node.matches('script, style, pre, bdi, annotation, iframe, [hidden]')) return;
      for (const name of spoken) if (node.hasAttribute(name)) found.push(node.getAttribute(name));
      if (node.shadowRoot) look(node.shadowRoot);
    }
    node.childNodes.forEach(look);
  }
  look(document.body);
  return found.filter(text => text.trim());
}"""
# what a program says that has lost a value, or its way; "None of these" is English, and 1e-15 is
# what a probability of 0 is raised to
LOST = re.compile(
    r"\b(nan|NaN|undefined|null|inf|Infinity|None(?! of\b)|Traceback|An internal error)\b"
    r"|Error:|\[\[|\[object|(?!1e-15)\de[-+]\d"
)

NUMBERS = """all => Object.fromEntries(all.map(e => [e.dataset.number,
  [Number(e.dataset.value.replace('inf', 'Infinity')),
   e.querySelector('dd').firstChild.data.trim()]]))"""


def agree(name, left, right, rel=1e-12):
    assert left == pytest.approx(right, rel=rel, abs=1e-14, nan_ok=True), (name, left, right)


def is_distribution(reader, stage, names):
    """Sliders of probabilities sum to one, but for the steps that a slider rounds to."""
    total = sum(reader.value(stage, name) for name in names)
    assert abs(total - 1) <= 0.005 * len(names) + 1e-9, (stage, names, total)


def self_information(n, reader):
    agree("ln 2 nats are a bit", n["nats"], n["bits"] * LN2)
    agree("two events", n["both"], n["a"] + n["b"])


def entropy(n, reader):
    if "entropy" in n:
        unit = n["largest"] / math.log(3)  # 1 nat in the unit of the page
        assert -1e-15 <= n["entropy"] <= n["largest"] * (1 + 1e-15)
        agree("perplexity", n["perplexity"], math.exp(n["entropy"] / unit))
        is_distribution(reader, "terms", "abc")
    bits = (
        reader.control("coin", "unit").locator("[aria-pressed=true]").get_attribute("data-option")
    )
    base = 2 if bits == "bit" else math.e
    heads, tails = base ** -n["heads"], base ** -n["tails"]
    agree("heads or tails", heads + tails, 1)
    known = [p * i for p, i in ((heads, n["heads"]), (tails, n["tails"])) if p > 0]
    agree("coin", n["coin"], sum(known), rel=1e-9)


def divergence(n, reader):
    for prefix in ("", "binary_"):
        h, kl, ce = (n[prefix + k] for k in ("entropy", "divergence", "cross_entropy"))
        agree("H(p) + KL = H(p, q)", h + kl, ce)
        assert min(h, kl, ce) >= 0
    assert n["swapped"] >= 0
    for which in "pq":
        is_distribution(reader, "bars", [f"{which}_{day}" for day in ("sun", "cloud", "rain")])


def squared_error(n, reader):
    agree("times", n["times"], n["se_steps"] / n["ce_steps"])
    assert all(0 <= n[name] <= 1 for name in ("ce_p", "se_p", "p"))
    agree("the slope is p or p - 1", n["ce_slope"] % 1, n["p"] % 1, rel=1e-9)
    agree("ratio", n["ratio"], n["ce_slope"] / n["se_slope"], rel=1e-9)
    agree("proper scores", n["best_log"], n["best_brier"])


def one_label(n, reader):
    agree("softmax", n["mass"], 1)
    agree("-log q", n["loss"], -math.log(n["truth"]), rel=1e-9)
    agree("slopes cancel", sum(n[f"gradient_{k}"] for k in ("cat", "frog", "mouse")), 0)
    agree("typical", n["typical"], math.exp(-n["mean"]))


def many_labels(n, reader):
    names = ("cat", "frog", "mouse")
    agree("nodes", n["loss"], sum(n[f"loss_{name}"] for name in names))
    agree("pictures", n["total"], 2 * n["mean_pictures"])
    agree("all nodes", n["total"], 6 * n["mean_nodes"])
    assert all(-1 <= n[f"gradient_{name}"] <= 1 for name in names)
    assert n["sigmoid_others"] == 0


def adversarial(n, reader):
    agree("generator", n["generator"], -math.log(n["d"]), rel=1e-9)
    agree("saturating", math.exp(n["generator_saturating"]), 1 - n["d"], rel=1e-9)
    agree("slopes", n["ratio"], n["slope"] / n["saturating_slope"])
    assert -1e-12 <= n["js"] <= LN2 * (1 + 1e-12)
    agree("2 ln 2 - 2 JS", n["identity"], 2 * LN2 - 2 * n["js"])
    agree("the best discriminator", n["best_loss"], n["identity"], rel=1e-6)


def pitfalls(n, reader):
    assert n["floor"] - 1e-12 <= n["twice"] <= n["floor"] + 1 + 1e-12
    assert 0 <= n["accuracy"] <= 100
    agree("by rows", n["guess_rows"] * n["by_weights"], n["guess_weights"] * n["by_rows"])
    agree("exp(-loss)", n["judged_prob"], math.exp(-reader.value("baselines", "loss")), rel=1e-9)
    if "typed_prob" in n:
        agree("one loss", n["typed_prob"], n["judged_prob"])


def your_numbers(n, reader):
    if "perplexity" in n and reader.page.get_by_text("nats").count():
        agree("perplexity", n["perplexity"], math.exp(n["log_loss"]))


AGREED = {f.__name__: f for f in (
    self_information, entropy, divergence, squared_error, one_label, many_labels, adversarial,
    pitfalls, your_numbers,
)}  # fmt: skip


class Walk:
    """Steps over a chapter; `log` says which, for the message of a test that fails."""

    def __init__(self, reader, slug, rng):
        self.reader, self.page, self.slug, self.rng = reader, reader.page, slug, rng
        self.log = []

    def arrive(self):
        """Wait for a chapter to be there, and find what can be moved."""
        self.page.wait_for_selector(".x-foot")
        self.settle()
        stages = self.page.locator("[data-stage]")
        self.controls = [
            (stage, name, kind)
            for stage in stages.evaluate_all("all => all.map(e => e.dataset.stage)")
            for name, kind in self.reader.stage(stage)
            .locator("[data-control]")
            .evaluate_all("all => all.map(e => [e.dataset.control, e.type ?? e.role])")
        ]
        return self

    def step(self, actions):
        """Do one thing, and see that the page comes to agree with itself."""
        while True:
            action = self.rng.choice(actions)
            self.log.append(action.__name__)
            if action(self) is not NOTHING:
                break
            self.log.pop()
        self.settle()

    def settle(self):
        """Wait until everything holds; it need not hold while cells still run."""
        found = []
        self.reader._until(lambda: found.append(self.holds()) or found[-1] is None)
        assert found[-1] is None, f"{found[-1]}\nafter {self.log}"

    def holds(self):
        """Return what is wrong at this moment, or None."""
        if self.page.locator(BUSY).count():
            return "not done yet"
        try:
            lost = [t for t in self.page.evaluate(TEXTS) if LOST.search(t)]
            assert lost == [], lost
            cards = self.page.locator("[data-number]").evaluate_all(NUMBERS)
            for name, (value, printed) in cards.items():
                agrees_in_print(name, value, printed)
            AGREED[self.slug]({name: value for name, (value, _) in cards.items()}, self.reader)
        except (AssertionError, KeyError) as error:  # a card that is about to come
            return repr(error)
        return None

    # what a reader does -----------------------------------------------------------------

    def move(self):
        """Use one control of any kind; what plays is started and stopped."""
        if not self.controls:
            return NOTHING
        stage, name, kind = self.rng.choice(self.controls)
        control = self.reader.control(stage, name)
        self.log[-1] += f" {stage} {name}"
        if kind == "range":
            self._slide(control)
        elif kind == "group":
            options = control.locator("[data-option]")
            options.nth(self.rng.randrange(options.count())).click()
        else:
            control.click()
            if control.get_attribute("data-playing") is not None:
                control.click()
        return None

    def _slide(self, control):
        key = self.rng.choice((*KEYS, None, None))
        if key:
            self.log[-1] += f" {key}"
            control.press(key)
            return
        share = self.rng.random()
        self.log[-1] += f" {share}"
        control.evaluate(
            """(e, share) => { e.value = +e.min + share * (e.max - e.min);
                               e.dispatchEvent(new Event('input', {bubbles: true}));
                               e.dispatchEvent(new Event('change', {bubbles: true})); }""",
            share,
        )

    def drag(self):
        """Take a handle somewhere, out of the picture too."""
        handles = self.page.locator(".handle:visible")
        if not handles.count():
            return NOTHING
        handle = handles.nth(self.rng.randrange(handles.count()))
        handle.scroll_into_view_if_needed()
        box = handle.locator(".knob").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        across, up = (self.rng.uniform(-400, 400) for _ in range(2))
        self.log[-1] += f" {handle.get_attribute('data-handle')} by {across:.0f}, {up:.0f}"
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + across, y + up, steps=3)
        self.page.mouse.up()
        return None

    def write(self):
        """Type something into a field."""
        fields = self.page.locator("marimo-text input")
        if not fields.count():
            return NOTHING
        text = self.rng.choice(ODD_TEXTS)
        self.log[-1] += f" {text[:20]!r}"
        fields.first.fill(text)
        fields.first.press("Enter")
        return None

    def pick(self):
        """Choose of a list of marimo's: an example, a column, what a column is."""
        lists = self.page.locator("marimo-radio [role=radio], marimo-dropdown select")
        if not lists.count():
            return NOTHING
        one = lists.nth(self.rng.randrange(lists.count()))
        if one.evaluate("e => e.localName") == "select":
            if not one.is_visible():
                self.page.locator('[data-part="columns"] summary').click()
            options = one.locator("option")
            one.select_option(index=self.rng.randrange(options.count()))
        else:
            one.click()
        return None

    def unfold(self):
        """Open or close a part."""
        parts = self.page.locator("summary")
        if not parts.count():
            return NOTHING
        parts.nth(self.rng.randrange(parts.count())).click()
        return None

    def theme(self):
        self.page.locator('[data-switch="theme"]').click()

    def resize(self):
        width = self.rng.choice((320, 390, 560, 820, 1280))
        self.page.set_viewport_size({"width": width, "height": 900})
        self.log[-1] += f" {width}"

    def language(self):
        self.page.locator('[data-switch="lang"]').click()
        self.arrive()

    def reload(self):
        self.page.reload()
        self.arrive()

    def away_and_back(self):
        self.page.locator(".x-foot a").first.click()
        self.page.wait_for_selector(".x-foot")
        self.page.go_back()
        self.arrive()


INSIDE = (
    Walk.move, Walk.move, Walk.move, Walk.drag, Walk.write, Walk.pick, Walk.pick, Walk.unfold,
    Walk.theme, Walk.resize,
)  # fmt: skip
ANYWHERE = (*INSIDE, *INSIDE, Walk.language, Walk.reload, Walk.away_and_back)


def agrees_in_print(name, value, printed):
    """A number is printed as it is, to the last digit that is shown."""
    if math.isinf(value):
        assert printed == ("∞" if value > 0 else "−∞"), (name, value, printed)
        return
    plain = printed.replace(",", "").replace("−", "-")
    shown = float(plain)
    mantissa, _, power = plain.partition("e")
    last = 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))
    assert abs(shown - value) <= 0.5000001 * last, (name, value, printed)
    assert (shown == 0) == (value == 0), (name, value, printed)
