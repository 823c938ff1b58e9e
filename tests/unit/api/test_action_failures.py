"""What one customer's data break in a batch, and numbers that are not finite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from app.api.actions import Actions
from app.api.releases import Releases
from app.api.schemas.acted import Decisions
from app.api.telemetry import Metrics
from app.domain.rows import Row
from app.serving.decide import Prepared, prepare
from app.serving.pseudonyms import Keys
from tests.unit.api.fakes import KEY, NOW, FakeStore
from tests.unit.api.memories import FakeMemory, acting

Body = dict[str, Any]
CANARY = "canary.jane@mail.example"


def breaking(release: Any, people: Sequence[Row], *rest: Any) -> Prepared:
    """Weigh as usual, but break on one customer."""
    if any(person["customer_id"] == CANARY for person in people):
        raise ZeroDivisionError(CANARY)
    return prepare(release, people, *rest)


class Endless(Prepared):
    """Answers with a number that is not finite."""

    def answers(self, decided: Any) -> Sequence[Body | None]:
        found = super().answers(decided)
        for answer in found:
            if answer is not None:
                answer["actions"] = [{**answer["actions"][0], "cost": float("inf")}]
        return found


def endless(*parts: Any) -> Prepared:
    return Endless(**vars(prepare(*parts)))


def client(preparer: Any, memory: FakeMemory) -> tuple[TestClient, Metrics]:
    metrics = Metrics()
    actions = Actions(
        Releases(FakeStore(acting())), lambda: NOW, Keys(KEY), metrics, memory, preparer=preparer
    )
    routes = [
        Route("/one", actions.single, methods=["POST"]),
        Route("/many", actions.batch, methods=["POST"]),
    ]
    return TestClient(Starlette(routes=routes)), metrics


def question(request_id: str, customer_id: str) -> Body:
    return {"request_id": request_id, "customer": {"customer_id": customer_id}}


@pytest.mark.parametrize("names", [["a", CANARY, "b"], [CANARY]])
def test_customer_whose_data_break_the_weighing_spoils_no_other(
    names: list[str], caplog_kith: pytest.LogCaptureFixture
) -> None:
    memory = FakeMemory()
    service, _ = client(breaking, memory)
    sent = {"requests": [question(f"r{k}", name) for k, name in enumerate(names)]}
    told = service.post("/many", json=sent).json()
    Decisions.model_validate(told)
    assert [one["status"] for one in told["results"]] == [500 if name == CANARY else 200 for name in names]
    assert [one.getMessage() for one in caplog_kith.records] == ["decision_failed"]
    failed = [one for one in told["results"] if one["status"] == 500]
    assert CANARY not in json.dumps(failed) + repr([vars(record) for record in caplog_kith.records])
    assert len(memory.decisions) == len(names) - 1


def test_number_that_is_not_finite_never_leaves() -> None:
    service, metrics = client(endless, FakeMemory())
    response = service.post("/one", json=question("r", "c"))
    assert (response.status_code, response.json()["type"]) == (500, "urn:kith:problem:not_finite")
    told = service.post("/many", json={"requests": [question("s", "c")]}).json()
    assert told["results"][0]["status"] == 500
    assert told["funnel"]["customers"] == 0
    assert metrics.registry.get_sample_value("kith_nonfinite_answers_total") == 2
