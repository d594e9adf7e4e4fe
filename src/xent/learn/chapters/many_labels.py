"""Chapter 6: many labels. Cells build controls, call pictures and show texts."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    import marimo as mo

    from xent.learn.code import code_html
    from xent.learn.controls import Button, Choice, Slider
    from xent.learn.html import Card
    from xent.learn.page import Page
    from xent.learn.pictures import labels
    from xent.learn.pictures import many_labels as pictures
    from xent.learn.pictures.animals import CLASSES, COLOURS, LARGEST_LOGIT, listed

    page = Page.open("many_labels")
    named = {name: page.t(name) for name in CLASSES}
    return (
        Button,
        CLASSES,
        COLOURS,
        Card,
        Choice,
        LARGEST_LOGIT,
        Slider,
        code_html,
        labels,
        listed,
        mo,
        named,
        page,
        pictures,
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
def _(Button, CLASSES, COLOURS, Choice, LARGEST_LOGIT, Slider, named, page, pictures):
    _t, _start = page.t, pictures.started()
    _sliders = [
        Slider(
            name,
            _t("logit_of", name=named[name]),
            _start[name],
            low=-LARGEST_LOGIT,
            high=LARGEST_LOGIT,
            colour=colour,
        )
        for name, colour in zip(CLASSES, COLOURS, strict=True)
    ]
    _labels = [
        Choice(
            f"label_{name}",
            _t("label_of", name=named[name]),
            _start[f"label_{name}"],
            {"0": _t("not_there"), "1": _t("is_there")},
        )
        for name in CLASSES
    ]
    picture = page.stage(
        "nodes",
        [*_sliders, *_labels, Button("article", _t("start_article"), lambda _: _start)],
        pictures.nodes(_t),
        caption="nodes_caption",
    )
    picture
    return (picture,)


@app.cell
def _(picture, pictures):
    many = pictures.of_values(picture.values)
    return (many,)


@app.cell
def _(CLASSES, COLOURS, Card, many, named, page):
    page.cards(
        [
            Card("loss", page.t("card_loss"), many.loss, page.t("nat"), "p"),
            *(
                Card(f"loss_{name}", page.t("loss_of", name=named[name]), loss, colour=colour)
                for name, loss, colour in zip(CLASSES, many.losses, COLOURS, strict=True)
            ),
            Card("mass", page.t("sum_of_probs"), sum(many.probs)),
        ]
    )
    return


@app.cell
def _(page):
    page.md("try")
    return


@app.cell
def _(page):
    page.md("gradient_lead")
    return


@app.cell
def _(many, page, pictures):
    page.figure(
        "gradient", lambda w: pictures.gradient_picture(many, page.t, w), caption="gradient_caption"
    )
    return


@app.cell
def _(CLASSES, COLOURS, Card, many, named, page):
    page.cards(
        [
            Card(f"gradient_{name}", page.t("gradient_of", name=named[name]), slope, colour=colour)
            for name, slope, colour in zip(CLASSES, many.gradient, COLOURS, strict=True)
        ]
    )
    return


@app.cell
def _(listed, page, pictures):
    page.md("batch_lead", second=f"({listed([f'{q:g}' for q in pictures.OTHER[0]])})")
    return


@app.cell
def _(many, page, pictures):
    batch = pictures.batch_of(many)
    page.figure(
        "batch", lambda w: pictures.batch_picture(batch, page.t, w), caption="batch_caption"
    )
    return (batch,)


@app.cell
def _(Card, batch, page):
    _nat = page.t("nat")
    page.cards(
        [
            Card("total", page.t("sum"), batch.total, _nat, "p"),
            Card("mean_pictures", page.t("mean_pictures"), batch.mean_over_pictures, _nat),
            Card("mean_nodes", page.t("mean_nodes"), batch.mean_over_nodes, _nat),
        ]
    )
    return


@app.cell
def _(page):
    page.md("both_lead")
    return


@app.cell
def _(Choice, Slider, named, page, pictures):
    shifted = page.stage(
        "both",
        [
            Choice("who", page.t("who"), "frog", named),
            Slider("by", page.t("by"), 2.0, low=-6.0, high=6.0, step=0.1),
        ],
        pictures.both_drawn(page.t),
        caption="both_caption",
    )
    shifted
    return (shifted,)


@app.cell
def _(Card, page, pictures, shifted):
    _before, _after = pictures.moved(shifted.values)
    _who = shifted.values["who"]
    page.cards(
        [
            Card(
                f"{kind}_others",
                page.t(f"card_{kind}_others"),
                pictures.change_of_others(getattr(_before, kind), getattr(_after, kind), _who),
            )
            for kind in ("softmax", "sigmoid")
        ]
        + [Card("sigmoid_mass", page.t("card_mass"), sum(_after.sigmoid))]
    )
    return


@app.cell
def _(page):
    page.md("refused_lead")
    return


@app.cell
def _(labels, many, mo, page):
    _count = sum(many.labels)
    if _count == 1:
        _out = page.say(
            "accepted", look="good", softmax=labels.softmax_loss(many), sigmoid=many.loss
        )
    else:
        _each = {"each": 1 / _count, "floor": labels.shared_floor(_count)} if _count else {}
        _out = mo.vstack(
            [
                page.md("refused"),
                page.told(lambda: labels.softmax_loss(many)),
                page.md("refused_many" if _count else "refused_none", count=_count, **_each),
            ]
        )
    _out
    return


@app.cell
def _(code_html, many, mo, page, pictures):
    mo.vstack([page.md("code_lead"), mo.Html(code_html(pictures.code_of(many), "Python"))])
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
