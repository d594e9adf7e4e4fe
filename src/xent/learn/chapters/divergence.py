"""Chapter 3: KL divergence and cross-entropy. Cells build controls, call pictures, show texts."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    from xent.evaluation.numbers import percent
    from xent.learn.controls import Button, Choice, Slider
    from xent.learn.html import Card
    from xent.learn.page import Page
    from xent.learn.pictures import divergence as pictures

    page = Page.open("divergence")
    return Button, Card, Choice, Slider, page, percent, pictures


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
    _start = pictures.believed((0.7, 0.2, 0.1), (0.3, 0.3, 0.4))

    def _swapped(values):
        _costs = pictures.costs_of(values)
        return pictures.believed(_costs.q, _costs.p)

    def _same(values):
        _p = pictures.costs_of(values).p
        return pictures.believed(_p, _p)

    def _never(values):
        return pictures.believed(pictures.costs_of(values).p, (0.7, 0.3, 0.0))

    days = page.stage(
        "bars",
        [
            *(
                Slider(
                    f"{which}_{day}",
                    _t(f"slider_{which}", day=_t(f"day_{day}")),
                    _start[f"{which}_{day}"],
                    colour=which,
                )
                for which in "pq"
                for day in pictures.DAYS
            ),
            Button("swap", _t("swap"), _swapped),
            Button("same", _t("same"), _same),
            Button("never", _t("never"), _never),
            Button(
                "label",
                _t("label"),
                lambda _: pictures.believed((1.0, 0.0, 0.0), (0.7, 0.2, 0.1)),
            ),
            Choice("unit", _t("unit"), "nat", {"nat": _t("nat"), "bit": _t("bit")}),
        ],
        pictures.bars(_t),
        adjust=pictures.kept_at_one,
        caption="bars_caption",
    )
    days
    return (days,)


@app.cell
def _(Card, days, page, pictures):
    costs = pictures.costs_of(days.values)
    _unit = page.t(costs.unit)
    page.cards(
        [
            Card("entropy", page.t("card_h"), costs.entropy, _unit, "p"),
            Card("divergence", page.t("card_kl"), costs.divergence, _unit, "gap"),
            Card("cross_entropy", page.t("card_ce"), costs.cross_entropy, _unit, "q"),
            Card("swapped", page.t("card_swapped"), costs.swapped, _unit),
        ]
    )
    return (costs,)


@app.cell
def _(costs, page, percent, pictures):
    if costs.impossible:
        _share = costs.p[pictures.DAYS.index(costs.impossible)]
        _out = page.say(
            "impossible",
            look="wrong",
            day=page.t(f"day_{costs.impossible}"),
            share=percent(_share),
        )
    elif costs.p == costs.q:
        _out = page.say("equal", look="good")
    else:
        _out = page.say("harmless") if 0 in costs.p else None
    _out
    return


@app.cell
def _(page):
    page.md("binary_text")
    return


@app.cell
def _(Choice, Slider, page, pictures):
    _t = page.t
    two = page.stage(
        "binary",
        [
            Slider("p", _t("true_p"), 0.7, colour="p"),
            Slider("q", _t("model_q"), 0.2, colour="q"),
            Choice("unit", _t("unit"), "nat", {"nat": _t("nat"), "bit": _t("bit")}),
        ],
        pictures.binary(_t),
        caption="binary_caption",
    )
    two
    return (two,)


@app.cell
def _(Card, page, pictures, two):
    _h, _kl, binary_cost = pictures.binary_of(two.values)
    _unit = page.t(two.values["unit"])
    page.cards(
        [
            Card("binary_entropy", "H(p)", _h, _unit, "p"),
            Card("binary_divergence", "KL(p‖q)", _kl, _unit, "gap"),
            Card("binary_cross_entropy", "H(p, q)", binary_cost, _unit, "q"),
        ]
    )
    return (binary_cost,)


@app.cell
def _(binary_cost, page):
    page.say("endless", look="wrong") if binary_cost == float("inf") else None
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
