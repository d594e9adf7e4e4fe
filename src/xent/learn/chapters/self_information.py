"""Chapter 1: self-information. Cells build controls, call pictures and show texts."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    from xent.learn.controls import Button, Choice, Slider
    from xent.learn.html import Card
    from xent.learn.page import Page
    from xent.learn.pictures import self_information as pictures

    page = Page.open("self_information")
    return Button, Card, Choice, Slider, page, pictures


@app.cell
def _(page):
    page.heading()
    return


@app.cell
def _(page):
    page.md("intro")
    return


@app.cell
def _(Button, Choice, Slider, page, pictures):
    _t = page.t
    one = page.stage(
        "curve",
        [
            Slider("p", _t("slider_p"), 0.5, step=0.005, colour="p"),
            Choice("unit", _t("unit"), "nat", {"nat": _t("nat"), "bit": _t("bit")}),
            *(
                Button(name, _t(f"use_{name}"), lambda _, p=pictures.EVENTS[name]: {"p": p})
                for name in ("brazil", "china", "coin", "lottery")
            ),
        ],
        pictures.curve(_t),
        caption="curve_caption",
    )
    one
    return (one,)


@app.cell
def _(Card, one, page, pictures):
    _p = one.values["p"]
    page.cards(
        [
            Card("nats", page.t("card_nats"), pictures.told_by(_p, "nat"), page.t("nat"), "p"),
            Card("bits", page.t("card_bits"), pictures.told_by(_p, "bit"), page.t("bit"), "p"),
        ]
    )
    return


@app.cell
def _(one, page):
    page.say("zero", look="wrong") if one.values["p"] == 0 else None
    return


@app.cell
def _(page, pictures):
    page.md("events_text", ways=f"{1 / pictures.EVENTS['lottery']:,.0f}")
    return


@app.cell
def _(one, page, pictures):
    page.figure(
        "events",
        pictures.events(page.t, one.values["unit"], one.values["p"]),
        caption="events_caption",
    )
    return


@app.cell
def _(page):
    page.md("why")
    return


@app.cell
def _(Choice, Slider, page, pictures):
    _t = page.t
    two = page.stage(
        "product",
        [
            Slider("a", _t("slider_a"), 0.5, colour="a"),
            Slider("b", _t("slider_b"), 0.25, colour="b"),
            Choice("unit", _t("unit"), "bit", {"nat": _t("nat"), "bit": _t("bit")}),
        ],
        pictures.product(_t),
        caption="product_caption",
    )
    two
    return (two,)


@app.cell
def _(Card, page, pictures, two):
    pair = pictures.pair_of(two.values)
    _unit = page.t(pair.unit)
    page.cards(
        [
            Card("a", page.t("card_a"), pair.tells_a, _unit, "a"),
            Card("b", page.t("card_b"), pair.tells_b, _unit, "b"),
            Card("both", page.t("card_both"), pair.tells_both, _unit, "p"),
        ]
    )
    return (pair,)


@app.cell
def _(page, pair):
    page.say("out", look="wrong") if pair.both == 0 else None
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
