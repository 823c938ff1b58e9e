from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.artifacts.manifest import RELEASE_NAME
from app.artifacts.reader import parse_release
from app.artifacts.writer import replace_file
from app.domain.errors import GoldenAnswerError, TrialError
from app.domain.rows import build_history
from app.serving.model_store import ModelStore
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from app.serving.trial import TrialReport
from tests.unit.artifacts import tiny

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@dataclass
class FakeTrial:
    """A trial that says what it is told, and counts how often it was asked."""

    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    during: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, models: Path, data: bytes, *, seconds: float, memory_bytes: int) -> TrialReport:
        self.asked.append(parse_release(data).name)
        if self.during is not None:
            await self.during()
        if self.error is not None:
            raise self.error
        return TrialReport(1, 0.1, 1)


@dataclass
class Clock:
    """A clock that a test moves."""

    time: datetime = START

    def __call__(self) -> datetime:
        return self.time


@dataclass
class Watched:
    """A store over a models folder, with everything around it in the test's hands."""

    models: Path
    artifacts: tuple[Path, ...]
    trial: FakeTrial
    clock: Clock
    store: ModelStore

    def publish(self, index: int, created_at: str = "2026-01-31T09:30:00Z") -> str:
        data = tiny.publish_quietly(self.models, self.artifacts[index], created_at=created_at)
        return parse_release(data).name

    def refresh(self) -> bool:
        return asyncio.run(self.store.refresh())

    @property
    def reason(self) -> str:
        refused = self.store.status().refused
        return "" if refused is None else f"{refused.error}: {refused.reason}"

    def flip(self, index: int, name: str) -> bytes:
        path = self.artifacts[index] / name
        good = path.read_bytes()
        path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
        return good


@pytest.fixture
def watched(models: Path, artifacts: tuple[Path, ...]) -> Watched:
    trial, clock = FakeTrial(), Clock()
    store = ModelStore(models, trial_seconds=5, trial_memory_bytes=1 << 30, now=clock, trial=trial)
    return Watched(models, artifacts, trial, clock, store)


def test_before_anything_is_published_nothing_answers_and_nothing_is_refused(watched: Watched) -> None:
    assert not watched.refresh()
    status = watched.store.status()
    assert not status.is_ready
    assert status.refused is None
    assert watched.store.current is None


def test_missing_models_folder_is_as_if_nothing_were_published(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "nowhere")
    assert not asyncio.run(store.refresh())
    assert store.status().refused is None


def test_published_release_answers_after_the_next_look(watched: Watched) -> None:
    watched.refresh()
    name = watched.publish(0)
    assert watched.refresh()
    status = watched.store.status()
    assert status.is_ready
    assert (status.release, status.activated_at) == (name, START)
    assert status.artifacts == {"churn": watched.artifacts[0].name}
    assert watched.store.swap_count == 1
    assert watched.store.last_swap_seconds > 0


def test_unchanged_files_are_looked_at_and_no_more(watched: Watched) -> None:
    watched.publish(0)
    assert watched.refresh()
    first = watched.store.current
    assert not any(watched.refresh() for _ in range(5))
    assert watched.store.current is first
    assert len(watched.trial.asked) == 1


def test_next_release_takes_the_place_of_the_first_and_a_rollback_brings_it_back(watched: Watched) -> None:
    first = watched.publish(0)
    watched.refresh()
    second = watched.publish(1, "2026-01-31T09:40:00Z")
    assert watched.refresh()
    assert watched.store.status().release == second
    replace_file(watched.models / RELEASE_NAME, (watched.models / "releases" / f"{first}.json").read_bytes())
    assert watched.refresh()
    assert watched.store.status().release == first
    assert watched.trial.asked == [first, second, first]


@pytest.mark.parametrize("name", [path for path in [*tiny.files(), "manifest.json"]])  # noqa: C416
def test_flipped_byte_in_any_file_is_refused_and_the_old_release_answers(watched: Watched, name: str) -> None:
    first = watched.publish(0)
    watched.refresh()
    watched.publish(1, "2026-01-31T09:40:00Z")
    watched.flip(1, name)
    assert not watched.refresh()
    assert watched.reason.startswith("DigestMismatchError")
    assert name in watched.reason
    assert watched.store.status().release == first
    assert watched.trial.asked == [first]


