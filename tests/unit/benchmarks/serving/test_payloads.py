from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from app.api.schemas.request import read_request, repeats_a_key
from benchmarks.serving.echo import PATH, echo_app
from benchmarks.serving.payloads import EVENTS, ORDERS, VARIANTS, history_bodies, summary_bodies

Bodies = Callable[[], list[bytes]]


@pytest.mark.parametrize("bodies", [summary_bodies, history_bodies])
def test_every_body_is_a_request_and_none_is_sent_twice(bodies: Bodies) -> None:
    made = bodies()
    assert len(set(made)) == VARIANTS
    for body in made:
        assert not repeats_a_key(body, read_request(body))


def test_a_history_has_the_promised_rows_all_before_the_question() -> None:
    for body in history_bodies():
        request = read_request(body)
        assert request.as_of is not None
        assert request.orders is not None
        assert request.events is not None
        assert (len(request.orders), len(request.events)) == (ORDERS, EVENTS)
        assert max(order.ordered_at for order in request.orders) < request.as_of
        assert max(event.timestamp for event in request.events) <= request.as_of
        assert request.explain is True


def test_a_summary_asks_for_no_reasons_unless_told_to() -> None:
    assert read_request(summary_bodies()[0]).explain is None
    assert read_request(summary_bodies(is_explained=True)[0]).explain is True


@pytest.mark.parametrize("bodies", [summary_bodies, history_bodies])
def test_the_yardstick_validates_and_gives_back_what_was_sent(bodies: Bodies) -> None:
    body = bodies()[5]
    answer = TestClient(echo_app()).post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    sent, back = json.loads(body), answer.json()
    assert back["customer"]["customer_id"] == sent["customer"]["customer_id"]
    assert len(back.get("orders") or ()) == len(sent.get("orders", ()))
    assert TestClient(echo_app()).post(PATH, json={**sent, "unknown": 1}).status_code == 422
