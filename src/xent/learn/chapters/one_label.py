"""Chapter 5: one label. Cells build controls, call pictures and show texts; nothing is computed."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    from functools import partial

    import marimo as mo

    from xent.learn.code import code_html
    from xent.learn.controls import Button, Choice, Slider
    from xent.learn.html import Card
    from xent.learn.page import Page
    from xent.learn.pictures import one_label as pictures
    from xent.learn.pictures.animals import CLASSES, COLOURS, LARGEST_LOGIT, share

    page = Page.open("one_label")
    return (
        Button,
        CLASSES,
        COLOURS,
        Card,
        Choice,
        LARGEST_LOGIT,
        Slider,
        code_html,
        mo,
        page,
        partial,
        pictures,
        share,
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
def _(Button, CLASSES, COLOURS, Choice, LARGEST_LOGIT, Slider, page, partial, pictures):
    _t, _most = page.t, pictures.LARGEST_CONSTANT
    _start = pictures.started("article", "frog")
    picture = page.stage(
        "forward",
        [
            *(
                Slider(
                    name, _t("logit_of", name=_t(name)), _start[name],
                    low=-LARGEST_LOGIT, high=LARGEST_LOGIT, colour=colour,
                )
                for name, colour in zip(CLASSES, COLOURS, strict=True)
            ),
            Slider("constant", _t("constant"), 0.0, low=-_most, high=_most, step=0.1),
            Choice("truth", _t("truth"), "frog", {name: _t(name) for name in CLASSES}),
            *(
                Button(name, _t(f"start_{name}"),
                       partial(lambda name, v: pictures.started(name, v["truth"]), name))
                for name in ("article", "nothing", "right", "wrong")
            ),
        ],
        pictures.forward(_t),
        caption="forward_caption",
    )  # fmt: skip
    picture
    return (picture,)


@app.cell
def _(page, picture, pictures, share):
    one = pictures.of_values(picture.values)
    page.say(
        "forward_says",
        truth=page.t(picture.values["truth"]),
        q=share(one.probs[one.truth]),
        loss=one.loss,
        bits=pictures.in_bits(one.loss),
    )
    return (one,)


@app.cell
def _(Card, page, one):
    page.cards(
        [
            Card("loss", page.t("loss"), one.loss, page.t("nat"), "p"),
            Card("truth", page.t("card_truth"), one.probs[one.truth], colour="q"),
            Card("mass", page.t("sum_of_probs"), sum(one.probs)),
        ]
    )
    return


@app.cell
def _(page):
    page.md("try")
    return


@app.cell
def _(one, page, pictures):
    page.figure("curve", lambda w: pictures.curve_picture(one, page.t, w), caption="curve_lead")
    return


@app.cell
def _(page):
    page.md("gradient_lead")
    return


@app.cell
def _(one, page, pictures):
    page.figure(
        "gradient", lambda w: pictures.gradient_picture(one, page.t, w), caption="gradient_caption"
    )
    return


@app.cell
def _(CLASSES, COLOURS, Card, one, page):
    page.cards(
        [
            Card(f"gradient_{name}", page.t("gradient_of", name=page.t(name)), slope, colour=colour)
            for name, slope, colour in zip(CLASSES, one.gradient, COLOURS, strict=True)
        ]
    )
    return


@app.cell
def _(page):
    page.md("batch_lead")
    return


@app.cell
def _(one, page, pictures):
    batch = pictures.batch_of(one)
    page.figure(
        "batch", lambda w: pictures.batch_picture(batch, page.t, w), caption="batch_caption"
    )
    return (batch,)


@app.cell
def _(Card, batch, page):
    page.cards(
        [
            Card("mean", page.t("card_mean"), batch.mean, page.t("nat"), "p"),
            Card("sum", page.t("sum"), batch.total, page.t("nat")),
            Card("typical", page.t("card_typical"), batch.geometric_mean_probability, colour="q"),
        ]
    )
    return


@app.cell
def _(page):
    page.md("batch_says")
    return


@app.cell
def _(code_html, mo, one, page, pictures):
    mo.vstack([page.md("code_lead"), mo.Html(code_html(pictures.code_of(one), "Python"))])
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
