"""A tiny business is asked about at a cut: what was known then, and what came after it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.value.questions import Asked, Known, ask
from tests.unit.benchmarks.value.asked import question
from tests.unit.training.purchases import EPOCH, simulated
from tests.unit.training.shops import ordered, written

CUT = date(2023, 6, 30)
DAY = (CUT - EPOCH).days


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    file = written(tmp_path_factory.mktemp("tiny"), ordered(simulated(customers=90)))
    return ask(question(file))


def test_everybody_with_a_purchase_up_to_the_cut_is_asked_about(tiny: Asked) -> None:
    days = simulated(customers=90)
    before = np.unique(days.owner[days.day <= DAY])
    assert 40 < len(before) < len(np.unique(days.owner))
    names = [answer["customer_id"] for answer in tiny.answers]
    assert sorted(names) == sorted(f"c{k}" for k in before.tolist())
    assert all(answer["purchase"]["eligible"] and answer["clv"]["eligible"] for answer in tiny.answers)
    assert {answer["clv"]["horizon_days"] for answer in tiny.answers} == {90}
    assert {answer["purchase"]["horizon_days"] for answer in tiny.answers} == {90}
    assert tiny.cpu_seconds > 0


def test_what_was_known_and_what_came_is_that_of_the_orders(tiny: Asked) -> None:
    days = simulated(customers=90)
    known: Known = tiny.known
    for k, answer in enumerate(tiny.answers):
        own = days.owner == int(answer["customer_id"][1:])
        day, value = days.day[own], days.value[own]
        past, ahead = day <= DAY, (day > DAY) & (day <= DAY + 90)
        last = (day > DAY - 90) & past
        assert known.statistics.frequency[k] == past.sum() - 1
        assert known.statistics.T[k] == DAY - day[past].min()
        assert known.statistics.recency[k] == day[past].max() - day[past].min()
        assert known.orders[k] == ahead.sum()
        assert known.spend[k] == pytest.approx(value[ahead].sum())
        assert known.last_horizon[0][k] == last.sum()
        assert known.last_horizon[1][k] == pytest.approx(value[last].sum())
        assert known.wait[k] == (day[ahead].min() - DAY if ahead.any() else np.inf)


def test_value_is_asked_for_without_margin_and_discount(tiny: Asked) -> None:
    business = tiny.question.business()
    clv, churn = business.objectives.clv, business.objectives.churn
    assert clv is not None
    assert churn is not None
    assert (clv.margin, clv.discount_rate, clv.horizon_days, churn.horizon_days) == (1.0, 0.0, 90, 90)
    assert business.objectives.purchase is None


def test_nothing_after_the_cut_is_learned_from(tiny: Asked, tmp_path: Path) -> None:
    """The same orders, half of the later ones taken away: the answers are the same."""
    days = simulated(customers=90)
    kept = (days.day <= DAY) | (days.owner % 2 == 0)
    orders = ordered(days).filter(kept)
    other = ask(question(written(tmp_path, orders)))
    assert [one["purchase"] for one in other.answers] == [one["purchase"] for one in tiny.answers]
    assert [one["clv"] for one in other.answers] == [one["clv"] for one in tiny.answers]
    assert other.known.orders.sum() < tiny.known.orders.sum()


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    file = written(tmp_path, ordered(simulated(customers=5)))
    assert question(file).missing() == []
    (tmp_path / "raw.parquet").unlink()
    assert question(file).missing() == ["raw.parquet"]
