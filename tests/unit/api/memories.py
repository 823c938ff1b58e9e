"""A memory in a dictionary that keeps the store's promises, and a release with a small real playbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from app.api.memory import Memory
from app.capabilities import NEXT_BEST_ACTION
from app.capabilities.base import Model
from app.domain.errors import ConflictError, StoreError
from app.features.schema import FeatureSet
from app.serving.action_model import ActionModel
from app.serving.release import LoadedArtifact, LoadedRelease
from app.store.records import (
    BudgetState,
    Contacted,
    Decided,
    DecisionTask,
    Document,
    Known,
    NewDecision,
    NewFeedback,
    NewOutcome,
    Reported,
)
from tests.unit.api.fakes import manifest, release

T = TypeVar("T")


def action(name: str, kind: str, channels: Sequence[str], **fields: Any) -> Document:
    """Return an action of a playbook's document."""
    return {
        "id": name,
        "type": kind,
        "channels": list(channels),
        "value": 40.0,
        "content_key": f"content/{name}",
        "text": {"en": f"the action {name}", "zh-CN": f"行动 {name}"},
        **fields,
    }


PLAYBOOK: Document = {
    "policy": {
        "epsilon": 0.0,
        "holdout": 0.0,
        "random_slice": 0.0,
        "limits": [{"id": "one_a_week", "most": 1, "days": 7}],
    },
    "budgets": [
        {
            "id": "autumn",
            "amount": 1.0,
            "from": 1_759_276_800_000_000,
            "until": 1_893_456_000_000_000,
        }
    ],
    "actions": [
        action("coupon", "coupon", ["email", "sms"], cost=0.4, budget="autumn"),
        action("reminder", "reminder", ["email"], effect={"low": 0.0, "mid": 0.01, "high": 0.02}),
        action(
            "old_offer",
            "win_back",
            ["phone"],
            valid_until="2026-01-01T00:00:00Z",
        ),
        action(
            "wake_up",
            "win_back",
            ["email"],
            applicable=[
                {
                    "id": "silent",
                    "when": "features.days_since_last_order > 100000.0",
                    "text": {"en": "only for silent customers", "zh-CN": "仅限沉默客户"},
                }
            ],
        ),
        action("receipt", "message", ["email"], transactional=True, value=0.0),
    ],
}


def acting(playbook: Document = PLAYBOOK) -> LoadedRelease:
    """Return a release that decides by a playbook."""
    held = release()
    told = manifest().model_copy(update={"capability": NEXT_BEST_ACTION})
    settings = {
        "playbook": playbook,
        "effects": {},
        "responses": {},
        "response_base_rate": None,
        "response_confirmed": False,
        "typical_order_value": None,
        "tier": "rules",
    }
    model = Model(features=FeatureSet(()), rungs=(), definition="playbook", horizon_days=None)
    artifact = LoadedArtifact(
        manifest=told,
        models=MappingProxyType({"full": model}),
        card=b"{}",
        card_markdown=b"",
        action_model=ActionModel.of_settings(settings, {}),
    )
    return replace(held, artifacts=MappingProxyType({**held.artifacts, NEXT_BEST_ACTION: artifact}))


