"""From bytes to an artifact on disk that is there whole or not at all.

Rules:

1. The version is made from the content (see :mod:`app.artifacts.canonical`), so writing the same twice
   gives the same place.
2. Files are written and synced in a folder beside the final one, which then takes its name in one rename. A
   reader never sees half an artifact, and a power cut leaves either all of it or a folder that nothing
   names.
3. What exists is never overwritten: it is read back, and if it is not what would have been written, it is
   refused.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from app.artifacts.canonical import artifact_version, canonical_bytes, sha256
from app.artifacts.manifest import MANIFEST_NAME, ManifestDraft
from app.artifacts.reader import check_file_names, parse_manifest, read_artifact


def write_artifact(models: Path, draft: ManifestDraft, files: Mapping[str, bytes]) -> Path:
    """Write an artifact and return its folder, ``models/<capability>/<version>``.

    Parameters
    ----------
    models : Path
        The models folder; made if it is missing.
    draft : ManifestDraft
        The manifest without version and files, which follow from the content.
    files : mapping of name to bytes
        Everything that the artifact holds beside the manifest: estimators, golden histories, card, plots.

    Raises
    ------
    StructureError
        A file's name is not one that an artifact may hold, the golden histories are missing, a number is not
        finite, or ``trained_as_of`` is not a time with an offset.
    DigestMismatchError
        The version exists with other bytes: it was damaged after it was written.
    """
    data, version = manifest_bytes(draft, files)
    parent = models / draft.capability
    target = parent / version
    if not target.exists():
        parent.mkdir(parents=True, exist_ok=True)
        # Not tempfile.mkdtemp: its folders are closed to the user that serves.
        scratch = parent / f".writing-{secrets.token_hex(8)}"
        scratch.mkdir()
        try:
            for name, content in {**files, MANIFEST_NAME: data}.items():
                write_synced(scratch / name, content)
            sync_folder(scratch)
            _take_name(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        sync_folder(parent)
        sync_folder(models)
    read_artifact(target, sha256(data))
    return target


def manifest_bytes(draft: ManifestDraft, files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return the canonical manifest that a draft and its files make, and its version.

    Raises
    ------
    StructureError
        As :func:`write_artifact`.
    """
    check_file_names(files)
    # Not mode="json", which would write NaN as null; canonical bytes refuse it.
    document = draft.model_dump(by_alias=True)
    document["files"] = {
        name: {"size": len(content), "sha256": sha256(content)} for name, content in files.items()
    }
    document["version"] = artifact_version(document)
    data = canonical_bytes(document)
    parse_manifest(data)
    return data, str(document["version"])


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in the place of another in one step; a reader sees the old bytes or the new ones."""
    scratch = path.with_name(f".writing-{secrets.token_hex(8)}")
    try:
        write_synced(scratch, content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    sync_folder(path.parent)


def _take_name(scratch: Path, target: Path) -> None:
    """Give a finished folder its name, unless another process was first: both wrote the same content."""
    try:
        scratch.rename(target)
    except OSError:
        if not target.exists():
            raise
