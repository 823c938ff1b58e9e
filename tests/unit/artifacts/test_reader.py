from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.artifacts import reader
from app.artifacts.canonical import artifact_version, canonical_bytes, release_name, sha256
from app.artifacts.manifest import MANIFEST_NAME, RELEASE_NAME
from app.artifacts.reader import parse_manifest, parse_release, read_artifact, read_release_bytes
from app.domain.errors import ArtifactError, DigestMismatchError, StructureError
from tests.unit.artifacts import tiny
from tests.unit.artifacts.conftest import OnDisk


def names(artifact: OnDisk) -> list[str]:
    return sorted(path.name for path in artifact.folder.iterdir())


def remade(artifact: OnDisk, change: Callable[[dict[str, Any]], object]) -> OnDisk:
    """Change the manifest as a tidy author would: with its version, in its place, with its digest."""
    document = json.loads(artifact.manifest.read_bytes())
    change(document)
    document["version"] = artifact_version(document)
    data = canonical_bytes(document)
    folder = artifact.folder.with_name(document["version"])
    artifact.folder.rename(folder)
    (folder / MANIFEST_NAME).write_bytes(data)
    return OnDisk(folder, sha256(data))


def test_artifact_is_read_back_as_it_was_written(artifact: OnDisk) -> None:
    verified = read_artifact(artifact.folder, artifact.digest)
    assert dict(verified.files) == tiny.files()
    assert verified.manifest.version == artifact.folder.name


def test_flipped_byte_in_any_file_is_refused(artifact: OnDisk) -> None:
    assert len(names(artifact)) == 8
    for name in names(artifact):
        path = artifact.folder / name
        good = path.read_bytes()
        for place in (0, len(good) // 2, len(good) - 1):
            bad = bytearray(good)
            bad[place] ^= 1
            path.write_bytes(bad)
            with pytest.raises(DigestMismatchError):
                read_artifact(artifact.folder, artifact.digest)
        path.write_bytes(good)
    read_artifact(artifact.folder, artifact.digest)


def test_truncated_or_longer_file_is_refused(artifact: OnDisk) -> None:
    for name in names(artifact):
        path = artifact.folder / name
        good = path.read_bytes()
        for bad in (good[:-1], b"", good + b"\n"):
            path.write_bytes(bad)
            with pytest.raises(DigestMismatchError):
                read_artifact(artifact.folder, artifact.digest)
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "model.pkl", "a b\n.json"])
def test_extra_file_is_refused(artifact: OnDisk, name: str) -> None:
    (artifact.folder / name).write_bytes(b"")
    with pytest.raises(StructureError, match="not in the manifest") as caught:
        read_artifact(artifact.folder, artifact.digest)
    assert "\n" not in str(caught.value)


def test_extra_folder_is_refused(artifact: OnDisk) -> None:
    (artifact.folder / "more").mkdir()
    with pytest.raises(StructureError, match="not in the manifest"):
        read_artifact(artifact.folder, artifact.digest)


def test_missing_file_is_refused(artifact: OnDisk) -> None:
    (artifact.folder / "repeat.txt").unlink()
    with pytest.raises(StructureError, match="not in the folder"):
        read_artifact(artifact.folder, artifact.digest)


