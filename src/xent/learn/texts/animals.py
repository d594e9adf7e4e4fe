"""Words that chapters 5 and 6 share."""

from __future__ import annotations

__all__ = ["ANIMALS"]

ANIMALS: dict[str, dict[str, str]] = {
    "cat": {"en": "cat", "zh": "猫"},
    "frog": {"en": "frog", "zh": "青蛙"},
    "mouse": {"en": "mouse", "zh": "老鼠"},
    "logit_of": {"en": "logit of [[name]]", "zh": "[[name]]的 logit"},
    "loss": {"en": "loss", "zh": "损失"},
    "sum_of_probs": {"en": "sum of the probabilities", "zh": "概率之和"},
    "sum": {"en": "sum", "zh": "总和"},
    "picture": {"en": "picture [[number]]", "zh": "第 [[number]] 张图"},
    "yours": {"en": "your picture", "zh": "你的图"},
    "gradient_axis": {"en": "ŷ − y", "zh": "ŷ − y"},
    "gradient_of": {"en": "gradient, [[name]]", "zh": "[[name]]的梯度"},
    "pushed_up": {"en": "logit goes up", "zh": "logit 升高"},
    "pushed_down": {"en": "logit goes down", "zh": "logit 降低"},
    "start_article": {"en": "The article’s numbers", "zh": "文章中的数值"},
}
