"""Bad input through the commands and over HTTP: where it is, what helps, and nothing else is touched."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.drills.small import (
    CANARY,
    CASES,
    NAIVE_ORDERS,
    Case,
    business_text,
    csv_text,
    naive_rows,
    order_rows,
)
from tests.drills.stage import AS_OF, SUMMARY, Stage
from tests.drills.test_tampering import flipped
from tests.integration.running import start
from tests.unit.artifacts import tiny
from training.__main__ import main

pytestmark = pytest.mark.xdist_group("drill-bad-input")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def models(written: Path, tmp_path: Path) -> Iterator[Path]:
    """A models folder with a release, which is the same afterwards to the last byte."""
    folder = Path(shutil.copytree(written, tmp_path / "models"))
    tiny.publish_quietly(folder, min((folder / "churn").iterdir()))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    yield folder
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == before


def written_out(folder: Path, business: str, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "business.yaml").write_text(business, "utf-8")
    return folder / "business.yaml"


def said(capsys: Output) -> str:
    """Return all that was printed; it holds nothing of a customer and no traceback."""
    told = "".join(capsys.readouterr())
    assert CANARY not in told
    assert CANARY.split("@", maxsplit=1)[0] not in told
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_training_names_place_and_remedy(case: Case, models: Path, tmp_path: Path, capsys: Output) -> None:
    business = written_out(tmp_path, case.business, case.files())
    code = main(["train", "--business", str(business), "--models", str(models)])
    told = said(capsys)
    assert code == case.code, told
    assert [word for word in (*case.place, *case.remedy) if word not in told] == [], told


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda case: case.name)
def test_check_says_the_same_and_ends_with_2(case: Case, tmp_path: Path, capsys: Output) -> None:
    business = written_out(tmp_path, case.business, case.files())
    assert main(["check", "--business", str(business)]) == case.code
    told = said(capsys)
    assert [word for word in case.place if word not in told] == [], told
    assert "remedy:" in told or "→" in told


def test_database_that_refuses_the_query_keeps_its_rows_to_itself(
    models: Path, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE sales (customer_id TEXT)")
        connection.execute("INSERT INTO sales VALUES (?)", (CANARY,))
    monkeypatch.setenv("CRM_URL", f"sqlite:///{tmp_path / 'crm.sqlite'}")
    source = '{database: CRM_URL, query: "SELECT turnover FROM sales"}'
    business = written_out(tmp_path, business_text(source=source), {})
    assert main(["train", "--business", str(business), "--models", str(models)]) == 2
    told = said(capsys)
    assert "raw" in told
    assert "remedy:" in told


def test_naive_times_are_a_finding_that_names_the_column(tmp_path: Path, capsys: Output) -> None:
    business = written_out(
        tmp_path, business_text(NAIVE_ORDERS, zone=""), {"raw.csv": csv_text(naive_rows()).encode()}
    )
    assert main(["check", "--business", str(business), "--json"]) == 0
    captured = capsys.readouterr()
    assert CANARY not in captured.out + captured.err
    findings = {finding["code"]: finding for finding in json.loads(captured.out)["findings"]}
    assert (findings["naive_time"]["table"], findings["naive_time"]["column"]) == ("orders", "ordered_at")
    assert findings["naive_time"]["rows"] == 240
    assert "timezone" in findings["timezone_not_stated"]["remedy"]


def test_check_tells_ten_customers_what_they_are_enough_for(tmp_path: Path, capsys: Output) -> None:
    business = written_out(tmp_path, business_text(), {"raw.csv": csv_text(order_rows(10)).encode()})
    assert main(["check", "--business", str(business)]) == 0
    told = said(capsys)
    assert "10 customers" in told
    assert "missing    for statistical" in told
    assert "200 needed" in told


def test_training_on_ten_customers_gives_rules_or_says_what_is_missing(
    tmp_path: Path, capsys: Output
) -> None:
    business = written_out(tmp_path, business_text(), {"raw.csv": csv_text(order_rows(10)).encode()})
    models = tmp_path / "models"
    code = main(["train", "--business", str(business), "--models", str(models), "--json"])
    captured = capsys.readouterr()
    assert CANARY not in captured.out + captured.err
    assert code in {0, 2}
    if code == 2:
        assert "remedy" in captured.out + captured.err
        return
    [churn] = json.loads(captured.out)["artifacts"].values()
    assert {one["tier"] for one in churn["populations"]} == {"rules"}


def test_bulk_scoring_without_a_release_ends_with_2_and_says_how_to_get_one(
    tmp_path: Path, capsys: Output
) -> None:
    business = written_out(tmp_path, business_text(), {"raw.csv": csv_text(order_rows(60)).encode()})
    out = tmp_path / "scores.parquet"
    asked = ["score", "--business", str(business), "--models", str(tmp_path / "none"), "--out", str(out)]
    assert main(asked) == 2
    assert "training train" in said(capsys)
    assert not out.exists()


def test_commands_refuse_a_tampered_artifact_with_1(tmp_path: Path, written: Path, capsys: Output) -> None:
    models = Path(shutil.copytree(written, tmp_path / "models"))
    first, second = sorted((models / "churn").iterdir())
    before = tiny.publish_quietly(models, first)
    for artifact in (first, second):
        (artifact / "repeat.txt").write_bytes(flipped((artifact / "repeat.txt").read_bytes()))
    business = written_out(tmp_path, business_text(), {"raw.csv": csv_text(order_rows(60)).encode()})
    out = tmp_path / "scores.parquet"
    for asked in (
        ["score", "--business", str(business), "--models", str(models), "--out", str(out)],
        ["publish", "--models", str(models), "--artifact", f"churn/{second.name}"],
        ["rollback", "--models", str(models), "--release", json.loads(before)["name"]],
    ):
        assert main(asked) == 1, asked
        told = said(capsys)
        assert "repeat.txt" in told
        assert "sha256" in told
    assert not out.exists()
    assert (models / "release.json").read_bytes() == before


ORDER = {"order_id": CANARY, "ordered_at": "2026-09-10T10:00:00Z", "revenue": 20.0, "currency": "GBP"}


def body(**fields: Any) -> dict[str, Any]:
    return {"as_of": AS_OF, "customer": {"customer_id": CANARY}, "orders": [ORDER], **fields}


REFUSED = {
    "naive time": (
        body(orders=[{**ORDER, "ordered_at": "2026-09-10T10:00:00"}]),
        "/orders/0/ordered_at",
        "no_offset",
    ),
    "naive as_of": (body(as_of="2026-11-01T09:30:00"), "/as_of", "no_offset"),
    "unknown field": (body(ordrs=[CANARY]), "", "misspelt_field"),
    "unknown field of the customer": (
        {**body(), "customer": {"customer_id": CANARY, CANARY: CANARY}},
        "/customer",
        "unknown_field",
    ),
    "both": (body(summary=SUMMARY), "/summary", "orders_and_summary"),
    "mixed currencies": (
        body(orders=[ORDER, {**ORDER, "order_id": "2", "currency": "EUR"}]),
        "/orders/1/currency",
        "wrong_currency",
    ),
    "missing field": ({"orders": [ORDER]}, "/customer", "required"),
    "wrong type": (body(orders=[{**ORDER, "revenue": CANARY}]), "/orders/0/revenue", "wrong_type"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_request_is_422_with_pointer_and_hint_and_the_release_goes_on(stage: Stage, name: str) -> None:
    sent, pointer, code = REFUSED[name]
    before, answer = (stage.models / "release.json").read_bytes(), stage.answer()
    single = stage.server.call("POST", "/v1/scores", sent)
    batch = stage.server.call("POST", "/v1/scores/batch", {"requests": [sent, body()]})
    assert single.status == 422, single.body
    assert single.headers["content-type"] == "application/problem+json"
    told = single.json()
    assert [(fault["pointer"], fault["code"]) for fault in told["errors"]] == [(pointer, code)]
    assert told["errors"][0]["hint"]
    refused, scored = batch.json()["results"]
    assert (batch.status, refused["status"], scored["status"]) == (200, 422, 200)
    assert refused["problem"]["errors"][0]["code"] == code
    assert CANARY.encode() not in single.body
    assert CANARY not in json.dumps(refused)
    assert CANARY not in stage.server.log()
    assert stage.answer() == answer
    assert (stage.models / "release.json").read_bytes() == before


def test_service_without_a_release_answers_503_and_says_what_to_do(tmp_path: Path) -> None:
    server = start(tmp_path)
    try:
        for reply in (server.call("POST", "/v1/scores", body()), server.call("GET", "/readyz")):
            assert reply.status == 503
            told = reply.json()
            assert told["type"] == "urn:kith:problem:no_release"
            assert "training train" in told["errors"][0]["hint"]
            assert CANARY.encode() not in reply.body
        assert server.call("GET", "/livez").status == 200
    finally:
        server.stop()
    assert CANARY not in server.log()