@pytest.mark.parametrize("name", ["repeat.txt", MANIFEST_NAME])
def test_link_to_the_very_bytes_is_refused(artifact: OnDisk, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (artifact.folder / name).rename(elsewhere)
    (artifact.folder / name).symlink_to(elsewhere)
    with pytest.raises(ArtifactError, match=name):
        read_artifact(artifact.folder, artifact.digest)


def test_linked_folder_is_refused(artifact: OnDisk, tmp_path: Path) -> None:
    for folder in (artifact.folder, artifact.folder.parent):
        elsewhere = tmp_path / f"elsewhere-{folder.name}"
        folder.rename(elsewhere)
        folder.symlink_to(elsewhere)
        with pytest.raises(ArtifactError, match="cannot be read"):
            read_artifact(artifact.folder, artifact.digest)
        folder.unlink()
        elsewhere.rename(folder)


def test_pipe_is_refused_and_does_not_wait_for_a_writer(artifact: OnDisk) -> None:
    (artifact.folder / "repeat.txt").unlink()
    os.mkfifo(artifact.folder / "repeat.txt")
    with pytest.raises(StructureError, match="not a regular file"):
        read_artifact(artifact.folder, artifact.digest)


def test_other_manifest_digest_is_refused(artifact: OnDisk) -> None:
    with pytest.raises(DigestMismatchError, match="the release expects"):
        read_artifact(artifact.folder, "0" * 64)


def test_artifact_in_the_place_of_another_is_refused(artifact: OnDisk) -> None:
    for place in ("other/" + artifact.folder.name, f"churn/20200101-{artifact.folder.name[-8:]}"):
        target = artifact.folder.parent.parent / place
        shutil.copytree(artifact.folder, target)
        with pytest.raises(StructureError, match="holds the artifact"):
            read_artifact(target, artifact.digest)


@pytest.mark.parametrize("place", ["churn/latest", "../20231115-0123abcd", "Churn/20231115-0123abcd\n"])
def test_place_that_is_no_place_of_an_artifact_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(ArtifactError, match="not the place"):
        read_artifact(tmp_path / place, "0" * 64)


@pytest.mark.parametrize(
    "name",
    ["../escape.txt", "/etc/passwd.txt", "a/b.txt", "", ".hidden.json", "UPPER.txt", "a.txt\n", "model.pkl",
     "model.joblib", "model", "manifest.json"],
)  # fmt: skip
def test_file_name_that_is_a_path_or_of_an_unknown_format_is_refused(artifact: OnDisk, name: str) -> None:
    made = remade(artifact, lambda it: it["files"].update({name: {"size": 1, "sha256": "0" * 64}}))
    with pytest.raises(StructureError):
        read_artifact(made.folder, made.digest)


def test_version_that_belongs_to_another_content_is_refused(artifact: OnDisk) -> None:
    document = json.loads(artifact.manifest.read_bytes())
    data = canonical_bytes({**document, "seed": 8})
    artifact.manifest.write_bytes(data)
    with pytest.raises(StructureError, match="belongs to another content"):
        read_artifact(artifact.folder, sha256(data))


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.5])
def test_other_format_version_is_refused_by_name(artifact: OnDisk, version: object) -> None:
    made = remade(artifact, lambda it: it.update(format_version=version))
    with pytest.raises(StructureError, match="format version"):
        read_artifact(made.folder, made.digest)


OUTSIDE: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown field": lambda it: it.update(surprise=1),
    "missing field": lambda it: it.pop("seed"),
    "another type": lambda it: it.update(seed="7"),
    "golden not listed": lambda it: it.update(golden="other.json"),
    "golden elsewhere": lambda it: it.update(golden="../golden.json"),
    "no variant": lambda it: it.update(variants=[]),
    "size below zero": lambda it: it["files"]["repeat.txt"].update(size=-1),
    "size beyond all limits": lambda it: it["files"]["repeat.txt"].update(size=1 << 40),
    "unknown kind": lambda it: it["variants"][0]["populations"][0]["estimator"].update(kind="pickle"),
    "unknown tier": lambda it: it["variants"][0]["populations"][0].update(tier="magic"),
    "no currency": lambda it: it["business"].update(currency="pounds"),
    "too many files": lambda it: it["files"].update(
        {f"f{i}.txt": {"size": 0, "sha256": "0" * 64} for i in range(80)}
    ),
}


