"""One flipped byte anywhere in what is published: refused with its place, and the old release goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from app.artifacts.canonical import canonical_bytes, release_name
from app.artifacts.writer import replace_file
from app.domain.errors import ArtifactError
from tests.drills.stage import Stage, no_trial
from tests.unit.artifacts import tiny
from training.publish import publish

pytestmark = pytest.mark.xdist_group("drill-tampering")

KINDS = (
    "manifest.json",
    "repeat.txt",
    "first_order.npz",
    "summary.json",
    "golden.json",
    "card.json",
    "card.md",
    "gains.svg",
)


def flipped(data: bytes) -> bytes:
    """Return bytes with one bit of the middle one turned over."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.fixture
def in_force(stage: Stage) -> Iterator[bytes]:
    """The bytes of the release in force; afterwards all files are as before and nothing is refused."""
    release = stage.models / "release.json"
    before = release.read_bytes()
    kept = {path: path.read_bytes() for folder in (stage.first, stage.second) for path in folder.iterdir()}
    yield before
    for path, data in kept.items():
        if path.read_bytes() != data:
            path.write_bytes(data)
    replace_file(release, before)
    stage.wait_for(lambda told: told["last_refused"] is None)


def refused(stage: Stage, break_it: Callable[[], object]) -> dict[str, str]:
    """Break something; return what is said of the refusal once the old release is seen to go on."""
    answer, total, name = stage.answer(), stage.refused_total(), stage.ready()["release"]
    break_it()
    told = stage.wait_for(lambda told: told["last_refused"] is not None)
    assert told["status"] == "ready"
    assert told["release"] == name
    assert stage.answer() == answer
    assert stage.refused_total() > total
    assert stage.server.call("GET", "/readyz").status == 200
    refusal: dict[str, str] = told["last_refused"]
    assert "release_refused" in stage.server.log()
    return refusal


def test_kinds_are_all_files_of_an_artifact(stage: Stage) -> None:
    assert sorted(KINDS) == sorted(path.name for path in stage.second.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_byte_of_a_new_artifact_is_refused_by_service_and_publisher(
    stage: Stage, in_force: bytes, kind: str
) -> None:
    candidate = tiny.release_bytes(None, "2026-02-01T09:30:00Z", stage.second)
    path = stage.second / kind
    path.write_bytes(flipped(path.read_bytes()))
    with pytest.raises(ArtifactError):
        publish(stage.models, {"churn": stage.second.name}, keep_others=False, trial=no_trial)
    assert (stage.models / "release.json").read_bytes() == in_force

    told = refused(stage, lambda: replace_file(stage.models / "release.json", candidate))

    assert told["release"] == json.loads(candidate)["name"]
    assert told["error"] == "DigestMismatchError"
    assert kind in told["reason"]
    assert stage.second.name in told["reason"]
    assert "sha256" in told["reason"]


def test_flipped_byte_of_the_artifact_in_force_is_told_and_it_goes_on(stage: Stage, in_force: bytes) -> None:
    path = stage.first / "repeat.txt"
    told = refused(stage, lambda: path.write_bytes(flipped(path.read_bytes())))
    assert told["error"] == "DigestMismatchError"
    assert "repeat.txt" in told["reason"]


def test_other_digest_in_the_release_is_refused(stage: Stage, in_force: bytes) -> None:
    document = json.loads(tiny.release_bytes(None, "2026-02-01T09:40:00Z", stage.second))
    entry = document["artifacts"]["churn"]
    entry["manifest_sha256"] = ("1" if entry["manifest_sha256"][0] == "0" else "0") + entry[
        "manifest_sha256"
    ][1:]
    document["name"] = release_name(document)
    candidate = canonical_bytes(document)
    told = refused(stage, lambda: replace_file(stage.models / "release.json", candidate))
    assert told["error"] == "DigestMismatchError"
    assert "manifest.json" in told["reason"]


def test_every_flipped_byte_of_a_digest_in_the_release_breaks_its_name(stage: Stage, in_force: bytes) -> None:
    candidate = tiny.release_bytes(None, "2026-02-01T09:50:00Z", stage.second)
    digest = json.loads(candidate)["artifacts"]["churn"]["manifest_sha256"].encode()
    other = digest[:5] + (b"a" if digest[5:6] != b"a" else b"b") + digest[6:]
    damaged = candidate.replace(digest, other)
    told = refused(stage, lambda: replace_file(stage.models / "release.json", damaged))
    assert told["error"] == "StructureError"
    assert "release.json" in told["reason"]


def test_good_release_after_a_bad_one_answers(stage: Stage, in_force: bytes) -> None:
    refused(stage, lambda: replace_file(stage.models / "release.json", in_force[:-1]))
    first = stage.answer()
    # The release on disk is unreadable to the publisher as well; it publishes without looking back.
    name = publish(stage.models, {"churn": stage.second.name}, keep_others=False, now=stage.clock)
    told = stage.wait_for(lambda told: told["release"] == name)
    assert told["last_refused"] is None
    assert told["artifacts"] == {"churn": stage.second.name}
    assert stage.answer() != first