def test_flipped_byte_under_the_release_that_answers_is_noticed(watched: Watched) -> None:
    first = watched.publish(0)
    watched.refresh()
    good = watched.flip(0, "repeat.txt")
    assert not watched.refresh()
    assert "repeat.txt" in watched.reason
    assert watched.store.status().release == first
    (watched.artifacts[0] / "repeat.txt").write_bytes(good)
    assert not watched.refresh()
    assert watched.store.status().refused is None
    assert watched.trial.asked == [first]


@pytest.mark.parametrize(
    "damage",
    [
        lambda it: (it.artifacts[1] / "extra.txt").write_bytes(b""),
        lambda it: (it.artifacts[1] / "repeat.txt").unlink(),
        lambda it: shutil.rmtree(it.artifacts[1]),
        lambda it: (it.models / RELEASE_NAME).write_bytes(b'{"format_version": 2}'),
        lambda it: (it.models / RELEASE_NAME).write_bytes(b"{"),
        lambda it: (it.models / RELEASE_NAME).unlink(),
    ],
    ids=["extra", "missing file", "missing folder", "format", "half a release", "no release"],
)
def test_damage_leaves_the_old_release_answering(
    watched: Watched, damage: Callable[[Watched], object]
) -> None:
    first = watched.publish(0)
    watched.refresh()
    watched.publish(1, "2026-01-31T09:40:00Z")
    damage(watched)
    assert not watched.refresh()
    assert watched.reason
    assert watched.store.status().release == first
    assert watched.store.refused_count == 1


def test_release_whose_files_arrive_late_answers_once_they_are_there(watched: Watched) -> None:
    late = watched.artifacts[1].rename(watched.models / "late")
    second = tiny.release_bytes(None, "2026-01-31T09:40:00Z", late.rename(watched.artifacts[1]))
    watched.artifacts[1].rename(late)
    replace_file(watched.models / RELEASE_NAME, second)
    assert not watched.refresh()
    assert watched.reason
    late.rename(watched.artifacts[1])
    assert watched.refresh()
    assert watched.store.status().release == parse_release(second).name


def test_refused_bytes_are_not_tried_again_until_a_file_changes(watched: Watched) -> None:
    watched.trial.error = GoldenAnswerError("churn: answers[0] is another value")
    name = watched.publish(0)
    for _ in range(3):
        assert not watched.refresh()
        watched.clock.time += timedelta(hours=2)
    assert watched.trial.asked == [name]
    assert watched.store.refused_count == 1
    watched.trial.error = None
    replace_file(watched.models / RELEASE_NAME, (watched.models / RELEASE_NAME).read_bytes())
    assert watched.refresh()
    assert watched.store.status().refused is None


def test_trial_that_the_machine_may_have_failed_is_repeated_after_ever_longer_waits(watched: Watched) -> None:
    watched.trial.error = TrialError("no verdict within 5 s; the child was killed")
    watched.publish(0)
    tried = []
    for minute in range(200):
        watched.clock.time = START + timedelta(minutes=minute)
        before = len(watched.trial.asked)
        assert not watched.refresh()
        if len(watched.trial.asked) > before:
            tried.append(minute)
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    refused = watched.store.status().refused
    assert refused is not None
    assert refused.attempts == len(tried)
    watched.trial.error = None
    watched.clock.time += timedelta(hours=1)
    assert watched.refresh()


def test_other_bytes_start_with_the_first_wait_again(watched: Watched) -> None:
    watched.trial.error = TrialError("no verdict within 5 s; the child was killed")
    watched.publish(0)
    for minute in (0, 1, 3):
        watched.clock.time = START + timedelta(minutes=minute)
        watched.refresh()
    watched.publish(1)
    watched.refresh()
    refused = watched.store.status().refused
    assert refused is not None
    assert refused.attempts == 1


@pytest.mark.parametrize("error", [RuntimeError("surprise"), MemoryError(), OSError(5, "I/O error")])
def test_no_error_ends_the_watch(watched: Watched, error: Exception) -> None:
    first = watched.publish(0)
    watched.refresh()
    watched.trial.error = error
    watched.publish(1)
    assert not watched.refresh()
    assert watched.reason.startswith(type(error).__name__)
    assert watched.store.status().release == first


