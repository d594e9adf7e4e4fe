"""What the library says of its numbers, in Chinese: intervals, parts of a loss, comparisons.

Entries are as in `messages`.
"""

from __future__ import annotations

__all__ = ["OF_NUMBERS"]

OF_NUMBERS: tuple[tuple[str, str], ...] = (
    # why there is no interval
    ("{n} row(s) impossible: the loss is infinite", "有 {n} 行是“不可能”的，损失为无穷大"),
    ("all {n} losses are equal", "{n} 行的损失全都相等"),
    ("all losses are equal", "所有损失都相等"),
    ("all differences are equal", "所有差值都相等"),
    ("one row has no spread to judge by", "只有一行，看不出离散程度"),
    ("the losses are too large for an interval", "损失太大，算不出区间"),
    ("only {n} cluster(s)", "只有 {n} 个簇"),
    ("one value of {name} has no spread to judge by", "{name} 只有一个值，看不出离散程度"),
    ("drawn by only about {n} values of {name}", "抽样只涉及 {name} 的大约 {n} 个值"),
    ("about {n} rows are equal to an average row and drawn together, so this is too wide",
     "平均每一行约有 {n} 行与它相同，抽样时总在一起，所以这个区间太宽"),
    ("id tells rows apart", "用 id 可以区分各行"),
    # how the loss is split, and what would help
    ("one class against the rest: a diagnostic, which does not add up over classes",
     "一类对其余：用于诊断，各类别的结果不能相加"),
    ("the likeliest class against its being right", "最可能的类别，对照它是否正确"),
    ("the mean over labels", "各标签的平均"),
    ("all labels together: too many to keep apart", "标签太多，合在一起计算"),
    ("only one outcome was seen: any shift towards it gains", "只出现过一种结果：任何偏向它的调整都有好处"),
    ("the loss still falls where all logits are multiplied by {beta}: every row may be separable, "
     "and then no finite scale is best",
     "所有 logit 乘以 {beta} 时损失仍在下降：各行可能完全可分，那样就没有有限的最佳倍数"),
    ("the loss does not rise as the temperature grows without end: on average the scores are no "
     "higher for the true class than for the others",
     "温度无限升高时损失也不上升：平均来看，真实类别的得分并不比其他类别高"),
    ("the loss is the same at every temperature", "在任何温度下损失都相同"),
    ("the best scale is below {beta}, the smallest tried", "最佳倍数小于试过的最小值 {beta}"),
    ("it is extrapolated", "它是外推得到的"),
    ("the scores tell nothing of the truth, or the opposite of it: the best scale is 0",
     "得分不含真相的信息，或者与真相相反：最佳倍数为 0"),
    ("the best scale of {n} classes is 0", "{n} 个类别的最佳倍数为 0"),
    ("{n} class(es) never true: the best bias is -inf", "有 {n} 个类别从未为真：最佳偏置为 −∞"),
    ("probabilities of 0 leave {n} groups of classes whose biases have no finite best value",
     "概率 0 把类别分成 {n} 组，它们的偏置没有有限的最佳值"),
    ("scales and biases put every truth on top: the larger the scale, the better, without end",
     "用倍数和偏置可以让每一行的真实类别都排在最前：倍数越大越好，没有尽头"),
    ("vector scaling and prior shift are not here: {why_}.", "这里没有向量缩放和先验偏移：{why_}"),
    ("vector scaling and prior shift are not here: {why_}", "这里没有向量缩放和先验偏移：{why_}"),
    ("vector scaling and prior shift were fitted to a sample of {n} row(s), chosen by what the rows "
     "hold.", "向量缩放和先验偏移是用 {n} 行样本拟合的，样本按各行的内容抽取"),
    ("they need the rows again, and these repeat too unevenly to be sampled",
     "它们需要再读一遍数据，而这里各行重复的次数太不均匀，无法抽样"),
    ("they need the rows again, and {n} rows of {n_classes} classes are too many",
     "它们需要再读一遍数据，而 {n_classes} 个类别的 {n} 行太多了"),
    ("they need the rows again, and these are sums of them", "它们需要再读一遍数据，而这里只有各行的和"),
    ("they need two classes at least that are true and possible",
     "它们需要至少两个出现过且可能的类别"),
    ("xent recalibrate --method vector fits them to a file of rows.",
     "可以用 xent recalibrate --method vector 从数据文件拟合它们"),
    # beside another model
    ("that a row is the same token in all sources is taken on trust: target names a column to "
     "check, key one to pair rows by",
     "各来源的同一行是不是同一个词元，这里没有核对：target 指定用来核对的列，key 指定用来配对的列"),
    ("column {name} of {b} differs from that of {a} in {n} of {n_rows} rows, first in row {i}: if it "
     "names the rows, key pairs them by it",
     "{b} 的列 {name} 与 {a} 的不同：{n_rows} 行中有 {n} 行不同，最先在第 {i} 行；如果该列是各行的名字，"
     "可用 key 按它配对"),
    ("{a} and {b} differ by the same in all of {n} row(s), which does not tell how much they would "
     "in others", "{a} 与 {b} 在全部 {n} 行中相差都一样，这说明不了在其他行中相差多少"),
    ("differences of neighbouring rows are alike (correlation {value}, {a} and {b}): the interval "
     "is too short unless cluster names what belongs together, such as the document",
     "相邻各行的差相似（相关系数 {value}，{a} 与 {b}）：除非用 cluster 指出哪些行属于一起（例如同一篇文档），"
     "否则区间太短"),
    ("more than {n} clusters, taken together in {n_groups}",
     "簇多于 {n} 个，已合并成 {n_groups} 组"),
    ("with {n} {groups_} the clusters of each are taken together where they are more than {n_kept}: "
     "those of {n_folded}",
     "共有 {n} 个{groups_}，每个{groups_}中超过 {n_kept} 个的簇会合并：其中有 {n_folded} 个{groups_}如此"),
    ("slices", "分组"),
    ("classes", "类别"),
    ("all {n} clusters have one row", "全部 {n} 个簇都只有一行"),
    ("{n_single} of {n} clusters has one row", "{n} 个簇中有 {n_single} 个只有一行"),
    ("{n_single} of {n} clusters have one row", "{n} 个簇中有 {n_single} 个只有一行"),
    ("all {n} clusters drawn from them have one row", "从中抽出的 {n} 个簇全都只有一行"),
    ("{n_single} of {n} clusters drawn from them has one row",
     "从中抽出的 {n} 个簇中有 {n_single} 个只有一行"),
    ("{n_single} of {n} clusters drawn from them have one row",
     "从中抽出的 {n} 个簇中有 {n_single} 个只有一行"),
    ("only {n} cluster(s): an interval from so few is wide and uncertain",
     "只有 {n} 个簇：由这么少的簇得到的区间又宽又不可靠"),
    ("{share} of the loss of {name} comes from {n} row(s) whose probability was raised to {clip}: "
     "the difference says more about the clip than about the model",
     "{name} 的损失有 {share} 来自 {n} 行，它们的概率被提高到了 {clip}：这个差说明的更多是截断值，而不是模型"),
    ("weighted: wins, percentiles and tests of accuracy count rows, not weights",
     "有权重：胜率、百分位数和准确率检验数的是行，不是权重"),
)  # fmt: skip
