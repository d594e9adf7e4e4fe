"""Every text of the page, English and Chinese side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from xent.errors import XentValueError
from xent.report.page.texts_of_comparison import OF_COMPARISON

__all__ = ["LANGUAGES", "TEXTS", "Language", "Translate", "translator"]

Language = Literal["en", "zh"]
Translate = Callable[..., str]
LANGUAGES = {"en": "en", "zh": "zh-Hans"}

TEXTS: dict[str, tuple[str, str]] = {
    # the frame
    "skip": ("Skip to the numbers", "跳到数据"),
    "dark": ("Dark", "深色"),
    "theme": ("Dark theme", "深色主题"),
    "made_by": ("Written by xent", "由 xent 生成"),
    "subtitle_classes": ("Evaluation of class probabilities", "分类概率评估"),
    "subtitle_labels": ("Evaluation of label probabilities", "多标签概率评估"),
    "subtitle_log_probs": ("Evaluation of log-probabilities", "对数概率评估"),
    "subtitle_comparison": ("Comparison of models", "模型比较"),
    "rows_scored": ("rows scored", "行参与评分"),
    "show": ("Show", "显示"),
    "numbers_of_chart": ("The numbers behind this chart", "图中的数值"),
    "none": ("none", "无"),
    "nat": ("nats", "奈特"),
    "bit": ("bits", "比特"),
    "ban": ("bans", "班"),
    # attention
    "attention": ("Before you read on", "阅读之前"),
    "attention_lead": (
        "What may make these numbers mean something else than they seem to.",
        "以下情况可能使这些数字的含义与看上去的不同。",
    ),
    "warning": ("Warning", "警告"),
    "hint": ("Hint", "提示"),
    # headline
    "score": ("The score", "得分"),
    "log_loss": ("Log loss", "对数损失"),
    "score_lead": (
        "The mean of −log of the probability that was given to what happened. "
        "Lower is better; 0 is perfect.",
        "对实际发生的结果所给概率取负对数后的平均值。越低越好，0 为完美。",
    ),
    "interval": ("{level} interval", "{level} 置信区间"),
    "interval_of": ("{low} to {high}", "{low} 至 {high}"),
    "infinite": (
        "Rows whose outcome was given probability 0: {count}. Their loss is infinite, "
        "and so is the mean. Without them: {finite}",
        "有 {count} 行的实际结果被赋予概率 0，其损失为无穷大，因而平均值也是无穷大。"
        "去掉它们之后为 {finite}",
    ),
    "in_nats": ("in nats", "奈特"),
    "in_bits": ("in bits", "比特"),
    "perplexity": ("perplexity", "困惑度"),
    "accuracy": ("accuracy", "准确率"),
    "label_accuracy": ("label decisions right", "标签判断正确率"),
    "exact_match": ("every label of a row right", "整行标签全对"),
    "brier": ("Brier score", "Brier 分数"),
    "bits_per_byte": ("bits per byte", "每字节比特数"),
    "row_log_loss": ("loss of a row, its labels together", "每行损失（各标签合计）"),
    "skill": ("skill against the class frequencies", "相对类别频率的技巧得分"),
    "uniform_skill": ("skill against a uniform guess", "相对均匀猜测的技巧得分"),
    "scale_title": ("The score between perfect and ignorant", "得分：介于完美与一无所知之间"),
    "scale_perfect": ("perfect", "完美"),
    "scale_score": ("this model", "本模型"),
    "scale_frequency": ("class frequencies", "类别频率"),
    "scale_uniform": ("uniform guess", "均匀猜测"),
    # decomposition
    "parts": ("Where the loss comes from", "损失从何而来"),
    "parts_lead": (
        "Uncertainty is what the labels leave open to someone who only knows how often each "
        "class occurs. The model resolves some of it, and pays for saying probabilities that "
        "do not match what happens.",
        "不确定性是只知道各类别频率时标签留下的未知量。模型消除了其中一部分，"
        "但若所报概率与实际频率不符，就要为此付出代价。",
    ),
    "waterfall_title": ("Parts of the log loss: {name}", "对数损失的分解：{name}"),
    "waterfall_text": (
        "Uncertainty {uncertainty}, less resolution {resolution}, plus miscalibration "
        "{miscalibration}, is the log loss {score}.",
        "不确定性 {uncertainty}，减去分辨力 {resolution}，加上校准误差 {miscalibration}，"
        "等于对数损失 {score}。",
    ),
    "waterfall_clipped": (
        "Uncertainty {uncertainty}, less resolution {resolution}, plus miscalibration "
        "{miscalibration}, and {remainder} by the clip, is the log loss {score}.",
        "不确定性 {uncertainty}，减去分辨力 {resolution}，加上校准误差 {miscalibration}，"
        "再加上截断带来的 {remainder}，等于对数损失 {score}。",
    ),
    "waterfall_least": (
        "Uncertainty {uncertainty}, less resolution {resolution}, plus miscalibration of at least "
        "{miscalibration}, is a log loss of at least {score}.",
        "不确定性 {uncertainty}，减去分辨力 {resolution}，加上至少 {miscalibration} 的校准误差，"
        "等于至少 {score} 的对数损失。",
    ),
    "uncertainty": ("Uncertainty of the labels", "标签的不确定性"),
    "resolution": ("Resolved by the model", "模型的分辨力"),
    "miscalibration": ("Cost of miscalibration", "校准误差的代价"),
    "remainder": ("Clip of small probabilities", "小概率的截断"),
    "total": ("Log loss", "对数损失"),
    "term": ("Part", "组成部分"),
    "parts_table": (
        "The parts; by chance: the cost that a calibrated model of this size would show, and what "
        "one that knows nothing would resolve",
        "各组成部分；偶然水平：同样规模下，完全校准的模型也会显示的误差，以及一无所知的模型也会显示的分辨力",
    ),
    "value": ("value", "数值"),
    "corrected": ("bias corrected", "偏差校正后"),
    "null": ("by chance", "偶然水平"),
    "p_value": ("p", "p 值"),
    "null_mark": ("striped: what chance alone would show", "条纹：仅由偶然性产生的部分"),
    "parts_say": (
        "The model resolves {share} of what the labels leave open. "
        "Miscalibration costs {cost} {unit}",
        "模型消除了标签不确定性的 {share}。校准误差的代价为 {cost} {unit}",
    ),
    "parts_say_least": (
        "The model resolves {share} of what the labels leave open. "
        "Miscalibration costs at least {cost} {unit}",
        "模型消除了标签不确定性的 {share}。校准误差的代价至少为 {cost} {unit}",
    ),
    "parts_say_null": (
        "; a perfectly calibrated model of this size would show {null} too",
        "；同样规模下，完全校准的模型也会显示 {null}",
    ),
    "parts_say_p": (" (p {p})", "（p {p}）"),
    "possible_only": (
        "Impossible rows, whose loss is infinite, are left out here.",
        "此处不含损失为无穷大的不可能行。",
    ),
    "is_least": (
        "Forecasts of 0 or 1, to nine digits, were wrong, which may cost any amount: "
        "miscalibration and log loss are at least this.",
        "有些预测是 0 或 1（精确到九位小数），却错了，代价可以任意大："
        "校准误差和对数损失至少为此处所示。",
    ),
    "d_isotonic": ("{name}, by isotonic regression", "{name}（保序回归）"),
    "d_temperature": ("{name}, by the best temperature", "{name}（最优温度）"),
    "d_vector": ("{name}, by vector scaling", "{name}（向量缩放）"),
    "d_shift": ("{name}, by class balance", "{name}（类别比例校正）"),
    "n_top label": ("the predicted class", "预测类别"),
    "n_possible rows": ("the rows that are not impossible", "除不可能行以外的行"),
    "n_all classes": ("all classes", "全部类别"),
    "n_all labels": ("all labels", "全部标签"),
    "stop": (".", "。"),
    # reliability
    "reliability": ("Is 30 % really 30 %?", "说 30 %，真的是 30 % 吗？"),
    "reliability_lead": (
        "How often a class happened, for forecasts of each size. A calibrated model stays on the "
        "diagonal; the grey band is where it would be by chance in {level} of cases. Bars below "
        "show how often each forecast was made.",
        "对于每一档预测概率，该类别实际出现的频率。校准良好的模型应落在对角线上；"
        "灰色带是完全校准的模型在 {level} 的情形下也会有的偶然波动。"
        "下方的柱形表示各档预测出现的次数。",
    ),
    "reliability_title": ("Reliability of {name}", "{name} 的可靠性图"),
    "reliability_text": (
        "{outside} of {bins} bins lie outside of the band of a calibrated model.",
        "共 {bins} 个分箱，其中 {outside} 个落在完全校准的波动带之外。",
    ),
    "forecast": ("forecast", "预测概率"),
    "frequency": ("it happened", "实际频率"),
    "frequency_interval": ("interval", "区间"),
    "null_band": ("by chance, if calibrated", "校准良好时的波动范围"),
    "rows": ("rows", "行数"),
    "legend_band": ("calibrated, by chance", "校准良好时的波动"),
    "legend_inside": ("within the band", "在带内"),
    "legend_outside": ("outside of it", "在带外"),
    # surprise
    "surprise": ("Who carries the loss", "损失来自哪些行"),
    "surprise_lead": (
        "Rows by how much they lost. Above the line, the share of the rows; below it, the share "
        "of the loss that they carry, on a scale of its own.",
        "按损失大小对各行分组。横线上方是行数占比，下方是这些行占总损失的比例，两者各有刻度。",
    ),
    "surprise_title": ("Rows, and the loss they carry, by loss", "按损失分组的行数与损失占比"),
    "surprise_text": (
        "Most rows lose between {low} and {high}. {tail}",
        "多数行的损失在 {low} 与 {high} 之间。{tail}",
    ),
    "tail_says": (
        "The worst {share} of the rows carry {carry} of the loss.",
        "损失最大的 {share} 的行占总损失的 {carry}。",
    ),
    "tail_mark": ("worst {share}", "最差 {share}"),
    "share_of_rows": ("share of rows", "行数占比"),
    "share_of_the_loss": ("share of the loss", "损失占比"),
    "axis_says": (
        "Along the axis: the loss of a row in {unit}, and the probability that the truth "
        "was given.",
        "横轴刻度：单行损失（{unit}），以及真实结果所得的概率。",
    ),
    "impossible_above": (
        "Impossible rows (infinite loss, not drawn): {count}.",
        "未画出的不可能行（损失无穷大）：{count} 行。",
    ),
    # tables
    "classes": ("Class by class", "按类别"),
    "classes_table": ("Classes", "类别"),
    "labels_table": ("Labels", "标签"),
    "worst_table": ("Rows by their loss", "按损失排列的行"),
    "labels": ("Label by label", "按标签"),
    "classes_lead": (
        "What each class weighs in the data and in the loss. Click a heading to sort.",
        "每个类别在数据和损失中所占的分量。点击表头可排序。",
    ),
    "class": ("class", "类别"),
    "label": ("label", "标签"),
    "count": ("rows", "行数"),
    "share": ("share of rows", "行数占比"),
    "mean_probability": ("mean forecast", "平均预测概率"),
    "class_log_loss": ("log loss", "对数损失"),
    "share_of_loss": ("share of loss", "损失占比"),
    "found": ("found", "召回率"),
    "right": ("right", "判断正确"),
    "class_miscalibration": ("miscalibration", "校准误差"),
    "class_resolution": ("resolution", "分辨力"),
    "slices": ("Slice by slice", "按分组"),
    "slices_lead": (
        "The same rows by a column of the data. The lines add up to the whole.",
        "同样的行按数据中的某一列分组。各分组合起来就是整体。",
    ),
    "slice_of": ("By {name}", "按 {name}"),
    "slice_information": (
        "Knowing {name} alone would tell {value} {unit} about the label.",
        "仅凭 {name} 就能得到关于标签的 {value} {unit}信息。",
    ),
    "slice_chance": (
        " A column that tells nothing would show {value} by chance.",
        "与标签无关的列仅凭偶然也会显示 {value}。",
    ),
    "slice_tied": (
        " Rows of a cluster are not independent: no interval of a slice is known.",
        "同一簇的行并不独立，因此各分组没有区间。",
    ),
    "slice_clustered": (" Intervals of its lines are by cluster.", "各分组的区间按簇计算。"),
    "slice_skill": ("skill", "技巧得分"),
    "remark": ("remark", "备注"),
    "few_rows": ("few rows", "行数过少"),
    "few_clusters": ("few clusters", "簇过少"),
    "slice_value": ("value", "取值"),
    "range": ("interval", "区间"),
    "not_shown": (
        "Shown: the {shown} that carry most of the loss, of {total}.",
        "仅显示损失占比最大的 {shown} 项，共 {total} 项。",
    ),
    "worst": ("The most surprising rows", "最令人意外的行"),
    "worst_lead": (
        "Rows that lost most: read a few of them. Wrong labels gather here. "
        "Rows are counted from 0.",
        "损失最大的行，值得逐一查看：标注错误往往集中于此。行号从 0 开始。",
    ),
    "row": ("row", "行号"),
    "row_log_loss_short": ("log loss", "对数损失"),
    "truth_probability": ("probability of the truth", "真实结果的概率"),
    "target": ("truth", "真实类别"),
    "predicted": ("predicted", "预测类别"),
    "left_out": ("Rows apart", "特殊行"),
    "left_out_lead": (
        "Rows that were not scored, or whose loss is not finite. Rows are counted from 0.",
        "未参与评分或损失并非有限值的行。行号从 0 开始。",
    ),
    "left_out_table": ("Rows apart", "特殊行"),
    "why": ("what", "情况"),
    "which": ("which", "行号"),
    "impossible": ("impossible: what happened had probability 0", "不可能：实际结果的概率为 0"),
    "clipped": ("clipped: the probability was raised to {clip}", "截断：概率被提高到 {clip}"),
    "ignored": ("ignored: the target says so", "忽略：目标值等于 ignore"),
    "missing": ("left out: a value is missing", "剔除：有缺失值"),
    "and_more": ("and {count} more", "以及另外 {count} 行"),
    # temperature
    "temperature": ("What would help", "哪些调整有帮助"),
    "temperature_lead": (
        "What recalibration would gain on these very rows; on new rows expect the corrected "
        "value. A temperature divides every logit by one number: it changes how sure the model "
        "is, and never which class it prefers.",
        "重新校准在这些数据上能带来的改善；对新数据，应以校正后的值为准。"
        "温度是用同一个数去除每个 logit，只改变模型的自信程度，不改变它偏好的类别。",
    ),
    "gains_table": (
        "Gains; by chance: what a calibrated model of this size would show",
        "改善量；偶然水平：同样规模下完全校准的模型也会显示的值",
    ),
    "remedy": ("recalibration", "校准方法"),
    "gain_column": ("gain", "改善量"),
    "gain_range": ("its interval over new rows", "在新数据上的区间"),
    "g_temperature": ("temperature: one number", "温度：一个参数"),
    "g_vector": (
        "vector scaling: one number a class, and a scale",
        "向量缩放：每类一个参数，再加一个总的倍数",
    ),
    "g_shift": (
        "class balance: the classes are as frequent as here",
        "类别比例校正：使各类频率与此处一致",
    ),
    "g_isotonic": ("isotonic regression: any rising curve", "保序回归：任意单调曲线"),
    "best_temperature": ("best temperature", "最优温度"),
    "gain": ("log loss it would save", "可降低的对数损失"),
    "gain_bounds": ("certain bounds", "确定的上下界"),
    "loss_after": ("log loss after", "调整后的对数损失"),
    "overconfident": (
        "The model is too sure: above 1, the temperature makes it less so.",
        "模型过于自信：温度大于 1 会降低其自信程度。",
    ),
    "tempered": (
        "What the best temperature gains is no more than chance would show (p {p}).",
        "最优温度带来的改善不超出偶然波动的范围（p {p}）。",
    ),
    "underconfident": (
        "The model is not sure enough: below 1, the temperature makes it more so.",
        "模型不够自信：温度小于 1 会提高其自信程度。",
    ),
    **OF_COMPARISON,
    # provenance
    "provenance": ("How this was made", "生成信息"),
    "provenance_lead": (
        "The same data and options give the same page, byte for byte. The numbers are also in "
        "the page as JSON, in the element with the id “numbers”.",
        "相同的数据与选项生成逐字节相同的页面。"
        "全部数值也以 JSON 形式保存在本页 id 为“numbers”的元素中。",
    ),
    "f_version": ("xent version", "xent 版本"),
    "f_source": ("data", "数据"),
    "f_read_as": ("read as", "读取方式"),
    "f_options": ("options", "选项"),
    "f_state": ("SHA-256 of the exact sums", "精确和的 SHA-256"),
    "f_rows": ("rows scored", "参与评分的行数"),
    "f_date": ("date", "日期"),
    "f_interval": ("interval", "区间方法"),
}


def translator(lang: str) -> Translate:
    """Return what gives a text in a language, its places filled in.

    >>> translator("zh")("interval", level="95 %")
    '95 % 置信区间'
    """
    if lang not in LANGUAGES:
        raise XentValueError(f"lang must be one of {tuple(LANGUAGES)}, got {lang!r}", value=lang)
    place = list(LANGUAGES).index(lang)

    def text(key: str, **values: object) -> str:
        found = TEXTS[key][place]
        return found.format(**values) if values else found

    return text
