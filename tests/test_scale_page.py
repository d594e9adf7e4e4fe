"""What docs/scale.md shows is what comes out: its Python and its commands, in their order."""

import shutil

import pytest
from pages import ROOT, run_page

pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
]


def test_the_page(tmp_path, monkeypatch):
    pytest.importorskip("pyspark")
    pytest.importorskip("dask.dataframe")
    if shutil.which("java") is None:
        pytest.skip("Spark needs a Java machine")
    shutil.copy(ROOT / "examples" / "digits.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    run_page("scale.md", tmp_path, least=25)
