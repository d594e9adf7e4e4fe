"""Texts of the chapter on many labels."""

from __future__ import annotations

from xent.learn.texts.animals import ANIMALS

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = ANIMALS | {
    "intro": {
        "en": r"""
Now the picture has a frog **and** a mouse: the label is n-hot, $y = (0, 1, 1)$. One distribution
over three animals cannot say that. So every node answers its own question, yes or no, with its
own probability, by a sigmoid. Its loss is the cross-entropy of a coin:

$$
\hat y_i = \frac{1}{1 + e^{-z_i}} ,
$$

$$
\text{loss}_i = -y_i \log \hat y_i - (1 - y_i) \log (1 - \hat y_i) ,
$$

$$
\text{loss} = \sum_{i=1}^{n} \text{loss}_i .
$$

An animal that is there costs $-\log \hat y_i$, one that is not costs $-\log(1 - \hat y_i)$.

*The names.* The article calls this multi-class. Today *multi-class* is chapter 5, exactly one of
many; any number of many is **multi-label**.
""",
        "zh": r"""
现在图里既有青蛙**又**有老鼠：标签是 n-hot 向量，$y = (0, 1, 1)$。三类上的一个分布表达不了这件事。
于是每个节点各自回答一道是非题，用 sigmoid 给出自己的概率，损失就是一枚硬币的交叉熵：

$$
\hat y_i = \frac{1}{1 + e^{-z_i}} ,
$$

$$
\text{loss}_i = -y_i \log \hat y_i - (1 - y_i) \log (1 - \hat y_i) ,
$$

$$
\text{loss} = \sum_{i=1}^{n} \text{loss}_i .
$$

图里有的动物要付 $-\log \hat y_i$，没有的要付 $-\log(1 - \hat y_i)$。

*关于名称。* 文章把这种情形叫“多分类”。如今“多分类”（multi-class）指第 5 章那种多选一；
可以同时有多个的，叫**多标签**（multi-label）。
""",
    },
    # the nodes
    "label_of": {"en": "[[name]]:", "zh": "[[name]]："},
    "is_there": {"en": "there", "zh": "有"},
    "not_there": {"en": "not there", "zh": "没有"},
    "nodes_alt": {
        "en": "The sigmoids of cat, frog and mouse are [[probs]], their labels [[labels]], "
        "their losses [[losses]] nats; the picture costs the sum, [[loss]].",
        "zh": "猫、青蛙、老鼠的 sigmoid 输出为 [[probs]]，标签为 [[labels]]，"
        "损失为 [[losses]] 奈特；整张图的损失是总和 [[loss]]。",
    },
    "nodes_caption": {
        "en": "The blue marks are the labels: where each probability should be. On the right, what "
        "each node costs, and their sum.",
        "zh": "蓝色短线是标签，即每个概率该在的位置。右边是每个节点的损失，以及它们的总和。",
    },
    "probability": {"en": "probability ŷ (sigmoid)", "zh": "概率 ŷ（sigmoid）"},
    "node_loss": {"en": "loss of the node, nats", "zh": "节点的损失（奈特）"},
    "above_below": {"en": "above: probability ŷ · below: loss", "zh": "上：概率 ŷ · 下：损失"},
    "card_loss": {"en": "loss of the picture", "zh": "整张图的损失"},
    "loss_of": {"en": "loss, [[name]]", "zh": "[[name]]的损失"},
    "try": {
        "en": """
**Try it.** Move one logit: the other two nodes do not notice. Say that no animal is there, or all
three: both are answers that sigmoids can give. The probabilities sum to whatever they sum to.
""",
        "zh": """
**动手试试。** 改变一个 logit：另外两个节点毫无察觉。试试图里一种动物都没有，或者三种都有：
sigmoid 都能表达。这些概率加起来是多少都可以。
""",
    },
    # the gradient
    "gradient_lead": {
        "en": """
## Each logit is pushed by its own label

The gradient is prediction minus truth again, now node by node. The three need not sum to zero.
""",
        "zh": """
## 每个 logit 只受自己的标签推动

梯度仍然是预测减去真相，只不过逐个节点来算。三者之和不必为零。
""",
    },
    "gradient_caption": {
        "en": "Left of zero, gradient descent raises the logit; right of it, it lowers it.",
        "zh": "零点左侧：梯度下降会调高这个 logit；零点右侧：会调低它。",
    },
    "gradient_alt": {
        "en": "The gradient by the logits of cat, frog and mouse is [[gradient]].",
        "zh": "损失对猫、青蛙、老鼠的 logit 的梯度为 [[gradient]]。",
    },
    # the batch
    "batch_lead": {
        "en": r"""
## A batch, and three numbers that are called its loss

The article adds up all nodes of all pictures,

$$
\text{loss} = \sum_{j=1}^{m} \sum_{i=1}^{n}
-y_{ji} \log \hat y_{ji} - (1 - y_{ji}) \log (1 - \hat y_{ji}) ,
$$

without the $1/m$ that it has for one label. Libraries divide: by the $m$ pictures, or by all
$m \cdot n$ nodes, as `torch.nn.BCEWithLogitsLoss` does unless it is told otherwise. The gradients
differ by the same factor, and so does the learning rate that suits them. The first picture is
yours; the second stands still: a cat, predicted as [[second]].
""",
        "zh": r"""
## 一个批，三个都叫“损失”的数

文章把所有图片的所有节点全部加起来：

$$
\text{loss} = \sum_{j=1}^{m} \sum_{i=1}^{n}
-y_{ji} \log \hat y_{ji} - (1 - y_{ji}) \log (1 - \hat y_{ji}) ,
$$

这里没有单标签公式里的 $1/m$。各种库则会做除法：除以图片数 $m$，或者除以节点总数 $m \cdot n$
（`torch.nn.BCEWithLogitsLoss` 默认如此）。梯度相差同样的倍数，合适的学习率也随之不同。
第一张图是你的；第二张固定不动：图中是猫，预测为 [[second]]。
""",
    },
    "batch_caption": {
        "en": "Above, the six nodes end to end, in the colours of the animals.",
        "zh": "最上面是六个节点首尾相接，颜色与动物对应。",
    },
    "batch_alt": {
        "en": "The losses of the nodes are [[losses]]. Their sum is [[total]], the mean over "
        "pictures [[pictures]], the mean over nodes [[nodes]] nats.",
        "zh": "各节点的损失为 [[losses]]。总和为 [[total]]，对图片取均值为 [[pictures]]，"
        "对节点取均值为 [[nodes]]（奈特）。",
    },
    "total": {"en": "sum over nodes and pictures", "zh": "对节点和图片求和"},
    "mean_pictures": {"en": "mean over the pictures", "zh": "对图片取均值"},
    "mean_nodes": {"en": "mean over all nodes", "zh": "对所有节点取均值"},
    # softmax beside sigmoid
    "both_lead": {
        "en": """
## The same logits under both

Softmax shares out one unit of probability: what one class gains, the others lose. A sigmoid looks
at its own logit only. Move one logit of the article’s three, and watch the other two.
""",
        "zh": """
## 同样的 logit，两种用法

softmax 分配的是同一份概率：一个类别多得的，就是其他类别失去的。sigmoid 只看自己的 logit。
从文章的三个 logit 出发，改变其中一个，看看另外两个会怎样。
""",
    },
    "who": {"en": "Move the logit of:", "zh": "改变谁的 logit："},
    "by": {"en": "by", "zh": "改变量"},
    "both_caption": {
        "en": "Dashed: where the bars were. Below, the three probabilities end to end: softmax "
        "always fills exactly 1.",
        "zh": "虚线框：原来的位置。下方是三个概率首尾相接：softmax 总是恰好填满 1。",
    },
    "both_alt": {
        "en": "Softmax gives [[softmax]], which sum to one. Sigmoid gives [[sigmoid]], which sum "
        "to [[mass]].",
        "zh": "softmax 给出 [[softmax]]，总和为 1；sigmoid 给出 [[sigmoid]]，总和为 [[mass]]。",
    },
    "sums_to": {"en": "sum [[sum]]", "zh": "总和 [[sum]]"},
    "card_softmax_others": {
        "en": "softmax: the other two change by",
        "zh": "softmax：另外两类合计变化",
    },
    "card_sigmoid_others": {
        "en": "sigmoid: the other two change by",
        "zh": "sigmoid：另外两类合计变化",
    },
    "card_mass": {"en": "sigmoid: sum of the probabilities", "zh": "sigmoid：概率之和"},
    # labels that softmax refuses
    "refused_lead": {
        "en": """
## Labels of the one under the loss of the other

Take the labels of your picture above, and ask for the softmax loss.
""",
        "zh": """
## 把一种标签交给另一种损失

拿你上面那张图的标签，去算 softmax 的损失。
""",
    },
    "refused": {
        "en": "`xent.softmax_cross_entropy` refuses to compute anything, in these words:",
        "zh": "`xent.softmax_cross_entropy` 拒绝计算，理由是：",
    },
    "refused_many": {
        "en": "It could have computed a number. But [[count]] labels would have to share one "
        "unit of probability: the best that softmax can do is [[each]] for each, and then the sum "
        "of their −ln is still [[floor]] nats. Such a loss never reaches zero, and teaches that "
        "an animal is less likely because another one is there.",
        "zh": "硬算也能得出一个数。但 [[count]] 个标签得分享同一份概率："
        "softmax 最多给每个 [[each]]，"
        "此时它们的 −ln 之和仍有 [[floor]] 奈特。这样的损失永远到不了零，"
        "而且等于教模型：有了一种动物，另一种就不太可能在。",
    },
    "refused_none": {
        "en": "Softmax always says that one of the classes is there; it has no way to say “none”.",
        "zh": "softmax 永远认定其中某一类在图里，无法表达“一个也没有”。",
    },
    "accepted": {
        "en": "With exactly one label both can be computed: softmax [[softmax]] nats, the sum of "
        "the sigmoids [[sigmoid]] nats. They answer different questions; do not compare them.",
        "zh": "恰好只有一个标签时，两者都能算：softmax 为 [[softmax]] 奈特，"
        "各 sigmoid 之和为 [[sigmoid]] 奈特。它们回答的是不同的问题，不要互相比较。",
    },
    "code_lead": {
        "en": "**In Python**, with the numbers of your picture:",
        "zh": "**用 Python 来算**，下面是你这张图的数值：",
    },
}
