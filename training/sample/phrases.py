"""The sentences from which simulated reviews are made, in English and Chinese, by aspect and polarity."""

from __future__ import annotations

from typing import Final

ASPECTS: Final = ("delivery", "quality", "price", "service", "packaging", "range")

# Aspect -> (sentences that praise, sentences that blame). "{p}" is the product's name.
ENGLISH: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "delivery": (
        (
            "Delivery was quick.",
            "The parcel arrived a day early.",
            "It came exactly when they said it would.",
            "Shipping was faster than I expected.",
        ),
        (
            "The parcel came days after the promised date.",
            "Delivery took far too long.",
            "I waited more than a week and nobody told me why.",
            "The tracking did not move for days.",
        ),
    ),
    "quality": (
        (
            "The {p} is really well made.",
            "Very good quality, better than the photos.",
            "The {p} does exactly what I need.",
            "I have bought the {p} before and it is still great.",
        ),
        (
            "The {p} broke after two days.",
            "The quality of the {p} is poor.",
            "The {p} looks nothing like the picture.",
            "The {p} arrived damaged.",
        ),
    ),
    "price": (
        (
            "Fair price for what you get.",
            "Good value, especially with the discount.",
            "Cheaper than in the shops near me.",
            "Worth every cent.",
        ),
        (
            "Too expensive for what it is.",
            "The price went up again.",
            "Not worth the money.",
            "I saw it cheaper elsewhere the next day.",
        ),
    ),
    "service": (
        (
            "The support team answered within minutes.",
            "Friendly and helpful service.",
            "They solved my question without any fuss.",
            "Customer service was not bad at all.",
        ),
        (
            "Support never wrote back.",
            "I had to explain my problem three times.",
            "Customer service was no help.",
            "The agent closed my case and nothing was solved.",
        ),
    ),
    "packaging": (
        (
            "Nicely packed.",
            "The box was sturdy and had no useless plastic.",
            "Packed so well that it could be a present.",
        ),
        (
            "The box was crushed.",
            "Far too much plastic around it.",
            "It was leaking when I opened the parcel.",
        ),
    ),
    "range": (
        (
            "I always find something new here.",
            "A lovely choice of products.",
            "They have the brands that I look for.",
        ),
        (
            "What I wanted was sold out again.",
            "The choice is getting smaller.",
            "Hard to find anything in the app.",
        ),
    ),
}
CHINESE: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "delivery": (
        ("发货很快。", "快递提前一天就到了。", "说哪天到就哪天到，很准时。", "物流比想象中快多了。"),
        (
            "比承诺的时间晚了好几天。",
            "物流实在太慢了。",
            "等了一个多星期，也没人告诉我原因。",
            "物流信息好几天不更新。",
        ),
    ),
    "quality": (
        ("{p}做工很好。", "质量很不错，比图片上还好。", "{p}正是我想要的。", "{p}回购好几次了，一直很满意。"),
        ("{p}用了两天就坏了。", "{p}质量很差。", "{p}和图片完全不一样。", "{p}收到时就是坏的。"),
    ),
    "price": (
        ("价格很实在。", "性价比高，用券更划算。", "比附近的店便宜。", "这个价钱很值。"),
        ("价格偏贵。", "又涨价了。", "不值这个价。", "第二天就看到别家更便宜。"),
    ),
    "service": (
        ("客服几分钟就回复了。", "客服态度很好，很耐心。", "问题很快就解决了。", "售后还真不错。"),
        ("客服一直不回复。", "同一个问题说了三遍。", "客服一点忙都没帮上。", "问题没解决就把工单关了。"),
    ),
    "packaging": (
        ("包装很用心。", "盒子结实，也没有多余的塑料。", "包装精美，送人也合适。"),
        ("盒子都压扁了。", "塑料包装太多了。", "打开时已经漏了。"),
    ),
    "range": (
        ("每次都能发现新东西。", "品种很丰富。", "想买的牌子都有。"),
        ("想买的又断货了。", "可选的越来越少。", "在APP里很难找到想要的。"),
    ),
}
# Openings by how the whole review sounds: bad, middling, good.
OPENINGS: Final = (
    (
        ("Disappointed.", "Not happy with this order.", "I expected more.", "Never again."),
        ("It is okay.", "Mixed feelings.", "Average experience.", ""),
        ("Very happy.", "Great as always.", "Lovely.", "Would buy again.", ""),
    ),
    (
        ("很失望。", "这次购物体验不好。", "没有想象中好。", "不会再买了。"),
        ("一般般。", "还行吧。", "有好有坏。", ""),
        ("非常满意。", "一如既往地好。", "很喜欢。", "会回购。", ""),
    ),
)
JOINTS: Final = ((" ", " On the other hand: "), ("", "不过，"))
"""What stands between sentences of one mind and of two minds, in English and Chinese."""
