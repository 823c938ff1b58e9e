"""What became of all candidates of a batch: how many each rule took, how many were left, what was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from app.domain.actions import LAYERS
from app.serving.action_model import ActionModel
from app.serving.decision import AskAction

Answer = dict[str, Any]
Rule = tuple[str, str]


def batch_funnel(model: ActionModel | None, answered: Iterable[tuple[AskAction, Answer]]) -> Answer:
    """Return the funnel over all customers who got an answer.

    Answers name what was dropped by any rule but the request's own; a candidate that they do not name
    and that was not asked for was dropped by the request; what remains was allowed.
    """
    taken: Counter[Rule] = Counter()
    chosen: Counter[tuple[str, str | None]] = Counter()
    pairs = () if model is None else tuple((one.action.id, one.channel) for one in model.candidates)
    customers = candidates = 0
    for ask, answer in answered:
        if not answer["eligible"]:
            continue
        customers += 1
        candidates += len(pairs)
        taken.update(_taken(ask, answer, pairs))
        first = answer["actions"][0]
        chosen[first["action_id"], first["channel"]] += 1
    rules = sorted(taken.items(), key=lambda item: (LAYERS.index(item[0][0]), -item[1], item[0][1]))
    return {
        "customers": customers,
        "candidates": candidates,
        "dropped": [{"layer": layer, "rule_id": rule, "count": count} for (layer, rule), count in rules],
        "allowed": candidates - taken.total(),
        "chosen": [
            {"action_id": action_id, "channel": channel, "count": count}
            for (action_id, channel), count in chosen.most_common()
        ],
    }


def _taken(ask: AskAction, answer: Answer, pairs: Sequence[tuple[str, str]]) -> Iterable[Rule]:
    """Yield the rule that took each candidate that was taken."""
    dropped = {
        (one["action_id"], one.get("channel")): (one["layer"], one["rule_id"]) for one in answer["suppressed"]
    }
    for action_id, channel in pairs:
        rule = dropped.get((action_id, None)) or dropped.get((action_id, channel))
        if rule is not None:
            yield rule
        elif ask.candidates is not None and action_id not in ask.candidates:
            yield "request", "candidates"
        elif ask.channels is not None and channel not in ask.channels:
            yield "request", "channels"
