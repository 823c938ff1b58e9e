"""What the simulated business sells: 200 products in 10 categories, and the tastes that choose among them.

The range is the same for every seed and size, so that two samples can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array

NOUNS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "tea": (
        ("jasmine tea", "茉莉花茶"),
        ("oolong tea", "乌龙茶"),
        ("green tea", "绿茶"),
        ("black tea", "红茶"),
        ("white tea", "白茶"),
        ("pu-erh tea", "普洱茶"),
        ("chrysanthemum tea", "菊花茶"),
        ("rose tea", "玫瑰花茶"),
        ("barley tea", "大麦茶"),
        ("milk tea kit", "奶茶套装"),
    ),
    "coffee": (
        ("espresso beans", "意式咖啡豆"),
        ("drip coffee bags", "挂耳咖啡"),
        ("cold brew packs", "冷萃咖啡包"),
        ("instant coffee", "速溶咖啡"),
        ("decaf beans", "低因咖啡豆"),
        ("Yunnan coffee", "云南咖啡"),
        ("latte mix", "拿铁粉"),
        ("coffee filters", "咖啡滤纸"),
        ("coffee capsules", "咖啡胶囊"),
        ("mocha syrup", "摩卡糖浆"),
    ),
    "snacks": (
        ("roasted almonds", "烤杏仁"),
        ("dried mango", "芒果干"),
        ("seaweed crisps", "海苔脆"),
        ("walnut cakes", "核桃酥"),
        ("rice crackers", "米饼"),
        ("dark chocolate", "黑巧克力"),
        ("beef jerky", "牛肉干"),
        ("sunflower seeds", "葵花籽"),
        ("oat biscuits", "燕麦饼干"),
        ("hawthorn rolls", "山楂卷"),
    ),
    "skincare": (
        ("face cream", "面霜"),
        ("sunscreen", "防晒霜"),
        ("cleansing foam", "洁面乳"),
        ("sheet masks", "面膜"),
        ("hand cream", "护手霜"),
        ("toner", "爽肤水"),
        ("eye cream", "眼霜"),
        ("lip balm", "润唇膏"),
        ("body lotion", "身体乳"),
        ("face serum", "精华液"),
    ),
    "haircare": (
        ("shampoo", "洗发水"),
        ("conditioner", "护发素"),
        ("hair mask", "发膜"),
        ("hair oil", "护发精油"),
        ("dry shampoo", "免洗喷雾"),
        ("wooden comb", "木梳"),
        ("scalp scrub", "头皮磨砂膏"),
        ("styling cream", "造型乳"),
        ("hair dryer", "吹风机"),
        ("hair clips", "发夹"),
    ),
    "kitchen": (
        ("wok", "炒锅"),
        ("chef's knife", "主厨刀"),
        ("rice cooker", "电饭煲"),
        ("bamboo steamer", "竹蒸笼"),
        ("soup pot", "汤锅"),
        ("chopstick set", "筷子套装"),
        ("cutting board", "砧板"),
        ("storage jars", "储物罐"),
        ("electric kettle", "电热水壶"),
        ("tea set", "茶具"),
    ),
    "home": (
        ("cotton towels", "纯棉毛巾"),
        ("bed linen", "床上四件套"),
        ("scented candle", "香薰蜡烛"),
        ("desk lamp", "台灯"),
        ("storage box", "收纳箱"),
        ("silk pillow", "真丝枕"),
        ("laundry liquid", "洗衣液"),
        ("paper towels", "厨房纸巾"),
        ("humidifier", "加湿器"),
        ("doormat", "门垫"),
    ),
    "baby": (
        ("nappies", "纸尿裤"),
        ("baby wipes", "婴儿湿巾"),
        ("baby bottle", "奶瓶"),
        ("picture book", "绘本"),
        ("building blocks", "积木"),
        ("baby lotion", "婴儿润肤乳"),
        ("bibs", "围嘴"),
        ("plush toy", "毛绒玩具"),
        ("baby blanket", "婴儿毯"),
        ("fruit puree", "果泥"),
    ),
    "pets": (
        ("cat food", "猫粮"),
        ("dog food", "狗粮"),
        ("cat litter", "猫砂"),
        ("dog treats", "狗零食"),
        ("pet bed", "宠物窝"),
        ("scratching post", "猫抓板"),
        ("pet shampoo", "宠物沐浴露"),
        ("leash", "牵引绳"),
        ("feeding bowl", "宠物碗"),
        ("cat toy", "逗猫棒"),
    ),
    "sports": (
        ("yoga mat", "瑜伽垫"),
        ("skipping rope", "跳绳"),
        ("water bottle", "运动水壶"),
        ("resistance bands", "弹力带"),
        ("running socks", "跑步袜"),
        ("protein powder", "蛋白粉"),
        ("dumbbells", "哑铃"),
        ("sports towel", "运动毛巾"),
        ("badminton set", "羽毛球套装"),
        ("energy bars", "能量棒"),
    ),
}
VARIANTS: Final = (("classic", "经典装"), ("premium", "精选装"))
BRANDS: Final = ("Simulated Garden", "Simulated Home", "Simulated Daily", "Simulated Select")
CLUSTERS: Final = ("tea_house", "home_cook", "beauty", "young_family", "pet_owner", "active")
CATEGORIES: Final = tuple(NOUNS)

_WEIGHTS: Final = {
    "tea_house": (9, 4, 5, 1, 0.5, 3, 2, 0.3, 0.3, 0.5),
    "home_cook": (3, 3, 4, 1, 0.5, 9, 4, 0.5, 0.5, 0.5),
    "beauty": (1.5, 1.5, 2, 9, 7, 0.5, 2, 0.3, 0.5, 1.5),
    "young_family": (1, 2, 3, 2, 1.5, 2, 4, 10, 0.5, 0.5),
    "pet_owner": (1, 2, 2, 1.5, 1, 1, 3, 0.3, 11, 1),
    "active": (1.5, 3, 3, 1.5, 1, 1, 1, 0.3, 0.5, 10),
}
_BASE_PRICE: Final = (58, 49, 32, 89, 62, 138, 76, 68, 72, 85)
_MARGIN: Final = (0.52, 0.48, 0.38, 0.6, 0.55, 0.34, 0.4, 0.36, 0.33, 0.42)
_SPREAD: Final = (1.0, 0.62, 1.45, 0.8, 1.9, 1.15, 0.7, 0.9, 1.3, 0.55)
_PREMIUM: Final = 1.6
_ALWAYS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The range: columns of P products, and what each taste cluster likes of them.

    ``price`` is in fen (1/100 of the currency); ``last_day`` is the last day of sale; ``companion`` is the
    product that is bought along; ``choice`` has shape (clusters, P) and sums to 1 in each row.
    """

    category: Array
    name_en: tuple[str, ...]
    name_zh: tuple[str, ...]
    brand: Array
    price: Array
    margin: Array
    last_day: Array
    successor: Array
    companion: Array
    choice: Array

    @property
    def size(self) -> int:
        """P, the number of products."""
        return len(self.price)


