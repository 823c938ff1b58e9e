from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.artifacts import structure
from app.artifacts.structure import (
    ARRAYS,
    RATES_FIELDS,
    check_estimator,
    check_forecast,
    check_linear,
    check_rates,
)
from app.domain.errors import StructureError
from app.estimators.forecast_file import FORECAST_FIELDS, read_forecast, write_forecast
from app.estimators.linear import LINEAR_KEYS, read_linear
from app.estimators.rates import Rates, read_rates, write_rates
from app.features.schema import Feature, FeatureSet
from tests.unit.artifacts import tiny
from tests.unit.capabilities.buyers import features
from tests.unit.estimators.forecasts import GIFT, TRANSACTIONS, forecast

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


# Forecasts

BUYERS = features()


def forecast_document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(write_forecast(forecast(clock=GIFT))), **changes}


@pytest.mark.parametrize("kind", TRANSACTIONS)
@pytest.mark.parametrize("value", [True, False])
def test_a_good_forecast_passes_and_is_read(kind: str, *, value: bool) -> None:
    one = forecast(kind) if value else forecast(kind, value=None, value_of="repeat")
    data = write_forecast(one)
    check_estimator("btyd", "full.forecast.json", data, BUYERS)
    assert write_forecast(read_forecast(data)) == data


def test_the_fields_of_a_forecast_are_those_of_the_estimator() -> None:
    assert forecast_document().keys() == FORECAST_FIELDS


@pytest.mark.parametrize("field", sorted(FORECAST_FIELDS))
def test_a_forecast_without_a_field_or_with_another_is_refused(field: str) -> None:
    document = forecast_document()
    with pytest.raises(StructureError, match=field):
        check_forecast(
            json.dumps({name: one for name, one in document.items() if name != field}).encode(), BUYERS
        )
    with pytest.raises(StructureError, match="the fields are not"):
        check_forecast(json.dumps({**document, f"{field}_": 1}).encode(), BUYERS)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"model": "lifetimes"}, "model"),
    ({"parameters": [1.0, 2.0, 3.0]}, "parameters"),
    ({"parameters": [1.0, 2.0, 3.0, 0.0]}, "parameters"),
    ({"parameters": [1.0, 2.0, 3.0, "4"]}, "parameters"),
    ({"parameters": [1.0, 2.0, 3.0, 1e300]}, "parameters"),
    ({"parameters": 1.0}, "parameters"),
    ({"value": [1.0, 2.0]}, "value "),
    ({"value": [1.0, -2.0, 3.0]}, "value "),
    ({"value": 3}, "value "),
    ({"value_of": "some"}, "value_of"),
    ({"value_level": 0.0}, "value_level"),
    ({"value_level": None}, "value_level"),
    ({"longest_days": -1}, "longest_days"),
    ({"horizon_days": 0}, "horizon_days"),
    ({"horizon_days": 90.5}, "horizon_days"),
    ({"horizon_days": True}, "horizon_days"),
    ({"clock": [0.0]}, "clock"),
    ({"clock": [1.0, 2.0]}, "clock"),
    ({"clock": [0.0, 5.0, 5.0]}, "clock"),
    ({"clock": [0.0, 5.0, 4.0]}, "clock"),
    ({"clock": list(range(367))}, "clock"),
    ({"clock": "0123"}, "clock"),
    ({"reference": [1.0, 2.0, 3.0]}, "reference"),
    ({"reference": [1.0, 2.0, 3.0, -1.0]}, "reference"),
    ({"reference": [1.0, 2.0, 3.0, None]}, "reference"),
    ({"columns": [0, 1, 2]}, "columns and names"),
    ({"columns": 0}, "columns and names"),
    ({"names": ["order_days"]}, "columns and names"),
    ({"columns": [0, 1, 2, 4]}, "does not stand in the column"),
    ({"columns": [0, 1, 2, 99]}, "does not stand in the column"),
    ({"columns": [0, 1, 2, -3]}, "does not stand in the column"),
    ({"columns": [0, 1, 2.0, 3]}, "does not stand in the column"),
    ({"columns": [False, True, 2, 3]}, "does not stand in the column"),
    ({"names": ["a", "b", "c", "d"]}, "does not stand in the column"),
    ({"names": [0, 1, 2, 3]}, "does not stand in the column"),
]


@pytest.mark.parametrize(("change", "named"), BROKEN, ids=str)
def test_a_broken_field_of_a_forecast_is_named(change: dict[str, Any], named: str) -> None:
    check_forecast(json.dumps(forecast_document()).encode(), BUYERS)
    with pytest.raises(StructureError, match=named):
        check_forecast(json.dumps(forecast_document(**change)).encode(), BUYERS)


@pytest.mark.parametrize("kind", ["flag", "category"])
def test_an_input_of_a_forecast_is_a_number(kind: str) -> None:
    first = BUYERS.features[0]
    other = Feature(first.name, first.unit, kind=kind)  # type: ignore[arg-type]
    changed = FeatureSet((other, *BUYERS.features[1:]), {first.name: ("a",)} if kind == "category" else {})
    with pytest.raises(StructureError, match=f"days_since_last_order is a {kind}, not a number"):
        check_forecast(write_forecast(forecast()), changed)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"model":NaN}', b"tree"])
def test_a_forecast_that_is_no_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(StructureError):
        check_forecast(data, BUYERS)
    with pytest.raises(StructureError, match=r"full\.forecast\.json: "):
        check_estimator("btyd", "full.forecast.json", data, BUYERS)


def test_values_of_orders_that_have_no_mean_are_refused() -> None:
    with pytest.raises(StructureError, match="value"):
        check_forecast(json.dumps(forecast_document(value=[3.0, 0.5, 60.0])).encode(), BUYERS)
