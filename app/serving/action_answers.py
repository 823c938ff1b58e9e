"""A decision as the caller gets it: actions with times and reasons, what was dropped and why.

Rules: a number that does not apply is None, never NaN; the list of actions begins with the decision, what
follows are alternatives that nobody has promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.domain.actions import ELIGIBILITY, NONE
from app.domain.clock import from_microseconds
from app.domain.history import MICROSECONDS_PER_DAY
from app.serving.decision import (
    Answer,
    Told,
    evidence_of,
    funnel_of,
    name_of,
    position_of,
    propensity_of,
)
from app.serving.release import LoadedRelease
from app.serving.weighing import Drop
from app.texts.actions import layer_text, reason_text, rule_text, warning_text, word
from app.texts.catalogue import Locale, format_value

NO_MODEL: Final = "no_model"


def answer_of(told: Told, warning: str | None = None) -> Answer:
    """Return what a caller gets, without the customer's id; ``warning`` is the code of one more warning."""
    ask, locale = told.ask, told.ask.locale
    answer: Answer = {
        "decision_id": None if ask.mode == "dry_run" else told.decision_id,
        "as_of": told.iso(told.weighed.now),
        "release": told.release.name,
        "mode": ask.mode,
        "logged": told.is_logged,
        "personalised": told.person.personalised,
        "locale": locale,
        "eligible": True,
        "assignment": {"arm": told.arm, "slice": told.slice},
        "actions": [_action(told, k, rank) for rank, k in enumerate(_listed(told), 1)],
        "suppressed": list(_suppressed(told)),
        "policy": {"version": told.artifact.manifest.version, "tier": told.model.tier},
        "warnings": [{"code": code, "detail": text} for code, text in _warnings(told, warning)],
    }
    if told.person.response is not None:
        answer["response"] = {
            "probability": told.person.response,
            "base_rate": told.model.response_base_rate,
        }
    if ask.explain:
        answer["variables"] = dict(told.person.variables)
    if ask.mode == "dry_run":
        answer["funnel"] = funnel_of(told)
    if ask.caller_choice is not None:
        own = position_of(told.model, *ask.caller_choice)
        answer["caller_choice"] = name_of(told.model, own)
        answer["own_choice"] = name_of(told.model, told.drawn.chosen)
        answer["agrees"] = own == told.drawn.chosen
    return answer


def no_model_answer(release: LoadedRelease, locale: Locale, at: int) -> Answer:
    """Return the answer of a release without a playbook."""
    return {
        "decision_id": None,
        "as_of": from_microseconds(at, release.business.timezone).isoformat(),
        "release": release.name,
        "logged": False,
        "replay": False,
        "locale": locale,
        "eligible": False,
        "ineligible_reason": NO_MODEL,
        "assignment": None,
        "actions": [],
        "suppressed": [],
        "policy": None,
        "warnings": [],
    }


def _listed(told: Told) -> list[int]:
    """Return the choice, then what else would be allowed, best first, as far as it was asked for."""
    first, worth = told.position, told.weighed.worth
    if told.assigned == "holdout" or told.ask.limit == 1:
        return [first]
    others = [j for j in told.open if j != first]
    others.sort(key=lambda j: (-worth[j] if j < told.none else 0.0, j))
    return [first, *others][: told.ask.limit]


def _action(told: Told, k: int, rank: int) -> Answer:
    """Return one action of the list."""
    model, locale = told.model, told.ask.locale
    reasons = [{"code": code, "text": text} for code, text in _reasons(told, k, rank)]
    shared = {"rank": rank, "propensity": propensity_of(told, k), "reasons": reasons}
    if k == told.none:
        return {
            "action_id": NONE,
            "type": NONE,
            "channel": None,
            "content_key": None,
            "text": word(locale, NONE),
            "not_before": None,
            "due_by": None,
            "expires_at": told.iso(told.expires(k)),
            "expected_incremental_profit": {"low": 0.0, "mid": 0.0, "high": 0.0},
            "currency": told.release.business.currency,
            "cost": 0.0,
            "evidence": told.evidence if rank == 1 else evidence_of(model, k),
            "best_hours": None,
            **shared,
        }
    one, weighed = model.candidates[k], told.weighed
    action = one.action
    low, mid, high = weighed.profit[k].tolist()
    due = None if action.due_days is None else weighed.now + round(action.due_days * MICROSECONDS_PER_DAY)
    return {
        "action_id": action.id,
        "type": action.type,
        "channel": one.channel,
        "content_key": action.content_key,
        "text": action.text[locale],
        "not_before": told.iso(weighed.starts[k]),
        "due_by": None if due is None else told.iso(min(max(due, weighed.starts[k]), weighed.expires[k])),
        "expires_at": told.iso(weighed.expires[k]),
        # A value that is not known is NaN, which alone differs from itself.
        "expected_incremental_profit": {"low": low, "mid": mid, "high": high} if mid == mid else None,  # noqa: PLR0124
        "currency": told.release.business.currency,
        "cost": one.cost,
        "evidence": evidence_of(model, k),
        "best_hours": _hours(told),
        **shared,
    }


