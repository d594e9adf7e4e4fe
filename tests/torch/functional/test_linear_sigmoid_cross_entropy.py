"""Sigmoid losses of hidden @ weight.T against the whole logits in float64."""

import pytest
import torch

import xent
from xent.errors import UnavailableError, XentTypeError, XentValueError
from xent.torch import Total
from xent.torch import functional as F
from xent.torch._linear.sigmoid.positives import Ordered

N, D, L, K = 70, 23, 700, 5
SMALL = 18_500  # bytes, of float32: a few of the labels, and not all rows at once
UNIT = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8}
UNIT[torch.float16] = 2.0**-11
loss_of = F.linear_sigmoid_cross_entropy


def operands(dtype, *, rows=N, labels=L, features=D, bias=True, seed=0):
    """Leaves of `dtype`; 16-bit numbers that float64 holds as they are."""
    draw = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, features, generator=draw, dtype=torch.float64)
    weight = torch.randn(labels, features, generator=draw, dtype=torch.float64)
    offset = torch.randn(labels, generator=draw, dtype=torch.float64) if bias else None
    return tuple(
        each if each is None else each.to(dtype).requires_grad_()
        for each in (hidden, weight, offset)
    )


def true_labels(rows=N, labels=L, seed=1):
    """Return (rows, K) labels: ragged, with rows of none, -1 anywhere."""
    draw = torch.Generator().manual_seed(seed)
    target = torch.stack([torch.randperm(labels, generator=draw)[:K] for _ in range(rows)])
    target[torch.rand(rows, K, generator=draw) < 0.3] = -1
    target[3] = -1
    target[5] = torch.tensor([0, labels - 1, 1, labels - 2, 2])  # both ends
    return target


def dense_of(target, labels=L):
    dense = torch.zeros(len(target), labels + 1, dtype=torch.float64)
    return dense.scatter(1, torch.where(target < 0, labels, target), 1.0)[:, :labels]


def compressed(target):
    counts = (target >= 0).sum(1)
    crow = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    return crow, target[target >= 0]


def random(*shape, seed):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=draw, dtype=torch.float64)


OPTIONS = {
    "plain": {},
    "pos_weight": {"pos_weight": 3 * random(L, seed=4)},
    "weight": {"weight": (2 * random(L, seed=5)).round(decimals=1)},
    "sample_weight": {"sample_weight": (2 * random(N, seed=6)).round(decimals=1)},
}
OPTIONS["all"] = {**OPTIONS["pos_weight"], **OPTIONS["weight"], **OPTIONS["sample_weight"]}


def expected(leaves, dense, options, reduction, upstream):
    """Return the loss in float64, gradients, and how far off each may be."""
    wide = [None if x is None else x.detach().double().requires_grad_() for x in leaves]
    hidden, weight, bias = wide
    z = torch.nn.functional.linear(hidden, weight, bias)
    node_weight = options.get("weight", torch.ones(L)).double()
    row_weight = options.get("sample_weight", torch.ones(N)).double()
    each = F.binary_cross_entropy_with_logits(
        z, dense, weight=row_weight[:, None] * node_weight, pos_weight=options.get("pos_weight"),
        reduction="none",
    )  # fmt: skip
    rows = each.sum(1)
    over = row_weight.sum() * node_weight.sum() if reduction == "mean" else 1.0
    value = rows if reduction == "none" else rows.sum() / over
    present = [x for x in wide if x is not None]
    slopes = torch.autograd.grad(value, [*present, z], upstream, retain_graph=True)
    *gradients, g = slopes
    # what a node's gradient is a part of
    share = row_weight[:, None] * node_weight / over
    share = share * (1 + options.get("pos_weight", torch.ones(())))
    share = share * (upstream[:, None] if reduction == "none" else upstream).abs()

    dtype = leaves[0].dtype
    # computed in float32 at least; rounded for an upstream gradient of 1, and again when scaled
    u, last = min(UNIT[dtype], 2.0**-24), 2 * UNIT[dtype]
    h, w = hidden.detach().abs(), weight.detach().abs()
    of_z = (D + 2) * u * (h @ w.t() + (0 if bias is None else bias.detach().abs()))
    of_g = share * (of_z / 4 + 8 * u)
    off = row_weight[:, None] * node_weight * (1 + options.get("pos_weight", torch.ones(())))
    rows_off = (off * of_z).sum(1) + 8 * u * rows.detach()
    value_off = rows_off if reduction == "none" else rows_off.sum() / over
    # sums of as many terms, each rounded, and the result rounded to its dtype
    sums = [of_g @ w + L * u * (g.abs() @ w), of_g.t() @ h + N * u * (g.abs().t() @ h)]
    sums.append(of_g.sum(0) + N * u * g.abs().sum(0))
    allowed = [a + last * x.abs() for a, x in zip(sums, gradients, strict=False)]
    return value.detach(), gradients, value_off, allowed


