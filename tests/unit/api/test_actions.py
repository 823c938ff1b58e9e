from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from app.api.action_examples import ACTION_BATCH_EXAMPLES, ACTION_EXAMPLES
from app.api.actions import Actions
from app.api.releases import Releases
from app.api.schemas.act import NextBestActionRequest, read_action_request
from app.api.schemas.acted import Decision, DecisionOnRecord, Decisions
from app.api.schemas.answers import Problem
from app.api.schemas.request import OBJECTS_LIMIT, CustomerRequest
from app.api.telemetry import JsonLines, Metrics
from app.domain.actions import ACTION_TYPES, EVIDENCE, LAYERS, MODES, NONE
from app.domain.errors import StoreBusyError, StoreError, StoreFullError, StoreUnavailableError
from app.domain.history import CONTACT_CHANNELS
from app.serving.pseudonyms import Keys
from app.serving.release import LoadedRelease
from tests.unit.api.fakes import KEY, NOW, FakeStore, Service, Start, release
from tests.unit.api.memories import PLAYBOOK, FakeMemory, acting, action, as_memory

Body = dict[str, Any]
PATH = "/v1/next-best-actions"
BATCH = f"{PATH}/batch"
CANARY = "canary.jane@mail.example"
GRANTED = [{"purpose": "marketing", "status": "granted", "status_at": "2026-01-01T00:00:00Z"}]
ORDERS = [{"order_id": "o1", "ordered_at": "2026-10-01T09:00:00+08:00", "revenue": 100}]


def body(request_id: str = "r1", customer_id: str = "c1", **fields: Any) -> Body:
    return {
        "request_id": request_id,
        "customer": {"customer_id": customer_id},
        "orders": ORDERS,
        "consents": GRANTED,
        **fields,
    }


@pytest.fixture
def memory() -> FakeMemory:
    return FakeMemory()


@pytest.fixture
def service(start: Start, memory: FakeMemory) -> Service:
    return start(FakeStore(acting()), memory=memory)


def ask(service: Service, sent: object, status: int = 200, path: str = PATH) -> Body:
    content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    response = service.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    assert response.headers["cache-control"] == "no-store"
    told: Body = response.json()
    if status != 200:
        Problem.model_validate(told)
    else:
        (Decision if path == PATH else Decisions).model_validate(told)
    return told


def faults(told: Body) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in told["errors"]]


def test_fake_keeps_the_interface(memory: FakeMemory) -> None:
    assert as_memory(memory) is memory


def test_best_action_is_told_and_written_down(service: Service, memory: FakeMemory) -> None:
    told = ask(service, body(limit=3))
    assert (told["mode"], told["logged"], told["replay"], told["eligible"]) == ("live", True, False, True)
    assert (told["customer_id"], told["as_of"]) == ("c1", "2026-11-01T12:00:00+08:00")
    first = told["actions"][0]
    assert (first["action_id"], first["channel"], first["propensity"]) == ("coupon", "email", 1.0)
    ((_, written),) = memory.decisions.values()
    assert (written.decision_id, written.action_id) == (told["decision_id"], "coupon")
    assert {(one["action_id"], one["layer"]) for one in told["suppressed"]} == {
        ("old_offer", "validity"),
        ("wake_up", "applicable"),
    }


def test_customer_id_is_not_written_down(service: Service, memory: FakeMemory) -> None:
    ask(service, body(customer_id=CANARY, request_id=f"{CANARY}/1"))
    assert CANARY not in repr(memory.decisions)


@pytest.mark.parametrize("name", ACTION_EXAMPLES)
def test_example_gets_an_answer_in_the_contract_form(service: Service, name: str) -> None:
    sent = ACTION_EXAMPLES[name][1]
    told = ask(service, sent)
    assert told["locale"] == sent.get("locale", "en")
    assert told["logged"] is (sent.get("mode") != "dry_run")


