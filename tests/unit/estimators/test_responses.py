"""Shares of answers by channel and hour: the document, the segment, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import StructureError
from app.estimators.responses import SEGMENTS, Responses, segment_codes

DOCUMENT: dict[str, Any] = {
    "recent_days": 45.0,
    "channels": {
        "all": {"email": [0.1, 0.12, 0.15], "sms": [0.2, 0.25, 0.3]},
        "by_segment": {"repeat_recent": {"email": [0.2, 0.3, 0.4]}},
    },
    "hours": {"all": [9, 12], "by_segment": {"no_order": [18, 21]}},
}


def known(order_days: float, silence: float | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"features.order_days": order_days}
    return found if silence is None else {**found, "features.days_since_last_order": silence}


def test_a_document_is_read_and_written_alike() -> None:
    assert Responses.of_document(DOCUMENT).as_document() == DOCUMENT


def test_nothing_learned_is_silent() -> None:
    found = Responses.of_document({})
    assert found.is_silent
    assert found.as_document() == {}
    assert dict(found.channels("repeat_recent")) == {}
    assert found.hour(None) is None
    assert found.names == frozenset()
    assert found.segment_of(known(3.0, 4.0)) is None


def test_a_segment_has_its_own_shares_and_others_those_of_all() -> None:
    found = Responses.of_document(DOCUMENT)
    assert found.channels("repeat_recent") == {"email": (0.2, 0.3, 0.4)}
    assert found.channels("first_silent") == found.channels(None)
    assert found.channels(None)["sms"] == (0.2, 0.25, 0.3)
    assert found.hour("no_order") == (18, 21)
    assert found.hour("repeat_recent") == (9, 12)
    assert found.names == {"features.order_days", "features.days_since_last_order"}


def test_without_segments_no_variable_is_read() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["channels"]["by_segment"] = document["hours"]["by_segment"] = {}
    assert Responses.of_document(document).names == frozenset()


@pytest.mark.parametrize(
    ("variables", "segment"),
    [
        (known(0.0), "no_order"),
        (known(1.0, 45.0), "first_recent"),
        (known(1.0, 46.0), "first_silent"),
        (known(2.0, 3.0), "repeat_recent"),
        (known(9.0, 300.0), "repeat_silent"),
        (known(2.0), None),
        ({}, None),
    ],
)
def test_segments_follow_orders_and_silence(variables: dict[str, Any], segment: str | None) -> None:
    assert Responses.of_document(DOCUMENT).segment_of(variables) == segment


@given(
    orders=st.one_of(st.integers(0, 100).map(float), st.just(float("nan"))),
    silence=st.one_of(st.floats(0, 4000), st.just(float("nan"))),
)
def test_training_and_serving_tell_the_same_segment(orders: float, silence: float) -> None:
    code = int(segment_codes(np.array([orders]), np.array([silence]), 45.0)[0])
    variables = {
        name: value
        for name, value in known(orders, silence).items()
        if not np.isnan(value)  # what is not known is not there
    }
    told = Responses.of_document(DOCUMENT).segment_of(variables)
    assert told == (None if code < 0 else SEGMENTS[code])


def broken(place: tuple[str, ...], value: object) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return document


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("recent_days",), None),
        (("recent_days",), -1.0),
        (("recent_days",), True),
        (("more",), 1),
        (("channels",), []),
        (("channels", "all"), {"pigeon": [0.1, 0.2, 0.3]}),
        (("channels", "all"), {"email": [0.3, 0.2, 0.1]}),
        (("channels", "all"), {"email": [0.0, 0.0, 0.1]}),
        (("channels", "all"), {"email": [0.1, 0.2]}),
        (("channels", "all"), {"email": [0.1, 0.2, 1.5]}),
        (("channels", "all"), {"email": [0.1, float("nan"), 0.3]}),
        (("channels", "by_segment"), {"friends": {}}),
        (("channels", "by_segment"), {"no_order": []}),
        (("hours", "all"), [12, 9]),
        (("hours", "all"), [9.0, 12.0]),
        (("hours", "all"), [9, 25]),
        (("hours", "all"), [9]),
        (("hours", "by_segment"), []),
    ],
)
def test_what_is_not_such_a_document_is_refused(place: tuple[str, ...], value: object) -> None:
    with pytest.raises(StructureError, match=r"response|share"):
        Responses.of_document(broken(place, value))


@pytest.mark.parametrize("document", [None, [], "x", {"channels": {}}])
def test_another_shape_is_refused(document: object) -> None:
    with pytest.raises(StructureError, match="do not hold"):
        Responses.of_document(document)
