"""Decisions that are written: how many a second, with one commit for many and with one commit for each.

Every side gets an empty database on the same disk, the same questions and 64 client threads that wait for
the commit before they ask again. What is prepared before the store is asked is prepared outside of the time.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url, text

from app.serving.decide import Prepared
from app.store.memory import Memory
from app.store.records import Choice, DecisionTask, Known, NewOutcome

CLIENTS: Final = 64
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_BLOCK: Final = b"\0" * 4096
_SYNC_SECONDS: Final = 0.5
_WAIT_SECONDS: Final = 60.0

Task = DecisionTask | NewOutcome
Database = Callable[[], AbstractContextManager[str]]
"""Gives the URL of an empty database, and takes it away afterwards."""


def tasks_of(questions: Prepared) -> list[DecisionTask]:
    """Return a task for each question alone, as requests of one customer each make them."""
    return [_one(questions, position) for position in range(len(questions.cases))]


def chosen_beforehand(tasks: Sequence[DecisionTask]) -> list[DecisionTask]:
    """Return tasks that write the same without working it out: what is left is the store's own work."""

    def chosen(task: DecisionTask) -> DecisionTask:
        choice = task.choose([0], [Known()], {})
        return replace(task, choose=lambda *_: Choice(choice.decisions))

    return [chosen(task) for task in tasks]


def outcomes_of(tasks: Sequence[DecisionTask], at: int) -> list[NewOutcome]:
    """Return one outcome of the decision that each task leads to."""
    found = []
    for number, task in enumerate(tasks):
        (decision,) = task.choose([0], [Known()], {}).decisions
        found.append(NewOutcome(f"{number:032x}", "0" * 32, "delivered", at, at, decision.decision_id))
    return found


def per_second(memory: Memory, tasks: Sequence[Task], clients: int = CLIENTS) -> float:
    """Return how many tasks a second are written and acknowledged, asked by so many threads at once."""
    waiting = iter(tasks)

    def ask(_: int) -> None:
        for task in waiting:
            submitted: Any = memory.decide(task) if isinstance(task, DecisionTask) else memory.report(task)
            submitted.result(_WAIT_SECONDS)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(time.sleep, [0.001] * clients))  # all threads are there before the time begins
        began = time.perf_counter()
        list(pool.map(ask, range(clients)))
        return len(tasks) / (time.perf_counter() - began)


@contextmanager
def opened(url: str, batch_limit: int = 256) -> Iterator[Memory]:
    """Give a memory that works."""
    memory = Memory(url, batch_limit=batch_limit)
    memory.start()
    try:
        memory.look((), 0, ()).result(_WAIT_SECONDS)
        yield memory
    finally:
        memory.close()


def on_disk(folder: Path) -> Database:
    """Return what gives the URL of an empty SQLite database in a folder."""

    @contextmanager
    def made() -> Iterator[str]:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            yield f"sqlite:///{place}/kith.db"

    return made


def on_server(url: str) -> Database:
    """Return what gives the URL of an empty database of a PostgreSQL server."""

    @contextmanager
    def made() -> Iterator[str]:
        server = create_engine(make_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        name = f"kith_bench_{secrets.token_hex(8)}"
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    return made


def rate(database: Database, tasks: Sequence[Task], first: Sequence[Task] = (), **limits: int) -> float:
    """Return how many tasks a second an empty database takes; ``first`` is written before the time begins."""
    with database() as url, opened(url, **limits) as memory:
        if first:
            per_second(memory, first)
        return per_second(memory, tasks)


@contextmanager
def slower_commits(seconds: float) -> Iterator[None]:
    """Let every commit take so much longer, as on a disk whose syncs do."""

    def pause(_: Connection) -> None:
        time.sleep(seconds)

    event.listen(Engine, "commit", pause)
    try:
        yield
    finally:
        event.remove(Engine, "commit", pause)


def syncs_per_second(folder: Path) -> float:
    """Return how many appended blocks a second the disk under a folder makes durable, one by one."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        count, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < _SYNC_SECONDS:
            os.write(file.fileno(), _BLOCK)
            os.fdatasync(file.fileno())
            count += 1
    return count / took


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on."""
    where, kind = Path("/"), "unknown"
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mounted, found, *_ = line.split()
        place = Path(mounted)
        if folder.resolve().is_relative_to(place) and place.is_relative_to(where):
            where, kind = place, found
    return kind


def _one(questions: Prepared, position: int) -> DecisionTask:
    alone: Callable[[], DecisionTask | None] = replace(
        questions,
        cases=(questions.cases[position],),
        as_of=questions.as_of[position : position + 1],
    ).task
    task = alone()
    if task is None:
        raise RuntimeError("no playbook answers")
    return task
