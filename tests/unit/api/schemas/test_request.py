from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from app.api.examples import BATCH_EXAMPLES, HISTORY, SCORE_EXAMPLES, SUMMARY
from app.api.schemas.customer import Contact, Customer
from app.api.schemas.request import (
    ROW_TABLES,
    BatchRequest,
    ScoreRequest,
    canonical,
    count_fields,
    read_request,
    repeats_a_key,
    to_rows,
)
from app.domain.history import (
    ARMS,
    CASE_TYPES,
    CONSENT_STATUSES,
    CONTACT_CHANNELS,
    FEEDBACK_KINDS,
    ORDER_STATUSES,
    PRIORITIES,
    PROFILE_TEXTS,
    PURPOSES,
    TABLES,
)
from app.domain.history import (
    SUMMARY as SUMMARY_COLUMNS,
)
from app.domain.rows import build_history

CUSTOMER = {"customer_id": "c"}


def body(**fields: Any) -> bytes:
    return json.dumps({"customer": CUSTOMER, **fields}).encode()


def models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the models inside a model's fields, by the field's name."""
    found: dict[str, type[BaseModel]] = {}

    def walk(annotation: object, name: str) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found[name] = annotation
        for argument in get_args(annotation):
            walk(argument, name)

    for name, info in model.model_fields.items():
        walk(info.annotation, name)
    return found


@pytest.mark.parametrize("name", SCORE_EXAMPLES)
def test_every_example_is_valid(name: str) -> None:
    _, example = SCORE_EXAMPLES[name]
    request = read_request(json.dumps(example, ensure_ascii=False).encode())
    assert request.customer.customer_id == example["customer"]["customer_id"]


@pytest.mark.parametrize("name", BATCH_EXAMPLES)
def test_every_batch_example_is_valid(name: str) -> None:
    BatchRequest.model_validate_json(json.dumps(BATCH_EXAMPLES[name][1]))


@pytest.mark.parametrize("table", [*ROW_TABLES, "order_lines", "summary"])
def test_wire_has_every_column_that_features_read(table: str) -> None:
    parts = models(ScoreRequest)
    columns = set(SUMMARY_COLUMNS if table == "summary" else TABLES.get(table, TABLES["orders"]).columns)
    if table == "order_lines":
        columns = set(TABLES["order_lines"].columns) - {"ordered_at", "order", "product"} | {"product_id"}
        fields = set(models(parts["orders"])["products"].model_fields)
    else:
        renamed = {"has_coupon": "coupon", "product": "product_id"}
        columns = {renamed.get(column, column) for column in columns}
        fields = set(parts[table].model_fields)
    assert columns <= fields


def test_wire_has_every_profile_field() -> None:
    assert {*PROFILE_TEXTS, "created_at", "birth_year"} <= set(Customer.model_fields)


@pytest.mark.parametrize(
    ("table", "field", "words"),
    [
        ("orders", "status", ORDER_STATUSES),
        ("support_cases", "type", CASE_TYPES),
        ("support_cases", "priority", PRIORITIES),
        ("feedback", "kind", FEEDBACK_KINDS),
        ("contacts", "channel", CONTACT_CHANNELS),
        ("contacts", "arm", ARMS),
        ("consents", "purpose", PURPOSES),
        ("consents", "status", CONSENT_STATUSES),
    ],
)
def test_words_of_the_wire_are_those_of_the_columns(table: str, field: str, words: tuple[str, ...]) -> None:
    schema = models(ScoreRequest)[table].model_json_schema()["properties"][field]
    options = schema.get("enum") or next(part["enum"] for part in schema["anyOf"] if "enum" in part)
    assert tuple(options) == words


def test_no_field_could_hold_a_name_or_an_address() -> None:
    def names(model: type[BaseModel]) -> set[str]:
        return set(model.model_fields).union(*(names(part) for part in models(model).values()))

    assert not names(ScoreRequest) & {
        "name",
        "first_name",
        "last_name",
        "phone",
        "email",
        "street",
        "address",
    }


def test_every_field_is_described() -> None:
    def undescribed(model: type[BaseModel]) -> list[str]:
        own = [
            f"{model.__name__}.{name}" for name, info in model.model_fields.items() if not info.description
        ]
        return own + [name for part in models(model).values() for name in undescribed(part)]

    assert not undescribed(BatchRequest)


REFUSED: dict[str, bytes] = {
    "empty": b"",
    "bom": b"\xef\xbb\xbf" + body(),
    "utf-16": body().decode().encode("utf-16"),
    "array": b"[]",
    "null": b"null",
    "trailing": body() + b"x",
    "lone surrogate": b'{"customer":{"customer_id":"\\ud800"}}',
    "invalid utf-8": b'{"customer":{"customer_id":"\xff"}}',
    "deep nesting": b'{"customer":' * 900,
    "very deep nesting": b"[" * 100_000,
    "no customer": b"{}",
    "empty id": b'{"customer":{"customer_id":""}}',
    "long id": json.dumps({"customer": {"customer_id": "x" * 129}}).encode(),
    "null byte in id": b'{"customer":{"customer_id":"a\\u0000"}}',
    "id as number": b'{"customer":{"customer_id":5}}',
    "unknown field": body(email="a@b.example"),
    "naive time": body(as_of="2026-01-01T00:00:00"),
    "epoch": body(as_of=1767225600),
    "epoch as text": body(as_of="1767225600"),
    "day alone": body(as_of="2026-01-01"),
    "no such day": body(as_of="2026-02-30T00:00:00Z"),
    "year 9999": body(as_of="9999-01-01T00:00:00Z"),
    "year 1969": body(as_of="1969-12-31T23:59:59Z"),
    "offset of 99 hours": body(as_of="2026-01-01T00:00:00+99:00"),
    "horizon 0": body(horizon_days=0),
    "horizon 3651": body(horizon_days=3651),
    "horizon as text": body(horizon_days="90"),
    "horizon as fraction": body(horizon_days=90.5),
    "explain as text": body(explain="true"),
    "explain as number": body(explain=1),
    "another language": body(locale="fr"),
    "nothing wanted": body(want=[]),
    "unknown block": body(want=["churn", "fortune"]),
    "order without id": body(orders=[{"ordered_at": "2026-01-01T00:00:00Z", "revenue": 1}]),
    "revenue NaN": body(
        orders=[{"order_id": "o", "ordered_at": "2026-01-01T00:00:00Z", "revenue": float("nan")}]
    ),
    "revenue infinite": body(summary={"order_count": 0, "revenue": float("inf")}),
    "revenue 1e400": body(summary={"order_count": 0, "revenue": 0}).replace(
        b'"revenue": 0', b'"revenue": 1e400'
    ),
    "revenue of 4000 digits": body(summary={"order_count": 0, "revenue": int("9" * 4000)}),
    "revenue beyond bounds": body(summary={"order_count": 0, "revenue": 1e300}),
    "revenue as text": body(summary={"order_count": 0, "revenue": "12.5"}),
    "revenue true": body(summary={"order_count": 0, "revenue": True}),
    "negative count": body(summary={"order_count": -1, "revenue": 0}),
    "lower-case currency": body(summary={"order_count": 0, "revenue": 0, "currency": "cny"}),
    "country in full": json.dumps({"customer": {"customer_id": "c", "country": "China"}}).encode(),
    "long text": body(
        feedback=[
            {"feedback_id": "f", "submitted_at": "2026-01-01T00:00:00Z", "kind": "review", "text": "x" * 4001}
        ]
    ),
    "propensity over 1": body(
        contacts=[
            {"contact_id": "c", "contacted_at": "2026-01-01T00:00:00Z", "channel": "sms", "propensity": 1.2}
        ]
    ),
    "attribute NaN": b'{"customer":{"customer_id":"c","attributes":{"a":NaN}}}',
    "attribute infinite": b'{"customer":{"customer_id":"c","attributes":{"a":1e999}}}',
    "nested attribute": json.dumps({"customer": {"customer_id": "c", "attributes": {"a": {}}}}).encode(),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused(case: str) -> None:
    with pytest.raises(ValidationError):
        read_request(REFUSED[case])


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+08:00",
        "2026-01-01 00:00:00.123456-03:30",
        "2026-01-01T00:00Z",
    ],
)
def test_timestamps_with_an_offset_are_read(moment: str) -> None:
    request = read_request(body(as_of=moment))
    assert request.as_of is not None
    assert request.as_of.utcoffset() is not None


def test_null_and_absent_are_the_same() -> None:
    absent, null = read_request(body()), read_request(body(orders=None, locale=None, as_of=None))
    assert absent.model_dump() == null.model_dump()
    assert canonical(absent) == canonical(null)
    assert to_rows(absent) == to_rows(null)


def test_canonical_form_ignores_order_and_space() -> None:
    one = b'{"locale":"en","customer":{"attributes":{"b":1,"a":"x"},"customer_id":"c"}}'
    other = b'{ "customer": {"customer_id": "c", "attributes": {"a": "x", "b": 1.0}}, "locale": "en" }'
    assert canonical(read_request(one)) == canonical(read_request(other))


def test_canonical_form_tells_different_requests_apart() -> None:
    assert canonical(read_request(body(locale="en"))) != canonical(read_request(body(locale="zh-CN")))


@pytest.mark.parametrize("outcome", [True, False, 0, 1, "converted"])
def test_outcome_is_a_word_or_a_truth(outcome: object) -> None:
    contact = Contact.model_validate_json(
        json.dumps(
            {"contact_id": "c", "contacted_at": "2026-01-01T00:00:00Z", "channel": "sms", "outcome": outcome}
        )
    )
    assert contact.outcome == outcome
    assert type(contact.outcome) is type(outcome)


@pytest.mark.parametrize("number", [0, 1])
def test_outcome_number_means_the_same_as_its_truth(number: int) -> None:
    rows = [
        {"contact_id": "c", "contacted_at": "2026-01-01T00:00:00Z", "channel": "sms", "outcome": value}
        for value in (number, bool(number))
    ]
    column = build_history([to_rows(read_request(body(contacts=rows)))], "UTC").tables["contacts"]["outcome"]
    assert column[0] == column[1] == number


def test_rows_are_what_the_columns_are_built_from() -> None:
    request = read_request(json.dumps(HISTORY).encode())
    history = build_history(
        [to_rows(request)],
        "Asia/Shanghai",
        {"plan": "categorical", "newsletter": "boolean", "household_size": "numeric"},
    )
    assert history.customer_ids == (HISTORY["customer"]["customer_id"],)
    assert history.tables["orders"]["revenue"].tolist() == [420.0, 268.0, 135.0]
    assert sorted(history.tables["order_lines"]["quantity"].tolist()) == [1.0, 2.0]
    assert history.attributes["plan"].tolist() == ["pay_as_you_go"]
    assert history.attributes["newsletter"].tolist() == [0.0]
    assert history.tables["subscriptions"].given.tolist() == [True]
    assert len(history.tables["subscriptions"]["amount"]) == 0
    summary = build_history([to_rows(read_request(json.dumps(SUMMARY).encode()))], "UTC").summary
    assert summary is not None
    assert summary["order_count"].tolist() == [23.0]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"customer":{"customer_id":"a","customer_id":"b"}}',
        b'{"customer" : {"customer_id":"a","customer_id":"b"}}',
        b'{"customer":{"customer_id":"a"},"customer":{"customer_id":"b"}}',
        b'{"customer":{"customer_id":"a","attributes":{"x":1,"x":1}}}',
        b'{"customer":{"customer_id":"a"},"locale":"en","loc\\u0061le":"en"}',
        b'{"customer":{"customer_id":"a","customer_id" :"b"},"want":["churn"]}',
        b'{"customer":{"customer_id":"a","customer_id"\n:"b"}}',
        b'{"customer":{"customer_id":"a","city":"\\":","city" :"\\":"}}',
    ],
)
def test_repeated_key_is_seen(raw: bytes) -> None:
    assert repeats_a_key(raw, read_request(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"customer":{"customer_id":"a"}}',
        b'{"customer" :{"customer_id"\t:"a"}}',
        b'{"customer":{"customer_id":"a","city":"\\": \\":"}}',
        json.dumps(HISTORY).encode(),
        json.dumps(HISTORY, indent=2).encode(),
        json.dumps(HISTORY, separators=(",", ":")).encode(),
    ],
)
def test_keys_of_different_objects_do_not_count_as_repeated(raw: bytes) -> None:
    assert not repeats_a_key(raw, read_request(raw))


@pytest.mark.parametrize("name", SCORE_EXAMPLES)
def test_count_alone_decides_for_compact_bodies(name: str) -> None:
    raw = json.dumps(SCORE_EXAMPLES[name][1], separators=(",", ":")).encode()
    assert count_fields(read_request(raw)) == raw.count(b'":')


TEXTS = st.text(alphabet='":, \\\n{}x客', max_size=12)


@given(
    city=TEXTS,
    attributes=st.dictionaries(TEXTS.filter(bool), TEXTS | st.booleans(), max_size=4),
    twice=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", "\n:")]),
)
def test_repeated_keys_are_found_whatever_the_texts_and_the_layout(
    city: str, attributes: dict[str, object], twice: bool, separators: tuple[str, str]
) -> None:
    text = json.dumps(
        {"locale": "en", "customer": {"customer_id": "a", "city": city, "attributes": attributes}},
        separators=separators,
        ensure_ascii=False,
    )
    if twice:
        text = text.replace("{", '{"locale":"zh-CN",', 1)
    raw = text.encode()
    assert repeats_a_key(raw, read_request(raw)) is twice
