"""Memories over real databases: each test runs against SQLite and against PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.store.memory import Memory

Opened = Callable[..., Memory]


@pytest.fixture
def opened(url: str) -> Iterator[Opened]:
    """Give a function that opens memories of the same database."""
    memories: list[Memory] = []

    def begin(**limits: Any) -> Memory:
        memories.append(Memory(url, **limits))
        memories[-1].start()
        return memories[-1]

    yield begin
    for memory in memories:
        memory.close(10)


@pytest.fixture
def memory(opened: Opened) -> Memory:
    """A memory that remembers nothing yet."""
    return opened()
