from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from app.__main__ import main
from app.store.engine import open_engine
from app.store.memory import Memory
from app.store.migrations import migrate
from tests.integration.store.making import decision, task


@pytest.mark.parametrize("variable", ["KITH_VAR", "KITH_STORE"])
def test_books_that_are_not_there_are_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    folder = tmp_path / "var"
    monkeypatch.setenv(variable, f"sqlite:///{folder}/kith.db" if variable == "KITH_STORE" else str(folder))
    assert main(["books"]) == 1
    told = capsys.readouterr()
    assert (told.out, "does not exist" in told.err, str(tmp_path) in told.err) == ("", True, False)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("statement", "text_of_error"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("DELETE FROM alembic_version", "does not hold"),
    ],
)
def test_books_of_another_schema_are_not_read(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statement: str,
    text_of_error: str,
) -> None:
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(statement))
    monkeypatch.setenv("KITH_STORE", url)
    assert main(["books"]) == 1
    assert text_of_error in capsys.readouterr().err


def test_books_of_a_killed_service_are_read_with_its_log(tmp_path: Path) -> None:
    memory = Memory(f"sqlite:///{tmp_path}/store.db")
    memory.start()
    memory.decide(task(decision("a"))).result(10)
    left = tmp_path / "left"
    left.mkdir()
    for name in ("store.db", "store.db-wal"):
        (left / name).write_bytes((tmp_path / name).read_bytes())
    before = [path.read_bytes() for path in (left / "store.db", left / "store.db-wal")]
    assert Memory(f"sqlite:///{left}/store.db").books()["counts"]["decisions"] == {"live": 1}
    assert [path.read_bytes() for path in (left / "store.db", left / "store.db-wal")] == before
    memory.close(10)
