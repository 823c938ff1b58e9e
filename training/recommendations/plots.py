"""The picture of the card of recommendations, as PNG bytes, drawn without a screen."""

from __future__ import annotations

from typing import Final

import matplotlib as mpl
import numpy as np

from training.plots import INK, MODEL, RULE, canvas, png
from training.recommendations.contest import BLEND, RERANKED
from training.recommendations.judging import METRIC, interval
from training.recommendations.learning import Learned

CONTENDERS: Final = "recommendations.contenders.png"
_TITLES: Final = {
    "all_items": "all products",
    "new_items": "new products",
    "cart_items": "a cart alone",
    "cold_start": "cold start",
    "similar_items": "similar products",
}


def contender_plot(learned: Learned, title: str, seed: int) -> dict[str, bytes]:
    """Return NDCG@10 of every contender by task, with 95 % intervals; no picture where nothing was judged."""
    rows = [
        (f"{_TITLES[task]}: {name}", interval(judged.by_customer[METRIC], seed), name)
        for task, contest in learned.contests.items()
        for name, judged in sorted(contest.judged.items(), key=lambda one: one[1].mean(METRIC))
        if judged.size
    ]
    if not rows:
        return {}
    value = np.array([one.value for _, one, _ in rows])
    low, high = np.array([one.low for _, one, _ in rows]), np.array([one.high for _, one, _ in rows])
    with mpl.rc_context({"font.size": 8}):
        figure, axes = canvas()
        figure.subplots_adjust(left=0.42)
        place = np.arange(len(rows))
        colours = [MODEL if name in {BLEND, RERANKED} else RULE for *_, name in rows]
        spread = np.maximum([value - low, high - value], 0.0)
        axes.barh(place, value, color=colours, height=0.7)
        axes.errorbar(value, place, xerr=spread, fmt="none", ecolor=INK, linewidth=0.8)
        axes.set_yticks(place, [label for label, *_ in rows])
        axes.set(xlabel="NDCG@10, higher is better")
        figure.suptitle(f"Recommendations: {title}")
        return {CONTENDERS: png(figure)}
