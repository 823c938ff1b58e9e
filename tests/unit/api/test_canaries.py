"""No word that a caller sends comes back in a problem, in a log line or in a metric."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.action_examples import ACTION_EXAMPLES, FEEDBACK_EXAMPLES, OUTCOME_EXAMPLES
from app.api.examples import HISTORY, SUMMARY
from app.api.telemetry import JsonLines
from app.domain.errors import StoreUnavailableError
from tests.unit.api.fakes import FakeScorer, FakeStore, Service, Start
from tests.unit.api.memories import FakeMemory, acting

CANARY = "canary.jane@mail.example"
FULL: dict[str, Any] = {
    **copy.deepcopy(HISTORY),
    "horizon_days": 90,
    "subscriptions": [{"subscription_id": "s", "started_at": "2026-01-01T00:00:00Z", "amount": 9}],
}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every member and item of a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def planted(body: Any, path: tuple[str | int, ...], value: object, key: str | None = None) -> Any:
    """Return a copy of a body with a value put at a path, or beside it under another key."""
    copied = copy.deepcopy(body)
    inner = copied
    for part in path[:-1]:
        inner = inner[part]
    if key is not None and isinstance(inner, dict):
        inner[key] = value
    else:
        inner[path[-1]] = value
    return copied


BODIES = [
    planted(body, path, value, key)
    for body in (FULL, SUMMARY)
    for path in places(body)
    for value, key in ((CANARY, None), ({CANARY: CANARY}, None), ([CANARY], None), (1, CANARY))
]


def silent(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Check that the canary is in no log line and no metric."""
    assert CANARY not in "".join(service.lines)
    assert CANARY not in "".join(JsonLines().format(record) for record in caplog.records)
    assert CANARY not in service.client.get("/metrics").text


def test_refusals_of_every_place_repeat_nothing(
    service: Service, caplog_kith: pytest.LogCaptureFixture
) -> None:
    statuses = set()
    for body in BODIES:
        response = service.client.post("/v1/scores", json=body, headers={"Accept-Language": CANARY})
        statuses.add(response.status_code)
        assert response.status_code in {200, 422}, response.text
        if response.status_code != 200:
            assert CANARY not in response.text
    assert statuses == {200, 422}
    silent(service, caplog_kith)


def test_refusals_of_a_batch_repeat_nothing(service: Service, caplog_kith: pytest.LogCaptureFixture) -> None:
    for start in range(0, len(BODIES), 1000):
        chunk = BODIES[start : start + 1000]
        results = service.client.post("/v1/scores/batch", json={"requests": chunk}).json()["results"]
        assert len(results) == len(chunk)
        assert CANARY not in json.dumps([result for result in results if result["status"] != 200])
    silent(service, caplog_kith)


