"""Words that every chapter shares."""

__all__ = ["COMMON"]

COMMON = {
    "subject": {"en": "Cross-entropy", "zh": "交叉熵"},
    "about": {
        "en": "Everything here can be moved, and every number is computed by xent while you watch.",
        "zh": "这里的一切都可以动手调，每个数都由 xent 当场算出。",
    },
    "position": {"en": "Chapter [[number]] of [[of]]", "zh": "第 [[number]] 章，共 [[of]] 章"},
    "this_page": {"en": "This page", "zh": "本页"},
    "chapters": {"en": "Chapters", "zh": "章节"},
    "contents": {"en": "Contents", "zh": "目录"},
    "language": {"en": "English", "zh": "中文"},
    "theme": {"en": "Light / dark", "zh": "浅色 / 深色"},
    "prev": {"en": "Before", "zh": "上一章"},
    "next": {"en": "Next", "zh": "下一章"},
    "download": {"en": "Download SVG", "zh": "下载 SVG"},
    "wrong": {"en": "This cannot be computed.", "zh": "这样无法计算。"},
    "in_english": {"en": "In English: ", "zh": "原文（英文）："},
    "missing": {"en": "There is no such page.", "zh": "没有这个页面。"},
    "loading": {"en": "Loading", "zh": "正在载入"},
    "nat": {"en": "nats", "zh": "奈特"},
    "bit": {"en": "bits", "zh": "比特"},
    "unit": {"en": "Unit", "zh": "单位"},
}
