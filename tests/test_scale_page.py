"""What docs/scale.md shows is what comes out: its Python and its commands, in their order."""

import shutil

import pytest
from pages import ROOT, run_page
from required import need_package, need_spark

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")


def test_the_page(tmp_path, monkeypatch):
    need_spark()
    need_package("dask", "dask")
    shutil.copy(ROOT / "examples" / "digits.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    run_page("scale.md", tmp_path, least=25)
