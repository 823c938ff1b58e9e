"""The card of recommendations in words: Markdown from the document of ``training.recommendations.report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.recommendations.contest import MODELS
from training.report_text import head, known, table

_Part = Mapping[str, Any]
_SHOWN: Final = ("ndcg_at_10", "recall_at_10", "recall_at_20", "mrr_at_20", "hit_rate_at_10")
_TITLES: Final = {
    "all_items": "All products",
    "new_items": "New products",
    "cart_items": "A cart alone",
    "cold_start": "Cold start",
    "similar_items": "Similar products",
}


def markdown(card: _Part, plots: Sequence[str]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :func:`training.recommendations.report.card_of`.
    plots : sequence of str
        File names of the pictures, which stand beside the card.
    """
    lines = [*head(card), *known(card), *_catalogue(card), "", "## How it was learned", "", *_learned(card)]
    for task, told in card["tasks"].items():
        lines += ["", f"## {_TITLES[task]}", "", *_task(told)]
    lines += [
        "",
        *(f"![{name}]({name})" for name in plots),
        *([""] if plots else []),
        "## Weights",
        "",
        *_weights(card["weights"]),
        *_diversity(card["diversity"]),
        "## Limits",
        "",
        *(f"* {limit}" for limit in card["limits"]),
        "",
    ]
    return "\n".join(lines)


def _catalogue(card: _Part) -> list[str]:
    told = card["catalogue"]
    return [
        (
            f"* Catalogue: {told['products']:,} products, {told['active']:,} of them active; "
            f"{told['without_a_category']:,} without a category, {told['without_a_price']:,} without a price."
        ),
        (
            f"* Bought: {told['purchases']:,} products of orders by {told['customers']:,} customers; "
            f"{told['views']:,} views; {told['profiling_denied']:,} customers deny profiling."
        ),
        (
            f"* Links: {told['links']:,}, from {told['with_links']:,} products; pairs: {told['pairs']:,}; "
            f"products with a usual interval: {told['with_an_interval']:,}."
        ),
    ]


def _learned(card: _Part) -> list[str]:
    recipe, windows = card["recipe"], card["windows"]
    if not windows:
        return [
            "There is too little history to look back on: nothing was judged, so the simple rules answer."
        ]
    cuts = ", ".join(window["cut_off"] for window in windows[:-1]) or "none: the weights are the defaults"
    days = recipe["link_days"]
    left = ", ".join(recipe["left_out"]) or "none"
    return [
        f"* Learned on windows of {windows[-1]['horizon_days']:g} days that begin at: {cuts}.",
        (
            f"* Judged on the window that begins at {windows[-1]['cut_off']}, unseen by any fit; "
            "which contender answers is chosen on it."
        ),
        (
            f"* Links count purchases {'of all ages alike' if days is None else f'of {days:g} days as 1/e'}, "
            f"popularity the buyers of the last {recipe['popularity_days']:g} days."
        ),
        f"* Sources left out, because a later window was no better for them: {left}.",
    ]


def _task(told: _Part) -> list[str]:
    by = f"{told['answered_by']} ({told['tier']})"
    asked = f"Asked: {told['asks']}; {told['customers']:,} of them. Answered by: {by}."
    if not told["customers"]:
        return [asked, "", "Nothing was judged."]
    rows = [
        (
            name + (" (rule)" if name == told["rule"] else ""),
            *(f"{one[key]['value']:.4f} ({one[key]['low']:.4f}–{one[key]['high']:.4f})" for key in _SHOWN),
            f"{one['coverage_at_10']:.3f}",
            "" if one["novelty_at_10"] is None else f"{one['novelty_at_10']:.2f}",
        )
        for name, one in told["contenders"].items()
    ]
    verdicts = [
        f"* {name}: grade {one['against_the_rule']['grade']}: {one['against_the_rule']['reason']}."
        for name, one in told["contenders"].items()
        if one["against_the_rule"] is not None and name in MODELS
    ]
    titles = "contender NDCG@10 recall@10 recall@20 MRR@20 hit~rate@10 coverage@10 novelty@10"
    beside = told["beside_item_knn"]
    rival = (
        []
        if beside is None
        else [
            (
                f"* Beside item_knn, what a user would pick instead: {beside['value']:+.1%} "
                f"({beside['low']:+.1%} to {beside['high']:+.1%})."
            )
        ]
    )
    return [asked, "", *table(titles, rows), *verdicts, *rival]


def _weights(weights: _Part) -> list[str]:
    names = list(dict.fromkeys(name for row in weights.values() for name in row))
    rows = [(name, *(f"{row.get(name, 0.0):.3f}" for row in weights.values())) for name in names]
    return table(" ".join(["source", *weights]), rows)


def _diversity(told: _Part) -> list[str]:
    if not told:
        return []
    return [
        (
            f"Diversity of {told['strength']:g} costs: NDCG@10 {told['ndcg_at_10']:.4f} instead of "
            f"{told['plain_ndcg_at_10']:.4f}, for {told['customers']:,.0f} customers of the last window."
        ),
        "",
    ]
