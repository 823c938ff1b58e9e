from __future__ import annotations

import logging

import pytest

from app.store.standing import Standing


def test_each_change_is_one_line_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    standing = Standing()
    assert (standing.state, standing.reason) == ("down", "The database was not reached yet")
    for _ in range(3):
        standing.note("down", "SQLite failed: SQLITE_IOERR")
    standing.note("full", "The database has no room left")
    for _ in range(3):
        standing.note("up")
    told = [(one.name, one.levelname, one.getMessage(), vars(one).get("reason")) for one in caplog.records]
    assert told == [
        ("kith.store", "WARNING", "store_down", "SQLite failed: SQLITE_IOERR"),
        ("kith.store", "WARNING", "store_full", "The database has no room left"),
        ("kith.store", "INFO", "store_up", None),
    ]
    assert (standing.state, standing.reason) == ("up", None)


def test_attempt_without_an_end_is_down_until_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    standing = Standing(silent_seconds=-1.0)
    standing.note("up")
    with standing.attempt():
        assert [standing.state, standing.state] == ["down", "down"]
        assert standing.is_silent
    assert not standing.is_silent
    standing.note("up")
    assert standing.state == "up"
    assert [record.getMessage() for record in caplog.records] == ["store_down"]
