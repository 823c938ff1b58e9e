"""The card of the trigger rules: each in words, how often it fires today, what came of it at a past cut-off.

Rules: a rule is no model and carries no grade; an observed share stands with its 95 % interval (Wilson) and
beside the base rate; a rule that asks for another block's score is not counted, because training knows none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scipy.stats import binomtest

from app.artifacts.manifest import ManifestDraft, Text
from app.domain.history import Array
from app.domain.triggers import Condition, Rule
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from app.texts.catalogue import LOCALES, Locale, catalogue, feature_label, format_value

ORDERED_WITHIN_DAYS: Final = 30

_WORDS: Final[Mapping[Locale, Mapping[str, str]]] = {
    "en": {
        "at_least": "{what} is at least {value}",
        "above": "{what} is above {value}",
        "at_most": "{what} is at most {value}",
        "below": "{what} is below {value}",
        "is": "{what} is {value}",
        "one_of": "{what} is one of {value}",
        "known": "{what} is known",
        "unknown": "{what} is not known",
        "and": "; and ",
        "or": ", or ",
        "comma": ", ",
    },
    "zh-CN": {
        "at_least": "{what}不少于 {value}",
        "above": "{what}大于 {value}",
        "at_most": "{what}不多于 {value}",
        "below": "{what}小于 {value}",
        "is": "{what}为 {value}",
        "one_of": "{what}为以下之一：{value}",
        "known": "{what}已知",
        "unknown": "{what}未知",
        "and": "；且",
        "or": "，或",
        "comma": "、",
    },
}
_LIMITS: Final = (
    "A rule carries no grade: it says what is so, and predicts nothing.",
    "A share of orders below or above the base rate says whom a rule finds, not what an action changes.",
    "What an action changes, only a control group tells.",
    "Rules that ask for another block's score are not counted here; see that block's own card.",
    "A suggestion is not a permission: consent and contact limits are checked where an action is chosen.",
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Who was looked at, and of whom each rule held: bool of shape (N,) and (N,) for each rule.

    ``ordered`` says who ordered within 30 days, None where that is not known yet.
    """

    known: Array
    held: Sequence[Array]
    ordered: Array | None = None


def card_of(
    draft: ManifestDraft,
    rules: Sequence[Rule],
    defaults: frozenset[str],
    labels: Mapping[str, Text],
    today: Counted,
    past: Counted | None,
    cut_off: str | None,
) -> dict[str, Any]:
    """Return the card as a document.

    Parameters
    ----------
    defaults : frozenset of str
        The ids of the product's own rules.
    labels : mapping
        What declared attributes are called.
    today, past : Counted
        Today's customers, and those of the newest cut-off with 30 days behind it, if there is one.
    cut_off : str or None
        That time, ISO 8601.
    """
    return {
        "capability": "triggers",
        "business": draft.business.name,
        "currency": draft.business.currency,
        "simulated": draft.business.simulated,
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "customers": int(today.known.sum())},
        "cut_off": cut_off,
        "ordered_within_days": ORDERED_WITHIN_DAYS,
        "base_rate": None if past is None else _share(past, past.known),
        "rules": [
            {
                "id": rule.id,
                "is_default": rule.id in defaults,
                "text": dict(rule.text),
                "when": {
                    locale: in_words(rule, locale, labels, draft.business.currency) for locale in LOCALES
                },
                "since": rule.since,
                "suggests": list(rule.suggests),
                **_counts(rule, number, today, past),
            }
            for number, rule in enumerate(rules)
        ],
        "limits": list(_LIMITS),
    }


def _counts(rule: Rule, number: int, today: Counted, past: Counted | None) -> dict[str, Any]:
    blocks = sorted({one.name.partition(".")[0] for one in rule.conditions if one.subject == "score"})
    if blocks:
        return {"today": None, "past": None, "not_counted": f"asks for scores of {', '.join(blocks)}"}
    return {
        "today": int((today.known & today.held[number]).sum()),
        "past": None if past is None else _share(past, past.known & past.held[number]),
        "not_counted": None,
    }


