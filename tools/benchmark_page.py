"""Write the benchmark page from benchmarks/results/: `python tools/benchmark_page.py`.

What is printed is MyST Markdown; docs/_extensions/generated.py writes it where
docs/benchmarks.md includes it. Of every workload the latest run counts. Nothing is chosen: what
missed its target, and what is slower than its rival, is there with the rest.
"""

import ast
import html
import json
import math
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"

# no rivals but limits: what nobody can be faster than
FLOORS = {
    "a copy of the logits", "a sum of the probabilities", "three bare products",
    "three bare products, bfloat16", "four bare products", "DuckDB scan",
    "DuckDB scan, our batches", "import numpy",
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One rival on one workload, and how many times its time is of ours."""

    name: str
    workload: str
    ours: dict
    rival: dict
    target: float | None

    @property
    def ratio(self):
        return self.rival["milliseconds"] / self.ours["milliseconds"]

    @property
    def spread(self):
        """The ratio if the one was at its fast quartile and the other at its slow one."""
        (our_low, our_high), (low, high) = self.ours["quartiles_ms"], self.rival["quartiles_ms"]
        return low / our_high, high / our_low

    @property
    def is_floor(self):
        return self.rival["implementation"] in FLOORS

    @property
    def verdict(self):
        if self.target is None:
            return ""
        return "met" if self.ratio >= self.target else "missed"

    @property
    def kind(self):
        """How it is drawn."""
        if self.verdict == "missed" or (self.ratio < 1 and not self.is_floor):
            return "worse"
        return "floor" if self.is_floor else "better"


@dataclass(frozen=True)
class Limit:
    """What is no ratio of two times: a number, and the most that it may be."""

    what: str
    value: float
    most: float
    unit: str

    @property
    def verdict(self):
        return "met" if self.value <= self.most else "missed"


def results(path):
    """Return the latest run of every workload of a file, a list of rows each."""
    runs = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        workload = runs.setdefault(row["workload"], {})
        workload.setdefault(row["date"], []).append(row)
    return {workload: dates[max(dates)] for workload, dates in runs.items()}


def is_ours(row):
    return row["implementation"].startswith("xent") or row["implementation"] in OURS


OURS = {"import xent", "a + b", "read, add, write"}


def pairs(name, workload, rows):
    """Yield every rival beside ours; what is wrong or did not run has no time."""
    rows = [row for row in rows if row["result"] == "right"]
    ours = {row["implementation"]: row for row in rows if is_ours(row)}
    rivals = [row for row in rows if not is_ours(row)]
    for rival in rivals:
        # what is compiled, or in bfloat16, is compared with its like
        kind = rival["implementation"].rpartition(", ")[2]
        own = ours.get(f"xent, {kind}") or next(iter(ours.values()), None)
        if own is not None:
            yield Pair(name, workload, own, rival, target_of(rival, own, rivals))


def target_of(rival, own, rivals):
    """Return the least ratio that was set for a rival, or None."""
    name = rival["implementation"]
    if own["implementation"].endswith(("compiled", "bfloat16")):
        return None
    if name in rival.get("targets", {}):
        least = rival["targets"][name]
        return least[0] if isinstance(least, list) else least
    if name == "DuckDB scan" and "most_time" in rival:
        return 1 / rival["most_time"]
    # one target for the workload is that of the first rival
    first = rivals[0]["implementation"] == name and not name.startswith("import")
    return rival.get("target") if first else None


def limits(workload, rows):
    row = next((row for row in rows if is_ours(row)), None)
    if row is None:
        return
    if "most_memory_mb" in row:
        yield Limit(f"{workload}: peak memory", row["process_peak_mb"], row["most_memory_mb"], "MB")
    if "most_seconds" in row:
        name = row["implementation"]
        yield Limit(f"{workload}: {name}", row["milliseconds"] / 1e3, row["most_seconds"], "s")
    if "most_milliseconds" in row:
        each, most = row["milliseconds"] / row["merges"], row["most_milliseconds"]
        yield Limit(f"{workload.partition(', ')[2]}: one merge", each, most, "ms")
    if "import_seconds" in row:
        yield Limit("`import xent`", row["import_seconds"]["xent"], row["target"], "s")


def page():
    sections, everything, all_limits = [], [], []
    files = sorted((BENCHMARKS / "results").glob("*.jsonl"))
    for path in files:
        runs = results(path)
        found = [
            pair for workload, rows in runs.items() for pair in pairs(path.stem, workload, rows)
        ]
        bounds = [limit for workload, rows in runs.items() for limit in limits(workload, rows)]
        everything += found
        all_limits += bounds
        sections.append(section(path.stem, runs, found, bounds))
    measured = {path.stem for path in files}
    return "\n".join([summary(everything, all_limits), *sections, not_measured(measured)])


def summary(found, bounds):
    rivals = [pair for pair in found if not pair.is_floor]
    faster = sum(pair.ratio > 1 for pair in rivals)
    judged = [item for item in (*found, *bounds) if item.verdict]
    missed = [item for item in judged if item.verdict == "missed"]
    slower = [pair for pair in rivals if pair.ratio < 1]
    lines = [
        f"xent is faster in {faster} of {len(rivals)} comparisons with rivals. Of {len(judged)} "
        f"targets {len(judged) - len(missed)} are met and {len(missed)} missed.",
        "",
    ]
    if missed:
        lines += ["**Missed.**", "", *(f"- {described(item)}" for item in missed), ""]
    if slower:
        lines += ["**Slower than the rival.**", "", *(f"- {described(p)}" for p in slower), ""]
    return "\n".join(lines)


def described(item):
    if isinstance(item, Limit):
        return f"{item.what}: {number(item.value)} {item.unit}, at most {number(item.most)} wanted"
    wanted = f", {number(item.target)} wanted" if item.target is not None else ""
    rival = html.escape(item.rival["implementation"])
    speed = f"{number(item.ratio)} times the speed of {rival}"
    return f"`{item.name}`, {html.escape(item.workload)}: {speed}{wanted}"


def section(name, runs, found, bounds):
    lines = [f"## {name}", "", intro(name), ""]
    if found:
        lines += ["```{raw} html", drawing(name, found), "```", ""]
    for limit in bounds:
        lines.append(f"- {described(limit)}: **{limit.verdict}**.")
    lines += ["", *times(runs), "", *facts(runs), ""]
    return "\n".join(lines)


def intro(name):
    """Return the first paragraph of the docstring of the program."""
    doc = ast.get_docstring(ast.parse(program(name).read_text(encoding="utf-8")))
    return " ".join(doc.partition("\n\n")[0].split())


def program(name):
    if name.startswith("gpu_"):
        return BENCHMARKS / "gpu" / f"{name.removeprefix('gpu_')}.py"
    return BENCHMARKS / f"{name}.py"


COLUMNS = ("workload", "implementation", "median", "quartiles", "GB/s", "memory beside")


def times(runs):
    """Return the times as a table that opens."""
    lines = [f"<tr>{''.join(f'<th>{column}' for column in COLUMNS)}</tr>"]
    for workload, rows in runs.items():
        for row in rows:
            cells = [workload if row is rows[0] else "", row["implementation"], *measured(row)]
            lines.append(f"<tr>{''.join(f'<td>{html.escape(cell)}' for cell in cells)}</tr>")
    table = ["<table>", *lines, "</table>"]
    frame = ["<details><summary>Times</summary>", '<div class="benchmark-times">', *table]
    return ["```{raw} html", *frame, "</div></details>", "```"]


def measured(row):
    """Return the cells of an implementation; one that gave no right result says why."""
    if row["result"] != "right":
        why = "wrong result, not timed" if row["result"] == "wrong" else row["result"]
        return [why, "", "", ""]
    low, high = row["quartiles_ms"]
    memory = row.get("extra_mib", {}).get(row["implementation"])
    if "extra_bytes" in row:
        memory = row["extra_bytes"] / 2**20
    return [
        f"{number(row['milliseconds'])} ms",
        f"{number(low)} to {number(high)}",
        number(row["GB/s"]) if "GB/s" in row else "",
        "" if memory is None else f"{number(memory)} MiB",
    ]


def facts(runs):
    """Return where, when and with what each run was made, a paragraph for each machine."""
    said = {}
    for workload, rows in runs.items():
        row = rows[0]
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        machine = " ".join(filter(None, [row.get("gpu"), f"{row['cpu']} ({row['machine']})"]))
        text = (
            f"Measured {row['date'][:10]} at commit {row['commit']}: {machine}, {row['threads']} "
            f"threads, {row['isa']}, Python {row['python']}, {versions}."
        )
        said.setdefault(text, []).append((workload, row["rounds"]))
    for text, workloads in said.items():
        counts = {rounds for _, rounds in workloads}
        which = "" if len(said) == 1 else " (" + "; ".join(name for name, _ in workloads) + ")"
        rounds = " to ".join(f"{count:,}" for count in sorted({min(counts), max(counts)}))
        text = html.escape(f"{text} {rounds} rounds{which}.")
        yield from ["```{raw} html", f'<p class="benchmark-facts">{text}</p>', "```", ""]


def not_measured(measured):
    programs = [path.stem for path in BENCHMARKS.glob("*.py") if path.stem[0] != "_"]
    programs += [f"gpu_{path.stem}" for path in (BENCHMARKS / "gpu").glob("*.py")]
    missing = sorted(name for name in programs if name not in measured and program(name).exists())
    if not missing:
        return ""
    lines = [
        "## Without results",
        "",
        "These programs are there, and no run of theirs was kept:",
        "",
    ]
    return "\n".join([*lines, *(f"- `{name}`: {intro(name)}" for name in missing), ""])


def number(value):
    """Return a number with three digits, as a person would write it.

    >>> number(1443.2), number(12.34), number(0.01289)
    ('1,443', '12.3', '0.0129')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


# the drawing: positions are percentages, so that it is as wide as its page and its text as large
# as the text around it

ROW, WORKLOAD, TOP = 40, 30, 24
LEFT, RIGHT = 1.0, 99.0


def drawing(name, found):
    ends = [end for pair in found for end in (*pair.spread, pair.target or 1.0)]
    low, high = math.log10(min(*ends, 1.0)) - 0.05, math.log10(max(*ends, 1.0)) + 0.05

    def at(ratio):
        return f"{LEFT + (RIGHT - LEFT) * (math.log10(ratio) - low) / (high - low):.2f}%"

    marks, y, workload = [], TOP, None
    for pair in found:
        if pair.workload != workload:
            workload = pair.workload
            marks.append(
                f'<text class="workload" x="0" y="{y + 22}">{html.escape(workload)}</text>'
            )
            y += WORKLOAD
        marks += bar(pair, y, at)
        y += ROW
    grid = []
    for tick in ticks(low, high):
        kind, x = "one" if tick == 1 else "grid", at(tick)
        grid.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="20" y2="{y}"/>')
        grid.append(f'<text class="tick" x="{x}" y="12">{tick:g}x</text>')
    label = html.escape(f"How many times as fast as each rival: {name}")
    start = f'<svg class="benchmark" width="100%" height="{y}" role="img" aria-label="{label}">'
    return "\n".join([start, *grid, *marks, "</svg>"])


def bar(pair, top, at):
    y = top + 27
    low, high = pair.spread
    ours = pair.ours["implementation"]
    who = pair.rival["implementation"]
    tip = f"{number(pair.ratio)}x, {number(low)} to {number(high)} between quartiles"
    if pair.verdict:
        tip += f"; target {number(pair.target)}x {pair.verdict}"
    yield f'<g class="{pair.kind}"><title>{html.escape(f"{ours} against {who}: {tip}")}</title>'
    verdict = f", target {number(pair.target)}x {pair.verdict}" if pair.verdict else ""
    yield (
        f'<text x="0" y="{top + 14}"><tspan class="ratio">{number(pair.ratio)}x</tspan> '
        f"{html.escape(who)}{verdict}</text>"
    )
    yield f'<line class="spread" x1="{at(low)}" x2="{at(high)}" y1="{y}" y2="{y}"/>'
    if pair.target is not None:
        where = at(pair.target)
        yield f'<line class="target" x1="{where}" x2="{where}" y1="{y - 8}" y2="{y + 8}"/>'
    yield f'<circle cx="{at(pair.ratio)}" cy="{y}" r="5"/>'
    yield "</g>"


def ticks(low, high):
    """Return round ratios in a range of logarithms, 1 among them.

    >>> ticks(-0.1, 1.1)
    [1, 2, 5, 10]
    """
    wide = high - low > 1.7
    steps = (1,) if wide else (1, 2, 5)
    every = [step * 10**power for power in range(-3, 4) for step in steps]
    return [tick for tick in every if low <= math.log10(tick) <= high]


if __name__ == "__main__":
    print(page())
