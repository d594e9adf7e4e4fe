"""The notes of a comparison: what a reader should know before trusting it."""

import numpy as np
import pytest

from xent.evaluation import compare, evaluate
from xent.report.chinese import in_chinese


@pytest.mark.parametrize(
    "users, note, chinese",
    [
        (np.arange(60) // 2, "", ""),
        (np.arange(60), "all 60 clusters have one row", "全部 60 个簇都只有一行"),
        (np.append(np.arange(58) // 2, [98, 99]), "2 of 31 clusters have one row",
         "31 个簇中有 2 个只有一行"),
        (np.append(np.arange(59) // 2, [99]), "2 of 31 clusters have one row",
         "31 个簇中有 2 个只有一行"),
        (np.append(np.arange(57) // 3, [97, 98, 98]), "1 of 21 clusters has one row",
         "21 个簇中有 1 个只有一行"),
    ],
)  # fmt: skip
def test_clusters_of_one_row_are_told_as_evaluate_tells_them(users, note, chinese):
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=60)
    models = [(target, rng.random(60)) for _ in range(2)]
    found = compare(*models, cluster=users)
    assert [n for n in found.notes if "one row" in n] == ([note] if note else [])
    assert note in evaluate(models[0], cluster=users).interval.note
    assert "".join(in_chinese(note) or "") == chinese


def test_clusters_that_are_taken_together_are_told():
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=3000)
    models = [(target, rng.random(3000)) for _ in range(2)]
    found = compare(*models, cluster=np.arange(3000))
    (note,) = (n for n in found.notes if "clusters" in n)
    assert note == (
        f"more than 1024 clusters, taken together in {found.num_clusters}; "
        "all 256 clusters drawn from them have one row"
    )
    assert note == evaluate(models[0], cluster=np.arange(3000)).interval.note
    assert "；".join(in_chinese(note)) == (
        f"簇多于 1024 个，已合并成 {found.num_clusters} 组；从中抽出的 256 个簇全都只有一行"
    )
