"""The model cards of purchase and of customer lifetime value in words: Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report_text import head, known, short, span, table

_Part = Mapping[str, Any]


def markdown(card: _Part, plots: tuple[str, ...]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :mod:`training.value_report`.
    plots : tuple of str
        File names of the pictures, which stand beside the card.
    """
    lines = [
        *head(card),
        *known(card),
        *_value_goal(card["goal"]),
        "",
    ]
    for variant in card["variants"]:
        lines += _variant(variant, plots)
    lines += ["## Limits", "", *(f"* {limit}" for limit in card["limits"]), ""]
    return "\n".join(lines)


def _value_goal(goal: _Part) -> list[str]:
    if "margin" not in goal:
        return []
    words = (
        f"* Value: net revenue × a margin of {goal['margin']:g}, discounted at {goal['discount_rate']:.0%} a "
        f"year; ranges hold the outcome in {goal['interval_level']:.0%} of the cases."
    )
    return [words]


def _variant(variant: _Part, plots: tuple[str, ...]) -> list[str]:
    pictures = [f"![{name}]({name})" for name in plots if name.startswith(variant["name"] + ".")]
    windows = variant["windows"]
    learned = (
        f" The published model learned from {windows['cut_offs']} cut-offs, {windows['first_cut_off']} to "
        f"{windows['last_cut_off']}; the last label ends {windows['last_label_ends']}."
    )
    return [
        f"## Variant {variant['name']}",
        "",
        f"Judged {variant['protocol']}, over {variant['learned_days']} days.{learned}",
        "",
        *_populations(variant),
        "Every tier that was tried:",
        "",
        *_verdicts(variant),
        "Backtests:",
        "",
        *_backtests(variant),
        *_forecast(variant["forecast"]),
        *_own_parts(variant),
        *pictures,
        "",
        "Drivers (mean size of the contribution on the link scale; not causes):",
        "",
        *_drivers(variant),
    ]


def _populations(variant: _Part) -> list[str]:
    names = sorted({name for one in variant["populations"] for name in one["metrics"]})
    return table(
        "population tier grade baseline metric rule's model's reduction~(95~%) "
        + " ".join(name.replace("_", "~") for name in names),
        [
            (
                one["name"],
                one["tier"],
                one["grade"],
                one["baseline"]["name"],
                one["baseline"]["metric"],
                short(one["baseline"]["value"]),
                short(one["baseline"]["model_value"]),
                span(one["reduction"]),
                *(span(one["metrics"].get(name)) for name in names),
            )
            for one in variant["populations"]
        ],
    )


def _verdicts(variant: _Part) -> list[str]:
    return table(
        "population tier grade against reduction~(95~%) why",
        [
            (one["name"], tier, told["grade"], told["against"], span(told["reduction"]), told["reason"])
            for one in variant["populations"]
            for tier, told in one["verdicts"].items()
        ],
    )


def _backtests(variant: _Part) -> list[str]:
    told = variant["backtests"]
    names = [
        name for name in (told[0] if told else {}) if name not in {"origin", "trained_rows", "tested_rows"}
    ]
    return table(
        "origin rows~to~learn~from rows~tested " + " ".join(name.replace("_", "~") for name in names),
        [
            (
                one["origin"] or "random",
                one["trained_rows"],
                one["tested_rows"],
                *(short(one[name]) for name in names),
            )
            for one in told
        ],
    )


def _forecast(forecast: _Part | None) -> list[str]:
    if forecast is None:
        return ["There is no forecast: too few customers or repeat orders.", ""]
    season = forecast["season"]
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in forecast["parameters"].items())
    lines = [
        f"Forecast: {forecast['model']} ({numbers}; days), chosen on {forecast['windows']} past windows."
    ]
    if forecast["value"] is not None:
        value = ", ".join(f"{name} {number:.4g}" for name, number in forecast["value"].items())
        lines.append(
            f"Value of an order: Gamma-Gamma on {forecast['value_of']} orders ({value}), level "
            f"{forecast['value_level']:.3f}."
        )
    lines.append(
        f"Season: from {season['basis'].replace('_', ' ')}, seen ratio {season['ratio']:.3f}, believed to "
        f"{season['weight']:.0%}, tested by {season['origins']} past origins; the horizon counts "
        f"{season['model_days_in_horizon']:.0f} days."
    )
    return [*lines, ""]


def _own_parts(variant: _Part) -> list[str]:
    """Return the tables that only one of the two capabilities has."""
    lines = []
    if variant.get("deciles"):
        lines += ["Tenths of the held-out customers by predicted value:", ""]
        lines += table(
            "tenth rows predicted actual",
            [
                (k + 1, one["rows"], f"{one['predicted']:,.2f}", f"{one['actual']:,.2f}")
                for k, one in enumerate(variant["deciles"])
            ],
        )
    if variant.get("coverage"):
        lines += ["Held-out customers beyond their range (its ends were set on them):", ""]
        lines += table(
            "population rows above below",
            [
                (one["population"], one["rows"], short(one["above"]), short(one["below"]))
                for one in variant["coverage"]
            ],
        )
    if variant.get("calibration"):
        lines += ["Calibration of P(any order), ten equal-count bins:", ""]
        lines += table(
            "rows predicted observed",
            [
                (one["rows"], short(one["predicted"]), short(one["observed"]))
                for one in variant["calibration"]
            ],
        )
    if "window" in variant:
        lines += [_window(variant["window"]), ""]
    return lines


def _window(window: _Part) -> str:
    levels = ", ".join(f"{level:.2f}" for level in window["levels"])
    told = f"Window of the next order: levels {levels} from {window['buyers']:,} held-out repeat buyers."
    if window["coverage"] is None:
        return f"{told} One origin only: how it keeps its word was not tested."
    return (
        f"{told} With levels from the earlier origins it covered {window['coverage']:.1%} of the newest "
        f"one's; its middle was {window['error']:.1f} days off, the best constant "
        f"{window['constant_error']:.1f}, the last order plus the own mean gap {window['gap_error']:.1f}."
    )


def _drivers(variant: _Part) -> list[str]:
    return table(
        "feature what~it~is mean~impact more~of~it",
        [
            (f"`{one['feature']}`", one["label"], short(one["mean_impact"]), one["direction"] or "depends")
            for one in variant["drivers"]
        ],
    )