@pytest.mark.parametrize("change", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_manifest_outside_the_format_is_refused(
    artifact: OnDisk, change: Callable[[dict[str, Any]], object]
) -> None:
    made = remade(artifact, change)
    with pytest.raises(StructureError):
        read_artifact(made.folder, made.digest)


def test_manifest_in_another_than_the_canonical_form_is_refused(artifact: OnDisk) -> None:
    document = json.loads(artifact.manifest.read_bytes())
    with pytest.raises(StructureError, match="canonical"):
        parse_manifest(json.dumps(document).encode())


def test_size_is_checked_before_a_byte_is_read(artifact: OnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    # A sparse file of a terabyte costs nothing to make; reading it would never end.
    with (artifact.folder / "repeat.txt").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DigestMismatchError, match="bytes"):
        read_artifact(artifact.folder, artifact.digest)
    monkeypatch.setattr(reader, "MANIFEST_LIMIT_BYTES", 10)
    with pytest.raises(StructureError, match="at most 10"):
        read_artifact(artifact.folder, artifact.digest)


def test_release_is_read_by_name_and_without(artifact: OnDisk) -> None:
    models = artifact.folder.parent.parent
    data = tiny.publish_quietly(models, artifact.folder)
    release = parse_release(data)
    assert read_release_bytes(models) == read_release_bytes(models, release.name) == data
    assert release.artifacts["churn"].manifest_sha256 == artifact.digest


@pytest.mark.parametrize("name", ["../release", "latest", "20260131T093000Z-0123abcd\n", ""])
def test_release_name_that_is_a_path_is_refused(artifact: OnDisk, name: str) -> None:
    with pytest.raises(StructureError, match="name looks like"):
        read_release_bytes(artifact.folder.parent.parent, name)


def test_missing_release_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"release\.json cannot be read"):
        read_release_bytes(tmp_path)
    with pytest.raises(ArtifactError, match="nowhere cannot be read"):
        read_release_bytes(tmp_path / "nowhere")


def test_linked_release_is_refused(artifact: OnDisk) -> None:
    models = artifact.folder.parent.parent
    name = parse_release(tiny.publish_quietly(models, artifact.folder)).name
    (models / RELEASE_NAME).unlink()
    (models / RELEASE_NAME).symlink_to(models / "releases" / f"{name}.json")
    with pytest.raises(ArtifactError, match=r"release\.json"):
        read_release_bytes(models)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format version"),
        ({"artifacts": {}}, "artifacts"),
        (
            {"artifacts": {"../churn": {"version": "20231115-0123abcd", "manifest_sha256": "0" * 64}}},
            "artifacts",
        ),
        ({"artifacts": {"churn": {"version": "../../x", "manifest_sha256": "0" * 64}}}, "version"),
        (
            {"artifacts": {"churn": {"version": "20231115-0123abcd", "manifest_sha256": "0"}}},
            "manifest_sha256",
        ),
        ({"previous": "../x"}, "previous"),
        ({"surprise": 1}, "surprise"),
        ({"created_at": "2026-01-31T09:30:00"}, "offset"),
    ],
)
def test_release_outside_the_format_is_refused(
    artifact: OnDisk, change: dict[str, Any], message: str
) -> None:
    document = json.loads(tiny.release_bytes(None, "2026-01-31T09:30:00Z", artifact.folder)) | change
    if "created_at" not in change:
        document["name"] = release_name(document)
    with pytest.raises(StructureError, match=message):
        parse_release(canonical_bytes(document))


def test_release_whose_name_belongs_to_another_content_is_refused(artifact: OnDisk) -> None:
    document = json.loads(tiny.release_bytes(None, "2026-01-31T09:30:00Z", artifact.folder))
    document["artifacts"]["churn"]["manifest_sha256"] = "0" * 64
    with pytest.raises(StructureError, match="belongs to another content"):
        parse_release(canonical_bytes(document))


def test_errors_repeat_no_value_of_a_document(artifact: OnDisk) -> None:
    made = remade(artifact, lambda it: it.update(seed="a secret value"))
    with pytest.raises(StructureError) as caught:
        read_artifact(made.folder, made.digest)
    assert "secret" not in str(caught.value)
    assert "seed" in str(caught.value)