@pytest.mark.parametrize("name", ACTION_BATCH_EXAMPLES)
def test_example_of_a_batch_gets_answers(service: Service, name: str) -> None:
    told = ask(service, ACTION_BATCH_EXAMPLES[name][1], path=BATCH)
    assert [one["status"] for one in told["results"]] == [200, 200]
    assert told["funnel"]["customers"] == 2


def test_words_of_the_wire_are_those_of_the_domain() -> None:
    schemas = Decisions.model_json_schema()["$defs"]
    assert schemas["ChosenAction"]["properties"]["type"]["enum"] == [NONE, *ACTION_TYPES]
    assert schemas["ChosenAction"]["properties"]["evidence"]["enum"] == list(EVIDENCE)
    assert schemas["SuppressedAction"]["properties"]["layer"]["enum"] == list(LAYERS)
    sent = NextBestActionRequest.model_json_schema()["properties"]
    assert sent["mode"]["anyOf"][0]["enum"] == list(MODES)
    assert sent["channels"]["anyOf"][0]["items"]["enum"] == list(CONTACT_CHANNELS)


def test_everything_about_a_customer_is_taken() -> None:
    own = {"request_id", "mode", "candidates", "channels", "limit", "timezone", "caller_choice"}
    assert set(NextBestActionRequest.model_fields) - set(CustomerRequest.model_fields) == own


def test_retry_gets_the_same_answer_also_later_and_in_another_layout(
    service: Service, memory: FakeMemory
) -> None:
    first = ask(service, body(channels=["email", "sms"]))
    spelt = body(channels=["sms", "email", "sms"], mode="live", limit=1, locale="en", explain=False)
    again = ask(service, json.dumps(spelt, indent=3).encode())
    assert again == {**first, "replay": True}
    assert len(memory.decisions) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 2},
        {"locale": "zh-CN"},
        {"orders": []},
        {"as_of": "2026-11-01T03:50:00Z"},
        {"timezone": "Asia/Tokyo"},
        {"candidates": ["coupon"]},
        {"mode": "shadow"},
    ],
)
def test_same_request_id_with_another_body_is_a_conflict(service: Service, change: Body) -> None:
    ask(service, body())
    told = ask(service, body(**change), 409)
    assert faults(told) == [("/request_id", "id_taken")]


def test_replay_of_what_was_erased_is_refused(service: Service, memory: FakeMemory) -> None:
    ask(service, body())
    memory.gone = set(memory.decisions)
    told = ask(service, body(), 410)
    assert told["type"] == "urn:kith:problem:erased"


def test_contact_limit_counts_what_was_decided_before(service: Service) -> None:
    ask(service, body("r1"))
    told = ask(service, body("r2"))
    assert {one["layer"] for one in told["suppressed"]} == {"validity", "applicable", "contact_policy"}
    assert ask(service, body("r3", "c2"))["actions"][0]["action_id"] == "coupon"


def test_marketing_that_was_not_granted_suppresses_all_but_transactional(service: Service) -> None:
    told = ask(service, body(consents=[]))
    assert {one["action_id"]: one["layer"] for one in told["suppressed"]} == {
        "coupon": "consent",
        "reminder": "consent",
        "old_offer": "validity",
        "wake_up": "consent",
    }


def test_dry_run_writes_nothing_and_tells_the_funnel(service: Service, memory: FakeMemory) -> None:
    told = ask(service, body(mode="dry_run", as_of="2027-01-01T00:00:00Z"))
    assert (told["decision_id"], told["logged"]) == (None, False)
    assert told["funnel"]["candidates"] == 6
    assert not memory.decisions
    assert "decide" not in memory.calls


def test_dry_run_counts_what_is_on_record(service: Service) -> None:
    ask(service, body("r1"))
    told = ask(service, body("r2", mode="dry_run"))
    assert "contact_policy" in {one["layer"] for one in told["suppressed"]}


