"""From files to bytes that are known to be the ones that were published. Nothing here parses a model.

Rules, in the order in which they are applied:

1. The chain of trust starts at the bytes of ``release.json``: they hold the sha256 of each manifest, and a
   manifest holds the sha256 of each of its files. Nothing is read on any other authority.
2. A release is strict JSON of at most 1 MiB, of a format version that this code reads, and its name is the
   one that belongs to its content.
3. An artifact is the flat folder ``<capability>/<version>``; neither part is a symbolic link. Both are
   names that match a pattern, so no path ever comes out of a document.
4. A file is opened relative to its folder without following links, must be a regular file, must have the
   size that is expected and no more than the limit (both checked before a byte is read), and is read once.
5. The manifest's bytes have the sha256 that the release states. Only then are they parsed. They are
   canonical JSON, of a format version that this code reads, and the version is the one that belongs to the
   content.
6. A file's name matches a pattern and has one of the known endings. The folder holds the manifest and the
   files that it names, and nothing else.
7. Every file's bytes have the size and sha256 that the manifest states. What is parsed later is these very
   bytes.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from app.artifacts.canonical import artifact_version, canonical_bytes, parse_object, release_name, sha256
from app.artifacts.manifest import (
    FILE_PATTERN,
    FORMAT_VERSION,
    MANIFEST_NAME,
    NAME_PATTERN,
    RELEASE_NAME,
    RELEASE_PATTERN,
    RELEASES_FOLDER,
    VERSION_PATTERN,
    Manifest,
    Release,
)
from app.domain.errors import ArtifactError, DigestMismatchError, StructureError

ENDINGS: Final = (".json", ".npz", ".txt", ".md", ".png", ".svg")
"""The formats that an artifact may hold. None of them can carry code that reading would run."""

RELEASE_LIMIT_BYTES: Final = 1 << 20
MANIFEST_LIMIT_BYTES: Final = 8 << 20
FILE_LIMIT_BYTES: Final = 128 << 20
ARTIFACT_LIMIT_BYTES: Final = 256 << 20
FILES_LIMIT: Final = 64

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class VerifiedArtifact:
    """A manifest and the bytes of its files, all of them checked by digest, none of them parsed."""

    manifest: Manifest
    files: Mapping[str, bytes]


def read_release_bytes(models: Path, name: str | None = None) -> bytes:
    """Return the bytes of ``release.json``, or of the release of that name.

    Raises
    ------
    ArtifactError
        There is no such file, or it cannot be read.
    StructureError
        The name is not a release's name, or the file is a link, not regular, or too large.
    """
    if name is None:
        with _opened(models) as folder:
            return _read_file(folder, RELEASE_NAME, RELEASE_LIMIT_BYTES)
    if not re.fullmatch(RELEASE_PATTERN, name):
        raise StructureError("a release's name looks like 20260131T093000Z-0123abcd")
    with _opened(models) as root, _opened(RELEASES_FOLDER, root) as folder:
        return _read_file(folder, f"{name}.json", RELEASE_LIMIT_BYTES)


def parse_release(data: bytes) -> Release:
    """Return the release that some bytes describe (rule 2).

    Raises
    ------
    StructureError
        The bytes are not a release of this format version, or its name belongs to another content.
    """
    document = parse_object(data, RELEASE_NAME)
    _refuse_other_format(document, RELEASE_NAME)
    try:
        release = Release.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise StructureError(f"{RELEASE_NAME}: {_first_fault(error)}") from None
    if release_name(document) != release.name:
        raise StructureError(
            f"{RELEASE_NAME}: the name {release.name} belongs to another content than the file's"
        )
    return release


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest that some bytes describe, without looking at any file (rules 5 and 6).

    Raises
    ------
    StructureError
        The bytes are not a canonical manifest of this format version, its version belongs to another
        content, or it names a file that no artifact may hold.
    """
    document = parse_object(data, MANIFEST_NAME)
    _refuse_other_format(document, MANIFEST_NAME)
    if canonical_bytes(document) != data:
        raise StructureError(f"{MANIFEST_NAME} is not in canonical form")
    try:
        manifest = Manifest.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise StructureError(f"{MANIFEST_NAME}: {_first_fault(error)}") from None
    if artifact_version(document) != manifest.version:
        raise StructureError(f"the version {manifest.version} belongs to another content than the manifest's")
    check_file_names(manifest.files)
    if manifest.golden not in manifest.files:
        raise StructureError("the golden histories are not among the manifest's files")
    if sum(entry.size for entry in manifest.files.values()) > ARTIFACT_LIMIT_BYTES:
        raise StructureError(f"the files are larger than {ARTIFACT_LIMIT_BYTES} bytes together")
    return manifest


def check_file_names(names: Mapping[str, object]) -> None:
    """Refuse names that no artifact may hold (rule 6).

    Raises
    ------
    StructureError
        There are too many, one does not match the pattern, is the manifest's, or has an unknown ending.
    """
    if len(names) > FILES_LIMIT:
        raise StructureError(f"{len(names)} files; at most {FILES_LIMIT} are expected")
    for name in names:
        if not re.fullmatch(FILE_PATTERN, name) or name == MANIFEST_NAME:
            raise StructureError(f"{_shown(name)} is not a name that a file of an artifact may have")
        if not name.endswith(ENDINGS):
            raise StructureError(f"{_shown(name)} has none of the known endings {', '.join(ENDINGS)}")


