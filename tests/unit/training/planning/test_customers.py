"""What a plan knows of customers is what the service answers of them, and nothing of those who said no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest

from app.capabilities.churn import RISK_LEVELS
from app.domain.selection import take
from app.estimators.scores import NAMES
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests.unit.training.conftest import Small
from training.planning import customers as planning_customers
from training.planning.customers import WITHOUT, Customers, customers_of, read_customers
from training.score import current_release
from training.tables import Tables, load_business, read_tables
from training.train import known_at

pytestmark = pytest.mark.xdist_group("small-business")

BACK = 90 * 86_400_000_000


@pytest.fixture(scope="module")
def release(small: Small) -> LoadedRelease:
    return current_release(small.models)


@pytest.fixture(scope="module")
def tables(small: Small) -> Iterator[Tables]:
    with read_tables(load_business(small.business)) as tables:
        yield tables


@pytest.fixture(scope="module")
def people(release: LoadedRelease, tables: Tables) -> Customers:
    now = known_at(tables)
    return read_customers(release, tables, now, now - BACK, lambda _: None)


def test_columns_are_the_answers_of_the_service(
    release: LoadedRelease, tables: Tables, people: Customers
) -> None:
    history = tables.history()
    answers = score(
        release, history, np.full(history.size, known_at(tables)), Ask(want=("clv", "segment", "churn"))
    )
    names = [*NAMES, None]
    places = people.position.tolist()
    assert places == [i for i, answer in enumerate(answers) if answer["personalised"]]
    assert 100 < len(places) < tables.size
    for k, i in enumerate(places):
        clv, segment, churn = (answers[i][name] for name in ("clv", "segment", "churn"))
        assert names[people.segment[k]] == segment["name"]
        level = churn["risk_level"]
        assert people.risk[k] == (-1 if level is None else RISK_LEVELS.index(level))
        if clv["eligible"]:
            assert people.predicted[k] == pytest.approx(clv["predicted_value"], rel=1e-9)
            assert people.historic[k] == pytest.approx(clv["historic_value"], rel=1e-9)
        else:
            assert np.isnan([people.predicted[k], people.revenue[k]]).all()
    settings = release.artifacts["clv"].models["full"].settings
    worth = people.predicted / people.revenue / settings["margin"]
    assert np.nanmax(worth) <= 1.0
    assert np.nanmin(worth) > 0.9


def test_chunks_give_the_same_columns(
    release: LoadedRelease, tables: Tables, people: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning_customers, "CHUNK", 37)
    now = known_at(tables)
    found = read_customers(release, tables, now, now - BACK, lambda _: None)
    for field in fields(Customers):
        np.testing.assert_allclose(getattr(found, field.name), getattr(people, field.name), rtol=1e-9)


def test_the_earlier_segment_is_the_one_that_was_known_then(
    release: LoadedRelease, tables: Tables, people: Customers
) -> None:
    then = known_at(tables) - BACK
    at_the_time = customers_of(release, tables.history(), then, then - BACK, 0)
    segment = dict(zip(at_the_time.position.tolist(), at_the_time.segment.tolist(), strict=True))
    both = [k for k, place in enumerate(people.position.tolist()) if place in segment]
    assert [people.earlier[k] for k in both] == [segment[people.position[k]] for k in both]
    assert any(people.earlier[k] != people.segment[k] for k in both)


def test_who_refused_then_has_no_earlier_segment(release: LoadedRelease, tables: Tables) -> None:
    now = known_at(tables)
    history = tables.history()
    consents = history.tables["consents"]
    before = customers_of(release, history, now, now - BACK, 0)
    row = int(np.flatnonzero(before.earlier >= 0)[0])
    own = take(history, before.position[row : row + 1])
    table = consents.columns
    # A refusal that was taken back since.
    said = replace(
        own.tables["consents"],
        offsets=np.array([0, 2]),
        columns={
            "status_at": np.array([now - 2 * BACK, now - BACK // 2]),
            "purpose": np.zeros(2, dtype=table["purpose"].dtype),
            "status": np.array([1, 0], dtype=table["status"].dtype),
        },
    )
    changed = replace(own, tables={**own.tables, "consents": said})
    found = customers_of(release, changed, now, now - BACK, 0)
    assert found.segment.tolist() == [before.segment[row]]
    assert found.earlier.tolist() == [-1]


def test_without_a_block_its_columns_are_silent(release: LoadedRelease, tables: Tables) -> None:
    now = known_at(tables)
    history = tables.history(0, 60)
    only = replace(release, artifacts={"clv": release.artifacts["clv"]})
    found = customers_of(only, history, now, now - BACK, 0)
    assert set(found.segment.tolist()) <= {-1, WITHOUT}
    assert np.all((found.segment == WITHOUT) == np.isfinite(found.revenue))
    assert np.all(found.earlier == -1)
    assert np.all(found.risk == -1)
    only = replace(release, artifacts={"segment": release.artifacts["segment"]})
    found = customers_of(only, history, now, now - BACK, 0)
    assert np.isnan(found.revenue).all()
    assert np.any(found.segment >= 0)
