"""Texts of the chapter on self-information."""

__all__ = ["TEXTS"]

TEXTS = {
    "intro": {
        "en": r"""
You hear two pieces of news. Brazil has qualified for the World Cup. China has qualified for the World Cup.
The second tells you more, and the reason is that you did not expect it. The less likely an event $x$
is, the more it tells when it happens. Its **self-information** is

$$I(x) = -\log p(x)$$

Drag the dot.
""",
        "zh": r"""
你听到两条消息：巴西队进入了世界杯决赛圈；中国队进入了世界杯决赛圈。显然第二条的信息量更大，因为它出乎意料。
事件 $x$ 越不可能发生，一旦发生，带来的信息就越多。它的**自信息**（信息量）定义为

$$I(x) = -\log p(x)$$

拖动圆点试试看。
""",
    },
    "curve_caption": {
        "en": "What is certain tells nothing. Each halving of the probability tells log 2 more, which is "
        "one bit. The logarithm is natural (nats) or to base 2 (bits).",
        "zh": "必然发生的事不带来任何信息。概率每减半，信息就增加 log 2，也就是 1 比特。"
        "对数以 e 为底时单位是奈特，以 2 为底时是比特。",
    },
    "curve_label": {
        "en": "The curve of −log p. At probability [[p]] it is [[information]] [[unit]].",
        "zh": "−log p 的曲线。概率为 [[p]] 时是 [[information]] [[unit]]。",
    },
    "axis_p": {"en": "probability p", "zh": "概率 p"},
    "axis_information": {"en": "−log p, in [[unit]]", "zh": "−log p（[[unit]]）"},
    "slider_p": {"en": "probability p", "zh": "概率 p"},
    "card_nats": {"en": "it tells, in nats", "zh": "信息量（奈特）"},
    "card_bits": {"en": "it tells, in bits", "zh": "信息量（比特）"},
    "zero": {
        "en": "An event of probability 0 that happens anyway would tell infinitely much: $-\\log 0 = \\infty$. "
        "Whoever says “impossible” and is wrong once pays without limit. This is why a model should "
        "never give 0 to what can happen.",
        "zh": "概率为 0 的事一旦发生，信息量是无穷大：$-\\log 0 = \\infty$。"
        "说“绝不可能”而错了一次，代价没有上限。所以只要是可能发生的事，模型就不该给它 0。",
    },
    "events_text": {
        "en": r"""
## Events of everyday life

The chances of the two teams are beliefs: take what you would have said before. The others are counted:
a lottery draws 6 of 49 numbers, so one ticket wins once in [[ways]] draws.
""",
        "zh": r"""
## 生活中的事件

两支球队的概率是一种信念，可以换成你赛前的估计。其余的可以数出来：彩票从 49 个号码中开出 6 个，
一张彩票中头奖的机会是 [[ways]] 分之一。
""",
    },
    "events_caption": {
        "en": "Bars are as long as the events tell. The dashed line is the event of your slider above.",
        "zh": "横条越长，信息量越大。虚线是上面滑块所设的事件。",
    },
    "events_label": {
        "en": "Bars of the self-information of everyday events, in [[unit]].",
        "zh": "各种日常事件的自信息（[[unit]]），用横条表示。",
    },
    "event_brazil": {"en": "Brazil qualifies", "zh": "巴西队进入决赛圈"},
    "event_china": {"en": "China qualifies", "zh": "中国队进入决赛圈"},
    "event_coin": {"en": "A fair coin shows heads", "zh": "硬币掷出正面"},
    "event_six": {"en": "A die shows six", "zh": "骰子掷出六点"},
    "event_birthday": {"en": "A stranger has your birthday", "zh": "陌生人与你同一天生日"},
    "event_flush": {"en": "A royal flush is dealt", "zh": "发到一手皇家同花顺"},
    "event_lottery": {"en": "Your ticket wins (6 of 49)", "zh": "彩票中头奖（49 选 6）"},
    "yours": {"en": "p = [[p]]", "zh": "p = [[p]]"},
    "why": {
        "en": r"""
## Why a logarithm

Two things that have nothing to do with each other should tell, together, what the one tells plus what the other
tells. Their probabilities multiply. What turns a product into a sum is the logarithm:

$$-\log\, p(A)\,p(B) = -\log p(A) - \log p(B)$$
""",
        "zh": r"""
## 为什么是对数

两件互不相干的事，合在一起带来的信息应该等于各自信息之和，而它们的概率却是相乘的。能把乘积变成和的，正是对数：

$$-\log\, p(A)\,p(B) = -\log p(A) - \log p(B)$$
""",
    },
    "product_caption": {
        "en": "Left: the probability of both is an area, a product. Right: what they tell is a length, a "
        "sum. Drag the two dots.",
        "zh": "左：两件事都发生的概率是面积，即乘积。右：信息量是长度，即总和。拖动两个圆点试试。",
    },
    "product_label": {
        "en": "Both events have probability [[both]]; they tell [[a]] and [[b]], together [[sum]].",
        "zh": "两个事件同时发生的概率为 [[both]]；信息量分别为 [[a]] 和 [[b]]，合计 [[sum]]。",
    },
    "slider_a": {"en": "probability of A", "zh": "A 的概率"},
    "slider_b": {"en": "probability of B", "zh": "B 的概率"},
    "area": {"en": "area [[p]]", "zh": "面积 [[p]]"},
    "both": {"en": "A and B", "zh": "A 且 B"},
    "card_a": {"en": "I(A)", "zh": "I(A)"},
    "card_b": {"en": "I(B)", "zh": "I(B)"},
    "card_both": {"en": "I(A and B)", "zh": "I(A 且 B)"},
    "use_coin": {"en": "Coin", "zh": "硬币"},
    "use_china": {"en": "China", "zh": "中国队"},
    "use_brazil": {"en": "Brazil", "zh": "巴西队"},
    "use_lottery": {"en": "Lottery", "zh": "彩票"},
    "out": {
        "en": "Impossible events tell infinitely much; there is nothing to add up. Move the slider from 0.",
        "zh": "不可能事件的信息量是无穷大，无从相加。请把滑块移离 0。",
    },
}
