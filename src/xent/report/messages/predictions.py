"""What the library says of predictions that look wrong, and of what would help, in Chinese.

Entries are as in `messages`.
"""

from __future__ import annotations

__all__ = ["OF_PREDICTIONS"]

OF_PREDICTIONS: tuple[tuple[str, str], ...] = (
    # what looks wrong with the predictions, and what would help -----------------------------
    ("all {n} rows have the same prediction ({values})", "全部 {n} 行的预测都相同（{values}）"),
    ("a baseline? Else the inputs did not reach the model, or one row was written for all",
     "这是基线吗？如果不是，可能输入没有到达模型，或者把同一行写了很多遍"),
    ("the prediction of {names_} is the same in all {n} rows", "{names_}的预测在全部 {n} 行中都相同"),
    ("that column says nothing", "这一列不提供任何信息"),
    ("see whether the model has this output", "请检查模型是否真有这个输出"),
    ("every probability is between {low} and {high}, the range of a {kind} of probabilities "
     "({floor} to {top}), and the truth is 1 in {share} of the rows",
     "每个概率都在 {low} 与 {high} 之间，这正是对概率再做一次 {kind} 的范围（{floor} 到 {top}），"
     "而 {share} 的行真相为 1"),
    ("every probability is between {low} and {high}, the range of a {kind} of probabilities "
     "({floor} to {top}), and the likeliest class is right in {share} of the rows",
     "每个概率都在 {low} 与 {high} 之间，这正是对概率再做一次 {kind} 的范围（{floor} 到 {top}），"
     "而最可能的类别在 {share} 的行中是对的"),
    ("the {kind} was applied twice: leave one out", "{kind} 做了两次：请去掉一次"),
    ("the log loss cannot be less than {loss} nats like this", "这样对数损失不可能低于 {loss} 奈特"),
    ("the predictions do not rank what happens: the area under the ROC curve is {area}, and 0.5 "
     "is chance (standard error {error})",
     "预测分不出会发生和不会发生的：ROC 曲线下面积为 {area}，而 0.5 就是瞎猜（标准误 {error}）"),
    ("see whether rows and labels belong together: was one of them sorted or joined?",
     "请检查行与标签是否对应：其中之一是不是排过序或做过连接？"),
    ("the predictions lose {loss} nats, and always saying the class frequencies {frequencies}, "
     "and guessing uniformly {uniform}",
     "预测的损失为 {loss} 奈特，而总是回答各类别的频率只要 {frequencies}，均匀猜测只要 {uniform}"),
    ("the predictions lose {loss} nats, and always saying the class frequencies {frequencies}",
     "预测的损失为 {loss} 奈特，而总是回答各类别的频率只要 {frequencies}"),
    ("the scores still rank the classes (area under the ROC curve up to {area}): recalibration keeps "
     "what they know", "预测仍能区分类别（ROC 曲线下面积最高为 {area}），重新校准可以保住它们所知道的"),
    ("see whether rows and labels belong together", "请检查行与标签是否对应"),
    ("the probabilities of {names_} look reversed: the area under the ROC curve is {area}, and "
     "with 1 - p in the place of p the loss would be about {other} nats instead of {now}",
     "{names_}的概率像是反了：ROC 曲线下面积为 {area}，把 p 换成 1 − p，损失约为 {other} 奈特，"
     "而不是 {now}"),
    ("the columns look reversed: the likeliest class is right in {now} of the rows, and would be "
     "in {then} with 1 - p in the place of p",
     "两列像是反了：最可能的类别在 {now} 的行中是对的，把 p 换成 1 − p 则是 {then}"),
    ("name the classes in the order of the columns: classes={classes}",
     "请按列的顺序写出类别：classes={classes}"),
    ("name the classes in the order of the columns, with classes", "请用 classes 按列的顺序写出类别"),
    ("pass 1 - p for this label", "请给这个标签传入 1 − p"),
    ("the labels look 1-based: the likeliest class is the one before the row's own in {share} of the "
     "rows, and its own in {now}",
     "标签像是从 1 开始的：{share} 的行中最可能的是前一个类别，是该行类别的只有 {now}"),
    ("the labels look 0-based, and the columns 1-based: the likeliest class is the one after the "
     "row's own in {share} of the rows, and its own in {now}",
     "标签像是从 0 开始，而列从 1 开始：{share} 的行中最可能的是后一个类别，是该行类别的只有 {now}"),
    ("subtract 1 from the target, or name the classes in the order of the columns",
     "请把标签减 1，或按列的顺序写出类别"),
    ("add 1 to the target, or name the classes in the order of the columns",
     "请把标签加 1，或按列的顺序写出类别"),
    ("the columns look permuted: the column of "
     "{a} fits class {b}, {c} fits class {d}, {e} fits class {f}, {g} fits class {h}, {i} fits class {j} and {n} more",
     "各列像是错位了：列 {a} 像是类别 {b}，列 {c} 像是类别 {d}，列 {e} 像是类别 {f}，列 {g} 像是类别 {h}，列 {i} 像是类别 {j}，另有 {n} 列"),
    ("the columns look permuted: the column of "
     "{a} fits class {b}, {c} fits class {d}, {e} fits class {f}, {g} fits class {h}, {i} fits class {j}",
     "各列像是错位了：列 {a} 像是类别 {b}，列 {c} 像是类别 {d}，列 {e} 像是类别 {f}，列 {g} 像是类别 {h}，列 {i} 像是类别 {j}"),
    ("the columns look permuted: the column of "
     "{a} fits class {b}, {c} fits class {d}, {e} fits class {f}, {g} fits class {h}",
     "各列像是错位了：列 {a} 像是类别 {b}，列 {c} 像是类别 {d}，列 {e} 像是类别 {f}，列 {g} 像是类别 {h}"),
    ("the columns look permuted: the column of "
     "{a} fits class {b}, {c} fits class {d}, {e} fits class {f}",
     "各列像是错位了：列 {a} 像是类别 {b}，列 {c} 像是类别 {d}，列 {e} 像是类别 {f}"),
    ("the columns look permuted: the column of "
     "{a} fits class {b}, {c} fits class {d}",
     "各列像是错位了：列 {a} 像是类别 {b}，列 {c} 像是类别 {d}"),
    ("the likeliest class is right in {now} of the rows, and would be in at least {then}",
     "最可能的类别在 {now} 的行中是对的，换过来则至少是 {then}"),
    ("the likeliest class is right in {now} of the rows, and would be in {then}",
     "最可能的类别在 {now} 的行中是对的，换过来则是 {then}"),
    ("at least {n} rows cost exactly {loss} nats, minus the logarithm of {name}, and make {share} "
     "of the loss: the probabilities were clipped before they came here",
     "至少有 {n} 行的损失恰好是 {loss} 奈特，即 {name} 的负对数，占总损失的 {share}："
     "概率在来到这里之前被截断过"),
    ("{n} rows cost exactly {loss} nats, minus the logarithm of {name}, and make {share} of the "
     "loss: the probabilities were clipped before they came here",
     "有 {n} 行的损失恰好是 {loss} 奈特，即 {name} 的负对数，占总损失的 {share}："
     "概率在来到这里之前被截断过"),
    ("every probability is 0 or 1, to nine digits, and the likeliest is wrong in {share}: decisions "
     "in place of probabilities, or a model that is always sure",
     "每个概率都是 0 或 1（精确到九位小数），而最可能的结果有 {share} 是错的：这是判定而不是概率，或者模型总是十拿九稳"),
    ("score what predict_proba returns, and not predict",
     "请评估 predict_proba 的输出，而不是 predict 的输出"),
    ("a tree needs larger leaves", "若是决策树，叶子需要更大"),
    ("the loss of these rows is what the clip chose", "这些行的损失由截断值决定"),
    ("write the probabilities unclipped, or logits", "请保存未截断的概率，或保存 logit"),
    ("{share} of the loss comes from {n} row(s) whose probability was raised to {clip}",
     "损失的 {share} 来自 {n} 行，它们的概率被提高到了 {clip}"),
    ("the log loss says more about the clip than about the model",
     "这个对数损失说明的更多是截断值，而不是模型"),
    ("the 1 % of the rows that cost most ({n}) make at least {share} of the loss",
     "损失最大的 1 % 的行（{n} 行）至少占总损失的 {share}"),
    ("the 1 % of the rows that cost most ({n}) make {share} of the loss",
     "损失最大的 1 % 的行（{n} 行）占总损失的 {share}"),
    ("{n} rows cost {nll} nats or more, where calibrated predictions would have {allowed} such rows "
     "at most", "有 {n} 行的损失不低于 {nll} 奈特，而校准的预测至多会有 {allowed} 行如此"),
    ("look for wrong labels and for a model that is too sure there: rows {rows}, with their "
     "losses in nats", "请在那里找错误的标签和过于自信的预测：行号 {rows}（括号中为损失，单位奈特）"),
    ("{names_} never happens, and the predictions expect it {n} times",
     "{names_}从未出现，而预测认为它应出现 {n} 次"),
    ("{names_} never happen, and the predictions expect them {counts} times",
     "{names_}从未出现，而预测认为它们应分别出现 {counts} 次"),
    ("are the classes named otherwise in the target, or were their rows filtered out?",
     "真相里这些类别是不是用了别的名称，或者它们的行被筛掉了？"),
    ("is the class named otherwise in the target, or were its rows filtered out?",
     "真相里这个类别是不是用了别的名称，或者它的行被筛掉了？"),
    ("{names_} is true in {n} rows and never predicted, while {share} of the other rows are "
     "predicted right", "{names_}在 {n} 行中为真却从未被预测，而其余的行有 {share} 预测正确"),
    ("{names_} are true in {n} rows and never predicted, while {share} of the other rows are "
     "predicted right", "{names_}在 {n} 行中为真却从未被预测，而其余的行有 {share} 预测正确"),
    ("see whether its column belongs to it, and whether the model was trained with it",
     "请检查它的列是否对应，以及训练时是否有这个类别"),
    ("the log loss is {loss} nats, {name_} to four digits: what always saying the class "
     "frequencies loses, which are equal",
     "对数损失为 {loss} 奈特，前四位就是{name_}：各类别同样多时，总是回答类别频率的损失"),
    ("the log loss is {loss} nats, {name_} to four digits: what always saying the class "
     "frequencies loses", "对数损失为 {loss} 奈特，前四位就是{name_}：总是回答类别频率的损失"),
    ("the log loss is {loss} nats, {name_} to four digits: a coin flip between two classes: no "
     "model, or one that has not learnt yet",
     "对数损失为 {loss} 奈特，前四位就是{name_}：两个类别抛硬币的损失，没有模型，或模型还什么都没学到"),
    ("each term of a GAN's discriminator loss at its equilibrium",
     "也是 GAN 达到均衡时判别器损失中每一项的值"),
    ("the entropy of the labels", "标签的熵"),
    ("ln {n}", " ln {n} "),
    ("a coincidence is rare: see whether the model was trained, and read by these columns",
     "很少会这么巧：请检查模型是否训练过、是否读的是这些列"),
    ("`xent explain {loss}` has the other causes", "其他可能的原因见 `xent explain {loss}`"),
)  # fmt: skip