@pytest.mark.parametrize(
    ("path", "content", "headers"),
    [
        ("/v1/scores", f'{{"customer": {CANARY}', {"Content-Type": "application/json"}),
        ("/v1/scores", CANARY, {"Content-Type": f"text/{CANARY}"}),
        ("/v1/scores", CANARY, {"Content-Type": "application/json", "Content-Encoding": CANARY}),
        ("/v1/scores", CANARY * 50_000, {"Content-Type": "application/json"}),
        ("/v1/scores/batch", f'{{"{CANARY}": []}}', {"Content-Type": "application/json"}),
        ("/v1/scores/batch", f'{{"requests": [{{}}], "{CANARY}": 1}}', {"Content-Type": "application/json"}),
        (f"/{CANARY}", CANARY, {"Content-Type": "application/json", "X-Request-ID": CANARY}),
        (f"/v1/models/{CANARY}", "", {}),
        (f"/v1/scores?{CANARY}={CANARY}", "{}", {"Content-Type": "application/json"}),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_other_refusals_repeat_nothing(
    service: Service,
    caplog_kith: pytest.LogCaptureFixture,
    method: str,
    path: str,
    content: str,
    headers: dict[str, str],
) -> None:
    response = service.client.request(method, path, content=content.encode(), headers=headers)
    assert 400 <= response.status_code < 500
    assert CANARY not in response.text + str(response.headers)
    silent(service, caplog_kith)


@pytest.mark.parametrize("broken", ["no release", "scorer", "number"])
def test_failures_of_the_service_repeat_nothing(
    start: Start, caplog_kith: pytest.LogCaptureFixture, broken: str
) -> None:
    body = planted(SUMMARY, ("customer", "customer_id"), CANARY)
    service = {
        "no release": lambda: start(FakeStore(current=None)),
        "scorer": lambda: start(scorer=FakeScorer(breaks_on=CANARY, error=KeyError(CANARY))),
        "number": lambda: start(scorer=FakeScorer(probability=float("nan"))),
    }[broken]()
    response = service.client.post("/v1/scores", json=body)
    assert response.status_code in {500, 503}
    assert CANARY not in response.text
    batch = service.client.post("/v1/scores/batch", json={"requests": [body]})
    assert CANARY not in batch.text
    silent(service, caplog_kith)


DECISIONS = [
    {name: part for name, part in body.items() if name not in {"want", "horizon_days"}} | {"request_id": "r"}
    for body in BODIES
    if isinstance(body, dict)
]
REPORTS = [
    (path, planted(body, place, value, key))
    for path, body in (
        ("/v1/next-best-actions", ACTION_EXAMPLES["apprentice"][1]),
        ("/v1/outcomes", OUTCOME_EXAMPLES["revenue"][1]),
        ("/v1/feedback", FEEDBACK_EXAMPLES["disagree"][1]),
    )
    for place in places(body)
    for value, key in ((CANARY, None), ({CANARY: CANARY}, None), ([CANARY], None), (1, CANARY))
]


def test_refused_decisions_and_reports_repeat_nothing(
    start: Start, caplog_kith: pytest.LogCaptureFixture
) -> None:
    memory = FakeMemory()
    service = start(FakeStore(acting()), memory=memory)
    statuses = set()
    for path, body in [*(("/v1/next-best-actions", body) for body in DECISIONS), *REPORTS]:
        response = service.client.post(path, json=body)
        statuses.add(response.status_code)
        assert response.status_code in {200, 201, 409, 422}, response.text
        if response.status_code >= 400:
            assert CANARY not in response.text
    assert statuses == {200, 201, 409, 422}
    silent(service, caplog_kith)


def test_failures_of_the_store_repeat_nothing(start: Start, caplog_kith: pytest.LogCaptureFixture) -> None:
    service = start(FakeStore(acting()), memory=FakeMemory(error=StoreUnavailableError(CANARY)))
    body = {"request_id": CANARY, "customer": {"customer_id": CANARY}}
    for response in (
        service.client.post("/v1/next-best-actions", json=body),
        service.client.post("/v1/next-best-actions/batch", json={"requests": [body]}),
        service.client.delete(f"/v1/customers/{CANARY}"),
        service.client.get(f"/v1/decisions/{'0' * 32}"),
    ):
        assert response.status_code == 503
        assert CANARY not in response.text
    silent(service, caplog_kith)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def test_no_change_of_a_good_body_breaks_the_service(service: Service) -> None:
    paths = list(places(FULL))

    @given(st.sampled_from(paths), JSON)
    def changed(path: tuple[str | int, ...], value: object) -> None:
        content = json.dumps(planted(FULL, path, value)).encode("utf-8", "surrogatepass")
        response = service.client.post(
            "/v1/scores", content=content, headers={"Content-Type": "application/json"}
        )
        assert response.status_code in {200, 400, 422}, response.text

    changed()


def test_no_bytes_break_the_service(service: Service) -> None:
    @given(st.binary(max_size=200))
    def sent(content: bytes) -> None:
        for path in (
            "/v1/scores",
            "/v1/scores/batch",
            "/v1/next-best-actions",
            "/v1/next-best-actions/batch",
            "/v1/outcomes",
            "/v1/outcomes/batch",
            "/v1/feedback",
        ):
            response = service.client.post(
                path, content=content, headers={"Content-Type": "application/json"}
            )
            assert response.status_code in {400, 422}

    sent()
