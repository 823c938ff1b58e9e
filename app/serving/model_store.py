"""Which release answers: look, verify, try, swap; keep the old one where the new one is refused.

Rules:

1. ``current`` is one reference to something immutable. A reader takes it once per request; a swap replaces
   it whole.
2. A look compares the inode, size and times of ``release.json`` and of every file of its artifacts with
   those of the last look, so that a damaged file is noticed even where ``release.json`` stays as it is.
3. What changed is read and verified by digest, tried in a child process, loaded, and only then swapped in.
   Files that changed under the release that answers are verified again; its answers come from memory and
   stay.
4. A release that fails anywhere is refused: the event ``release_refused`` says why, ``status()`` repeats
   it, and what answered before goes on answering.
5. Refused bytes are not tried again until a file changes. Only where the machine may be to blame (a trial
   that ran out of time, a file that could not be read) are they tried again, after 1, 2, 4 … 60 minutes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from app.artifacts.canonical import sha256
from app.artifacts.manifest import RELEASE_NAME, Release
from app.artifacts.reader import parse_release, read_release_bytes
from app.domain.errors import (
    DigestMismatchError,
    FeatureMismatchError,
    GoldenAnswerError,
    StructureError,
)
from app.serving.loading import VerifiedRelease, load_release, read_release
from app.serving.release import LoadedRelease
from app.serving.trial import TRIAL_MEMORY_BYTES, TRIAL_SECONDS, Trial, try_release

log = logging.getLogger("kith")

FIRST_RETRY: Final = timedelta(minutes=1)
LAST_RETRY: Final = timedelta(minutes=60)
_OF_THE_BYTES: Final = (DigestMismatchError, FeatureMismatchError, GoldenAnswerError, StructureError)
"""Verdicts on the bytes themselves: another try would find the same."""

Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Name, inode, size, time of change of content and of the file, of every watched file that exists."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last release that was refused: which bytes, why, when, and how often they were tried.

    ``release`` is None where the file is no release at all; ``digest`` is "" where it could not be read.
    """

    release: str | None
    digest: str
    error: str
    reason: str
    at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What answers, and what was refused since it was activated."""

    release: str | None
    activated_at: datetime | None
    artifacts: Mapping[str, str]
    refused: Refusal | None

    @property
    def is_ready(self) -> bool:
        """Whether anything can be answered."""
        return self.release is not None


@dataclass(slots=True)
class _Candidate:
    """What is known so far of the release on disk."""

    data: bytes = b""
    release: Release | None = None


class ModelStore:
    """The release that answers, and the watch over the one on disk.

    ``refused_count``, ``swap_count`` and ``last_swap_seconds`` are for telemetry.
    """

    def __init__(
        self,
        directory: Path,
        *,
        trial_seconds: float = TRIAL_SECONDS,
        trial_memory_bytes: int = TRIAL_MEMORY_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        trial: Trial = try_release,
    ) -> None:
        """Watch a models folder; nothing is read before the first :meth:`refresh`."""
        self.current: LoadedRelease | None = None
        self.refused_count = 0
        self.swap_count = 0
        self.last_swap_seconds = 0.0
        self._directory = directory
        self._trial_seconds = trial_seconds
        self._trial_memory_bytes = trial_memory_bytes
        self._now = now
        self._trial = trial
        self._lock = asyncio.Lock()
        self._folders: tuple[Path, ...] = ()
        self._seen: Stamp | None = None
        self._activated_at: datetime | None = None
        self._refused: Refusal | None = None
        self._retry_at: datetime | None = None

    def status(self) -> StoreStatus:
        """Return what answers and what was refused."""
        current = self.current
        artifacts = {} if current is None else current.artifacts
        return StoreStatus(
            release=None if current is None else current.name,
            activated_at=self._activated_at,
            artifacts=MappingProxyType({name: held.manifest.version for name, held in artifacts.items()}),
            refused=self._refused,
        )

    async def refresh(self) -> bool:
        """Look whether the files changed; return True when another release answers now.

        Never raises for a bad release: it is refused, logged and kept in :meth:`status`. Reading and loading
        run in a thread, the trial in a child process, so that the event loop goes on answering.
        """
        async with self._lock:
            due = self._retry_at is not None and self._now() >= self._retry_at
            if not due and await asyncio.to_thread(self._stamp) == self._seen:
                return False
            candidate = _Candidate()
            try:
                return await self._admit(candidate)
            except asyncio.CancelledError:
                self._seen = None
                raise
            except Exception as error:  # noqa: BLE001  no release, however bad, may end the watch
                self._refuse(candidate, error)
                return False

    async def _admit(self, candidate: _Candidate) -> bool:
        """Take what is on disk from its bytes to the current release."""
        start = time.perf_counter()
        verified = await asyncio.to_thread(self._read, candidate)
        if verified is None:
            return False
        if self.current is not None and verified.digest == self.current.digest:
            self._refused = self._retry_at = None
            return False
        await self._trial(
            self._directory,
            candidate.data,
            seconds=self._trial_seconds,
            memory_bytes=self._trial_memory_bytes,
        )
        self.current = await asyncio.to_thread(load_release, verified)
        self._activated_at = self._now()
        self._refused = self._retry_at = None
        self.swap_count += 1
        self.last_swap_seconds = time.perf_counter() - start
        log.info(
            "release_activated",
            extra={
                "release": self.current.name,
                "artifacts": dict(self.status().artifacts),
                "seconds": round(self.last_swap_seconds, 3),
            },
        )
        return True

    def _read(self, candidate: _Candidate) -> VerifiedRelease | None:
        """Read and verify the release on disk; None where none was ever published."""
        # Stamps are taken before the bytes: a change in between shows at the next look.
        self._folders = ()
        self._seen = self._stamp()
        if not self._seen and self.current is None:
            return None
        candidate.data = read_release_bytes(self._directory)
        candidate.release = parse_release(candidate.data)
        self._folders = tuple(
            self._directory / name / entry.version for name, entry in candidate.release.artifacts.items()
        )
        self._seen = (*self._seen, *_stamps(self._folders))
        return read_release(self._directory, candidate.data)

    def _stamp(self) -> Stamp:
        """Return the stamps of ``release.json`` and of the files of its artifacts."""
        try:
            own: Stamp = (_stamp_of(RELEASE_NAME, (self._directory / RELEASE_NAME).lstat()),)
        except OSError:
            own = ()
        return (*own, *_stamps(self._folders))

    def _refuse(self, candidate: _Candidate, error: Exception) -> None:
        """Keep what answers, and remember and say why the candidate does not."""
        digest = sha256(candidate.data) if candidate.data else ""
        again = self._refused is not None and self._refused.digest == digest and self._retry_at is not None
        attempts = self._refused.attempts + 1 if again and self._refused is not None else 1
        at = self._now()
        self._refused = Refusal(
            release=None if candidate.release is None else candidate.release.name,
            digest=digest,
            error=type(error).__name__,
            reason=str(error) or type(error).__name__,
            at=at,
            attempts=attempts,
        )
        wait = min(FIRST_RETRY * 2 ** min(attempts - 1, 16), LAST_RETRY)
        self._retry_at = None if isinstance(error, _OF_THE_BYTES) else at + wait
        self.refused_count += 1
        known: dict[str, Any] = {
            "release": self._refused.release,
            "digest": digest,
            "error": self._refused.error,
            "reason": self._refused.reason,
            "attempts": attempts,
            "answering": None if self.current is None else self.current.name,
        }
        log.warning("release_refused", extra=known)


def _stamps(folders: tuple[Path, ...]) -> Stamp:
    """Return the stamps of all files in some folders; a folder that cannot be listed has none."""
    stamps = []
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = f"{folder.parent.name}/{folder.name}/{entry.name}"
                    stamps.append(_stamp_of(name, entry.stat(follow_symlinks=False)))
        except OSError:
            continue
    return tuple(sorted(stamps))


def _stamp_of(name: str, found: os.stat_result) -> tuple[str, int, int, int, int]:
    return (name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
