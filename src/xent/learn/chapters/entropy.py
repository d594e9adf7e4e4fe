"""Chapter 2: entropy. Cells build controls, call pictures and show texts; nothing is computed."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    from xent.learn.controls import Button, Choice, Slider
    from xent.learn.html import Card
    from xent.learn.numbers import of_one, shown
    from xent.learn.page import Page
    from xent.learn.pictures import entropy as pictures

    page = Page.open("entropy")
    return Button, Card, Choice, Slider, of_one, page, pictures, shown


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
    three = page.stage(
        "terms",
        [
            *(
                Slider(event, _t(f"event_{event}"), p, colour=event)
                for event, p in pictures.ARTICLE.items()
            ),
            Choice("keep", _t("keep"), "on", {"on": _t("keep_on"), "off": _t("keep_off")}),
            Choice("unit", _t("unit"), "nat", {"nat": _t("nat"), "bit": _t("bit")}),
            Button("equal", _t("equal"), lambda _: dict.fromkeys("abc", 1 / 3)),
            Button("article", _t("article"), lambda _: pictures.ARTICLE),
        ],
        pictures.terms(_t),
        adjust=pictures.kept_at_one,
        caption="terms_caption",
    )
    three
    return (three,)


@app.cell
def _(of_one, page, pictures, shown, three):
    found = pictures.terms_of(three.values)
    if found.one:
        # what never happens adds nothing: 0 log 0 = 0
        _each = zip(found.p, found.information, strict=True)
        _terms = [rf"{of_one(p)} \times {shown(i, 3)}" for p, i in _each if p > 0]
        _out = page.md("worked", terms=" + ".join(_terms), h=found.entropy)
    else:
        _out = page.say("not_one", look="wrong", total=of_one(found.total))
    _out
    return (found,)


@app.cell
def _(Card, found, page):
    page.cards(
        [
            Card("entropy", page.t("card_entropy"), found.entropy, page.t(found.unit), "p"),
            Card("largest", page.t("card_largest"), found.largest, page.t(found.unit)),
            Card("perplexity", page.t("card_perplexity"), found.perplexity),
        ]
    ) if found.one else None
    return


@app.cell
def _(found, page, pictures):
    _printed = pictures.as_printed(found)
    page.say(
        "as_printed", sum=_printed[0], printed=f"{_printed[1]:.3f}", h=found.entropy
    ) if _printed else None
    return


@app.cell
def _(page):
    page.md("largest")
    return


@app.cell
def _(page, pictures, three):
    page.figure("simplex", pictures.simplex(page.t, three.values), caption="simplex_caption")
    return


@app.cell
def _(page):
    page.md("coin_text")
    return


@app.cell
def _(Button, Choice, Slider, page, pictures):
    _t = page.t
    coin = page.stage(
        "coin",
        [
            Slider("p", _t("coin_p"), 0.5, step=0.005, colour="p"),
            Choice("unit", _t("unit"), "bit", {"nat": _t("nat"), "bit": _t("bit")}),
            Button("fair", _t("fair"), lambda _: {"p": 0.5}),
            Button("bent", _t("bent"), lambda _: {"p": 0.9}),
            Button("lottery", _t("lottery"), lambda _: {"p": pictures.LOTTERY}),
        ],
        pictures.coin(_t),
        caption="coin_caption",
    )
    coin
    return (coin,)


@app.cell
def _(Card, coin, page, pictures):
    _unit = page.t(coin.values["unit"])
    _heads, _tails = pictures.coin_tells(coin.values)
    page.cards(
        [
            Card("coin", page.t("card_coin"), pictures.coin_entropy(coin.values), _unit, "p"),
            Card("heads", page.t("card_heads"), _heads, _unit),
            Card("tails", page.t("card_tails"), _tails, _unit),
        ]
    )
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
