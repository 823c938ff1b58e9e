from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import select, text

from app.domain.errors import StoreUnavailableError
from app.store.engine import READING, open_engine
from app.store.memory import Memory
from app.store.tables import OUTCOMES
from tests.integration.store.reporter import opened as outcome

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
IS_DRILL = os.environ.get("KITH_DRILL") == "1"


def run(*words: str, **environment: str) -> subprocess.Popen[str]:
    """Start the process that reports."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "reporter.py"), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def kept(url: str) -> list[str]:
    """Return the event keys on record; of a file that is sound."""
    with open_engine(url).connect().execution_options(**{READING: True}) as connection:
        if url.startswith("sqlite"):
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        return list(connection.execute(select(OUTCOMES.c.event_key)).scalars())


def flooded(url: str, prefix: str, seconds: float) -> list[str]:
    """Report until the process is killed; return what it was told is kept."""
    process = run("flood", url, prefix)
    assert process.stdout
    told = [process.stdout.readline()]
    time.sleep(seconds)
    process.kill()
    rest, _ = process.communicate(timeout=30)
    return (told[0] + rest).rpartition("\n")[0].split()


@pytest.mark.slow
@pytest.mark.parametrize("turns", [50 if IS_DRILL else 5])
def test_killed_writer_loses_nothing_that_it_acknowledged(
    url: str, turns: int, record_property: Callable[[str, object], None]
) -> None:
    acknowledged: list[str] = []
    found: list[str] = []
    for turn in range(turns if url.startswith("sqlite") else (turns + 4) // 5):
        acknowledged += flooded(url, f"turn-{turn}", 0.02 + 0.28 * (turn * 0.618 % 1))
        found = kept(url)
        assert len(found) == len(set(found))
        assert set(acknowledged) <= set(found)
    memory = Memory(url, queue_limit=len(acknowledged) + 1)
    memory.start()
    futures = [memory.report(outcome(key)) for key in acknowledged]
    assert all(future.result(60).is_replay for future in futures)
    assert len(kept(url)) == len(found)
    assert memory.books()["faults"] == []
    memory.close(10)
    record_property("acknowledged", len(acknowledged))
    record_property("kept", len(found))


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes writes and syncs fail."""
    compiler = shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("faults are injected on Linux with gcc")
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, HERE / "faults.c"], check=True)
    return library


class Obedient:
    """A process that reports what it is told to, and whose disk fails when it is told to."""

    def __init__(self, process: subprocess.Popen[str], control: Path) -> None:
        self.process = process
        self._control = control

    def report(self, *keys: str) -> tuple[dict[str, str], str]:
        """Return how each outcome was taken, and the state of the store after that."""
        sent: IO[str] | None = self.process.stdin
        told: IO[str] | None = self.process.stdout
        assert sent
        assert told
        sent.write(" ".join(keys) + "\n")
        sent.flush()
        answer = json.loads(told.readline())
        return answer["answers"], answer["state"]

    def fail(self, number: int, operation: str) -> None:
        self._control.write_text(f"{number} {operation}")

    def mend(self) -> None:
        self._control.write_text("")


