"""Texts of the chapter on the reader's own numbers."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    "intro": {
        "en": r"""
All of the article is in one number of your own model: the mean of $-\log$ of what it gave to the
things that happened. Drop a file with a row for each prediction: the truth, and the probabilities.

    animal,p_cat,p_frog,p_mouse
    frog,0.3,0.6,0.1

**Nothing leaves this machine.** The file is read by the program that you started here. It is
written to a temporary folder while it is read, and removed; nothing is sent to anyone.
""",
        "zh": r"""
整篇文章都浓缩在你自己模型的一个数里：对实际发生的事情，它所给概率取 $-\log$ 后的平均值。
拖入一个文件，每行一次预测：真相，以及各个概率。

    animal,p_cat,p_frog,p_mouse
    frog,0.3,0.6,0.1

**数据不会离开这台机器。** 读取文件的就是你在本机启动的这个程序。
读取期间文件会写入一个临时文件夹，读完即删除，不会发送给任何人。
""",
    },
    # where rows come from
    "file": {
        "en": "Drop a file here: [[kinds]], at most [[most]] MB",
        "zh": "把文件拖到这里：[[kinds]]，最大 [[most]] MB",
    },
    "file_more": {
        "en": "Larger files, and files elsewhere: `xent evaluate FILE` in a terminal prints the "
        "same, for files of any size.",
        "zh": "更大的文件请在终端使用 `xent evaluate FILE`，结果相同，大小不限。",
    },
    "examples": {"en": "or look at an example", "zh": "或先看一个例子"},
    "one_label.csv": {
        "en": "one_label.csv: one animal a picture, a model that is too sure",
        "zh": "one_label.csv：每张图一种动物，模型过于自信",
    },
    "many_labels.csv": {
        "en": "many_labels.csv: any number of animals, a calibrated model",
        "zh": "many_labels.csv：每张图任意种动物，模型校准良好",
    },
    "broken.csv": {
        "en": "broken.csv: a file with a mistake in it",
        "zh": "broken.csv：含有一处错误的文件",
    },
    "get_example": {"en": "Download [[name]]", "zh": "下载 [[name]]"},
    "yours": {
        "en": "This is your file, [[name]]. Clear it above to go back to the examples.",
        "zh": "当前是你的文件 [[name]]。点击上方的“清除文件”即可回到例子。",
    },
    # the columns
    "tab_columns": {"en": "The columns", "zh": "列的含义"},
    "columns_lead": {
        "en": "What was not said is found by the names and types of the columns. Say it here where "
        "that went wrong.",
        "zh": "没有指定的部分，会根据列名和类型推断。如果推断有误，请在这里指定。",
    },
    "read_as": {"en": "Read as: ", "zh": "读取方式："},
    "inferred": {"en": "(found by itself)", "zh": "（自动推断）"},
    "target": {"en": "the truth", "zh": "真相所在的列"},
    "predictions": {"en": "the predictions", "zh": "预测所在的列"},
    "kind": {"en": "the predictions are", "zh": "预测的形式"},
    "probs": {"en": "probabilities", "zh": "概率"},
    "logits": {"en": "logits", "zh": "logit"},
    "log_probs": {"en": "log-probabilities of what happened", "zh": "实际结果的对数概率"},
    "task": {"en": "each row has", "zh": "每一行有"},
    "class": {"en": "exactly one class", "zh": "恰好一个类别"},
    "multi": {"en": "any number of labels", "zh": "任意多个标签"},
    "zero": {"en": "a probability of 0 for what happened", "zh": "实际发生、概率却为 0 的行"},
    "zero_inf": {"en": "costs infinitely much", "zh": "损失为无穷大"},
    "zero_clip": {"en": "counts as 1e-15", "zh": "按 1e-15 计算"},
    "nan": {"en": "rows with missing values", "zh": "有缺失值的行"},
    "nan_raise": {"en": "are an error", "zh": "视为错误"},
    "nan_exclude": {"en": "are left out", "zh": "予以剔除"},
    # what came of it
    "broken": {
        "en": "[[name]] could not be judged.",
        "zh": "无法评判 [[name]]。",
    },
    "verdict": {"en": "The verdict", "zh": "评判结果"},
    "interval": {
        "en": "[[rows]] rows scored. With [[level]] % confidence, more rows like these would "
        "lose between [[low]] and [[high]] [[unit]] on average.",
        "zh": "共评判 [[rows]] 行。在 [[level]] % 的置信水平下，同类数据的平均损失"
        "在 [[low]] 与 [[high]] [[unit]]之间。",
    },
    "no_interval": {
        "en": "[[rows]] rows scored. There is no interval: [[why]].",
        "zh": "共评判 [[rows]] 行。没有置信区间：[[why]]。",
    },
    "no_spread": {
        "en": "these rows do not say how far the mean may be off",
        "zh": "这些行不足以给出",
    },
    "card_loss": {"en": "log loss", "zh": "对数损失"},
    "card_finite": {"en": "without impossible rows", "zh": "不计“不可能”的行"},
    "card_frequency": {
        "en": "always saying the class frequencies",
        "zh": "总是回答各类别的频率",
    },
    "card_skill": {"en": "better than that by", "zh": "比它好多少"},
    "card_accuracy": {"en": "right, taking the likeliest", "zh": "准确率（取最可能的）"},
    "card_perplexity": {"en": "perplexity", "zh": "困惑度"},
    "parts_lead": {
        "en": r"""
**What it is made of.** The cross-entropy of chapter 3, seen in data: what the labels leave open,
$H(y)$, less what the model knows of them, plus what it claims wrongly. A recalibration would win
the last part back, the rest needs a better model.
""",
        "zh": r"""
**它由什么组成。** 这是第 3 章的交叉熵在数据中的样子：标签本身的不确定性 $H(y)$，
减去模型掌握的信息，再加上把握说得不准而多付的代价。最后一部分，重新校准就能省下；其余的要靠更好的模型。
""",
    },
    "open": {"en": "H(y): what the labels leave open", "zh": "H(y)：标签本身的不确定性"},
    "known": {"en": "what the model knows", "zh": "模型掌握的信息"},
    "wrong_part": {"en": "miscalibration: what it claims wrongly", "zh": "校准误差：把握说得不准"},
    "score": {"en": "log loss", "zh": "对数损失"},
    "parts_alt": {
        "en": "The labels leave [[open]] [[unit]] open; the model knows [[known]] of it; its "
        "miscalibration adds [[wrong_part]]; the log loss is [[score]].",
        "zh": "标签本身的不确定性为 [[open]] [[unit]]，模型知道其中的 [[known]]，"
        "校准误差增加 [[wrong_part]]，对数损失为 [[score]]。",
    },
    "parts_caption": {
        "en": "Each bar starts where the one above it ended.",
        "zh": "每根柱子都从上一根结束的地方开始。",
    },
    "notes": {"en": "Worth a look", "zh": "值得留意"},
    "tab_report": {"en": "The whole report", "zh": "完整报告"},
    "tab_table": {"en": "As a notebook shows it", "zh": "notebook 中的显示"},
    "tab_text": {"en": "As the command prints it", "zh": "命令行的输出"},
    "get_report": {"en": "Download the report", "zh": "下载报告"},
    "get_text": {"en": "Download the text", "zh": "下载文本"},
    "report_lead": {
        "en": "One page that holds everything and asks no network for anything; it can be mailed.",
        "zh": "单个网页，内含全部内容，不需要网络，可以直接用邮件发送。",
    },
    "code_lead": {"en": "The same without this page:", "zh": "不用本页，也可以这样得到："},
    "code": {"en": "Commands", "zh": "命令"},
}
