"""Sparse labels: their forms, the order of the walk, and the way of other devices."""

import pytest
import torch

from xent.torch._linear.sigmoid.faults import faulty_rows
from xent.torch._linear.sigmoid.positives import Positives

TARGET = torch.tensor([[7, -1, 2], [-1, -1, -1], [2, 0, 9], [9, -5, -1]])
LABELS = 10


def compressed(value=None):
    crow = torch.tensor([0, 2, 2, 5, 6])
    return Positives.of_compressed(crow, torch.tensor([7, 2, 2, 0, 9, 9]), value, LABELS)


def entries(positives):
    real = positives.label >= 0
    pairs = zip(positives.row[real].tolist(), positives.label[real].tolist(), strict=True)
    return sorted(pairs)


def test_both_forms_hold_the_same_entries():
    padded = Positives.of_padded(TARGET, LABELS)
    assert entries(padded) == entries(compressed())
    value = torch.arange(6) / 10
    label, values = compressed(value).padded()
    assert label.tolist() == [[7, 2, -1], [-1, -1, -1], [2, 0, 9], [9, -1, -1]]
    torch.testing.assert_close(values[label >= 0], value)
    assert compressed().padded()[1] is None
    assert torch.equal(padded.padded()[0], TARGET)


def test_rows_that_are_kept_are_numbered_anew():
    some = Positives.of_padded(TARGET, LABELS).of_rows(torch.tensor([0, 3]))
    assert entries(some) == [(0, 2), (0, 7), (1, 9)]
    weighed = compressed(torch.arange(6)).of_rows(torch.tensor([2]))
    assert weighed.value.tolist() == [2, 3, 4]


@pytest.mark.parametrize("step", [1, 3, 4, 10, 50])
@pytest.mark.parametrize("height", [1, 3, 4])
@pytest.mark.parametrize("asks", [True, False])
def test_every_entry_is_met_once_where_it_is(step, height, asks):
    ordered = Positives.of_padded(TARGET, LABELS).ordered()
    if asks:  # otherwise nobody waits for a device, and all entries are looked at
        ordered.cut(step)
    whole = torch.zeros(4, LABELS)
    for first in range(0, LABELS, step):
        labels = range(first, min(first + step, LABELS))
        for top in range(0, 4, height):
            rows = range(top, min(top + height, 4))
            found = ordered.inside(rows, labels)
            block = torch.zeros(len(rows) * len(labels) + 1)
            block[found.place] += 1
            if found.inside is not None:
                assert torch.equal(found.inside, found.place < len(block) - 1)
            elif asks:
                assert block[-1] == 0
            part = block[:-1].view(len(rows), len(labels))
            whole[rows.start : rows.stop, labels.start : labels.stop] += part
    rows, labels = zip(*entries(compressed()), strict=True)
    expected = torch.zeros(4, LABELS)
    expected[list(rows), list(labels)] = 1
    assert torch.equal(whole, expected)


def test_faults_are_found_by_row_without_asking():
    target = torch.tensor([[1, 1, -1], [-1, -1, -1], [LABELS, 0, 1], [3, 1, 3], [1, 2, 3]])
    ordered = Positives.of_padded(target, LABELS).ordered()
    assert faulty_rows(ordered).tolist() == [True, False, True, True, False]
    assert ordered.repeats.sum() == 2
