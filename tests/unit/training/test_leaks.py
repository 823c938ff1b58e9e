from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from app.domain.clock import to_microseconds
from app.domain.errors import PublicationError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History
from app.domain.rows import build_history
from app.features.compute import compute
from app.features.library import LIBRARY
from app.features.schema import Columns, FeatureSet
from tests.unit.training.rows import SEED, data_of, draw, mixed, mixed_rows, numbers
from tests.unit.training.tables.small import NOW
from training.leaks import (
    blindfolded,
    near_label,
    past_the_cut,
    past_the_cuts,
    refuse_leaks,
    shuffled_label,
    shuffled_label_auc,
)
from training.snapshots import Split

CUT: Final = to_microseconds(NOW)
DAY: Final = MICROSECONDS_PER_DAY


# A column that nearly is the label


def near(X: Array, y: Array, features: FeatureSet | None = None, allowed: tuple[str, ...] = ()) -> list[str]:
    return near_label(numbers(X.shape[1]) if features is None else features, X, y, np.arange(len(y)), allowed)


def labelled(rows: int = 600, seed: int = 0) -> tuple[Array, Array, np.random.Generator]:
    rng = np.random.default_rng(seed)
    y = draw(rng, np.full(rows, 0.3))
    return rng.normal(size=(rows, 3)), y, rng


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_number_that_nearly_is_the_label_is_named(sign: float) -> None:
    X, y, rng = labelled()
    X[:, 1] = sign * (y + rng.normal(0, 0.2, len(y)))
    assert near(X, y) == ["attribute.x1"]


@pytest.mark.parametrize("gaps", [0.05, 0.4])
def test_a_number_known_for_some_only_is_named_too(gaps: float) -> None:
    X, y, rng = labelled()
    # Known for everybody who stays, and for some who leave: being missing is part of what it tells.
    X[:, 2] = np.where((y == 1) & (rng.random(len(y)) < gaps), np.nan, y + rng.normal(0, 0.1, len(y)))
    assert near(X, y) == ["attribute.x2"]


def test_being_missing_alone_can_be_the_label() -> None:
    X, y, _ = labelled()
    X[:, 0] = np.where(y == 1, 5.0, np.nan)
    assert near(X, y) == ["attribute.x0"]


def test_a_word_and_a_flag_that_are_the_label_are_named() -> None:
    X, _, _ = mixed_rows(0, 600)
    y = np.tile([1.0, 0.0, 0.0], 200)
    X[:, 2], X[:, 3] = np.where(y == 1, 2.0, np.arange(600) % 2), y
    assert near(X, y, mixed()) == ["attribute.colour", "attribute.flag"]


def test_a_strong_input_is_no_leak() -> None:
    X, y, rng = labelled()
    X[:, 1] = 2 * y + rng.normal(0, 1, len(y))
    assert near(X, y) == []


def test_an_input_that_is_allowed_is_not_named() -> None:
    X, y, _ = labelled()
    X[:, 1] = y
    assert near(X, y, allowed=("x1",)) == near(X, y, allowed=("attribute.x1",)) == []


def test_few_customers_cannot_tell_a_leak_from_luck() -> None:
    X, y, _ = labelled(28)
    X[:, 1], library = y, FeatureSet((LIBRARY["order_days"],))
    assert 0 < y.sum() < 10
    assert near(X, y) == []
    many = np.tile(y, 2)
    assert 10 <= many.sum() < 25
    assert near(np.tile(X, (2, 1)), many) == ["attribute.x1"]
    assert near(many[:, None], many, library) == []
    # Rows of the same few customers at several times are no more customers.
    customer = np.tile(np.arange(28), 3)
    assert near_label(numbers(3), np.tile(X, (3, 1)), np.tile(y, 3), customer) == []


# A feature that looks past the cut


def row(number: int, at: int, **more: Any) -> dict[str, Any]:
    return {"order_id": f"o{number}", "ordered_at": at, "revenue": 20.0 + number, **more}


