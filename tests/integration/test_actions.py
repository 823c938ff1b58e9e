"""Decisions, outcomes and erasures through the whole service with a real playbook and a real database."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.__main__ import main
from app.api.schemas.acted import Decision, DecisionOnRecord, Decisions
from app.api.schemas.remember import Erased, OutcomeTaken
from app.main import create_app
from app.settings import Settings
from tests.unit.api.fakes import KEY, NOW, FakeStore
from tests.unit.api.memories import acting

Body = dict[str, Any]
ACTIONS = "/v1/next-best-actions"
CUSTOMER = "canary.jane@mail.example"
GRANTED = [{"purpose": "marketing", "status": "granted", "status_at": "2026-01-01T00:00:00Z"}]
AT = "2026-11-01T04:00:00Z"


def question(request_id: str, customer_id: str = CUSTOMER, **fields: Any) -> Body:
    customer = {"customer_id": customer_id}
    return {"request_id": request_id, "customer": customer, "consents": GRANTED, **fields}


def outcome(event_id: str, **fields: Any) -> Body:
    return {"event_id": event_id, "type": "delivered", "at": AT, **fields}


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[TestClient]:
    """Give a client of a service whose database is in a folder; the service ends with the block."""
    chosen = Settings(**{"id_key": KEY, "var": folder, **settings})
    app = create_app(chosen, clock=lambda: NOW, store=FakeStore(acting()), write=lambda _: None)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def ask(client: TestClient, path: str, body: Body, status: int) -> Body:
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    told: Body = response.json()
    return told


def audit(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Body:
    """Return the books, which must balance."""
    monkeypatch.setenv("KITH_VAR", str(folder))
    assert main(["books", "--json"]) == 0
    counts: Body = json.loads(capsys.readouterr().out)["counts"]
    return counts


def test_decision_is_repeated_by_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as client:
        first = ask(client, ACTIONS, question("r1", limit=3, explain=True), 200)
        Decision.model_validate(first)
    with serving(tmp_path) as client:
        again = ask(client, ACTIONS, question("r1", limit=3, explain=True), 200)
        assert again == {**first, "replay": True}
        assert ask(client, ACTIONS, question("r1"), 409)["type"] == "urn:kith:problem:conflict"
        suppressed = ask(client, ACTIONS, question("r2"), 200)["suppressed"]
        assert "contact_policy" in {one["layer"] for one in suppressed}
    assert audit(tmp_path, monkeypatch, capsys)["decisions"] == {"live": 2}


def test_outcome_moves_the_contact_that_was_promised(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        decision_id = ask(client, ACTIONS, question("r1"), 200)["decision_id"]
        taken = ask(client, "/v1/outcomes", outcome("e1", decision_id=decision_id, type="not_sent"), 201)
        OutcomeTaken.model_validate(taken)
        assert (taken["joined_by"], taken["reservation"]) == ("decision_id", "released")
        by_action = outcome("e2", customer_id=CUSTOMER, action_id="coupon")
        assert ask(client, "/v1/outcomes", by_action, 201)["decision_id"] == decision_id
        batch = {"outcomes": [by_action, outcome("e3", decision_id="0" * 32)]}
        results = ask(client, "/v1/outcomes/batch", batch, 200)["results"]
        assert [one["status"] for one in results] == [200, 404]
        found = client.get(f"/v1/decisions/{decision_id}").json()
        DecisionOnRecord.model_validate(found)
        assert (found["reservation"], found["converted"]) == ("confirmed", None)
        assert [one["type"] for one in found["outcomes"]] == ["not_sent", "delivered"]


def test_what_was_erased_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as client:
        decision_id = ask(client, ACTIONS, question("r1"), 200)["decision_id"]
        ask(client, "/v1/outcomes", outcome("e1", decision_id=decision_id), 201)
        verdict = {"feedback_id": "f1", "decision_id": decision_id, "verdict": "disagree"}
        ask(client, "/v1/feedback", verdict, 201)
        for count in (1, 0):
            response = client.delete(f"/v1/customers/{CUSTOMER}")
            Erased.model_validate(response.json())
            assert response.json()["erased"]["decisions"] == count
        for path, body in (
            (ACTIONS, question("r1")),
            ("/v1/outcomes", outcome("e1", decision_id=decision_id)),
            ("/v1/feedback", verdict),
        ):
            assert ask(client, path, body, 410)["type"] == "urn:kith:problem:erased"
        assert client.get(f"/v1/decisions/{decision_id}").status_code == 404
    counts = audit(tmp_path, monkeypatch, capsys)
    assert (counts["decisions"], counts["outcomes"], counts["erasures"]) == ({}, {}, 1)


def test_files_of_the_store_hold_no_id_and_are_the_owners_alone(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        decision_id = ask(client, ACTIONS, question(f"{CUSTOMER}/1"), 200)["decision_id"]
        contact = outcome(f"{CUSTOMER}/2", decision_id=decision_id, contact_id=f"{CUSTOMER}/3")
        ask(client, "/v1/outcomes", contact, 201)
        held = [path for path in tmp_path.iterdir() if path.name.startswith("kith.db")]
        assert held
        for path in held:
            assert CUSTOMER.encode() not in path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_limit_holds_under_concurrent_requests(tmp_path: Path) -> None:
    with serving(tmp_path) as client, ThreadPoolExecutor(16) as pool:
        asked = [question(f"r{k}", f"c{k % 4}", candidates=["reminder"], orders=[]) for k in range(64)]
        told = list(pool.map(lambda body: ask(client, ACTIONS, body, 200), asked))
    sent = [one["customer_id"] for one in told if one["actions"][0]["action_id"] == "reminder"]
    assert sorted(sent) == ["c0", "c1", "c2", "c3"]


def test_batch_is_written_in_one_go_and_dry_run_is_not(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        asked = [question(f"r{k}", f"c{k}") for k in range(50)]
        dry = ask(
            client, f"{ACTIONS}/batch", {"requests": [{**one, "mode": "dry_run"} for one in asked]}, 200
        )
        live = ask(client, f"{ACTIONS}/batch", {"requests": asked}, 200)
        for told in (dry, live):
            Decisions.model_validate(told)
            assert told["funnel"]["customers"] == 50
        assert dry["funnel"] == live["funnel"]
        again = ask(client, f"{ACTIONS}/batch", {"requests": asked}, 200)
        assert all(one["decision"]["replay"] for one in again["results"])


@pytest.mark.parametrize(("unlogged", "status"), [("refuse", 503), ("answer", 200)])
def test_database_that_is_away_stops_no_score(tmp_path: Path, unlogged: str, status: int) -> None:
    (tmp_path / "file").write_text("no folder")
    url = f"sqlite:///{tmp_path}/file/kith.db"
    with serving(tmp_path, store=url, unlogged_decisions=unlogged) as client:
        told = ask(client, ACTIONS, question("r1"), status)
        assert told.get("logged", False) is False
        assert ask(client, ACTIONS, question("r2", mode="dry_run"), 200)["warnings"]
        assert client.delete("/v1/customers/c").status_code == 503
        scored = ask(client, "/v1/scores", {"customer": {"customer_id": "c"}, "want": ["clv"]}, 200)
        assert scored["clv"]["ineligible_reason"] == "no_model"
        assert client.get("/readyz?verbose").json()["store"]["state"] == "down"
        assert "kith_store_up 0.0" in client.get("/metrics").text


def test_books_of_a_database_that_cannot_be_read_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("KITH_STORE", f"sqlite:///{tmp_path}/file/kith.db")
    assert main(["books"]) == 1
    assert str(tmp_path) not in capsys.readouterr().err


def test_books_are_told_in_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as client:
        ask(client, ACTIONS, question("r1"), 200)
    monkeypatch.setenv("KITH_VAR", str(tmp_path))
    assert main(["books"]) == 0
    told = capsys.readouterr().out
    assert "decisions" in told
    assert "(live 1)" in told
    assert told.endswith("The books balance.\n")
