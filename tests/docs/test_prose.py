"""Numbers of the prose of pages, beside what is shown there, are what they are said to be."""

import math
import re

import numpy as np
import pytest
from pages import ROOT, text_of

import xent


def prose(page):
    return " ".join(text_of(page).split())


def test_how_many_samples_have_no_event():
    said = re.search(
        r"With ([\d.]+) % of events, (\d+) of 100 samples of 100 rows have none",
        prose("intervals.md"),
    )
    assert round(100 * (1 - float(said[1]) / 100) ** 100) == int(said[2])


def test_how_far_the_logits_are_from_sure_enough():
    said = re.search(r"the logits should be ([\d.]+) times what they are", prose("judging.md"))
    best = xent.evaluate(ROOT / "examples" / "digits.parquet").temperature
    assert f"{1 / best.temperature:.1f}" == said[1]


def test_what_a_temperature_makes_of_odds_and_loss():
    text = text_of("recalibration.md")
    said = re.search(r"At a temperature of ([\d.]+) the odds .* eighth root", text)
    assert round(float(said[1])) == 8
    shown = re.search(r"^  temperature ([\d.]+)", text, re.M)
    assert f"{float(shown[1]):.1f}" == said[1]
    before, after = map(float, re.findall(r"log loss ([\d.]+) before, ([\d.]+) after", text)[0])
    assert round(before / after) == 5  # "falls to a fifth"


def test_where_torch_loses_the_digits_of_a_loss():
    torch = pytest.importorskip("torch")
    said = re.search(
        r"loss (\d+) % off at (\d+) nats and exactly 0 from (\d+)", text_of("torch.md")
    )
    off, at, zero = map(int, said.groups())

    def loss(margin):
        row = torch.tensor([[float(margin), 0.0]])
        return torch.nn.functional.cross_entropy(row, torch.tensor([0])).item()

    assert round(100 * abs(loss(at) / math.log1p(math.exp(-at)) - 1)) == off
    assert loss(zero) == 0 < loss(zero - 1)


def test_what_a_clip_at_the_epsilon_of_a_dtype_costs():
    said = re.search(r"happened \| ([\d.]+), ([\d.]+) or ([\d.]+): the clip", text_of("sklearn.md"))
    dtypes = (np.float64, np.float32, np.float16)
    assert [f"{-math.log(np.finfo(t).eps):.2f}" for t in dtypes] == list(said.groups())
    assert f"happened, {np.finfo(np.float64).eps:.2g} if not".replace("e-1", "e-1") in prose(
        "sklearn.md"
    ).replace("it happened", "happened")
    assert f"| {-math.log(1e-20):.2f} and 1e-20 |" in text_of("sklearn.md")


def test_the_interval_of_the_first_steps():
    text = text_of("start/judge.md")
    said = re.search(r"\*\*([\d.]+) to ([\d.]+)\*\*", text).groups()
    shown = re.search(r"95 % interval +([\d.]+) to ([\d.]+)", text).groups()
    assert tuple(f"{float(end):.4f}" for end in shown) == said
    assert f"**{said[0]} 到 {said[1]}**" in text_of("zh/start.md")
    carried = re.search(r"the worst (1 % of the rows carry [0-9.]+ %) of the loss\n", text)[1]
    assert f"{carried} of the loss." in text
    assert f"1 % 的行占了总损失的 {carried.split('carry ')[1]}" in text_of("zh/start.md")


def test_the_rounded_terms_of_the_article():
    said = re.search(
        r"([\d.]+) × ([\d.]+) \+ ([\d.]+) × ([\d.]+) \+ ([\d.]+) × ([\d.]+), and gets ([\d.]+); "
        r"the entropy is (\d\.\d+)",
        prose("article.md"),
    )
    *terms, total, exact = map(float, said.groups())
    assert sum(p * i for p, i in zip(terms[::2], terms[1::2], strict=True)) == pytest.approx(
        total, abs=5e-4
    )
    assert [round(-math.log(p), 2) for p in terms[::2]] == terms[1::2]
    assert f"{float(xent.entropy(terms[::2])):.4f}" == f"{exact:.4f}"