@pytest.fixture(scope="module")
def history() -> History:
    """Forty customers to whom all sorts of things happen before and after the cut."""
    rng = np.random.default_rng(1)
    customers = []
    for i in range(40):
        at = [int(CUT + DAY * days) for days in rng.uniform(-400, 80, 12)]
        customers.append(
            {
                "customer_id": f"c{i:02}",
                "customer": {"created_at": at[0] - 500 * DAY if i % 5 else CUT + DAY, "country": "CN"},
                "orders": [
                    row(0, at[0], status="refunded", refunded_at=at[0] + 60 * DAY),
                    row(1, at[1], status="cancelled", cancelled_at=at[1] + 60 * DAY),
                    row(2, at[2], promised_at=at[2] + 3 * DAY, delivered_at=at[2] + 40 * DAY),
                    row(3, at[3], status="partially_refunded", refund=5.0, refunded_at=at[3] + 90 * DAY),
                    *(row(k, at[k], products=[{"product_id": f"p{k % 3}"}]) for k in range(4, 9)),
                ],
                "events": [{"event": "product_viewed", "timestamp": t} for t in at],
                "support_cases": [
                    {"case_id": "1", "opened_at": at[9], "closed_at": at[9] + 30 * DAY, "type": "complaint"},
                    {"case_id": "2", "opened_at": at[9], "reopened_at": at[9] + 50 * DAY},
                ],
                "feedback": [
                    {
                        "feedback_id": "1",
                        "submitted_at": at[10],
                        "kind": "csat",
                        "score": 3.0,
                        "scale_max": 5.0,
                    }
                ],
                "subscriptions": [
                    {"subscription_id": "1", "started_at": at[11], "cancelled_at": at[11] + 70 * DAY}
                ],
                "contacts": [
                    {
                        "contact_id": "1",
                        "contacted_at": at[8],
                        "channel": "email",
                        "outcome": "purchased",
                        "outcome_at": at[8] + 30 * DAY,
                    }
                ],
                "consents": [{"purpose": "behavioural_tracking", "status": "revoked", "status_at": at[7]}]
                if i % 4 == 0
                else [],
            }
        )
    return build_history(customers, "Europe/London")


NAMES: Final = tuple(name for name in LIBRARY if not name.startswith("summary."))


def test_no_feature_of_the_library_looks_past_the_cut(history: History) -> None:
    assert past_the_cut(history, CUT, NAMES) == []


def test_taking_the_later_world_away_takes_something_away(history: History) -> None:
    blind, later = blindfolded(history, CUT), CUT + 60 * DAY
    assert past_the_cut(history, later, NAMES) == []
    seen, told = compute(history, later), compute(blind, later)
    changed = {name for name in NAMES if not _same(seen[name], told[name])}
    assert {"order_days", "revenue_total", "events_30d", "open_cases", "subscriptions_cancelled"} <= changed


def _same(a: Array, b: Array) -> bool:
    if a.dtype == object:
        return bool(np.all(a == b))
    return bool(np.array_equal(a, b, equal_nan=True))


def days_to_next_order(history: History, cut: int) -> Columns:
    """Compute features, one of which looks ahead."""
    columns = dict(compute(history, cut))
    orders = history.tables["orders"]
    owner = np.repeat(np.arange(history.size), np.diff(orders.offsets))
    ahead = orders["ordered_at"] > cut
    soonest = np.full(history.size, np.inf)
    np.minimum.at(soonest, owner[ahead], (orders["ordered_at"][ahead] - cut) / DAY)
    columns["days_since_last_order"] = np.where(np.isinf(soonest), np.nan, soonest)
    return columns


def test_a_feature_that_looks_past_the_cut_is_named(history: History) -> None:
    assert past_the_cut(history, CUT, NAMES, days_to_next_order) == ["days_since_last_order"]


def test_a_fact_that_is_read_before_it_happened_is_named(history: History) -> None:
    def hasty(history: History, cut: int) -> Columns:
        orders = history.tables["orders"]
        refund = np.nan_to_num(orders["refund"])
        owner = np.repeat(np.arange(history.size), np.diff(orders.offsets))
        given_back = np.bincount(
            owner, weights=refund * (orders["ordered_at"] <= cut), minlength=history.size
        )
        return {**compute(history, cut), "return_share": given_back}

    assert past_the_cut(history, CUT, NAMES, hasty) == ["return_share"]


