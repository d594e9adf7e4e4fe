"""Chapter 7: adversarial training. Cells build controls, call pictures and show texts."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    from xent.learn.controls import Button, Slider
    from xent.learn.named import named
    from xent.learn.page import Page
    from xent.learn.pictures.adversarial import gaussians, gaussians_picture, losses, losses_picture

    page = Page.open("adversarial")
    numbers, told = named(page)
    return Button, Slider, gaussians, gaussians_picture, losses, losses_picture, numbers, page, told


@app.cell
def _(page):
    page.heading()
    return


@app.cell
def _(page):
    page.md("intro")
    return


@app.cell
def _(Button, Slider, losses_picture, page):
    _t = page.t
    playing = page.stage(
        "losses",
        [
            Slider("logit", _t("logit"), -5.0, *losses_picture.LOGITS, 0.1, "q"),
            Slider("real", _t("real_logit"), 5.0, *losses_picture.LOGITS, 0.1, "p"),
            Button("early", _t("early"), lambda _: {"logit": -8.0, "real": 8.0}),
            Button("equilibrium", _t("equilibrium"), lambda _: {"logit": 0.0, "real": 0.0}),
        ],
        lambda values, width: losses_picture.draw(values["logit"], _t, width),
        caption="losses_caption",
    )
    playing
    return (playing,)


@app.cell
def _(losses, numbers, playing, told):
    _at = losses.generator([playing.values["logit"]])
    _both = sum(losses.discriminator(playing.values["real"], playing.values["logit"]))
    _slope, _saturating = _at.slope, _at.saturating_slope
    _d = _at.said_real
    told(
        numbers(
            ("d", _d, "", "gap"),
            ("generator", _at.loss, "nat", "a"),
            ("generator_saturating", _at.saturating, "nat", "c"),
            ("discriminator", _both, "nat", "ink"),
            ("slope", _slope, "", "a"),
            ("saturating_slope", _saturating, "", "c"),
            ("ratio", _at.ratio, "times", "ink"),
        ),
        "losses_say",
        code=losses.code_of(_at),
        d=_d,
        slope=_slope,
        saturating=_saturating,
    )
    return


@app.cell
def _(losses, page):
    page.md(
        "at_rest",
        one=float(losses.generator([0.0]).loss[0]),
        two=sum(losses.discriminator(0.0, 0.0)),
    )
    return


@app.cell
def _(page):
    page.md("gaussians")
    return


@app.cell
def _(Button, Slider, gaussians, gaussians_picture, page):
    _t = page.t

    def game_now(values):
        """The game of the controls."""
        return gaussians.play(values["mean"], values["deviation"])

    matching = page.stage(
        "gaussians",
        [
            Slider("mean", _t("mean"), 2.0, *gaussians_picture.MEANS, 0.05, "q"),
            Slider("deviation", _t("deviation"), 0.7, 0.2, 3.0, 0.05, "q"),
            Button("becomes", _t("becomes_data"), lambda _: {"mean": 0.0, "deviation": 1.0}),
        ],
        lambda values, width: gaussians_picture.draw(game_now(values), _t, width),
        caption="gaussians_caption",
    )
    matching
    return game_now, matching


@app.cell
def _(game_now, matching, numbers):
    _game = game_now(matching.values)
    numbers(
        ("best_loss", _game.loss, "nat", "gap"),
        ("js", _game.divergence, "nat", "ink"),
        ("identity", _game.left, "nat", "ink"),
    )
    return


@app.cell
def _(gaussians, gaussians_picture, page):
    page.md("chase", rate=f"{gaussians_picture.RATE:g}", caught=f"{gaussians.CAUGHT:g}")
    return


@app.cell
def _(Slider, gaussians, gaussians_picture, page):
    _t = page.t

    def chase_now(values):
        """The chase of the controls."""
        return gaussians.chase(values["start"], gaussians_picture.RATE)

    chasing = page.stage(
        "chase",
        [Slider("start", _t("chase_start"), 6.0, 1.0, 7.0, 0.25, "q")],
        lambda values, width: gaussians_picture.draw_chase(chase_now(values), _t, width),
        caption="chase_caption",
    )
    chasing
    return chase_now, chasing


@app.cell
def _(chase_now, chasing, numbers):
    _first, _second = chase_now(chasing.values).steps
    numbers(("chase", _first, "", "a"), ("chase_saturating", _second, "", "c"))
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
