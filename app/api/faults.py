"""From what the validator found to faults with JSON pointers, without a word of the input.

The path to a fault may hold the client's own words (the name of an unknown field, a key of ``attributes``).
A pointer therefore ends before the first name that the contract does not know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from app.api.problem_texts import BOUNDS, TYPES, Words
from app.api.problems import Fault, ProblemError
from app.api.schemas.fields import ISO_PATTERN
from app.api.schemas.request import ScoreRequest

COUNTED_FAULTS: Final = 10_000
"""With more faults than these, only their number is told: listing them would take longer than answering."""
LONGEST_NAME: Final = 64
CLOSENESS: Final = 0.7

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_POSITION: Final = re.compile(r"line (\d+) column (\d+)")
_EXPECTED: Final[dict[str, str]] = {
    "string_type": "string",
    "float_type": "number",
    "int_type": "integer",
    "bool_type": "boolean",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}
_SIMPLE: Final[dict[str, str]] = {
    "missing": "required",
    "finite_number": "not_finite",
    "timezone_aware": "no_offset",
    "datetime_type": "not_a_timestamp",
    "datetime_parsing": "not_a_timestamp",
    "datetime_from_date_parsing": "not_a_timestamp",
    "datetime_object_invalid": "not_a_timestamp",
}
_BOUNDED: Final[dict[str, str]] = {
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "string_too_short": "wrong_length",
    "string_too_long": "wrong_length",
    "too_short": "wrong_count",
    "too_long": "wrong_count",
}

Path = tuple[str, ...]


def invalid_body(
    error: ValidationError,
    prefix: str = "",
    attributes: Collection[str] = (),
    model: type[BaseModel] = ScoreRequest,
) -> ProblemError:
    """Return the problem of a body that failed validation.

    Parameters
    ----------
    error : ValidationError
        Of the model.
    prefix : str
        Pointer to the request within the body, e.g. ``/requests/3``.
    attributes : collection of str
        Declared attributes, whose names are known and may stand in a pointer.
    model : type
        What the body should have been.
    """
    if error.error_count() > COUNTED_FAULTS:
        count = str(error.error_count())
        return ProblemError("invalid_request", [Fault(prefix, "too_many_faults", {"count": count})])
    items = error.errors(include_url=False, include_input=False)
    if items[0]["type"] == "json_invalid":
        return invalid_json(str(items[0].get("ctx", {}).get("error", "")), prefix)
    return ProblemError("invalid_request", _faults(items, prefix, attributes, model))


def invalid_json(reason: str = "", prefix: str = "") -> ProblemError:
    """Return the problem of a body that is not JSON; only the position is taken from the parser's words."""
    found = _POSITION.search(reason)
    line, column = found.groups() if found else ("1", "1")
    return ProblemError("invalid_json", [Fault(prefix, "json_syntax", {"line": line, "column": column})])


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that is nearest to another, or None where none is near."""
    if len(name) > LONGEST_NAME:
        return None
    plain = {_plain_name(one): one for one in known}
    return next((plain[near] for near in get_close_matches(_plain_name(name), plain, 1, CLOSENESS)), None)


def _plain_name(name: str) -> str:
    """Return a name as the contract would write it, so that orderId is near to order_id."""
    return _HUMP.sub("_", name).replace("-", "_").lower()


def escaped(name: str) -> str:
    """Return a name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _faults(
    items: Iterable[Any], prefix: str, attributes: Collection[str], model: type[BaseModel]
) -> list[Fault]:
    """Return the faults in the order found, one per place and code."""
    found: dict[tuple[str, str], Fault] = {}
    unknown: dict[str, tuple[Path, list[str]]] = {}
    for item in items:
        pointer, path, rest = _place(item["loc"], attributes, model)
        pointer = prefix + pointer
        if item["type"] == "extra_forbidden":
            unknown.setdefault(pointer, (path, []))[1].append(str(rest[0]) if rest else "")
            continue
        code, values = _code(item["type"], item.get("ctx", {}))
        if rest and code == "wrong_type":
            # One line per type that would have been allowed: the choice is one fault.
            values = {"expected": TYPES["scalar"]}
        found.setdefault((pointer, code), Fault(pointer, code, values))
    named = [
        fault
        for pointer, (path, names) in unknown.items()
        for fault in _unknown(pointer, names, _fields(model).get(path, ()))
    ]
    chosen = {pointer for pointer, code in found if code != "wrong_type"}
    return named + [
        fault for (pointer, code), fault in found.items() if code != "wrong_type" or pointer not in chosen
    ]


def _unknown(pointer: str, names: list[str], known: Collection[str]) -> Iterator[Fault]:
    """Yield the faults of the unknown fields of one object, with the known names that were perhaps meant."""
    near = {nearest(name, known) for name in names[:20]}
    suggestions = sorted(name for name in near if name is not None)
    for name in suggestions:
        yield Fault(pointer, "misspelt_field", {"name": name})
    if None in near or len(names) > 20:
        yield Fault(pointer, "unknown_field", {"count": str(len(names) - len(suggestions))})


def _place(
    loc: tuple[int | str, ...], attributes: Collection[str], model: type[BaseModel]
) -> tuple[str, Path, tuple[int | str, ...]]:
    """Return the pointer as far as its names are known, the path without positions, and what is left."""
    pointer = ""
    path: Path = ()
    for k, part in enumerate(loc):
        if isinstance(part, int):
            pointer += f"/{part}"
        elif part in _fields(model).get(path, ()) or (
            path == ("customer", "attributes") and part in attributes
        ):
            pointer += f"/{escaped(part)}"
            path = (*path, part)
        else:
            return pointer, path, loc[k:]
    return pointer, path, ()


def _code(kind: str, context: Mapping[str, Any]) -> tuple[str, dict[str, str | Words]]:
    """Return our code for a finding of the validator, and the values for its sentence."""
    if kind in _SIMPLE:
        return _SIMPLE[kind], {}
    if kind in _EXPECTED:
        return "wrong_type", {"expected": TYPES[_EXPECTED[kind]]}
    if kind == "literal_error":
        return "not_allowed", {"expected": str(context["expected"])}
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return ("not_a_timestamp", {}) if pattern == ISO_PATTERN else ("wrong_format", {"pattern": pattern})
    if kind in _BOUNDED:
        name = next(bound for bound in BOUNDS if bound in context)
        value = _plain(context[name])
        english, chinese = BOUNDS[name]
        return _BOUNDED[kind], {"bound": (english.format(value=value), chinese.format(value=value))}
    return "invalid", {}


def _plain(bound: object) -> str:
    """Return a bound without needless decimals."""
    return str(int(bound)) if isinstance(bound, float) and bound.is_integer() else str(bound)


@cache
def _fields(root: type[BaseModel]) -> dict[Path, tuple[str, ...]]:
    """Return the known fields of every object of a request, by its path without positions."""
    tree: dict[Path, tuple[str, ...]] = {}

    def walk(model: type[BaseModel], path: Path) -> None:
        tree[path] = tuple(model.model_fields)
        for name, info in model.model_fields.items():
            for part in _models(info.annotation):
                walk(part, (*path, name))

    walk(root, ())
    return tree


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models inside an annotation such as ``list[Order] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
