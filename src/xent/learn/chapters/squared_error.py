"""Chapter 4: squared error or cross-entropy. Cells build controls and call pictures."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    from xent.learn.controls import Button, Choice, Play, Slider
    from xent.learn.named import named
    from xent.learn.page import Page
    from xent.learn.pictures.squared_error import (
        proper,
        proper_picture,
        race,
        race_picture,
        raw_outputs,
        raw_picture,
        slopes,
        slopes_picture,
    )

    page = Page.open("squared_error")
    numbers, told = named(page)
    return (
        Button,
        Choice,
        Play,
        Slider,
        numbers,
        page,
        proper,
        proper_picture,
        race,
        race_picture,
        raw_outputs,
        raw_picture,
        slopes,
        slopes_picture,
        told,
    )


@app.cell
def _(page):
    page.heading()
    return


@app.cell
def _(page, race):
    page.md("intro", start=-8, p=race.run(-8.0, 1.0).cross_entropy.prob(0))
    return


@app.cell
def _(Button, Choice, Play, Slider, page, race, race_picture):
    _t = page.t

    def _run(values):
        return race.run(values["start"], values["rate"], factor=race.FACTORS[values["scale"]])

    def run_now(values):
        """The race of the controls, and the step that is looked at."""
        return _run(values), round(values["step"])

    racing = page.stage(
        "race",
        [
            Slider("start", _t("start"), -8.0, -10.0, -1.0, 0.5),
            Slider("rate", _t("rate"), 1.0, 0.1, 4.0, logarithmic=True),
            Slider("step", _t("step"), 9.0, 1.0, race_picture.LAST_STEP, 1, logarithmic=True),
            Play("play", _t("play"), _t("pause"), "step", lambda v: race_picture.last(_run(v))),
            Choice("scale", _t("scale"), "full", {k: _t(f"scale_{k}") for k in race.FACTORS}),
            Button("next", _t("next_step"), lambda values: {"step": values["step"] + 1}),
            Button("from_8", _t("from_8"), lambda _: {"start": -8.0, "rate": 1.0, "scale": "full"}),
        ],
        lambda values, width: race_picture.draw(*run_now(values), _t, width),
        adjust=lambda values, _: {"step": float(round(values["step"]))},
        caption="race_caption",
    )
    racing
    return racing, run_now


@app.cell
def _(numbers, racing, run_now, told):
    _race, _step = run_now(racing.values)
    _first, _second = _race.cross_entropy, _race.squared_error
    told(
        numbers(
            ("ce_steps", _first.steps, "", "a"),
            ("se_steps", _second.steps, "", "c"),
            ("times", _second.steps / _first.steps, "", "ink"),
            ("ce_p", _first.prob(_step), "", "a"),
            ("se_p", _second.prob(_step), "", "c"),
        ),
        "race_says",
        start=f"{_race.start:g}",
        rate=f"{_race.rate:.3g}",
        first=f"{_first.steps:,}",
        second=f"{_second.steps:,}",
        step=f"{_step:,}",
        z_first=_first.at(_step),
        z_second=_second.at(_step),
    )
    return


@app.cell
def _(page):
    page.md("slopes")
    return


@app.cell
def _(Choice, Slider, page, slopes, slopes_picture):
    _t = page.t

    def slopes_now(values):
        """The derivatives at the logit of the controls, and the label."""
        label = int(values["label"])
        return slopes.compute([values["z"]], label), label

    sloping = page.stage(
        "slopes",
        [
            Slider("z", _t("z"), -8.0, *slopes_picture.LOGITS, 0.1),
            Choice("label", _t("label"), "1", {"1": "1", "0": "0"}),
        ],
        lambda values, width: slopes_picture.draw(*slopes_now(values), _t, width),
        caption="slopes_caption",
    )
    sloping
    return slopes_now, sloping


@app.cell
def _(numbers, slopes, slopes_now, sloping, told):
    _at, _label = slopes_now(sloping.values)
    _curvature = _at.squared_error_curvature
    told(
        numbers(
            ("p", _at.p, "", "ink"),
            ("ce_slope", _at.cross_entropy, "", "a"),
            ("se_slope", _at.squared_error, "", "c"),
            ("ratio", _at.ratio, "times", "ink"),
            ("curvature", _curvature, "", "bad" if _at.concave else "good"),
        ),
        "concave_here" if _at.concave else "convex_here",
        code=slopes.code_of(_at, _label),
        first=_at.cross_entropy,
        second=_at.squared_error,
    )
    return


@app.cell
def _(page):
    page.md("raw")
    return


@app.cell
def _(Slider, page, raw_outputs, raw_picture):
    _t = page.t
    fitting = page.stage(
        "raw",
        [Slider("far", _t("far"), 2.0, raw_picture.NEAREST, raw_picture.FARTHEST, 0.5, "p")],
        lambda values, width: raw_picture.draw(raw_outputs.fit(values["far"]), _t, width),
        caption="raw_caption",
    )
    fitting
    return (fitting,)


@app.cell
def _(fitting, numbers, race, raw_outputs, told):
    _fits = raw_outputs.fit(fitting.values["far"])
    _line, _logistic = _fits.line_boundary, _fits.logistic_boundary
    _half, _one = race.run(-8.0, 0.5).raw, race.run(-8.0, 1.0).raw
    told(
        numbers(
            ("line", _line, "", "c"),
            ("logistic", _logistic, "", "a"),
            ("line_errors", _fits.errors(_line), "", "c"),
            ("logistic_errors", _fits.errors(_logistic), "", "a"),
            points=len(_fits.x),
        ),
        "raw_race",
        steps=_half.steps,
        end=f"{_half.outputs[-1]:g}",
        over=f"{_one.outputs[-1]:g}",
    )
    return


@app.cell
def _(page):
    page.md("proper")
    return


@app.cell
def _(Slider, page, proper, proper_picture):
    _t = page.t
    scoring = page.stage(
        "proper",
        [Slider("truth", _t("truth"), 0.7, colour="p")],
        lambda values, width: proper_picture.draw(proper.expected(values["truth"]), _t, width),
        caption="proper_caption",
    )
    scoring
    return (scoring,)


@app.cell
def _(numbers, proper, scoring):
    _scores = proper.expected(scoring.values["truth"])
    numbers(
        ("best_log", _scores.best("log_score"), "", "a"),
        ("best_brier", _scores.best("brier"), "", "c"),
        ("best_absolute", _scores.best("absolute"), "", "b"),
    )
    return


@app.cell
def _(page):
    page.md("summary")
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