def test_apprentice_keeps_the_callers_choice(service: Service, memory: FakeMemory) -> None:
    choice = {"action_id": "coupon", "channel": "sms"}
    told = ask(service, body(mode="apprentice", caller_choice=choice))
    assert told["actions"][0]["channel"] == "sms"
    assert (told["caller_choice"], told["agrees"]) == (choice, False)
    assert told["actions"][0]["propensity"] is None
    assert told["assignment"]["slice"] == "caller"
    ((_, written),) = memory.decisions.values()
    assert written.channel == "sms"


def test_shadow_promises_no_contact_and_compares(service: Service, memory: FakeMemory) -> None:
    told = ask(service, body(mode="shadow", caller_choice={"action_id": "coupon"}))
    assert told["agrees"] is True
    ((_, written),) = memory.decisions.values()
    assert written.reservation is None


REFUSED: dict[str, tuple[Body, list[tuple[str, str]]]] = {
    "no candidates": ({"candidates": []}, [("/candidates", "empty_candidates")]),
    "unknown candidate": ({"candidates": ["coupon", CANARY]}, [("/candidates/1", "unknown_action")]),
    "too many": ({"candidates": ["coupon"] * 201}, [("/candidates", "wrong_count")]),
    "no channel": ({"channels": []}, [("/channels", "wrong_count")]),
    "unknown channel": ({"channels": [CANARY]}, [("/channels/0", "not_allowed")]),
    "limit": ({"limit": 21}, [("/limit", "out_of_range")]),
    "mode": ({"mode": CANARY}, [("/mode", "not_allowed")]),
    "zone": ({"timezone": CANARY}, [("/timezone", "unknown_timezone")]),
    "folder": ({"timezone": "Asia"}, [("/timezone", "unknown_timezone")]),
    "path": ({"timezone": "../../etc/passwd"}, [("/timezone", "unknown_timezone")]),
    "future": ({"as_of": "2026-11-01T04:05:01Z"}, [("/as_of", "as_of_in_future")]),
    "apprentice": ({"mode": "apprentice"}, [("/caller_choice", "caller_choice_needed")]),
    "choice": ({"caller_choice": {"action_id": "coupon"}}, [("/caller_choice", "caller_choice_unused")]),
    "unknown choice": (
        {"mode": "shadow", "caller_choice": {"action_id": CANARY}},
        [("/caller_choice/action_id", "unknown_action")],
    ),
    "channel of choice": (
        {"mode": "apprentice", "caller_choice": {"action_id": "reminder", "channel": "sms"}},
        [("/caller_choice/channel", "not_allowed")],
    ),
    "channel of none": (
        {"mode": "apprentice", "caller_choice": {"action_id": "none", "channel": "sms"}},
        [("/caller_choice/channel", "not_allowed")],
    ),
    "unknown field": ({CANARY: 1}, [("", "unknown_field")]),
    "misspelt": ({"candidate": ["coupon"]}, [("", "misspelt_field")]),
    "currency": (
        {"orders": [{**ORDERS[0], "currency": "USD"}]},
        [("/orders/0/currency", "wrong_currency")],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_request_is_refused_with_its_place_and_repeats_nothing(
    service: Service, memory: FakeMemory, caplog_kith: pytest.LogCaptureFixture, name: str
) -> None:
    change, expected = REFUSED[name]
    told = ask(service, body(**change), 422)
    assert faults(told) == expected
    assert all(fault["hint"] for fault in told["errors"])
    assert CANARY not in json.dumps(told) + "".join(service.lines)
    assert CANARY not in "".join(JsonLines().format(record) for record in caplog_kith.records)
    assert not memory.decisions
    assert memory.calls in (["start"], ["start", "decide"])


def test_unknown_action_names_what_is_known(service: Service) -> None:
    told = ask(service, body(candidates=["cupon"]), 422)
    assert "coupon, reminder, old_offer, wake_up, receipt, none" in told["errors"][0]["hint"]
    assert "cupon" not in json.dumps(told)


def test_clock_that_is_a_little_ahead_is_allowed(service: Service) -> None:
    assert ask(service, body(as_of="2026-11-01T04:04:59Z"))["logged"] is True


@pytest.mark.parametrize("missing", ["request_id", "customer"])
def test_required_fields_are_named(service: Service, missing: str) -> None:
    sent = {name: part for name, part in body().items() if name != missing}
    assert faults(ask(service, sent, 422)) == [(f"/{missing}", "required")]


def test_repeated_key_is_refused(service: Service) -> None:
    content = json.dumps(body()).replace('"request_id": "r1"', '"request_id": "r1", "request_id": "r2"')
    assert faults(ask(service, content.encode(), 422)) == [("", "repeated_key")]


def test_too_many_objects_are_refused(service: Service) -> None:
    content = b'{"events": [' + b",".join([b"{}"] * (OBJECTS_LIMIT + 1)) + b"]}"
    assert faults(ask(service, content, 413)) == [("", "too_many_objects")]


def test_release_without_a_playbook_is_an_answer(start: Start, memory: FakeMemory) -> None:
    told = ask(start(memory=memory), body())
    assert (told["eligible"], told["ineligible_reason"]) == (False, "no_model")
    assert (told["actions"], told["logged"], told["decision_id"]) == ([], False, None)
    assert not memory.decisions


def test_no_release_is_told(start: Start) -> None:
    assert ask(start(FakeStore(current=None)), body(), 503)["type"] == "urn:kith:problem:no_release"


STORE_ERRORS: list[tuple[StoreError, int, str]] = [
    (StoreFullError("CANARY"), 507, "store_full"),
    (StoreUnavailableError("CANARY"), 503, "store_unavailable"),
    (StoreBusyError("CANARY"), 503, "store_busy"),
]


@pytest.mark.parametrize(("error", "status", "kind"), STORE_ERRORS)
@pytest.mark.parametrize("mode", ["live", "shadow"])
def test_decision_that_cannot_be_written_is_refused(
    start: Start, error: StoreError, status: int, kind: str, mode: str
) -> None:
    service = start(FakeStore(acting()), memory=FakeMemory(error=error))
    response = service.client.post(PATH, json=body(mode=mode))
    assert (response.status_code, response.json()["type"]) == (status, f"urn:kith:problem:{kind}")
    assert int(response.headers["retry-after"]) >= 1
    assert "CANARY" not in response.text


def test_what_the_database_refuses_is_a_failure_of_the_service(start: Start) -> None:
    service = start(FakeStore(acting()), memory=FakeMemory(error=StoreError("CANARY")))
    response = service.client.post(PATH, json=body())
    assert (response.status_code, response.json()["type"]) == (500, "urn:kith:problem:internal_error")
    assert "CANARY" not in response.text


@pytest.mark.parametrize("error", [error for error, *_ in STORE_ERRORS])
def test_decision_that_cannot_be_written_is_marked_where_configured(start: Start, error: StoreError) -> None:
    service = start(FakeStore(acting()), memory=FakeMemory(error=error), unlogged_decisions="answer")
    told = ask(service, body())
    assert (told["logged"], told["decision_id"]) == (False, None)
    assert told["warnings"][0]["code"] == "not_logged"
    assert told["actions"][0]["action_id"] == "coupon"


def test_dry_run_needs_no_store_but_says_so(start: Start) -> None:
    service = start(FakeStore(acting()), memory=FakeMemory(error=StoreUnavailableError("x")))
    told = ask(service, body(mode="dry_run", locale="zh-CN"))
    assert told["warnings"][0]["code"] == "store_not_read"
    assert told["funnel"]["candidates"] == 6


def test_scores_need_no_store(start: Start) -> None:
    memory = FakeMemory(error=StoreUnavailableError("x"), state="down")
    service = start(FakeStore(acting()), memory=memory)
    response = service.client.post("/v1/scores", json={"customer": {"customer_id": "c"}, "want": ["churn"]})
    assert response.status_code == 200
    assert service.client.get("/readyz").status_code == 200
    assert service.client.get("/readyz?verbose").json()["store"] == {
        "state": "down",
        "reason": None,
        "waiting": 0,
    }
    assert memory.calls == ["start"]


def test_rows_that_did_not_count_are_told_and_the_same_in_a_replay(service: Service) -> None:
    late = {"order_id": "o2", "ordered_at": "2026-11-02T00:00:00Z", "revenue": 5}
    first = ask(service, body(orders=[*ORDERS, late]))
    assert [one["detail"] for one in first["warnings"]] == ["orders: 1 row(s) later than as_of do not count"]
    assert ask(service, body(orders=[*ORDERS, late]))["warnings"] == first["warnings"]


def test_of_who_denies_profiling_nothing_of_the_record_is_told(service: Service) -> None:
    denied = {"purpose": "profiling", "status": "denied", "status_at": "2026-01-01T00:00:00Z"}
    late = {"order_id": "o2", "ordered_at": "2026-11-02T00:00:00Z", "revenue": 5}
    told = ask(service, body(consents=[*GRANTED, denied], orders=[late], explain=True))
    assert told["personalised"] is False
    assert [one["code"] for one in told["warnings"]] == ["not_personalised"]
    assert told["variables"] == {}


def test_decision_can_be_read_again(service: Service) -> None:
    told = ask(service, body())
    response = service.client.get(f"/v1/decisions/{told['decision_id']}")
    assert response.status_code == 200
    DecisionOnRecord.model_validate(response.json())
    assert response.json()["action_id"] == "coupon"
    assert response.json()["decided_at"] == "2026-11-01T04:00:00+00:00"


@pytest.mark.parametrize("name", ["0" * 32, "x", "0" * 31 + "A", CANARY])
def test_unknown_decision_is_not_found(service: Service, name: str) -> None:
    response = service.client.get(f"/v1/decisions/{name}")
    assert (response.status_code, response.json()["type"]) == (404, "urn:kith:problem:unknown_decision")
    assert name not in response.text


def test_decisions_are_counted_once_and_name_no_customer(service: Service) -> None:
    for _ in range(2):
        ask(service, body(customer_id=CANARY))
    ask(service, body("r2", CANARY, mode="dry_run"))
    text = service.client.get("/metrics").text
    labels = 'action="coupon",arm="treatment",evidence="rule_prior",mode="live",slice="exploit"'
    assert f"kith_decisions_total{{{labels}}} 1.0" in text
    assert 'kith_suppressed_total{layer="validity"} 1.0' in text
    assert 'mode="dry_run"' not in text
    assert "kith_store_up 1.0" in text
    assert "kith_store_commits_total 1.0" in text
    assert CANARY not in text + "".join(service.lines)


# ── what the record knows and the release does not ──────────────────────────────────────────────────────────


def reduced() -> LoadedRelease:
    """Return a release whose playbook has lost the coupon, of a business that is not simulated."""
    left = [one for one in PLAYBOOK["actions"] if one["id"] != "coupon"]
    return real(acting({**PLAYBOOK, "actions": left}))


def real(held: LoadedRelease) -> LoadedRelease:
    return replace(held, business=held.business.model_copy(update={"simulated": False}))


@pytest.mark.parametrize("after", ["reduced", "no playbook", "no release"])
def test_question_on_record_is_answered_whatever_the_release(
    service: Service, memory: FakeMemory, after: str
) -> None:
    sent = body(candidates=["coupon"], as_of="2026-11-01T03:50:00Z")
    first = ask(service, sent)
    service.store.current = {"reduced": reduced(), "no playbook": release(), "no release": None}[after]
    assert ask(service, sent) == {**first, "replay": True}
    batch = ask(service, {"requests": [body("new", "c2"), sent]}, path=BATCH)
    assert batch["results"][1]["decision"] == {**first, "replay": True}
    assert batch["results"][0]["status"] == (503 if after == "no release" else 200)
    assert faults(ask(service, {**sent, "limit": 2}, 409)) == [("/request_id", "id_taken")]
    written = dict(memory.decisions)
    memory.gone = set(written)
    ask(service, sent, 410)


@pytest.mark.parametrize("error", [StoreUnavailableError("x"), StoreFullError("x")])
def test_question_that_may_be_on_record_is_not_refused_while_nobody_can_say(
    start: Start, error: StoreError
) -> None:
    service = start(FakeStore(reduced()), memory=FakeMemory(error=error))
    ask(service, body(candidates=["coupon"]), 507 if isinstance(error, StoreFullError) else 503)


def test_moment_of_a_decision_is_now_unless_the_business_is_simulated(start: Start) -> None:
    service = start(FakeStore(real(acting())))
    told = ask(service, body(as_of="2026-11-01T03:44:59Z"), 422)
    assert faults(told) == [("/as_of", "as_of_in_past")]
    assert ask(service, body("r2", as_of="2026-11-01T03:45:00Z"))["logged"] is True
    assert ask(service, body("r3", as_of="2026-06-01T00:00:00Z", mode="dry_run"))["logged"] is False
    assert ask(start(FakeStore(acting())), body(as_of="2026-06-01T00:00:00Z"))["logged"] is True


def test_same_moment_by_another_clock_is_the_same_body(service: Service) -> None:
    first = ask(service, body(as_of="2026-11-01T04:00:00Z"))
    shifted = [{**ORDERS[0], "ordered_at": "2026-10-01T01:00:00Z"}]
    again = ask(service, body(as_of="2026-11-01T12:00:00+08:00", orders=shifted))
    assert again == {**first, "replay": True}


@pytest.mark.parametrize("unlogged", [False, True])
@pytest.mark.parametrize("is_at_work", [False, True])
def test_late_decision_is_taken_back_before_it_is_answered_unlogged(unlogged: bool, is_at_work: bool) -> None:
    memory = FakeMemory(is_late=True, is_at_work=is_at_work)
    actions = Actions(
        Releases(FakeStore(acting())),
        lambda: NOW,
        Keys(KEY),
        Metrics(),
        memory,
        answers_unlogged=unlogged,
        patience=0.01,
    )
    client = TestClient(Starlette(routes=[Route("/one", actions.single, methods=["POST"])]))
    response = client.post("/one", json=body())
    (future,) = memory.futures
    assert future.cancelled() is not is_at_work
    if unlogged and not is_at_work:
        assert (response.status_code, response.json()["logged"]) == (200, False)
    else:
        assert (response.status_code, response.json()["type"]) == (503, "urn:kith:problem:store_unavailable")


# ── batches ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_batch_shares_the_budget_and_tells_the_funnel(service: Service, memory: FakeMemory) -> None:
    told = ask(service, {"requests": [body(f"r{k}", f"c{k}") for k in range(5)]}, path=BATCH)
    decisions = [one["decision"] for one in told["results"]]
    assert [one["customer_id"] for one in decisions] == [f"c{k}" for k in range(5)]
    assert sum(one["actions"][0]["action_id"] == "coupon" for one in decisions) <= 2
    assert memory.calls == ["start", "decide"]
    funnel = told["funnel"]
    assert (funnel["customers"], funnel["candidates"]) == (5, 30)
    assert funnel["allowed"] + sum(one["count"] for one in funnel["dropped"]) == 30
    assert sum(one["count"] for one in funnel["chosen"]) == 5


def test_funnel_of_a_batch_is_that_of_its_dry_runs(service: Service) -> None:
    sent = [
        body("a", "c1", mode="dry_run", candidates=["coupon", "reminder"]),
        body("b", "c2", mode="dry_run", channels=["sms"], consents=[]),
    ]
    told = ask(service, {"requests": sent}, path=BATCH)
    counts: dict[tuple[str, str], int] = {}
    for one in told["results"]:
        for part in one["decision"]["funnel"]["dropped"]:
            key = part["layer"], part["rule_id"]
            counts[key] = counts.get(key, 0) + part["count"]
    assert {(one["layer"], one["rule_id"]): one["count"] for one in told["funnel"]["dropped"]} == counts
    assert told["funnel"]["allowed"] == sum(one["decision"]["funnel"]["allowed"] for one in told["results"])


def test_bad_request_of_a_batch_spoils_no_other(service: Service, memory: FakeMemory) -> None:
    sent = [body("a"), body("b", "c2", candidates=[]), {}, body("a", "c3"), body("d", "c4")]
    told = ask(service, {"requests": sent}, path=BATCH)
    assert [one["status"] for one in told["results"]] == [200, 422, 422, 422, 200]
    assert faults(told["results"][1]["problem"]) == [("/requests/1/candidates", "empty_candidates")]
    assert faults(told["results"][3]["problem"]) == [("/requests/3/request_id", "repeated_request_id")]
    assert len(memory.decisions) == 2


def test_batch_of_bad_requests_is_answered(service: Service, memory: FakeMemory) -> None:
    told = ask(service, {"requests": [{}, 1]}, path=BATCH)
    assert [one["status"] for one in told["results"]] == [422, 422]
    assert told["funnel"]["customers"] == 0
    assert memory.calls == ["start"]


def test_batch_has_one_mode(service: Service) -> None:
    told = ask(service, {"requests": [body("a"), body("b", mode="dry_run")]}, 422, BATCH)
    assert faults(told) == [("/requests/1/mode", "mixed_modes")]


def test_conflict_within_a_batch_is_told_in_its_place(service: Service) -> None:
    ask(service, body("a"))
    told = ask(service, {"requests": [body("b", "c2"), body("a", limit=2)]}, path=BATCH)
    assert [one["status"] for one in told["results"]] == [200, 409]
    assert faults(told["results"][1]["problem"]) == [("/requests/1/request_id", "id_taken")]


def test_retry_of_a_batch_gets_the_same_answers(service: Service) -> None:
    sent = {"requests": [body("a"), body("b", "c2")]}
    first, again = (ask(service, sent, path=BATCH) for _ in range(2))
    assert [one["decision"]["decision_id"] for one in first["results"]] == [
        one["decision"]["decision_id"] for one in again["results"]
    ]
    assert all(one["decision"]["replay"] for one in again["results"])


def test_batch_that_cannot_be_written_is_refused_whole(start: Start) -> None:
    service = start(FakeStore(acting()), memory=FakeMemory(error=StoreFullError("x")))
    assert ask(service, {"requests": [body()]}, 507, BATCH)["errors"][0]["code"] == "store_full"


def test_batch_without_a_playbook_is_answered(start: Start) -> None:
    told = ask(start(), {"requests": [body()]}, path=BATCH)
    assert told["results"][0]["decision"]["ineligible_reason"] == "no_model"
    assert told["funnel"] == {"customers": 0, "candidates": 0, "dropped": [], "allowed": 0, "chosen": []}


def test_playbook_may_change_between_two_requests(service: Service) -> None:
    ask(service, body("a"))
    changed = copy.deepcopy(PLAYBOOK)
    changed["actions"].append(action("survey", "survey", ["email"]))
    service.store.current = replace(acting(changed), name="20261101T000000Z-0123abcd")
    assert ask(service, body("b", "c2", candidates=["survey"]))["actions"][0]["action_id"] == "survey"
    assert ask(service, body("a"))["replay"] is True


def test_reading_a_request_keeps_nothing_that_was_sent() -> None:
    with pytest.raises(ValueError, match="NextBestActionRequest") as caught:
        read_action_request(json.dumps({"customer": CANARY}))
    assert CANARY not in str(caught.value)
