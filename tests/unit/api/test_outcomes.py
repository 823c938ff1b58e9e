from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
import time
from concurrent.futures import Future
from typing import Any, get_args
from urllib.parse import quote

import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient

from app.api.action_examples import FEEDBACK_EXAMPLES, OUTCOME_BATCH_EXAMPLES, OUTCOME_EXAMPLES
from app.api.memory import UncertainError, kept
from app.api.outcomes import REPORT_BYTES, Outcomes
from app.api.releases import Releases
from app.api.remembered import CONCURRENT_ERASURES, Remembered
from app.api.schemas.answers import Problem
from app.api.schemas.remember import (
    Capability,
    Erased,
    FeedbackTaken,
    OutcomeResults,
    OutcomeTaken,
    OutcomeType,
)
from app.api.telemetry import JsonLines, Metrics
from app.capabilities import CAPABILITIES
from app.domain.errors import (
    ErasedError,
    StoreBusyError,
    StoreFullError,
    StoreUnavailableError,
    UnknownDecisionError,
)
from app.serving.pseudonyms import Keys
from app.store.records import OUTCOME_TYPES
from tests.unit.api.fakes import KEY, NOW, FakeStore, Service, Start
from tests.unit.api.memories import FakeMemory, acting

Body = dict[str, Any]
OUTCOMES = "/v1/outcomes"
BATCH = f"{OUTCOMES}/batch"
FEEDBACK = "/v1/feedback"
CANARY = "canary.jane@mail.example"
DECISION = "0123456789abcdef" * 2
AT = "2026-10-31T09:00:00+08:00"
FORMS: dict[str, type[BaseModel]] = {OUTCOMES: OutcomeTaken, BATCH: OutcomeResults, FEEDBACK: FeedbackTaken}


def outcome(event_id: str = "e1", **fields: Any) -> Body:
    given = {"event_id": event_id, "decision_id": DECISION, "type": "opened", "at": AT, **fields}
    return {name: value for name, value in given.items() if value is not None}


def verdict(feedback_id: str = "f1", **fields: Any) -> Body:
    given = {
        "feedback_id": feedback_id,
        "score_id": DECISION,
        "customer_id": "c",
        "verdict": "agree",
    } | fields
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def memory() -> FakeMemory:
    return FakeMemory()


@pytest.fixture
def service(start: Start, memory: FakeMemory) -> Service:
    return start(memory=memory)


def send(service: Service, path: str, sent: object, status: int) -> Body:
    content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    response = service.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    told: Body = response.json()
    (FORMS[path] if status < 300 else Problem).model_validate(told)
    return told


def faults(told: Body) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in told["errors"]]


def test_types_are_those_of_the_store() -> None:
    assert get_args(OutcomeType) == OUTCOME_TYPES


def test_outcome_is_taken_once(service: Service, memory: FakeMemory) -> None:
    told = send(service, OUTCOMES, outcome(), 201)
    assert told == {"replay": False, "decision_id": DECISION, "joined_by": "decision_id", "reservation": None}
    assert send(service, OUTCOMES, json.dumps(outcome(), indent=2).encode(), 200) == {**told, "replay": True}
    conflict = send(service, OUTCOMES, outcome(type="clicked"), 409)
    assert faults(conflict) == [("/event_id", "id_taken")]
    assert len(memory.outcomes) == 1


def test_store_gets_pseudonyms(service: Service, memory: FakeMemory) -> None:
    sent = outcome(CANARY, decision_id=None, customer_id=CANARY, contact_id=CANARY, action_id="coupon")
    send(service, OUTCOMES, sent, 201)
    (taken,) = memory.outcomes.values()
    keys = Keys(KEY)
    assert (taken.person, taken.contact_key) == (keys.person(CANARY), keys.contact(CANARY))
    assert (taken.event_key, taken.action_id) == (keys.event(CANARY), "coupon")
    assert CANARY not in repr(taken) + "".join(service.lines) + service.client.get("/metrics").text


@pytest.mark.parametrize("name", OUTCOME_EXAMPLES)
def test_example_of_an_outcome_is_taken(service: Service, name: str) -> None:
    assert send(service, OUTCOMES, OUTCOME_EXAMPLES[name][1], 201)["joined_by"] == "customer"


@pytest.mark.parametrize("name", OUTCOME_BATCH_EXAMPLES)
def test_example_of_a_batch_is_taken(service: Service, name: str) -> None:
    told = send(service, BATCH, OUTCOME_BATCH_EXAMPLES[name][1], 200)
    assert [one["status"] for one in told["results"]] == [201, 201]


