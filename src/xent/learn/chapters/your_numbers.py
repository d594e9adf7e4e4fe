"""Chapter 9: your own numbers. Cells build controls, hand the file over and show what came back."""

import marimo

app = marimo.App(width="medium", app_title="xent learn")


@app.cell
def _():
    import marimo as mo

    from xent.learn import verdict
    from xent.learn.code import code_html
    from xent.learn.example_files import EXAMPLES
    from xent.learn.judge import ENDINGS, judge
    from xent.learn.page import Page
    from xent.learn.pictures import your_numbers as pictures
    from xent.learn.upload import LARGEST

    page = Page.open("your_numbers")
    return ENDINGS, EXAMPLES, LARGEST, code_html, judge, mo, page, pictures, verdict


@app.cell
def _(page):
    page.heading()
    return


@app.cell
def _(page):
    page.md("intro")
    return


@app.cell
def _(ENDINGS, LARGEST, mo, page):
    dropped = mo.ui.file(
        filetypes=[*ENDINGS, ".gz", ".zst"],
        kind="area",
        max_size=LARGEST,
        label=page.t("file", kinds=" ".join(ENDINGS), most=LARGEST // 10**6),
    )
    mo.vstack([dropped, page.md("file_more")])
    return (dropped,)


@app.cell
def _(EXAMPLES, mo, page):
    example = mo.ui.radio(
        {page.t(name): name for name in EXAMPLES},
        value=page.t("one_label.csv"),
        label=page.t("examples"),
    )
    _files = [
        page.download(page.t("get_example", name=name), name, make(), "text/csv")
        for name, make in EXAMPLES.items()
    ]
    mo.vstack([example, mo.hstack(_files, justify="start", wrap=True)])
    return (example,)


@app.cell
def _(EXAMPLES, dropped, example, judge):
    name = dropped.value[0].name if dropped.value else example.value
    contents = dropped.value[0].contents if dropped.value else EXAMPLES[example.value]()
    by_itself = judge(name, contents)
    return by_itself, contents, name


@app.cell
def _(by_itself, mo, page, verdict):
    asked = mo.ui.dictionary(verdict.selectors(by_itself.columns, page.t))
    _choices = mo.hstack(list(asked.elements.values()), justify="start", wrap=True, gap=1.5)
    # where the file could not be judged, something is to be said about its columns
    _html = mo.vstack([page.md("columns_lead"), _choices]).text
    _parts = verdict.folded({"columns": _html}, page.t, opened=not by_itself.evaluation)
    _out = mo.Html(_parts) if by_itself.columns else None
    _out
    return (asked,)


@app.cell
def _(asked, by_itself, contents, judge, name, verdict):
    options = verdict.options_of(asked.value)
    judged = judge(name, contents, **options) if options else by_itself
    return judged, options


@app.cell
def _(dropped, judged, mo, page, verdict):
    mo.Html(verdict.whose(judged, page.t)) if dropped.value else None
    return


@app.cell
def _(judged, mo, verdict, page):
    mo.Html(verdict.headline(judged, page.t, page.lang))
    return


@app.cell
def _(judged, page, pictures):
    page.cards(pictures.cards_of(judged.evaluation, page.t)) if judged.evaluation else None
    return


@app.cell
def _(judged, mo, page, pictures):
    _parts = pictures.parts_of(judged.evaluation) if judged.evaluation else ()
    _unit = page.t(judged.evaluation.unit) if judged.evaluation else ""
    mo.vstack(
        [
            page.md("parts_lead"),
            page.figure(
                "parts",
                lambda w: pictures.parts_picture(_parts, _unit, page.t, w),
                caption="parts_caption",
            ),
        ]
    ) if _parts else None
    return


@app.cell
def _(judged, mo, page, verdict):
    def _shown(evaluation):
        report, text = verdict.report(evaluation, page.lang), str(evaluation)
        stem = judged.name.rpartition(".")[0] or "report"

        def download(contents, ending, kind, key):
            return page.download(page.t(key), stem + ending, contents.encode(), kind)

        return mo.vstack(
            [
                page.md("report_lead"),
                mo.hstack(
                    [
                        download(report, ".html", "text/html", "get_report"),
                        download(text + "\n", ".txt", "text/plain", "get_text"),
                    ],
                    justify="start",
                    wrap=True,
                ),
                mo.Html(
                    verdict.folded(
                        {
                            "report": verdict.framed(report, page.t("tab_report")),
                            "table": f'<div lang="en">{evaluation._repr_html_()}</div>',
                            "text": verdict.printed(text, page.t("tab_text")),
                        },
                        page.t,
                    )
                ),
            ]
        )

    _shown(judged.evaluation) if judged.evaluation else None
    return


@app.cell
def _(code_html, judged, mo, options, page, verdict):
    mo.vstack(
        [
            page.md("code_lead"),
            mo.Html(code_html(verdict.commands(judged.name, options), page.t("code"))),
        ]
    ) if judged.evaluation else None
    return


@app.cell
def _(page):
    page.footer()
    return


if __name__ == "__main__":
    app.run()
