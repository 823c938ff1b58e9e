"""Whether a person may be contacted now, and from when on: limits, repeats and quiet hours.

Rules, on the safe side: every contact that is on record counts from its time minus the span on, also one that
is planned for later, so that no span of that length ever holds more than the limit; transactional contacts
neither count nor are limited; contacts of a control arm were none; quiet hours are the customer's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.actions import Action, Limit, Policy, QuietHours
from app.domain.clock import from_microseconds, to_microseconds
from app.domain.history import MICROSECONDS_PER_DAY
from app.domain.rows import Row
from app.domain.values import microseconds
from app.serving.pseudonyms import Keys
from app.store.records import Contacted

SLACK: Final = 15 * 60 * 1_000_000
"""A decision may be told to be so much older than it is, in microseconds: contacts count that much longer."""
REPEAT: Final = "repeat"
CONTROL: Final = "control"


@dataclass(frozen=True, slots=True)
class Sent:
    """The contacts of a person that count, as far back as any limit asks."""

    contacts: tuple[Contacted, ...]

    def over(self, limit: Limit, channel: str, now: int) -> bool:
        """Return whether one more contact by a channel would exceed a limit."""
        if limit.channel not in {None, channel}:
            return False
        since = now - round(limit.days * MICROSECONDS_PER_DAY) - SLACK
        count = 0
        for one in self.contacts:
            if one.at > since and not one.is_transactional and limit.channel in {None, one.channel}:
                count += 1
        return count >= limit.most

    def repeats(self, action: Action, now: int) -> bool:
        """Return whether the person had an action so lately that it must wait."""
        if action.repeat_days is None:
            return False
        since = now - round(action.repeat_days * MICROSECONDS_PER_DAY)
        return any(one.action_id == action.id and one.at > since for one in self.contacts)


def told_contacts(
    rows: Iterable[Row], until: int, keys: Keys, transactional: frozenset[str]
) -> tuple[tuple[Contacted, ...], frozenset[str]]:
    """Return the contacts that a payload tells, and every key by which the store may know them.

    Parameters
    ----------
    rows : iterable of mappings
        Rows of the table contacts.
    until : int
        Later ones are not known yet.
    transactional : frozenset of str
        Ids of transactional actions.
    """
    found: list[Contacted] = []
    names: set[str] = set()
    for row in rows:
        at = microseconds(row["contacted_at"])
        if at > until or row.get("arm") == CONTROL:
            continue
        key = keys.contact(row["contact_id"])
        names |= {key, row["contact_id"]}
        action = row.get("action_id") or ""
        found.append(Contacted(at, row["channel"], action, key, action in transactional))
    return tuple(found), frozenset(names)


def all_contacts(told: tuple[Contacted, ...], names: frozenset[str], stored: Sequence[Contacted]) -> Sent:
    """Return what was told and what is on record, each contact once."""
    return Sent((*told, *(one for one in stored if not {one.key, one.contact_key} & names)))


def longest_days(policy: Policy, actions: Iterable[Action]) -> float:
    """Return how many days back contacts can count."""
    spans = [limit.days for limit in policy.limits]
    spans += [action.repeat_days for action in actions if action.repeat_days is not None]
    return max(spans, default=0.0)


def not_before(quiet: QuietHours | None, channel: str, now: int, timezone: str) -> int:
    """Return the first moment from now on at which a channel does not disturb the customer."""
    if quiet is None or channel not in quiet.channels or quiet.begins == quiet.ends:
        return now
    local = from_microseconds(now, timezone)
    minute = local.hour * 60 + local.minute
    is_over_midnight = quiet.begins > quiet.ends
    if is_over_midnight:
        is_quiet = minute >= quiet.begins or minute < quiet.ends
    else:
        is_quiet = quiet.begins <= minute < quiet.ends
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=1 if is_over_midnight and minute >= quiet.begins else 0)
    hour, rest = divmod(quiet.ends, 60)
    end = datetime(day.year, day.month, day.day, hour, rest, tzinfo=ZoneInfo(timezone))
    if to_microseconds(end) <= now:  # where clocks go back, this time of day comes twice
        end = end.replace(fold=1)
    return max(to_microseconds(end), now)