def test_any_of_the_cuts_is_enough_and_attributes_have_no_time(history: History) -> None:
    features = FeatureSet((LIBRARY["days_since_last_order"], LIBRARY["order_days"], *numbers(1).features))
    late = CUT + 300 * DAY
    assert past_the_cuts(history, [late], features, SEED, days_to_next_order) == []
    assert past_the_cuts(history, [late, CUT], features, SEED, days_to_next_order) == [
        "days_since_last_order"
    ]


def test_blindfolded_forgets_rows_and_facts_and_nothing_else(history: History) -> None:
    blind = blindfolded(history, CUT)
    for name, time in (("orders", "ordered_at"), ("consents", "status_at"), ("events", "timestamp")):
        assert (blind.tables[name][time] <= CUT).all()
        kept = int((history.tables[name][time] <= CUT).sum())
        assert len(blind.tables[name][time]) == blind.tables[name].offsets[-1] == kept
    refunded_at = blind.tables["orders"]["refunded_at"]
    assert ((refunded_at == NAT) | (refunded_at <= CUT)).all()
    assert blind.customer_ids == history.customer_ids


# Shuffled labels


def split_of(train: Array, test: Array, origin: int | None = None) -> Split:
    return Split(origin, train, test, ())


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_labels_are_chance_where_the_split_is_honest(seed: int) -> None:
    X, y, _ = mixed_rows(seed, 800)
    honest = split_of(np.arange(500), np.arange(500, 800))
    score, slack = shuffled_label_auc(data_of(X, y, features=mixed()), honest, seed)
    assert abs(score - 0.5) <= slack


def test_rows_that_are_learned_from_and_tested_are_found() -> None:
    X, y, _ = mixed_rows(0, 1200)
    leaky = split_of(np.arange(1000), np.arange(600, 1200))
    score, slack = shuffled_label_auc(data_of(X, y, features=mixed()), leaky, SEED)
    assert score - 0.5 > slack
    dated = split_of(np.arange(1000), np.arange(600, 1200), origin=1)
    score, slack = shuffled_label_auc(data_of(X, y, features=mixed()), dated, SEED)
    assert score - 0.5 > slack


def test_copies_on_both_sides_of_a_random_split_are_found() -> None:
    X, y, _ = mixed_rows(1, 500)
    data = data_of(np.tile(X, (2, 1)), np.tile(y, 2), features=mixed())
    score, slack = shuffled_label_auc(data, split_of(np.arange(500), np.arange(500, 1000)), SEED)
    assert score - 0.5 > slack


def test_customers_who_do_not_change_over_time_are_no_leak() -> None:
    X, y, _ = mixed_rows(1, 500)
    data = data_of(np.tile(X, (2, 1)), np.tile(y, 2), features=mixed())
    score, slack = shuffled_label_auc(data, split_of(np.arange(500), np.arange(500, 1000), origin=1), SEED)
    assert abs(score - 0.5) <= slack


def test_one_leaky_split_among_honest_ones_is_found() -> None:
    X, y, _ = mixed_rows(2, 1200)
    honest = split_of(np.arange(600), np.arange(600, 1200))
    leaky = split_of(np.arange(900), np.arange(600, 1200))
    tiny = split_of(np.arange(50), np.arange(50))
    data = data_of(X, y, features=mixed())
    score, slack = shuffled_label(data, (honest, leaky, tiny), SEED)
    assert score - 0.5 > slack
    assert shuffled_label(data, (tiny,), SEED) == (0.5, 0.5)


# What is said


def test_every_tripwire_that_caught_something_is_named() -> None:
    with pytest.raises(PublicationError) as caught:
        refuse_leaks("churn", ["attribute.x1"], ["days_since_last_order"], (0.8, 0.1))
    message = str(caught.value)
    assert "near label: attribute.x1" in message
    assert "objectives.churn.allow_near_label" in message
    assert "past the cut: days_since_last_order" in message
    assert "shuffled label: a model of shuffled labels reaches AUC 0.800" in message


def test_nothing_is_said_where_nothing_is_caught() -> None:
    refuse_leaks("churn", [], [], (0.55, 0.1))