@pytest.mark.parametrize("name", FEEDBACK_EXAMPLES)
def test_example_of_a_verdict_is_taken(service: Service, name: str) -> None:
    assert send(service, FEEDBACK, FEEDBACK_EXAMPLES[name][1], 201) == {"replay": False, "target": "score"}


def test_outcomes_need_no_release(start: Start) -> None:
    service = start(FakeStore(current=None))
    assert send(service, OUTCOMES, outcome(value=1), 201)
    told = send(service, OUTCOMES, outcome("e2", currency="USD", value=1), 503)
    assert told["type"] == "urn:kith:problem:no_release"


def test_outcome_of_an_action_that_nobody_knows_is_refused_with_the_known_ones(start: Start) -> None:
    service = start(FakeStore(acting()))
    told = send(service, OUTCOMES, outcome(decision_id=None, customer_id="c", action_id="cupon"), 422)
    assert faults(told) == [("/action_id", "unknown_action")]
    assert "coupon, reminder" in told["errors"][0]["hint"]
    assert send(service, OUTCOMES, outcome(decision_id=None, customer_id="c", action_id="coupon"), 201)


def test_capabilities_of_a_verdict_are_those_of_the_service() -> None:
    assert set(get_args(Capability)) == set(CAPABILITIES)


REFUSED: dict[str, tuple[Body, list[tuple[str, str]]]] = {
    "nothing": ({"decision_id": None}, [("", "outcome_of_what")]),
    "both": ({"customer_id": CANARY}, [("", "outcome_of_what")]),
    "form of the action": (
        {"decision_id": None, "customer_id": "c", "action_id": CANARY},
        [("/action_id", "wrong_format")],
    ),
    "NUL": ({"event_id": "a\x00"}, [("/event_id", "wrong_format")]),
    "action of a decision": ({"action_id": "coupon"}, [("", "outcome_of_what")]),
    "form of the id": ({"decision_id": CANARY}, [("/decision_id", "wrong_format")]),
    "type": ({"type": CANARY}, [("/type", "not_allowed")]),
    "future": ({"at": "2026-11-01T04:05:01Z"}, [("/at", "in_future")]),
    "no time": ({"at": None}, [("/at", "required")]),
    "no revenue": ({"type": "revenue"}, [("/value", "required")]),
    "currency": ({"type": "revenue", "value": 5, "currency": "USD"}, [("/currency", "wrong_currency")]),
    "value": ({"value": 1e13}, [("/value", "out_of_range")]),
    "channel": ({"channel": CANARY}, [("/channel", "not_allowed")]),
    "unknown field": ({CANARY: CANARY}, [("", "unknown_field")]),
    "misspelt": ({"event": "x"}, [("", "misspelt_field")]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_outcome_is_refused_with_its_place_alone_and_in_a_batch(
    service: Service, memory: FakeMemory, name: str
) -> None:
    change, expected = REFUSED[name]
    told = send(service, OUTCOMES, outcome(**change), 422)
    assert faults(told) == expected
    batch = send(service, BATCH, {"outcomes": [outcome("e0"), outcome(**change)]}, 200)
    assert [one["status"] for one in batch["results"]] == [201, 422]
    assert faults(batch["results"][1]["problem"]) == [
        (f"/outcomes/1{pointer}", code) for pointer, code in expected
    ]
    assert CANARY not in json.dumps([told, batch])
    assert len(memory.outcomes) == 1


BAD_VERDICTS: dict[str, tuple[Body, list[tuple[str, str]]]] = {
    "nothing": ({"score_id": None}, [("", "verdict_on_what")]),
    "two": ({"decision_id": DECISION}, [("", "verdict_on_what")]),
    "verdict": ({"verdict": CANARY}, [("/verdict", "not_allowed")]),
    "nobody": ({"customer_id": None}, [("/customer_id", "required")]),
    "nobody's list": (
        {"customer_id": None, "score_id": None, "recommendation_id": DECISION},
        [("/customer_id", "required")],
    ),
    "NUL": ({"comment": "a\x00"}, [("/comment", "wrong_format")]),
    "escape": ({"comment": "\x1b[2J"}, [("/comment", "wrong_format")]),
    "reason": ({"reason": CANARY}, [("/reason", "wrong_format")]),
    "capability": ({"capability": CANARY}, [("/capability", "not_allowed")]),
    "comment": ({"comment": CANARY * 50}, [("/comment", "wrong_length")]),
    "future": ({"at": "2026-11-01T04:05:01Z"}, [("/at", "in_future")]),
}


@pytest.mark.parametrize("name", BAD_VERDICTS)
def test_bad_verdict_is_refused_with_its_place(service: Service, name: str) -> None:
    change, expected = BAD_VERDICTS[name]
    told = send(service, FEEDBACK, verdict(**change), 422)
    assert faults(told) == expected
    assert CANARY not in json.dumps(told)


def test_verdict_is_taken_once(service: Service, memory: FakeMemory) -> None:
    sent = verdict(score_id=None, decision_id=DECISION, comment="x" * 500, reason="moved", customer_id="c")
    assert send(service, FEEDBACK, sent, 201) == {"replay": False, "target": "decision"}
    assert send(service, FEEDBACK, sent, 200)["replay"] is True
    assert faults(send(service, FEEDBACK, {**sent, "verdict": "unsure"}, 409)) == [
        ("/feedback_id", "id_taken")
    ]
    (taken,) = memory.verdicts.values()
    assert (taken.target, taken.target_id, taken.person) == ("decision", DECISION, Keys(KEY).person("c"))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b'{"event_id": "a", "event_id": "b"}', 422), (b"{", 400), (b"[]", 422), (b"\xff", 400)],
)
@pytest.mark.parametrize("path", [OUTCOMES, FEEDBACK])
def test_body_that_is_no_report_is_refused(service: Service, path: str, content: bytes, code: int) -> None:
    assert send(service, path, content, code)["errors"]


