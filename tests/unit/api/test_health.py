from __future__ import annotations

from app.api.schemas.answers import Readiness
from app.serving.model_store import Refusal
from tests.unit.api.fakes import NOW, FakeStore, Start, release

REFUSED = Refusal(
    release="20261101T000000Z-76543210",
    digest="e" * 64,
    error="DigestMismatchError",
    reason="churn/20261101-89abcdef: model.txt differs from its manifest",
    at=NOW,
    attempts=2,
)


def test_live_depends_on_nothing(start: Start) -> None:
    response = start(FakeStore(current=None)).client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


def test_ready_where_a_release_answers(start: Start) -> None:
    response = start().client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


def test_not_ready_before_a_release_answers_and_ready_after(start: Start) -> None:
    service = start(FakeStore(current=None))
    response = service.client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["type"] == "urn:kith:problem:no_release"
    service.store.current = release()
    assert service.client.get("/readyz").status_code == 200


def test_verbose_tells_what_answers_and_what_was_refused_and_why(start: Start) -> None:
    told = start(FakeStore(refused=REFUSED)).client.get("/readyz?verbose").json()
    Readiness.model_validate(told)
    assert told["release"] == release().name
    assert told["artifacts"] == {"churn": "20261031-0123abcd"}
    assert told["refresh_age_seconds"] == 0
    assert told["last_refused"]["release"] == REFUSED.release
    assert told["last_refused"]["reason"] == REFUSED.reason
    assert told["last_refused"]["attempts"] == 2


def test_verbose_explains_why_nothing_is_ready(start: Start) -> None:
    response = start(FakeStore(current=None, refused=REFUSED)).client.get("/readyz?verbose=1")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["last_refused"]["error"] == "DigestMismatchError"


def test_draining_is_not_ready_and_closes_connections_but_still_answers(start: Start) -> None:
    service = start()
    service.app.state.condition.draining = True
    ready = service.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["type"] == "urn:kith:problem:draining"
    assert ready.headers["connection"] == "close"
    assert service.client.get("/livez").status_code == 200
    assert service.client.get("/v1/models").status_code == 200


def test_store_is_looked_at_from_the_start(start: Start) -> None:
    service = start(refresh_seconds=0.05)
    service.client.get("/livez")
    assert service.store.refreshes >= 1
    assert f'kith_release_info{{release="{release().name}"}} 1.0' in service.client.get("/metrics").text
