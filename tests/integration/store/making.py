"""Questions, choices and outcomes in few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.store.records import (
    Asked,
    BudgetState,
    Choice,
    Choose,
    DecisionTask,
    Known,
    NewDecision,
    NewOutcome,
    NewReservation,
)

DAY = 86_400_000_000
WINDOW = 28 * DAY


def decision(
    key: str,
    person: str = "ann",
    *,
    at: int = DAY,
    action: str = "coupon",
    budget: str | None = "promotions",
    charge: float = 2.0,
) -> NewDecision:
    """A live decision by e-mail, charged to the budget ``promotions``; that for ``none`` has no contact."""
    contact = NewReservation(at, "email", action, is_transactional=False, budget=budget, charge=charge)
    return NewDecision(
        decision_id=f"decision-{key}",
        person=person,
        decided_at=at,
        mode="live",
        release="release",
        policy_version="policy",
        arm="treatment",
        slice="exploit",
        action_id=action,
        channel="email",
        propensity=0.95,
        evidence="rule_prior",
        candidates=[{"action_id": action, "probability": 0.95}, {"action_id": "none", "probability": 0.05}],
        snapshot={"days_since_last_order": 12.0},
        answer={"decision_id": f"decision-{key}", "actions": [{"action_id": action}]},
        expires_at=at + 7 * DAY,
        window_ends_at=at + WINDOW,
        reservation=None if action == "none" else contact,
    )


def charged(budgets: Mapping[str, BudgetState], decisions: Sequence[NewDecision]) -> dict[str, BudgetState]:
    """Charge each budget with the reservations that name it."""
    changed = dict(budgets)
    for reservation in (one.reservation for one in decisions):
        if reservation and reservation.budget:
            state = changed[reservation.budget]
            changed[reservation.budget] = replace(
                state, spent=state.spent + reservation.charge, opportunities=state.opportunities + 1
            )
    return changed


def choosing(*decisions: NewDecision) -> Choose:
    """Choose what was prepared for each position."""

    def choose(
        positions: Sequence[int], knowns: Sequence[Known], budgets: Mapping[str, BudgetState]
    ) -> Choice:
        chosen = [decisions[position] for position in positions]
        return Choice(chosen, charged(budgets, chosen))

    return choose


def task(*decisions: NewDecision, body: str = "body") -> DecisionTask:
    """Ask for prepared decisions, the request id of each being that of its decision."""
    asked = [Asked(one.person, f"request-{one.decision_id}", body) for one in decisions]
    return DecisionTask(asked, since=0, budgets=["promotions"], choose=choosing(*decisions))


def limited(key: str, person: str, most: int) -> DecisionTask:
    """Ask for a coupon that costs nothing, given only if the person has fewer contacts than the limit."""

    def choose(
        positions: Sequence[int], knowns: Sequence[Known], budgets: Mapping[str, BudgetState]
    ) -> Choice:
        action = "coupon" if len(knowns[0].contacts) < most else "none"
        return Choice([decision(key, person, action=action, budget=None)])

    return DecisionTask([Asked(person, f"request-{key}", "body")], 0, [], choose)


def affordable(key: str, most: float) -> DecisionTask:
    """Ask for a coupon for somebody new, given only while the budget has not spent the most it may."""

    def choose(
        positions: Sequence[int], knowns: Sequence[Known], budgets: Mapping[str, BudgetState]
    ) -> Choice:
        action = "coupon" if budgets["promotions"].spent < most else "none"
        chosen = [decision(key, f"person-{key}", action=action)]
        return Choice(chosen, charged(budgets, chosen))

    return DecisionTask([Asked(f"person-{key}", f"request-{key}", "body")], 0, ["promotions"], choose)


def seeing(
    look: Callable[[Sequence[Known], Mapping[str, BudgetState]], None], *decisions: NewDecision
) -> Choose:
    """Choose what was prepared, after showing what was known."""

    def choose(
        positions: Sequence[int], knowns: Sequence[Known], budgets: Mapping[str, BudgetState]
    ) -> Choice:
        look(knowns, budgets)
        return choosing(*decisions)(positions, knowns, budgets)

    return choose


def outcome(key: str, kind: str, *, at: int = 2 * DAY, body: str = "body", **joined: object) -> NewOutcome:
    """An outcome, joined by whatever is named."""
    made = NewOutcome(event_key=f"event-{key}", body_hash=body, type=kind, at=at, received_at=at + 1)
    return replace(made, **joined)  # type: ignore[arg-type]