def test_repeated_key_is_refused(service: Service) -> None:
    content = json.dumps(outcome()).replace('"event_id": "e1"', '"event_id": "e1", "event_id": "e2"')
    assert faults(send(service, OUTCOMES, content.encode(), 422)) == [("", "repeated_key")]


def test_large_report_is_refused(service: Service) -> None:
    send(service, OUTCOMES, b" " * (REPORT_BYTES + 1), 413)


@pytest.mark.parametrize("sent", [{}, {"outcomes": []}, {"requests": [outcome()]}, {"outcomes": 1}, []])
def test_batch_of_another_form_is_refused(service: Service, sent: object) -> None:
    assert send(service, BATCH, sent, 422)["errors"]


def test_batch_takes_what_it_can_and_can_be_sent_again(service: Service, memory: FakeMemory) -> None:
    sent = {"outcomes": [outcome("a"), outcome("a"), outcome("a", type="clicked"), outcome("b")]}
    told = send(service, BATCH, sent, 200)
    assert [one["status"] for one in told["results"]] == [201, 200, 409, 201]
    again = send(service, BATCH, sent, 200)
    assert [one["status"] for one in again["results"]] == [200, 200, 409, 200]
    assert len(memory.outcomes) == 2


PROBLEMS: list[tuple[Exception, int, str]] = [
    (UnknownDecisionError("CANARY"), 404, "unknown_decision"),
    (ErasedError("CANARY"), 410, "erased"),
    (StoreFullError("CANARY"), 507, "store_full"),
    (StoreUnavailableError("CANARY"), 503, "store_unavailable"),
    (StoreBusyError("CANARY"), 503, "store_busy"),
]


@pytest.mark.parametrize(("error", "status", "kind"), PROBLEMS)
def test_what_the_store_says_is_told(start: Start, error: Exception, status: int, kind: str) -> None:
    service = start(memory=FakeMemory(refusals={"report": error, "judge": error}))
    for path, sent in ((OUTCOMES, outcome()), (FEEDBACK, verdict())):
        told = send(service, path, sent, status)
        assert told["type"] == f"urn:kith:problem:{kind}"
        assert "CANARY" not in json.dumps(told)
    batch = send(service, BATCH, {"outcomes": [outcome()]}, 200)
    assert batch["results"][0]["status"] == status


def test_unknown_decision_tells_what_to_send_in_its_place(start: Start) -> None:
    service = start(memory=FakeMemory(refusals={"report": UnknownDecisionError("x")}))
    (fault,) = send(service, OUTCOMES, outcome(), 404)["errors"]
    assert fault["pointer"] == "/decision_id"
    assert "customer_id" in fault["hint"]


def test_outcomes_are_counted_once(service: Service) -> None:
    for _ in range(2):
        service.client.post(OUTCOMES, json=outcome())
    assert (
        'kith_outcomes_total{joined_by="decision_id",type="opened"} 1.0'
        in service.client.get("/metrics").text
    )


# ── erasing ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("customer_id", ["c-1", "a/b", "客 户", "x" * 128, "a\nb", "..x", "a?b#c", "/"])
def test_customer_is_erased_by_the_id_as_it_is(
    service: Service, memory: FakeMemory, customer_id: str
) -> None:
    for _ in range(2):
        response = service.client.delete(f"/v1/customers/{quote(customer_id, safe='')}")
        assert response.status_code == 200, response.text
        Erased.model_validate(response.json())
    assert memory.erased == [Keys(KEY).person(customer_id)] * 2
    assert "kith_erasures_total 2.0" in service.client.get("/metrics").text


