"""Make what README.md and README.zh.md show: `python tools/readme.py --write`.

The table of speed is read from benchmarks/results/, the one of docs/migrate/scipy.md is computed,
and what commands print is what they print. The Chinese page has the blocks of the English one. With
the name of a table ("speed", "speed.zh", "kl") it is printed instead.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
SCIPY = ROOT / "docs" / "migrate" / "scipy.md"

BLOCK = re.compile(r"```(?:python|console)\n.*?```", re.S)
DIFFERENCES = [1e-3, 1e-5, 1e-7, 1e-9]

# file of results, start of the workload, who it is compared with, what to call it
SPEED = [
    ("softmax_cross_entropy", "2048 x 32000", "torch",
     "loss and gradient of 2048 x 32000 logits", "2048 x 32000 个 logits 的损失和梯度"),
    ("softmax_cross_entropy", "1,000,000 x 10", "torch",
     "of 1,000,000 x 10 logits", "1,000,000 x 10 个 logits 的损失和梯度"),
    ("softmax_cross_entropy", "1,000,000 x 10", "scikit-learn",
     "the same", "同上"),
    ("torch_losses", "cross_entropy 2048 x 32000 float32", "torch",
     "through autograd, 2048 x 32000", "经过自动求导，2048 x 32000"),
    ("torch_losses", "cross_entropy 2048 x 32000 bfloat16", "torch",
     "through autograd, 2048 x 32000, bfloat16", "经过自动求导，2048 x 32000，bfloat16"),
    ("torch_losses", "cross_entropy 64 x 10", "torch",
     "through autograd, 64 x 10", "经过自动求导，64 x 10"),
    ("linear_cross_entropy", "2048 x 512 x 128256 float32", "torch, chunked",
     "from hidden states, 2048 x 512 x 128256", "从隐藏状态算起，2048 x 512 x 128256"),
    ("categorical_cross_entropy", "1,000,000 x 10", "scikit-learn",
     "log loss of 1,000,000 x 10 probabilities", "1,000,000 x 10 个概率的对数损失"),
    ("measures", "kl_divergence, 1,000,000", "scipy.special.rel_entr",
     "1,000,000 KL divergences of 10 classes", "1,000,000 个 KL 散度，各 10 类"),
    ("evaluate_peers", "1,000,000 x 10", "pandas and scikit-learn",
     "evaluate a file of 1,000,000 x 10 probabilities", "评判一个 1,000,000 x 10 个概率的文件"),
]  # fmt: skip
HEADS = {
    "en": ("what", "xent", "against", "times as fast"),
    "zh": ("内容", "xent", "对照", "加速比"),
}
THREADS = {"en": "{} threads", "zh": "{} 个线程"}
# between facts, between sentences of them, between dates, at the end
MARKS = {"en": (", ", "; ", " – ", "."), "zh": ("，", "；", " 至 ", "。")}
RIVALS = {"torch, chunked": "torch（分块）", "pandas and scikit-learn": "pandas 和 scikit-learn"}


def kl():
    import mpmath
    import numpy as np
    import scipy.stats

    import xent

    mpmath.mp.dps = 50
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10))
    lines = []
    for relative in DIFFERENCES:
        q = p * (1 + relative * rng.normal(size=10))
        q /= q.sum()
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(p, q, strict=True)]
        truth = mpmath.fsum(a * mpmath.log(a / b) - a + b for a, b in pairs)
        numbers = truth, scipy.stats.entropy(p, q), xent.kl_divergence(p, q)
        shown = " | ".join(f"{float(value):.4g}" for value in numbers)
        lines.append(f"| {relative:g} | {shown} |")
    return "\n".join(["| relative difference | exact | scipy.stats.entropy | xent |",
                      "|---|---|---|---|", *lines, ""])  # fmt: skip


def speed(lang="en"):
    found = {}
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            # the newest run comes last
            found[row["name"], row["workload"], row["implementation"]] = row
    lines, facts = [], []
    for name, workload, rival, *labels in SPEED:
        rows = {
            key[2]: row
            for key, row in found.items()
            if key[0] == name and key[1].startswith(workload)
        }
        ours, theirs = rows.get("xent") or rows["xent evaluate"], rows[rival]
        facts.append(ours)
        ratio = theirs["milliseconds"] / ours["milliseconds"]
        label = labels[list(HEADS).index(lang)]
        rival = rival if lang == "en" else RIVALS.get(rival, rival)
        lines.append(f"| {label} | {time(ours)} | {rival} {time(theirs)} | {ratio:.1f} x |")
    machines = {(row["cpu"], row["isa"], row["threads"]) for row in facts}
    assert len(machines) == 1, f"rows of several machines: {machines}"
    ((cpu, isa, threads),) = machines
    dates = sorted({row["date"][:10] for row in facts})
    versions = facts[-1]["versions"]
    comma, semicolon, dash, stop = MARKS[lang]
    peers = comma.join(f"{peer} {versions[peer]}" for peer in ("torch", "scikit-learn", "scipy"))
    measured = dash.join(dates[:1] + dates[1:][-1:])
    machine = comma.join([cpu, isa, THREADS[lang].format(threads), measured])
    facts_in_words = f"{machine}{semicolon}{peers}{stop}"
    head = f"| {' | '.join(HEADS[lang])} |"
    return "\n".join([head, "|---|---|---|---|", *lines, "", facts_in_words, ""])


def time(row):
    milliseconds = row["milliseconds"]
    return f"{milliseconds:.1f} ms" if milliseconds >= 1 else f"{milliseconds * 1e3:.0f} µs"


TABLES = {"speed": speed, "speed.zh": lambda: speed("zh"), "kl": kl}


def pages():
    """Return the module with which tests run pages and this fills what commands print."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tools" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_table(text, mark, made):
    block = f"<!-- {mark} -->\n{made}<!-- /{mark} -->"
    return re.sub(rf"<!-- {mark} -->\n.*?<!-- /{mark} -->", lambda _: block, text, flags=re.S)


def write():
    english = pages().written(ENGLISH.read_text(encoding="utf-8"))
    blocks = BLOCK.findall(english)
    chinese = CHINESE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(chinese)) == len(blocks), "the Chinese page has other blocks"
    each = iter(blocks)
    chinese = BLOCK.sub(lambda _: next(each), chinese)
    ENGLISH.write_text(with_table(english, "speed", speed()), encoding="utf-8")
    CHINESE.write_text(with_table(chinese, "speed", speed("zh")), encoding="utf-8")
    SCIPY.write_text(with_table(SCIPY.read_text("utf-8"), "kl", kl()), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sys.stdout.write(TABLES[sys.argv[1]]())
