"""The card of the text model in words: Markdown from the document of ``training.sentiment.report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.report_text import table

_Part = Mapping[str, Any]
_LABELS: Final = ("negative", "neutral", "positive")


def markdown(card: _Part, plots: Sequence[str]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :func:`training.sentiment.report.card_of`.
    plots : sequence of str
        File names of the pictures, which stand beside the card.
    """
    goal, data, judged = card["goal"], card["data"], card["judged"]
    labels = ", ".join(f"{name} {count:,}" for name, count in data["labels"].items())
    rated = f"{data['rated_texts']:,} of {data['customers']:,} customers ({labels})"
    left_out = (
        f"{data['off_scale']:,} whose score is off its scale, {data['profiling_denied']:,} whose writer "
        f"denies profiling, {data['beyond_the_limit']:,} beyond the limit"
    )
    lines = [
        f"# Model card: {card['capability']} of {card['business']}",
        "",
        *(_SIMULATED if card["simulated"] else ()),
        f"Says: {goal['says']['en']} ({goal['says']['zh-CN']}).",
        "",
        f"* Answers: {_TIERS[card['tier']]}, grade {card['grade']}.",
        f"* Label: {goal['label_rule']}.",
        f"* Known up to: {card['trained_as_of']}. Data fingerprint `{data['fingerprint'][:16]}`.",
        f"* Rated texts: {rated}.",
        f"* Not learned from: {left_out}.",
        f"* n-grams in the model: {data['n_grams']:,}, as hashes.",
        "",
        *_not_learned(card),
        "## How good",
        "",
        *_judged(judged, data["rated_texts"]),
        "## When it abstains",
        "",
        *_abstention(card["abstention"]),
        *(f"![{name}]({name})" for name in plots),
        *([""] if plots else []),
        "## Limits",
        "",
        *(f"* {limit}" for limit in card["limits"]),
        "",
        "## How to get better",
        "",
        card["how_to_get_better"]["en"],
        "",
        card["how_to_get_better"]["zh-CN"],
        "",
    ]
    return "\n".join(lines)


_SIMULATED: Final = (
    "**Simulated data.** Nothing here is evidence about real customers.",
    "Its reviews are made of a few sentences and open with one that was chosen by their score.",
    "",
)
_TIERS: Final = {
    "rules": "the base model alone: lexica of English and Chinese words (rules)",
    "statistical": "a linear model of n-grams, learned from this company's rated texts (statistical)",
}


_CHOSEN_BY: Final = {
    "business_file": "the business file says so (objectives.sentiment.abstain_below)",
    "held_out_texts": (
        "the lowest threshold with {level:.0%} right answers among those given, or 0.5 where none has, "
        "chosen on the same held-out texts as the table below, which flatters its row a little"
    ),
    "base_model": "the default of the base model",
}


def _not_learned(card: _Part) -> list[str]:
    if card["why_not_learned"] is None:
        return []
    return [f"**The company's own texts are not used:** {card['why_not_learned']}.", ""]


def _judged(judged: _Part, texts: int) -> list[str]:
    """Return the figures, or that there is nothing to judge on."""
    if not texts:
        return ["There is no rated text to judge on: how good the model is here is not known.", ""]
    verdict = judged["verdict"]
    baseline, reduction = verdict["baseline"], verdict["reduction"]
    against = f"{baseline['model_value']:.4f} against {baseline['value']:.4f} of {baseline['name']}"
    lines = [
        f"Judged on {judged['protocol']}.",
        "",
        f"Grade {verdict['grade']} ({verdict['reason']}): log-loss {against}, less by {_span(reduction)}.",
        "",
        *table(
            "metric value~(95~%)",
            [(name, _span(interval)) for name, interval in judged["metrics"].items()],
        ),
    ]
    if judged["rules"]:
        lexicon = judged["rules"]["lexicon"]
        told = (
            f"macro-F1 {lexicon['macro_f1']:.3f}, accuracy {lexicon['accuracy']:.3f}, "
            f"AUC {_or_dash(lexicon['auc'])}, log-loss {lexicon['log_loss']:.4f}"
        )
        lines += [f"The lexica alone, uncalibrated, on the same texts: {told}.", ""]
    return [
        *lines,
        "By language:",
        "",
        *table(
            "language texts macro-F1 accuracy AUC log-loss",
            [
                (
                    name,
                    f"{one['texts']:,}",
                    f"{one['macro_f1']:.3f}",
                    f"{one['accuracy']:.3f}",
                    _or_dash(one["auc"]),
                    f"{one['log_loss']:.4f}",
                )
                for name, one in judged["by_language"].items()
            ],
        ),
        "Confusion (rows: the label; columns: what the model says):",
        "",
        *table(
            f"label {' '.join(_LABELS)}",
            [
                (name, *(f"{count:,}" for count in row))
                for name, row in zip(_LABELS, judged["confusion"], strict=True)
            ],
        ),
        "Calibration, ten equal-count bins by confidence:",
        "",
        *table(
            "texts mean~confidence share~right",
            [
                (f"{bin_['texts']:,}", f"{bin_['confidence']:.3f}", f"{bin_['right']:.3f}")
                for bin_ in judged["calibration"]
            ],
        ),
    ]


def _abstention(part: _Part) -> list[str]:
    aim = _CHOSEN_BY[part["chosen_by"]].format(level=part["level"])
    lines = [f"Below a confidence of {part['abstain_below']:.2f} no label is told: {aim}.", ""]
    if not part["curve"]:
        return lines
    return [
        *lines,
        *table(
            "threshold share~answered accuracy~of~those",
            [
                (
                    f"{one['threshold']:.2f}",
                    f"{one['share_answered']:.1%}",
                    "–" if one["accuracy"] is None else f"{one['accuracy']:.1%}",
                )
                for one in part["curve"]
            ],
        ),
    ]


def _span(interval: _Part) -> str:
    return f"{interval['value']:.4f} ({interval['low']:.4f} to {interval['high']:.4f})"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