@contextmanager
def obedient(url: str, shim: Path, control: Path) -> Iterator[Obedient]:
    control.write_text("")
    process = run("obey", url, LD_PRELOAD=str(shim), KITH_FAULTS=str(control))
    try:
        yield Obedient(process, control)
    finally:
        process.kill()
        process.communicate(timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "operation", "error", "state"),
    [
        (errno.ENOSPC, "write", "StoreFullError", "full"),
        (errno.EIO, "write", "StoreUnavailableError", "down"),
        (errno.EIO, "sync", "StoreUnavailableError", "down"),
        (errno.ENOSPC, "sync", "StoreFullError", "full"),
    ],
)
def test_failing_disk_loses_nothing_and_is_used_again_when_it_works(
    tmp_path: Path, shim: Path, number: int, operation: str, error: str, state: str
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    acknowledged: set[str] = set()
    with obedient(url, shim, tmp_path / "control") as process:
        for turn in range(20 if IS_DRILL else 1):
            before = [f"{turn}-before-{one}" for one in range(8)]
            during = [f"{turn}-during-{one}" for one in range(8)]
            answers, found = process.report(*before)
            assert (set(answers.values()), found) == ({"new"}, "up")
            process.fail(number, operation)
            answers, found = process.report(*during)
            assert (set(answers.values()), found) == ({error}, state)
            process.mend()
            time.sleep(1.1)  # a database that could not be opened is left alone for a second
            answers, found = process.report(*during, *before)
            assert found == "up"
            assert {answers[key] for key in before} == {"replay"}
            assert {answers[key] for key in during} <= {"new", "replay"}
            acknowledged.update(answers)
    found_keys = kept(url)
    assert sorted(found_keys) == sorted(acknowledged)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read from a file all along, as a backup does."""
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN").close()
    assert reader.execute("SELECT count(*) FROM outcomes").fetchone()
    yield
    reader.close()


def test_long_reader_keeps_no_instance_from_starting(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    first, second = Memory(url), Memory(url)
    first.start()
    first.report(outcome("a")).result(10)
    with reading(tmp_path / "store.db"):
        first.report(outcome("b")).result(10)
        second.start()
        assert second.report(outcome("b")).result(5).is_replay
        assert second.report(outcome("c")).result(5).is_replay is False
        assert second.state == "up"
    for memory in (first, second):
        memory.close(10)


@pytest.mark.slow
def test_long_reader_keeps_no_instance_from_returning_after_a_failed_sync(tmp_path: Path, shim: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with obedient(url, shim, tmp_path / "control") as process:
        assert process.report("a") == ({"a": "new"}, "up")
        with reading(tmp_path / "store.db"):
            assert process.report("b") == ({"b": "new"}, "up")
            process.fail(errno.EIO, "sync")
            assert process.report("c", "b") == (dict.fromkeys("cb", "StoreUnavailableError"), "down")
            process.mend()
            time.sleep(1.1)  # as above
            answers, state = process.report("a", "b", "c")
            assert (answers["a"], answers["b"], state) == ("replay", "replay", "up")
    assert sorted(kept(url)) == ["a", "b", "c"]


def test_silent_server_is_noticed_by_the_connection(url: str) -> None:
    if not url.startswith("postgresql"):
        pytest.skip("SQLite is no server")
    with open_engine(url).connect() as connection:
        driver: Any = connection.connection.driver_connection
        found = driver.info.get_parameters()
    names = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
    assert [found[name] for name in names] == ["5", "2", "3", "10000"]


def test_store_that_nobody_uses_notices_that_there_is_room_again(tmp_path: Path, shim: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with obedient(url, shim, tmp_path / "control") as process:
        assert process.report("first")[1] == "up"
        process.fail(errno.ENOSPC, "write")
        assert process.report("second") == ({"second": "StoreFullError"}, "full")
        process.mend()
        until = time.monotonic() + 10
        while (seen := process.report()[1]) != "up" and time.monotonic() < until:
            time.sleep(0.05)
        assert seen == "up"


def test_start_without_a_database_is_not_fatal(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    memory = Memory(f"sqlite:///{tmp_path}/folder/store.db")
    memory.start()
    with pytest.raises(StoreUnavailableError):
        memory.report(outcome("a")).result(10)
    with pytest.raises(StoreUnavailableError):
        memory.books()
    states = [memory.state]
    (tmp_path / "folder").unlink()
    until = time.monotonic() + 10
    while states[-1] != "up" and time.monotonic() < until:
        time.sleep(0.05)
        states.append(memory.state)
    assert (states[0], states[-1]) == ("down", "up")
    assert memory.report(outcome("a")).result(10).is_replay is False
    memory.close(10)