def read_artifact(directory: Path, expected_manifest_sha256: str) -> VerifiedArtifact:
    """Return an artifact whose every byte is the one that was published (rules 3 to 7).

    Parameters
    ----------
    directory : Path
        ``models/<capability>/<version>``.
    expected_manifest_sha256 : str
        From the release; 64 hex digits.

    Raises
    ------
    DigestMismatchError
        The manifest or a file differs from the stated size or digest.
    StructureError
        The folder holds something else than regular files that the manifest names, or that is no manifest.
    ArtifactError
        Something cannot be read at all.
    """
    capability, version = directory.parent.name, directory.name
    if not re.fullmatch(NAME_PATTERN, capability) or not re.fullmatch(VERSION_PATTERN, version):
        raise StructureError(f"{_shown(f'{capability}/{version}')} is not the place of an artifact")
    place = f"{capability}/{version}"
    with (
        _opened(directory.parent.parent) as models,
        _opened(capability, models) as parent,
        _opened(version, parent) as folder,
    ):
        present = set(os.listdir(folder))  # noqa: PTH208  a path would be looked up again
        data = _read_file(folder, MANIFEST_NAME, MANIFEST_LIMIT_BYTES)
        if sha256(data) != expected_manifest_sha256:
            raise DigestMismatchError(
                f"{place}: the sha256 of {MANIFEST_NAME} begins {sha256(data)[:12]}, the release expects "
                f"{expected_manifest_sha256[:12]}"
            )
        manifest = parse_manifest(data)
        if (manifest.capability, manifest.version) != (capability, version):
            raise StructureError(f"{place} holds the artifact {manifest.capability}/{manifest.version}")
        expected = {*manifest.files, MANIFEST_NAME}
        if present != expected:
            raise StructureError(f"{place}: {_difference(present, expected)}")
        files = {name: _read_checked(folder, place, name, manifest) for name in manifest.files}
    return VerifiedArtifact(manifest, MappingProxyType(files))


def _read_checked(folder: int, place: str, name: str, manifest: Manifest) -> bytes:
    """Return the bytes of one file of a manifest, checked by size and digest."""
    entry = manifest.files[name]
    data = _read_file(folder, name, FILE_LIMIT_BYTES, entry.size)
    if sha256(data) != entry.sha256:
        raise DigestMismatchError(
            f"{place}: the sha256 of {name} begins {sha256(data)[:12]}, the manifest states "
            f"{entry.sha256[:12]}"
        )
    return data


def _read_file(folder: int, name: str, limit: int, size: int | None = None) -> bytes:
    """Return the bytes of a regular file of a folder: at most ``limit``, and exactly ``size`` if given."""
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    except OSError as error:
        raise _unreadable(name, error) from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise StructureError(f"{name} is not a regular file")
        if size is not None and found.st_size != size:
            raise DigestMismatchError(f"{name} has {found.st_size} bytes, the manifest states {size}")
        if found.st_size > limit:
            raise StructureError(f"{name} has {found.st_size} bytes; at most {limit} are expected")
        chunks, left = [], found.st_size + 1
        while left > 0 and (chunk := file.read(left)):
            chunks.append(chunk)
            left -= len(chunk)
    data = b"".join(chunks)
    if len(data) != found.st_size:
        raise DigestMismatchError(f"{name} changed its size while it was read")
    return data


@contextmanager
def _opened(name: Path | str, parent: int | None = None) -> Iterator[int]:
    """Open a folder; below another one, links are not followed."""
    try:
        if parent is None:
            descriptor = os.open(name, _FOLDER_FLAGS)
        else:
            descriptor = os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        raise _unreadable(name if isinstance(name, str) else name.name, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unreadable(name: str, error: OSError) -> ArtifactError:
    return ArtifactError(f"{name} cannot be read: {error.strerror or type(error).__name__}")


def _refuse_other_format(document: Mapping[str, Any], what: str) -> None:
    """Say "another format version" before a stricter check says something less helpful."""
    found = document.get("format_version")
    if found != FORMAT_VERSION or isinstance(found, bool):
        raise StructureError(
            f"{what} has the format version {_shown(found)}; this code reads {FORMAT_VERSION}"
        )


def _difference(present: set[str], expected: set[str]) -> str:
    """Say what is in a folder and should not be, or is not and should be."""
    if extra := sorted(present - expected):
        return f"{_shown(extra[0])} is in the folder and not in the manifest"
    return f"{_shown(min(expected - present))} is in the manifest and not in the folder"


def _first_fault(error: ValidationError) -> str:
    """Return the first fault without the value that was found."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"


def _shown(value: object) -> str:
    """Return a value that came out of a document or a folder in a form that a log line can hold."""
    return repr(value)[:80]
