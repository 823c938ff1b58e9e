"""The model card of satisfaction in words: Markdown from the document of ``training.satisfaction.report``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from training.report_text import (
    calibration,
    drivers,
    head,
    known,
    populations,
    short,
    span,
    subgroups,
    table,
    verdicts,
)

_Part = Mapping[str, Any]

BEYOND_TOLD: Final = 5
"""Inputs that are named where customers lie beyond what the answers show."""

_LEFT_OUT: Final = {
    "without_a_score": "without a score",
    "without_a_scale": "without scale_max",
    "profiling_denied": "of customers who deny profiling",
    "on_another_scale": "on another scale than most",
    "outside_the_scale": "outside their own scale",
}


def markdown(card: _Part, plots: tuple[str, ...]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :func:`training.satisfaction.report.card_of`.
    plots : tuple of str
        File names of the pictures, which stand beside the card.
    """
    lines = [
        *head(card),
        *_definition(card["label_definition"]),
        *_answers(card["answers"]),
        *known(card),
        *_texts(card["text_model"]),
        "",
    ]
    for variant in card["variants"]:
        lines += _variant(variant, card["answers"], plots)
    lines += ["## Limits", "", *(f"* {limit}" for limit in card["limits"]), ""]
    return "\n".join(lines)


def _definition(told: _Part) -> list[str]:
    bad = told["dissatisfied"]["text"]
    scores = ", ".join(f"{score:g}" for score in told["scores"])
    return [
        f"* Label: {told['definition']} (chosen by {told['chosen_by']}); scores {scores}.",
        f"* Dissatisfied: {bad['en']} ({bad['zh-CN']}), by {told['cut_chosen_by']}.",
    ]


def _answers(told: _Part) -> list[str]:
    when = "" if told["first"] is None else f", {told['first'][:10]} to {told['last'][:10]}"
    left = [
        f"{count:,} {_LEFT_OUT.get(name, name.replace('_', ' '))}"
        for name, count in told["left_out"].items()
        if count
    ]
    scores = f"{told['scores']:,} of {told['customers']:,} customers from {told['source']}{when}"
    return [
        f"* Scores: {scores}; mean {told['mean_score']:.2f}, dissatisfied {told['dissatisfied']:.1%}.",
        f"* Left out: {', '.join(left) if left else 'none'}.",
    ]


def _texts(text_model: str | None) -> list[str]:
    if text_model is None:
        return []
    words = (
        f"* Texts: earlier ones are read by `{text_model}`, for learning by models that learned from no text "
        "of the same customer. The text of an answer is never an input of its own score."
    )
    return [words]


def _variant(variant: _Part, answers: _Part, plots: tuple[str, ...]) -> list[str]:
    pictures = [f"![{name}]({name})" for name in plots if name.startswith(variant["name"] + ".")]
    return [
        f"## Variant {variant['name']}",
        "",
        f"Judged {variant['protocol']}.",
        "",
        *populations(variant),
        *_metrics(variant["populations"][0]["metrics"]),
        "Counts:",
        "",
        *_counts(variant),
        "Every tier that was tried:",
        "",
        *verdicts(variant),
        "Backtests:",
        "",
        *_backtests(variant),
        *_segment_mean(variant["segment_mean"]),
        *_ordinal(variant["ordinal"]),
        *_coverage(variant),
        *_distribution(variant["distribution"]),
        "Calibration of P(dissatisfied), ten equal-count bins:",
        "",
        *calibration(variant),
        *_gains(variant["gains"]),
        *pictures,
        "",
        *_response(variant, answers),
        "Drivers (mean size of the contribution to the log-odds of dissatisfaction; not causes):",
        "",
        *drivers(variant),
        "Subgroups of 100 held-out rows or more (error: predicted less observed):",
        "",
        *subgroups(variant),
    ]


def _metrics(metrics: _Part) -> list[str]:
    names = {"log_loss": "log-loss", "brier": "Brier score", "top_decile_lift": "lift in the riskiest tenth"}
    told = [f"{words} {span(metrics[name])}" for name, words in names.items() if name in metrics]
    return [f"With 95 % intervals: {', '.join(told)}.", ""] if told else []


def _counts(variant: _Part) -> list[str]:
    names = ("trained_rows", "trained_positives", "tested_rows", "tested_positives", "eligible_now")
    return table(
        "population rows~to~learn~from dissatisfied rows~tested dissatisfied can~be~asked~about~today",
        [(one["name"], *(f"{one['counts'][name]:,}" for name in names)) for one in variant["populations"]],
    )


def _backtests(variant: _Part) -> list[str]:
    names = ("auc", "rule_auc", "log_loss", "rule_log_loss", "mean_predicted", "observed")
    return table(
        "origin rows~to~learn~from rows~tested dissatisfied AUC rule's~AUC log-loss rule's~log-loss "
        "predicted observed",
        [
            (
                one["origin"] or "random",
                one["trained_rows"],
                one["tested_rows"],
                one["tested_positives"],
                *(short(one[name]) for name in names),
            )
            for one in variant["backtests"]
        ],
    )


