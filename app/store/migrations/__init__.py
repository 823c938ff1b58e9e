"""Brings the schema of a database to that of the code: one step after another, in one transaction.

Several instances may start at once: the first one does the steps, the others wait and find them done.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from app.domain.errors import StoreUnavailableError

_LOCK: Final = 0x4B697468
"""The number that instances agree on; it spells the project's name."""


def migrate(engine: Engine, target: str = "head") -> None:
    """Bring the database to a revision, the newest by default; do nothing if it is there already.

    Raises
    ------
    StoreUnavailableError
        A newer version of the code has changed the database.
    """
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _upgrade(connection, target)


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
    known = {script.revision for script in scripts.walk_revisions()}
    if not known.issuperset(context.get_current_heads()):
        raise StoreUnavailableError(
            "A newer version of the service has changed the database; this version cannot use it"
        )
    with Operations.context(context):
        context.run_migrations()
