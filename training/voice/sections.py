"""The sections of the voice report on cases, scores and pains, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.capabilities.segment import VALUE_TIERS
from app.estimators.scores import NAMES
from training.planning.words import amount, percent, table
from training.voice.plots import CASES, STAKE
from training.voice.words import (
    HIDDEN,
    Told,
    change_ends,
    count,
    group_label,
    number,
    pain_label,
    points,
    share_with_count,
)

_Part = Mapping[str, Any]

_CASE_TITLES: Final = ("cases_count", "customers", "open", "reopened", "closed_soon", "median", "nine")


def cases_section(told: Told) -> list[str]:
    """Return what became of the support cases."""
    cases = told.report["cases"]
    head = told.head("cases_title")
    if cases is None:
        return [*head, told.say("no_cases"), ""]
    days = cases["soon_days"]
    titles = [told.say(name, days=days) for name in _CASE_TITLES]
    by_type = [(told.say(f"type.{one['type']}"), one) for one in cases["by_type"]]
    by_priority = [(told.say(f"priority.{one['priority']}"), one) for one in cases["by_priority"]]
    by_month = [(told.month(one["month"]), one) for one in cases["months"]]
    parts = (
        ("type", [*by_type, (told.say("all"), cases["all"])]),
        ("priority", by_priority),
        ("month", by_month),
    )
    tables = [
        line
        for name, rows in parts
        for line in table([told.say(name), *titles], [[label, *_case_cells(one)] for label, one in rows])
    ]
    return [
        *head,
        told.say("cases_how", days=days),
        "",
        *told.picture(CASES),
        *tables,
        *told.partial(),
        *(line for text in _case_changes(told, cases) for line in (text, "")),
    ]


def _case_cells(one: _Part) -> list[str]:
    if one["is_hidden"]:
        return [HIDDEN] * len(_CASE_TITLES)
    return [
        count(one["cases"]),
        count(one["customers"]),
        count(one["open"]),
        share_with_count(one["reopened"]),
        share_with_count(one["closed_soon"]),
        number(one["median_days"], 1),
        number(one["days_of_nine_in_ten"], 1),
    ]


def _case_changes(told: Told, cases: _Part) -> list[str]:
    """Return how the cases of now compare with those before."""
    change, orders = cases["change"], told.report["orders"]
    volume = change["volume"]
    if volume["is_hidden"]:
        return [told.say("cases_hidden")]
    verdict = told.say("not_compared")
    if volume["ratio"] is not None:
        ends = f"{number(volume['low'])}–{number(volume['high'])}"
        name = "more_cases" if volume["is_clear"] else "same_cases"
        verdict = told.say(name, ratio=number(volume["ratio"]), ends=ends)
    times = {time: count(volume[time]) for time in ("now", "before")}
    bought = {f"orders_{time}": count(orders[time]) for time in ("now", "before")}
    lines = [told.say("cases_now", **times, **bought, verdict=verdict)]
    for name, sentence in (("closed_soon", "soon_now"), ("reopened", "reopened_now")):
        one = change[name]
        shares = {time: share_with_count(one[time]) for time in ("now", "before")}
        lines.append(told.say(sentence, days=cases["soon_days"], verdict=told.verdict(one), **shares))
    return lines


def scores_section(told: Told) -> list[str]:
    """Return what customers answered when asked."""
    scores = told.report["scores"]
    head = told.head("scores")
    if not scores:
        return [*head, told.say("no_scores"), ""]
    titles = [
        told.say(name) for name in ("kind", "answers", "months", "interval", "now", "before", "score_change")
    ]
    rows = [[_kind(told, one), *_score_cells(told, one)] for one in scores]
    by_month = [
        [told.month(month["month"]), *(_month_score(one["months"][k], _digits(one)) for one in scores)]
        for k, month in enumerate(scores[0]["months"])
    ]
    left = [
        told.say("left_out", count=count(one["left_out"]["rows"]), kind=_kind(told, one))
        for one in scores
        if one["left_out"]["rows"] != 0
    ]
    return [
        *head,
        told.say("scores_how"),
        "",
        *table(titles, rows),
        *(line for text in left for line in (text, "")),
        told.say("scores_months"),
        "",
        *table([told.say("month"), *(_kind(told, one) for one in scores)], by_month),
        *told.partial(),
    ]


def _kind(told: Told, one: _Part) -> str:
    return told.say(f"kind.{one['kind']}", scale=f"{one['scale_max']:g}")


def _digits(one: _Part) -> int:
    return 1 if one["unit"] == "points" else 2


def _score_cells(told: Told, one: _Part) -> list[str]:
    digits, change = _digits(one), one["change"]
    verdict = told.say("not_told")
    if change["is_clear"] is not None:
        difference = points(change["difference"], digits)
        verdict = f"{difference} ({change_ends(change, digits, 1.0)})"
        if not change["is_clear"]:
            verdict = f"{told.say('no_change')} ({change_ends(change, digits, 1.0)})"
    return [
        count(one["mean"]["rows"]),
        _mean(one["mean"], digits),
        _mean_ends(one["mean"], digits),
        *(_mean(change[time], digits) for time in ("now", "before")),
        verdict,
    ]


def _mean(mean: _Part, digits: int) -> str:
    return HIDDEN if mean["is_hidden"] else number(mean["mean"], digits)


def _mean_ends(mean: _Part, digits: int) -> str:
    if mean["low"] is None:
        return "–"
    return f"{number(mean['low'], digits)} … {number(mean['high'], digits)}"


def _month_score(month: _Part, digits: int) -> str:
    if month["is_hidden"]:
        return HIDDEN
    return "–" if month["mean"] is None else f"{number(month['mean'], digits)} ({month['rows']:,})"


def pains_section(told: Told) -> list[str]:
    """Return what hurts most, whom, and what these are worth."""
    pains = told.report["pains"]
    ranking, head = pains["ranking"], told.head("pains")
    if not ranking:
        return [*head, told.say("no_pain", days=pains["days"]), ""]
    basis = pains["value_basis"]
    value = told.say(
        f"value.{basis}",
        version_note=told.say(f"note.{basis}"),
        customers=count(pains["customers_of_all"]),
        total=amount(pains["value_of_all"]),
    )
    names = ["pain", "customers", "value", "value_share", "value_rank", "change_title"]
    names += ["churn"] if pains["has_churn"] else []
    rows = [_pain_cells(told, one, has_churn=pains["has_churn"]) for one in ranking]
    return [
        *head,
        told.say("pains_how", days=pains["days"]),
        "",
        value,
        "",
        *told.picture(STAKE),
        *table([told.say(name) for name in names], rows),
        *([told.say("churn_star"), ""] if pains["has_churn"] else []),
        *(line for text in _together(told, pains) for line in (text, "")),
        *_splits(told, pains),
    ]


def _pain_cells(told: Told, one: _Part, *, has_churn: bool) -> list[str]:
    label = pain_label(told.locale, one)
    if one["is_hidden"]:
        return [label, *[HIDDEN] * (6 if has_churn else 5)]
    churn = one["churn"]
    risk = "–"
    if churn is not None and churn["difference"] is not None:
        risk = " / ".join(percent(churn[time]["mean"]) for time in ("now", "before"))
        risk += " \\*" if churn["is_clear"] else ""
    return [
        label,
        count(one["customers"]),
        amount(one["value"]),
        percent(one["share_of_value"]),
        str(one["rank_by_value"]),
        _growth(told, one),
        *([risk] if has_churn else []),
    ]


def _growth(told: Told, one: _Part) -> str:
    change = one["change"]
    if change["is_clear"] is None:
        return "–"
    if not change["is_clear"]:
        return told.say("unchanged")
    low, middle = change["low"], 0.0 if one["source"] == "topic" else 1.0
    return told.say("growing" if low is not None and low > middle else "shrinking")


def _together(told: Told, pains: _Part) -> list[str]:
    """Return what all who have a pain are worth, and how likely they are to leave."""
    together, lines = pains["anybody"], []
    if not together["is_hidden"]:
        lines.append(
            told.say(
                "anybody",
                customers=count(together["customers"]),
                value=amount(together["value"]),
                share=percent(together["share_of_value"]),
            )
        )
        without = together["without_value"]["customers"]
        if without != 0:
            lines.append(told.say("without_value", count=count(without)))
    churn = together["churn"]
    if not pains["has_churn"]:
        lines.append(told.say("no_churn"))
    elif churn is not None and churn["is_clear"] is not None:
        told_of = {time: percent(churn[time]["mean"]) for time in ("now", "before")}
        ends = change_ends(churn)
        if churn["is_clear"]:
            difference = points(100 * churn["difference"])
            lines.append(told.say("churn_more", difference=difference, ends=ends, **told_of))
        else:
            lines.append(told.say("churn_same", ends=ends, **told_of))
    return lines


def _splits(told: Told, pains: _Part) -> list[str]:
    """Return the customers concerned by segment and by value tier."""
    if not pains["has_segments"]:
        return [told.say("no_segments"), ""]
    shown = [one for one in pains["ranking"] if not one["is_hidden"]]
    lines = []
    for part in ("by_segment", "by_tier"):
        there = {group["group"] for one in shown for group in one[part]}
        groups = [name for name in (*NAMES, *VALUE_TIERS, "none") if name in there]
        rows = []
        for one in shown:
            cells = {group["group"]: _group_cell(group, with_value=part == "by_tier") for group in one[part]}
            rows.append([pain_label(told.locale, one), *(cells.get(group, "0") for group in groups)])
        titles = [told.say("pain"), *(group_label(told.locale, group) for group in groups)]
        lines += [told.say(part), "", *table(titles, rows)] if rows else []
    return lines


def _group_cell(group: _Part, *, with_value: bool) -> str:
    if group["is_hidden"]:
        return HIDDEN
    return f"{group['customers']:,}" + (f" ({amount(group['value'])})" if with_value else "")