def _segment_mean(told: _Part | None) -> list[str]:
    if told is None:
        return []
    words = (
        "Against the mean of the customer's segment (its rate of dissatisfied scores among the rows to learn "
        "from; who has not bought is a segment of their own): log-loss "
        f"{told['model_value']:.4f} against {told['value']:.4f}, a reduction of {span(told['reduction'])}, "
        f"grade {told['grade']}."
    )
    return [words, ""]


def _ordinal(told: _Part | None) -> list[str]:
    """Return how good distribution and expected score are."""
    if told is None:
        return []
    others = {
        "ranked_probability_score": ("shares", "the shares of the scores"),
        "mean_absolute_error": ("most_frequent_score", "the most frequent score"),
        "mean_squared_error": ("mean_score", "the mean score"),
    }
    return [
        f"{told['rows']:,} held-out scores, told with the scale of the other origins:",
        "",
        *table(
            "measure model rule one~answer~for~all which below~the~rule~(95~%) below~one~answer~(95~%)",
            [
                (
                    name.replace("_", " "),
                    short(told[name]["model"]),
                    short(told[name]["rule"]),
                    short(told[name][other]),
                    words,
                    span(told[name]["reduction"]["rule"]),
                    span(told[name]["reduction"][other]),
                )
                for name, (other, words) in others.items()
            ],
        ),
    ]


def _coverage(variant: _Part) -> list[str]:
    told = variant["coverage"]
    if told is None:
        return []
    origins = variant["backtests"]
    words = (
        f"Ranges shall hold the score in {told['level']:.0%} of the cases. Set on {told['fitted_on']}, they "
        f"held {span(told['covered'])}; {told['below']:.1%} of the scores lay below, {told['above']:.1%} "
        f"above. Mean width {told['mean_width']:.2f} points. Scores come in steps, so a range can hold more "
        "than its level."
    )
    return [
        words,
        "",
        *table(
            "origin rows held mean~width",
            [
                (
                    origins[one["origin"]]["origin"] or "random",
                    one["rows"],
                    short(one["covered"]),
                    short(one["mean_width"]),
                )
                for one in told["origins"]
            ],
        ),
    ]


def _distribution(told: list[_Part]) -> list[str]:
    if not told:
        return []
    return [
        "Share of every score on held-out rows:",
        "",
        *table(
            "score predicted given",
            [(f"{one['score']:g}", short(one["predicted"]), short(one["observed"])) for one in told],
        ),
    ]


def _gains(told: list[_Part]) -> list[str]:
    if not told:
        return []
    tops = {round(one["share"], 1): one["found"] for one in told}
    words = (
        f"The riskiest tenth holds {tops[0.1]:.0%} of the dissatisfied, the riskiest three {tops[0.3]:.0%}."
    )
    return [words, ""]


def _response(variant: _Part, answers: _Part) -> list[str]:
    """Return who answers, against everybody, and what that does to the mean."""
    told = variant["response"]
    lines = [] if variant["today"] is None else [_today(variant["today"], answers), ""]
    if told is None:
        return lines
    lines.append(_who_answers(told))
    return [
        *lines,
        "",
        *_left_out(told["left_out"]),
        *table(
            "what those~who~answered base gap~in~standard~deviations",
            [
                (one["label"], short(one["answered"]), short(one["base"]), f"{one['gap']:+.2f}")
                for one in told["differences"]
            ],
        ),
    ]


def _left_out(told: list[_Part]) -> list[str]:
    """Return which inputs are not used because the answers show too little of them."""
    if not told:
        return []
    inputs = ", ".join(one["label"] for one in told)
    return [
        f"Left out, because most of the base lies beyond what the answers show of them: {inputs}.",
        "",
    ]


def _today(today: _Part, answers: _Part) -> str:
    words = (
        f"Today the model expects a mean of {today['mean_score']:.2f} and {today['dissatisfied']:.1%} "
        f"dissatisfied of all {today['customers']:,} who can be asked about; those who gave a score gave "
        f"{answers['mean_score']:.2f} on average, {answers['dissatisfied']:.1%} dissatisfied."
    )
    if not today["beyond"]:
        return words
    inputs = ", ".join(f"{one['label']} {one['share']:.0%}" for one in today["beyond"][:BEYOND_TOLD])
    return f"{words} Customers beyond what the answers show of an input: {inputs}."


def _who_answers(told: _Part) -> str:
    apart = "too few rows to tell the two apart"
    if told["auc"] is not None:
        apart = f"the record tells the two apart with an AUC of {told['auc']:.3f} (0.5: not at all)"
    words = (
        f"Who answers: {told['answers']:,} scores against {told['base']:,} customers drawn from all on "
        f"record at the same times; {apart}."
    )
    if told["weighted"]:
        return (
            f"{words} Each score counts as often as customers like the one who gave it are in the base; "
            f"weighted they are worth {told['worth']:.0%} of their number."
        )
    return f"{words} All scores count alike: {told['why_not']}."
