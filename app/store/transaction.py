"""What a task may do within the transaction of its batch: read many keys at once, write many rows, lock.

PostgreSQL: locks are taken in the order of their numbers, persons and ids first, budgets after them, so that
two instances never wait for each other in a circle. They are advisory, for what is locked may not exist yet.
A transaction that needs very many takes one lock for everything instead, which all others share. SQLite needs
none of this: its transactions are alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    Text,
    TypeDecorator,
    UpdateBase,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, registry, sqlite

from app.store.tables import DECISIONS, ERASED_KEYS, ERASURES, FEEDBACK, OUTCOMES

Rows = list[dict[str, Any]]

_POSTGRESQL: Final = "postgresql"
_NAMED: Final = {
    "postgresql": registry.load("postgresql.psycopg")(paramstyle="pyformat"),
    "sqlite": registry.load("sqlite.pysqlite")(paramstyle="named"),
}
"""Dialects whose statements name their parameters, as rows do."""
_MOST_LOCKS: Final = 1000
"""PostgreSQL has room for some thousands over all connections."""
_EVERYTHING: Final = 0x4B697469
_COUNTED: Final = frozenset({DECISIONS.name, OUTCOMES.name, FEEDBACK.name})


class _Listed(TypeDecorator[Sequence[str]]):
    """Many keys as one JSON text, so that the statement stays the same however many there are."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """Return the keys as JSON."""
        return json.dumps(list(value or ()))


def among(dialect: str, column: Column[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of the keys that are bound to a name."""
    if dialect == _POSTGRESQL:
        return column == any_(bindparam(name, type_=ARRAY(Text)))
    listed: BindParameter[Sequence[str]] = bindparam(name, type_=_Listed())
    return column.in_(select(func.json_each(listed).table_valued("value").c.value))


@cache
def upsert(dialect: str, table: Table, *updated: str) -> postgresql.Insert | sqlite.Insert:
    """Return the statement that inserts rows, or sets the columns named of those that are there already.

    Without columns, rows that are there stay as they are.
    """
    insert = postgresql.insert(table) if dialect == _POSTGRESQL else sqlite.insert(table)
    if not updated:
        return insert.on_conflict_do_nothing()
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in updated},
    )


class Transaction:
    """One transaction of the writer."""

    def __init__(self, connection: Connection) -> None:
        """Work on a connection whose transaction has begun."""
        self.connection = connection
        self.dialect = connection.dialect.name
        self.has_written = False
        self.new_rows = 0
        """How many decisions, outcomes, verdicts and erasures there are that were not there before."""
        self._held: frozenset[str] = frozenset()

    @property
    def is_alone(self) -> bool:
        """Whether no other transaction writes at the same time, so that nothing needs to be held."""
        return self.dialect != _POSTGRESQL

    def rows(self, statement: Select[Any], **bound: Any) -> Sequence[Any]:
        """Return all rows of a statement."""
        return self.connection.execute(statement, bound).all()

    def write(self, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of the rows, which name its parameters; do nothing without rows."""
        if rows:
            self.has_written = True
            if isinstance(statement, Insert) and statement.table.name in _COUNTED:
                self.new_rows += len(rows)
            self.connection.exec_driver_sql(_sql(self.dialect, statement), list(rows))

    def erased(self, kind: str, keys: Sequence[str]) -> set[str]:
        """Return those of some keys that belong to what was erased."""
        if not keys:
            return set()
        return {row[0] for row in self.rows(_erased_keys(self.dialect), kind=kind, keys=keys)}

    def erasures(self, persons: Sequence[str]) -> dict[str, int]:
        """Return when those of some persons were erased who were."""
        if not persons:
            return {}
        return {row.person: row.at for row in self.rows(_erasures(self.dialect), persons=persons)}

    def hold(self, persons: Iterable[str], ids: Iterable[str]) -> None:
        """Wait until no other transaction works on any of the persons and ids; to be called first."""
        if self.is_alone:
            return
        self._held = frozenset(persons)
        numbers = {_number("person", person) for person in self._held}
        numbers.update(_number("id", key) for key in ids)
        is_many = len(numbers) > _MOST_LOCKS
        self._lock_everything(is_shared=not is_many)
        if not is_many:
            self._lock(numbers)

    def holds(self, person: str) -> bool:
        """Say whether what is known of a person cannot change under this transaction."""
        return self.is_alone or person in self._held

    def hold_budgets(self, budgets: Iterable[str]) -> None:
        """Wait until no other transaction works on any of the budgets; to be called once, after ``hold``."""
        if not self.is_alone:
            self._lock({_number("budget", budget) for budget in budgets})

    def _lock_everything(self, *, is_shared: bool) -> None:
        lock = func.pg_advisory_xact_lock_shared if is_shared else func.pg_advisory_xact_lock
        self.connection.execute(select(lock(bindparam("number", type_=BigInteger))), {"number": _EVERYTHING})

    def _lock(self, numbers: set[int]) -> None:
        if numbers:
            self.connection.execute(_locks(), {"numbers": sorted(numbers)})


@cache
def _sql(dialect: str, statement: UpdateBase) -> str:
    """Return the text of a statement for the driver: nothing is left to be worked out for each row."""
    known: Dialect = _NAMED[dialect]
    return str(statement.compile(dialect=known))


@cache
def _erased_keys(dialect: str) -> Select[Any]:
    key = ERASED_KEYS.c.key
    return select(key).where(ERASED_KEYS.c.kind == bindparam("kind"), among(dialect, key, "keys"))


@cache
def _erasures(dialect: str) -> Select[Any]:
    return select(ERASURES).where(among(dialect, ERASURES.c.person, "persons"))


@cache
def _locks() -> Select[Any]:
    number = func.unnest(bindparam("numbers", type_=ARRAY(BigInteger))).column_valued("number")
    return select(func.pg_advisory_xact_lock(number))


def _number(kind: str, key: str) -> int:
    digest = hashlib.blake2b(f"{kind}\n{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
