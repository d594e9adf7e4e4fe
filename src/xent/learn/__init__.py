"""`xent learn`: the article on cross-entropy as pages to play with, in English and Chinese.

    catalog.py            the chapters in order, their titles
    chapters/SLUG.py      a marimo notebook a chapter: builds controls, calls pictures, shows texts
    texts/SLUG.py         TEXTS: every key in "en" and "zh", Markdown with formulas
    texts/common.py       what all chapters say; texts/marimo.py: what marimo says, in other words
    pictures/SLUG.py      pure functions: numbers -> dataclass, computed by xent -> SVG text
    svg.py palette.py     axes, curves, bars, handles; one colour for each meaning
    controls.py stage.py  sliders, choices, buttons, and the picture that they move
    page.py html.py       what a chapter shares: `Page`; `Card`, and what else is HTML
    numbers.py            numbers as they are written: `shown`, `of_one`
    upload.py judge.py    a file that was dropped: what it declares, what it is worth
    verdict.py            what chapter 9 shows of it
    server.py asgi.py     the server; cover.py the page of contents

A chapter is added by its three files; nothing else names it (its title is in the catalog).
`chapters/entropy.py` is the model.

*Pictures.* ``draw = pictures.NAME(page.t)`` returns ``draw(values, width) -> svg``, called with
`svg.WIDE` and `svg.NARROW`: words are 13 px in both, so a narrow picture says less and never
shrinks. Draw with a `Frame` (axes, curves, areas) and the functions of `svg`; a look is a class of
`palette`: ``fill-p``, ``soft-p``, ``line-p``, ``dash-p``, ``text-p``. p is the truth, q the model,
gap what lies between; a, b, c, d tell classes apart; good and bad judge. ``mid`` and ``end``
anchor text, ``halo`` keeps it readable on lines. Numbers on a picture are written by `shown`.

*Controls.* ``page.stage(name, [Slider, Choice, Button, Play], draw, adjust=, caption=)`` is one
picture with what moves it. ``frame.handle("p", x, y, "p", along="x", low=0, high=1)`` in the
picture is a dot that moves the control "p" when it is dragged; any element with the same ``data-``
attributes does. Every handle has its slider: that is how a keyboard moves it. ``stage.values`` in a
later cell is what is set now, and that cell runs again when it moves. Never build a stage in a cell
that reads another stage: it would be built anew under the hand.
``page.figure(name, draw, caption=)`` is a picture alone, with ``draw(width)``.

*Numbers.* ``page.cards([Card(name, label, value, unit, colour)])``; tests read them by name, with
all digits. Everything shown is computed by xent; nothing is typed in.

*Texts.* ``page.t(key)``, ``page.md(key)``, ``page.say(key, look="wrong")`` fill ``[[name]]`` from
keywords. Both languages have the same keys, formulas and placeholders: tests/learn/test_texts.py.

*Bad input.* What can be foreseen is told in both languages (``page.say(..., look="wrong")``); any
other error of xent is told in its own words, which report/chinese.py puts into Chinese (the
sentences: report/messages/): `page.told` in a cell, the stage by itself.

*Tests.* tests/learn/test_SLUG.py uses the fixture ``chapter`` of tests/learn/conftest.py: it moves
controls, reads numbers, and fails on any console message or request that leaves the machine.
"""
