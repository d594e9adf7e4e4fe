"""Pages with every section, made up: nothing here was measured."""

import math
from dataclasses import replace
from itertools import pairwise

from xent.report.page.model import (
    Column,
    Comparison,
    Curve,
    LeftOut,
    Note,
    Page,
    Pair,
    Range,
    Reliability,
    ReliabilityBin,
    Score,
    Surprise,
    Table,
    Temperature,
    Term,
    Waterfall,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "\"quoted\" & 'single'",
    "</script><img src=x onerror=alert(2)>",
    "עברית وعربي",
    "\u202eoverride",
    "x" * 5000,
    "emoji 🦆👩‍👩‍👧",
    "nul\x00 bell\x07",
    "lone \ud800 surrogate",
    "{{ 7 * 7 }} {% raw %}",
    "--><!-- ]]>",
    "line\nbreak\u2028separator",
)


def reliability(name="cat", size=12, top=1.0, seed=3):
    bins = []
    for i in range(size):
        x = top * (i + 0.5) / size
        count = 20 + 400 * math.exp(-6 * i / size) + 300 * math.exp(-6 * (size - 1 - i) / size)
        # an overconfident model, and a little noise that is the same every time
        y = min(top, max(0.0, 0.5 * top + 0.8 * (x - 0.5 * top) + 0.02 * top * math.sin(seed * i)))
        spread = 2 * math.sqrt(max(x * (1 - x), 1e-4) / count)
        bins.append(
            ReliabilityBin(
                forecast=x,
                frequency=y,
                count=round(count),
                low=max(0.0, y - spread),
                high=min(1.0, y + spread),
                null_low=max(0.0, x - spread),
                null_high=min(1.0, x + spread),
            )
        )
    return Reliability(name, tuple(bins))


def surprise():
    edges = [2.0 ** (k / 2) for k in range(-20, 8)]
    rows, loss = [], []
    for low, high in pairwise(edges):
        middle = math.sqrt(low * high)
        rows.append(math.exp(-((math.log(middle) + 2.2) ** 2) / 3))
        loss.append(rows[-1] * middle)
    return Surprise(
        edges=tuple(edges),
        rows=tuple(r / sum(rows) for r in rows),
        loss=tuple(v / sum(loss) for v in loss),
        worst_share=0.01,
        worst_low=0.143,
        worst_high=0.151,
        worst_from=2.9,
        below=True,
        num_impossible=3,
    )


def classes(names):
    columns = (
        Column("class", "text"),
        Column("count", "count"),
        Column("share", "share"),
        Column("mean_probability"),
        Column("class_log_loss"),
        Column("share_of_loss", "bar"),
        Column("found", "share"),
        Column("class_resolution"),
        Column("class_miscalibration"),
    )
    rows = []
    for i, name in enumerate(names):
        share = 1 / len(names)
        loss = 0.2 + 0.7 * ((i * 7) % 11) / 11
        rows.append(
            (name, 1000 + 13 * ((i * 5) % 17), share, share * 0.98, loss, share * loss / 0.52,
             0.95 - loss / 5, 0.3, 0.004)
        )  # fmt: skip
    return Table(columns, tuple(rows), title="classes_table", total=len(rows))