def test_refusal_is_logged_as_an_event(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    first = watched.publish(0)
    with caplog.at_level(logging.INFO, logger="kith"):
        watched.refresh()
        watched.publish(1)
        watched.flip(1, "card.md")
        watched.refresh()
    activated, refused = caplog.records
    said: dict[str, Any] = vars(refused)
    assert (activated.message, vars(activated)["release"]) == ("release_activated", first)
    assert (refused.levelname, refused.message) == ("WARNING", "release_refused")
    assert said["error"] == "DigestMismatchError"
    assert "card.md" in said["reason"]
    assert said["answering"] == first
    assert said["release"].startswith("20260131T093000Z-")


def test_looks_at_the_same_time_try_a_release_once(watched: Watched) -> None:
    watched.publish(0)

    async def look() -> list[bool]:
        watched.trial.during = lambda: asyncio.sleep(0.01)
        return await asyncio.gather(*(watched.store.refresh() for _ in range(5)))

    assert sorted(asyncio.run(look())) == [False] * 4 + [True]
    assert len(watched.trial.asked) == 1


def test_look_that_was_cancelled_is_made_up_for_by_the_next(watched: Watched) -> None:
    watched.publish(0)

    async def cancel() -> None:
        watched.trial.during = lambda: asyncio.sleep(60)
        task = asyncio.create_task(watched.store.refresh())
        while not watched.trial.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    watched.trial.during = None
    assert watched.refresh()


def test_file_that_changes_during_a_look_is_noticed_at_the_next(watched: Watched) -> None:
    watched.publish(0)

    async def publish_another() -> None:
        watched.publish(1, "2026-01-31T09:40:00Z")

    watched.trial.during = publish_another
    watched.refresh()
    watched.trial.during = None
    assert watched.refresh()
    assert watched.store.status().artifacts == {"churn": watched.artifacts[1].name}


def test_swaps_under_readers_never_mix_two_releases(watched: Watched) -> None:
    history = build_history(tiny.customers()[:3], "Europe/London", {"contract": "categorical"})
    as_of = np.full(history.size, tiny.AS_OF)
    names = [watched.publish(i, f"2026-01-31T09:3{i}:00Z") for i in (0, 1)]
    contents = [(watched.models / "releases" / f"{name}.json").read_bytes() for name in names]

    def answer(release: LoadedRelease) -> tuple[str, tuple[str, ...], tuple[float, ...]]:
        answers = score(release, history, as_of, Ask(("churn",)))
        return (
            answers[0]["release"],
            tuple(one["churn"]["model"]["version"] for one in answers),
            tuple(one["churn"]["probability"] for one in answers),
        )

    async def read(seen: set[Any], done: asyncio.Event) -> None:
        while not done.is_set():
            release = watched.store.current
            assert release is not None
            seen.add(await asyncio.to_thread(answer, release))

    async def swap() -> set[Any]:
        seen: set[Any] = set()
        done = asyncio.Event()
        await watched.store.refresh()
        readers = [asyncio.create_task(read(seen, done)) for _ in range(4)]
        for i in range(20):
            replace_file(watched.models / RELEASE_NAME, contents[i % 2])
            assert await watched.store.refresh()
        done.set()
        await asyncio.gather(*readers)
        return seen

    seen = asyncio.run(swap())
    assert {name for name, _, _ in seen} == set(names)
    assert len(seen) == 2
    assert watched.store.refused_count == 0


def test_hostile_release_is_refused_by_a_real_trial_and_a_good_one_is_not(
    models: Path, artifacts: tuple[Path, ...]
) -> None:
    store = ModelStore(models)
    hostile = tiny.write(
        models, changes={"repeat.txt": tiny.rewritten(tiny.trees(), ("split_feature", "500000000 0 0 0 0"))}
    )
    tiny.publish_quietly(models, hostile)
    assert not asyncio.run(store.refresh())
    refused = store.status().refused
    assert refused is not None
    assert refused.error == "StructureError"
    assert "feature 500000000" in refused.reason
    tiny.publish_quietly(models, artifacts[0])
    assert asyncio.run(store.refresh())
    assert store.status().artifacts == {"churn": artifacts[0].name}