def _share(counted: Counted, rows: Array) -> dict[str, Any] | None:
    """Return how many of some customers ordered, with the interval; None of nobody."""
    total = int(rows.sum())
    if counted.ordered is None or not total:
        return None
    ordered = int((counted.ordered & rows).sum())
    interval = binomtest(ordered, total).proportion_ci(method="wilson")
    return {
        "customers": total,
        "ordered": ordered,
        "share": ordered / total,
        "low": float(interval.low),
        "high": float(interval.high),
    }


def in_words(rule: Rule, locale: Locale, labels: Mapping[str, Text], currency: str) -> str:
    """Return when a rule holds, in words."""
    words = _WORDS[locale]
    return words["and"].join(
        words["or"].join(_condition(one, locale, labels, currency) for one in member) for member in rule.when
    )


def _condition(one: Condition, locale: Locale, labels: Mapping[str, Text], currency: str) -> str:
    what, unit = one.name, "value"
    if one.name in LIBRARY and one.subject == "feature":
        what, unit = feature_label(locale, one.name), LIBRARY[one.name].unit
    elif one.name.removeprefix(ATTRIBUTE_PREFIX) in labels:
        label = labels[one.name.removeprefix(ATTRIBUTE_PREFIX)]
        what = label.zh_cn if locale == "zh-CN" else label.en
    if one.operator == "is_known":
        return _WORDS[locale]["known" if one.value else "unknown"].format(what=what)
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    shown = _WORDS[locale]["comma"].join(
        format_value(locale, "flag" if isinstance(value, bool) else unit, value, currency) for value in values
    )
    return _WORDS[locale][one.operator].format(what=what, value=shown)


def markdown(card: Mapping[str, Any]) -> str:
    """Return the card in words: Markdown from the document of :func:`card_of`."""
    simulated = "**Simulated data.** Nothing here is evidence about real customers."
    base, days = card["base_rate"], card["ordered_within_days"]
    lines = [
        f"# Card: trigger rules of {card['business']}",
        "",
        *([simulated, ""] if card["simulated"] else []),
        f"* Known up to: {card['trained_as_of']}. Data fingerprint `{card['data']['fingerprint'][:16]}`.",
        f"* Customers today: {card['data']['customers']:,}.",
    ]
    if base is None:
        came = f"not known: the data hold no {days} days after a time with customers"
    else:
        came = f"of those known at {card['cut_off']}, who ordered within {days} days; base rate {_told(base)}"
    lines += [
        f"* What came of it: {came}.",
        "",
        f"| rule | fires today | fired then | ordered within {days} days (95 %) | against everybody |",
        "| --- | --- | --- | --- | --- |",
        *(_row(rule, base) for rule in card["rules"]),
        "",
    ]
    for rule in card["rules"]:
        lines += _section(rule)
    return "\n".join([*lines, "## Limits", "", *(f"* {limit}" for limit in card["limits"]), ""])


def _row(rule: Mapping[str, Any], base: Mapping[str, Any] | None) -> str:
    if rule["not_counted"] is not None:
        return f"| `{rule['id']}` | not counted: {rule['not_counted']} | | | |"
    past = rule["past"]
    if past is None or base is None:
        return f"| `{rule['id']}` | {rule['today']:,} | {'' if base is None else 0} | | |"
    return (
        f"| `{rule['id']}` | {rule['today']:,} | {past['customers']:,} | {_told(past)} | "
        f"{_against(past, base)} |"
    )


def _told(share: Mapping[str, Any]) -> str:
    return f"{share['share']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def _against(past: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """Return whether the share differs from the base rate for certain."""
    if past["high"] < base["share"]:
        return "fewer"
    return "more" if past["low"] > base["share"] else "not clear"


def _section(rule: Mapping[str, Any]) -> list[str]:
    kind = "default" if rule["is_default"] else "own"
    lines = [f"## `{rule['id']}` ({kind})", ""]
    for locale in LOCALES:
        names = catalogue(locale)["suggestions"]
        suggests = _WORDS[locale]["comma"].join(names[word] for word in rule["suggests"])
        lines += [f"* {rule['text'][locale]}: {rule['when'][locale]} → {suggests}"]
    dated = f"the day on which {rule['since']} crossed its limit" if rule["since"] else "the question's time"
    return [*lines, f"* Dated by {dated}.", ""]