def full_page():
    """Every section there is."""
    cut = Term(0.0182, 0.0121, 0.0061, 0.002, 0.0119, 0.0254)
    binary = Waterfall(
        "all classes",
        0.4123,
        Term(0.9650, 0.9652, None, None, 0.951, 0.979),
        Term(0.5709, 0.5688, None, None, 0.552, 0.589),
        cut,
        kind="temperature",
        note="made up",
    )
    clipped = Waterfall(
        "cat",
        0.2123,
        Term(0.512, 0.512, None, None, 0.50, 0.524),
        Term(0.3292, 0.326, None, None, 0.312, 0.344),
        Term(0.0265, 0.0103, 0.0162, 0.21, 0.016, 0.037),
        remainder=0.003,
        kind="isotonic",
    )
    slices = Table(
        (
            Column("slice_value", "text"),
            Column("count", "count"),
            Column("share", "share"),
            Column("class_log_loss"),
            Column("range", "range"),
            Column("share_of_loss", "bar"),
            Column("remark", "key"),
        ),
        (
            ("north", 5210, 0.521, 0.352, Range(0.34, 0.364), 0.445, ""),
            ("south", 3021, 0.3021, 0.441, Range(0.42, 0.463), 0.323, ""),
            ("east", 1762, 0.1762, 0.52, Range(0.488, 0.554), 0.222, ""),
            ("west", 7, 0.0007, 5.9, None, 0.01, "few_rows"),
        ),
        name="region",
        total=4,
        values={"information": 0.0123, "chance": 0.0005},
    )
    worst = Table(
        (
            Column("row", "row"),
            Column("row_log_loss_short"),
            Column("truth_probability"),
            Column("target", "text"),
            Column("predicted", "text"),
        ),
        tuple(
            (1660 * (i + 1) % 9973, 7.9 - 0.3 * i, math.exp(-7.9 + 0.3 * i), "cat", "dog")
            for i in range(12)
        ),
        title="worst_table",
        total=12,
    )
    models = Table(
        (Column("model", "text"), Column("class_log_loss"), Column("range", "range")),
        (
            ("baseline.parquet", 0.4381, Range(0.4211, 0.4563)),
            ("new.parquet", 0.4123, Range(0.3981, 0.4272)),
        ),
        title="models_table",
        total=2,
    )
    rows = tuple(float(100 * k) for k in range(101))
    log_e = tuple(
        0.0026 * r * (1 + 0.3 * math.sin(r / 700)) - 1.2 * math.sin(r / 400) for r in rows
    )
    return Page(
        name="predictions.parquet",
        kind="classes",
        unit="nat",
        num_rows=10_000,
        note="target: animal; 4 classes from p_cat … p_emu (probabilities)",
        score=Score(
            log_loss=0.4123,
            nats=0.4123,
            interval=Range(0.3981, 0.4272, 0.95, "hall"),
            interval_nats=Range(0.3981, 0.4272, 0.95, "hall"),
            uniform=math.log(4),
            frequency=0.965,
            skill=1 - 0.4123 / 0.965,
            uniform_skill=1 - 0.4123 / math.log(4),
            accuracy=0.8512,
            brier=0.2213,
        ),
        notes=(
            Note(
                "warning",
                "D31",
                "12 % of the loss comes from 40 rows whose probability was raised to 1e-15",
                "the log loss says more about the clip than about the model",
            ),
            Note(
                "hint",
                "D34",
                "the top 1 % of the rows carry 15 % of the loss",
                "look at them first: wrong labels gather there",
            ),
        ),
        waterfalls=(binary, clipped),
        reliability=(reliability("top label"), reliability("cat", 9, 1.0, 5)),
        surprise=surprise(),
        classes=classes(("cat", "dog", "duck", "emu")),
        slices=(slices,),
        worst=worst,
        left_out=(
            LeftOut("impossible", 3, (17, 4123, 9001)),
            LeftOut("ignored", 12),
            LeftOut("missing", 31, tuple(range(5, 105, 5))),
        ),
        num_impossible=3,
        temperature=Temperature(1.213, 1 / 1.213, 0.4001, 0.0122, 0.01215, 0.01222, 0.003),
        gains=Table(
            (
                Column("remedy", "key"),
                Column("gain_column"),
                Column("corrected"),
                Column("null"),
                Column("p_value", "p"),
            ),
            (
                ("g_temperature", 0.0122, 0.0121, 0.00005, 0.0),
                ("g_vector", 0.0161, 0.0158, 0.00025, 1e-5),
            ),
            title="gains_table",
            total=2,
            sorts=False,
        ),
        comparison=Comparison(
            models=models,
            pairs=(
                Pair(
                    "baseline.parquet", "new.parquet", 0.0258,
                    Range(0.0191, 0.0326, 0.95), 0.561, 2.1e-13, 258.0,
                ),
            ),
            curves=(Curve("new.parquet against baseline.parquet", rows, log_e),),
            notes=("paired by row",),
        ),
        fingerprint=(
            ("f_version", "0.1.0"),
            ("f_source", "predictions.parquet"),
            ("f_options", "--target animal --by region"),
            ("f_state", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ),
        numbers={"log_loss": 0.4123, "num_rows": 10_000},
    )  # fmt: skip


def hostile_page(num_classes=1000):
    """Names that try to be something else, and very many of them."""
    names = HOSTILE + tuple(f"class {i}" for i in range(num_classes - len(HOSTILE)))
    page = full_page()
    return replace(
        page,
        name=HOSTILE[0],
        note=HOSTILE[2],
        notes=tuple(Note(name, name, name, name) for name in HOSTILE),
        waterfalls=(replace(page.waterfalls[0], name=HOSTILE[1]),),
        reliability=tuple(reliability(name, 8) for name in names),
        classes=classes(names),
        slices=(replace(page.slices[0], name=HOSTILE[0]),),
        fingerprint=tuple(("f_options", text) for text in HOSTILE),
        numbers={"classes": [{"name": n, "log_loss": math.inf} for n in names], HOSTILE[0]: 1},
    )
