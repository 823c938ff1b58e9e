from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.artifacts import structure
from app.artifacts.structure import ARRAYS, RATES_FIELDS, check_estimator, check_linear, check_rates
from app.domain.errors import StructureError
from app.estimators.linear import LINEAR_KEYS, read_linear
from app.estimators.rates import Rates, read_rates, write_rates
from tests.unit.artifacts import tiny

FULL = tiny.feature_set()
SUMMARY = tiny.feature_set(tiny.SUMMARY)


def test_good_files_of_every_kind_pass() -> None:
    files = tiny.estimators()
    check_estimator("trees", "repeat.txt", files["repeat.txt"], FULL)
    check_estimator("linear", "first_order.npz", files["first_order.npz"], FULL)
    check_estimator("rates", "summary.json", files["summary.json"], SUMMARY)


@pytest.mark.parametrize(("kind", "file"), [("pickle", "a.txt"), ("trees", "a.json"), ("linear", "a.txt")])
def test_unknown_kind_or_another_format_is_refused(kind: str, file: str) -> None:
    with pytest.raises(StructureError, match=file):
        check_estimator(kind, file, tiny.trees(), FULL)


def test_fields_are_those_of_the_estimators() -> None:
    rates = Rates("a", 0, 1, np.array([1.0]), np.array([0.1, 0.2]), 0.0, 0.0)
    assert ARRAYS.keys() == LINEAR_KEYS
    assert json.loads(write_rates(rates)).keys() == RATES_FIELDS


def test_what_passes_is_read() -> None:
    X = np.array([[3.0, 2.0, 1.0, np.nan]])
    assert np.isfinite(read_linear(tiny.archive(tiny.linear_arrays())).margin(X)).all()
    assert np.isfinite(read_rates(json.dumps(tiny.rates_document()).encode()).margin(X[:, :2])).all()


def with_arrays(**changes: Any) -> bytes:
    arrays = {**tiny.linear_arrays(), **changes}
    return tiny.archive({name: array for name, array in arrays.items() if array is not None})


LINEAR = {
    "an array too many": lambda: with_arrays(extra=np.zeros(1)),
    "an array too few": lambda: with_arrays(missing=None),
    "objects": lambda: with_arrays(missing=np.array([1, "a", None, 2], dtype=object)),
    "words": lambda: with_arrays(missing=np.array(["a", "b", "c", "d"])),
    "small floats": lambda: with_arrays(missing=np.zeros(4, dtype=np.float32)),
    "whole numbers": lambda: with_arrays(missing=np.zeros(4, dtype=np.int64)),
    "bytes in another order": lambda: with_arrays(missing=np.zeros(4, dtype=">f8")),
    "another length": lambda: with_arrays(missing=np.zeros(5)),
    "another shape": lambda: with_arrays(missing=np.zeros((4, 1))),
    "NaN": lambda: with_arrays(coefficient=np.array([0.1, np.nan, 0, 0])),
    "infinity": lambda: with_arrays(intercept=np.array([np.inf])),
    "beyond reason": lambda: with_arrays(intercept=np.array([1e300])),
    "no scale": lambda: with_arrays(scale=np.zeros(4)),
    "a range upside down": lambda: with_arrays(low=np.full(4, 99.0)),
    "half a logarithm": lambda: with_arrays(is_log=np.full(4, 0.5)),
    "levels for a number": lambda: with_arrays(level_offsets=np.array([0, 3, 3, 3, 5])),
    "levels beyond the end": lambda: with_arrays(level_offsets=np.array([0, 0, 0, 3, 99])),
    "levels missing": lambda: with_arrays(levels=np.zeros(3)),
    "another model's features": lambda: tiny.archive(tiny.linear_arrays(tiny.SUMMARY)),
    "nothing": lambda: b"",
    "something else": lambda: b"PK\x03\x04" + b"\0" * 100,
    "half a file": lambda: with_arrays()[:-40],
}


@pytest.mark.parametrize("crafted", LINEAR.values(), ids=LINEAR.keys())
def test_crafted_archive_is_refused(crafted: Callable[[], bytes]) -> None:
    with pytest.raises(StructureError):
        check_linear(crafted(), FULL)


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(with_arrays())) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def zipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_archive_made_by_hand_of_the_same_members_passes() -> None:
    check_linear(zipped(list(members().items())), FULL)