def check(leaves, dense, target, reduction="mean", options=None, **how):
    options = options or {}
    draw = torch.Generator().manual_seed(9)
    upstream = torch.tensor(1.7, dtype=torch.float64)
    if reduction == "none":
        upstream = torch.randn(N, generator=draw, dtype=torch.float64)
    hidden, weight, bias = leaves
    loss = loss_of(hidden, weight, target, linear_bias=bias, reduction=reduction, **options, **how)
    assert loss.dtype is (torch.float64 if hidden.dtype is torch.float64 else torch.float32)
    present = [x for x in leaves if x is not None]
    found = torch.autograd.grad(loss, present, upstream.to(loss.dtype))
    value, gradients, value_off, allowed = expected(leaves, dense, options, reduction, upstream)
    assert ((loss - value).abs() <= value_off + 1e-300).all()
    for x, got, right, most in zip(present, found, gradients, allowed, strict=True):
        assert got.dtype == x.dtype
        assert ((got.double() - right).abs() <= 1.01 * most.abs() + 1e-300).all()


reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("memory", [None, 64_000])
@reductions
def test_sparse_labels(dtype, memory, reduction):
    target = true_labels()
    check(operands(dtype), dense_of(target), target, reduction, OPTIONS["all"], memory=memory)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", ["sparse", "pair", "csr", "bool", "uint8", "float32", "bfloat16"])
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_every_target_with_every_option(name, kind):
    sparse = true_labels()
    target = dense = dense_of(sparse)
    if kind == "sparse":
        target = sparse
    elif kind == "pair":
        target = compressed(sparse)
    elif kind == "csr":
        target = dense.to_sparse_csr()
    elif kind in ("bool", "uint8"):
        target = dense.to(getattr(torch, kind))
    else:
        target = random(N, L, seed=7).to(getattr(torch, kind))
        dense = target.double()
    for implementation, memory in (("cpu", 40_000), ("formulas", None)):
        check(
            operands(torch.float32), dense, target, "mean", OPTIONS[name],
            implementation=implementation, memory=memory,
        )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_the_values_of_a_sparse_matrix_are_labels():
    dense = dense_of(true_labels()) * (0.2 + 0.8 * random(N, L, seed=8))
    target = dense.to_sparse_csr()
    for implementation in ("cpu", "formulas"):
        check(
            operands(torch.float64), dense, target, "none", OPTIONS["all"],
            implementation=implementation, memory=70_000 if implementation == "cpu" else None,
        )  # fmt: skip
    with pytest.raises(XentValueError, match=r"D08: target.values\(\)"):
        loss_of(torch.zeros(N, 1), torch.zeros(L, 1), (2 * dense).to_sparse_csr())


@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
def test_no_bias_and_few_rows_at_once(implementation):
    target = true_labels()
    memory = SMALL if implementation == "cpu" else 8 * SMALL
    leaves = operands(torch.float32, bias=False)
    check(leaves, dense_of(target), target, "mean", implementation=implementation, memory=memory)


@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
def test_the_way_of_devices_that_nobody_waits_for(implementation, monkeypatch):
    # all entries are looked at for every block
    monkeypatch.setattr(Ordered, "cut", lambda ordered, step: None)
    target = true_labels()
    memory = 24_000 if implementation == "cpu" else 8 * SMALL
    check(
        operands(torch.float32), dense_of(target), target, "none", OPTIONS["all"],
        implementation=implementation, memory=memory,
    )  # fmt: skip


