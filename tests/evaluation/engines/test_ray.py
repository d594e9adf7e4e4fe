"""Ray gives the bits of one machine."""

import pytest
from required import need_package

from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation import evaluate

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, at start and end


@pytest.fixture(scope="module")
def ray():
    need_package("ray", "ray")
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield ray
    ray.shutdown()


def bits(evaluation):
    return evaluation.summary.without_rows().to_json()


def test_any_number_of_blocks_gives_the_bits_of_one_machine(ray, table, whole, options):
    dataset = ray.data.from_arrow([table.slice(0, 1), table.slice(1, 300), table.slice(301)])
    found = evaluate(dataset, **options)
    assert bits(found) == bits(whole)
    assert found.note == whole.note
    assert bits(evaluate(dataset.repartition(9), **options)) == bits(whole)


def test_rows_with_ids_are_the_same_rows(ray, table, options):
    by_id = {**options, "id": "name", "by": "label", "interval": "bootstrap", "replicates": 50}
    found = evaluate(ray.data.from_arrow([table.slice(0, 300), table.slice(300)]), **by_id).summary
    assert found.to_json() == evaluate(table, **by_id).summary.to_json()
    assert found.worst[0].row.startswith("img_")


def test_a_wrong_row_is_told_in_our_words(ray):
    dataset = ray.data.from_items([{"y": 0, "p": 0.5}, {"y": 1, "p": 1.5}])
    with pytest.raises(XentValueError, match=r"^a partition: D07.*got 1\.5"):
        evaluate(dataset, target="y", probs="p")


def test_what_it_does_not_take(ray):
    dataset = ray.data.from_items([{"y": 0, "p": 0.5}])
    with pytest.raises(SourceError, match="sql must come with engine local or spark"):
        evaluate(dataset, sql="FROM source")
    with pytest.raises(XentTypeError, match=r"a ray\.data\.Dataset, got str"):
        evaluate("a.csv", engine="ray")
