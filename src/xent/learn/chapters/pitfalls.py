"""Chapter 8: what goes wrong. Cells build controls, call pictures and show texts."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    import marimo as mo

    from xent.evaluation.numbers import percent
    from xent.learn.controls import Button, Choice, Play, Slider
    from xent.learn.named import named
    from xent.learn.page import Page
    from xent.learn.pictures.pitfalls import code

    page = Page.open("pitfalls")
    numbers, told = named(page)
    return Button, Choice, Play, Slider, code, mo, numbers, page, percent, told


@app.cell
def _(page):
    page.heading()
    return


@app.cell
def _(page):
    page.md("intro")
    return


@app.cell
def _(Slider, mo, page):
    from xent.learn.pictures.pitfalls import double_softmax, double_softmax_picture

    _t = page.t

    def twice_now(values):
        """Both losses of the row that the controls describe."""
        return double_softmax.compute(int(values["classes"]), [values["sure"]])

    doubling = page.stage(
        "double",
        [
            Slider("classes", _t("classes"), 10.0, 2.0, 1000.0, 1, logarithmic=True),
            Slider("sure", _t("sure_slider"), 6.0, *double_softmax_picture.SURE, 0.5),
        ],
        lambda values, width: double_softmax_picture.draw(twice_now(values), _t, width),
        adjust=lambda values, _: {"classes": float(round(values["classes"]))},
        caption="twice_caption",
    )
    mo.vstack([page.md("double"), doubling], gap=1)
    return double_softmax, doubling, twice_now


@app.cell
def _(code, double_softmax, doubling, numbers, told, twice_now):
    _at = twice_now(doubling.values)
    _floor = double_softmax.floor(_at.classes)
    _start = double_softmax.compute(_at.classes, [0.0])
    told(
        numbers(
            ("once", _at.once, "nat", "good"),
            ("twice", _at.twice, "nat", "bad"),
            ("floor", _floor, "nat", "ink"),
            ("uniform", _start.once, "nat", "ink"),
            ("weaker", _start.once_slope / _start.twice_slope, "times", "ink"),
        ),
        "twice_say",
        code=code.of_twice(_at),
        classes=_at.classes,
        floor=_floor,
    )
    return


@app.cell
def _(page):
    page.md("cliff")
    return


@app.cell
def _(Choice, Slider, mo, page, rest_is_shown):
    from xent.learn.pictures.pitfalls import float32_cliff, float32_picture

    # this picture imports torch, which takes seconds: the others do not wait for it
    mo.stop(not rest_is_shown)
    mo.output.replace(page.say("torch_comes"))
    _t = page.t

    def cliff_now(values):
        """Both ways to the loss of the controls, in float32."""
        return float32_cliff.compute([values["z"]], int(values["label"]))

    falling = page.stage(
        "cliff",
        [
            Slider("z", _t("z"), 20.0, *float32_picture.LOGITS, 0.5),
            Choice("label", _t("label"), "0", {"0": "0", "1": "1"}),
        ],
        lambda values, width: float32_picture.draw(cliff_now(values), _t, width),
        caption="cliff_caption",
    )
    falling
    return cliff_now, falling


@app.cell
def _(cliff_now, code, falling, numbers, told):
    _at = cliff_now(falling.values)
    told(
        numbers(
            ("exact", _at.exact, "nat", "good"),
            ("rounded", _at.rounded, "nat", "bad"),
            ("exact_slope", _at.exact_slope, "", "good"),
            ("rounded_slope", _at.rounded_slope, "", "bad"),
        ),
        "by_numpy" if _at.computed_by == "NumPy" else "by_torch",
        code=code.of_cliff(_at),
        by=_at.computed_by,
    )
    return


@app.cell
def _(Button, Slider, mo, page):
    from xent.learn.pictures.pitfalls import class_weights, mean_of_means, means_picture

    _t = page.t

    def parts_now(values):
        """The two parts of the controls."""
        return mean_of_means.compute(
            (int(values["rows_a"]), values["loss_a"]), (int(values["rows_b"]), values["loss_b"])
        )

    averaging = page.stage(
        "means",
        [
            Slider("rows_a", _t("rows_a"), 900.0, 10.0, 1000.0, 10, "a"),
            Slider("loss_a", _t("loss_a"), 2.0, 0.0, 8.0, 0.1, "a"),
            Slider("rows_b", _t("rows_b"), 100.0, 10.0, 1000.0, 10, "b"),
            Slider("loss_b", _t("loss_b"), 6.0, 0.0, 8.0, 0.1, "b"),
            Button("uneven", _t("uneven"), lambda _: {"rows_a": 900.0, "rows_b": 100.0}),
            Button("even", _t("even"), lambda _: {"rows_a": 500.0, "rows_b": 500.0}),
        ],
        lambda values, width: means_picture.draw_parts(parts_now(values), _t, width),
        caption="means_caption",
    )
    mo.vstack([page.md("means"), averaging], gap=1)
    return averaging, class_weights, means_picture, parts_now


@app.cell
def _(averaging, code, numbers, parts_now, told):
    _parts = parts_now(averaging.values)
    _first, _second = _parts.weights_of_a_row
    told(
        numbers(
            ("mean", _parts.mean, "nat", "good"),
            ("mean_of_means", _parts.mean_of_means, "nat", "bad"),
            ("row", _second, "times", "b"),
        ),
        "means_say",
        code=code.of_means(_parts),
        wrong=_parts.mean_of_means,
        right=_parts.mean,
        first=_first,
        second=_second,
    )
    return


@app.cell
def _(Button, Slider, class_weights, means_picture, mo, page):
    _t = page.t

    def batch_now(values):
        """The weighted batch of the controls."""
        return class_weights.compute(
            int(values["rare"]), values["weight"], values["common_prob"], values["rare_prob"]
        )

    weighing = page.stage(
        "weights",
        [
            Slider("rare", _t("rare_rows"), 5.0, 1.0, 50.0, 1, "b"),
            Slider("weight", _t("weight"), 10.0, 1.0, 99.0, 0.5, "b"),
            Slider("common_prob", _t("common_prob"), 0.9, 0.05, 0.99, 0.01, "a"),
            Slider("rare_prob", _t("rare_prob"), 0.3, 0.05, 0.99, 0.01, "b"),
            Button("balanced", _t("balanced"), class_weights.balanced),
        ],
        lambda values, width: means_picture.draw_weighted(batch_now(values), _t, width),
        caption="weights_caption",
    )
    mo.vstack([page.md("weights"), weighing], gap=1)
    return batch_now, weighing


@app.cell
def _(batch_now, code, numbers, percent, told, weighing):
    _batch = batch_now(weighing.values)
    told(
        numbers(
            ("plain", _batch.plain, "nat", "ink"),
            ("by_weights", _batch.by_weights, "nat", "p"),
            ("by_rows", _batch.by_rows, "nat", "q"),
            ("guess_weights", _batch.guess_by_weights, "nat", "p"),
            ("guess_rows", _batch.guess_by_rows, "nat", "q"),
        ),
        "weights_say",
        code=code.of_weights(_batch),
        rare=_batch.rare,
        share=percent(_batch.share),
    )
    return


@app.cell
def _(Slider, mo, page):
    from xent.learn.pictures.pitfalls import smoothing_floor, smoothing_picture

    _t = page.t
    smoothing = page.stage(
        "smoothing",
        [
            Slider("epsilon", _t("epsilon"), 0.1, 0.0, 0.5, 0.01, "a"),
            Slider("classes", _t("classes"), 10.0, 2.0, 1000.0, 1, logarithmic=True),
        ],
        lambda values, width: smoothing_picture.draw(
            values["epsilon"], int(values["classes"]), _t, width
        ),
        adjust=lambda values, _: {"classes": float(round(values["classes"]))},
        caption="smoothing_caption",
    )
    mo.vstack([page.md("smoothing"), smoothing], gap=1)
    return smoothing, smoothing_floor


@app.cell
def _(code, numbers, smoothing, smoothing_floor, told):
    _found = smoothing_floor.compute(
        smoothing.values["epsilon"], int(smoothing.values["classes"]), [0.0]
    )
    told(
        numbers(
            ("smoothing_floor", _found.floor, "nat", "bad"),
            ("other_floor", _found.other_floor, "nat", "ink"),
            ("best_lead", _found.best_lead, "", "a"),
            ("best_prob", _found.best_prob, "", "a"),
        ),
        "smoothing_say",
        code=code.of_smoothing(_found),
        epsilon=f"{_found.smoothing:g}",
        classes=f"{_found.classes:,}",
        floor=_found.floor,
        other=_found.other_floor,
    )
    return


@app.cell
def _(Button, Slider, mo, page):
    from xent.learn.pictures.pitfalls import baselines, baselines_picture

    _t = page.t

    def judged_now(values):
        """The loss of the controls beside its baselines."""
        shares = baselines.shares_of(int(values["classes"]), values["share"])
        return baselines.judge(values["loss"], shares)

    judging = page.stage(
        "baselines",
        [
            Slider("loss", _t("your_loss"), 0.69, 0.0, baselines_picture.MOST, 0.01, "q"),
            Slider("classes", _t("classes"), 2.0, 2.0, 1000.0, 1, logarithmic=True),
            Slider("share", _t("share"), 0.5, 0.0, 0.99),
            Button("coin", _t("coin"), lambda _: {"classes": 2.0, "share": 0.5}),
            Button("nine", _t("nine"), lambda _: {"classes": 2.0, "share": 0.9}),
            Button("ten", _t("ten"), lambda _: {"classes": 10.0, "share": 0.1}),
        ],
        lambda values, width: baselines_picture.draw(judged_now(values), _t, width),
        adjust=baselines.adjusted,
        caption="baselines_caption",
    )
    mo.vstack([page.md("good"), judging], gap=1)
    return baselines, judged_now, judging


@app.cell
def _(code, judged_now, judging, numbers, told):
    def judgement(judged, name):
        """The cards and the sentence of a loss beside its baselines."""
        return told(
            numbers(
                ("frequencies", judged.frequencies, "nat", "ink"),
                ("uniform", judged.uniform, "nat", "ink"),
                ("prob", judged.probability, "", "q"),
                ("skill", judged.skill, "", "ink"),
                prefix=name + "_",
            ),
            judged.verdict,
            look=judged.look,
            code=code.of_baselines(judged) if name == "typed" else "",
            **judged.facts,
        )

    judgement(judged_now(judging.values), "judged")
    return (judgement,)


@app.cell
def _(mo, page):
    typed = mo.ui.text("900, 100", label=page.t("counts"), full_width=True)
    mo.vstack([page.md("typed"), typed])
    return (typed,)


@app.cell
def _(baselines, judgement, judging, page, typed):
    _judged, _wrong = baselines.judge_typed(judging.values["loss"], typed.value)
    page.say(_wrong.key, look="wrong", **_wrong.facts) if _wrong else judgement(_judged, "typed")
    return


@app.cell
def _(page):
    from xent.learn.pictures.pitfalls import overconfidence, overconfidence_picture

    page.md("sure_wrong", **overconfidence.told())
    return overconfidence, overconfidence_picture


@app.cell
def _(Button, Play, Slider, overconfidence, overconfidence_picture, page):
    _t = page.t
    _run = overconfidence.train()
    _last = float(overconfidence_picture.LAST_STEP)

    def run_now(values):
        """The run, which of its steps is looked at, and the temperature."""
        index = overconfidence.nearest(_run, values["step"])
        return _run, index, values["temperature"]

    training = page.stage(
        "overconfidence",
        [
            Slider("step", _t("step"), _last, 1.0, _last, 1, logarithmic=True),
            Slider("temperature", _t("temperature"), 1.0, 0.5, 20.0, colour="a", logarithmic=True),
            Play("play", _t("play"), _t("pause"), "step", lambda _: _last),
            Button("best", _t("at_best"), lambda _: {"step": float(_run.steps[_run.best])}),
            Button("end", _t("at_end"), lambda _: {"step": _last}),
            Button("cool", _t("cool"), overconfidence.cooled),
        ],
        lambda values, width: overconfidence_picture.draw(*run_now(values), _t, width),
        caption="overconfidence_caption",
    )
    training
    return run_now, training


@app.cell
def _(numbers, overconfidence, run_now, told, training):
    _run, _index, _temperature = run_now(training.values)
    _cooled = overconfidence.at_temperature(_run, _index, _temperature)
    _loss, _accuracy = float(_run.held_out[_index]), float(_run.accuracy[_index])
    told(
        numbers(
            ("held_out", _loss, "nat", "bad"),
            ("cooled", _cooled, "nat", "a"),
            ("accuracy", 100 * _accuracy, "%", "good"),
            ("training", float(_run.training[_index]), "nat", "ink"),
        ),
        "rises",
        **overconfidence.compared(_run, _index),
    )
    return


@app.cell
def _(page):
    page.md("summary")
    return


@app.cell
def _(page):
    rest_is_shown = True
    page.footer()
    return (rest_is_shown,)


if __name__ == "__main__":
    app.run()
