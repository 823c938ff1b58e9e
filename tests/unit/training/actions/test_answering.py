"""Who answers: told only if it beats what is known anyway, and if a control arm confirms that it matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.linear import read_linear
from app.features.library import LIBRARY
from app.features.schema import Feature, FeatureSet
from tests.unit.training.actions.contacted import START, contacts_of
from tests.unit.training.rows import run_over
from tests.unit.training.tables.small import rows_of
from training.actions.answering import (
    FILE,
    NO_LARGER_EFFECT,
    NOT_BETTER,
    TOO_FEW,
    TOO_SHORT,
    Answering,
    columns_before,
    files_of,
    larger_effect,
    learn_answers,
    population_of,
    with_inputs,
)
from training.actions.rows import Contacts

CUSTOMERS = 600
ORDERS = f"""
    SELECT 'o' || i AS order_id, 'c' || (i % {CUSTOMERS}) AS customer_id,
           TIMESTAMPTZ '2025-09-01 00:00+00' - to_seconds(86400 * (1 + hash(i) % 300)) AS ordered_at,
           20.0 AS revenue
    FROM range({CUSTOMERS} * 4) t(i) WHERE (i % {CUSTOMERS}) * 4 >= (i // {CUSTOMERS}) * {CUSTOMERS}"""  # noqa: S608
"""Customers with one to four orders, all before any contact."""


def asked(seed: int, answers: str, *, with_control: bool = False, day: Array | None = None) -> Contacts:
    """Return four contacts of each customer; who has more orders answers more, is moved more, or neither."""
    rng = np.random.default_rng(seed)
    size = CUSTOMERS * 4
    customer = np.tile(np.arange(CUSTOMERS), 4)
    # Positions are those of the ids in the order of texts.
    keen = np.argsort(np.argsort([f"c{k}" for k in range(CUSTOMERS)]))
    rank = np.empty(CUSTOMERS)
    rank[keen] = np.arange(CUSTOMERS) / CUSTOMERS
    treated = (rng.random(size) < 0.5).astype(np.float64) if with_control else np.ones(size)
    p = {
        "nobody": np.full(size, 0.3),
        "keen": 0.05 + 0.6 * rank[customer],
        "moved": 0.05 + 0.7 * rank[customer] * treated,
    }[answers]
    return contacts_of(
        (rng.random(size) < p).astype(np.float64),
        treated,
        propensity=0.5,
        customer=customer,
        day=np.arange(size) // 20 if day is None else day,
    )


def learned(contacts: Contacts) -> Answering:
    with run_over({"orders": ORDERS}) as run:
        return learn_answers(run, contacts)


def test_who_answers_is_told_where_it_can_be_told() -> None:
    found = learned(asked(1, "keen"))
    assert found.silent is None
    assert found.model is not None
    assert not found.is_confirmed
    assert found.verdict is not None
    assert found.verdict.grade in {"A", "B"}
    assert found.base_rate == pytest.approx(found.answers / found.rows)
    population = population_of(found)
    assert (population.name, population.tier) == ("contacted", "statistical")
    assert read_linear(files_of(found.model)[FILE]).coefficient.shape == (len(found.features.names),)


def test_noise_is_not_told() -> None:
    found = learned(asked(2, "nobody"))
    assert (found.silent, found.model, found.base_rate) == (NOT_BETTER, None, None)
    assert files_of(found.model) == {}


def test_who_would_have_bought_anyway_is_not_taken_for_an_answer() -> None:
    # The control arm answers as often: the model is right about who orders, not about what a contact adds.
    found = learned(asked(3, "keen", with_control=True))
    assert found.verdict is not None
    assert found.verdict.grade in {"A", "B"}
    assert found.silent == NO_LARGER_EFFECT
    assert found.model is None
    assert not found.is_confirmed


def test_a_control_arm_may_confirm_it() -> None:
    found = learned(asked(4, "moved", with_control=True))
    assert found.larger is not None
    assert found.larger.low > 0
    assert found.model is not None
    assert found.is_confirmed


def test_few_contacts_say_nothing() -> None:
    assert learned(asked(5, "keen").take(np.arange(150))).silent == TOO_FEW


def test_one_time_is_too_short() -> None:
    assert learned(asked(6, "keen", day=np.zeros(CUSTOMERS * 4))).silent == TOO_SHORT


def test_the_contact_itself_is_not_known_yet() -> None:
    # All rows of one time: the first contact of each customer is in the table, at the very time of the row.
    times = [START + k * MICROSECONDS_PER_DAY for k in (0, 10)]
    rows = rows_of(
        "contact_id, customer_id, contacted_at, channel",
        *(f"'k{k}', 'c0', make_timestamptz({at}), 'email'" for k, at in enumerate(times)),
    )
    at_both = replace(
        contacts_of(np.ones(2), customer=np.zeros(2, dtype=np.int64)), at=np.array(times, dtype=np.int64)
    )
    with run_over({"orders": ORDERS, "contacts": rows}) as run:
        columns = columns_before(run, at_both, frozenset({"contacts_30d"}))
    assert columns["contacts_30d"].tolist() == [0.0, 1.0]


def test_more_inputs_count_nothing() -> None:
    found = learned(asked(1, "keen"))
    assert found.model is not None
    assert found.X is not None
    colour = Feature("attribute.colour", "word", kind="category", table="customers")
    size = Feature("attribute.size", "value", low=-np.inf, table="customers")
    more = FeatureSet((colour, LIBRARY["order_days"], size), {"attribute.colour": ("blue", "red")})
    wide = with_inputs(found, more)
    assert wide.features.names == (*found.features.names, "attribute.colour", "attribute.size")
    assert wide.model is not None
    model = read_linear(files_of(wide.model)[FILE])
    for extra in ([0.0, 3.0], [1.0, np.nan], [np.nan, -2.0]):
        X = np.hstack([found.X, np.tile(extra, (len(found.X), 1))])
        assert np.allclose(model.margin(X), found.model.margin(found.X), atol=1e-12)


def test_without_a_model_the_artifact_reads_what_the_playbook_reads() -> None:
    nothing = Answering(0, 0, FeatureSet((), {}), silent=TOO_FEW)
    more = FeatureSet((LIBRARY["order_days"],), {})
    assert with_inputs(nothing, more).features == more


def test_without_a_control_arm_no_effect_is_compared() -> None:
    contacts = asked(7, "keen")
    assert larger_effect(contacts, np.linspace(0, 1, contacts.size)) is None