def test_a_bias_is_added_once_however_many_features():
    # more features than any block has rows or labels
    hidden, weight = torch.zeros(2, 5000), torch.zeros(3, 5000)
    bias = torch.tensor([1.0, -2.0, 0.0], requires_grad=True)
    target = torch.tensor([[0], [1]])
    loss = loss_of(hidden, weight, target, linear_bias=bias, reduction="sum", memory="64kB")
    z = bias.detach().double().expand(2, 3)
    right = F.binary_cross_entropy_with_logits(z, dense_of(target, 3), reduction="sum")
    torch.testing.assert_close(loss.double(), right, rtol=1e-6, atol=0)
    (slope,) = torch.autograd.grad(loss, bias)
    torch.testing.assert_close(slope, (z.sigmoid() - dense_of(target, 3)).sum(0).float())


def test_what_torch_computes():
    hidden, weight, bias = operands(torch.float64)
    target = true_labels()
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.nn.functional.linear(hidden, weight, bias), dense_of(target),
        pos_weight=OPTIONS["all"]["pos_weight"],
    )  # fmt: skip
    ours = loss_of(
        hidden, weight, target, linear_bias=bias, pos_weight=OPTIONS["all"]["pos_weight"]
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=0)
    slopes = [torch.autograd.grad(each, (hidden, weight, bias)) for each in (ours, theirs)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [17.0, 40.0, 80.0, 100.0])
def test_sure_rows_keep_tiny_losses_and_gradients(dtype, margin, implementation):
    # one feature and weights of 1 make logits that are exact
    signs = torch.ones(L, 1, dtype=dtype)
    signs[::2] = -1
    weight = signs.clone().requires_grad_()
    hidden = torch.full((1, 1), margin, dtype=dtype, requires_grad=True)
    target = torch.arange(1, L, 2)[None]  # exactly those with a logit of +margin
    loss = loss_of(
        hidden, weight, target, reduction="none", implementation=implementation, memory="1MB"
    )
    tail = torch.tensor(margin, dtype=torch.float64).neg().exp().log1p()
    close = {"rtol": 8 * UNIT[dtype], "atol": 2.0**-148 if dtype is torch.float32 else 0}
    # nodes that are right, summed in float64
    sums = {"rtol": close["rtol"] + L * 2.0**-53, "atol": L * close["atol"]}
    torch.testing.assert_close(loss.double(), L * tail[None], **sums)
    slopes = torch.autograd.grad(loss.sum(), (hidden, weight))
    each = torch.tensor(-margin, dtype=torch.float64).sigmoid()
    torch.testing.assert_close(slopes[1].double(), -signs.double() * each * margin, **close | {
        "atol": margin * close["atol"],
    })  # fmt: skip
    # every term of the sum has the same sign
    of_hidden = torch.full((1, 1), -L * each.item(), dtype=torch.float64)
    sums = {"rtol": L * UNIT[dtype], "atol": L * close["atol"]}
    torch.testing.assert_close(slopes[0].double(), of_hidden, **sums)


def test_many_labels_of_few_rows():
    rows, labels, features = 3, 120_000, 4
    hidden, weight, bias = operands(torch.float32, rows=rows, labels=labels, features=features)
    target = torch.tensor([[0, 119_999], [-1, -1], [60_000, -1]])
    loss = loss_of(hidden, weight, target, linear_bias=bias, memory="1MB")
    z = torch.nn.functional.linear(hidden.double(), weight.double(), bias.double())
    right = F.binary_cross_entropy_with_logits(z, dense_of(target, labels))
    torch.testing.assert_close(loss.double(), right, rtol=1e-6, atol=0)
    ours = torch.autograd.grad(loss, (hidden, weight, bias))
    theirs = torch.autograd.grad(right, (hidden, weight, bias))
    # float32 products of four features
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6 * b.abs().max().item())


