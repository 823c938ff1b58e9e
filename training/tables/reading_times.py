"""Reading times: ISO 8601 with an offset; without one they are local times of the business's zone."""

from __future__ import annotations

from typing import Final

from training.tables.reading import Column, Reading
from training.tables.rowchecks import RowCheck

_OFFSET: Final = r"[0-9]:[0-9]{2}.*([Zz]|[+-][0-9]{2}(:?[0-9]{2})?|[A-Z]{2,5}|[A-Za-z_]+/[A-Za-z_/]+)$"
"""What the end of a time looks like when it says its offset."""
_EARLIEST, _LATEST = "1900-01-01 00:00:00", "9999-12-30 00:00:00"
_HOURS_OF_CHANGE: Final = 4
"""Clocks go forward in the first hours of a day; looking only there is six times as fast."""


def read_time(column: Column) -> Reading:
    """Return a time as TIMESTAMPTZ."""
    if column.family == "aware":
        plausible = _plausible(column.raw, "TIMESTAMPTZ")
        return Reading(
            f"CASE WHEN {plausible} THEN {column.raw} END", (_implausible(column, column.raw, plausible),)
        )
    if column.family == "naive":
        return _read_naive(column)
    if column.family == "text":
        return _read_text(column)
    name = column.field.name
    return column.refuse_type("a time", f"Convert it in the SQL: to_timestamp({name}) for Unix seconds.")


def _read_naive(column: Column) -> Reading:
    name, plausible = column.raw, _plausible(column.raw, "TIMESTAMP")
    local = f"CAST({name} AS TIMESTAMPTZ)"
    return Reading(
        f"CASE WHEN {plausible} THEN {local} END",
        (
            _implausible(column, name, plausible),
            _naive(column, f"{name} IS NOT NULL"),
            column.check(
                "skipped_hour",
                f"CASE WHEN date_part('hour', {name}) < {_HOURS_OF_CHANGE} AND {plausible} "
                f"THEN CAST({local} AS TIMESTAMP) <> CAST({name} AS TIMESTAMP) ELSE FALSE END",
                "a local time that the clocks skipped in spring; read as an hour later",
                "Check whether these times are local at all.",
                severity="warning",
            ),
        ),
    )


def _read_text(column: Column) -> Reading:
    time = f"TRY_CAST({column.text} AS TIMESTAMPTZ)"
    plausible = _plausible(time, "TIMESTAMPTZ")
    return Reading(
        f"CASE WHEN {plausible} THEN {time} END",
        (
            _implausible(column, time, plausible),
            column.unreadable(
                "unparsable",
                f"{column.text} IS NOT NULL AND {time} IS NULL",
                "text that is not an ISO 8601 time",
                f"Parse it in the SQL, for example strptime({column.field.name}, '%d/%m/%Y %H:%M').",
            ),
            _naive(column, f"{time} IS NOT NULL AND NOT regexp_matches({column.text}, '{_OFFSET}')"),
        ),
    )


def _plausible(time: str, type_name: str) -> str:
    """Return SQL for whether a time can be meant."""
    zone = "+00" if type_name == "TIMESTAMPTZ" else ""
    return f"{time} BETWEEN {type_name} '{_EARLIEST}{zone}' AND {type_name} '{_LATEST}{zone}'"


def _implausible(column: Column, time: str, plausible: str) -> RowCheck:
    return column.unreadable(
        "implausible_time",
        f"{time} IS NOT NULL AND NOT ({plausible})",
        "a time before 1900 or without end, which often stands for nothing at all",
        f"Write NULLIF({column.field.name}, …) for the placeholder in the table's SQL.",
    )


def _naive(column: Column, condition: str) -> RowCheck:
    return column.check(
        "naive_time",
        condition,
        "times without an offset, read as local times of the business's time zone",
        "Nothing to do if they are local; otherwise say their zone in the SQL: "
        f"{column.field.name} AT TIME ZONE 'UTC'.",
        severity="recommendation",
    )
