"""Decide what to do next for N customers: the use case behind ``/v1/next-best-actions``, single and batch.

Rules:

1. :func:`prepare` works out all that depends on the request and the release. What depends on the memory is
   decided by :meth:`Prepared.choose`, a pure function that the store calls within the transaction that writes
   the choice: so limits hold whoever else decides at the same time.
2. The draw comes from the request id: the same request has the same luck.
3. The written probabilities are those after all filters, of every candidate that was left, and sum to 1.
4. Who denies profiling or personalisation is decided about without anything that the record says.
5. Customers of a batch share the budgets: one price for all of them, at which the batch fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from app.capabilities import NEXT_BEST_ACTION
from app.capabilities.next_best_action import Draw, draw
from app.domain.actions import Budget, Policy
from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.domain.rows import Row, build_history
from app.estimators.pacing import batch_prices, next_price
from app.serving.action_answers import answer_of, no_model_answer
from app.serving.action_model import ActionModel
from app.serving.contact_policy import all_contacts, longest_days, told_contacts
from app.serving.decision import Answer, AskAction, Told, new_decision
from app.serving.knowledge import Person, Reading, people_of
from app.serving.pseudonyms import Keys, place_of
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.weighing import (
    Settled,
    Wanted,
    Weighed,
    budget_key,
    charge_of,
    settle,
    weigh,
)
from app.store.records import (
    Asked,
    BudgetState,
    Choice,
    Contacted,
    Decided,
    DecisionTask,
    Known,
    NewDecision,
)

Assigned = Literal["policy", "random", "holdout"]


@dataclass(frozen=True, slots=True)
class _Case:
    """One customer with a question, weighed, before the store is asked."""

    ask: AskAction
    customer_id: str
    key: str
    person: Person
    weighed: Weighed
    told: tuple[Contacted, ...]
    names: frozenset[str]


@dataclass(frozen=True)
class Prepared:
    """N questions, ready for the store; made by :func:`prepare`."""

    release: LoadedRelease
    artifact: LoadedArtifact | None
    model: ActionModel | None
    cases: tuple[_Case, ...]
    keys: Keys
    as_of: Array
    budgets: Mapping[str, Budget] = field(default_factory=dict)

    def task(self) -> DecisionTask | None:
        """Return what the store is to decide; None where no model is published."""
        if self.model is None:
            return None
        asked = [
            Asked(case.key, self.keys.request(case.ask.request_id), case.ask.body_hash) for case in self.cases
        ]
        return DecisionTask(asked, self.since, tuple(self.budgets), self.choose)

    @property
    def persons(self) -> tuple[str, ...]:
        """The pseudonyms of the customers, in order."""
        return tuple(case.key for case in self.cases)

    @property
    def since(self) -> int:
        """How far back contacts count, in microseconds."""
        if self.model is None:
            return int(self.as_of.min())
        playbook = self.model.playbook
        days = longest_days(playbook.policy, playbook.actions)
        return int(self.as_of.min()) - round(days * MICROSECONDS_PER_DAY)

    def choose(
        self, positions: Sequence[int], knowns: Sequence[Known], budgets: Mapping[str, BudgetState]
    ) -> Choice:
        """Return the decisions for the questions at some positions; see :data:`app.store.records.Choose`."""
        told, states = self._chosen(positions, knowns, budgets, is_logged=True)
        return Choice([self._record(one) for one in told], states)

    def answers(self, decided: Sequence[Decided]) -> Sequence[Answer | None]:
        """Return what is told of each question; None where the store gave an error."""
        if self.model is None:
            return self._without_model()
        return [
            None
            if one.error is not None
            else {**one.answer, "customer_id": case.customer_id, "replay": one.is_replay}
            for case, one in zip(self.cases, decided, strict=True)
        ]

    def dry_run(
        self, knowns: Sequence[Known] | None = None, budgets: Mapping[str, BudgetState] | None = None
    ) -> list[Answer]:
        """Return what would be decided, with nothing written; without ``knowns`` the store was not read."""
        if knowns is None:
            return self._unwritten([Known()] * len(self.cases), {}, warning="store_not_read")
        return self._unwritten(knowns, budgets or {})

    def unlogged(self) -> list[Answer]:
        """Return decisions of which the store knows nothing: marked as such."""
        return self._unwritten([Known()] * len(self.cases), {}, warning="not_logged")

    def _unwritten(
        self, knowns: Sequence[Known], budgets: Mapping[str, BudgetState], warning: str | None = None
    ) -> list[Answer]:
        if self.model is None:
            return self._without_model()
        told, _ = self._chosen(range(len(self.cases)), knowns, budgets, is_logged=False)
        return [
            {**answer_of(one, warning), "customer_id": case.customer_id, "replay": False}
            for case, one in zip(self.cases, told, strict=True)
        ]

    def _without_model(self) -> list[Answer]:
        return [
            {**no_model_answer(self.release, case.ask.locale, int(at)), "customer_id": case.customer_id}
            for case, at in zip(self.cases, self.as_of, strict=True)
        ]

    def _record(self, told: Told) -> NewDecision:
        return new_decision(told, answer_of(told))

    def _chosen(
        self,
        positions: Sequence[int],
        knowns: Sequence[Known],
        budgets: Mapping[str, BudgetState],
        *,
        is_logged: bool,
    ) -> tuple[list[Told], dict[str, BudgetState]]:
        """Return what is decided at some positions, one after the other, and the budgets after that."""
        model = self.model
        assert model is not None  # noqa: S101  without one nothing is asked for
        states = {
            key: budgets.get(key, BudgetState(price=budget.price)) for key, budget in self.budgets.items()
        }
        fresh: dict[str, list[Contacted]] = {}
        pairs = [(self.cases[place], known) for place, known in zip(positions, knowns, strict=True)]
        order: Sequence[int] = range(len(pairs))
        if len(pairs) > 1 and states:
            order = self._share(pairs, states)
        found: dict[int, Told] = {}
        for place in order:
            case, known = pairs[place]
            stored = (*known.contacts, *fresh.get(case.key, ()))
            sent = all_contacts(case.told, case.names, stored)
            settled = settle(model, case.weighed, sent, states)
            told = found[place] = self._decided(case, settled, is_logged=is_logged)
            if told.planned is not None:
                fresh.setdefault(case.key, []).append(told.planned)
            if case.ask.mode != "shadow":
                self._charge(told, states, is_batch=len(pairs) > 1)
        return [found[place] for place in range(len(pairs))], states

    def _decided(self, case: _Case, settled: Settled, *, is_logged: bool) -> Told:
        model, artifact = self.model, self.artifact
        assert model is not None  # noqa: S101  as above
        assert artifact is not None  # noqa: S101  as above
        policy = model.playbook.policy
        assigned = _assigned(case, policy)
        drawn: Draw = draw(
            case.weighed.worth,
            settled.allowed,
            model.transactional,
            assigned=assigned,
            epsilon=policy.epsilon,
            u=self.keys.luck(case.ask.request_id),
        )
        return Told(
            release=self.release,
            artifact=artifact,
            model=model,
            ask=case.ask,
            person=case.person,
            person_key=case.key,
            weighed=case.weighed,
            settled=settled,
            drawn=drawn,
            assigned=assigned,
            decision_id=self.keys.decision(case.ask.request_id),
            is_logged=is_logged,
        )

    def _charge(self, told: Told, states: dict[str, BudgetState], *, is_batch: bool) -> None:
        """Move the budgets on: what was taken, and what the next contact must promise."""
        reservation, wished = told.reservation, told.settled.wished
        paid = None if reservation is None else reservation.budget
        for key in {*wished, *([] if paid is None else [paid])}:
            state, budget = states[key], self.budgets[key]
            taken = reservation.charge if reservation is not None and key == paid else 0.0
            spent = state.spent + taken
            if key not in wished:
                states[key] = replace(state, spent=spent)
                continue
            net, asked = wished[key]
            wishes, total, price = state.opportunities + 1, state.net_total + abs(net), state.price
            if not is_batch:
                left = (budget.ends - told.weighed.now) / (budget.ends - budget.begins)
                rest = budget.amount - spent
                price = next_price(
                    price, taken, asked, rest, min(max(left, 0.0), 1.0), wishes, total / wishes
                )
            states[key] = BudgetState(spent, max(price, budget.price), wishes, total)

    def _share(self, pairs: Sequence[tuple[_Case, Known]], states: dict[str, BudgetState]) -> Sequence[int]:
        """Set the prices at which a batch fits into the budgets; return in which order it is decided.

        Who promises most comes first, and of equals whoever has the luck: what is spent may cut the last.
        """
        model = self.model
        assert model is not None  # noqa: S101  as above
        policy, names, candidates = model.playbook.policy, list(states), model.candidates
        free = {key: replace(state, price=-np.inf) for key, state in states.items()}
        worth = np.array([case.weighed.worth for case, _ in pairs])
        allowed = np.array(
            [
                settle(model, case.weighed, all_contacts(case.told, case.names, known.contacts), free).allowed
                for case, known in pairs
            ]
        )
        assigned = [_assigned(case, policy) for case, _ in pairs]
        keys = [None if one.budget is None else budget_key(one.budget) for one in candidates]
        prices = batch_prices(
            worth,
            allowed & np.array([one != "holdout" for one in assigned])[:, None],
            np.array([-1 if key is None else names.index(key) for key in keys]),
            np.array([0.0 if one.budget is None else charge_of(one.budget, one.cost) for one in candidates]),
            np.array([1.0 if one == "random" else policy.epsilon for one in assigned]),
            np.array([self.budgets[key].amount - states[key].spent for key in names]),
            np.array([self.budgets[key].price for key in names]),
        )
        for key, price in zip(names, prices.tolist(), strict=True):
            states[key] = replace(states[key], price=price)
        best = np.where(allowed, worth, -np.inf).max(axis=1, initial=-np.inf)
        luck = np.array([self.keys.luck(case.ask.request_id) for case, _ in pairs])
        order: list[int] = np.lexsort((luck, -best)).tolist()
        return order


def _assigned(case: _Case, policy: Policy) -> Assigned:
    """Return which part of the programme a person belongs to."""
    place = place_of(case.key, policy.salt)
    if place < policy.holdout:
        return "holdout"
    return "random" if place < policy.holdout + policy.random_slice else "policy"


def prepare(
    release: LoadedRelease, people: Sequence[Row], as_of: Array, asks: Sequence[AskAction], keys: Keys
) -> Prepared:
    """Return N questions, ready for the store.

    Parameters
    ----------
    people : sequence of N mappings
        Nested rows as :func:`app.domain.rows.build_history` takes them.
    as_of : ndarray of int64, shape (N,)
        Microseconds since 1970 in UTC: when it is decided.
    asks : sequence of N AskAction
        What is asked of each.
    """
    artifact = release.artifacts.get(NEXT_BEST_ACTION)
    model = None if artifact is None else artifact.action_model
    if artifact is None or model is None:
        nobody = [
            _Case(
                ask,
                person["customer_id"],
                keys.person(person["customer_id"]),
                _NOBODY,
                _NOTHING,
                (),
                frozenset(),
            )
            for ask, person in zip(asks, people, strict=True)
        ]
        return Prepared(release, artifact, None, tuple(nobody), keys, as_of)
    business = release.business
    history = build_history(people, business.timezone, business.attributes)
    reading = Reading(model.reads, artifact)
    transactional = frozenset(one.id for one in model.playbook.actions if one.is_transactional)
    cases = []
    for person, ask, at, row in zip(
        people_of(release, history, as_of, reading), asks, as_of.tolist(), people, strict=True
    ):
        told, names = told_contacts(row.get("contacts") or (), at, keys, transactional)
        wanted = Wanted(
            candidates=None if ask.candidates is None else frozenset(ask.candidates),
            channels=None if ask.channels is None else frozenset(ask.channels),
            timezone=ask.timezone or business.timezone,
        )
        customer_id = row["customer_id"]
        weighed = weigh(model, person, wanted, at)
        cases.append(_Case(ask, customer_id, keys.person(customer_id), person, weighed, told, names))
    budgets = {budget_key(budget): budget for budget in model.playbook.budgets}
    return Prepared(release, artifact, model, tuple(cases), keys, as_of, budgets)


_NOBODY: Final = Person({}, marketing=False, personalised=False)
_NOTHING: Final = Weighed(0, (), (), np.empty((0, 3)), np.empty(0), (), ())