def _hours(told: Told) -> Answer | None:
    """Return the hours at which similar customers answer most; None where the data do not say."""
    responses = told.model.responses
    found = responses.hour(responses.segment_of(told.person.variables))
    if found is None:
        return None
    return {"from": found[0], "to": found[1], "timezone": told.release.business.timezone}


def _reasons(told: Told, k: int, rank: int) -> Iterator[tuple[str, str]]:
    """Yield why an action stands where it does: how it was drawn, what held, what its numbers rest on."""
    locale, model = told.ask.locale, told.model
    if rank == 1:
        if told.slice == "holdout" and k != told.none:
            yield "exempt", reason_text(locale, "exempt")
        elif told.slice != "exploit":
            yield told.slice, reason_text(locale, told.slice)
        elif k == told.none:
            code = "nothing_pays" if told.settled.allowed.any() else "nothing_left"
            yield code, reason_text(locale, code)
        else:
            yield "best", reason_text(locale, "best")
    if k == told.none:
        return
    position = int(model.owner[k])
    for gate in model.gates[position]:
        if gate.layer != ELIGIBILITY[0] and locale in gate.rule.text:
            yield gate.rule.id, gate.rule.text[locale]
    yield evidence_of(model, k), reason_text(locale, evidence_of(model, k))
    if told.weighed.profit[k, 1] != told.weighed.profit[k, 1]:
        yield "value_unknown", reason_text(locale, "value_unknown")
    if told.person.response is not None and model.response_base_rate is not None:
        share, base = (
            format_value(locale, "share", value, "")
            for value in (told.person.response, model.response_base_rate)
        )
        yield "response", reason_text(locale, "response", share=share, base=base)


def _suppressed(told: Told) -> Iterator[Answer]:
    """Yield what was dropped: an action as a whole where every channel fell to the same rule."""
    model, drops = told.model, told.settled.drops
    k = 0
    for action in model.playbook.actions:
        first, k = k, k + len(action.channels)
        mine = drops[first:k]
        if mine.count(mine[0]) == len(mine):
            if mine[0] is not None and mine[0].layer != "request":
                yield _dropped(told, action.id, None, mine[0])
            continue
        for j, drop in enumerate(mine, first):
            if drop is not None and drop.layer != "request":
                yield _dropped(told, action.id, model.candidates[j].channel, drop)


def _dropped(told: Told, action_id: str, channel: str | None, drop: Drop) -> Answer:
    named = {"action_id": action_id} if channel is None else {"action_id": action_id, "channel": channel}
    text = drop_text(drop, told.ask.locale)
    return {**named, "layer": drop.layer, "rule_id": drop.rule_id, "text": text}


def drop_text(drop: Drop, locale: Locale) -> str:
    """Return in words why a candidate was dropped."""
    if drop.layer in ELIGIBILITY:
        text = drop.values["text"].get(locale)
        return layer_text(locale, drop.layer) if text is None else rule_text(locale, "not_met", text=text)
    if drop.layer == "contact_policy":
        return rule_text(locale, "limit" if "limit" in drop.values else "repeat", **drop.values)
    if drop.layer in {"consent", "quiet_hours"}:
        return layer_text(locale, drop.layer)
    return rule_text(locale, drop.rule_id, **drop.values)


def _warnings(told: Told, code: str | None) -> Iterator[tuple[str, str]]:
    locale = told.ask.locale
    if code is not None:
        yield code, warning_text(locale, code)
    if not told.person.personalised:
        yield "not_personalised", warning_text(locale, "not_personalised")
    choice = told.ask.caller_choice
    if choice is not None:
        own = position_of(told.model, *choice)
        drop = None if own == told.none else told.settled.drops[own]
        if drop is not None:
            text = drop_text(drop, locale)
            yield "caller_choice_suppressed", warning_text(locale, "caller_choice_suppressed", text=text)
