"""The card of next best action: what the playbook holds, what contacts taught, and what stays silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.artifacts.manifest import ManifestDraft
from app.domain.actions import Action, Effect, Playbook
from app.estimators.responses import SEGMENTS, Responses
from training.actions import answering, effects, responses
from training.actions.answering import Answering
from training.actions.effects import Measured
from training.actions.responses import DAYPARTS, Compared
from training.actions.rows import Read
from training.evaluation import Verdict

Told = dict[str, Any]

_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    effects.NO_CONTROL: ("no control arm", "没有对照组"),
    effects.NO_PROPENSITY: ("the chances of treatment are not all logged", "处理概率没有全部记录"),
    effects.PROPENSITY_RANGE: (
        "a chance of treatment is not within (0, 1)",
        "处理概率不在 (0, 1) 之内",
    ),
    effects.ARM_SIZES: (
        "the arms do not have the sizes that the logged chances say (sample ratio mismatch)",
        "两组人数与记录的概率不符（样本比例失配）",
    ),
    effects.OUTCOMES_MISSING: (
        f"more than {effects.MISSING:.0%} of the contacts of an arm have no known outcome",
        f"某组超过 {effects.MISSING:.0%} 的触达没有已知结果",
    ),
    effects.ANSWERS_UNTIMED: (
        "answers without a time (outcome_at), or before the contact, are not known",
        "没有时间（outcome_at）或早于触达的回应视为未知",
    ),
    effects.TOO_FEW: ("too few known outcomes", "已知结果太少"),
    effects.TOO_RARE: (
        f"fewer than {effects.RARER} contacts of either outcome in an arm",
        f"某组中某种结果少于 {effects.RARER} 次",
    ),
    responses.TOO_SHORT: ("too little time to judge on later contacts", "时间太短，无法用之后的触达检验"),
    responses.NO_HELP: (
        "the difference does not help to tell later answers",
        "这一差异无助于预测之后的回应",
    ),
    answering.NOT_BETTER: (
        "no better on later contacts than the share of answers by action and channel",
        "在之后的触达上不比按行动和渠道的回应率更好",
    ),
    answering.NO_LARGER_EFFECT: (
        "the control arm does not confirm a larger effect among those who are likelier to answer",
        "对照组没有证实：更可能回应的客户效果更大",
    ),
}
_LIMITS: Final = (
    ("An effect is an average over those who were contacted; others may differ.", "效果是被触达者的平均值。"),
    (
        f"Intervals are at {effects.LEVEL:.0%} for each action alone: one in ten misses the truth.",
        f"区间按每个行动单独以 {effects.LEVEL:.0%} 计算：十个中约有一个不含真值。",
    ),
    (
        "An experiment is clear of chance among all trials together (Benjamini-Hochberg at 10%).",
        "标为 experiment 者已按全部试验校正（Benjamini-Hochberg，10%）。",
    ),
    (
        "A pilot, which is not, is weighed with the belief by precision. Untried channels keep the belief.",
        "尚未排除偶然因素的试验（pilot）按精度与企业预估加权；未试验的渠道沿用预估。",
    ),
    (
        "A customer who was contacted before may answer differently: earlier contacts are not taken out.",
        "先前的触达可能影响回应，未作剔除。",
    ),
    (
        "Channels and hours were not drawn at random: what is told of them is observed, within an action.",
        "渠道与时段并非随机：其差异是同一行动内的观察结果。",
    ),
    (
        "A share of answers is no effect: some would have bought anyway.",
        "回应率不是效果：有些人本来就会购买。",
    ),
    (
        "Without a trial the owner's belief stands, and is called that.",
        "没有试验时沿用企业的设想，并如实标明。",
    ),
)


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything that contacts taught, and what did not speak."""

    read: Read
    measured: tuple[Measured, ...]
    responses: Responses
    channels: Compared
    channel_names: tuple[str, ...]
    hours: Compared
    answers: Answering
    typical_order_value: float | None


def both(words: tuple[str, str]) -> dict[str, str]:
    """Return words in both languages."""
    return {"en": words[0], "zh-CN": words[1]}