def test_reductions_and_their_denominators():
    hidden, weight, bias = operands(torch.float64)
    target, options = true_labels(), OPTIONS["all"]
    rows = loss_of(hidden, weight, target, linear_bias=bias, reduction="none", **options)
    total = loss_of(hidden, weight, target, linear_bias=bias, reduction="total", **options)
    over = (options["sample_weight"].sum() * options["weight"].sum()).item()
    assert isinstance(total, Total)
    torch.testing.assert_close(total.sum, rows.sum())
    assert total.weight == pytest.approx(over, rel=1e-14)
    assert total.count == N * L
    mean = loss_of(hidden, weight, target, linear_bias=bias, **options)
    torch.testing.assert_close(mean, rows.sum() / over)
    halves = [
        loss_of(hidden[part], weight, target[part], linear_bias=bias, reduction="total")
        for part in (slice(0, 30), slice(30, N))
    ]
    whole = loss_of(hidden, weight, target, linear_bias=bias)
    torch.testing.assert_close((halves[0] + halves[1]).mean(), whole)


def test_rows_of_any_shape():
    hidden, weight, bias = operands(torch.float64)
    target = true_labels()
    flat = loss_of(hidden, weight, target, linear_bias=bias, reduction="none")
    for wanted in (target.view(7, 10, K), dense_of(target).view(7, 10, L)):
        rows = loss_of(hidden.view(7, 10, D), weight, wanted, linear_bias=bias, reduction="none")
        torch.testing.assert_close(rows, flat.view(7, 10), rtol=1e-13, atol=0)
    one = loss_of(hidden[0], weight, target[0], linear_bias=bias, reduction="none")
    torch.testing.assert_close(one, flat[0], rtol=1e-13, atol=0)


@pytest.mark.parametrize("implementation", ["cpu", "formulas"])
@pytest.mark.parametrize("held", [torch.nan, torch.inf])
def test_what_weighs_nothing_is_not_looked_at(held, implementation):
    hidden, weight, bias = operands(torch.float32)
    target = true_labels()
    rows, labels = torch.ones(N), torch.ones(L)
    rows[5], labels[[0, 17]] = 0, 0  # row 5 names label 0, and so may others
    how = {"sample_weight": rows, "weight": labels, "implementation": implementation}
    right = loss_of(hidden, weight, target, linear_bias=bias, **how)
    right_slopes = torch.autograd.grad(right, (hidden, weight, bias))
    with torch.no_grad():
        hidden[5] = weight[17] = weight[0] = bias[0] = held
    for wanted in (target, dense_of(target)):
        loss = loss_of(hidden, weight, wanted, linear_bias=bias, **how)
        torch.testing.assert_close(loss, right)
        slopes = torch.autograd.grad(loss, (hidden, weight, bias))
        torch.testing.assert_close(slopes, right_slopes)
        assert not slopes[0][5].any()


def test_nan_stays_in_its_row():
    hidden, weight, _ = operands(torch.float32, bias=False)
    with torch.no_grad():
        hidden[2] = torch.nan
    rows = loss_of(hidden, weight, true_labels(), reduction="none")
    assert rows.isnan().nonzero().tolist() == [[2]]


def test_infinite_logits_of_the_right_sign_cost_nothing():
    hidden = torch.ones(1, 1, requires_grad=True)
    weight = torch.tensor([[torch.inf], [-torch.inf], [0.0]])
    loss = loss_of(hidden, weight, torch.tensor([[0]]), reduction="none")
    torch.testing.assert_close(loss, torch.tensor([2.0]).log())
    assert loss_of(hidden, weight, torch.tensor([[1]]), reduction="none") == torch.inf


def test_nothing_to_average():
    hidden, weight, target = torch.zeros(0, 4), torch.zeros(3, 4), torch.zeros(0, 2).long()
    weight.requires_grad_()
    assert loss_of(hidden, weight, target).isnan()
    assert loss_of(hidden, weight, target, on_empty="zero") == 0
    with pytest.raises(XentValueError, match="D02"):
        loss_of(hidden, weight, target, on_empty="raise")
    (slope,) = torch.autograd.grad(loss_of(hidden, weight, target, reduction="sum"), weight)
    assert not slope.any()
    rows = torch.zeros(2, 4)
    kept = {"sample_weight": torch.zeros(2)}
    loss = loss_of(rows, weight, torch.tensor([[0], [1]]), **kept)
    assert loss.isnan()
    assert not torch.autograd.grad(loss, weight)[0].any()
    loss = loss_of(rows, weight, torch.tensor([[0], [1]]), weight=torch.zeros(3))
    assert loss.isnan()
    assert not torch.autograd.grad(loss, weight)[0].any()
    assert loss_of(rows, weight, torch.zeros(2, 0).long(), reduction="none").shape == (2,)


