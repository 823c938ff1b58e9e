"""business.yaml: one file that describes one business, and how it is read.

Rules: an unknown key is refused and the nearest known one is named; every message names the line and the
dotted key; everything has a stated default except ``name``, ``currency`` and the tables; no secret stands in
the file, only the name of the environment variable that holds it.
"""

from __future__ import annotations

import difflib
import re
import typing
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from app.domain.consent import CONSENT_DEFAULTS
from app.domain.errors import BusinessFileError
from app.domain.history import PROFILE_TEXTS
from training.tables.canonical import SHAPES
from training.tables.currencies import CURRENCIES
from training.tables.objectives import ChurnObjective, ClvObjective, Objectives, Part
from training.tables.yaml_places import Document, dotted, read_document

__all__ = ["Attribute", "Business", "ChurnObjective", "ClvObjective", "Objectives", "Source", "load_business"]

Decision = Literal["granted", "denied"]

_IDENTIFIER: Final = r"^[a-z][a-z0-9_]{0,63}$"
_CONTACT_DETAILS: Final = frozenset(
    {
        "name",
        "first_name",
        "last_name",
        "full_name",
        "surname",
        "phone",
        "mobile",
        "email",
        "e_mail",
        "street",
    }
)
_NEEDS: Final = {"inactivity": "orders", "subscription_end": "subscriptions", "label": "labels"}
"""Which table each definition of churn reads."""


class Source(Part):
    """Where rows come from: a file beside the business file, or a query against a database."""

    file: Annotated[str, Field(min_length=1)] | None = None
    database: str | None = None
    """The name of the environment variable that holds the SQLAlchemy URL."""
    query: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_one_kind(self) -> Self:
        if (self.file is None) == (self.database is None):
            msg = "a source is either a file or a database with a query"
            raise ValueError(msg)
        if (self.database is None) != (self.query is None):
            msg = "database and query belong together"
            raise ValueError(msg)
        if self.database is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.database):
            msg = "database is the NAME of an environment variable that holds the URL, never the URL itself"
            raise ValueError(msg)
        return self


