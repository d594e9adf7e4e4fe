"""Texts of the chapter on adversarial training."""

__all__ = ["TEXTS"]

TEXTS = {
    "intro": {
        "en": r"""
A **generator** makes samples. A **discriminator** looks at a sample and says $D$, the probability that it is real:
a sigmoid of its logit. It is trained with the binary cross-entropy of chapter 6, label 1 for real, 0 for made:

$$\text{loss}_D = -\log D(\text{real}) - \log\bigl(1 - D(\text{made})\bigr)$$

The generator wants to be believed. Two losses say so, and both are cross-entropies of the *same* logit:

$$\log\bigl(1 - D(\text{made})\bigr) \qquad\text{or}\qquad -\log D(\text{made})$$

The first is the game of the paper ([Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661)). The second is the
same paper's remedy, and what is used in practice. Drag the logit to see why.
""",
        "zh": r"""
**生成器**制造样本。**判别器**看一个样本，说出它是真的的概率 $D$，即对数几率的 sigmoid。它用第 6 章的二元交叉熵训练，真样本标签为 1，生成的样本标签为 0：

$$\text{loss}_D = -\log D(\text{真}) - \log\bigl(1 - D(\text{假})\bigr)$$

生成器想让判别器信以为真。表达这一点的损失有两种，都是同一个对数几率的交叉熵：

$$\log\bigl(1 - D(\text{假})\bigr) \qquad\text{或}\qquad -\log D(\text{假})$$

前一种是原论文（[Goodfellow 等，2014](https://arxiv.org/abs/1406.2661)）中的博弈，后一种是同一篇论文给出的补救办法，实际训练用的也是它。拖动对数几率，看看为什么。
""",
    },
    "non_saturating": {"en": "−log D", "zh": "−log D"},
    "saturating": {"en": "log(1 − D), saturating", "zh": "log(1 − D)，会饱和"},
    "loss_nats": {"en": "loss in nats", "zh": "损失（奈特）"},
    "fake_logit": {
        "en": "logit of a made sample (left: surely made)",
        "zh": "生成样本的对数几率（越左越像假的）",
    },
    "push": {"en": "gradient", "zh": "梯度"},
    "logit": {"en": "discriminator's logit of a made sample", "zh": "判别器对生成样本的对数几率"},
    "real_logit": {"en": "its logit of a real sample", "zh": "判别器对真样本的对数几率"},
    "losses_label": {
        "en": "Both losses of the generator and their gradients over the logit; at [[z]] the gradients are "
        "[[first]] for −log D and [[second]] for log(1 − D).",
        "zh": "生成器的两种损失及其梯度随对数几率的变化；在 [[z]] 处，梯度分别为 [[first]]（−log D）和 [[second]]（log(1 − D)）。",
    },
    "losses_caption": {
        "en": "Early in training the discriminator is sure: the logit is far to the left.",
        "zh": "训练初期判别器很有把握：对数几率远在左边。",
    },
    "equilibrium": {"en": "Equilibrium: both 0", "zh": "均衡：都为 0"},
    "early": {"en": "Early: sure of both", "zh": "初期：都很有把握"},
    "card_d": {"en": "D, believed to be real", "zh": "D：被当作真的概率"},
    "card_slope": {"en": "gradient of −log D", "zh": "−log D 的梯度"},
    "card_saturating_slope": {"en": "gradient of log(1 − D)", "zh": "log(1 − D) 的梯度"},
    "card_ratio": {"en": "−log D pushes harder by", "zh": "−log D 的推力是它的"},
    "times": {"en": "times", "zh": "倍"},
    "card_generator": {"en": "generator, −log D", "zh": "生成器，−log D"},
    "card_generator_saturating": {"en": "generator, log(1 − D)", "zh": "生成器，log(1 − D)"},
    "card_discriminator": {"en": "discriminator, both terms", "zh": "判别器，两项之和"},
    "losses_say": {
        "en": "The discriminator gives the made sample $D = [[d]]$. Under $-\\log D$ the generator is pushed with "
        "[[slope]], under $\\log(1 - D)$ with [[saturating]]: the gradients are $-(1-D)$ and $-D$. Where the generator is "
        "worst, the second has nothing left to say.",
        "zh": "判别器给生成样本的概率是 $D = [[d]]$。用 $-\\log D$ 时，生成器受到的推力为 [[slope]]；"
        "用 $\\log(1 - D)$ 时为 [[saturating]]：两个梯度分别是 $-(1-D)$ 和 $-D$。生成器越差，后者的推力越接近 0。",
    },
    "at_rest": {
        "en": r"""
**ln 2 and 2 ln 2.** When nobody can tell real from made, every logit is 0 and $D = \frac12$. Then $-\log D$ is
$\ln 2 = [[one]]$ and the discriminator's two terms are $2\ln 2 = [[two]]$ (many programs print their mean,
$\ln 2$). A discriminator loss near these numbers means that it cannot tell, or that it does not try. It is not a measure of
good pictures.
""",
        "zh": r"""
**ln 2 与 2 ln 2。** 当真假无法分辨时，所有对数几率都是 0，$D = \frac12$。此时 $-\log D$ 为 $\ln 2 = [[one]]$，判别器的两项之和为 $2\ln 2 = [[two]]$（许多程序打印的是平均值 $\ln 2$）。判别器的损失接近这些数，说明它分不清，或者根本没在学；这并不衡量图像的好坏。
""",
    },
    "gaussians": {
        "en": r"""
## The best discriminator, and what it measures

Let the data be $\mathcal N(0, 1)$ and the generator $\mathcal N(\mu, \sigma^2)$. The discriminator that minimises its cross-entropy
gives every sample the share of the data in it,

$$D^*(x) = \frac{p_{\text{data}}(x)}{p_{\text{data}}(x) + p_{\text{made}}(x)}$$

and what remains of its loss is $2\ln 2 - 2\,\mathrm{JS}$, with the Jensen–Shannon divergence of the two: the cross-entropy of the best
guess measures how far apart they are. The two numbers below are computed separately, the loss from the logits
of $D^*$ and JS from the densities.
""",
        "zh": r"""
## 最优判别器，以及它量出了什么

设数据服从 $\mathcal N(0, 1)$，生成器服从 $\mathcal N(\mu, \sigma^2)$。使交叉熵最小的判别器，对每个样本给出的正是其中数据所占的比例：

$$D^*(x) = \frac{p_{\text{数据}}(x)}{p_{\text{数据}}(x) + p_{\text{生成}}(x)}$$

它余下的损失是 $2\ln 2 - 2\,\mathrm{JS}$，JS 是两者的 Jensen–Shannon 散度：最优猜测的交叉熵量出了两个分布相距多远。下面两个数是分开算出来的：损失由 $D^*$ 的对数几率算出，JS 由密度算出。
""",
    },
    "mean": {"en": "mean μ of the generator", "zh": "生成器的均值 μ"},
    "deviation": {"en": "standard deviation σ", "zh": "标准差 σ"},
    "data": {"en": "data", "zh": "数据"},
    "made": {"en": "generator", "zh": "生成器"},
    "best_d": {"en": "best discriminator D*", "zh": "最优判别器 D*"},
    "density": {"en": "density", "zh": "密度"},
    "sample": {"en": "sample x", "zh": "样本 x"},
    "said_real": {"en": "D*, believed to be real", "zh": "D*：被当作真的概率"},
    "gaussians_label": {
        "en": "Densities of data and generator, whose mean is [[mean]], and the best discriminator; Jensen-Shannon "
        "divergence [[divergence]] nats.",
        "zh": "数据与生成器（均值 [[mean]]）的密度，以及最优判别器；Jensen–Shannon 散度为 [[divergence]] 奈特。",
    },
    "gaussians_caption": {
        "en": "Drag the orange dot onto the data: D* becomes ½ everywhere.",
        "zh": "把橙色圆点拖到数据处：D* 处处变为 ½。",
    },
    "becomes_data": {"en": "Become the data", "zh": "变得和数据一样"},
    "card_best_loss": {"en": "loss of D*", "zh": "D* 的损失"},
    "card_js": {"en": "Jensen–Shannon divergence", "zh": "Jensen–Shannon 散度"},
    "card_identity": {"en": "2 ln 2 − 2 JS", "zh": "2 ln 2 − 2 JS"},
    "chase": {
        "en": r"""
## The race again

Now the generator moves: its mean starts away from the data and follows its gradient, at learning rate [[rate]],
against the best discriminator at every step. It has arrived when it is within [[caught]] of the data. This is the race of
chapter 4, in another dress: $\log(1-D)$ fades where the generator is far off, $-\log D$ does not.
""",
        "zh": r"""
## 再赛一场

现在让生成器动起来：它的均值从远离数据的地方出发，以学习率 [[rate]] 沿梯度走，每一步都面对最优判别器；离数据不超过 [[caught]] 就算到达。这就是第 4 章的那场比赛，只是换了一身打扮：生成器离得远时 $\log(1-D)$ 的梯度会消失，$-\log D$ 的不会。
""",
    },
    "chase_start": {"en": "where the generator starts", "zh": "生成器的起点"},
    "steps": {"en": "steps (each line: ten times as many)", "zh": "步数（每格多十倍）"},
    "distance": {"en": "mean of the generator (data: 0)", "zh": "生成器的均值（数据为 0）"},
    "chase_label": {
        "en": "The mean of the generator over steps from [[start]]: [[first]] steps with −log D, [[second]] with "
        "log(1 − D).",
        "zh": "生成器的均值从 [[start]] 出发随步数的变化：−log D 用 [[first]] 步，log(1 − D) 用 [[second]] 步。",
    },
    "chase_caption": {
        "en": "From 1 away there is little between them; from 6 away, everything.",
        "zh": "起点距离为 1 时两者相差无几，距离为 6 时天差地别。",
    },
    "card_chase": {"en": "steps with −log D", "zh": "−log D 所需步数"},
    "card_chase_saturating": {"en": "steps with log(1 − D)", "zh": "log(1 − D) 所需步数"},
}
