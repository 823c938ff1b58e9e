from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.artifacts import writer
from app.artifacts.canonical import sha256
from app.artifacts.manifest import MANIFEST_NAME
from app.artifacts.reader import read_artifact
from app.artifacts.writer import replace_file, write_artifact
from app.domain.errors import DigestMismatchError, StructureError
from tests.unit.artifacts import tiny


def test_version_is_the_utc_day_of_training_and_the_content(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    other = tiny.write(tmp_path, changes={"card.md": b"# Other\n"})
    assert folder.parent == tmp_path / "churn"
    assert folder.name.startswith("20231115-")
    assert other.name.startswith("20231115-")
    assert other.name != folder.name


def test_writing_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert tiny.write(tmp_path) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_same_content_from_two_writers_at_once_is_one_artifact(tmp_path: Path) -> None:
    draft, files = tiny.draft(), tiny.files()
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: write_artifact(tmp_path, draft, files), range(16)))
    assert set(folders) == {folders[0]}
    assert [path.name for path in (tmp_path / "churn").iterdir()] == [folders[0].name]


def test_damaged_version_is_reported_and_not_overwritten(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    (folder / "card.md").write_bytes(b"# Cars\n")
    with pytest.raises(DigestMismatchError, match=r"card\.md"):
        tiny.write(tmp_path)
    assert (folder / "card.md").read_bytes() == b"# Cars\n"


def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "write_synced", full)
    with pytest.raises(OSError, match="No space"):
        tiny.write(tmp_path)
    assert list((tmp_path / "churn").iterdir()) == []


def test_another_user_may_read_what_is_written(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = tiny.write(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}


@pytest.mark.parametrize("name", ["../x.txt", "model.pkl", "a/b.json", MANIFEST_NAME, "Model.txt"])
def test_file_that_no_reader_would_take_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(StructureError):
        tiny.write(tmp_path, changes={name: b"x"})
    assert not (tmp_path / "churn").exists()


def test_artifact_without_golden_histories_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="golden"):
        write_artifact(tmp_path, tiny.draft(), tiny.estimators())


def test_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="JSON"):
        write_artifact(tmp_path, tiny.draft(settings={"gone_after_days": float("nan")}), tiny.files())


def test_time_of_training_without_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="offset"):
        write_artifact(tmp_path, tiny.draft(trained_as_of="2023-11-14T10:00:00"), tiny.files())


def test_manifest_states_digest_and_size_of_every_file(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    verified = read_artifact(folder, sha256((folder / MANIFEST_NAME).read_bytes()))
    assert verified.manifest.files.keys() == tiny.files().keys()
    for name, entry in verified.manifest.files.items():
        content = (folder / name).read_bytes()
        assert (entry.size, entry.sha256) == (len(content), sha256(content))


def test_reader_of_a_replaced_file_sees_old_or_new_bytes(tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    contents = [bytes([letter]) * 4096 for letter in b"ab"]
    replace_file(path, contents[0])

    def replace_many() -> None:
        for i in range(100):
            replace_file(path, contents[i % 2])

    with ThreadPoolExecutor(2) as pool:
        done = pool.submit(replace_many)
        seen = set()
        while not done.done():
            seen.add(path.read_bytes())
        done.result()
    assert seen <= set(contents)
    assert [entry.name for entry in tmp_path.iterdir()] == ["release.json"]
