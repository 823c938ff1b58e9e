"""The key of all pseudonyms on disk: made once, by whoever is first, and there for good.

Rules: what is read back counts, so that two starts at once agree; it is on disk before it is used; it is
readable by its owner alone; a key that is there is never replaced.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.domain.errors import InputError

NAME: Final = "id.key"
KEY_BYTES: Final = 32


class KeyFileError(InputError):
    """The key file cannot be used; whoever starts the service can restore it."""


@dataclass(frozen=True, slots=True)
class IdKey:
    """A key, and whether the next start will have the same one; ``reason`` is why it will not."""

    value: bytes = field(repr=False)
    is_kept: bool = True
    reason: str = ""


def find_key(folder: Path) -> IdKey:
    """Return the key in a folder, made now where there is none; one for this run alone if it cannot be kept.

    Raises
    ------
    KeyFileError
        A key file is there, and cannot be read or is too short.
    """
    path = folder / NAME
    if not os.path.lexists(path):
        made = secrets.token_hex(KEY_BYTES).encode()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _keep(made, path)
        except OSError as error:
            return IdKey(made, is_kept=False, reason=type(error).__name__)
    return IdKey(_read(path))


def _keep(key: bytes, path: Path) -> None:
    """Put a key in its place, whole and on disk, unless somebody was first."""
    draft = path.with_name(f".{NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make sure that the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise KeyFileError(f"the key file in KITH_VAR cannot be read ({type(error).__name__})") from error
    if len(key) < KEY_BYTES:
        raise KeyFileError("the key file in KITH_VAR is too short; restore it, or set KITH_ID_KEY")
    return key
