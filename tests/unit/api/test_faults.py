from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.api.faults import escaped, invalid_body, invalid_json, nearest
from app.api.problem_texts import TYPES
from app.api.problems import Fault, ProblemError, document
from app.api.schemas.request import read_request


def problem(body: Any, attributes: tuple[str, ...] = (), prefix: str = "") -> ProblemError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ValidationError) as caught:
        read_request(raw)
    return invalid_body(caught.value, prefix, attributes)


def found(body: Any, **more: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in problem(body, **more).faults]


def order(**fields: Any) -> dict[str, Any]:
    return {"order_id": "o", "ordered_at": "2026-01-01T00:00:00Z", "revenue": 1, **fields}


def test_pointer_leads_to_the_field() -> None:
    body = {"customer": {"customer_id": "c"}, "orders": [order(), order(ordered_at="yesterday")]}
    assert found(body) == [("/orders/1/ordered_at", "not_a_timestamp")]


def test_missing_field_is_pointed_at_where_it_should_stand() -> None:
    assert found({"customer": {}}) == [("/customer/customer_id", "required")]


def test_unknown_field_is_pointed_at_by_its_parent() -> None:
    body = {"customer": {"customer_id": "c"}, "orders": [order(**{"jane@mail.example": 1})]}
    (fault,) = problem(body).faults
    assert isinstance(fault, Fault)
    assert (fault.pointer, fault.code) == ("/orders/0", "unknown_field")
    assert "jane" not in json.dumps(document(problem(body), "en"))


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [("custmer", "customer"), ("supportCases", "support_cases"), ("asOf", "as_of"), ("event", "events")],
)
def test_nearest_known_name_is_suggested(given_name: str, meant: str) -> None:
    (fault,) = problem({"customer": {"customer_id": "c"}, given_name: None}).faults
    assert isinstance(fault, Fault)
    assert fault.code == "misspelt_field"
    assert fault.values["name"] == meant


def test_misspelt_and_strange_fields_are_told_apart_and_counted() -> None:
    body = {"customer": {"customer_id": "c", "citty": "x", "zzz": 1, "qqqq": 2}}
    faults = problem(body).faults
    assert [(fault.pointer, fault.code) for fault in faults] == [
        ("/customer", "misspelt_field"),
        ("/customer", "unknown_field"),
    ]
    assert isinstance(faults[1], Fault)
    assert faults[1].values["count"] == "2"


def test_key_of_an_attribute_stays_unsaid_unless_declared() -> None:
    body = {"customer": {"customer_id": "c", "attributes": {"jane@mail.example": [], "plan": []}}}
    assert found(body, attributes=("plan",)) == [
        ("/customer/attributes", "wrong_type"),
        ("/customer/attributes/plan", "wrong_type"),
    ]


def test_choice_of_types_is_one_fault() -> None:
    contact = {"contact_id": "c", "contacted_at": "2026-01-01T00:00:00Z", "channel": "sms", "outcome": []}
    (fault,) = problem({"customer": {"customer_id": "c"}, "contacts": [contact]}).faults
    assert isinstance(fault, Fault)
    assert (fault.pointer, fault.code) == ("/contacts/0/outcome", "wrong_type")
    assert fault.values["expected"] == TYPES["scalar"]


def test_prefix_stands_before_every_pointer() -> None:
    assert found({"customer": {}}, prefix="/requests/7") == [("/requests/7/customer/customer_id", "required")]


def test_naive_time_is_told_by_name() -> None:
    assert found({"customer": {"customer_id": "c"}, "as_of": "2026-01-01T00:00:00"}) == [
        ("/as_of", "no_offset")
    ]


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":}', b"\xff\xfe", b'{"a":"\\ud800"}', b"[" * 1000])
def test_what_is_no_json_is_400(body: bytes) -> None:
    told = problem(body)
    assert told.kind == "invalid_json"
    assert told.status == 400
    assert [fault.code for fault in told.faults] == ["json_syntax"]


def test_position_in_the_text_is_kept() -> None:
    (fault,) = invalid_json("expected value at line 3 column 14").faults
    assert isinstance(fault, Fault)
    assert fault.values == {"line": "3", "column": "14"}


def test_too_many_faults_are_counted_only() -> None:
    body = {"customer": {"customer_id": "c"}, "orders": [1] * 10_001}
    (fault,) = problem(body).faults
    assert isinstance(fault, Fault)
    assert fault.code == "too_many_faults"
    assert fault.values["count"] == "10001"


def test_long_names_are_not_compared() -> None:
    assert nearest("x" * 65, ["x" * 64]) is None


def test_escape_follows_rfc_6901() -> None:
    assert escaped("a/b~c") == "a~1b~0c"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["customer", "customer_id", "attributes", "orders", "products", "summary", "x@y", "want"]
                )
                | st.text(max_size=8),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_whatever_breaks_the_description_of_its_faults(value: object) -> None:
    try:
        read_request(json.dumps(value))
    except ValidationError as error:
        for locale in ("en", "zh-CN"):
            told = document(invalid_body(error), locale)
            assert told["status"] in {400, 422}
            assert told["errors"]
