"""What contradicts itself, the clock or the playbook in a request for the next best action.

Rule: nothing that was sent is told back; of the playbook, the ids of actions are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from app.api.checks import CLOCK_SKEW, LIMITS, NAMES_IN_HINT, warning
from app.api.problem_texts import Locale
from app.api.problems import Fault
from app.api.schemas.act import NextBestActionRequest
from app.api.schemas.request import ROW_TABLES, CustomerRequest
from app.domain.actions import NONE
from app.domain.history import TABLES
from app.serving.action_model import ActionModel

LONGEST_DELAY: Final = timedelta(minutes=15)
"""How long ago the moment of a decision may lie: contacts, limits and budgets are those of now."""
ALWAYS_READ: Final = ("contacts", "consents")
"""What counts also for customers of whom nothing else is read."""


def request_faults(request: NextBestActionRequest, prefix: str) -> Iterator[Fault]:
    """Yield what cannot be answered by any release at any time; ``prefix`` points to the request."""
    if request.timezone is not None and not is_timezone(request.timezone):
        yield Fault(f"{prefix}/timezone", "unknown_timezone")
    if request.candidates is not None and not request.candidates:
        yield Fault(f"{prefix}/candidates", "empty_candidates")
    choice = request.caller_choice
    if request.mode == "apprentice" and choice is None:
        yield Fault(f"{prefix}/caller_choice", "caller_choice_needed")
    if choice is not None and request.mode not in {"apprentice", "shadow"}:
        yield Fault(f"{prefix}/caller_choice", "caller_choice_unused")


def release_faults(
    request: NextBestActionRequest,
    now: datetime,
    model: ActionModel | None,
    prefix: str,
    *,
    may_look_back: bool,
) -> Iterator[Fault]:
    """Yield what cannot be answered now, or not by this release.

    Parameters
    ----------
    now : datetime
        Aware.
    model : ActionModel or None
        The playbook of the release; without one no action is known, nor unknown.
    prefix : str
        Pointer to the request within the body.
    may_look_back : bool
        Whether decisions may be made in the past, as those of a simulated business.
    """
    if request.as_of is not None and request.mode != "dry_run":
        if request.as_of > now + CLOCK_SKEW:
            yield Fault(f"{prefix}/as_of", "as_of_in_future")
        if request.as_of < now - LONGEST_DELAY and not may_look_back:
            yield Fault(f"{prefix}/as_of", "as_of_in_past")
    if model is not None:
        yield from _playbook_faults(request, model, prefix)


def _playbook_faults(request: NextBestActionRequest, model: ActionModel, prefix: str) -> Iterator[Fault]:
    channels = {action.id: action.channels for action in model.playbook.actions} | {NONE: ()}
    known = {"expected": ", ".join(list(channels)[:NAMES_IN_HINT])}
    for k, name in enumerate(request.candidates or ()):
        if name not in channels:
            yield Fault(f"{prefix}/candidates/{k}", "unknown_action", known)
    choice = request.caller_choice
    if choice is None:
        return
    if choice.action_id not in channels:
        yield Fault(f"{prefix}/caller_choice/action_id", "unknown_action", known)
    elif choice.channel is not None and choice.channel not in channels[choice.action_id]:
        allowed = ", ".join(channels[choice.action_id]) or "null"
        yield Fault(f"{prefix}/caller_choice/channel", "not_allowed", {"expected": allowed})


@lru_cache(maxsize=1024)
def is_timezone(name: str) -> bool:
    """Say whether a text is the IANA name of a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, no possible name, a folder of zones
        return False
    return True


def uncounted(
    request: CustomerRequest, as_of: datetime, locale: Locale, *, personalised: bool
) -> Iterator[dict[str, str]]:
    """Yield warnings about rows that did not count: later than ``as_of``, or beyond the latest so many.

    Of who denies profiling or personalisation only contacts and consents are looked at.
    """
    for table in ROW_TABLES if personalised else ALWAYS_READ:
        rows = getattr(request, table) or ()
        time = TABLES[table].time
        late = sum(getattr(row, time) > as_of for row in rows)
        if late:
            yield warning("rows_after_as_of", table, late, locale)
        excess = len(rows) - late - LIMITS.get(table, len(rows))
        if excess > 0:
            yield warning("rows_over_limit", table, excess, locale)
