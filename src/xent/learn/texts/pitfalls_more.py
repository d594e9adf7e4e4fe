"""Texts of the chapter on what goes wrong: smoothing, baselines, and the loss that rises."""

__all__ = ["MORE"]

MORE = {
    # 5 smoothing
    "smoothing": {
        "en": r"""
## 5. Label smoothing has a floor

Smoothing $\varepsilon$ replaces the label by a distribution: $1 - \varepsilon + \frac{\varepsilon}{K}$ for the true class,
$\frac{\varepsilon}{K}$ for each other one. The least loss is then the **entropy of that distribution**, not 0, and it is reached at a finite logit: whoever
is surer is punished. Compare a smoothed training loss with its floor, and never with a loss that is not smoothed.
""",
        "zh": r"""
## 5. 标签平滑有下限

平滑系数 $\varepsilon$ 把标签换成一个分布：真实类别 $1 - \varepsilon + \frac{\varepsilon}{K}$，其余每类 $\frac{\varepsilon}{K}$。损失的最小值就成了**这个分布的熵**，而不是 0，并且在有限的对数几率处达到：比它更有把握反而受罚。平滑后的训练损失要和它的下限比，不能和没有平滑的损失比。
""",
    },
    "epsilon": {"en": "smoothing ε", "zh": "平滑系数 ε"},
    "smoothed": {"en": "smoothed", "zh": "有平滑"},
    "plain": {"en": "not smoothed", "zh": "无平滑"},
    "lead": {
        "en": "logit of the true class above the others",
        "zh": "真实类别的对数几率高出其余多少",
    },
    "smoothing_label": {
        "en": "Loss over the lead of the true class: with smoothing it is least, [[floor]], at a lead of [[lead]].",
        "zh": "损失随真实类别领先程度的变化：有平滑时，在领先 [[lead]] 处取最小值 [[floor]]。",
    },
    "smoothing_caption": {
        "en": "The dot is the best that a model can do. Without smoothing there is no best: the line falls for ever.",
        "zh": "圆点是模型能做到的最好结果。没有平滑就没有最优点：曲线一直下降。",
    },
    "card_smoothing_floor": {"en": "floor: ε/K to every class", "zh": "下限：每类分得 ε/K"},
    "card_other_floor": {
        "en": "floor if ε/(K−1) to each other class",
        "zh": "若其余每类分得 ε/(K−1)，下限为",
    },
    "card_best_lead": {"en": "best lead of the true logit", "zh": "真实类别的最佳领先"},
    "card_best_prob": {"en": "its probability there", "zh": "此时它的概率"},
    "smoothing_say": {
        "en": "With ε = [[epsilon]] and [[classes]] classes no loss is below **[[floor]]**. Some pages give ε/(K−1) to each other "
        "class, whose floor is [[other]]; torch, Keras and xent give ε/K to every class.",
        "zh": "ε = [[epsilon]]、[[classes]] 个类别时，损失不会低于 **[[floor]]**。有些网页让其余每类分得 ε/(K−1)，下限是 [[other]]；torch、Keras 和 xent 都是每类分得 ε/K。",
    },
    # 6 is it good
    "good": {
        "en": r"""
## 6. Is 0.69 good?

A loss means nothing by itself. Two guesses need no model: the same probability for each class costs $\ln K$, and the **frequencies of the
labels** cost their entropy, which is never more. Whoever has not beaten the second has learnt nothing but how often each class
occurs.
""",
        "zh": r"""
## 6. 0.69 算好吗？

单看一个损失值没有意义。有两种猜法根本不需要模型：每类概率相同，损失是 $\ln K$；按**标签的频率**来猜，损失是标签的熵，不会比前者大。没有胜过后者的模型，除了每类出现得多频繁，什么也没学到。
""",
    },
    "counts": {"en": "rows of each class", "zh": "各类的行数"},
    "your_loss": {"en": "your loss", "zh": "你的损失"},
    "label_entropy": {"en": "frequencies", "zh": "按频率猜"},
    "uniform": {"en": "ln K", "zh": "ln K"},
    "baselines_label": {
        "en": "A line from 0: your loss [[loss]], the entropy of the labels [[entropy]], uniform guessing [[uniform]].",
        "zh": "从 0 开始的一条线：你的损失 [[loss]]，标签的熵 [[entropy]]，均匀猜测 [[uniform]]。",
    },
    "baselines_caption": {
        "en": "Green: better than knowing the frequencies. Red: worse.",
        "zh": "绿色：比只知道频率强。红色：不如。",
    },
    "classes_good": {"en": "classes K", "zh": "类别数 K"},
    "share": {"en": "share of the most frequent class", "zh": "最常见类别所占比例"},
    "coin": {"en": "A coin", "zh": "硬币"},
    "nine": {"en": "Nine in ten", "zh": "九成同一类"},
    "ten": {"en": "Ten even classes", "zh": "十类同样多"},
    "typed": {
        "en": "With your own classes: type how many rows each has. The loss is the one above.",
        "zh": "换成你自己的类别：填入每类的行数，损失沿用上面的值。",
    },
    "card_loss_bits": {"en": "your loss", "zh": "你的损失"},
    "card_prob": {"en": "geometric mean probability of the truth", "zh": "真实类别概率的几何平均"},
    "card_frequencies": {"en": "the frequencies cost", "zh": "按频率猜的损失"},
    "card_ln_k": {"en": "uniform guessing costs", "zh": "均匀猜测的损失"},
    "card_skill": {"en": "skill: share of the entropy saved", "zh": "技巧得分：省下的熵所占比例"},
    "good_yes": {
        "en": "**Better than guessing.** The model saves [[percent]] of the entropy of the labels. The truth got a probability of "
        "[[prob]] on (geometric) average.",
        "zh": "**比猜的好。** 模型省下了标签熵的 [[percent]]。真实类别得到的概率（几何）平均为 [[prob]]。",
    },
    "good_no": {
        "en": "**Worse than knowing the frequencies alone**, by [[by]] nats. A model that answers with the frequencies, "
        "whatever the input, would have a loss of [[entropy]].",
        "zh": "**还不如只知道频率**，差 [[by]] 奈特。不管输入是什么，一律按频率回答的模型，损失是 [[entropy]]。",
    },
    "good_none": {
        "en": "All rows are of one class: there is nothing to predict, and every loss above 0 is too much.",
        "zh": "所有行都属于同一类：没有什么可预测的，任何大于 0 的损失都嫌多。",
    },
    "how_many": {
        "en": "Rows of at least 2 and at most [[most]] classes are needed, such as “900, 100”; this has [[value]].",
        "zh": "需要 2 到 [[most]] 个类别的行数，例如“900, 100”；这里有 [[value]] 个。",
    },
    "no_count": {
        "en": "“[[value]]” is no number of rows. Write whole numbers from 0 on, separated by commas.",
        "zh": "“[[value]]”不是行数。请写 0 或正整数，用逗号隔开。",
    },
    "all_zero": {
        "en": "All counts are 0: there are no rows to judge. At least one class must have rows.",
        "zh": "所有行数都是 0：没有可评判的行。至少要有一个类别有数据。",
    },
    # 7 loss up, accuracy up
    "sure_wrong": {
        "en": r"""
## 7. The loss rises while the accuracy rises

Accuracy asks on which side of ½ a probability lies; the loss asks how far. This is a real run: logistic regression on
[[rows]] rows of [[features]] features, judged on [[held_out]] rows it never saw. Only [[telling]] of the features say anything of the label, and these vary less, so they are learned
late. From step [[best]] to the end it goes on learning them, and accuracy rises from [[from_accuracy]] to [[accuracy]]. Meanwhile it learns the other features by heart: its logits grow
[[grown]]-fold, it gets **surer**, also where it is wrong, and the loss grows [[worse]]-fold.

Divide the logits by a **temperature** and every row stays on its side: the same accuracy, and the loss goes back down. That is
what `xent.recalibrate` does.
""",
        "zh": r"""
## 7. 损失上升，准确率也上升

准确率只问概率在 ½ 的哪一侧，损失还要问离多远。这是一次真实的训练：在 [[rows]] 行、[[features]] 个特征上做逻辑回归，用从未见过的 [[held_out]] 行评判。只有 [[telling]] 个特征与标签有关，而它们的变化幅度较小，所以学得较晚。从第 [[best]] 步到训练结束，模型仍在学习这些特征，准确率从 [[from_accuracy]] 升到 [[accuracy]]。与此同时，它把其余特征里的噪声背了下来：对数几率平均增大到 [[grown]] 倍，它越来越**有把握**，错的地方也一样，损失增大到 [[worse]] 倍。

把对数几率除以一个**温度**，每一行仍在原来那一侧：准确率不变，损失降了回去。`xent.recalibrate` 做的就是这件事。
""",
    },
    "step": {"en": "step of training", "zh": "训练步数"},
    "temperature": {"en": "temperature", "zh": "温度"},
    "steps": {"en": "steps", "zh": "步数"},
    "training_loss": {"en": "loss, training rows", "zh": "训练数据的损失"},
    "held_out_loss": {"en": "loss, rows held out", "zh": "留出数据的损失"},
    "cooled": {"en": "the same at the temperature", "zh": "除以温度之后"},
    "accuracy": {"en": "accuracy, rows held out", "zh": "留出数据的准确率"},
    "play": {"en": "Play the training", "zh": "播放训练过程"},
    "pause": {"en": "Pause the training", "zh": "暂停"},
    "at_best": {"en": "Where the loss is least", "zh": "损失最小处"},
    "at_end": {"en": "The end", "zh": "训练结束"},
    "cool": {"en": "Best temperature", "zh": "最佳温度"},
    "overconfidence_label": {
        "en": "Losses and accuracy over steps; at step [[step]] the loss on rows held out is [[loss]], the accuracy [[accuracy]].",
        "zh": "损失和准确率随步数的变化；第 [[step]] 步，留出数据的损失为 [[loss]]，准确率为 [[accuracy]]。",
    },
    "overconfidence_caption": {
        "en": "Red dashes: where the loss on rows held out is least. Play the training, or drag "
        "the black dot through it.",
        "zh": "红色虚线：留出数据的损失最小处。可以播放训练过程，也可以拖动黑点回看。",
    },
    "card_held_out": {"en": "loss, rows held out", "zh": "留出数据的损失"},
    "card_cooled": {"en": "at the temperature", "zh": "除以温度之后"},
    "card_accuracy": {"en": "accuracy, at any temperature", "zh": "准确率（与温度无关）"},
    "card_training": {"en": "loss, training rows", "zh": "训练数据的损失"},
    "rises": {
        "en": "From step [[best]] to step [[step]] the loss went from [[from_loss]] to **[[loss]]** and the accuracy from "
        "[[from_accuracy]] to **[[accuracy]]**.",
        "zh": "从第 [[best]] 步到第 [[step]] 步，损失从 [[from_loss]] 变为 **[[loss]]**，准确率从 [[from_accuracy]] 变为 **[[accuracy]]**。",
    },
    "summary": {
        "en": r"""
What helps against all of them: give losses **logits**, keep **sums and counts**, know your **floor and your baselines**, and look at
calibration beside accuracy. `xent.audit` looks for these mistakes in your own tensors.
""",
        "zh": r"""
对付这一切的办法：给损失函数的是**对数几率**，保留**总和与行数**，清楚自己的**下限和基线**，除了准确率也看校准。`xent.audit` 会在你自己的张量里寻找这些错误。
""",
    },
}
