"""Misuse of the drop-ins: what torch accepts warns once, what cannot be right raises."""

import numpy as np
import pytest
import torch

from xent.diagnostics.policy import checks
from xent.diagnostics.warn import listening
from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.torch import functional as F

N, C = 64, 5


def logits(dtype=torch.float32):
    return torch.randn(N, C, dtype=dtype)


def labels():
    return torch.randint(0, C, (N,))


def heard(call, level="fast"):
    with checks(level), listening() as said:
        call()
    return [warning.code for _, warning in said]


# raised, before anything is computed ---------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [(255, "ignore_index=255"), (-1, "ignore_index=-1"), (C, "6 classes"), (-7, "-7 marks rows")],
)
def test_a_target_out_of_range_is_named_with_its_place_and_a_fix(wrong, hint):
    y = labels()
    y[11] = y[40] = wrong
    with pytest.raises(XentValueError, match=rf"target\[11\] = {wrong}") as e:
        F.cross_entropy(logits().requires_grad_(), y)
    assert (e.value.code, e.value.index, e.value.value) == ("D01", 11, wrong)
    assert "2 of 64" in str(e.value)
    assert hint in str(e.value)


def test_shapes_that_do_not_fit_name_the_axis_that_does():
    with pytest.raises(XentValueError, match=r"D14: .* pass input.movedim\(-1, 1\), or"):
        F.cross_entropy(torch.randn(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(XentValueError, match="D15"):
        F.binary_cross_entropy_with_logits(torch.randn(64, 1), torch.zeros(64))
    with pytest.raises(XentValueError, match="at least one class"):
        F.cross_entropy(torch.randn(2, 0), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(XentValueError, match="single number"):
        F.cross_entropy(torch.tensor(1.0), torch.tensor(0))


@pytest.mark.parametrize("target", [torch.zeros(N), torch.zeros(N, dtype=torch.bool)])
def test_class_targets_that_are_no_integers(target):
    with pytest.raises(XentTypeError, match="D16"):
        F.cross_entropy(logits(), target)


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 1.5}, {"label_smoothing": float("nan")}, {"z_loss": -1.0},
        {"temperature": 0.0}, {"softcap": -3.0}, {"reduction": "average"}, {"on_empty": "skip"},
        {"weight": torch.ones(C + 1)}, {"sample_weight": torch.ones(N - 1)},
        {"class_mask": torch.ones(3, dtype=torch.bool)},
    ],
)  # fmt: skip
def test_options_out_of_range_are_named(options):
    (name,) = options
    with pytest.raises(XentValueError, match=name):
        F.cross_entropy(logits(), labels(), **options)


@pytest.mark.parametrize(
    "options",
    [{"temperature": torch.tensor(2.0)}, {"class_mask": torch.ones(C)}, {"weight": [1.0] * C},
     {"label_smoothing": "0.1"}],
)  # fmt: skip
def test_options_of_a_wrong_type_are_named(options):
    (name,) = options
    with pytest.raises(XentTypeError, match=name):
        F.cross_entropy(logits(), labels(), **options)


def test_options_may_be_numbers_of_numpy():
    x, y = logits(), labels()
    for name, value in (("label_smoothing", np.float32(0.25)), ("temperature", np.int64(2))):
        expected = F.cross_entropy(x, y, **{name: value.item()})
        assert torch.equal(F.cross_entropy(x, y, **{name: value}), expected)


def test_arrays_and_integers_are_no_logits():
    with pytest.raises(XentTypeError, match="input must be a Tensor, got ndarray"):
        F.cross_entropy(logits().numpy(), labels())
    with pytest.raises(XentTypeError, match=r"torch.int64.*input.float\(\)"):
        F.cross_entropy(torch.zeros(N, C, dtype=torch.int64), labels())


def test_ignore_index_beside_distributions():
    with pytest.raises(XentValueError, match="sample_weight 0"):
        F.cross_entropy(logits(), torch.full((N, C), 1 / C), ignore_index=1)


def test_nothing_to_average():
    x = logits().requires_grad_()
    ignored = torch.full((N,), -100)
    assert F.cross_entropy(x, ignored).isnan()
    F.cross_entropy(x, ignored).backward()
    assert torch.equal(x.grad, torch.zeros_like(x))
    assert F.cross_entropy(x, ignored, on_empty="zero") == 0
    with pytest.raises(XentValueError, match="all 64 targets equal ignore_index=-100") as e:
        F.cross_entropy(x, ignored, on_empty="raise")
    assert e.value.code == "D02"
    empty = torch.randn(0, C, requires_grad=True)
    assert F.cross_entropy(empty, torch.zeros(0, dtype=torch.int64)).isnan()
    assert F.cross_entropy(empty, torch.zeros(0, dtype=torch.int64), reduction="sum") == 0


