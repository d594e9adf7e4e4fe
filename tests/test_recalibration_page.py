"""What docs/recalibration.md shows is what comes out: its Python and its commands, in order."""

import shutil

from pages import ROOT, run_page


def test_the_page(tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples" / "digits_naive_bayes.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    run_page("recalibration.md", tmp_path, least=8)
