from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.artifacts.manifest import RELEASE_NAME
from app.artifacts.reader import parse_release, read_release_bytes
from app.domain.errors import (
    DigestMismatchError,
    GoldenAnswerError,
    InputError,
    PublicationError,
    StructureError,
    TrialError,
)
from app.serving.trial import TrialReport
from tests.unit.artifacts import tiny
from training import publish as module
from training.inventory import catalogue, newest
from training.publish import activate, add_publish_arguments, publish, rollback


@dataclass
class FakeTrial:
    """A trial that says what it is told."""

    error: Exception | None = None
    asked: list[bytes] = field(default_factory=list)

    async def __call__(self, models: Path, data: bytes, *, seconds: float, memory_bytes: int) -> TrialReport:
        self.asked.append(data)
        if self.error is not None:
            raise self.error
        return TrialReport(1, 0.1, 1)


@dataclass
class Shelf:
    """A models folder, its artifacts, and a clock that goes on by a minute with each publication."""

    models: Path
    versions: tuple[str, ...]
    trial: FakeTrial = field(default_factory=FakeTrial)
    time: datetime = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

    def publish(self, index: int, *, keep_others: bool = True) -> str:
        self.time += timedelta(minutes=1)
        entries = {"churn": self.versions[index]}
        return publish(self.models, entries, keep_others=keep_others, now=lambda: self.time, trial=self.trial)

    @property
    def current(self) -> bytes:
        return (self.models / RELEASE_NAME).read_bytes()

    def files(self) -> set[str]:
        return {str(path.relative_to(self.models)) for path in self.models.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    models = tmp_path_factory.mktemp("shelf") / "models"
    return models, tuple(tiny.write(models, seed).name for seed in range(3))


@pytest.fixture
def shelf(made: tuple[Path, tuple[str, ...]], tmp_path: Path) -> Shelf:
    return Shelf(Path(shutil.copytree(made[0], tmp_path / "models")), made[1])


def test_published_release_names_its_artifact_and_is_kept_under_its_name(shelf: Shelf) -> None:
    name = shelf.publish(0)
    release = parse_release(shelf.current)
    assert release.name == name
    assert name.startswith("20260131T093100Z-")
    assert release.artifacts["churn"].version == shelf.versions[0]
    assert release.previous is None
    assert read_release_bytes(shelf.models, name) == shelf.current
    assert shelf.trial.asked == [shelf.current]


def test_publishing_what_is_in_force_changes_nothing(shelf: Shelf) -> None:
    name = shelf.publish(0)
    before = shelf.files()
    assert shelf.publish(0) == name
    assert shelf.files() == before


def test_release_names_the_one_before_it(shelf: Shelf) -> None:
    first = shelf.publish(0)
    shelf.publish(1)
    assert parse_release(shelf.current).previous == first


def test_rollback_puts_the_same_bytes_in_force_again(shelf: Shelf) -> None:
    shelf.publish(0)
    before = shelf.current
    shelf.publish(1)
    assert rollback(shelf.models, trial=shelf.trial) == parse_release(before).name
    assert shelf.current == before


def test_rolling_back_twice_goes_back_two_releases(shelf: Shelf) -> None:
    names = [shelf.publish(i) for i in range(3)]
    assert rollback(shelf.models, trial=shelf.trial) == names[1]
    assert rollback(shelf.models, trial=shelf.trial) == names[0]
    with pytest.raises(InputError, match="first release"):
        rollback(shelf.models, trial=shelf.trial)


def test_release_after_a_rollback_goes_back_to_where_the_rollback_went(shelf: Shelf) -> None:
    first = shelf.publish(0)
    shelf.publish(1)
    rollback(shelf.models, trial=shelf.trial)
    shelf.publish(2)
    assert rollback(shelf.models, trial=shelf.trial) == first


def test_rollback_and_publish_go_to_a_named_release(shelf: Shelf) -> None:
    names = [shelf.publish(i) for i in range(3)]
    assert rollback(shelf.models, names[0], trial=shelf.trial) == names[0]
    assert activate(shelf.models, names[2], trial=shelf.trial) == names[2]
    assert parse_release(shelf.current).name == names[2]


@pytest.mark.parametrize("name", ["20260131T093100Z-00000000", "../release", "", "latest"])
def test_unknown_release_is_bad_input(shelf: Shelf, name: str) -> None:
    shelf.publish(0)
    for go in (rollback, activate):
        with pytest.raises(InputError, match="no release of that name"):
            go(shelf.models, name, trial=shelf.trial)


@pytest.mark.parametrize(
    ("capability", "version"),
    [
        ("churn", "20200101-00000000"),
        ("other", "20200101-00000000"),
        ("..", "x"),
        ("churn", "../churn"),
        ("", ""),
    ],
)
def test_unknown_artifact_is_bad_input(shelf: Shelf, capability: str, version: str) -> None:
    with pytest.raises(InputError, match="no artifact of that name"):
        publish(shelf.models, {capability: version}, keep_others=False, trial=shelf.trial)


def test_nothing_to_publish_is_bad_input(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train one first"):
        publish(shelf.models, {}, keep_others=True, trial=shelf.trial)
    with pytest.raises(InputError, match="no models folder"):
        publish(tmp_path / "nowhere", {}, keep_others=True, trial=shelf.trial)
    with pytest.raises(InputError, match="nothing is published"):
        rollback(shelf.models, trial=shelf.trial)


@pytest.mark.parametrize(
    "error", [TrialError("no verdict"), GoldenAnswerError("churn: it differs"), StructureError("tree 0")]
)
def test_release_that_fails_its_trial_leaves_no_trace(shelf: Shelf, error: Exception) -> None:
    shelf.publish(0)
    before, bytes_before = shelf.files(), shelf.current
    shelf.trial.error = error
    with pytest.raises(type(error)):
        shelf.publish(1)
    assert shelf.files() == before
    assert shelf.current == bytes_before


def test_damaged_artifact_is_neither_published_nor_rolled_back_to(shelf: Shelf) -> None:
    shelf.publish(0)
    second = shelf.publish(1)
    for index in (0, 2):
        path = shelf.models / "churn" / shelf.versions[index] / "repeat.txt"
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DigestMismatchError):
        shelf.publish(2)
    with pytest.raises(DigestMismatchError):
        rollback(shelf.models, trial=shelf.trial)
    assert parse_release(shelf.current).name == second


def test_release_file_with_another_name_inside_is_refused(shelf: Shelf) -> None:
    first = shelf.publish(0)
    second = shelf.publish(1)
    folder = shelf.models / "releases"
    (folder / f"{first}.json").write_bytes((folder / f"{second}.json").read_bytes())
    with pytest.raises(StructureError, match="another name"):
        rollback(shelf.models, trial=shelf.trial)


def test_model_that_does_not_beat_its_baseline_is_not_published_as_its_tier(shelf: Shelf) -> None:
    full = tiny.variant("full", tiny.FULL, tiny.population("repeat", "trees", "repeat.txt", "ml", "C"))
    folder = tiny.write(shelf.models, changed=tiny.draft(variants=(full,)))
    with pytest.raises(PublicationError, match=r"full/repeat has grade C.*tier ml"):
        publish(shelf.models, {"churn": folder.name}, keep_others=False, trial=shelf.trial)
    assert not (shelf.models / RELEASE_NAME).exists()
    assert not shelf.trial.asked


def test_rules_are_published_with_the_grade_that_they_earn(shelf: Shelf) -> None:
    full = tiny.variant("full", tiny.FULL, tiny.population("repeat", "trees", "repeat.txt", "rules", "C"))
    folder = tiny.write(shelf.models, changed=tiny.draft(variants=(full,)))
    publish(shelf.models, {"churn": folder.name}, keep_others=False, trial=shelf.trial)
    assert (shelf.models / RELEASE_NAME).exists()


def with_other(shelf: Shelf) -> None:
    """Put an artifact of another capability in force beside churn."""
    other = tiny.write(shelf.models, changed=tiny.draft(capability="purchase"))
    publish(
        shelf.models,
        {"churn": shelf.versions[0], "purchase": other.name},
        keep_others=False,
        trial=shelf.trial,
    )


def test_other_capabilities_stay_in_force_where_they_are_kept(shelf: Shelf) -> None:
    with_other(shelf)
    shelf.publish(1, keep_others=True)
    assert parse_release(shelf.current).artifacts.keys() == {"churn", "purchase"}
    shelf.publish(2, keep_others=False)
    assert parse_release(shelf.current).artifacts.keys() == {"churn"}


def test_unreadable_current_release_is_not_carried_over(shelf: Shelf) -> None:
    first = shelf.publish(0)
    (shelf.models / RELEASE_NAME).write_bytes(b"{")
    with pytest.raises(PublicationError, match="current release cannot be read"):
        shelf.publish(1, keep_others=True)
    shelf.publish(1, keep_others=False)
    assert parse_release(shelf.current).previous is None
    assert activate(shelf.models, first, trial=shelf.trial) == first


def test_publishers_wait_for_each_other(shelf: Shelf) -> None:
    together, most = 0, 0
    inside = threading.Lock()

    async def slow(models: Path, data: bytes, *, seconds: float, memory_bytes: int) -> TrialReport:
        nonlocal together, most
        with inside:
            together += 1
            most = max(most, together)
        await asyncio.sleep(0.05)
        with inside:
            together -= 1
        return TrialReport(1, 0.1, 1)

    def one(index: int) -> None:
        publish(shelf.models, {"churn": shelf.versions[index]}, keep_others=False, trial=slow)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    releases = catalogue(shelf.models)["releases"]
    assert len(releases) == 3
    assert len({release["previous"] for release in releases}) == 3


def test_real_trial_lets_a_good_release_pass_and_holds_a_hostile_one_back(shelf: Shelf) -> None:
    publish(shelf.models, {"churn": shelf.versions[0]}, keep_others=False)
    before = shelf.current
    text = tiny.trees()
    leaves = tiny.line_of(text, "leaf_value").split(" ")
    crafted = tiny.rewritten(text, ("leaf_value", " ".join(["0.5", *leaves[1:]])))
    hostile = tiny.write(shelf.models, changes={"repeat.txt": crafted})
    with pytest.raises(GoldenAnswerError, match="does not reproduce"):
        publish(shelf.models, {"churn": hostile.name}, keep_others=False)
    assert shelf.current == before


def test_newest_is_the_latest_training_then_the_latest_written(shelf: Shelf) -> None:
    for age, version in enumerate(reversed(shelf.versions)):
        moment = 1_700_000_000 - age
        os.utime(shelf.models / "churn" / version / "manifest.json", (moment, moment))
    assert newest(shelf.models) == {"churn": shelf.versions[2]}
    # An hour earlier, although its day reads later: the time zones differ.
    tiny.write(shelf.models, changed=tiny.draft(trained_as_of="2023-11-15T02:00:00+01:30"))
    assert newest(shelf.models) == {"churn": shelf.versions[2]}
    later = tiny.write(shelf.models, changed=tiny.draft(trained_as_of="2023-11-15T02:00:00+00:00"))
    assert newest(shelf.models) == {"churn": later.name}


def test_what_is_newest_is_not_guessed_past_a_damaged_manifest(shelf: Shelf) -> None:
    (shelf.models / "churn" / shelf.versions[0] / "manifest.json").write_bytes(b"{}")
    with pytest.raises(InputError, match="unreadable"):
        newest(shelf.models)


@pytest.fixture
def command(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command line as ``python -m training`` does."""
    for name in ("publish", "activate", "rollback"):
        defaults = {**getattr(module, name).__kwdefaults__, "trial": shelf.trial}
        monkeypatch.setattr(getattr(module, name), "__kwdefaults__", defaults)
    parser = argparse.ArgumentParser()
    add_publish_arguments(parser.add_subparsers(required=True))

    def run(name: str, *arguments: str) -> int:
        args = parser.parse_args([name, "--models", str(shelf.models), *arguments])
        code: int = args.run(args)
        return code

    return run


def test_commands_publish_list_and_roll_back(
    shelf: Shelf, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = (f"churn/{version}" for version in shelf.versions)
    assert command("publish", "--artifact", first) == 0
    assert command("publish", "--artifact", second, "--json") == 0
    plain, document = capsys.readouterr().out.split("\n", 1)
    name = json.loads(document)["release"]
    assert plain.startswith("published 2")
    assert parse_release(shelf.current).name == name

    assert command("list") == 0
    lines = capsys.readouterr().out.rstrip("\n").split("\n")
    assert lines[0].split()[:3] == ["release", "capability", "version"]
    marked = [line for line in lines if line.startswith("*")]
    assert len(lines) == 4
    assert len(marked) == 1
    assert shelf.versions[1] in marked[0]
    assert "full/repeat ml A, full/first_order statistical A, summary/repeat rules C" in marked[0]
    assert "2023-11-14T23:30:00-02:00" in marked[0]
    assert lines[3].strip().startswith("(not published)")

    assert command("rollback") == 0
    assert capsys.readouterr().out.startswith("back at 2")
    assert command("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [release["name"] for release in listed["releases"] if release["current"]] == [listed["current"]]
    assert listed["current"] != name
    assert {entry["version"] for entry in listed["artifacts"]} == set(shelf.versions)
    assert command("publish", "--release", name) == 0
    assert parse_release(shelf.current).name == name


def test_publish_without_names_takes_the_newest_of_each_capability(
    shelf: Shelf, command: Callable[..., int]
) -> None:
    other = tiny.write(shelf.models, changed=tiny.draft(capability="purchase"))
    assert command("publish") == 0
    release = parse_release(shelf.current)
    assert release.artifacts["churn"].version == newest(shelf.models)["churn"]
    assert release.artifacts["purchase"].version == other.name


def test_list_shows_what_is_damaged_and_goes_on(
    shelf: Shelf, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    name = shelf.publish(0)
    shelf.publish(1)
    (shelf.models / "churn" / shelf.versions[2] / "manifest.json").write_bytes(b"{}")
    (shelf.models / "releases" / f"{name}.json").write_bytes(b"{")
    shutil.rmtree(shelf.models / "churn" / shelf.versions[1])
    (shelf.models / RELEASE_NAME).write_bytes(b"")
    assert command("list") == 0
    text = capsys.readouterr().out
    assert text.count("unreadable: ") == 3
    assert "not in the models folder" in text
    assert "*" not in text


def test_list_of_an_empty_folder_says_what_to_do(
    shelf: Shelf, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(shelf.models)
    assert command("list") == 0
    assert "`train` writes artifacts" in capsys.readouterr().out
