"""What decisions know of customers: the numbers of the features and scores, and nothing without consent."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Final

import numpy as np

from app.domain.consent import granted
from app.domain.rows import build_history
from app.features.compute import compute
from app.serving.knowledge import Person, Reading, people_of
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests import playbooks
from tests.unit.features.histories import AS_OF, ATTRIBUTES, Raw
from tests.unit.serving import releases

NAMES: Final = frozenset(
    {
        "features.order_days",
        "features.days_since_last_order",
        "features.last_delivery_late",
        "features.country",
        "attributes.contract",
        "attributes.paperless",
        "churn.probability",
        "churn.risk_level",
    }
)
RAW: Final = releases.population_of(3, 60)


def release() -> LoadedRelease:
    known = releases.release()
    artifacts = {**known.artifacts, "next_best_action": playbooks.artifact()}
    business = known.business.model_copy(update={"attributes": dict(ATTRIBUTES)})
    return releases.release(artifacts=MappingProxyType(artifacts), business=business)


def people(raw: list[Raw], names: frozenset[str] = NAMES) -> tuple[Person, ...]:
    one = release()
    history = build_history(raw, one.business.timezone, ATTRIBUTES)
    reading = Reading(names, one.artifacts["next_best_action"])
    return people_of(one, history, np.full(len(raw), AS_OF), reading)


def test_variables_are_the_features_and_scores_themselves() -> None:
    one = release()
    history = build_history(RAW, one.business.timezone, ATTRIBUTES)
    as_of = np.full(len(RAW), AS_OF)
    defaults = one.business.consent_defaults
    columns = compute(history, as_of, None, defaults)
    answers = score(one, history, as_of, Ask(want=("churn",)))
    allowed = granted(history, "profiling", as_of, defaults) & granted(
        history, "personalisation", as_of, defaults
    )
    seen: set[str] = set()
    for k, person in enumerate(people(RAW)):
        if not allowed[k]:
            assert (person.variables, person.personalised) == ({}, False)
            continue
        variables = person.variables
        orders = columns["order_days"][k]
        if not math.isnan(orders):
            assert variables["features.order_days"] == orders
        block = answers[k]["churn"]
        assert variables.get("churn.risk_level") == block.get("risk_level")
        if block.get("probability") is not None:
            assert variables["churn.probability"] == block["probability"]
        assert variables.get("features.country") == columns["country"][k]
        assert type(variables.get("attributes.paperless", True)) is bool
        assert type(variables.get("features.last_delivery_late", True)) is bool
        assert all(value is not None and value == value for value in variables.values())  # noqa: PLR0124
        seen |= variables.keys()
    assert seen == NAMES


def test_one_customer_alone_is_known_as_among_others() -> None:
    together = people(RAW[:12])
    for k, raw in enumerate(RAW[:12]):
        (alone,) = people([raw])
        assert alone.variables.keys() == together[k].variables.keys()
        for name, value in alone.variables.items():
            other = together[k].variables[name]
            assert value == other if not isinstance(value, float) else math.isclose(value, other)


def test_summary_stands_in_for_orders() -> None:
    summary = {
        "first_order_at": AS_OF - 90 * playbooks.DAY,
        "last_order_at": AS_OF - 20 * playbooks.DAY,
        "order_count": 4,
        "revenue": 200.0,
    }
    (person,) = people([{"customer_id": "c", "customer": {}, "summary": summary}])
    assert person.variables["features.order_days"] == 4.0
    assert person.variables["features.days_since_last_order"] == 20.0
    assert person.order_value == 50.0