class Label(Part):
    """What an attribute is called in a sentence, in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    en: Annotated[str, Field(min_length=1)]
    zh_cn: Annotated[str, Field(min_length=1, alias="zh-CN")]


class Attribute(Part):
    """A column of ``customers`` that only this business has.

    ``static`` says that its value never changes, so that a dated backtest may use it.
    """

    kind: Literal["numeric", "boolean", "categorical"]
    static: bool = False
    label: Label


class Business(Part):
    """One business: its tables, what they are made of, and what is wanted from them."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    currency: str
    timezone: str = "UTC"
    simulated: bool = False
    """True only for data that a simulator made; everything made from it says so."""
    sources: dict[str, Source] = Field(default_factory=dict)
    tables: Annotated[dict[str, Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    attributes: dict[str, Attribute] = Field(default_factory=dict)
    consent_defaults: dict[str, Decision] = Field(default_factory=lambda: _fill_consents({}))
    objectives: Objectives = Field(default_factory=lambda: Objectives(churn=ChurnObjective()))

    _path: Path = PrivateAttr(default=Path("business.yaml"))

    @property
    def path(self) -> Path:
        """Where the file stands; the files of sources are relative to its folder."""
        return self._path

    @property
    def attribute_kinds(self) -> dict[str, str]:
        """Declared attributes and their kinds, in the order of the file."""
        return {name: attribute.kind for name, attribute in self.attributes.items()}

    @field_validator("currency")
    @classmethod
    def _check_currency(cls, value: str) -> str:
        if value not in CURRENCIES:
            msg = "expected a currency code of ISO 4217 in capitals, such as GBP or CNY"
            raise ValueError(msg)
        return value

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            near = difflib.get_close_matches(value, zoneinfo.available_timezones(), n=1, cutoff=0.6)
            msg = f"expected an IANA time zone such as Europe/London{_did_you_mean(near)}"
            raise ValueError(msg)
        return value

    @field_validator("attributes", mode="before")
    @classmethod
    def _fill_labels(cls, data: Any) -> Any:
        """Call an attribute by its own name where no label is given."""
        if not isinstance(data, dict):
            return data
        words = {name: {"en": str(name).replace("_", " "), "zh-CN": str(name)} for name in data}
        return {
            name: {**spec, "label": words[name]} if isinstance(spec, dict) and not spec.get("label") else spec
            for name, spec in data.items()
        }

    @field_validator("consent_defaults", mode="before")
    @classmethod
    def _fill_consent_defaults(cls, data: Any) -> Any:
        return _fill_consents(data) if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        faults = (*_name_faults(self), *_table_faults(self))
        if faults:
            raise ValueError("\n".join(faults))
        return self


def load_business(path: Path | str) -> Business:
    """Return the business that a file describes.

    Parameters
    ----------
    path : Path or str
        A YAML file; UTF-8.

    Raises
    ------
    BusinessFileError
        The file cannot be read, is not YAML, or says something that it must not; the message names each
        place by line and dotted key.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BusinessFileError(
            f"{path} cannot be read: {reason}", remedy="Give the path of a business.yaml."
        ) from error
    document = read_document(text, path.name)
    if not isinstance(document.value, dict):
        raise BusinessFileError(
            f"{path.name}: expected keys and values such as name, currency and tables",
            remedy="See the examples folder for complete files.",
        )
    try:
        business = Business.model_validate(document.value)
    except ValidationError as error:
        raise _file_error(error, document, path.name) from error
    business._path = path  # noqa: SLF001 - set once here, so that callers see a read-only property
    return business


def _fill_consents(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract's defaults, overruled by what a business says."""
    return {**CONSENT_DEFAULTS, **said}


def _name_faults(business: Business) -> list[str]:
    """Return what is wrong with the names that the file makes up."""
    faults = [
        f"{kind}.{name}: expected lower-case letters, digits and underscores, beginning with a letter"
        for kind, names in (("sources", business.sources), ("attributes", business.attributes))
        for name in names
        if not re.fullmatch(_IDENTIFIER, name)
    ]
    taken = {"customer_id", "created_at", "birth_year", *PROFILE_TEXTS}
    for name in business.attributes:
        if name in taken:
            faults.append(f"attributes.{name}: this is a named column of customers and needs no declaration")
        if name in _CONTACT_DETAILS:
            faults.append(f"attributes.{name}: names, phones, e-mails and streets are never read")
    return faults


def _table_faults(business: Business) -> list[str]:
    """Return what is wrong between the tables and what the file wants from them."""
    faults = []
    for word, known, given in (
        ("tables", tuple(SHAPES), business.tables),
        ("consent_defaults", tuple(CONSENT_DEFAULTS), business.consent_defaults),
    ):
        faults += [
            f"{word}.{name}: unknown name{suggestion(name, known)}" for name in given if name not in known
        ]
    if business.attributes and "customers" not in business.tables:
        faults.append("attributes: they are columns of the table customers, which is not under tables")
    churn = business.objectives.churn
    if churn is not None and "definition" in churn.model_fields_set:
        needed = _NEEDS[churn.definition]
        if needed not in business.tables:
            faults.append(
                f"objectives.churn.definition: {churn.definition} reads the table {needed}, "
                "which is not under tables"
            )
    return faults


def suggestion(name: str, known: typing.Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known name, or nothing."""
    names = list(known)
    longer = [other for other in names if len(name) > 1 and other.startswith(name.lower())]
    return _did_you_mean(difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6) or longer)


def _did_you_mean(near: list[str]) -> str:
    return f"; did you mean '{near[0]}'?" if near else ""


def _file_error(error: ValidationError, document: Document, file: str) -> BusinessFileError:
    """Return one error that names every fault with line and dotted key."""
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        place, message = tuple(fault["loc"]), fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = f"unknown key{suggestion(str(place[-1]), _known_keys(place[:-1]))}"
        elif fault["type"] == "missing":
            message = "this key is required"
        if not place:
            # A check over the whole file names the place of each fault in front of its message.
            lines += [_locate(named, document, file) for named in message.splitlines()]
        else:
            lines.append(f"{file}, line {document.line(place)}, {dotted(place)}: {message}")
    return BusinessFileError(
        "\n".join(lines), remedy="Mend the named keys; the examples folder has whole files."
    )


def _locate(named: str, document: Document, file: str) -> str:
    """Return a ``place: message`` with file and line in front."""
    place, _, message = named.partition(": ")
    line = document.line(tuple(place.split(".")))
    return f"{file}, line {line}, {place}: {message}"


def _known_keys(place: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys that the model at a place knows."""
    model: Any = Business
    for key in place:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
            model = _unwrap(fields.get(str(key)))
        else:
            model = _unwrap(typing.get_args(model)[-1]) if typing.get_args(model) else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return tuple(info.alias or name for name, info in model.model_fields.items())
    return ()


def _unwrap(annotation: Any) -> Any:
    """Return the part of ``X | None`` or ``Annotated[X, …]`` that is not None."""
    while typing.get_origin(annotation) not in (None, dict):
        annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
    return annotation
