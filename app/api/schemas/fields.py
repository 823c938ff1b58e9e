"""The kinds of value that fields of the wire share: ids, timestamps, money, codes.

Rules: strict (no word is read as a number), closed (no unknown field), finite (no NaN, no infinity), and
silent (no validation error repeats what was sent).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
LARGEST_AMOUNT: Final = 1e12
"""Beyond it, sums over the rows of a customer could leave the range of a float."""

ISO_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}"


class Wire(BaseModel):
    """A part of a request: strict, closed, finite, and silent about what was sent."""

    model_config = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, validate_default=False
    )


class _Timestamp:
    """An ISO 8601 date and time with an offset, from 1970 to 2100.

    Pydantic's own aware datetime also reads ``"1700000000"`` as a time; the pattern in front of it does not.
    Going through a string also makes strict mode accept timestamps in Python input, as FastAPI hands it over.
    """

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> Any:
        """Return the validator: a string that looks like a date and time, then an aware datetime."""
        word = handler.generate_schema(Annotated[str, Field(pattern=ISO_PATTERN, max_length=40)])
        time = handler.generate_schema(Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST, strict=False)])
        return {"type": "chain", "steps": [word, time]}

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the description for OpenAPI."""
        return {"type": "string", "format": "date-time"}


Timestamp = Annotated[datetime, _Timestamp()]
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
"""An opaque id. NUL alone is refused: databases cut or refuse strings at it."""
Word = Annotated[str, Field(min_length=1, max_length=128)]
"""A word of an open list."""
Label = Annotated[str, Field(max_length=256)]
"""A text on record, such as a city."""
Money = Annotated[float, Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Amount = Annotated[float, Field(ge=0, le=LARGEST_AMOUNT)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}$", max_length=35)]


def put_in_utc(part: BaseModel) -> None:
    """Write every time of a part of a request, and of its own parts, in UTC."""
    values = vars(part)
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = value.astimezone(UTC)
        elif isinstance(value, BaseModel):
            put_in_utc(value)
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, BaseModel):
                    put_in_utc(one)