# said once, where torch accepts -----------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_probabilities_given_as_logits(dtype):
    probs = torch.softmax(logits() * 3, 1).to(dtype)
    assert heard(lambda: F.cross_entropy(probs, labels())) == ["D04"]
    with listening() as said:
        F.cross_entropy(probs, labels())
    assert "nll_loss the logarithm" in str(said[0][1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_probabilities_given_as_logits_of_labels(dtype):
    probs = torch.sigmoid(torch.randn(N, C)).to(dtype)
    found = heard(lambda: F.binary_cross_entropy_with_logits(probs, (probs > 0.5).float()))
    assert found == ["D06"]


def test_distributions_that_are_none():
    doubled = torch.full((N, C), 2 / C)
    assert heard(lambda: F.cross_entropy(logits(), doubled)) == ["D08"]
    negative = torch.full((N, C), -1 / C)
    assert heard(lambda: F.cross_entropy(logits(), negative)) == ["D08"]


def test_rows_of_weight_zero_are_not_looked_at():
    target = torch.full((N, C), 1 / C)
    target[3] = -1.0
    weight = torch.ones(N)
    assert heard(lambda: F.cross_entropy(logits(), target, sample_weight=weight)) == ["D08"]
    weight[3] = 0.0
    assert heard(lambda: F.cross_entropy(logits(), target, sample_weight=weight)) == []


def test_an_index_that_ignores_no_distribution():
    target = torch.full((N, C), 1 / C)
    assert heard(lambda: F.cross_entropy(logits(), target, ignore_index=-1)) == ["D16"]
    assert heard(lambda: F.cross_entropy(logits(), target, ignore_index=-100)) == []
    assert heard(lambda: F.cross_entropy(logits(), labels(), ignore_index=-1)) == []


def test_weights_that_cancel():
    weight, same = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), torch.full((N,), 2)
    same[7] = -100
    assert heard(lambda: F.cross_entropy(logits(), same, weight), "full") == ["D20"]
    assert heard(lambda: F.cross_entropy(logits(), same, weight)) == []
    assert heard(lambda: F.cross_entropy(logits(), same, weight, reduction="sum"), "full") == []
    assert heard(lambda: F.cross_entropy(logits(), labels(), weight), "full") == []
    # a weight of 0 leaves nothing to average
    assert heard(lambda: F.cross_entropy(logits(), same, weight * (weight != 3)), "full") == []
    # a smoothed target has the weights of all classes
    smoothed = {"weight": weight, "label_smoothing": 0.1}
    assert heard(lambda: F.cross_entropy(logits(), same, **smoothed), "full") == []


@pytest.mark.parametrize("loss", [F.cross_entropy, F.cross_entropy_with_stats])
def test_one_class_is_no_softmax(loss):
    x = torch.randn(N, 1)
    nothing = torch.zeros(N, dtype=torch.int64)
    assert heard(lambda: loss(x, nothing)) == ["D17"]
    assert heard(lambda: F.binary_cross_entropy_with_logits(x[:, 0], torch.zeros(N))) == []


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_true_distributions_are_not_told_of(dtype):
    soft = torch.softmax(torch.randn(N, 1000), 1).to(dtype)
    x = torch.randn(N, 1000)
    assert heard(lambda: F.cross_entropy(x, soft)) == []
    # a float32 that was widened sums to one as a float32 does
    assert heard(lambda: F.cross_entropy(x, soft.float().double())) == [] or dtype in (
        torch.bfloat16, torch.float16,
    )  # fmt: skip


def test_labels_outside_of_the_unit_interval():
    wrong = torch.zeros(N, C)
    wrong[3, 2] = 3.0
    with listening() as said:
        loss = F.binary_cross_entropy_with_logits(logits(), wrong)
    assert [w.code for _, w in said] == ["D08"]
    assert said[0][1].index == (3, 2)
    assert loss.isfinite()


def test_negative_class_weights():
    weight = torch.tensor([1.0, -2.0, 1.0, 1.0, 1.0])
    with listening() as said:
        F.cross_entropy(logits(), labels(), weight)
    assert [(w.code, w.index, w.value) for _, w in said] == [("D08", 1, -2.0)]


def test_a_call_site_is_told_once_and_may_be_silenced():
    probs = torch.softmax(logits() * 3, 1)

    def train():
        for _ in range(5):
            F.cross_entropy(probs, labels())

    with pytest.warns(UserWarning, match="D04") as caught:
        train()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with checks(silence=["D04"]):
        F.cross_entropy(probs, labels())
    with checks("off"):
        F.cross_entropy(probs, labels())


@pytest.mark.parametrize(
    ("value", "error"), [(1.5, XentTypeError), ("0", XentTypeError), (2**70, XentValueError)]
)
def test_an_ignore_index_that_is_no_class_index(value, error):
    with pytest.raises(error, match="ignore_index must be an int"):
        F.cross_entropy(logits(), labels(), ignore_index=value)


def test_half_precision_is_a_note_only():
    x = logits(torch.bfloat16)
    assert heard(lambda: F.cross_entropy(x, labels())) == []
    assert heard(lambda: F.cross_entropy(x, labels()), "full") == ["D18"]


def test_integers_that_are_one_hot_are_distributions():
    y = labels()
    one_hot = torch.nn.functional.one_hot(y, C)
    x = logits()
    torch.testing.assert_close(F.cross_entropy(x, one_hot), F.cross_entropy(x, y))


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64])
def test_every_integer_dtype_is_a_class_index(dtype):
    x, y = logits(), labels()
    assert F.cross_entropy(x, y.to(dtype)) == F.cross_entropy(x, y)


def test_a_linear_loss_warns_of_no_row_of_weight_zero():
    hidden, head, target = torch.randn(4, 3), torch.randn(5, 3), torch.full((4, 5), 0.2)
    target[1] = torch.nan  # padding
    weight = torch.tensor([1.0, 0, 1, 1])
    loss = F.linear_softmax_cross_entropy(hidden, head, target, sample_weight=weight)
    assert loss.isfinite()
    with pytest.warns(MisuseWarning, match="D08"):
        F.linear_softmax_cross_entropy(hidden, head, target)
