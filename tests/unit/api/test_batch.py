from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.batch import split_batch
from app.api.problems import ProblemError
from app.api.schemas.request import BATCH_LIMIT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(JSON, min_size=1, max_size=6), st.booleans(), st.sampled_from([None, 0, 3]))
def test_every_item_comes_back_with_its_own_bytes(
    items: list[object], ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps({"requests": items}, ensure_ascii=ascii_only, indent=indent).encode(
        "utf-8", "surrogatepass"
    )
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return
    assert [json.loads(part) for part in split_batch(body)] == items


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"requests"',
        b'{"requests":',
        b'{"requests":[',
        b'{"requests":[{}',
        b'{"requests":[{}]',
        b'{"requests":[{},]}',
        b'{"requests":[{} {}]}',
        b'{"requests":[{}]}x',
        b'{"requests":[{}],}',
        b"{1:2}",
        b"{}{}",
        b'\xef\xbb\xbf{"requests":[{}]}',
        b'{"requests":["\xff"]}',
        '{"requests":[{}]}'.encode("utf-16"),
        b'{"requests":[' + b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_told(body: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        split_batch(body)
    assert caught.value.kind == "invalid_json"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b"[]", "", "wrong_type"),
        (b"null", "", "wrong_type"),
        (b"{}", "/requests", "required"),
        (b'{"request":[]}', "", "misspelt_field"),
        (b'{"jane@mail.example":[]}', "", "misspelt_field"),
        (b'{"requests":{}}', "/requests", "wrong_type"),
        (b'{"requests":[]}', "/requests", "wrong_count"),
        (b'{"requests":[1],"more":1}', "", "unknown_field"),
        (b'{"requests":[1],"requests":[2]}', "", "repeated_key"),
        (b'{"requests":[' + b",".join([b"1"] * (BATCH_LIMIT + 1)) + b"]}", "/requests", "wrong_count"),
    ],
)
def test_json_of_another_form_is_told(body: bytes, pointer: str, code: str) -> None:
    with pytest.raises(ProblemError) as caught:
        split_batch(body)
    (fault,) = caught.value.faults
    assert (caught.value.kind, fault.pointer, fault.code) == ("invalid_request", pointer, code)


def test_limit_itself_is_allowed() -> None:
    assert len(split_batch(b'{"requests":[' + b",".join([b"1"] * BATCH_LIMIT) + b"]}")) == BATCH_LIMIT
