"""The active release as the endpoints see it, with what every request needs of it worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from app.domain.errors import ModelUnavailableError
from app.serving.model_store import StoreStatus
from app.serving.plan import answering
from app.serving.release import LoadedRelease
from app.serving.score import attribute_kinds


class Store(Protocol):
    """Where the active release is kept; :class:`app.serving.model_store.ModelStore` is one."""

    current: LoadedRelease | None

    def status(self) -> StoreStatus:
        """Return what answers and what was refused."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """One release, and what every request to it needs."""

    release: LoadedRelease
    attributes: Mapping[str, str]
    """Declared attributes and their kinds: numeric, boolean, categorical."""
    published: tuple[str, ...]
    """The scorers that it holds, in the order of the register."""
    zone: ZoneInfo


class Releases:
    """Gives the view of whatever release is active."""

    def __init__(self, store: Store) -> None:
        """Look at a store; nothing is read from it yet."""
        self._store = store
        self._view: ReleaseView | None = None

    def active(self) -> ReleaseView:
        """Return the view of the active release.

        Raises
        ------
        ModelUnavailableError
            No release is active.
        """
        release = self._store.current
        if release is None:
            raise ModelUnavailableError("no release is active")
        view = self._view
        if view is None or view.release is not release:
            view = self._view = ReleaseView(
                release=release,
                attributes=attribute_kinds(release),
                published=answering(release),
                zone=ZoneInfo(release.business.timezone),
            )
        return view

    def status(self) -> StoreStatus:
        """Return what answers and what was refused."""
        return self._store.status()
