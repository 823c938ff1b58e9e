"""Brings the schema of a database to that of the code: one step after another, in one transaction.

Several instances may start at once: the first one does the steps, the others wait and find them done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, select, text

from app.domain.errors import StoreUnavailableError
from app.store.tables import IDENTITY

_LOCK: Final = 0x4B697468
"""The number that instances agree on; it spells the project's name."""


NEWER: Final = "A newer version of the service has changed the database; this version cannot use it"
OLDER: Final = "The database has the schema of an older version; the service changes it when it starts"
EMPTY: Final = "The database does not hold what a service remembers"
OTHER_KEY: Final = "another KITH_ID_KEY"

logging.getLogger("alembic").setLevel(logging.WARNING)


def migrate(engine: Engine, target: str = "head", *, key_check: str | None = None) -> None:
    """Bring the database to a revision, the newest by default; do nothing if it is there already.

    Parameters
    ----------
    engine
        The database.
    target
        The revision.
    key_check
        What the key of the pseudonyms makes of a known text. The first one stays with the database, for what
        is on record cannot be found under another key.

    Raises
    ------
    StoreUnavailableError
        A newer version of the code has changed the database, or it belongs to another key; it stays as it is.
    """
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _upgrade(connection, target)
        if key_check is not None:
            _identify(connection, key_check)


def check_schema(connection: Connection) -> None:
    """Do nothing if the schema of a database is that of the code.

    Raises
    ------
    StoreUnavailableError
        It is a newer one, an older one, or none at all.
    """
    heads = set(MigrationContext.configure(connection).get_current_heads())
    if not heads:
        raise StoreUnavailableError(EMPTY)
    _refuse_newer(heads)
    if heads != set(_scripts().get_heads()):
        raise StoreUnavailableError(OLDER)


def _identify(connection: Connection, key_check: str) -> None:
    kept = connection.execute(select(IDENTITY.c.key_check)).scalar()
    if kept is None:
        connection.execute(insert(IDENTITY).values(id=1, key_check=key_check))
    elif kept != key_check:
        raise StoreUnavailableError(OTHER_KEY)


def _refuse_newer(heads: Iterable[str]) -> None:
    if not {script.revision for script in _scripts().walk_revisions()}.issuperset(heads):
        raise StoreUnavailableError(NEWER)


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _upgrade(connection: Connection, target: str) -> None:
    scripts = _scripts()

    def steps(heads: Iterable[str], _: MigrationContext) -> list[MigrationStep]:
        missing = scripts.iterate_revisions(target, tuple(heads) or "base")
        return [
            MigrationStep.upgrade_from_script(scripts.revision_map, script)
            for script in reversed(list(missing))
        ]

    # SQLite keeps changes of the schema in a transaction, if one was begun by hand as it is here.
    context = MigrationContext.configure(connection, opts={"fn": steps, "transactional_ddl": True})
    _refuse_newer(context.get_current_heads())
    with Operations.context(context):
        context.run_migrations()
