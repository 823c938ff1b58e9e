"""What a marketing platform writes down of a week, and how it is compared with the service's own books."""

import json
import shlex
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]

REACHED = {"delivered", "opened", "clicked", "accepted", "rejected", "unsubscribed", "complaint"}
"""What can only follow a contact."""


@dataclass
class Entry:
    """One decision as the platform wrote it down: what was promised, and what it reported since."""

    customer_id: str
    at: datetime
    mode: str
    action_id: str
    channel: str | None
    events: dict[str, Json] = field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        return sorted(event["type"] for event in self.events.values())

    @property
    def reservation(self) -> str | None:
        """How the promised contact must stand: whatever the order in which events were reported."""
        if self.mode == "shadow" or self.action_id == "none":
            return None
        if REACHED & set(self.types):
            return "confirmed"
        return "released" if "not_sent" in self.types else "reserved"


@dataclass
class Ledger:
    """Everything that the service has acknowledged, by the ids under which it was sent."""

    decisions: dict[str, Entry] = field(default_factory=dict)
    events: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Customer and type of each outcome."""
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    contacts: set[tuple[str, str]] = field(default_factory=set)
    """Contacts that nobody had promised: customer and contact id."""
    erased: dict[str, list[str]] = field(default_factory=dict)
    """The decisions of each customer who was erased."""
    erased_keys: Counter[str] = field(default_factory=Counter)
    amiss: list[str] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    """Whom each decision is about, erased ones included."""
    created: Counter[str] = field(default_factory=Counter)
    """How often the service said that an outcome is new."""

    def latest(self, customer_id: str, event: Json) -> str | None:
        """Return the decision that an outcome of a customer and an action belongs to."""
        when = datetime.fromisoformat(event["at"])
        mine = [
            (one.at, decision_id)
            for decision_id, one in self.decisions.items()
            if one.customer_id == customer_id
            and one.action_id == event.get("action_id")
            and one.mode != "shadow"
            and one.at <= when
        ]
        return max(mine)[1] if mine else None

    def expect(self, what: str, found: object, expected: object) -> None:
        """Note a difference between what came back and what had to."""
        if found != expected:
            self.amiss.append(f"{what}: {found!r} instead of {expected!r}")

    def erase(self, customer_id: str) -> None:
        """Forget a customer; the ids stay refused."""
        mine = [key for key, one in self.decisions.items() if one.customer_id == customer_id]
        events = [key for key, (who, _) in self.events.items() if who == customer_id]
        verdicts = [key for key, (who, _) in self.verdicts.items() if who == customer_id]
        self.erased[customer_id] = mine
        self.erased_keys += Counter(
            request=len(mine), decision=len(mine), event=len(events), feedback=len(verdicts)
        )
        for part, keys in ((self.decisions, mine), (self.events, events), (self.verdicts, verdicts)):
            for key in keys:
                del part[key]
        self.contacts = {one for one in self.contacts if one[0] != customer_id}

    def busiest(self, count: int) -> list[str]:
        """Return the customers of whom most has been reported."""
        return [who for who, _ in Counter(who for who, _ in self.events.values()).most_common(count)]

    def as_json(self) -> Json:
        """Return what was decided for whom, and what came of it."""
        return {
            key: {
                "customer_id": one.customer_id,
                "at": one.at.isoformat(),
                "mode": one.mode,
                "action_id": one.action_id,
                "channel": one.channel,
                "reservation": one.reservation,
                "outcomes": one.types,
            }
            for key, one in self.decisions.items()
        }

    def books(self) -> dict[str, dict[str, int]]:
        """Return what the service's own books must say."""
        kept = self.decisions.values()
        held = Counter(one.reservation for one in kept if one.reservation)
        return {
            "decisions": dict(Counter(one.mode for one in kept)),
            "reservations": dict(held),
            "contacts": {"": len(self.contacts)},
            "outcomes": dict(Counter(kind for _, kind in self.events.values())),
            "feedback": dict(Counter(verdict for _, verdict in self.verdicts.values())),
            "erasures": {"": len(self.erased)},
            "erased_keys": dict(self.erased_keys),
        }


def compare(ledger: Ledger, command: str) -> None:
    """Print the platform's books beside the service's own, and note where they differ."""
    done = subprocess.run([*shlex.split(command)], capture_output=True, text=True, check=False)
    ledger.expect("exit code of the service's books", done.returncode, 0)
    told = json.loads(done.stdout)
    for fault in told["faults"]:
        ledger.amiss.append(f"the service's own books: {fault}")
    print(f"{'':<14}{'':<14}{'platform':>10}{'service':>10}")
    for name, mine in ledger.books().items():
        counts = told["counts"][name]
        theirs = counts if isinstance(counts, dict) else {"": counts}
        for kind in sorted(mine | theirs):
            pair = (mine.get(kind, 0), theirs.get(kind, 0))
            print(f"{name:<14}{kind:<14}{pair[0]:>10,}{pair[1]:>10,}")
            ledger.expect(f"{name} {kind}".strip(), pair[1], pair[0])
