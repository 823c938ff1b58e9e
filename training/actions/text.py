"""The card of next best action in words: Markdown from the document of ``training.actions.report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.report_text import head, known, table

_Part = Mapping[str, Any]


def markdown(card: _Part, plots: Sequence[str]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : mapping
        The document of :func:`training.actions.report.card_of`.
    plots : sequence of str
        File names of the pictures, which stand beside the card.
    """
    contacts, value = card["contacts"], card["typical_order_value"]
    order = "not known" if value is None else f"{value:,.2f} {card['currency']}"
    lines = [
        *head(card),
        *known(card),
        f"* Tier: {card['tier']}. Typical order: {order}.",
        (
            f"* Contacts read: {contacts['read']:,}; of open windows {contacts['open_windows']:,}, of "
            f"customers who deny profiling {contacts['profiling_denied']:,} are not."
        ),
        "",
        "## Actions",
        "",
        "An effect is a difference of probabilities: treated minus control, weighed by the logged chances.",
        "",
        *_actions(card["actions"]),
        *_strangers(card["not_in_playbook"]),
        *(f"![{name}]({name})" for name in plots),
        *([""] if plots else []),
        *_compared("Channels", card["channels"]),
        *_compared("Hours", card["hours"]),
        *_answers(card["answers"]),
        "## Limits",
        "",
        *(f"* {_both(limit)}" for limit in card["limits"]),
        "",
    ]
    return "\n".join(lines)


def _both(words: _Part) -> str:
    return f"{words['en'].rstrip('.')} ({words['zh-CN'].rstrip('。')})."


def _range(effect: _Part | None) -> str:
    if effect is None:
        return ""
    return f"{effect['mid']:+.3f} ({effect['low']:+.3f} to {effect['high']:+.3f})"


def _actions(actions: Sequence[_Part]) -> list[str]:
    rows = [
        (
            f"`{one['id']}`",
            _range(one["believed"]),
            *_of_trial(one["measured"]),
            _evidence(one["evidence"], one["measured"]),
        )
        for one in actions
    ]
    return table("action believed measured treated control evidence", rows) + _silent(
        [one["measured"] for one in actions if one["measured"] is not None]
    )


def _evidence(evidence: str, measured: _Part | None) -> str:
    """Return what an effect rests on, and by which channels it was tried."""
    channels = measured["channels"] if measured is not None else []
    return f"{evidence} ({', '.join(channels)})" if channels else evidence


def _of_trial(measured: _Part | None) -> tuple[str, str, str]:
    if measured is None:
        return "", "", ""
    return _range(measured["effect"]), f"{measured['treated']:,}", f"{measured['control']:,}"


def _silent(measured: Sequence[_Part]) -> list[str]:
    told = [f"* `{one['action_id']}`: {_both(one['silent'])}" for one in measured if one["silent"]]
    return ["Nothing can be said of:", "", *told, ""] if told else []


def _strangers(measured: Sequence[_Part]) -> list[str]:
    if not measured:
        return []
    rows = [(f"`{one['action_id']}`", *_of_trial(one), one["evidence"] or "") for one in measured]
    return [
        "Contacts of actions that the playbook does not have; name them there to use what they taught:",
        "",
        *table("action measured treated control evidence", rows),
        *_silent(measured),
    ]


def _compared(title: str, told: _Part) -> list[str]:
    counts = ", ".join(f"{name} {count:,}" for name, count in told["contacts"].items()) or "none"
    lines = [f"## {title}", "", f"* Contacts that can be compared within an action: {counts}."]
    if told["verdict"] is not None:
        lines.append(f"* {_judged(told['verdict'])}")
    if told["silent"] is not None:
        return [*lines, f"* Nothing is told: {_both(told['silent'])}", ""]
    if told["by_segment"]:
        lines.append(f"* Recent is an order within {told['recent_days']:g} days.")
    rows = [
        (segment, name, f"{mid:.1%} ({low:.1%} to {high:.1%})")
        for segment, cells in {"all": told["all"], **told["by_segment"]}.items()
        for name, (low, mid, high) in cells.items()
    ]
    return [*lines, "", *table("segment by answered~(90~%)", rows)]


def _judged(verdict: _Part) -> str:
    reduction, rule = verdict["reduction"], verdict["baseline"]
    return (
        f"Log loss on later contacts {rule['model_value']:.4f}, of {rule['name']} {rule['value']:.4f}: "
        f"{reduction['value']:.2%} less ({reduction['low']:.2%} to {reduction['high']:.2%}); "
        f"grade {verdict['grade']}."
    )


def _answers(told: _Part) -> list[str]:
    lines = ["## Who answers", "", f"* {told['answers']:,} of {told['contacts']:,} contacts were answered."]
    if told["protocol"] is not None:
        lines.append(f"* Judged {told['protocol']}.")
    if told["verdict"] is not None:
        lines.append(f"* {_judged(told['verdict'])}")
    if told["metrics"]:
        shown = ", ".join(
            f"{name} {one['value']:.4f} ({one['low']:.4f} to {one['high']:.4f})"
            for name, one in told["metrics"].items()
        )
        lines.append(f"* Metrics: {shown}.")
    if told["larger_effect"] is not None:
        larger = _range(told["larger_effect"])
        lines.append(f"* Effect in the likelier half beyond that in the other: {larger}, 90 %.")
    if told["silent"] is not None:
        lines.append(f"* Nothing is told: {_both(told['silent'])}")
    return [*lines, ""]
