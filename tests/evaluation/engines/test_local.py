"""A file is scored by two scorers at once: nothing of it can be seen."""

import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import xent.kernels
from xent.errors import SourceError, XentValueError
from xent.evaluation import evaluate
from xent.evaluation.engines import local
from xent.evaluation.reading import parquet as reading
from xent.evaluation.reading.parquet import ParquetSource

ROWS, BATCH = 5_000, 256
RNG = np.random.default_rng(9)
TARGET = RNG.integers(0, 3, ROWS)
PROBS = RNG.dirichlet(np.ones(3), ROWS)


@pytest.fixture(autouse=True)
def _many_batches(monkeypatch):
    monkeypatch.setattr(reading, "BATCH_ROWS", BATCH)


def written(folder, target=TARGET, probs=PROBS, **more):
    path = str(folder / "rows.parquet")
    columns = {f"p_{j}": probs[:, j] for j in range(3)}
    parquet.write_table(pa.table({"y": target, **columns, **more}), path)
    return path


class Meeting(local.Scorer):
    """A scorer that does not score its first batch before another one has come to its own."""

    met: threading.Barrier

    def __init__(self, *settings, threads):
        super().__init__(*settings, threads=threads)
        self._is_first = True

    def add(self, batch, first_row):
        if self._is_first:
            self._is_first = False
            self.met.wait(60)
        return super().add(batch, first_row)


@pytest.fixture(params=[2, 4], autouse=True)
def _threads(request):
    xent.kernels.set_num_threads(request.param)
    yield
    xent.kernels.set_num_threads(None)


@pytest.mark.parametrize("weighted", [False, True])
def test_two_scorers_give_the_bits_of_one(tmp_path, monkeypatch, weighted):
    more = {"weight": RNG.random(ROWS)} if weighted else {}
    options = dict.fromkeys(more, "weight")
    path = written(tmp_path, **more)
    Meeting.met = threading.Barrier(2)
    with monkeypatch.context() as patch:
        patch.setattr(local, "Scorer", Meeting)
        found = evaluate(path, **options)
    columns = {f"p_{j}": PROBS[:, j].copy() for j in range(3)}
    one = evaluate({"y": TARGET, **columns, **more}, **options)
    assert found.summary == one.summary
    assert found.summary.to_json() == one.summary.to_json()


def test_who_asks_for_one_thread_gets_one_scorer(tmp_path, monkeypatch):
    class Watched(local.Scorer):
        def add(self, batch, first_row):
            assert threading.current_thread() is threading.main_thread()
            return super().add(batch, first_row)

    monkeypatch.setattr(local, "Scorer", Watched)
    xent.kernels.set_num_threads(1)
    assert evaluate(written(tmp_path)).num_rows == ROWS


def test_the_first_row_at_fault_is_told_whoever_found_the_other_first(tmp_path, monkeypatch):
    class Late(local.Scorer):
        def add(self, batch, first_row):
            if first_row == 2 * BATCH:
                time.sleep(0.3)
            return super().add(batch, first_row)

    monkeypatch.setattr(local, "Scorer", Late)
    probs = PROBS.copy()
    probs[[2 * BATCH + 7, 3 * BATCH + 5]] = 0.9
    with pytest.raises(XentValueError, match="sum to 1") as raised:
        evaluate(written(tmp_path, probs=probs))
    assert raised.value.index == 2 * BATCH + 7


def test_a_file_that_breaks_off_is_told_unless_a_row_before_is_at_fault(tmp_path, monkeypatch):
    batches = ParquetSource.batches

    def broken(self, columns):
        for i, batch in enumerate(batches(self, columns)):
            if i == 5:
                raise SourceError("the file breaks off")
            yield batch

    path = written(tmp_path)
    monkeypatch.setattr(ParquetSource, "batches", broken)
    with pytest.raises(SourceError, match="breaks off"):
        evaluate(path)
    probs = PROBS.copy()
    probs[3 * BATCH] = 0.9
    with pytest.raises(XentValueError, match="sum to 1"):
        evaluate(written(tmp_path, probs=probs))


def test_no_thread_is_left_where_the_first_scorer_is_interrupted(tmp_path, monkeypatch):
    class Interrupted(local.Scorer):
        def add(self, batch, first_row):
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt
            return super().add(batch, first_row)

    monkeypatch.setattr(local, "Scorer", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(written(tmp_path))
    assert not [t for t in threading.enumerate() if t.name.startswith("xent-")]


def test_progress_rises_to_all_rows_and_is_told_on_the_thread_that_asked(tmp_path):
    told = []

    def progress(seen, rows):
        assert threading.current_thread() is threading.main_thread()
        told.append((seen, rows))

    evaluate(written(tmp_path), progress=progress)
    seen = [s for s, _ in told]
    assert seen == sorted(seen)
    assert told[-1] == (ROWS, ROWS)
