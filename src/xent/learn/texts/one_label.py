"""Texts of the chapter on one label."""

from __future__ import annotations

from xent.learn.texts.animals import ANIMALS

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = ANIMALS | {
    "intro": {
        "en": r"""
The article shows a picture of a frog. Exactly one of three animals is in it, so its label is
one-hot: $y = (0, 1, 0)$ for cat, frog, mouse. The network gives every class a number, its
**logit** $z_i$. Softmax makes probabilities of them, which sum to one, and the loss of the
picture is the cross-entropy between the label and those probabilities:

$$
\hat y_i = \frac{e^{z_i}}{\sum_k e^{z_k}} ,
$$

$$
\text{loss} = -\sum_{i=1}^{n} y_i \log \hat y_i = -\log \hat y_{\text{true class}} .
$$

All terms but one are multiplied by zero. What is left is the self-information of chapter 1: how
surprised the model is by what is there.
""",
        "zh": r"""
文章里有一张青蛙的图片。三种动物中恰好有一种在图里，所以标签是 one-hot 向量：
按猫、青蛙、老鼠的顺序，$y = (0, 1, 0)$。网络给每个类别输出一个数，叫做 **logit**，记作 $z_i$。
softmax 把它们变成总和为 1 的概率，而这张图的损失就是标签与这组概率之间的交叉熵：

$$
\hat y_i = \frac{e^{z_i}}{\sum_k e^{z_k}} ,
$$

$$
\text{loss} = -\sum_{i=1}^{n} y_i \log \hat y_i = -\log \hat y_{\text{真实类别}} .
$$

除了一项之外，其余各项都乘以零。剩下的正是第 1 章的自信息：看到真相时，模型有多意外。
""",
    },
    # the controls
    "start_nothing": {"en": "Knows nothing", "zh": "一无所知"},
    "start_right": {"en": "Sure, and right", "zh": "很有把握，而且对"},
    "start_wrong": {"en": "Sure, and wrong", "zh": "很有把握，却错了"},
    "truth": {"en": "In the picture:", "zh": "图中是："},
    "constant": {"en": "added to all three logits", "zh": "三个 logit 同时加上"},
    # from logits to the loss
    "forward_alt": {
        "en": "The logits of cat, frog and mouse are [[logits]]. Softmax makes the "
        "probabilities [[probs]] of them. The true class is [[truth]]; the loss is [[loss]] nats.",
        "zh": "猫、青蛙、老鼠的 logit 为 [[logits]]，softmax 给出概率 [[probs]]。"
        "真实类别是[[truth]]，损失为 [[loss]] 奈特。",
    },
    "forward_caption": {
        "en": "Drag a dot, or use the sliders. The blue marks are the label: the probability that "
        "each class should have been given.",
        "zh": "拖动圆点，或使用滑块。蓝色短线是标签，也就是每个类别本应得到的概率。",
    },
    "above_below": {
        "en": "above: logit z · below: probability ŷ",
        "zh": "上：logit z · 下：概率 ŷ",
    },
    "logit": {"en": "logit z", "zh": "logit z"},
    "probability": {"en": "probability ŷ", "zh": "概率 ŷ"},
    "forward_says": {
        "en": "The [[truth]] was given probability [[q]], so the picture costs "
        "−ln([[q]]) = [[loss]] nats, or [[bits]] bits.",
        "zh": "[[truth]]得到的概率是 [[q]]，所以这张图的损失是 "
        "−ln([[q]]) = [[loss]] 奈特，即 [[bits]] 比特。",
    },
    "card_truth": {"en": "probability of the truth", "zh": "真实类别的概率"},
    "try": {
        "en": """
**Try it.** Add the same number to all three logits: no probability moves, because softmax sees
only their differences. Give the two wrong classes each other’s logits: the loss stays, because
only the probability of the truth is paid for. Take “Sure, and wrong”: the loss has no upper
end, and that is the point of it.
""",
        "zh": """
**动手试试。** 给三个 logit 同时加上一个数：概率纹丝不动，因为 softmax 只看它们的差。
把两个错误类别的 logit 对调：损失不变，因为只有真实类别的概率要付账。
再选“很有把握，却错了”：损失没有上限，这正是交叉熵的用意。
""",
    },
    # the curve
    "curve_alt": {
        "en": "The curve −ln q. The true class, [[truth]], has probability [[q]] and costs "
        "[[loss]] nats; the other classes would have cost [[others]].",
        "zh": "曲线 −ln q。真实类别[[truth]]的概率是 [[q]]，损失为 [[loss]] 奈特；"
        "若真相是另外两类，损失会是 [[others]]。",
    },
    "curve_x": {"en": "probability q of a class", "zh": "类别的概率 q"},
    "curve_y": {"en": "−ln q, nats", "zh": "−ln q（奈特）"},
    "curve_lead": {
        "en": "Each animal sits on the curve at its probability. The filled dot is the one that is "
        "in the picture: its height is the loss. The rings are what the same prediction would "
        "have cost, had it been another.",
        "zh": "每种动物都位于曲线上自己概率的位置。实心点是图中真正的动物，它的高度就是损失；"
        "空心圈表示：倘若图中是它，同样的预测要付出多少。",
    },
    # the gradient
    "gradient_lead": {
        "en": r"""
## What the loss asks for

The derivative of the loss by each logit could not be simpler:

$$
\frac{\partial\,\text{loss}}{\partial z_i} = \hat y_i - y_i ,
$$

prediction minus truth. Gradient descent goes the other way: the logit of the true class goes up
by what is missing to 1, the others go down by what they were given too much. The three sum to
zero. A model that is sure and wrong is pushed the hardest, one that is sure and right hardly at
all. With squared error after the softmax it is not so: that is chapter 4.
""",
        "zh": r"""
## 损失把 logit 往哪边推

损失对每个 logit 的导数简单得不能再简单：

$$
\frac{\partial\,\text{loss}}{\partial z_i} = \hat y_i - y_i ,
$$

就是预测减去真相。梯度下降沿相反的方向走：真实类别的概率离 1 还差多少，它的 logit 就被推高多少；
其余类别多占了多少，就被压低多少。三者之和为零。很有把握却错了的模型受到的推力最大，
很有把握而且对的模型几乎不受力。若在 softmax 之后用平方误差，就不是这样了：见第 4 章。
""",
    },
    "gradient_caption": {
        "en": "Left of zero, gradient descent raises the logit; right of it, it lowers it.",
        "zh": "零点左侧：梯度下降会调高这个 logit；零点右侧：会调低它。",
    },
    "gradient_alt": {
        "en": "The gradient by the logits of cat, frog and mouse is [[gradient]]; it sums to zero.",
        "zh": "损失对猫、青蛙、老鼠的 logit 的梯度为 [[gradient]]，三者之和为零。",
    },
    # the batch
    "batch_lead": {
        "en": r"""
## A batch

The loss of a batch of $m$ pictures is the mean of theirs:

$$
\text{loss} = -\frac{1}{m} \sum_{j=1}^{m} \sum_{i=1}^{n} y_{ji} \log \hat y_{ji} .
$$

The first of these pictures is yours, and moves with the sliders above; the other two stand still.
""",
        "zh": r"""
## 一个批（batch）

一个批有 $m$ 张图，它的损失是各张图损失的平均：

$$
\text{loss} = -\frac{1}{m} \sum_{j=1}^{m} \sum_{i=1}^{n} y_{ji} \log \hat y_{ji} .
$$

下面第一张图是你的，随上方的滑块变化；另外两张固定不动。
""",
    },
    "batch_caption": {
        "en": "Each bar is −ln of the probability that the animal in that picture was given.",
        "zh": "每根柱子是该图中那种动物所得概率的 −ln。",
    },
    "batch_alt": {
        "en": "The losses of [[count]] pictures are [[losses]] nats; their mean is [[mean]].",
        "zh": "[[count]] 张图的损失为 [[losses]] 奈特，均值为 [[mean]]。",
    },
    "mean": {"en": "mean", "zh": "均值"},
    "card_mean": {"en": "loss of the batch, the mean", "zh": "批的损失（均值）"},
    "card_typical": {
        "en": "geometric mean of the truths’ probabilities",
        "zh": "各真实类别概率的几何平均",
    },
    "batch_says": {
        "en": r"""
Why the mean? The sum grows with the batch, and so does its gradient: twice the pictures would be
twice the step. The mean stays what it is, and $e^{-\text{mean}}$ says it as a probability: the
geometric mean of what the true classes were given. One picture that was given next to nothing
pulls it down, whatever the others say.
""",
        "zh": r"""
为什么取均值？批越大，总和越大，梯度也跟着变大：图片多一倍，步子就大一倍。均值没有这个问题，
而且 $e^{-\text{均值}}$ 可以当作一个概率来读：它是各真实类别所得概率的几何平均。
只要有一张图的真相几乎没分到概率，不管其他图多好，这个平均都会被拉低。
""",
    },
    "code_lead": {
        "en": "**In Python.** The loss takes the logits themselves; the probabilities are never "
        "formed. These are the numbers of your picture:",
        "zh": "**用 Python 来算。** 损失函数直接接受 logit，不必先算出概率。下面是你这张图的数值：",
    },
}
