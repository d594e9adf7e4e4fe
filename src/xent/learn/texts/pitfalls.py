"""Texts of the chapter on what goes wrong: softmax twice, float32, and the mean of what."""

from xent.learn.texts.pitfalls_more import MORE

__all__ = ["TEXTS"]

TEXTS = {
    "intro": {
        "en": r"""
None of these raises an error. Each gives a number that looks like a loss.
""",
        "zh": r"""
下面这些都不会报错，每一个都会给出一个看上去像损失的数。
""",
    },
    # 1 softmax twice
    "double": {
        "en": r"""
## 1. Softmax twice

`CrossEntropyLoss` and its like take **logits** and apply the softmax themselves. If the model ends in a softmax too, the loss
reads probabilities as logits. They lie between 0 and 1, so with $K$ classes the loss can never leave a band that is 1 nat wide and
begins at

$$\ln\Bigl(1 + \frac{K-1}{e}\Bigr)$$

however sure and right the model is. At the start, with all logits 0, the gradient is exactly $K$ times too small.
""",
        "zh": r"""
## 1. 做了两次 softmax

`CrossEntropyLoss` 之类的损失接收的是**对数几率**（logits），自己会做 softmax。如果模型最后一层也是 softmax，损失就把概率当成了对数几率。概率在 0 和 1 之间，所以有 $K$ 个类别时，不管模型多么有把握、多么正确，损失都被困在一个宽 1 奈特的区间里，它的下端是

$$\ln\Bigl(1 + \frac{K-1}{e}\Bigr)$$

训练开始时所有对数几率为 0，梯度恰好只有应有的 $K$ 分之一。
""",
    },
    "once": {"en": "softmax once", "zh": "一次 softmax"},
    "twice": {"en": "softmax twice", "zh": "两次 softmax"},
    "band": {"en": "where twice is locked in", "zh": "两次 softmax 被困住的区间"},
    "sure": {
        "en": "how sure (left: of a wrong class)",
        "zh": "把握有多大（左：对错误的类别有把握）",
    },
    "sure_slider": {"en": "how sure: its largest logit", "zh": "把握有多大：最大的对数几率"},
    "classes": {"en": "classes K", "zh": "类别数 K"},
    "loss_nats": {"en": "loss in nats", "zh": "损失（奈特）"},
    "floor": {"en": "floor [[value]]", "zh": "下限 [[value]]"},
    "twice_label": {
        "en": "Loss over how sure the model is, with [[classes]] classes: softmax twice stays between [[floor]] and "
        "[[ceiling]].",
        "zh": "[[classes]] 个类别时，损失随把握大小的变化：两次 softmax 的损失始终在 [[floor]] 与 [[ceiling]] 之间。",
    },
    "twice_caption": {
        "en": "Drag the dot to the right: the model gets sure and right, and only one of the losses can tell.",
        "zh": "向右拖动圆点：模型越来越有把握，也越来越正确，却只有一种损失看得出来。",
    },
    "card_once": {"en": "loss, softmax once", "zh": "一次 softmax 的损失"},
    "card_twice": {"en": "loss, softmax twice", "zh": "两次 softmax 的损失"},
    "card_floor": {"en": "floor ln(1 + (K−1)/e)", "zh": "下限 ln(1 + (K−1)/e)"},
    "card_uniform": {"en": "guessing, ln K", "zh": "瞎猜：ln K"},
    "card_weaker": {"en": "gradient at the start, too small by", "zh": "起步梯度应放大"},
    "times": {"en": "times", "zh": "倍"},
    "twice_say": {
        "en": "With [[classes]] classes a loss that settles near **[[floor]]** and never falls below it is the mark of softmax twice. "
        "Remove the softmax from the model, or use a loss of probabilities: `xent.categorical_cross_entropy`. xent warns "
        "about it (D04) when it sees rows of logits that sum to 1.",
        "zh": "有 [[classes]] 个类别时，损失停在 **[[floor]]** 附近再也降不下去，就是做了两次 softmax 的标志。"
        "去掉模型里的 softmax，或者改用接收概率的损失 `xent.categorical_cross_entropy`。"
        "xent 看到每行之和为 1 的“对数几率”时会发出警告（D04）。",
    },
    # 2 float32
    "cliff": {
        "en": r"""
## 2. The cliff of float32

The cross-entropy of a probability and that of its logit are the same formula, and not the same program. In float32,
$\sigma(z)$ rounds to exactly 1 from $z = 17$ on. If the label is 0, the loss is then $-\log 0$, which torch's `BCELoss` holds at 100, and its
gradient is **0**: where the model is most wrong, it learns nothing. With the logit, $\log(1 + e^z)$ is
right everywhere.
""",
        "zh": r"""
## 2. float32 的悬崖

由概率算的交叉熵和由对数几率算的交叉熵，公式相同，程序却不同。在 float32 中，从 $z = 17$ 起，$\sigma(z)$ 就舍入成了 1。如果标签是 0，损失就是 $-\log 0$，torch 的 `BCELoss` 把它截断在 100，而梯度是 **0**：模型错得最离谱的地方，恰恰什么也学不到。用对数几率直接算 $\log(1 + e^z)$，则处处正确。
""",
    },
    "torch_comes": {
        "en": "The picture comes as soon as torch is loaded, which takes some seconds the first time.",
        "zh": "正在载入 torch，第一次需要几秒钟，随后图就会出现。",
    },
    "of_logit": {"en": "xent, of the logit", "zh": "xent，由对数几率算"},
    "of_sigmoid": {"en": "[[by]]: BCELoss of sigmoid(z)", "zh": "[[by]]：sigmoid(z) 的 BCELoss"},
    "logit": {"en": "logit z", "zh": "对数几率 z"},
    "gradient": {"en": "gradient", "zh": "梯度"},
    "label": {"en": "Label y", "zh": "标签 y"},
    "z": {"en": "logit z", "zh": "对数几率 z"},
    "cliff_label": {
        "en": "Loss and gradient over the logit in float32; at [[z]] the loss is [[right]], and [[wrong]] through a "
        "rounded sigmoid.",
        "zh": "float32 下损失和梯度随对数几率的变化；在 [[z]] 处，损失应为 [[right]]，经过舍入的 sigmoid 得到 [[wrong]]。",
    },
    "cliff_caption": {
        "en": "All numbers in float32. Try both labels: at one end the loss falls off a cliff, at the other it fades.",
        "zh": "所有数都是 float32。两种标签都试试：一端是悬崖，另一端是慢慢消失。",
    },
    "card_exact": {"en": "loss, of the logit", "zh": "损失，由对数几率算"},
    "card_rounded": {"en": "loss, of the sigmoid", "zh": "损失，由 sigmoid 算"},
    "card_exact_slope": {"en": "gradient, of the logit", "zh": "梯度，由对数几率算"},
    "card_rounded_slope": {"en": "gradient, of the sigmoid", "zh": "梯度，由 sigmoid 算"},
    "by_torch": {
        "en": "The red line is computed by [[by]] on this machine, while you watch. xent's own loss of a probability "
        "clips nothing: past the cliff it is ∞, and a warning says where (D27).",
        "zh": "红线由本机上的 [[by]] 当场算出。xent 自己的、接收概率的损失不做截断：过了悬崖就是 ∞，并警告在哪里（D27）。",
    },
    "by_numpy": {
        "en": "torch is not installed here, so [[by]] follows the formulas of its `BCELoss` in float32; the library's tests hold the "
        "two equal. xent's own loss of a probability clips nothing: past the cliff it is ∞, and a warning says where (D27).",
        "zh": "本机没有安装 torch，所以由 [[by]] 按其 `BCELoss` 的公式以 float32 计算；本库的测试保证两者一致。xent 自己的、接收概率的损失不做截断：过了悬崖就是 ∞，并警告在哪里（D27）。",
    },
    # 3 means
    "means": {
        "en": r"""
## 3. The mean of means

A batch is computed in two parts: micro-batches, GPUs, sequences of different length. Each reports its mean loss.
Averaging the two is right only if they have the same number of rows. Otherwise a row in the small part counts
for more than one in the large part. Keep **sum and count**, add them, and divide once: that is `xent.Total`.
""",
        "zh": r"""
## 3. 平均值的平均值

一个批分成两部分来算：微批、多块 GPU、长短不一的序列。每一部分报告自己的平均损失。只有两部分行数相同，再取平均才对；否则，小的那部分里的一行就比大的那部分里的一行更算数。正确的做法是保留**总和与行数**，相加之后只除一次：这就是 `xent.Total`。
""",
    },
    "part_a": {"en": "first part", "zh": "第一部分"},
    "part_b": {"en": "second part", "zh": "第二部分"},
    "mean_of_rows": {"en": "mean of all rows", "zh": "所有行的平均"},
    "mean_of_means": {"en": "mean of the two means", "zh": "两个平均值的平均"},
    "rows": {"en": "rows", "zh": "行数"},
    "mean_loss": {"en": "mean loss in nats", "zh": "平均损失（奈特）"},
    "rows_a": {"en": "rows, first part", "zh": "第一部分的行数"},
    "rows_b": {"en": "rows, second part", "zh": "第二部分的行数"},
    "loss_a": {"en": "its mean loss", "zh": "其平均损失"},
    "loss_b": {"en": "its mean loss", "zh": "其平均损失"},
    "even": {"en": "Equal parts", "zh": "两部分一样大"},
    "uneven": {"en": "900 and 100", "zh": "900 与 100"},
    "means_label": {
        "en": "Two parts as areas: the mean of all rows is [[right]], the mean of the means [[wrong]].",
        "zh": "两部分画成面积：所有行的平均是 [[right]]，平均值的平均是 [[wrong]]。",
    },
    "means_caption": {
        "en": "Each area is a sum of losses. The mean of all rows is the height of both areas, levelled.",
        "zh": "每块面积是损失之和。把两块面积摊平，高度就是所有行的平均。",
    },
    "card_mean": {"en": "mean of all rows", "zh": "所有行的平均"},
    "card_mean_of_means": {"en": "mean of means", "zh": "平均值的平均"},
    "card_row": {"en": "a row of the second part counts", "zh": "第二部分的一行算作"},
    "means_say": {
        "en": "Averaging the means reports **[[wrong]]** where the rows have **[[right]]**. Each row of the first part then counts "
        "[[first]] times its due, each of the second [[second]] times.",
        "zh": "对平均值取平均得到 **[[wrong]]**，而所有行的平均是 **[[right]]**。这样一来，第一部分的每一行按 [[first]] 行计，第二部分的每一行按 [[second]] 行计。",
    },
    # 4 weights
    "weights": {
        "en": r"""
## 4. Class weights: divided by what?

100 rows, two classes, and a weight for the rare one. The weighted sum $\sum w_{y_i} \ell_i$ is the same for everybody. What it is
divided by is not: by the **weights**, $\sum w_{y_i}$, or by the **rows**, $N$. torch's `CrossEntropyLoss` does the first for class indices
and the second for one-hot targets *of the same labels*. Divided by the weights, guessing still costs
$\ln 2$ and numbers remain comparable; divided by the rows, the loss grows with the weight.
""",
        "zh": r"""
## 4. 类别权重：除以什么？

100 行，两个类别，稀有的那一类加了权重。加权和 $\sum w_{y_i} \ell_i$ 大家都一样，除以什么却不一样：除以**权重之和** $\sum w_{y_i}$，还是除以**行数** $N$。torch 的 `CrossEntropyLoss` 对类别序号用前者，对同样标签的 one-hot 却用后者。除以权重之和，瞎猜的损失仍是 $\ln 2$，数值可以相互比较；除以行数，权重越大损失越大。
""",
    },
    "common": {"en": "common class", "zh": "常见类别"},
    "rare": {"en": "rare class", "zh": "稀有类别"},
    "by_weights": {"en": "divided by the weights", "zh": "除以权重之和"},
    "by_rows": {"en": "divided by the rows", "zh": "除以行数"},
    "weight_axis": {"en": "weight of the rows", "zh": "各行的权重"},
    "rare_rows": {"en": "rare rows of 100", "zh": "100 行中的稀有行"},
    "weight": {"en": "weight of a rare row", "zh": "稀有行的权重"},
    "common_prob": {"en": "probability that common rows get", "zh": "常见行得到的概率"},
    "rare_prob": {"en": "probability that rare rows get", "zh": "稀有行得到的概率"},
    "balanced": {"en": "Weight so that classes are equal", "zh": "令两类权重相等"},
    "weights_label": {
        "en": "Weighted losses of two classes as areas: [[first]] divided by the weights, [[second]] divided by the rows.",
        "zh": "两类的加权损失画成面积：除以权重之和得 [[first]]，除以行数得 [[second]]。",
    },
    "weights_caption": {
        "en": "The two lines enclose the same area: once over all the weight, once over 100 rows.",
        "zh": "两条线下的面积相同：一条摊在全部权重上，一条摊在 100 行上。",
    },
    "weights_say": {
        "en": "The [[rare]] rare rows decide [[share]] of the weighted mean. In a batch of one row, the weight divided by the "
        "weights cancels: it has no effect at all (xent notes it, D20).",
        "zh": "[[rare]] 个稀有行决定了加权平均的 [[share]]。如果一个批只有一行，除以权重之和会把权重约掉，等于没有加权（xent 会提示，D20）。",
    },
    "card_plain": {"en": "without weights", "zh": "不加权"},
    "card_by_weights": {"en": "divided by the weights", "zh": "除以权重之和"},
    "card_by_rows": {"en": "divided by the rows", "zh": "除以行数"},
    "card_guess_weights": {"en": "guessing, by the weights", "zh": "瞎猜，除以权重之和"},
    "card_guess_rows": {"en": "guessing, by the rows", "zh": "瞎猜，除以行数"},
    **MORE,
}
