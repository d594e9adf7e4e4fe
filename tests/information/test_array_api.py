"""The measures on other array libraries: the same numbers, and right gradients."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from xent.errors import MisuseWarning, UnavailableError, XentTypeError, XentValueError
from xent.information import (
    binary_entropy,
    conditional_entropy,
    cross_entropy,
    entropy,
    js_divergence,
    kl_divergence,
    mutual_information,
    perplexity,
    self_information,
)

SPACES = ["probs", "log_probs", "logits"]
PAIRS = [cross_entropy, kl_divergence, js_divergence]
LIBRARIES = {
    "torch": torch.asarray,
    "jax": jnp.asarray,
    "array_api_strict": array_api_strict.asarray,
}


@pytest.fixture(autouse=True)
def _doubles_in_jax():
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=LIBRARIES)
def asarray(request):
    return LIBRARIES[request.param]


def in_space(z, given):
    if given == "logits":
        return z
    return special.softmax(z, -1) if given == "probs" else special.log_softmax(z, -1)


# Values -----------------------------------------------------------------------


@pytest.mark.parametrize("given", SPACES)
@pytest.mark.parametrize("axis", [0, -1])
def test_the_numbers_are_those_of_numpy(rng, asarray, given, axis):
    a = np.moveaxis(in_space(rng.normal(size=(3, 7)), given), -1, axis)
    b = np.moveaxis(in_space(rng.normal(size=(3, 7)), given), -1, axis)
    options = {"axis": axis, "given": given}
    for measure in (entropy, perplexity, self_information):
        value = measure(asarray(a), **options)
        assert type(value) is type(asarray(a))
        assert_allclose(np.asarray(value), measure(a, **options), rtol=1e-14)
    for measure in PAIRS:
        value = measure(asarray(a), asarray(b), unit="bit", **options)
        assert_allclose(np.asarray(value), measure(a, b, unit="bit", **options), rtol=1e-14)


def test_the_other_measures_too(rng, asarray):
    joint = rng.dirichlet(np.ones(12)).reshape(3, 4)
    for measure in (mutual_information, conditional_entropy):
        assert_allclose(np.asarray(measure(asarray(joint))), measure(joint), rtol=1e-13)
    p = np.array([0.0, 1e-9, 0.5, 1.0])
    assert_allclose(np.asarray(binary_entropy(asarray(p))), binary_entropy(p), rtol=1e-14)
    counts = np.array([[3.0, 1.0], [2.0, 2.0]])
    assert_allclose(
        np.asarray(entropy(asarray(counts), normalize=True)), entropy(counts, normalize=True)
    )


@pytest.mark.parametrize("given", SPACES)
@pytest.mark.parametrize("difference", [1e-3, 1e-6, 1e-10])
def test_nearly_equal_distributions_keep_their_digits_in_float32_too(rng, given, difference):
    # p and q are float32 numbers; NumPy computes their divergence in float64
    z = rng.normal(size=(5, 20))
    a = in_space(z, given).astype(np.float32)
    b = in_space(z + difference * rng.normal(size=z.shape), given).astype(np.float32)
    b[0, 0] = np.nextafter(b[0, 0], np.float32(2))
    expected = kl_divergence(a, b, given=given)
    value = kl_divergence(torch.tensor(a), torch.tensor(b), given=given)
    assert value.dtype == torch.float32
    # a term is off by a few ulp: its factors, the sum, and exp(log p)
    assert_allclose(value, expected, rtol=64 * 2.0**-23, atol=1e-37)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_results_are_float32_or_float64(kind):
    p = torch.tensor([[0.25, 0.75]], dtype=kind)
    expected = torch.float64 if kind == torch.float64 else torch.float32
    assert entropy(p).dtype == expected
    # rows of half precision sum to one only to its own precision
    rounded = torch.softmax(torch.linspace(-3, 3, 300, dtype=torch.float64), -1).to(kind)
    assert entropy(rounded).dtype == expected
    assert torch.isfinite(kl_divergence(rounded, rounded.flip(0)))


# Gradients --------------------------------------------------------------------


def gradients(measure, arrays, **options):
    """Return the gradients of a sum of values by torch and by JAX, which agree."""
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    by_torch = torch.autograd.grad(measure(*tensors, **options).sum(), tensors)
    by_torch = [grad.numpy() for grad in by_torch]
    by_jax = jax.grad(lambda xs: jnp.sum(measure(*xs, **options)))([jnp.asarray(a) for a in arrays])
    for one, other in zip(by_torch, by_jax, strict=True):
        assert_allclose(other, one, rtol=1e-10, atol=1e-13)
    return by_torch


def test_gradient_of_the_entropy(rng):
    p = special.softmax(rng.normal(size=(4, 6)), -1)
    (grad,) = gradients(entropy, [p])
    assert_allclose(grad, -np.log(p) - 1, rtol=1e-13)
    z = rng.normal(size=(4, 6))
    (grad,) = gradients(entropy, [z], given="logits")
    p, log_p = special.softmax(z, -1), special.log_softmax(z, -1)
    h = -(p * log_p).sum(-1, keepdims=True)
    assert_allclose(grad, -p * (log_p + h), rtol=1e-11, atol=1e-15)


def test_gradients_of_the_divergence(rng):
    p, q = (special.softmax(rng.normal(size=(4, 6)), -1) for _ in range(2))
    in_p, in_q = gradients(kl_divergence, [p, q])
    assert_allclose(in_p, np.log(p / q) + 1, rtol=1e-12)
    assert_allclose(in_q, -p / q, rtol=1e-12)
    z, other = rng.normal(size=(4, 6)), rng.normal(size=(4, 6))
    in_p, in_q = gradients(kl_divergence, [z, other], given="logits")
    p, q = special.softmax(z, -1), special.softmax(other, -1)
    d = np.log(p / q)
    assert_allclose(in_p, p * (d - (p * d).sum(-1, keepdims=True)), rtol=1e-10, atol=1e-14)
    assert_allclose(in_q, q - p, rtol=1e-11, atol=1e-15)
    log_p, log_q = np.log(p), np.log(q)
    in_p, in_q = gradients(kl_divergence, [log_p, log_q], given="log_probs")
    assert_allclose(in_p, p * (d + 1), rtol=1e-11, atol=1e-15)
    assert_allclose(in_q, -p, rtol=1e-11)


def test_gradient_of_the_mixture_divergence(rng):
    p, q = (special.softmax(rng.normal(size=(4, 6)), -1) for _ in range(2))
    in_p, in_q = gradients(js_divergence, [p, q])
    assert_allclose(in_p, np.log(2 * p / (p + q)) / 2, rtol=1e-10, atol=1e-14)
    assert_allclose(in_q, np.log(2 * q / (p + q)) / 2, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("difference", [1e-4, 1e-8, 1e-12])
def test_gradients_of_nearly_equal_distributions_keep_their_digits(rng, difference):
    z = torch.tensor(rng.normal(size=6))
    other = (z + difference * torch.tensor(rng.normal(size=6))).requires_grad_()
    (grad,) = torch.autograd.grad(kl_divergence(z, other, given="logits"), other)
    # q - p = p (exp(-d) - 1)
    p = torch.softmax(z, -1)
    delta = (other - z).detach()
    expected = p * torch.expm1(delta - torch.log1p((p * torch.expm1(delta)).sum()))
    assert_allclose(grad, expected, rtol=1e-9, atol=1e-6 * difference)


def test_what_never_happens_has_no_gradient():
    p, q = np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.0])
    (grad,) = gradients(entropy, [p])
    assert_array_equal(grad, [-1, 0, 0])
    in_p, in_q = gradients(cross_entropy, [p, q])
    assert_allclose(in_p, [np.log(2), np.log(2), 0])
    assert_allclose(in_q, [-2, 0, 0])
    in_p, in_q = gradients(kl_divergence, [p, q])
    assert_allclose(in_p, [np.log(2) + 1, 0, 0])
    assert_allclose(in_q, [-2, 0, 0], atol=1e-15)
    in_p, in_q = gradients(js_divergence, [p, q])
    assert np.isfinite(in_p).all()
    assert np.isfinite(in_q).all()


@pytest.mark.parametrize("measure", [*PAIRS, entropy])
def test_logits_of_minus_infinity_have_gradient_zero(rng, measure):
    z, other = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    z[:, 2], other[:, 2] = -np.inf, -np.inf
    arrays = [z] if measure is entropy else [z, other]
    for grad in gradients(measure, arrays, given="logits"):
        assert_array_equal(grad[:, 2], 0)
        assert np.isfinite(grad).all()
    # and the rest is what it is without the class
    without = [np.delete(a, 2, axis=-1) for a in arrays]
    for grad, expected in zip(
        gradients(measure, arrays, given="logits"),
        gradients(measure, without, given="logits"),
        strict=True,
    ):
        assert_allclose(np.delete(grad, 2, axis=-1), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("measure", [cross_entropy, kl_divergence])
def test_a_model_that_excludes_what_happens_is_pushed_infinitely_hard(measure):
    p = torch.tensor([0.5, 0.5], dtype=torch.float64)
    q = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    with pytest.warns(MisuseWarning, match="D27"):
        value = measure(p, q)
    assert value == np.inf
    (grad,) = torch.autograd.grad(value, q)
    assert_allclose(grad, [-0.5, -np.inf])


def test_ties_of_the_largest_logit_share_the_gradient():
    first = [1.0, 0.0, 0.0, 0.0]

    def measure(z):
        return cross_entropy(first, z, given=("probs", "logits"))

    (grad,) = gradients(measure, [np.zeros(4)])
    assert_allclose(grad, [-0.75, 0.25, 0.25, 0.25])


# Programs that are traced, and misuse -----------------------------------------


@pytest.mark.parametrize("given", SPACES)
def test_jit_and_vmap_say_the_same(rng, given):
    a = jnp.asarray(in_space(rng.normal(size=(3, 7)), given))
    b = jnp.asarray(in_space(rng.normal(size=(3, 7)), given))
    for measure in PAIRS:
        expected = measure(a, b, given=given)
        traced = jax.jit(lambda x, y, m=measure: m(x, y, given=given))(a, b)
        assert_allclose(traced, expected, rtol=1e-12)
        mapped = jax.vmap(lambda x, y, m=measure: m(x, y, given=given))(a, b)
        assert_allclose(mapped, expected, rtol=1e-12)
    a, b = torch.tensor(np.asarray(a)), torch.tensor(np.asarray(b))
    for measure in PAIRS:
        mapped = torch.func.vmap(lambda x, y, m=measure: m(x, y, given=given))(a, b)
        assert_allclose(mapped, measure(a, b, given=given), rtol=1e-12)
        (grad,) = torch.autograd.grad(
            measure(a, c := b.clone().requires_grad_(), given=given).sum(), c
        )
        by_func = torch.func.grad(lambda y, m=measure: m(a, y, given=given).sum())(b)
        assert_allclose(by_func, grad, rtol=1e-12, atol=1e-15)


def test_second_derivatives(rng):
    z, other = torch.tensor(rng.normal(size=4)), torch.tensor(rng.normal(size=4))
    hessian = torch.autograd.functional.hessian(
        lambda y: kl_divergence(z, y, given="logits"), other
    )
    q = torch.softmax(other, -1)
    assert_allclose(hessian, torch.diag(q) - torch.outer(q, q), rtol=1e-9, atol=1e-12)


def test_rows_that_are_no_distributions_are_refused(asarray):
    bad = asarray(np.array([[0.5, 0.5], [0.5, 0.6]]))
    for call in (lambda: entropy(bad), lambda: kl_divergence(bad, bad)):
        with pytest.raises(XentValueError, match=r"p\[1\] sums to 1.1"):
            call()
    with pytest.raises(XentValueError, match="D10"):
        entropy(bad, given="log_probs")


def test_libraries_are_not_mixed_silently():
    with pytest.raises(XentTypeError, match="q must belong to the array library of p, torch"):
        kl_divergence(torch.tensor([0.5, 0.5]), np.array([0.5, 0.5]))
    # a list belongs to no library
    assert kl_divergence(torch.tensor([0.5, 0.5]), [0.5, 0.5]) == 0


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "array_api_compat", None)
    with pytest.raises(UnavailableError, match=r"xent\[array-api\]"):
        entropy(torch.tensor([0.5, 0.5]))
