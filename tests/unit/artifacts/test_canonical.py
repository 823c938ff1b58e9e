from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.artifacts.canonical import artifact_version, canonical_bytes, parse_json, parse_object, release_name
from app.domain.errors import StructureError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=10,
    ),
    max_size=5,
)


@given(DOCUMENTS)
def test_canonical_bytes_say_the_same_and_are_stable(document: dict[str, Any]) -> None:
    data = canonical_bytes(document)
    assert parse_json(data, "it") == document
    assert canonical_bytes(parse_object(data, "it")) == data


@given(DOCUMENTS)
def test_order_of_keys_does_not_count(document: dict[str, Any]) -> None:
    assert canonical_bytes(dict(reversed(document.items()))) == canonical_bytes(document)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "\ud800", {1, 2}, b"x"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(StructureError):
        canonical_bytes({"a": value})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":"\xff"}',
        b'{"a":1}{}',
        b"[" * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(StructureError):
        parse_json(data, "it")


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"a"'])
def test_another_json_than_an_object_is_refused(data: bytes) -> None:
    with pytest.raises(StructureError, match="an object was expected"):
        parse_object(data, "it")


def test_version_is_the_utc_day_and_the_content() -> None:
    manifest = {"trained_as_of": "2023-11-14T23:30:00-02:00", "seed": 1}
    version = artifact_version(manifest)
    assert version.startswith("20231115-")
    assert artifact_version({**manifest, "version": version}) == version
    assert artifact_version({**manifest, "seed": 2}) != version


def test_release_is_named_after_its_utc_second_and_its_content() -> None:
    release = {"created_at": "2026-01-31T10:30:05+01:00", "artifacts": {}}
    name = release_name(release)
    assert name.startswith("20260131T093005Z-")
    assert release_name({**release, "name": name}) == name
    assert release_name({**release, "previous": "x"}) != name


@pytest.mark.parametrize("moment", [None, "", "soon", "2023-11-14", "2023-11-14T10:00:00", 20231114])
def test_day_without_a_time_zone_is_refused(moment: object) -> None:
    with pytest.raises(StructureError, match="offset"):
        artifact_version({"trained_as_of": moment})


def test_canonical_bytes_are_compact_utf8() -> None:
    assert (
        canonical_bytes({"b": [1, 2.0], "a": "客户"})
        == json.dumps("客户", ensure_ascii=False).join(['{"a":', ',"b":[1,2.0]}']).encode()
    )
