"""`check_partition_invariance` on losses as people write them."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from xent.errors import XentTypeError, XentValueError
from xent.torch import Total, check_partition_invariance
from xent.torch import functional as F

CLASSES = 5


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return nn.Linear(4, CLASSES).double()


@pytest.fixture
def sequences():
    """40 sequences of up to 12 tokens; the later ones are the longer ones."""
    labels = torch.randint(CLASSES, (40, 12))
    lengths = torch.arange(40) % 12 + 1
    lengths[30:] = 12
    labels[torch.arange(12) >= lengths[:, None]] = -100
    return {"x": torch.randn(40, 12, 4, dtype=torch.float64), "labels": labels}


@pytest.fixture
def rows():
    return torch.randn(60, 4, dtype=torch.float64), torch.randint(CLASSES, (60,))


def way(report, name):
    return next(way for way in report.ways if way.name == name)


def page(report):
    """Return its text on one line."""
    return " ".join(str(report).split())


def token_mean(model):
    def loss_fn(batch):
        logits = model(batch["x"]).flatten(0, 1)
        return functional.cross_entropy(logits, batch["labels"].flatten())

    return loss_fn


# A mean of means --------------------------------------------------------------


def test_ignored_targets_under_gradient_accumulation(model, sequences):
    report = check_partition_invariance(token_mean(model), sequences, parts=(10, 10, 20))
    assert (report.ok, report.kind, report.used) == (False, "mean", "averaged")
    assert not way(report, "weighted by rows").agrees
    tokens = way(report, "weighted by batch['labels'] != -100")
    assert tokens.agrees
    assert tokens.value == pytest.approx(report.whole, rel=1e-14)
    assert report.whole == pytest.approx(token_mean(model)(sequences).item(), rel=1e-14)
    text = page(report)
    assert text.startswith("D24: wrong. The parts averaged give")
    assert "a mean of means" in text
    assert 'reduction="total"' in text
    assert "split 10/10/20, with losses" in text


def test_the_numbers_of_the_textbook_case():
    means = torch.tensor([2.0] * 900 + [6.0] * 100, dtype=torch.float64)
    report = check_partition_invariance(lambda batch: batch.mean(), means, parts=(900, 100))
    assert not report.ok
    assert way(report, "averaged").value == 4.0
    assert report.whole == pytest.approx(2.4)
    assert "averaged give 4 against 2.4 for the whole batch: a mean of means" in page(report)


def test_raise_if_wrong_carries_the_code(model, sequences):
    loss_fn = token_mean(model)
    with pytest.raises(XentValueError, match=r"^D24: wrong\. The parts averaged") as caught:
        check_partition_invariance(loss_fn, sequences).raise_if_wrong()
    assert caught.value.code == "D24"
    check_partition_invariance(lambda b: loss_fn(b) * 0, sequences).raise_if_wrong()


def test_a_loss_that_shifts_does_not_score_the_first_token(model, sequences):
    def loss_fn(batch):
        logits, labels = model(batch["x"])[:, :-1], batch["labels"][:, 1:]
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    report = check_partition_invariance(loss_fn, sequences, parts=(10, 10, 20))
    agreeing = [way.name for way in report.ways if way.agrees]
    assert agreeing == ["weighted by batch['labels'][:, 1:] != -100"]


def test_a_mask_is_found_as_the_denominator(model, sequences):
    mask = sequences["labels"] != -100
    batch = (sequences["x"], sequences["labels"].clamp(0), mask)

    def loss_fn(batch):
        x, labels, mask = batch
        nll = functional.cross_entropy(model(x).movedim(-1, 1), labels, reduction="none")
        return (nll * mask).sum() / mask.sum()

    report = check_partition_invariance(loss_fn, batch)
    assert [way.name for way in report.ways if way.agrees] == ["weighted by the sum of batch[2]"]


def test_class_weights_are_a_weighted_mean_until_they_are_given(model, rows):
    weight = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0], dtype=torch.float64)

    def loss_fn(batch):
        return functional.cross_entropy(model(batch[0]), batch[1], weight=weight)

    report = check_partition_invariance(loss_fn, rows)
    assert (report.ok, report.kind) == (False, "weighted mean")
    assert report.evidence.sizes == (30, 20, 10)
    parts = torch.stack([weight[y].sum() for y in rows[1].split((30, 20, 10))])
    assert report.evidence.shares == pytest.approx((parts / parts.sum()).tolist(), rel=1e-6)
    assert "other weights than those known here (class weights?)" in page(report)

    given = check_partition_invariance(loss_fn, rows, weight_of=lambda part: weight[part[1]].sum())
    assert (given.ok, given.kind) == (False, "mean")
    assert way(given, "weighted by weight_of").agrees


def test_two_rows_cannot_tell_weights_from_dependence():
    batch = torch.tensor([1.0, 5.0], dtype=torch.float64)
    weight = torch.tensor([1.0, 3.0], dtype=torch.float64)

    def loss_fn(part):
        mine = weight[(part > 2).long()]
        return (part * mine).sum() / mine.sum()

    report = check_partition_invariance(loss_fn, batch, parts=(1, 1))
    assert (report.ok, report.kind) == (False, "unknown")
    assert "the other ways that were tried do not give it either. Pass weight_of=" in page(report)


def test_a_part_of_ignored_targets_only_has_no_mean(model, sequences):
    sequences["labels"][36:] = -100
    report = check_partition_invariance(token_mean(model), sequences, parts=(30, 6, 4))
    assert not report.ok
    assert math.isnan(way(report, "averaged").value)
    assert way(report, "weighted by batch['labels'] != -100").agrees
    assert "a part has no loss" in str(report)


# What is right ----------------------------------------------------------------


def test_totals_merge(model, sequences):
    def loss_fn(batch):
        logits, labels = model(batch["x"]).flatten(0, 1), batch["labels"].flatten()
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        count = (labels != -100).sum()
        return Total(loss, count, count)

    report = check_partition_invariance(loss_fn, sequences, parameters=model.parameters())
    assert (report.ok, report.kind, report.used) == (True, "total", "merged as totals")
    assert report.ways[0].gradient_apart < 1e-14
    assert "give the loss of the whole batch, and its gradient" in page(report)


@pytest.mark.parametrize("shifts", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_remedy_that_the_page_names_is_one(model, sequences, shifts, weighted):
    weight = torch.rand(CLASSES, dtype=torch.float64) if weighted else None
    loss = F.next_token_cross_entropy if shifts else F.token_cross_entropy

    def loss_fn(batch, reduction="mean"):
        return loss(model(batch["x"]), batch["labels"], weight=weight, reduction=reduction)

    assert not check_partition_invariance(loss_fn, sequences, parts=(10, 10, 20)).ok
    report = check_partition_invariance(
        lambda batch: loss_fn(batch, "total"), sequences, parameters=model.parameters()
    )
    assert (report.ok, report.kind) == (True, "total")
    # a total forgets nothing of the mean
    assert report.whole == pytest.approx(loss_fn(sequences).item(), rel=1e-14)


def test_a_total_that_holds_a_mean_is_found(model, rows):
    def loss_fn(batch):
        return Total(functional.cross_entropy(model(batch[0]), batch[1]), 1.0, len(batch[1]))

    report = check_partition_invariance(loss_fn, rows)
    assert (report.ok, report.used) == (False, "merged as totals")


def test_a_sum_is_added(model, rows):
    def loss_fn(batch):
        return functional.cross_entropy(model(batch[0]), batch[1], reduction="sum")

    assert check_partition_invariance(loss_fn, rows, merge="sum").ok
    averaged = check_partition_invariance(loss_fn, rows)
    assert (averaged.ok, averaged.kind) == (False, "sum")
    assert "the loss is a sum" in page(averaged)


def test_equal_parts_without_ignored_targets_may_be_averaged(model, rows):
    def loss_fn(batch):
        return functional.cross_entropy(model(batch[0]), batch[1])

    assert check_partition_invariance(loss_fn, rows, parts=(20, 20, 20)).ok
    assert not check_partition_invariance(loss_fn, rows, parts=(20, 20, 19, 1)).ok


def test_parts_of_the_same_loss_prove_nothing_and_are_said_to(rows):
    def loss_fn(batch):
        logits = torch.zeros(len(batch[1]), CLASSES, dtype=torch.float64)
        return functional.cross_entropy(logits, batch[1])

    report = check_partition_invariance(loss_fn, rows)
    assert report.ok
    assert "All parts have the same loss" in page(report)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_is_no_alarm(seed, dtype):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 100)).to(dtype)
    batch = torch.randn(500, 16, dtype=dtype), torch.randint(100, (500,))

    def loss_fn(batch):
        loss = functional.cross_entropy(model(batch[0]), batch[1], reduction="sum")
        return Total(loss, len(batch[1]), len(batch[1]))

    assert check_partition_invariance(loss_fn, batch, parameters=model.parameters()).ok
    mean = check_partition_invariance(lambda b: loss_fn(b).mean(), batch)
    assert (mean.ok, mean.kind) == (False, "mean")
    assert way(mean, "weighted by rows").agrees


# Rows that see each other -----------------------------------------------------


def with_batch_norm(batch_norm):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), batch_norm, nn.ReLU(), nn.Linear(8, CLASSES)).double()


def test_batch_norm_in_training_mode_depends_on_the_batch(rows):
    model = with_batch_norm(nn.BatchNorm1d(8))

    def loss_fn(batch):
        return functional.cross_entropy(model(batch[0]), batch[1])

    report = check_partition_invariance(loss_fn, rows)
    assert (report.ok, report.kind) == (False, "dependent")
    assert "rows see each other (batch norm in training" in page(report)
    model.eval()
    assert check_partition_invariance(loss_fn, rows).kind == "mean"


def test_negatives_within_the_batch_depend_on_the_batch(rows):
    def loss_fn(batch):
        x = functional.normalize(batch[0], dim=-1)
        return functional.cross_entropy(x @ x.roll(1, 1).T, torch.arange(len(x)))

    assert check_partition_invariance(loss_fn, rows).kind == "dependent"


def test_a_perplexity_is_no_mean(model, rows):
    def loss_fn(batch):
        return functional.cross_entropy(model(batch[0]), batch[1]).exp()

    assert check_partition_invariance(loss_fn, rows).kind == "dependent"


# Gradients --------------------------------------------------------------------


def test_a_gradient_may_be_wrong_where_the_value_is_right(model, rows):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.rows = 60.0 / float(x)
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.rows

    def loss_fn(batch):
        loss = functional.cross_entropy(model(batch[0]), batch[1], reduction="sum")
        return Total(Wrong.apply(loss), len(batch[1]), len(batch[1]))

    assert check_partition_invariance(loss_fn, rows).ok
    report = check_partition_invariance(loss_fn, rows, parameters=model.parameters())
    assert not report.ok
    assert report.ways[0].gradient_apart > 0.01
    assert "gradient off by" in str(report)


# Refusals ---------------------------------------------------------------------


def test_a_random_loss_is_refused(rows):
    with pytest.raises(XentValueError, match=r"same loss for the same batch.*model\.eval\(\)"):
        check_partition_invariance(lambda batch: torch.rand(()), rows)


@pytest.mark.parametrize("parts", [(60,), (30, 31), (60, 0), (70, -10)])
def test_parts_must_add_up(rows, parts):
    with pytest.raises(XentValueError, match=r"add up to the 60 rows of the batch, got \("):
        check_partition_invariance(lambda batch: batch[0].mean(), rows, parts=parts)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((torch.zeros(3), torch.zeros(4)), r"got 3 in batch\[0\] and 4 in batch\[1\]"),
        ({"n": 1, "scale": torch.tensor(1.0)}, "at least one tensor with rows"),
        (torch.zeros(2), "at least 3 rows to be split unevenly, got 2"),
    ],
)
def test_batches_that_cannot_be_cut(batch, message):
    with pytest.raises(XentValueError, match=message):
        check_partition_invariance(lambda batch: 0.0, batch)


def test_what_is_no_tensor_is_refused():
    with pytest.raises(XentTypeError, match=r"got a set at batch\['a'\]"):
        check_partition_invariance(lambda batch: 0.0, {"a": {1, 2, 3}, "b": torch.zeros(3)})


def test_a_loss_must_be_one_number(rows):
    with pytest.raises(XentTypeError, match=r"one number or a Total, got shape \(60,\)"):
        check_partition_invariance(lambda batch: batch[0].sum(1), rows)
    parameters = [torch.ones(1, requires_grad=True)]
    with pytest.raises(XentTypeError, match=r"a loss with a gradient .*leave out \.item\(\)"):
        check_partition_invariance(lambda b: b[0].mean().item(), rows, parameters=parameters)
    with pytest.raises(XentValueError, match=r"number for the whole batch.*got nan"):
        check_partition_invariance(lambda batch: math.nan, rows)
    with pytest.raises(XentValueError, match="merge must be one of"):
        check_partition_invariance(lambda batch: 0.0, rows, merge="max")
