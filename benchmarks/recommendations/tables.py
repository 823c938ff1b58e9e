"""Tables of rank metrics: one line for each contender, with intervals and the difference to the first one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Interval
from training.recommendations.judging import METRIC, METRICS, Judged, interval

SEED: Final = 7
_SHORT: Final = {
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "Recall@10",
    "recall_at_20": "Recall@20",
    "mrr_at_20": "MRR@20",
    "hit_rate_at_10": "hit rate@10",
}
HEADER: Final = (
    f"| ranked by | {' | '.join(_SHORT.values())} | coverage@10 | novelty@10 "
    f"| NDCG@10 of the first, minus this |\n| --- | {' | '.join(['---:'] * (len(_SHORT) + 3))} |"
)
Verdict = tuple[bool, str]
"""Whether a bound holds, and the figures in words."""


def difference(ours: Judged, theirs: Judged, metric: str = METRIC) -> Interval:
    """Return how much higher ours is, with the interval of a bootstrap of the same customers."""
    return interval(ours.by_customer[metric] - theirs.by_customer[metric], SEED)


def table(judged: Mapping[str, Judged]) -> str:
    """Return the lines in Markdown, in the order given."""
    (first, *_) = judged.values()
    lines = []
    for name, one in judged.items():
        cells = [spread(interval(one.by_customer[metric], SEED)) for metric in METRICS]
        novelty = "–" if np.isnan(one.novelty) else f"{one.novelty:.2f}"
        apart = "–" if one is first else spread(difference(first, one), sign="+")
        lines.append(f"| {name} | {' | '.join(cells)} | {one.coverage:.3f} | {novelty} | {apart} |")
    return "\n".join((HEADER, *lines))


def document(judged: Mapping[str, Judged]) -> list[dict[str, Any]]:
    """Return the same as data."""
    (first, *_) = judged.values()
    return [
        {
            "name": name,
            "customers": one.size,
            **{metric: interval(one.by_customer[metric], SEED).model_dump() for metric in METRICS},
            "coverage_at_10": one.coverage,
            "novelty_at_10": None if np.isnan(one.novelty) else one.novelty,
            "first_minus_this": {metric: difference(first, one, metric).model_dump() for metric in METRICS},
        }
        for name, one in judged.items()
    ]


def spread(found: Interval, digits: int = 4, sign: str = "") -> str:
    """Return ``value (low to high)``."""
    return f"{found.value:{sign}.{digits}f} ({found.low:{sign}.{digits}f} to {found.high:{sign}.{digits}f})"


def at_least(judged: Judged, metric: str, limit: float, what: str) -> Verdict:
    """Return whether a mean reaches a bound."""
    value = judged.mean(metric)
    return value >= limit, f"{what}: {_SHORT[metric]} {value:.4f}, at least {limit}"


def not_below(
    judged: Mapping[str, Judged], rivals: Iterable[str], what: str, metric: str = METRIC
) -> list[Verdict]:
    """Return whether the first wins or ties each rival: the interval of the difference is not below 0."""
    (first, *_) = judged.values()
    found = []
    for name in rivals:
        apart = difference(first, judged[name], metric)
        word = "wins" if apart.low > 0 else "ties" if apart.high >= 0 else "loses"
        told = f"{what}: {word} against {name}, {_SHORT[metric]} {spread(apart, sign='+')}"
        found.append((apart.high >= 0, told))
    return found


def page(title: str, parts: Iterable[str], verdicts: Iterable[Verdict]) -> str:
    """Return a page in Markdown: title, parts, and which bounds held."""
    held = "\n".join(f"* {'held' if is_held else 'MISSED'}: {words}" for is_held, words in verdicts)
    return "\n\n".join((f"## {title}", *parts, *([held] if held else []))) + "\n"


def missed(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the bounds that were missed, in words."""
    return [words for is_held, words in verdicts if not is_held]