@dataclass
class FakeMemory:
    """Answers at once; ``error`` is what every call ends in, ``is_late`` that no call ever ends."""

    error: StoreError | None = None
    is_late: bool = False
    is_at_work: bool = False
    """What never ends has begun."""
    futures: list[Future[Any]] = field(default_factory=list)
    state: str = "up"
    reason: str | None = None
    decisions: dict[str, tuple[str, NewDecision]] = field(default_factory=dict)
    budgets: dict[str, BudgetState] = field(default_factory=dict)
    outcomes: dict[str, NewOutcome] = field(default_factory=dict)
    verdicts: dict[str, NewFeedback] = field(default_factory=dict)
    refusals: dict[str, Exception] = field(default_factory=dict)
    """What a call of one name ends in."""
    erased: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Request keys that were erased."""
    calls: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Mapping[str, int]:
        return {"commits": len(self.decisions), "written": len(self.decisions), "failed": 0, "waiting": 0}

    def start(self) -> None:
        self.calls.append("start")

    def close(self, seconds: float) -> None:
        assert seconds > 0
        self.calls.append("close")

    def decide(self, task: DecisionTask) -> Future[list[Decided]]:
        def work() -> list[Decided]:
            new = [k for k, one in enumerate(task.asked) if one.request_key not in self.decisions]
            new = [k for k in new if task.asked[k].request_key not in self.gone]
            if new:
                self._choose(task, new)
            return [
                self._decided(one.request_key, one.body_hash, k not in new)
                for k, one in enumerate(task.asked)
            ]

        return self._future("decide", work)

    def _choose(self, task: DecisionTask, new: Sequence[int]) -> None:
        states = {name: self.budgets.get(name, BudgetState()) for name in task.budgets}
        choice = task.choose(new, [self._known(task.asked[k].person) for k in new], states)
        self.budgets.update(choice.budgets)
        for k, decision in zip(new, choice.decisions, strict=True):
            self.decisions[task.asked[k].request_key] = (task.asked[k].body_hash, decision)

    def look(
        self, persons: Sequence[str], since: int, budgets: Sequence[str]
    ) -> Future[tuple[list[Known], dict[str, BudgetState]]]:
        assert since > 0
        known = [self._known(person) for person in persons]
        states = {name: self.budgets.get(name, BudgetState()) for name in budgets}
        return self._future("look", lambda: (known, states))

    def report(self, outcome: NewOutcome) -> Future[Reported]:
        def work() -> Reported:
            before = self.outcomes.setdefault(outcome.event_key, outcome)
            if before.body_hash != outcome.body_hash:
                raise ConflictError("used before")
            by = "decision_id" if outcome.decision_id else "customer"
            return Reported(before is not outcome, outcome.decision_id, by, None)

        return self._future("report", work)

    def judge(self, feedback: NewFeedback) -> Future[bool]:
        def work() -> bool:
            before = self.verdicts.setdefault(feedback.feedback_key, feedback)
            if before.body_hash != feedback.body_hash:
                raise ConflictError("used before")
            return before is not feedback

        return self._future("judge", work)

    def erase(self, person: str, at: int) -> Future[dict[str, int]]:
        assert at > 0
        self.erased.append(person)
        return self._future("erase", lambda: {"decisions": 1, "outcomes": 0})

    def view(self, decision_id: str, at: int) -> Future[Document | None]:
        found = next((one for _, one in self.decisions.values() if one.decision_id == decision_id), None)
        if found is None:
            return self._future("view", lambda: None)
        names = "decision_id mode arm slice action_id channel propensity decided_at expires_at window_ends_at"
        document = {name: getattr(found, name) for name in names.split()}
        outcomes = [{"type": "revenue", "value": 9.5, "at": at}]
        more = {"reservation": "confirmed", "outcomes": outcomes, "converted": True, "value": 9.5}
        return self._future("view", lambda: document | more)

    def _known(self, person: str) -> Known:
        held = [one for _, one in self.decisions.values() if one.person == person and one.reservation]
        contacts = [
            Contacted(r.at, r.channel, r.action_id, one.decision_id, r.is_transactional)
            for one in held
            if (r := one.reservation) is not None
        ]
        return Known(tuple(contacts))

    def _decided(self, key: str, body_hash: str, is_replay: bool) -> Decided:
        if key in self.gone:
            return Decided({}, error="erased")
        held, decision = self.decisions[key]
        if held != body_hash:
            return Decided({}, error="conflict")
        return Decided(decision.answer, is_replay=is_replay)

    def _future(self, name: str, work: Any) -> Future[Any]:
        self.calls.append(name)
        future: Future[Any] = Future()
        error = self.error or self.refusals.get(name)
        self.futures.append(future)
        if self.is_late:
            if self.is_at_work:
                future.set_running_or_notify_cancel()
            return future
        if error is not None:
            future.set_exception(error)
            return future
        try:
            future.set_result(work())
        except Exception as raised:  # noqa: BLE001 - a future holds whatever its work raises
            future.set_exception(raised)
        return future


def as_memory(fake: FakeMemory) -> Memory:
    """Return the fake as what the service takes: the types say that it keeps the interface."""
    return fake
