from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.training.tables.small import NOW, Read, business_of
from training.tables import Tables, read_tables


@pytest.fixture
def read() -> Iterator[Read]:
    opened: list[Tables] = []

    def read_and_keep(tables: dict[str, str], **said: Any) -> Tables:
        asked = {
            name: said.pop(name) for name in ("as_of", "now", "environment", "memory_limit") if name in said
        }
        opened.append(read_tables(business_of(tables, **said), **{"now": NOW, **asked}))
        return opened[-1]

    yield read_and_keep
    for tables in opened:
        tables.close()
