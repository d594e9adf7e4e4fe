"""Texts of the chapter on squared error and cross-entropy."""

__all__ = ["TEXTS"]

TEXTS = {
    "intro": {
        "en": r"""
Regression is taught with half the mean squared error, $\frac{1}{2m}\sum_i (y_i - \hat y_i)^2$. Why not
classification? Take one example whose label is 1, and a model that is sure of the opposite: its logit
is $z = [[start]]$, so its probability $p = \frac{1}{1 + e^{-z}}$ is [[p]]. Gradient descent may change $z$,
with one learning rate, under one of two losses:

$$-\log p \qquad\text{or}\qquad (p - 1)^2$$

The race is over with the first step after which the model is right, $p > \frac12$.
""",
        "zh": r"""
回归问题通常用均方误差的一半 $\frac{1}{2m}\sum_i (y_i - \hat y_i)^2$ 作损失。分类为什么不这样做？取一个标签为 1 的样本，和一个对相反答案深信不疑的模型：它的对数几率是 $z = [[start]]$，概率 $p = \frac{1}{1 + e^{-z}}$ 只有 [[p]]。用同样的学习率对 $z$ 做梯度下降，损失二选一：

$$-\log p \qquad\text{或}\qquad (p - 1)^2$$

走到模型第一次答对（$p > \frac12$）的那一步，比赛就结束。
""",
    },
    "cross_entropy": {"en": "cross-entropy −log p", "zh": "交叉熵 −log p"},
    "squared_error": {"en": "squared error (p − y)²", "zh": "平方误差 (p − y)²"},
    "steps": {"en": "steps (each line: ten times as many)", "zh": "步数（每格多十倍）"},
    "logit_axis": {
        "en": "logit z (right above 0: p > ½)",
        "zh": "对数几率 z（大于 0 即答对：p > ½）",
    },
    "step_number": {"en": "step [[step]]", "zh": "第 [[step]] 步"},
    "race_label": {
        "en": "The logit over steps, from [[start]]: right after "
        "[[first]] steps of cross-entropy and [[second]] of squared error.",
        "zh": "对数几率随步数的变化，起点为 [[start]]："
        "交叉熵 [[first]] 步后答对，平方误差 [[second]] 步后答对。",
    },
    "race_caption": {
        "en": "The dots on the dashed line are the ends of the race. Play it, or drag the black dot through "
        "the steps.",
        "zh": "虚线附近的圆点是终点。可以播放比赛，也可以拖动黑点，逐步观看。",
    },
    "start": {"en": "logit z at the start", "zh": "起点的对数几率 z"},
    "rate": {"en": "learning rate", "zh": "学习率"},
    "step": {"en": "step", "zh": "步"},
    "scale": {"en": "Squared error", "zh": "平方误差"},
    "scale_full": {"en": "(p − 1)²", "zh": "(p − 1)²"},
    "scale_half": {"en": "½ (p − 1)², the article's", "zh": "½ (p − 1)²（原文）"},
    "play": {"en": "Play the race", "zh": "播放比赛"},
    "pause": {"en": "Pause the race", "zh": "暂停比赛"},
    "next_step": {"en": "One step", "zh": "走一步"},
    "from_8": {"en": "From −8 at rate 1", "zh": "从 −8 出发，学习率 1"},
    "card_ce_steps": {"en": "steps of cross-entropy", "zh": "交叉熵所需步数"},
    "card_se_steps": {"en": "steps of squared error", "zh": "平方误差所需步数"},
    "card_times": {"en": "times as many", "zh": "步数之比"},
    "card_ce_p": {"en": "p at this step, cross-entropy", "zh": "此时的 p，交叉熵"},
    "card_se_p": {"en": "p at this step, squared error", "zh": "此时的 p，平方误差"},
    "race_says": {
        "en": "From $z = [[start]]$ at learning rate [[rate]]: **[[first]] steps against [[second]]**. "
        "After step [[step]], cross-entropy is at $z = [[z_first]]$ and the squared error at $z = [[z_second]]$. "
        "The worse the start, the longer the squared error waits before it moves at all.",
        "zh": "从 $z = [[start]]$ 出发，学习率为 [[rate]]：**[[first]] 步对 [[second]] 步**。"
        "第 [[step]] 步之后，交叉熵走到了 $z = [[z_first]]$，平方误差走到了 $z = [[z_second]]$。"
        "起点错得越离谱，平方误差在原地等得越久。",
    },
    "slopes": {
        "en": r"""
## Who pushes, and how hard

The gradient with respect to the logit is what descent follows. For a label $y$:

$$\frac{d}{dz}\bigl[-\log p(y)\bigr] = p - y$$

$$\frac{d}{dz}\,(p - y)^2 = 2\,(p - y)\,p\,(1 - p)$$

The first is the error itself: the more wrong, the harder the push. The second multiplies it by
$p(1-p)$, the slope of the sigmoid, which is next to nothing exactly where the model is most wrong. Its push never
exceeds $\frac{8}{27}$.

The lower panel shows the second derivative. Where it is below 0 the loss is **concave**: it bends away from the
minimum. For $y = 1$ that is where $p < \frac13$, which is $z < -\ln 2$. Cross-entropy is convex everywhere.
""",
        "zh": r"""
## 谁在推，推多大劲

梯度下降走的是损失对对数几率的导数。对标签 $y$：

$$\frac{d}{dz}\bigl[-\log p(y)\bigr] = p - y$$

$$\frac{d}{dz}\,(p - y)^2 = 2\,(p - y)\,p\,(1 - p)$$

前者就是误差本身：错得越多，推得越狠。后者还要乘上 sigmoid 的斜率 $p(1-p)$，而它恰恰在模型错得最离谱的地方几乎为零。它的推力最大也不过 $\frac{8}{27}$。

下图是二阶导数。小于 0 的地方，损失是**凹**的（concave）：曲线背着最小值弯。$y = 1$ 时，这一段是 $p < \frac13$，也就是 $z < -\ln 2$。交叉熵则处处是凸的（convex）。
""",
    },
    "z": {"en": "logit z", "zh": "对数几率 z"},
    "label": {"en": "Label y", "zh": "标签 y"},
    "gradient": {"en": "gradient", "zh": "梯度"},
    "curvature": {"en": "second derivative", "zh": "二阶导数"},
    "logit": {"en": "logit z", "zh": "对数几率 z"},
    "concave": {"en": "squared error concave", "zh": "平方误差为凹"},
    "slopes_label": {
        "en": "Gradients and second derivatives over the logit; at [[z]] the second derivatives are [[first]] "
        "for cross-entropy and [[second]] for the squared error.",
        "zh": "梯度和二阶导数随对数几率的变化；在 [[z]] 处，二阶导数分别为 [[first]]（交叉熵）和 [[second]]（平方误差）。",
    },
    "slopes_caption": {
        "en": "Shaded: where the squared error is concave. Drag the dot along z.",
        "zh": "阴影：平方误差为凹的区域。沿 z 轴拖动圆点。",
    },
    "card_p": {"en": "p, the probability of the label 1", "zh": "标签为 1 的概率 p"},
    "card_ce_slope": {"en": "gradient of cross-entropy", "zh": "交叉熵的梯度"},
    "card_se_slope": {"en": "gradient of squared error", "zh": "平方误差的梯度"},
    "card_ratio": {"en": "cross-entropy pushes harder by", "zh": "交叉熵的推力是它的"},
    "card_curvature": {"en": "second derivative, squared error", "zh": "平方误差的二阶导数"},
    "times": {"en": "times", "zh": "倍"},
    "concave_here": {
        "en": "Here cross-entropy pushes with [[first]], the squared error with [[second]]. The squared error is **concave**: "
        "the further off the model is, the weaker it is pushed.",
        "zh": "这里交叉熵的推力是 [[first]]，平方误差的是 [[second]]。平方误差在此处是**凹**的：模型错得越远，推力反而越弱。",
    },
    "convex_here": {
        "en": "Here cross-entropy pushes with [[first]], the squared error with [[second]]. Both are convex: the further off "
        "the model is, the harder it is pushed.",
        "zh": "这里交叉熵的推力是 [[first]]，平方误差的是 [[second]]。两者在此处都是凸的：模型错得越远，推力越强。",
    },
    "raw": {
        "en": r"""
## The other side: it is the sigmoid that stalls

Squared error is not wrong for classification. What stalls is squared error **behind a sigmoid**. Put it on the
raw output $a$ and its gradient is $2(a - y)$, which does not fade, and its minimum has a formula. Below,
a straight line is fitted to the labels 0 and 1 (least squares, decide at $\frac12$), beside logistic regression (cross-entropy,
decide at $p = \frac12$), on the same points.

While the points are alike, both decide nearly alike. Then drag the far point: it is on the right side and easy.
Logistic regression hardly notices. The line is punished for being *too* right there, tilts, and gives up points in the
middle. That is the price of squared error on raw outputs, and often a small one: for deep networks it was
found to do as well or better on most tasks of language and speech ([Hui and Belkin, 2021](https://arxiv.org/abs/2006.07322)).
""",
        "zh": r"""
## 另一面：停住不动的是 sigmoid

用平方误差做分类并没有错，会停住的是 **sigmoid 之后**的平方误差。直接用在原始输出 $a$ 上，它的梯度是 $2(a - y)$，不会消失，最小值还有现成的公式。下面在同一批点上，用直线拟合标签 0 和 1（最小二乘，以 $\frac12$ 为界），旁边是逻辑回归（交叉熵，以 $p = \frac12$ 为界）。

各点相差不大时，两者的判断几乎相同。再拖动远处的那个点：它在正确的一侧，而且很容易判断。逻辑回归几乎不受影响；直线却因为在那里“对过了头”而受罚，于是倾斜，丢掉了中间的点。这就是在原始输出上用平方误差的代价，而且往往不大：对于深度网络，在多数语言和语音任务上它不相上下，甚至更好（[Hui 与 Belkin，2021](https://arxiv.org/abs/2006.07322)）。
""",
    },
    "far": {"en": "where the easy point is", "zh": "容易的点的位置"},
    "raw_line": {"en": "line: squared error", "zh": "直线：平方误差"},
    "raw_logistic": {"en": "logistic: cross-entropy", "zh": "逻辑回归：交叉熵"},
    "raw_half": {"en": "decision at ½", "zh": "以 ½ 为界"},
    "raw_x": {"en": "x", "zh": "x"},
    "raw_output": {"en": "output; the points are at their labels", "zh": "输出；各点画在标签处"},
    "raw_label": {
        "en": "Points of two classes, a fitted line that decides at [[first]], and a logistic curve that decides "
        "at [[second]].",
        "zh": "两类点、在 [[first]] 处分界的拟合直线，以及在 [[second]] 处分界的逻辑曲线。",
    },
    "raw_caption": {
        "en": "Drag the dot at the top. The small dots on the dashed line are where each decides.",
        "zh": "拖动上方的圆点。虚线上的小圆点是各自的分界。",
    },
    "card_line": {"en": "the line decides at x =", "zh": "直线的分界 x ="},
    "card_logistic": {"en": "logistic decides at x =", "zh": "逻辑回归的分界 x ="},
    "card_line_errors": {
        "en": "wrong by the line, of [[points]]",
        "zh": "直线判错（共 [[points]] 个点）",
    },
    "card_logistic_errors": {
        "en": "wrong by logistic, of [[points]]",
        "zh": "逻辑回归判错（共 [[points]] 个点）",
    },
    "raw_race": {
        "en": "And the race above? On the raw output, from −8 at learning rate 0.5, squared error is right after "
        "**[[steps]]** step, at [[end]]. At learning rate 1 it jumps from −8 to [[over]], and for ever between the two.",
        "zh": "那么上面的比赛呢？直接作用在原始输出上，从 −8 出发、学习率 0.5，平方误差只要 **[[steps]]** 步就答对，落在 [[end]]。"
        "学习率为 1 时，它从 −8 跳到 [[over]]，此后永远在两点之间来回跳。",
    },
    "proper": {
        "en": r"""
## As a score of probabilities, squared error is honest

To *judge* probabilities is another matter than to train them. Something happens with probability 0.7, and you
answer $q$. A score is **proper** if no answer does better on average than the truth. Log loss is, and so is
the squared error of a probability, the **Brier score**. The absolute error is not: it is least for
who exaggerates to 0 or 1.
""",
        "zh": r"""
## 作为概率的评分，平方误差是诚实的

评判概率和训练模型是两回事。某事发生的概率是 0.7，你回答 $q$。如果平均而言没有哪个回答比说实话更好，这个评分就称为**恰当的**（proper）。对数损失是恰当的，概率的平方误差，也就是 **Brier 分数**，也是。绝对误差则不是：夸大成 0 或 1 的人得分最好。
""",
    },
    "truth": {"en": "probability that it happens", "zh": "事件发生的概率"},
    "answer": {"en": "answer q", "zh": "回答 q"},
    "expected_cost": {"en": "expected score (less is better)", "zh": "期望得分（越小越好）"},
    "log_score": {"en": "log loss", "zh": "对数损失"},
    "brier": {"en": "Brier, (q − y)²", "zh": "Brier，(q − y)²"},
    "absolute": {"en": "absolute, |q − y|", "zh": "绝对误差 |q − y|"},
    "proper_label": {
        "en": "Expected scores over the answer where the truth is [[truth]]: log loss and Brier are least at the "
        "truth, the absolute error at an end.",
        "zh": "真实概率为 [[truth]] 时，期望得分随回答的变化：对数损失与 Brier 在真实概率处最小，绝对误差在端点最小。",
    },
    "proper_caption": {
        "en": "The dots are the best answers to each score. Drag the truth.",
        "zh": "圆点是每种评分下的最佳回答。拖动真实概率。",
    },
    "card_best_log": {"en": "best answer, log loss", "zh": "对数损失的最佳回答"},
    "card_best_brier": {"en": "best answer, Brier", "zh": "Brier 的最佳回答"},
    "card_best_absolute": {"en": "best answer, absolute", "zh": "绝对误差的最佳回答"},
    "summary": {
        "en": r"""
So: train a sigmoid or softmax with cross-entropy, whose gradient is the error itself. Squared error is for
raw outputs, and, as Brier score, for judging probabilities beside log loss.
""",
        "zh": r"""
结论：sigmoid 或 softmax 的输出用交叉熵训练，它的梯度就是误差本身。平方误差适合原始输出；作为 Brier 分数，也可以和对数损失一起评判概率。
""",
    },
}