@pytest.mark.parametrize("name", ["", "x" * 129, "%00", "%ff", "a%C3"])
def test_what_is_no_id_is_refused(service: Service, memory: FakeMemory, name: str) -> None:
    response = service.client.delete(f"/v1/customers/{name}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == "no_customer_id"
    assert not memory.erased


def test_only_some_erasures_may_wait() -> None:
    async def refused() -> list[int]:
        memory, scope = FakeMemory(is_late=True), {"type": "http", "headers": [], "raw_path": b"/c"}
        request = Request({**scope, "path_params": {"customer_id": "c"}})
        remembered = Remembered(lambda: NOW, Keys(KEY), Metrics(), memory)
        waiting = [asyncio.create_task(remembered.erase(request)) for _ in range(CONCURRENT_ERASURES)]
        await asyncio.sleep(0)
        told = [await remembered.erase(request)]
        for future in memory.futures:
            future.set_result({})
        memory.is_late = False
        told += [*await asyncio.gather(*waiting), await remembered.erase(request)]
        return [one.status_code for one in told]

    assert asyncio.run(refused()) == [503, *[200] * (CONCURRENT_ERASURES + 1)]


def test_erased_customer_is_not_logged(service: Service, caplog_kith: pytest.LogCaptureFixture) -> None:
    assert service.client.delete(f"/v1/customers/{CANARY}").status_code == 200
    logged = "".join(JsonLines().format(record) for record in caplog_kith.records)
    assert CANARY not in "".join(service.lines) + logged + service.client.get("/metrics").text
    assert json.loads(service.lines[0])["route"] == "/v1/customers/{customer_id}"


@pytest.mark.parametrize(("error", "status"), [(StoreFullError("x"), 507), (StoreUnavailableError("x"), 503)])
def test_erasure_that_cannot_be_written_is_told(start: Start, error: Any, status: int) -> None:
    service = start(memory=FakeMemory(error=error))
    assert service.client.delete("/v1/customers/c").status_code == status
    assert "kith_erasures_total 0.0" in service.client.get("/metrics").text


# ── the store ───────────────────────────────────────────────────────────────────────────────────────────────


async def _late() -> None:
    future: Future[int] = Future()
    with pytest.raises(StoreUnavailableError) as caught:
        await kept(future, seconds=0.01)
    assert future.cancelled()
    assert not isinstance(caught.value, UncertainError)
    begun: Future[int] = Future()
    begun.set_running_or_notify_cancel()
    with pytest.raises(UncertainError):
        await kept(begun, seconds=0.01)
    writer = threading.Thread(target=begun.set_result, args=(1,))
    writer.start()
    writer.join()
    assert await kept(begun) == 1


def test_late_work_is_taken_back_unless_it_has_begun() -> None:
    asyncio.run(_late())


async def _hung_up() -> Future[int]:
    future: Future[int] = Future()
    caller = asyncio.create_task(kept(future))
    await asyncio.sleep(0.01)
    caller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    return future


def test_work_that_nobody_waits_for_is_taken_back() -> None:
    assert asyncio.run(_hung_up()).cancelled()


async def _forgotten(told: list[dict[str, Any]]) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    future: Future[int] = Future()
    future.set_running_or_notify_cancel()
    with pytest.raises(UncertainError):
        await kept(future, seconds=0.01)
    future.set_exception(ValueError(CANARY))
    del future
    await asyncio.sleep(0.01)
    gc.collect()


def test_error_that_comes_too_late_is_not_told_by_asyncio() -> None:
    told: list[dict[str, Any]] = []
    asyncio.run(_forgotten(told))
    assert told == []


def test_batch_waits_once_for_all_of_its_outcomes() -> None:
    memory = FakeMemory(is_late=True)
    outcomes = Outcomes(Releases(FakeStore()), lambda: NOW, Keys(KEY), Metrics(), memory, patience=0.3)
    client = TestClient(Starlette(routes=[Route("/many", outcomes.batch, methods=["POST"])]))
    began = time.monotonic()
    told = client.post("/many", json={"outcomes": [outcome(f"e{k}") for k in range(100)]}).json()
    assert [one["status"] for one in told["results"]] == [503] * 100
    assert all(future.cancelled() for future in memory.futures)
    assert time.monotonic() - began < 100 * 0.3


def test_store_is_started_and_closed_with_the_service(start: Start, memory: FakeMemory) -> None:
    service = start(memory=memory)
    assert memory.calls == ["start"]
    service.client.__exit__(None, None, None)
    assert memory.calls == ["start", "close"]
    service.client.__enter__()
