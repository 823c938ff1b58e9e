"""The card of segments in words: Markdown from the document that ``training.segment_report`` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.report_text import table

_Part = Mapping[str, Any]
_TRIED: Final = (
    "Every number of clusters that was tried (valley: density between the two least separate clusters over "
    "the lower summit, 1 is none; in brackets what data without structure give):"
)


def markdown(card: _Part, plots: Sequence[str]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :func:`training.segment_report.card_of`.
    plots : sequence of str
        File names of the pictures, which stand beside the card.
    """
    goal, data = card["goal"], card["data"]
    rows = ", ".join(f"{name} {count:,}" for name, count in data["rows"].items())
    simulated = "**Simulated data.** Nothing here is evidence about real customers."
    lines = [
        f"# Model card: {card['capability']} of {card['business']}",
        "",
        *([simulated, ""] if card["simulated"] else []),
        f"Says: {goal['says']['en']} ({goal['says']['zh-CN']}).",
        "",
        f"* Population: {card['population']}.",
        f"* Judged by: {goal['judged_by']}; rules that learn from nobody are always published.",
        f"* Known up to: {card['trained_as_of']}. Data fingerprint `{data['fingerprint'][:16]}`.",
        f"* Rows: {rows}.",
        "",
    ]
    for variant in card["variants"]:
        lines += _variant(variant, goal, plots)
    lines += ["## Limits", "", *(f"* {limit}" for limit in card["limits"]), ""]
    return "\n".join(lines)


def _variant(variant: _Part, goal: _Part, plots: Sequence[str]) -> list[str]:
    pictures = [f"![{name}]({name})" for name in plots if name.startswith(variant["name"] + ".")]
    return [
        f"## Variant {variant['name']}",
        "",
        f"{variant['customers']:,} customers. {_verdict(variant['judged'], goal)}",
        "",
        f"Segments (buying rate: held-out share that bought within {goal['horizon_days']} days, 95 %):",
        "",
        *_segments(variant),
        "Scores, 5 best:",
        "",
        *_scores(variant["scores"]),
        *_tiers(variant["tiers"], goal["currency"]),
        "",
        *_shares(variant["shares"]),
        *_clusters(variant["clusters"]),
        *pictures,
        "",
    ]


def _verdict(judged: _Part, goal: _Part) -> str:
    if not judged["origins"]:
        return f"Grade {judged['grade']}: {judged['reason']}."
    baseline, auc = judged["baseline"], judged["metrics"].get("auc")
    ranks = "" if auc is None else f", AUC {_span(auc)}"
    loss = f"{baseline['model_value']:.4f} against {baseline['value']:.4f} of {baseline['name']}"
    return (
        f"Grade {judged['grade']} ({judged['reason']}): on {judged['rows']:,} held-out rows at "
        f"{len(judged['origins'])} origins, of which {judged['bought']:,} bought within "
        f"{goal['horizon_days']} days, the segments' buying rates have log-loss {loss}, a reduction of "
        f"{_span(judged['reduction'])}{ranks}."
    )


def _segments(variant: _Part) -> list[str]:
    return table(
        "segment in~words customers share revenue~share held-out~rows buying~rate",
        [
            (
                f"`{one['name']}`",
                f"{one['label']['en']}, {one['label']['zh-CN']}",
                f"{one['customers']:,}",
                _percent(one["share"]),
                _percent(one["revenue_share"]),
                f"{one['tested_rows']:,}",
                _span(one["buying_rate"]),
            )
            for one in variant["segments"]
        ],
    )


def _scores(scores: _Part) -> list[str]:
    units = {
        "recency": "days since the last order",
        "frequency": "order days",
        "monetary": "net value so far",
    }
    return table(
        "score is of what",
        [
            (name, step["score"], _range(step["from"], step["to"]), units[name])
            for name, steps in scores.items()
            for step in sorted(steps or (), key=lambda one: -one["score"])
        ],
    )


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "any"
    if low is None:
        return f"below {_number(high)}"
    return f"{_number(low)} or more" if high is None else f"{_number(low)} to {_number(high)}"


def _tiers(tiers: _Part, currency: str) -> list[str]:
    stages = tiers["stages"]
    lines = [f"* Frequency is high from {_number(tiers['frequent_from'])} order days on."]
    if tiers["value_a_from"] is None:
        lines.append("* No money is known, so there is no value tier.")
    else:
        lines.append(
            f"* Value tier A begins at {currency} {_number(tiers['value_a_from'])}, B at {currency} "
            f"{_number(tiers['value_b_from'])} of net value so far; the rest is C."
        )
    lines.append(
        f"* The business's median purchase cycle is {_number(tiers['cycle_days'])} days. Of the own cycle, a "
        f"customer is new for {_number(stages['new'])} after the first order, active up to "
        f"{_number(stages['active'])} of silence, at risk up to {_number(stages['at_risk'])}, dormant up to "
        f"{_number(stages['dormant'])}, then lost."
    )
    return lines


def _shares(shares: _Part) -> list[str]:
    return table(
        "what word customers share revenue~share",
        [
            (
                what,
                one["word"],
                f"{one['customers']:,}",
                _percent(one["share"]),
                _percent(one["revenue_share"]),
            )
            for what, words in shares.items()
            for one in words
        ],
    )


def _clusters(clusters: _Part) -> list[str]:
    lines = ["Clusters:", "", f"{clusters['why'][:1].upper()}{clusters['why'][1:]}.", ""]
    if clusters["tried"]:
        lines += [
            _TRIED,
            "",
            *table(
                "k stability valley smallest published~or~why~not",
                [
                    (
                        one["k"],
                        f"{one['stability']:.2f} ({one['cloud_stability']:.2f})",
                        f"{one['valley']:.2f} ({one['cloud_valley']:.2f})",
                        one["smallest"],
                        one["why"] or "passes",
                    )
                    for one in clusters["tried"]
                ],
            ),
        ]
    if clusters["cards"]:
        features = list(clusters["cards"][0]["medians"])
        lines += table(
            " ".join(["cluster name in~words share revenue~share", *(f"median~{name}" for name in features)]),
            [
                (
                    one["id"],
                    f"`{one['name']}`",
                    f"{one['label']['en']}; {one['label']['zh-CN']}",
                    _percent(one["share"]),
                    _percent(one["revenue_share"]),
                    *(_number(one["medians"][name]) for name in features),
                )
                for one in clusters["cards"]
            ],
        )
    return lines


def _span(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return ""
    return f"{interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
