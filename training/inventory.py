"""What lies in a models folder: artifacts, releases, which release is in force, and what each is worth.

Nothing here fails because one file of many is damaged: it is listed as unreadable, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.artifacts.manifest import (
    MANIFEST_NAME,
    NAME_PATTERN,
    RELEASES_FOLDER,
    VERSION_PATTERN,
    Manifest,
)
from app.artifacts.reader import MANIFEST_LIMIT_BYTES, parse_manifest, parse_release, read_release_bytes
from app.domain.errors import ArtifactError, InputError

_HEADINGS: Final = ("", "release", "capability", "version", "trained as of", "tier and grade")


def read_manifest_bytes(models: Path, capability: str, version: str) -> bytes:
    """Return the bytes of an artifact's manifest.

    Raises
    ------
    InputError
        There is no such artifact.
    """
    path = models / capability / version / MANIFEST_NAME
    named = re.fullmatch(NAME_PATTERN, capability) and re.fullmatch(VERSION_PATTERN, version)
    if not named or not path.is_file() or path.stat().st_size > MANIFEST_LIMIT_BYTES:
        raise InputError(f"there is no artifact of that name in {models}; `list` shows those there are")
    return path.read_bytes()


def newest(models: Path) -> dict[str, str]:
    """Return the newest version of each capability: by ``trained_as_of``, then by when it was written.

    Raises
    ------
    InputError
        A manifest cannot be read, so that what is newest cannot be told.
    """
    found: dict[str, tuple[datetime, float, str]] = {}
    for capability, version, manifest in artifacts(models):
        if not isinstance(manifest, Manifest):
            raise InputError(
                f"{capability}/{version} is unreadable ({manifest}); remove it, or name what to publish"
            )
        written = (models / capability / version / MANIFEST_NAME).stat().st_mtime
        entry = (datetime.fromisoformat(manifest.trained_as_of), written, version)
        found[capability] = max(found.get(capability, entry), entry)
    return {capability: version for capability, (_, _, version) in found.items()}


def artifacts(models: Path) -> Iterator[tuple[str, str, Manifest | str]]:
    """Yield every artifact on disk: capability, version, and its manifest or why it cannot be read."""
    for path in sorted(models.glob(f"*/*/{MANIFEST_NAME}")):
        version, capability = path.parent.name, path.parent.parent.name
        if re.fullmatch(VERSION_PATTERN, version) and re.fullmatch(NAME_PATTERN, capability):
            try:
                yield capability, version, parse_manifest(read_manifest_bytes(models, capability, version))
            except (ArtifactError, OSError) as error:
                yield capability, version, str(error)


def catalogue(models: Path) -> dict[str, Any]:
    """Return all releases, newest first, and all artifacts, with what their manifests say, JSON-ready."""
    current = _current_name(models)
    releases = []
    for path in sorted((models / RELEASES_FOLDER).glob("*.json"), reverse=True):
        entry: dict[str, Any] = {"name": path.stem, "current": path.stem == current}
        try:
            release = parse_release(read_release_bytes(models, path.stem))
            entry |= {
                "created_at": release.created_at,
                "previous": release.previous,
                "artifacts": {name: held.version for name, held in sorted(release.artifacts.items())},
            }
        except ArtifactError as error:
            entry |= {"unreadable": str(error), "artifacts": {}}
        releases.append(entry)
    return {
        "current": current,
        "releases": releases,
        "artifacts": [_described(*found) for found in artifacts(models)],
    }


def _current_name(models: Path) -> str | None:
    """Return the name of the release in force, None where there is none or it is unreadable."""
    try:
        return parse_release(read_release_bytes(models)).name
    except ArtifactError:
        return None


def _described(capability: str, version: str, manifest: Manifest | str) -> dict[str, Any]:
    """Return what the list says of one artifact."""
    entry: dict[str, Any] = {"capability": capability, "version": version}
    if isinstance(manifest, str):
        return {**entry, "unreadable": manifest}
    return {
        **entry,
        "business": manifest.business.name,
        "trained_as_of": manifest.trained_as_of,
        "models": [
            {
                "variant": variant.name,
                "population": population.name,
                "tier": population.tier,
                "grade": population.grade,
                "baseline": population.baseline.model_dump(),
            }
            for variant in manifest.variants
            for population in variant.populations
        ],
    }


def table(listed: Mapping[str, Any]) -> str:
    """Return a catalogue as aligned text; an asterisk marks the release in force."""
    rows = [_HEADINGS, *_rows(listed)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _rows(listed: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table: releases with their artifacts, then artifacts that no release holds."""
    described = {(entry["capability"], entry["version"]): entry for entry in listed["artifacts"]}
    released: set[tuple[str, str]] = set()
    for release in listed["releases"]:
        mark = "*" if release["current"] else ""
        if "unreadable" in release:
            yield (mark, release["name"], "", "", "", f"unreadable: {release['unreadable']}")
        for capability, version in release["artifacts"].items():
            released.add((capability, version))
            entry = described.get((capability, version), {"unreadable": "not in the models folder"})
            yield (mark, release["name"], capability, version, *_state(entry))
    for key, entry in described.items():
        if key not in released:
            yield ("", "(not published)", *key, *_state(entry))


def _state(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return when a model was trained, and the tier and grade of each of its populations."""
    if "unreadable" in entry:
        return ("", f"unreadable: {entry['unreadable']}")
    rungs = (f"{m['variant']}/{m['population']} {m['tier']} {m['grade']}" for m in entry["models"])
    return (entry["trained_as_of"], ", ".join(rungs))