def reason(code: str | None) -> dict[str, str] | None:
    """Return why nothing is told, in both languages; None where something is."""
    return None if code is None else both(_REASONS[code])


def card_of(draft: ManifestDraft, playbook: Playbook, learned: Learned, rows: Mapping[str, int]) -> Told:
    """Return the card as a document.

    Parameters
    ----------
    rows : mapping
        Rows of each table that was read.
    """
    known = {one.action: one for one in learned.measured}
    ids = {action.id for action in playbook.actions}
    return {
        "capability": draft.capability,
        "business": draft.business.name,
        "currency": draft.business.currency,
        "simulated": draft.business.simulated,
        "goal": {
            "predicts": draft.label.text.model_dump(by_alias=True),
            "definition": draft.label.definition,
            "horizon_days": draft.label.horizon_days,
        },
        "population": "every customer; what is known of the person stands in the request",
        "tier": draft.settings["tier"],
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "rows": dict(rows)},
        "seed": draft.seed,
        "git_commit": draft.git_commit,
        "libraries": draft.libraries,
        "typical_order_value": learned.typical_order_value,
        "contacts": {
            "read": learned.read.contacts.size,
            "open_windows": learned.read.open_windows,
            "profiling_denied": learned.read.denied,
        },
        "actions": [_action(action, known.get(action.id)) for action in playbook.actions],
        "not_in_playbook": [_measured(one) for one in learned.measured if one.action not in ids],
        "channels": _compared(learned.channels, learned.channel_names, learned.responses.recent_days),
        "hours": _compared(
            learned.hours,
            tuple(f"{begins:02}-{ends:02}" for begins, ends in DAYPARTS),
            learned.responses.recent_days,
        ),
        "answers": _answers(learned.answers),
        "limits": [both(words) for words in _LIMITS],
    }


def _action(action: Action, measured: Measured | None) -> Told:
    evidence = "rule_prior" if measured is None or measured.evidence is None else measured.evidence
    return {
        "id": action.id,
        "type": action.type,
        "text": dict(action.text),
        "channels": list(action.channels),
        "believed": _effect(action.effect),
        "evidence": evidence,
        "measured": None if measured is None else _measured(measured),
    }


def _measured(one: Measured) -> Told:
    return {
        "action_id": one.action,
        "window_days": one.window_days,
        "treated": one.treated,
        "control": one.control,
        "share_treated": one.share_treated,
        "share_control": one.share_control,
        "effect": None if one.effect is None else _effect(one.effect),
        "evidence": one.evidence,
        "channels": list(one.channels),
        "arm_sizes_p": one.mismatch_p,
        "silent": reason(one.silent),
    }


def _effect(effect: Effect) -> Told:
    return {"low": effect.low, "mid": effect.mid, "high": effect.high}


def _verdict(verdict: Verdict | None) -> Told | None:
    if verdict is None:
        return None
    return {
        "grade": verdict.grade,
        "reason": verdict.reason,
        "baseline": verdict.baseline.model_dump(),
        "reduction": verdict.reduction.model_dump(),
    }


def _compared(found: Compared, names: tuple[str, ...], recent_days: float | None) -> Told:
    return {
        "contacts": {names[part]: count for part, count in found.counts.items()},
        "all": {names[part]: list(share) for part, share in found.shares.items()},
        "by_segment": {
            SEGMENTS[one]: {names[part]: list(share) for part, share in cells.items()}
            for one, cells in found.by_segment.items()
        },
        "recent_days": recent_days,
        "verdict": _verdict(found.verdict),
        "silent": reason(found.silent),
    }


def _answers(found: Answering) -> Told:
    return {
        "contacts": found.rows,
        "answers": found.answers,
        "protocol": found.protocol or None,
        "verdict": _verdict(found.verdict),
        "metrics": {name: one.model_dump() for name, one in (found.metrics or {}).items()},
        "larger_effect": None if found.larger is None else _effect(found.larger),
        "response_confirmed": found.is_confirmed,
        "silent": reason(found.silent),
    }
