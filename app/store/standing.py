"""Whether the store takes what is written, and why not: told as it changes, in one log line per change.

A reason is a closed sentence or the code of an error: it never holds a URL, a password or an id.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

State = Literal["up", "down", "full"]

SILENT_SECONDS: Final = 15.0
"""After how long without an answer a database counts as gone."""

log = logging.getLogger("kith.store")


class Standing:
    """The state of a store as the last attempt to use it has shown, or the one that does not end."""

    def __init__(self, silent_seconds: float = SILENT_SECONDS) -> None:
        """Begin without having met the database."""
        self._silent_seconds = silent_seconds
        self._lock = threading.Lock()
        self._state: State = "down"
        self._reason: str | None = "The database was not reached yet"
        self._began: float | None = None

    @property
    def state(self) -> State:
        """``up``, ``down`` or ``full``."""
        self._look()
        return self._state

    @property
    def reason(self) -> str | None:
        """Why the store is not up; None where it is."""
        self._look()
        return self._reason

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Watch over an attempt to use the database: if it takes too long, the store is down meanwhile."""
        with self._lock:
            self._began = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._began = None

    @property
    def is_silent(self) -> bool:
        """Whether an attempt has gone without an answer for too long."""
        began = self._began
        return began is not None and time.monotonic() - began > self._silent_seconds

    def note(self, state: State, reason: str | None = None) -> None:
        """Keep how the store stands, and log it if that is new."""
        with self._lock:
            is_new = self._keep(state, reason)
        if is_new:
            _tell(state, reason)

    def _look(self) -> None:
        if not self.is_silent:
            return
        reason = f"The database has not answered for {self._silent_seconds:g} seconds"
        with self._lock:
            is_new = self.is_silent and self._keep("down", reason)
        if is_new:
            _tell("down", reason)

    def _keep(self, state: State, reason: str | None) -> bool:
        is_new = (state, reason) != (self._state, self._reason)
        self._state, self._reason = state, reason
        return is_new


def _tell(state: State, reason: str | None) -> None:
    if state == "up":
        log.info("store_up")
    else:
        log.warning("store_%s", state, extra={"reason": reason})