REFUSED = {
    "a label that is none": ({"target": torch.tensor([[0, 3], [4, -1]])}, XentValueError,
                             r"D01: target must hold labels below 3.* 2 of 4 .*label 3 in row 0"),
    "a label twice": ({"target": torch.tensor([[0, -1, -1], [2, 1, 2]])}, XentValueError,
                      r"D01: target must hold each label of a row once, but 1 of 6.*label 2 in"),
    "numbers as indices": ({"target": torch.tensor([[0, 1, 0], [1, 1, 0]])}, XentValueError,
                           r"pass target.bool\(\)"),
    "one label a row": ({"target": torch.tensor([0, 1])}, XentValueError, r"unsqueeze"),
    "rows": ({"target": torch.zeros(3, 2).long()}, XentValueError, "D15"),
    "labels": ({"target": torch.zeros(2, 4)}, XentValueError, "D15.*every label"),
    "complex": ({"target": torch.zeros(2, 3) * 1j}, XentTypeError, "D16"),
    "outside": ({"target": torch.tensor([[0, 1, 0], [0, -1.0, 2]])}, XentValueError,
                r"D08.*2 of 6.*target\[1, 1\]"),
    "a pair of three": ({"target": (torch.zeros(3),) * 3}, XentValueError, "crow_indices"),
    "a pair that falls": ({"target": (torch.tensor([0, 2, 1]), torch.tensor([1]))},
                          XentValueError, "must rise from 0 to 1"),
    "a pair of floats": ({"target": (torch.zeros(3), torch.zeros(0))}, XentTypeError, "int64"),
    "coordinates": ({"target": torch.eye(2, 3).to_sparse()}, XentTypeError, "to_sparse_csr"),
    "text": ({"target": "0"}, XentTypeError, "target must be a Tensor"),
    "pos_weight": ({"pos_weight": torch.ones(2)}, XentValueError, "pos_weight must have shape"),
    "weight": ({"weight": torch.ones(3, 1)}, XentValueError, "weight must have shape"),
    "sample_weight": ({"sample_weight": torch.ones(3)}, XentValueError, "sample_weight must"),
    "implementation": ({"implementation": "triton"}, XentValueError, "implementation must be"),
    "memory": ({"memory": 10}, XentValueError, "memory must be at least"),
    "reduction": ({"reduction": "max"}, XentValueError, "reduction"),
    "bias": ({"linear_bias": torch.zeros(2)}, XentValueError, "linear_bias"),
    "main_grad": ({"main_grad": torch.zeros(3, 4).half()}, XentTypeError, "main_grad must be"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    change, error, says = REFUSED[name]
    arguments = {"target": torch.tensor([[0], [1]]), **change}
    target = arguments.pop("target")
    with pytest.raises(error, match=says):
        loss_of(torch.zeros(2, 4), torch.zeros(3, 4), target, **arguments)


def test_what_cannot_be_served_is_not_replaced():
    hidden = torch.zeros(2, 4, requires_grad=True)
    soft = torch.rand(2, 3, requires_grad=True)
    with pytest.raises(UnavailableError, match="needs a gradient"):
        loss_of(hidden, torch.zeros(3, 4), soft, implementation="cpu")
    with pytest.raises(UnavailableError, match="main_grad"):
        loss_of(hidden, torch.zeros(3, 4), soft, main_grad=torch.zeros(3, 4))


def test_checks_may_be_off():
    target = torch.tensor([[0.0, -1.0]])
    with xent.checks("off"):
        assert loss_of(torch.zeros(1, 1), torch.zeros(2, 1), target).isfinite()
