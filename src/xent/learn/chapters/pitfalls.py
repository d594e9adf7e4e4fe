"""Chapter 8: what goes wrong. Cells build controls, call pictures and show texts."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    import marimo as mo

    from xent.evaluation.numbers import percent
    from xent.learn.named import named
    from xent.learn.page import Page
    from xent.learn.pictures.pitfalls import (
        baselines,
        code,
        double_softmax,
        overconfidence,
        stages,
    )

    page = Page.open("pitfalls")
    numbers, told = named(page)
    return (
        baselines,
        code,
        double_softmax,
        mo,
        numbers,
        overconfidence,
        page,
        percent,
        stages,
        told,
    )


@app.cell
def _(page):
    page.heading()
    return


@app.cell
def _(page):
    page.md("intro")
    return


@app.cell
def _(mo, page, stages):
    doubling, twice_now = stages.doubling(page)
    mo.vstack([page.md("double"), doubling], gap=1)
    return doubling, twice_now


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
def _(mo, page, rest_is_shown, stages):
    # this picture imports torch, which takes seconds: the others do not wait for it
    mo.stop(not rest_is_shown)
    mo.output.replace(page.say("torch_comes"))
    falling, cliff_now = stages.falling(page)
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
def _(mo, page, stages):
    averaging, parts_now = stages.averaging(page)
    mo.vstack([page.md("means"), averaging], gap=1)
    return averaging, parts_now


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
def _(mo, page, stages):
    weighing, batch_now = stages.weighing(page)
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
def _(mo, page, stages):
    smoothing, smoothed_now = stages.smoothing(page)
    mo.vstack([page.md("smoothing"), smoothing], gap=1)
    return smoothed_now, smoothing


@app.cell
def _(code, numbers, smoothed_now, smoothing, told):
    _found = smoothed_now(smoothing.values)
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
def _(mo, page, stages):
    judging, judged_now = stages.judging(page)
    mo.vstack([page.md("good"), judging], gap=1)
    return judged_now, judging


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
def _(overconfidence, page):
    page.md("sure_wrong", **overconfidence.told())
    return


@app.cell
def _(page, stages):
    training, run_now = stages.training(page)
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