def catalogue() -> Catalogue:
    """Return the range; it draws nothing at random."""
    rows = [
        (group, noun, variant)
        for group in range(len(CATEGORIES))
        for noun in range(len(NOUNS[CATEGORIES[group]]))
        for variant in range(len(VARIANTS))
    ]
    group, noun, variant = np.array(rows).T
    size = len(rows)
    number = np.arange(size)
    price = np.array(_BASE_PRICE)[group] * np.array(_SPREAD)[noun] * np.where(variant == 1, _PREMIUM, 1.0)
    popularity = 1.0 / (1.0 + noun) ** 0.7 * np.where(variant == 1, 0.45, 1.0)
    weights = np.array([_WEIGHTS[cluster] for cluster in CLUSTERS])
    choice = weights[:, group] * popularity / np.bincount(group, weights=popularity)[group]
    retired = number % 23 == 11
    words = [NOUNS[CATEGORIES[g]][n] for g, n, _ in rows]
    return Catalogue(
        category=group,
        name_en=tuple(f"{VARIANTS[v][0]} {w[0]}" for w, (_, _, v) in zip(words, rows, strict=True)),
        name_zh=tuple(f"{w[1]}（{VARIANTS[v][1]}）" for w, (_, _, v) in zip(words, rows, strict=True)),
        brand=(group + noun) % len(BRANDS),
        price=np.floor(price).astype(np.int64) * 100 + 90,
        margin=np.array(_MARGIN)[group] + np.where(variant == 1, 0.05, 0.0),
        last_day=np.where(retired, 300 + 3 * number, _ALWAYS),
        successor=np.where(retired, number - 1 + 2 * (number % 2 == 0), number),
        companion=_companions(group, noun, variant),
        choice=choice / choice.sum(axis=1, keepdims=True),
    )


def _companions(group: Array, noun: Array, variant: Array) -> Array:
    """Return for each product the one that goes with it: the next noun of its category, or across them."""
    per_category = len(VARIANTS) * len(next(iter(NOUNS.values())))
    across = np.array([5, 2, 0, 4, 3, 6, 5, 8, 6, 2])[group]
    within = (noun + 1) % 10
    goes_across = noun % 3 == 0
    target_group = np.where(goes_across, across, group)
    target_noun = np.where(goes_across, (noun + 9) % 10, within)
    return np.asarray(target_group * per_category + target_noun * len(VARIANTS) + variant)
