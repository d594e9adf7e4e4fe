"""Texts of the chapter on entropy."""

__all__ = ["TEXTS"]

TEXTS = {
    "event_a": {"en": "it starts", "zh": "正常开机"},
    "event_b": {"en": "it does not", "zh": "无法开机"},
    "event_c": {"en": "it explodes", "zh": "爆炸"},
    "intro": {
        "en": r"""
You press the button of your computer. Three things may happen: it starts, it does not, or it
explodes. Each tells something when it happens, $-\log p$. **Entropy** is what you expect to be told
before you press:

$$H(p) = -\sum_i p_i \log p_i$$

Each term is an area in the picture: as wide as the event is likely, as high as it is surprising.
""",
        "zh": r"""
按下电脑的开机键，可能发生三件事：正常开机、无法开机，或者爆炸。每件事一旦发生，就带来 $-\log p$
的信息。**熵**就是按下之前预期得到的信息量：

$$H(p) = -\sum_i p_i \log p_i$$

图中每一项都是一块面积：宽是发生的概率，高是它带来的信息。
""",
    },
    "terms_caption": {
        "en": "The three areas together are the entropy: the dashed line is their mean height. "
        "Drag the dots on the axis, or use the sliders.",
        "zh": "三块面积之和就是熵，虚线是它们的平均高度。可以拖动横轴上的圆点，也可以用滑块。",
    },
    "terms_label": {
        "en": "Probabilities: [[names]]. Entropy [[entropy]] [[unit]].",
        "zh": "概率：[[names]]。熵为 [[entropy]] [[unit]]。",
    },
    "axis_share": {"en": "probability", "zh": "概率"},
    "axis_information": {"en": "−log p, in [[unit]]", "zh": "−log p（[[unit]]）"},
    "axis_p": {"en": "probability of heads", "zh": "正面朝上的概率"},
    "axis_entropy": {"en": "entropy, in [[unit]]", "zh": "熵（[[unit]]）"},
    "keep": {"en": "Sum", "zh": "总和"},
    "keep_on": {"en": "kept at 1", "zh": "保持为 1"},
    "keep_off": {"en": "free", "zh": "不限"},
    "equal": {"en": "Equally likely", "zh": "等可能"},
    "article": {"en": "0.7, 0.2, 0.1", "zh": "0.7、0.2、0.1"},
    "sum_is": {"en": "sum [[total]]", "zh": "总和 [[total]]"},
    "not_one": {
        "en": "The three probabilities sum to [[total]], not to 1. They describe no distribution, "
        "so there is no entropy to show. Move a slider, or choose “kept at 1”.",
        "zh": "三个概率之和是 [[total]]，不是 1。这不是一个概率分布，也就没有熵可言。"
        "请移动滑块，或选择“保持为 1”。",
    },
    "worked": {
        "en": r"$$\begin{aligned}H &= [[terms]] \\ &= [[h]]\end{aligned}$$",
        "zh": r"$$\begin{aligned}H &= [[terms]] \\ &= [[h]]\end{aligned}$$",
    },
    "as_printed": {
        "en": "The article prints [[printed]] for these three: it rounds what each event tells before it adds, "
        "[[sum]] = [[printed]]. Not rounded, it is [[h]].",
        "zh": "原文给出的是 [[printed]]：它先把每个事件的信息量四舍五入到两位小数再相加，[[sum]] = [[printed]]。不作舍入，结果是 [[h]]。",
    },
    "card_entropy": {"en": "entropy H(p)", "zh": "熵 H(p)"},
    "card_largest": {"en": "the most that three can have, log 3", "zh": "三个事件的最大值 log 3"},
    "card_perplexity": {"en": "as open as this many equal events", "zh": "相当于多少个等可能事件"},
    "largest": {
        "en": r"""
## Where entropy is largest

Every distribution of three events is a point of this triangle; in a corner one event is certain.
The rings join distributions of the same entropy, in percent of the most, $\log 3$. It is in the middle, where
nothing is more likely than anything else: there you know least, so you have most to learn.
""",
        "zh": r"""
## 熵在哪里最大

三个事件的任何一种分布都是三角形里的一点，角上表示其中一件必然发生。每一圈上的分布熵相同，
标的是占最大值 $\log 3$ 的百分比。最大值在正中间：没有哪件事比别的更可能，此时所知最少，能得到的信息也就最多。
""",
    },
    "simplex_caption": {
        "en": "The dot is the distribution that you have set above.",
        "zh": "圆点就是你在上面设定的分布。",
    },
    "simplex_label": {
        "en": "A triangle of all distributions of three events, with rings of equal entropy.",
        "zh": "三个事件的所有分布构成的三角形，等熵的分布连成一圈一圈的线。",
    },
    "coin_text": {
        "en": r"""
## Two outcomes: the coin

Heads with probability $p$, tails with $1 - p$. Then one number says everything:

$$H(p) = -p \log p - (1 - p) \log (1 - p)$$

A fair coin leaves most open, $\log 2$, which is one bit. A lottery ticket has two outcomes as well, and
next to no entropy: you know what will happen.
""",
        "zh": r"""
## 两种结果：硬币

正面的概率为 $p$，反面为 $1 - p$，一个数就说明了一切：

$$H(p) = -p \log p - (1 - p) \log (1 - p)$$

公平的硬币最难预料，熵为 $\log 2$，也就是 1 比特。买彩票同样只有两种结果，熵却几乎为零：结果早在意料之中。
""",
    },
    "coin_caption": {
        "en": "Drag the dot along the curve.",
        "zh": "沿曲线拖动圆点。",
    },
    "coin_label": {
        "en": "Entropy of two outcomes over their probability; at [[p]] it is [[entropy]] [[unit]].",
        "zh": "两种结果的熵随概率变化的曲线；概率为 [[p]] 时是 [[entropy]] [[unit]]。",
    },
    "coin_p": {"en": "probability of heads p", "zh": "正面的概率 p"},
    "fair": {"en": "Fair coin", "zh": "公平硬币"},
    "bent": {"en": "Bent coin, 0.9", "zh": "不公平硬币，0.9"},
    "lottery": {"en": "Lottery", "zh": "彩票"},
    "card_coin": {"en": "entropy H(p)", "zh": "熵 H(p)"},
    "card_heads": {"en": "what heads tells", "zh": "正面带来的信息"},
    "card_tails": {"en": "what tails tells", "zh": "反面带来的信息"},
}
