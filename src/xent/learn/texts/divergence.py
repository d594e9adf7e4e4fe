"""Texts of the chapter on KL divergence and cross-entropy."""

__all__ = ["TEXTS"]

TEXTS = {
    "intro": {
        "en": r"""
The weather has probabilities <span class="text-p">$p$</span> of its own. A forecast gives it the
probabilities <span class="text-q">$q$</span> instead. When the day comes, the forecaster is told $-\log q$ of what
happens, and it happens as often as $p$ says. What that costs on average is the **cross-entropy**, and it has two parts:

$$H(p, q) = -\sum_i p_i \log q_i = H(p) + \mathrm{KL}(p \,\|\, q)$$

The first part, $H(p)$, is the weather's own: no forecast gets below it. The second part is what believing $q$
costs on top, the **KL divergence** (relative entropy). It is never below 0, and 0 only for $q = p$:

$$\mathrm{KL}(p \,\|\, q) = \sum_i p_i \log \frac{p_i}{q_i}$$
""",
        "zh": r"""
外面的天气服从真实分布 <span class="text-p">$p$</span>，有人按分布 <span class="text-q">$q$</span> 做预报。
某种天气真的出现时，预报者得到的信息是 $-\log q$，而它出现的频率由 $p$ 决定。平均下来的代价就是**交叉熵**，它由两部分组成：

$$H(p, q) = -\sum_i p_i \log q_i = H(p) + \mathrm{KL}(p \,\|\, q)$$

第一部分 $H(p)$ 是天气本身的不确定性，任何预报都不可能低于它。第二部分是相信 $q$ 而多付的代价，
即**相对熵**（KL 散度）。它从不小于 0，只有 $q = p$ 时才等于 0：

$$\mathrm{KL}(p \,\|\, q) = \sum_i p_i \log \frac{p_i}{q_i}$$
""",
    },
    "day_sun": {"en": "sun", "zh": "晴"},
    "day_cloud": {"en": "clouds", "zh": "多云"},
    "day_rain": {"en": "rain", "zh": "雨"},
    "legend_p": {"en": "p: what happens", "zh": "p：真实分布"},
    "legend_q": {"en": "q: what is believed", "zh": "q：相信的分布"},
    "axis_share": {"en": "probability", "zh": "概率"},
    "bars_caption": {
        "en": "Drag the dots on the bars; each distribution keeps its sum of 1. Below, the two parts end to end are "
        "exactly as long as the whole.",
        "zh": "拖动柱顶的圆点，每个分布的总和始终为 1。下方两段首尾相接，恰好与整体等长。",
    },
    "bars_label": {
        "en": "p is [[p]], q is [[q]]. Entropy [[h]] plus divergence [[kl]] is the cross-entropy [[ce]].",
        "zh": "p 为 [[p]]，q 为 [[q]]。熵 [[h]] 加 KL 散度 [[kl]] 等于交叉熵 [[ce]]。",
    },
    "slider_p": {"en": "p: [[day]]", "zh": "p：[[day]]"},
    "slider_q": {"en": "q: [[day]]", "zh": "q：[[day]]"},
    "swap": {"en": "Swap p and q", "zh": "交换 p 与 q"},
    "same": {"en": "q = p", "zh": "令 q = p"},
    "label": {"en": "A label: p = 1, 0, 0", "zh": "标签：p = 1, 0, 0"},
    "never": {"en": "“It never rains”", "zh": "“绝不下雨”"},
    "card_h": {"en": "H(p), the weather's own", "zh": "H(p)，天气本身的"},
    "card_kl": {"en": "KL(p‖q), the price of q", "zh": "KL(p‖q)，相信 q 的代价"},
    "card_ce": {"en": "H(p, q), together", "zh": "H(p, q)，合计"},
    "card_swapped": {"en": "KL(q‖p), swapped", "zh": "KL(q‖p)，交换之后"},
    "impossible": {
        "en": "The forecast gives [[day]] probability 0, and it happens in [[share]] of all days. On such a day the "
        "surprise is $-\\log 0 = \\infty$, so the mean over all days is infinite too, however rare they are.",
        "zh": "预报给“[[day]]”的概率是 0，而它在 [[share]] 的日子里会出现。那一天的信息量是 $-\\log 0 = \\infty$，"
        "于是不管多么罕见，平均值也是无穷大。",
    },
    "harmless": {
        "en": "The other way round there is no harm: what p never does, $p_i = 0$, costs nothing whatever q "
        "believes of it, as $0 \\log 0 = 0$.",
        "zh": "反过来则无妨：p 中不会发生的事，$p_i = 0$，无论 q 怎么认为都没有代价，因为规定 $0 \\log 0 = 0$。",
    },
    "equal": {
        "en": "Now $q = p$: the divergence is 0. The cross-entropy is not; it is the entropy. "
        "Cross-entropy is no distance, and neither is KL, which changes when p and q are swapped.",
        "zh": "此时 $q = p$，KL 散度为 0。交叉熵并不为 0，它等于熵。交叉熵不是距离；KL 散度也不是，交换 p 与 q 它就变了。",
    },
    "binary_text": {
        "en": r"""
## Why cross-entropy is a loss

Two outcomes, so that a whole forecast is one number $q$. The orange curve is the cross-entropy of every
$q$ while the truth stays at $p$. It is lowest at $q = p$, where it touches the entropy (dashed blue). A model can
move $q$ only. $H(p)$ belongs to the labels and does not move, so whoever lowers the cross-entropy lowers the divergence,
by the same amount.

For a label, $p = (1, 0)$, the entropy is 0: cross-entropy and KL divergence are the same number, $-\log q$.
""",
        "zh": r"""
## 为什么用交叉熵作损失

只有两种结果时，一份预报就是一个数 $q$。橙色曲线是真实概率为 $p$ 时各个 $q$ 的交叉熵，在 $q = p$ 处最低，
恰好碰到熵（蓝色虚线）。模型能改变的只有 $q$；$H(p)$ 由标签决定，不会变。所以交叉熵降多少，KL 散度就降多少。

对一个标签来说 $p = (1, 0)$，熵为 0，交叉熵与 KL 散度是同一个数，即 $-\log q$。
""",
    },
    "binary_caption": {
        "en": "Drag q along its curve, and p along the entropy. The purple bar is the divergence.",
        "zh": "沿曲线拖动 q，沿熵的曲线拖动 p。紫色的一段就是 KL 散度。",
    },
    "binary_label": {
        "en": "Cross-entropy over q. With p at [[p]] and q at [[q]]: entropy [[h]], divergence [[kl]], cross-entropy [[ce]].",
        "zh": "交叉熵随 q 变化的曲线。p 为 [[p]]，q 为 [[q]]：熵 [[h]]，KL 散度 [[kl]]，交叉熵 [[ce]]。",
    },
    "axis_q": {"en": "probability q", "zh": "概率 q"},
    "axis_cost": {"en": "in [[unit]]", "zh": "（[[unit]]）"},
    "true_p": {"en": "truth p", "zh": "真实概率 p"},
    "model_q": {"en": "forecast q", "zh": "预报概率 q"},
    "endless": {
        "en": "The forecast rules out what happens: no curve is high enough, the cost is infinite.",
        "zh": "预报排除了会发生的事：曲线再高也不够，代价是无穷大。",
    },
}
