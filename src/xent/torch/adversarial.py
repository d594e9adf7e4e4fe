r"""The two losses of a generative adversarial network, from the logits of the discriminator.

With :math:`D = \operatorname{sigmoid}(\text{logits})` the probability that a sample is real,

=============================  ========================================  ================
loss                           of a sample                               at equilibrium
=============================  ========================================  ================
discriminator                  -log D(real), and -log(1 - D(fake))       2 log 2 = 1.3863
generator, non-saturating      -log D(fake)                              log 2 = 0.6931
generator, saturating          log(1 - D(fake))                          -log 2
=============================  ========================================  ================

Both are binary cross-entropies: of the label 1 for the real samples and 0 for the fake ones
(discriminator), and of the label 1 for the fake ones (non-saturating generator). At
equilibrium nobody can tell them apart, and every logit is 0.
"""

from __future__ import annotations

from torch import Tensor, full_like

from xent.errors import XentValueError
from xent.torch._arguments import check_logits, check_number
from xent.torch.functional import binary_cross_entropy_with_logits

__all__ = ["discriminator_loss", "generator_loss"]

_REDUCTIONS = ("mean", "sum")


def discriminator_loss(
    real_logits: Tensor,
    fake_logits: Tensor,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    r"""Return what the discriminator minimises: -log D(real) - log(1 - D(fake)), in nats.

    .. math::
        \ell_D = \operatorname{mean}_{\text{real}} \bigl[ -\log \sigma(z) \bigr]
        + \operatorname{mean}_{\text{fake}} \bigl[ -\log (1 - \sigma(z)) \bigr]

    It is the negative of the value that the paper [1]_ has the discriminator maximise, and
    twice the mean binary cross-entropy of as many real samples as fake ones.

    Parameters
    ----------
    real_logits, fake_logits : Tensor, floating, any shape
        Logits of the discriminator, before any sigmoid: of samples of the data, and of
        samples of the generator. There may be more of the one than of the other, for each
        has its own mean. The generator is not to learn from this loss: compute the fake ones
        of ``fake.detach()``.
    label_smoothing : float in [0, 1], default 0
        One-sided [2]_: the label of the real samples becomes ``1 - label_smoothing``, that of
        the fake ones remains 0. It bounds the logit that a discriminator wants to give.
    reduction : {"mean", "sum"}, default "mean"

    Returns
    -------
    loss : Tensor, shape ()
        float64 for float64 logits, else float32.

    Raises
    ------
    XentTypeError
        If a tensor is none, or does not hold floats.
    XentValueError
        If an option has no such value.

    Notes
    -----
    *Precision.* Within 4 ulp, and so is the gradient, over the whole range of the dtype.
    ``-torch.log(1 - torch.sigmoid(z))`` in float32 is inf for z > 17, and its gradient nan,
    just where the discriminator is wrong and has most to learn.

    *Reading it.* 2 log 2 = 1.3863 means that real and fake cannot be told apart, or that the
    discriminator does not try; near 0, that it always can.

    See Also
    --------
    generator_loss : what the other one minimises.
    functional.binary_cross_entropy_with_logits : the loss that both are made of.

    References
    ----------
    .. [1] Goodfellow et al., "Generative adversarial networks", 2014, arXiv:1406.2661.
    .. [2] Salimans et al., "Improved techniques for training GANs", 2016, arXiv:1606.03498,
       section 3.4.

    Examples
    --------
    >>> import torch
    >>> from xent.torch.adversarial import discriminator_loss
    >>> round(discriminator_loss(torch.zeros(4), torch.zeros(6)).item(), 4)
    1.3863
    >>> round(discriminator_loss(torch.full((4,), 5.0), torch.full((6,), -5.0)).item(), 4)
    0.0134
    """
    if label_smoothing:
        check_number(label_smoothing, "label_smoothing", least=0.0, most=1.0)
    real = _cross_entropy(real_logits, 1.0 - label_smoothing, "real_logits", reduction)
    return real + _cross_entropy(fake_logits, 0.0, "fake_logits", reduction)


def generator_loss(
    fake_logits: Tensor, *, saturating: bool = False, reduction: str = "mean"
) -> Tensor:
    r"""Return what the generator minimises: -log D(fake), or log(1 - D(fake)), in nats.

    .. math::
        \ell_G = -\log \sigma(z) , \quad \frac{d \ell_G}{dz} = -\sigma(-z)
        \qquad\text{or, saturating,}\qquad
        \ell_G = \log (1 - \sigma(z)) , \quad \frac{d \ell_G}{dz} = -\sigma(z) .

    Both push the logits of the fake samples up, and both are at rest where the discriminator is
    fooled. They differ where the discriminator is sure that a sample is fake (:math:`z \ll 0`),
    as it is early in training: there the gradient of the saturating loss, which is
    the paper's minimax game, dies like :math:`e^{z}`, and the other's is -1. Hence the default.

    Parameters
    ----------
    fake_logits : Tensor, floating, any shape
        Logits of the discriminator, before any sigmoid, of samples of the generator.
    saturating : bool, default False
        Whether to minimise log(1 - D(fake)) itself.
    reduction : {"mean", "sum"}, default "mean"

    Returns
    -------
    loss : Tensor, shape ()
        At least 0, or at most 0 for the saturating one. float64 for float64 logits, else
        float32.

    Raises
    ------
    XentTypeError
        If `fake_logits` is no tensor of floats.
    XentValueError
        If `reduction` has no such value.

    Notes
    -----
    *Precision.* As `discriminator_loss`: the dying gradient is small, and right.

    *Reading it.* log 2 = 0.6931 (saturating: -0.6931) at equilibrium. A rising loss may mean a
    better discriminator and no worse generator.

    See Also
    --------
    discriminator_loss : what the other one minimises.

    References
    ----------
    .. [1] Goodfellow et al., "Generative adversarial networks", 2014, arXiv:1406.2661,
       section 3, on log(1 - D) that saturates.

    Examples
    --------
    Which gradient dies, as the discriminator grows sure that a sample is fake:

    >>> import torch
    >>> from xent.torch.adversarial import generator_loss
    >>> z = torch.tensor([0.0, -5.0, -10.0, -20.0], requires_grad=True)
    >>> for saturating in (False, True):
    ...     loss = generator_loss(z, saturating=saturating, reduction="sum")
    ...     print([f"{g:.1e}" for g in torch.autograd.grad(loss, z)[0].tolist()])
    ['-5.0e-01', '-9.9e-01', '-1.0e+00', '-1.0e+00']
    ['-5.0e-01', '-6.7e-03', '-4.5e-05', '-2.1e-09']

    At equilibrium:

    >>> round(generator_loss(torch.zeros(8)).item(), 4)
    0.6931
    """
    if saturating:
        return -_cross_entropy(fake_logits, 0.0, "fake_logits", reduction)
    return _cross_entropy(fake_logits, 1.0, "fake_logits", reduction)


def _cross_entropy(logits: Tensor, label: float, name: str, reduction: str) -> Tensor:
    check_logits(logits, name)
    if reduction not in _REDUCTIONS:
        raise XentValueError(
            f"reduction must be one of {_REDUCTIONS}, got {reduction!r}", value=reduction
        )
    if logits.dtype.itemsize == 2:
        logits = logits.float()
    target = full_like(logits, label, requires_grad=False)
    loss: Tensor = binary_cross_entropy_with_logits(logits, target, reduction=reduction)
    return loss
