"""The model card in words: Markdown from the document that ``training.report`` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_Part = Mapping[str, Any]


def markdown(card: _Part, plots: tuple[str, ...]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :func:`training.report.card_of`.
    plots : tuple of str
        File names of the pictures, which stand beside the card.
    """
    goal = card["goal"]
    costs = (
        f"a missed churner {goal['cost_missed']:g} {goal['currency']}, "
        f"a false alarm {goal['cost_false_alarm']:g} {goal['currency']}"
    )
    lines = [
        *head(card),
        f"* Label: {_label_window(goal)}.",
        *known(card),
        f"* Costs: {costs}.",
        "",
    ]
    for variant in card["variants"]:
        lines += _variant(variant, goal["currency"], plots)
    lines += ["## Limits", "", *(f"* {limit}" for limit in card["limits"]), ""]
    return "\n".join(lines)


def head(card: _Part) -> list[str]:
    """Return how a card begins: whose it is, whether it is simulated, what is predicted of whom."""
    predicts = card["goal"]["predicts"]
    simulated = "**Simulated data.** Nothing here is evidence about real customers."
    return [
        f"# Model card: {card['capability']} of {card['business']}",
        "",
        *([simulated, ""] if card["simulated"] else []),
        f"Predicts: {predicts['en']} ({predicts['zh-CN']}).",
        "",
        f"* Population: {card['population']}.",
    ]


def known(card: _Part) -> list[str]:
    """Return up to when things were known, and how many rows of what there were."""
    data = card["data"]
    rows = ", ".join(f"{name} {count:,}" for name, count in data["rows"].items())
    return [
        f"* Known up to: {card['trained_as_of']}. Data fingerprint `{data['fingerprint'][:16]}`.",
        f"* Rows: {rows}.",
    ]


def _label_window(goal: _Part) -> str:
    if goal["definition"] == "label":
        return "as given in the table labels"
    return (
        f"read from the {goal['horizon_days']} days after a cut-off; inputs are what was known at the cut-off"
    )


def _variant(variant: _Part, currency: str, plots: tuple[str, ...]) -> list[str]:
    pictures = [f"![{name}]({name})" for name in plots if name.startswith(variant["name"] + ".")]
    return [
        f"## Variant {variant['name']}",
        "",
        f"Judged {variant['protocol']}.{_windows(variant['windows'])}",
        "",
        *populations(variant),
        "Counts:",
        "",
        *_counts(variant),
        "Every tier that was tried:",
        "",
        *verdicts(variant),
        "Backtests:",
        "",
        *_backtests(variant),
        f"Acting on a band, per 1,000 customers, if the action always helps ({currency}):",
        "",
        *_bands(variant),
        "Calibration, ten equal-count bins:",
        "",
        *calibration(variant),
        *pictures,
        "",
        "Drivers (mean size of the contribution to the log-odds; not causes):",
        "",
        *drivers(variant),
        "Subgroups of 100 held-out rows or more (error: predicted less observed):",
        "",
        *subgroups(variant),
    ]


def _windows(windows: _Part | None) -> str:
    if windows is None:
        return ""
    return (
        f" The published model learned from {windows['cut_offs']} cut-offs, {windows['first_cut_off']} to "
        f"{windows['last_cut_off']}; the last label ends {windows['last_label_ends']}."
    )


def populations(variant: _Part) -> list[str]:
    """Return who answers, how good, and against what."""
    head = "population tier grade baseline its~log-loss log-loss reduction~(95~%) AUC~(95~%) rule's~AUC ECE"
    return table(
        head,
        [
            (
                one["name"],
                one["tier"],
                one["grade"],
                one["baseline"]["name"],
                f"{one['baseline']['value']:.4f}",
                f"{one['baseline']['model_value']:.4f}",
                span(one["reduction"]),
                span(one["metrics"].get("auc")),
                span(one["rule_metrics"].get("auc")),
                span(one["metrics"].get("ece")),
            )
            for one in variant["populations"]
        ],
    )


def _counts(variant: _Part) -> list[str]:
    names = ("trained_rows", "trained_positives", "tested_rows", "tested_positives", "eligible_now")
    return table(
        "population rows~to~learn~from of~them~lost rows~tested of~them~lost eligible~today",
        [(one["name"], *(f"{one['counts'][name]:,}" for name in names)) for one in variant["populations"]],
    )


def verdicts(variant: _Part) -> list[str]:
    """Return what the gate says of every tier that was tried."""
    return table(
        "population tier grade against reduction~(95~%) why",
        [
            (
                one["name"],
                tier,
                verdict["grade"],
                verdict["against"],
                span(verdict["reduction"]),
                verdict["reason"],
            )
            for one in variant["populations"]
            for tier, verdict in one["verdicts"].items()
        ],
    )


def _backtests(variant: _Part) -> list[str]:
    return table(
        "origin rows~to~learn~from rows~tested lost AUC rule's~AUC predicted observed",
        [
            (
                one["origin"] or "random",
                one["trained_rows"],
                one["tested_rows"],
                one["tested_positives"],
                *(short(one[name]) for name in ("auc", "rule_auc", "mean_predicted", "observed")),
            )
            for one in variant["backtests"]
        ],
    )


def _bands(variant: _Part) -> list[str]:
    return table(
        "band by share precision recall net~benefit",
        [
            (
                one["level"],
                one["by"],
                *(short(one[name]) for name in ("share", "precision", "recall")),
                f"{one['net_benefit']:,.0f}",
            )
            for one in variant["bands"]
        ],
    )


def calibration(variant: _Part) -> list[str]:
    """Return the bins of the calibration table."""
    return table(
        "rows predicted observed",
        [(one["rows"], short(one["predicted"]), short(one["observed"])) for one in variant["calibration"]],
    )


def drivers(variant: _Part) -> list[str]:
    """Return what moves the model most, and which way."""
    return table(
        "feature what~it~is mean~impact more~of~it",
        [
            (f"`{one['feature']}`", one["label"], short(one["mean_impact"]), one["direction"] or "depends")
            for one in variant["drivers"]
        ],
    )


def subgroups(variant: _Part) -> list[str]:
    """Return how groups of held-out rows fare."""
    return table(
        "feature group rows predicted observed error AUC",
        [
            (
                f"`{one['feature']}`",
                one["word"],
                one["rows"],
                *(short(one[name]) for name in ("predicted", "observed", "error", "auc")),
            )
            for one in variant["subgroups"]
        ],
    )


def span(interval: Mapping[str, float] | None) -> str:
    """Return a value with its interval; nothing for none."""
    if interval is None:
        return ""
    return f"{interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def short(value: float | None) -> str:
    """Return a number with three digits; nothing for none."""
    return "" if value is None else f"{value:.3f}"


def table(head: str, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return a table; ``head`` holds the titles, apart by spaces, with ~ for a space within."""
    if not rows:
        return ["(none)", ""]
    titles = [title.replace("~", " ") for title in head.split()]
    return [
        "| " + " | ".join(titles) + " |",
        "| " + " | ".join("---" for _ in titles) + " |",
        *("| " + " | ".join(_cell(content) for content in row) + " |" for row in rows),
        "",
    ]


def _cell(content: object) -> str:
    """Return what stands in a cell; a word of the data may hold anything."""
    return " ".join(str(content).replace("|", "\\|").split())