def test_compressed_archive_is_refused() -> None:
    with pytest.raises(StructureError, match="compressed"):
        check_linear(zipped(list(members().items()), zipfile.ZIP_DEFLATED), FULL)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_twice_or_by_another_name_is_refused() -> None:
    good = list(members().items())
    for extra in (good[0], ("../low.npy", b""), ("low.pkl", b""), ("folder/", b"")):
        with pytest.raises(StructureError, match="nothing else"):
            check_linear(zipped([*good, extra]), FULL)


def test_header_that_promises_more_than_there_is_is_refused() -> None:
    good = members()
    header = good["low.npy"].replace(b"(4,), }", b"(9999999999,), }".ljust(7))
    with pytest.raises(StructureError, match="low"):
        check_linear(zipped(list({**good, "low.npy": header}.items())), FULL)
    with pytest.raises(StructureError, match="bytes of numbers"):
        check_linear(zipped(list({**good, "low.npy": good["low.npy"][:-8]}.items())), FULL)


def test_header_in_another_version_of_the_format_is_refused() -> None:
    good = members()
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.zeros(4), version=(2, 0))
    with pytest.raises(StructureError, match="version"):
        check_linear(zipped(list({**good, "low.npy": buffer.getvalue()}.items())), FULL)


def test_header_that_is_code_is_refused() -> None:
    good = members()
    header = good["low.npy"].replace(b"'descr'", b"exit(1)")
    with pytest.raises(StructureError, match="header"):
        check_linear(zipped(list({**good, "low.npy": header}.items())), FULL)


def test_large_archive_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "ARRAYS_LIMIT_BYTES", 100)
    with pytest.raises(StructureError, match="at most 100"):
        check_linear(with_arrays(), FULL)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"feature": None},
        {"feature": "order_days"},
        {"column": 1},
        {"column": -2},
        {"column": True},
        {"column": 0.0},
        {"columns": 3},
        {"columns": "2"},
        {"edges": [90.0, 30.0]},
        {"edges": [30.0, 30.0]},
        {"edges": [30.0]},
        {"edges": ["30", "90"]},
        {"edges": {"0": 1}},
        {"edges": []},
        {"margins": [1.0, 2.0]},
        {"margins": [1.0, 2.0, None]},
        {"margins": [1.0, 2.0, 1e300]},
        {"margins": [True, False, True]},
        {"margins": [1.0, 2.0, 10**400]},
        {"missing": None},
        {"base": "0"},
        {"base": [0.0]},
    ],
)
def test_crafted_table_of_rates_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StructureError):
        check_rates(json.dumps({**tiny.rates_document(), **change}).encode(), SUMMARY)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"base":NaN}', b'{"base":1e999}', b'{"base":1,"base":1}'])
def test_table_of_rates_that_is_no_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(StructureError):
        check_rates(data, SUMMARY)


def test_category_has_one_margin_for_each_word() -> None:
    document = {**tiny.rates_document(), "feature": "country", "column": 2, "columns": 4, "edges": []}
    check_rates(json.dumps({**document, "margins": [0.1, 0.2, 0.3]}).encode(), FULL)
    for margins, edges in (([0.1, 0.2], []), ([0.1] * 4, []), ([0.1] * 3, [1.0, 2.0])):
        with pytest.raises(StructureError, match="margins"):
            check_rates(json.dumps({**document, "margins": margins, "edges": edges}).encode(), FULL)


def test_base_rate_alone_is_a_table_by_no_feature() -> None:
    alone = {"feature": "", "column": 0, "edges": [], "margins": [-0.4], "missing": -0.4, "base": -0.4}
    check_rates(json.dumps({**tiny.rates_document(), **alone}).encode(), SUMMARY)
    for change in ({"margins": [-0.5]}, {"missing": 0.0}, {"edges": [1.0]}, {"column": 1}):
        with pytest.raises(StructureError, match="base rate and nothing else"):
            check_rates(json.dumps({**tiny.rates_document(), **alone, **change}).encode(), SUMMARY)
