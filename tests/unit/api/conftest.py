"""Services around fakes, started and stopped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.unit.api.fakes import KEY, NOW, FakeScorer, FakeStore, Service, Start
from tests.unit.api.memories import FakeMemory


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a service around fakes."""
    running: list[TestClient] = []

    def started(
        store: FakeStore | None = None,
        scorer: FakeScorer | None = None,
        memory: FakeMemory | None = None,
        **settings: Any,
    ) -> Service:
        held, asked, lines = store or FakeStore(), scorer or FakeScorer(), list[str]()
        app = create_app(
            Settings(**{"id_key": KEY, **settings}),
            clock=lambda: NOW,
            store=held,
            memory=memory or FakeMemory(),
            scorer=asked,
            write=lines.append,
        )
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.__enter__()
        running.append(client)
        return Service(app, client, held, asked, lines)

    yield started
    for client in running:
        client.__exit__(None, None, None)


@pytest.fixture
def service(start: Start) -> Service:
    """Give a running service with a release."""
    return start()


@pytest.fixture
def caplog_kith(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Capture the service's own log."""
    caplog.set_level(logging.DEBUG, logger="kith")
    return caplog
