"""Texts of a comparison of models, English and Chinese side by side."""

from __future__ import annotations

__all__ = ["OF_COMPARISON"]

OF_COMPARISON: dict[str, tuple[str, str]] = {
    "comparison": ("Compared with other models", "与其他模型比较"),
    "comparison_lead": (
        "Row by row on the same data. The e-value is evidence that stays valid however often one "
        "looks: above {threshold}, the first model's forecasts are refuted at {alpha}.",
        "在相同数据上逐行比较。e 值是无论中途查看多少次都依然有效的证据："
        "超过 {threshold} 时，可在 {alpha} 的显著性水平上否定第一个模型的预测。",
    ),
    "models_table": ("Models", "模型"),
    "models_compared": ("Which model is better", "哪个模型更好"),
    "better": (
        "{better} is better than {worse}: it loses {size} {unit} less a row ({interval}).",
        "{better} 优于 {worse}：每行损失少 {size} {unit}（{interval}）。",
    ),
    "undecided": (
        "These rows do not tell {first} and {second} apart: the interval of their difference, "
        "{interval}, holds 0.",
        "这些数据无法区分 {first} 与 {second}：差值的置信区间 {interval} 包含 0。",
    ),
    "ruined": (
        "Here the curve ends: {name} gave probability 0 to what happened, and is refuted.",
        "曲线到此为止：{name} 给实际结果赋予了概率 0，已被否定。",
    ),
    "impossible_rows": ("impossible rows", "不可能的行"),
    "finite_log_loss": ("log loss without them", "除去这些行的对数损失"),
    "loss_first": ("first", "第一个"),
    "loss_second": ("second", "第二个"),
    "contribution": ("part of the whole difference", "占总差值的部分"),
    "impossible_first": ("impossible, first", "仅第一个不可能"),
    "impossible_second": ("impossible, second", "仅第二个不可能"),
    "p_holm": ("p, Holm", "p 值（Holm 校正）"),
    "f_numbers": ("SHA-256 of the numbers", "数值的 SHA-256"),
    "model": ("model", "模型"),
    "pairs": ("Pairs of models", "模型两两比较"),
    "pair": ("pair", "模型对"),
    "difference": ("difference of log loss", "对数损失之差"),
    "win_rate": ("rows the second wins", "第二个胜出的行"),
    "beside_table": ("What differs beside the loss", "损失之外的差异"),
    "measure": ("measure", "度量"),
    "possible": (
        "difference of log loss, over the rows possible for both",
        "对数损失之差（双方都可能的行）",
    ),
    "anytime": (
        "difference of log loss, however often one looks",
        "对数损失之差（无论中途查看多少次）",
    ),
    "perplexity_ratio": ("perplexity, first / second", "困惑度之比，第一个 / 第二个"),
    "bits_per_byte_difference": ("difference of bits per byte", "每字节比特数之差"),
    "accuracy_difference": ("difference of accuracy (McNemar's p)", "准确率之差（McNemar 检验）"),
    "accuracy_clustered": ("difference of accuracy (p by cluster)", "准确率之差（按簇检验）"),
    "exact_difference": (
        "difference of rows with every label right (McNemar's p)",
        "全部标签都正确的行的比例之差（McNemar 检验）",
    ),
    "exact_clustered": (
        "difference of rows with every label right (p by cluster)",
        "全部标签都正确的行的比例之差（按簇检验）",
    ),
    "same_top": (
        "share of rows with the same likeliest class",
        "最可能的类别相同的行所占比例",
    ),
    "apart_table": ("How far the predictions are apart, over rows", "逐行看预测相差多远"),
    "distance": ("distance", "距离"),
    "mean": ("mean", "均值"),
    "percentile_50": ("median", "中位数"),
    "percentile_95": ("95 %", "95 %"),
    "percentile_99": ("99 %", "99 %"),
    "largest": ("largest", "最大"),
    "made_of_table": ("What the losses are made of", "损失的组成"),
    "e_value": ("e-value", "e 值"),
    "against": ("{first} less {second}", "{first} 减 {second}"),
    "e_title": ("Evidence for {name} as rows come in", "随行数累积的证据：{name}"),
    "e_text": (
        "After {rows} rows the e-value is {value}; {threshold} is the line of {alpha}.",
        "经过 {rows} 行后 e 值为 {value}；{alpha} 对应的界限为 {threshold}。",
    ),
    "rows_axis": ("rows", "行数"),
}
