"""The plain-text table of a Comparison."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from xent.evaluation.comparison.distances_text import distances
from xent.evaluation.comparison.evidence import Evidence
from xent.evaluation.comparison.result import Comparison, GroupRow, ModelRow, Pair
from xent.evaluation.groups.slice_table import FEW_ROWS
from xent.evaluation.intervals.means import FEW_CLUSTERS, Interval
from xent.evaluation.numbers import UNITS, counted, largest, level_text, number, percent, table
from xent.units import nats_per

__all__ = ["MAX_GROUPS", "render", "span", "verdict"]

MAX_GROUPS = 30
MOST_LETTERS = 100  # of a line of prose


def render(c: Comparison) -> str:
    """Return the whole table."""
    several = len(c.models) > 2
    lines = [*_title(c), "", *_models(c), ""]
    if several:
        lines += [*_against_first(c), "", *_matrix(c)]
        for letter, pair in zip(_letters(c)[1:], c.pairs, strict=True):
            if pair.slices:
                lines += ["", *_groups(", ".join(c.by), pair.slices, c, (_letters(c)[0], letter))]
    else:
        pair = c.pairs[0]
        lines += _pair(c, pair)
        if pair.classes:
            what = "label" if c.kind == "labels" else "class"
            lines += ["", *_groups(what, pair.classes, c)]
        if pair.slices:
            lines += ["", *_groups(", ".join(c.by), pair.slices, c)]
    for note in c.notes:
        lines += textwrap.wrap(
            f"note: {note}", MOST_LETTERS, initial_indent="  ", subsequent_indent="    "
        )
    return "\n".join(lines)


def _title(c: Comparison) -> list[str]:
    rows = c.pairs[0].num_rows
    how = f"by the key {c.key}" if c.key else "row by row"
    lines = [f"{len(c.models)} models on {counted(rows)}, paired {how}"]
    notes = {m.note for m in c.models}
    if len(notes) == 1:
        lines.append(f"  {c.models[0].note}")
    else:
        lines += [f"  {letter}: {m.note}" for letter, m in zip(_letters(c), c.models, strict=True)]
    for count, words in (
        (c.num_ignored, "ignored"),
        (c.num_missing, "left out, with missing values in one model at least"),
        (c.num_weightless, "left out, of weight 0"),
        (sum(c.unmatched), "left out, without a partner of the same key"),
    ):
        if count:
            lines.append(f"  {count:,} {words}")
    return lines


def _letters(c: Comparison) -> list[str]:
    count = len(c.models)
    return [chr(65 + i) for i in range(count)] if count <= 26 else [str(i) for i in range(count)]


def _models(c: Comparison) -> list[str]:
    language = c.kind == "log_probs"
    head = ["", "model", "log loss", _level(c), "perplexity"]
    if any(not math.isnan(m.bits_per_byte) for m in c.models):
        head.append("bits per byte")
    if not language:
        head.append("accuracy")
    rows = [head]
    for letter, m in zip(_letters(c), c.models, strict=True):
        row = [letter, m.name, *_loss(m), number(m.perplexity)]
        if "bits per byte" in head:
            row.append(number(m.bits_per_byte))
        if not language:
            row.append(percent(m.accuracy))
        rows.append(row)
    lines = ["  " + line for line in table(rows, left=(0, 1, 3))]
    for letter, m in zip(_letters(c), c.models, strict=True):
        if m.num_impossible:
            lines.append(
                f"  {letter}: {counted(m.num_impossible)} impossible (the truth "
                f"had probability 0); without {'it' if m.num_impossible == 1 else 'them'} "
                f"{number(m.finite_log_loss)} {UNITS[c.unit]}"
            )
    return lines


def _loss(m: ModelRow) -> tuple[str, str]:
    if m.num_impossible:
        return number(m.log_loss), "-"
    return number(m.log_loss), span(m.interval)


def span(interval: Interval) -> str:
    """Return an interval with as many decimals as its width asks for."""
    low, high = interval.low, interval.high
    if math.isnan(low) or math.isnan(high):
        return "-"
    width = high - low
    if width <= 0 or not math.isfinite(width):
        return f"{number(low)} to {number(high)}"
    decimals = min(17, max(0, 2 - math.floor(math.log10(width))))
    if decimals > 6 and max(abs(low), abs(high)) < 1e-4:
        return f"{low:.2e} to {high:.2e}"
    return f"{low:.{decimals}f} to {high:.{decimals}f}"


def _level(c: Comparison) -> str:
    return f"{level_text(c.level)} interval"


def verdict(p: Pair, level: float, letters: tuple[str, str] = ("A", "B")) -> str:
    """Return which of two models is better, where that is shown."""
    if not p.p_value < 1 - level:
        return "neither is shown to be better"
    better = letters[1] if p.finite_difference > 0 else letters[0]
    # where others are impossible for one of them, the difference is of the rest
    return f"{better} is better" + (" on these" if p.num_common < p.num_rows else "")


def _pair(c: Comparison, p: Pair) -> list[str]:
    unit = UNITS[c.unit]
    per = " a label decision" if c.kind == "labels" else ""
    rows: list[tuple[str, ...]] = [("", "", _level(c))]
    value = p.finite_difference
    if p.num_common < p.num_rows:
        rows.append(("difference in log loss, A - B", _undefined(p), ""))
        label = f"  on the {counted(p.num_common)} possible for both"
    else:
        label = "difference in log loss, A - B"
    bits = f" = {number(value * nats_per('nat') / math.log(2))} bits" if c.unit == "nat" else ""
    rows.append((label, f"{number(value)} {unit}{bits}{per}", span(p.interval)))
    clustered = f", {p.num_clusters:,} clusters" if p.num_clusters is not None else ""
    rows.append(("  p-value of no difference", f"{_p(p.p_value)}{clustered}", verdict(p, c.level)))
    if p.anytime_interval is not None:
        rows.append(("  however often one looks", "", span(p.anytime_interval)))
    ratio = span(p.perplexity_ratio_interval)
    rows.append(("perplexity of A / B", number(p.perplexity_ratio), ratio))
    if not math.isnan(p.bits_per_byte_difference):
        text = number(p.bits_per_byte_difference)
        rows.append(("bits per byte, A - B", text, span(p.bits_per_byte_interval)))
    rows.append(("perplexity, A - B", *_perplexities(p)))
    rows.append(("B loses less than A", percent(p.win_rate) + _ties(p), _percents(p.win_interval)))
    if p.accuracy is not None:
        a = p.accuracy
        rows.append(
            (
                "rows with every label right, A - B" if c.kind == "labels" else "accuracy, A - B",
                _points(a.difference),
                ("p by cluster " if a.clustered_p_value is not None else "McNemar's p ")
                + _p(a.p_value),
            )
        )
        rows.append(("  right only by A, only by B", f"{a.only_a:,}, {a.only_b:,}", ""))
    lines = ["  " + line for line in table(rows, left=(0, 1, 2))]
    if p.evidence is not None:
        order = f"in the order of {c.key}" if c.key else "row after row"
        if c.num_ignored or c.num_missing:
            order += ", numbered without those left out"
        lines += ["", *_evidence(p.evidence, order)]
    lines += _parts(c)
    lines += distances(p)
    return lines


def _parts(c: Comparison) -> list[str]:
    """Where the difference comes from: knowing less, or saying it worse."""
    if not c.decompositions or not all(math.isfinite(m.log_loss) for m in c.models):
        return []
    a, b = c.decompositions
    rows: list[tuple[str, ...]] = [(f"what it is made of ({a.kind})", "A", "B", "A - B")]
    for sign, part in (("", "uncertainty"), ("- ", "resolution"), ("+ ", "miscalibration")):
        x, y = getattr(a, part).value, getattr(b, part).value
        rows.append((f"  {sign}{part}", number(x), number(y), number(x - y)))
    if a.shows_remainder or b.shows_remainder:
        left = a.remainder, b.remainder, a.remainder - b.remainder
        rows.append(("  + the clip", *map(number, left)))
    return ["", *("  " + line for line in table(rows))]


def _perplexities(p: Pair) -> tuple[str, str]:
    return number(p.perplexity_difference), span(p.perplexity_difference_interval)


def _undefined(p: Pair) -> str:
    counts = [
        f"{counted(count)} impossible for {who}"
        for count, who in (
            (p.only_a_impossible, "A alone"),
            (p.only_b_impossible, "B alone"),
            (p.both_impossible, "both"),
        )
        if count
    ]
    value = "undefined" if math.isnan(p.difference) else number(p.difference)
    return f"{value}: {', '.join(counts)}"


def _ties(p: Pair) -> str:
    return f" ({p.wins.ties:,} ties count half)" if p.wins.ties else ""


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.2g}" if value >= 1e-300 else "< 1e-300"


def _points(share: float) -> str:
    return f"{100 * share:+.2f} points" if share else "0 points"


def _percents(interval: Interval) -> str:
    if math.isnan(interval.low):
        return "-"
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def _evidence(both: Sequence[Evidence], order: str) -> list[str]:
    share = math.exp(both[0].threshold)
    lines = [
        f"  evidence, {order}: E against a model is what betting on the other has won; were the",
        f"  model the true law, E would ever reach {share:.4g} with a chance of at most "
        f"{percent(1 / share)}",
    ]
    rows = [("", "log E now", "largest", "at row", f"first at {share:.4g}")]
    for letter, e in zip("AB", both, strict=True):
        rows.append(
            (
                f"  against {letter}",
                number(e.log_e),
                number(e.log_e_max),
                "-" if e.row_of_max < 0 else f"{e.row_of_max:,}",
                "never" if e.crossed_at < 0 else f"row {e.crossed_at:,}",
            )
        )
    return lines + ["  " + line for line in table(rows)]


def _groups(
    what: str, groups: Sequence[GroupRow], c: Comparison, letters: tuple[str, str] = ("A", "B")
) -> list[str]:
    shown = largest(groups, lambda g: abs(g.contribution), MAX_GROUPS)
    impossible = any(g.only_a_impossible or g.only_b_impossible for g in groups)
    a, b = letters
    head = [what, "rows", "share", a, b, f"{a} - {b}", _level(c), "adds"]
    rows = [[*head, f"impossible {a}, {b}"] if impossible else head]
    alpha = 1 - c.level
    sure = {g for g in shown if g.adjusted_p_value < alpha}
    for g in shown:
        row = [
            g.name,
            f"{g.num_rows:,}",
            percent(g.share),
            number(g.log_loss_a),
            number(g.log_loss_b),
            number(g.difference) + ("*" if g in sure else " " if sure else ""),
            span(g.interval),
            number(g.contribution),
        ]
        if impossible:
            row.append(f"{g.only_a_impossible:,}, {g.only_b_impossible:,}")
        rows.append(row)
    lines = ["  " + line for line in table(rows)]
    for i, g in enumerate(shown):
        if 0 < g.num_rows < FEW_ROWS:
            lines[i + 1] += f"  fewer than {FEW_ROWS} rows"
        elif g.num_clusters is not None and 0 < g.num_clusters < FEW_CLUSTERS:
            lines[i + 1] += f"  only {counted(g.num_clusters, 'cluster')}"
    if sure:
        lines.append(f"  (* p < {alpha:.3g} by Holm among all {len(groups)})")
    if len(shown) < len(groups):
        lines.append(f"  ({len(groups) - len(shown):,} that differ less are not shown)")
    return lines


def _against_first(c: Comparison) -> list[str]:
    rows = [("A less", "difference", _level(c), "p", "p, Holm", "loses less than A", "accuracy")]
    for letter, p in zip(_letters(c)[1:], c.pairs, strict=True):
        rows.append(
            (
                letter,
                number(p.finite_difference),
                span(p.interval),
                _p(p.p_value),
                _p(p.adjusted_p_value),
                percent(p.win_rate),
                "-" if p.accuracy is None else _points(p.accuracy.difference),
            )
        )
    lines = ["  " + line for line in table(rows)]
    infinite = [p for p in c.pairs if p.num_common < p.num_rows]
    lines += [f"  A - {p.b}: {_undefined(p)}" for p in infinite]
    return lines


def _matrix(c: Comparison) -> list[str]:
    """Row less column; a star where Holm's p-value among all pairs is below 1 - level."""
    letters = _letters(c)
    values: dict[tuple[str, str], str] = {}
    # the first model's pairs were adjusted among themselves; here all are
    from xent.evaluation.comparison.several import holm

    pairs = [*c.pairs, *c.others]
    for p, adjusted in zip(pairs, holm([p.p_value for p in pairs]), strict=True):
        star = "*" if adjusted < 1 - c.level else " "
        values[p.a, p.b] = number(p.finite_difference, 3) + star
        values[p.b, p.a] = number(-p.finite_difference, 3) + star
    rows = [["row - column", *letters]]
    for letter, m in zip(letters, c.models, strict=True):
        cells = [values.get((m.name, other.name), "") for other in c.models]
        rows.append([f"  {letter}", *cells])
    level = f"{1 - c.level:.3g}"
    lines = ["  " + line for line in table(rows)]
    return [*lines, f"  (* p < {level} by Holm among all {len(pairs)} pairs; best: {c.best})"]
