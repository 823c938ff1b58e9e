"""Is a file that holds a fitted model well-formed? Asked of the bytes before any parser of ours or of others.

Rules:

1. Every kind of estimator has one file ending, one format and one check; nothing else is ever parsed.
2. ``trees``: the rules of :mod:`app.artifacts.lightgbm_text`.
3. ``linear``: an archive of the arrays in ``ARRAYS`` and no other, stored and not compressed (so that it is
   no larger than it looks), each with a plain header, the type and the shape that the manifest's features
   demand, and finite numbers. A category has one level for each word of its vocabulary.
4. ``rates``: one JSON object with known fields. Its feature stands in the manifest where it says; a number
   has one margin more than edges, a category one margin for each word.
5. ``btyd``: one JSON object with known fields; its inputs stand in the manifest where it says, parameters are
   positive, and the clock never stands still.

A check says what was found and what was expected, and where; it never mends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.artifacts.canonical import parse_object
from app.artifacts.lightgbm_text import check_lightgbm_text
from app.domain.errors import StructureError
from app.estimators.archive import members, plain_array
from app.estimators.forecast_file import FORECAST_FIELDS, MODELS
from app.features.schema import FeatureSet

ENDING_OF_KIND: Final[Mapping[str, str]] = MappingProxyType(
    {"rates": ".json", "linear": ".npz", "trees": ".txt", "btyd": ".json"}
)

ARRAYS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "is_log": ("<f8", "features"),
        "low": ("<f8", "features"),
        "high": ("<f8", "features"),
        "center": ("<f8", "features"),
        "scale": ("<f8", "features"),
        "coefficient": ("<f8", "features"),
        "missing": ("<f8", "features"),
        "level_offsets": ("<i8", "features + 1"),
        "levels": ("<f8", "words"),
        "intercept": ("<f8", "1"),
    }
)
"""Type and length of each array of a linear model. The only types that any array may have are these."""

RATES_FIELDS: Final = frozenset({"feature", "column", "columns", "edges", "margins", "missing", "base"})
CLOCK_STEPS: Final = 366
ARRAYS_LIMIT_BYTES: Final = 32 << 20
MARGIN_LIMIT: Final = 1e15


def check_estimator(kind: str, file: str, data: bytes, features: FeatureSet) -> None:
    """Refuse the bytes of a fitted model that is not well-formed over its features.

    Parameters
    ----------
    kind, file : str
        From the manifest: the kind of estimator and its file's name.
    data : bytes
        The whole file.
    features : FeatureSet
        The variant's inputs, with their vocabularies.

    Raises
    ------
    StructureError
        Names the file, what was found and what was expected.
    """
    if kind not in ENDING_OF_KIND:
        raise StructureError(f"{file}: {kind!r} is none of the known kinds {', '.join(ENDING_OF_KIND)}")
    if not file.endswith(ENDING_OF_KIND[kind]):
        raise StructureError(f"{file}: the kind {kind} lies in a {ENDING_OF_KIND[kind]} file")
    try:
        if kind == "trees":
            check_lightgbm_text(data, len(features.features), features.categorical)
        elif kind == "linear":
            check_linear(data, features)
        elif kind == "btyd":
            check_forecast(data, features)
        else:
            check_rates(data, features)
    except StructureError as error:
        raise StructureError(f"{file}: {error}") from error


def check_trees(data: bytes, inputs: int) -> None:
    """Refuse the bytes of trees over so many numbers (rule 2).

    Raises
    ------
    StructureError
        Names what was found and what was expected.
    """
    check_lightgbm_text(data, inputs, ())


def check_linear(data: bytes, features: FeatureSet) -> None:
    """Refuse an archive that is not a linear model over these features (rule 3).

    Raises
    ------
    StructureError
        Says which array is wrong.
    """
    words = [len(features.vocabularies.get(feature.name, ())) for feature in features.features]
    lengths = {"features": len(words), "features + 1": len(words) + 1, "words": sum(words), "1": 1}
    arrays = {}
    for name, content in members(data, ARRAYS, ARRAYS_LIMIT_BYTES).items():
        kind, length = ARRAYS[name]
        arrays[name] = plain_array(name, content, kind, lengths[length])
    for name, array in arrays.items():
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > MARGIN_LIMIT:
            raise StructureError(f"{name} holds a number that is not finite or beyond {MARGIN_LIMIT:g}")
    if not np.isin(arrays["is_log"], (0.0, 1.0)).all():
        raise StructureError("is_log holds something else than 0 and 1")
    if not (arrays["scale"] > 0).all() or not (arrays["low"] <= arrays["high"]).all():
        raise StructureError("a scale is not above 0, or a range is upside down")
    if not np.array_equal(arrays["level_offsets"], np.cumsum([0, *words])):
        raise StructureError("level_offsets does not fit the vocabularies of the manifest")


def check_rates(data: bytes, features: FeatureSet) -> None:
    """Refuse a document that is not a table of rates by one of these features (rule 4).

    Raises
    ------
    StructureError
        Says which field is wrong.
    """
    document = parse_object(data, "the table of rates")
    if document.keys() != RATES_FIELDS:
        raise StructureError(f"the fields are not {', '.join(sorted(RATES_FIELDS))}")
    column, names = document["column"], features.names
    if type(column) is not int or type(document["columns"]) is not int or document["columns"] != len(names):
        raise StructureError(f"columns is not {len(names)}, or column is not a whole number")
    edges, margins = _finite_list(document, "edges"), _finite_list(document, "margins")
    _finite_list({"missing": [document["missing"]], "base": [document["base"]]}, "missing", "base")
    if document["feature"] == "":
        if column != 0 or edges or margins != [document["base"]] or document["missing"] != document["base"]:
            raise StructureError("a table by no feature holds the base rate and nothing else")
        return
    if not 0 <= column < len(names) or document["feature"] != names[column]:
        raise StructureError("the feature does not stand in the column that is stated")
    if any(a >= b for a, b in pairwise(edges)):
        raise StructureError("the edges do not rise")
    by_word = features.features[column].kind == "category"
    expected = len(features.vocabularies[names[column]]) if by_word else len(edges) + 1
    if len(margins) != expected or (by_word and edges):
        raise StructureError(
            f"{len(margins)} margins and {len(edges)} edges; {expected} margins were expected"
        )


def check_forecast(data: bytes, features: FeatureSet) -> None:
    """Refuse a document that is not a forecast over these features (rule 5).

    Raises
    ------
    StructureError
        Says which field is wrong.
    """
    document = parse_object(data, "the forecast")
    if document.keys() != FORECAST_FIELDS:
        raise StructureError(f"the fields are not {', '.join(sorted(FORECAST_FIELDS))}")
    if document["model"] not in MODELS:
        raise StructureError(f"the model is none of {', '.join(sorted(MODELS))}")
    single = {name: [document[name]] for name in ("value_level", "longest_days", "horizon_days")}
    _check_positive(document, "parameters", 4)
    if document["value"] is not None:
        _check_positive(document, "value", 3)
        if document["value"][1] <= 1:
            raise StructureError("value has no mean: its second number is not above 1")
    for name in single:
        _check_positive(single, name, 1)
    if document["value_of"] not in {"all", "repeat"}:
        raise StructureError("value_of is neither all nor repeat")
    if type(document["horizon_days"]) is not int:
        raise StructureError("horizon_days is not a whole number")
    clock = _finite_list(document, "clock")
    if not 2 <= len(clock) <= CLOCK_STEPS or clock[0] != 0 or any(a >= b for a, b in pairwise(clock)):
        raise StructureError("the clock does not begin at 0 and run on")
    if len(_finite_list(document, "reference")) != 4 or min(document["reference"]) < 0:
        raise StructureError("reference does not hold four numbers from 0 on")
    _check_inputs(document["columns"], document["names"], features)


def _check_positive(document: Mapping[str, Any], name: str, count: int) -> None:
    """Refuse a field that does not hold so many numbers above 0."""
    numbers = _finite_list(document, name)
    if len(numbers) != count or min(numbers) <= 0:
        raise StructureError(f"{name} does not hold {count} number{'s' * (count > 1)} above 0")


def _check_inputs(columns: object, names: object, features: FeatureSet) -> None:
    """Refuse a forecast whose four inputs are not numbers that stand in the manifest where it says."""
    if not isinstance(columns, list) or not isinstance(names, list) or len(columns) != 4 or len(names) != 4:
        raise StructureError("columns and names do not hold four entries each")
    width = len(features.names)
    for column, name in zip(columns, names, strict=True):
        if type(column) is not int or not 0 <= column < width or features.names[column] != name:
            raise StructureError("an input does not stand in the column that is stated")
        if features.features[column].kind != "number":
            raise StructureError(f"the input {name} is a {features.features[column].kind}, not a number")


def _finite_list(document: Mapping[str, Any], *fields: str) -> list[float]:
    """Return the numbers of the last of some fields, each of which must be a list of finite numbers."""
    numbers: list[float] = []
    for field in fields:
        found = document[field]
        if not isinstance(found, list) or not all(type(number) in {int, float} for number in found):
            raise StructureError(f"{field} is not made of numbers")
        try:
            numbers = [float(number) for number in found]
        except OverflowError:
            numbers = [math.inf]
        if not all(abs(number) <= MARGIN_LIMIT for number in numbers):
            raise StructureError(f"{field} holds a number that is not finite or beyond {MARGIN_LIMIT:g}")
    return numbers
